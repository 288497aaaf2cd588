"""REST for machines with a key: `/api/v1`, with errors as RFC 9457 problem documents; `/v3` as Brevo's clients know it."""
