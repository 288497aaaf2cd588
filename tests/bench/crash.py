"""`./dev bench crash`: 5,000 orders and mails while each part is killed twenty times. It fails when anything is lost or leaves twice."""

import tempfile
from pathlib import Path
from typing import Any

from tests.faults.crash import crash

ORDERS, KILLS = 5000, 20


def bench_crash() -> list[dict[str, Any]]:
    """How many messages were in doubt, beside the most that the promise allows (one per connection and crash)."""
    with tempfile.TemporaryDirectory(prefix="parcours-crash-") as folder:
        data = Path(folder)
        data.chmod(0o711)  # PostgreSQL, as another user, passes through
        report = crash(data, orders=ORDERS, kills=KILLS, seed=20091201)
    report.check()
    return [
        {
            "name": "crash",
            "figure": report.states["in_doubt"],
            "unit": "messages in doubt",
            "floor": report.most_in_doubt,
            "ratio": round(report.states["in_doubt"] / report.most_in_doubt, 4),
            "setting": f"{report.orders} orders, kill -9 of {report.kills}, {report.seconds:.0f} s;"
            f" {report.states['sent']} sent, {report.delivered} in the sink's ledger, none twice, none lost",
        }
    ]
