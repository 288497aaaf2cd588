"""Journeys: what runs with its people, the ready-made recipes, one journey as a canvas and as a list, pausing and resuming."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from parcours.accounts.types import Actor, Role
from parcours.insights import queries as insights
from parcours.insights.types import MailingFigures
from parcours.journeys import actions, queries, recipes, text
from parcours.journeys.models import Journey, Version
from parcours.journeys.types import EdgeView, GraphView, JourneyCount, NodeView
from parcours.kernel.errors import Conflict, Invalid
from parcours.web.access import StaffRequest, needs
from parcours.web.rules import reader
from parcours.web.templatetags.look import number, share

ENTRY = "entry"
KINDS = {
    "send": (gettext_noop("Message"), "mail"),
    "wait": (gettext_noop("Wait"), "clock"),
    "if": (gettext_noop("Condition"), "filter"),
    "set": (gettext_noop("Change an attribute"), "edit"),
    "add_to_list": (gettext_noop("Add to a list"), "list"),
    "remove_from_list": (gettext_noop("Take off a list"), "list"),
    "exit": (gettext_noop("End"), "flag"),
}
OUTCOMES = {"yes": gettext_noop("yes"), "no": gettext_noop("no")}


class Move(Protocol):
    """One change of a journey's state."""

    def __call__(self, workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> Journey: ...


MOVES: dict[str, tuple[Move, str]] = {
    "pause": (actions.pause, gettext_noop("Paused. Nobody moves until you resume.")),
    "resume": (actions.resume, gettext_noop("Resumed.")),
    "archive": (actions.archive, gettext_noop("Archived. Nobody is inside any more.")),
}


@needs(Role.VIEWER)
def journeys(request: StaffRequest) -> HttpResponse:
    """Who is where, and which recipes could be published."""
    own = request.workspace.pk
    found = queries.journeys(own)
    counts = queries.counts(own)
    known = {journey.slug for journey in found}
    context = {
        "journeys": [(journey, counts.get(journey.pk, JourneyCount())) for journey in found],
        "recipes": [each for each in recipes.recipes() if each.slug not in known],
    }
    return render(request, "web/journeys/list.html", context)


@needs(Role.VIEWER)
def recipe(request: StaffRequest, slug: str) -> HttpResponse:
    """What a recipe does and what it needs, before it is published."""
    return render(request, "web/journeys/recipe.html", {"recipe": recipes.recipe(slug)})


@needs(Role.EDITOR, "POST")
def publish_recipe(request: StaffRequest, slug: str) -> HttpResponse:
    """Make the journey of a recipe, with its templates, and publish it."""
    try:
        with transaction.atomic():  # a recipe that cannot be published leaves nothing behind
            journey = recipes.install(request.workspace.pk, slug, actor=request.actor, now=request.now)
    except (Invalid, Conflict) as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        return redirect("recipe", request.workspace.slug, slug)
    messages.success(request, gettext("Published. People enter from now on."))
    return redirect("journey", request.workspace.slug, journey.slug)


@needs(Role.VIEWER)
def journey(request: StaffRequest, slug: str) -> HttpResponse:
    """One journey: its live version as a canvas and as a list, with people and figures at every step."""
    own = request.workspace.pk
    found = queries.access_journey(own, slug)
    versions = queries.versions(own, found)
    shown = shown_version(request, found, versions)
    context: dict[str, Any] = {"journey": found, "versions": versions, "shown": shown}
    if shown is not None:
        view = queries.graph_view(own, shown, language=reader(), now=request.now)
        mailings: dict[str, int] = shown.graph["mailings"]
        figures = insights.mailing_figures(own, list(mailings.values()))
        context |= {
            "view": view,
            "inside": sum(node.here for node in view.nodes),
            "steps": [step(node, view, figures.get(mailings.get(node.name, 0))) for node in view.nodes],
            "picture": picture(view),
            "written": text.write(shown.graph["graph"], shown.graph["order"]),
        }
    return render(request, "web/journeys/one.html", context)


def shown_version(request: StaffRequest, found: Journey, versions: list[Version]) -> Version | None:
    """The version that the address asks for, else the live one."""
    wanted = request.GET.get("version", "")
    return next((each for each in versions if str(each.number) == wanted), found.live)


def step(node: NodeView, view: GraphView, figures: MailingFigures | None) -> dict[str, Any]:
    """A node for the list: what it is, who is there, where it leads, what its messages came to."""
    kind, sign = KINDS.get(node.kind, (node.kind, "bolt"))
    ways = [
        {
            "label": way_label(edge, view),
            "target": title_of(edge.target, view),
            "anchor": edge.target,
            "passed": edge.passed,
        }
        for edge in view.edges
        if edge.source == node.name and node.kind != "exit"
    ]
    return {
        "node": node,
        "title": heading(node),
        "kind": gettext(kind),
        "icon": sign,
        "ways": ways,
        "figures": figures,
    }


def title_of(name: str | None, view: GraphView) -> str:
    """The title of a node; the end of the journey when there is none."""
    return next((heading(node) for node in view.nodes if node.name == name), gettext("End"))


def heading(node: NodeView) -> str:
    """What a node is called: a condition and an end by their sentence, the others by their title."""
    return (node.sentence or node.title) if node.kind in ("if", "exit") else node.title


def way_label(edge: EdgeView, view: GraphView) -> str:
    """What an edge says where ways part: the answer it stands for, and the share of people who took it."""
    if sum(each.source == edge.source for each in view.edges) < 2:
        return ""
    answer = gettext(OUTCOMES[edge.outcome]) if edge.outcome in OUTCOMES else ""
    taken = share(edge.passed, round(edge.passed / edge.share)) if edge.share else ""
    return " · ".join(part for part in (answer, taken) if part)


def picture(view: GraphView) -> dict[str, Any]:
    """What the canvas draws: cards and ways, every text already in the reader's language."""
    entry = {
        "id": ENTRY,
        "kind": gettext("Entry"),
        "title": view.entry,
        "people": "",
        "figures": gettext("%(n)s entered") % {"n": number(view.entered)},
        "href": "#steps",
    }
    cards = [entry, *(card(node) for node in view.nodes)]
    ways = [{"from": ENTRY, "to": view.start, "label": ""}]
    ways += [
        {"from": edge.source, "to": edge.target, "label": way_label(edge, view)}
        for edge in view.edges
        if edge.target
    ]
    return {
        "label": gettext("The journey as a picture; the same stands below as a list."),
        "steps": cards,
        "ways": ways,
    }


def card(node: NodeView) -> dict[str, str]:
    """One card of the canvas."""
    figures = ""
    if node.kind == "send":
        facts = {"sent": number(node.sent), "withheld": number(node.withheld)}
        figures = gettext("today: %(sent)s sent · %(withheld)s withheld") % facts
    return {
        "id": node.name,
        "kind": gettext(KINDS[node.kind][0]) if node.kind in KINDS else node.kind,
        "title": heading(node),
        "people": number(node.here) if node.here else "",
        "figures": figures,
        "href": f"#step-{node.name}",
    }


@needs(Role.EDITOR, "POST")
def move(request: StaffRequest, slug: str) -> HttpResponse:
    """Pause, resume or archive."""
    act: Callable[..., Journey]
    act, done = MOVES.get(request.POST.get("move", ""), (_refuse, ""))
    act(request.workspace.pk, slug, actor=request.actor, now=request.now)
    messages.success(request, gettext(done))
    return redirect(reverse("journey", args=[request.workspace.slug, slug]))


def _refuse(workspace_id: int, slug: str, *, actor: Actor, now: datetime) -> Journey:
    raise Invalid(gettext("A journey can be paused, resumed or archived."))
