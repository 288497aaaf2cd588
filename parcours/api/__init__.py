"""REST for machines with a key: `/api/v1`. Errors are RFC 9457 problem documents."""
