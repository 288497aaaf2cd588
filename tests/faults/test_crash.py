"""The whole product under `kill -9`, in short; `./dev bench crash` does it twenty times for each part with 5,000 messages."""

from pathlib import Path

from tests.faults.crash import crash


def test_nothing_is_lost_and_nothing_leaves_twice_when_parts_are_killed(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    report = crash(tmp_path, orders=300, kills=2, seed=1)
    report.check()
    assert report.delivered >= report.states["sent"]
