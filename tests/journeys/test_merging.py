"""Two contacts who prove to be one: all runs stay, and nobody goes through the same journey twice for the same reason."""

from datetime import timedelta

from parcours.journeys import merging
from parcours.journeys.models import Run
from tests.journeys.shop import Shop


def test_merge_keeps_all_runs_and_ends_the_repeated_one(shop: Shop) -> None:
    shop.publish({"a": {"wait": "1d"}}, "a")
    kept, dropped = shop.person(), shop.person()
    shop.happens(kept, order_id="both")
    for order in ("both", "mine"):
        shop.happens(dropped, order_id=order)
    shop.enter()
    later = shop.now + timedelta(hours=1)
    with shop.scope():
        merging.move(shop.workspace_id, kept, dropped, now=later)
        runs = Run.objects.order_by("id")
        assert {run.contact_id for run in runs} == {kept}
        assert [(run.entry_key, run.finished_at) for run in runs][0::2] == [("both", None), ("mine", None)]
        assert (runs[1].due_at, runs[1].finished_at) == (None, later)
