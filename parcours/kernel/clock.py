"""The one place that reads the real time. Everything below the entry points takes `now` as an argument."""

from datetime import UTC, datetime

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing that is told happened before: the log has no older months (`events_ensure_month`)."""


def now() -> datetime:
    """The present instant, aware, in UTC. Only entry points (web, api, public, cli, workers) call this."""
    return datetime.now(UTC)
