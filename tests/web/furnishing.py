"""A small shop with real content on every page: people, orders, consents, journeys that have run, a campaign, keys."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from parcours.accounts import actions as accounts
from parcours.accounts.models import User, Workspace
from parcours.accounts.types import SYSTEM, KeyKind, Role
from parcours.audiences import actions as audiences
from parcours.campaigns import actions as campaigns
from parcours.campaigns import queries as campaigns_read
from parcours.campaigns.types import Draft
from parcours.catalogue import actions as catalogue
from parcours.catalogue.seen import learn as learn_products
from parcours.catalogue.types import ProductOrigin
from parcours.consent import actions as consent
from parcours.consent.types import Act, Channel, Evidence, Statement
from parcours.contacts import actions as contacts
from parcours.contacts.types import AttributeType, IdentityKind, Person
from parcours.delivery import actions as delivery
from parcours.delivery import queries as delivery_read
from parcours.delivery import settings as sending
from parcours.delivery.models import AnonymousClick, Message
from parcours.events import actions as events
from parcours.events import people
from parcours.events.types import EMAIL_LINK_CLICKED, NewEvent
from parcours.insights import actions as insights
from parcours.integrations import actions as webhooks
from parcours.integrations import queue
from parcours.integrations.types import Outcome, Wanted
from parcours.journeys import actions as journeys
from parcours.journeys import recipes
from parcours.kernel import tenancy
from tests.settling import settle

PASSWORD = "correct horse battery staple"
FIRST = ("Léa", "Marc", "Inès", "Paul", "Zoé", "Hugo", "Nora", "Emil", "Jeanne", "Axel")
LAST = ("Martin", "Dubois", "Lefèvre", "Moreau", "Garnier", "Rousseau")
CITIES = ("Lyon", "Paris", "Lille", "Nantes")


def furnish(workspace: Workspace, *, now: datetime) -> User:
    """Fill the workspace; returns its owner, whose password is PASSWORD. Opens its own scopes."""
    own = workspace.id
    owner = accounts.create_user("olive@shop.example", password=PASSWORD, name="Olive Owner", now=now)
    viewer = accounts.create_user("victor@shop.example", password=PASSWORD, now=now)
    before = now - timedelta(days=40)
    with tenancy.scope(workspace_id=own):
        accounts.set_member(own, owner, Role.OWNER, actor=SYSTEM, now=now)
        accounts.set_member(own, viewer, Role.VIEWER, actor=SYSTEM, now=now)
        accounts.create_key(own, KeyKind.WRITE, "shop", actor=SYSTEM, now=now)
        sending.set_up_sending(
            own, from_name="La Boutique", from_email="bonjour@shop.example", actor=SYSTEM, now=now
        )
        declare(own, now)
        sell(own, now)
        purposes(own, now)
        for slug in recipes.SLUGS:
            recipes.install(own, slug, actor=SYSTEM, now=before)
        ids = [one.contact_id for one in people.save_people(own, crowd(), now=before)]
        say(own, ids, before)
        order(own, ids, now)
    live(own, now)
    with tenancy.scope(workspace_id=own):
        draft = Draft("Soldes de printemps", "we-miss-you", "promotions", list="loyal-clients")
        campaigns.create(own, draft, actor=SYSTEM, now=now)
        contacts.add_to_list(own, "loyal-clients", ids[:30], now=now)
        sent = campaigns.create(own, draft, actor=SYSTEM, now=now)
        campaigns.start(own, sent.pk, actor=SYSTEM, now=now)
    live(own, now)
    answer(own, sent.pk, now)
    live(own, now)
    listen(own, now)
    return owner


def answer(own: int, campaign_id: int, now: datetime) -> None:
    """What people did with the campaign's mail: those who may be measured, a scanner, and people without a name."""
    with tenancy.scope(workspace_id=own):
        mailing = campaigns_read.access_campaign(own, campaign_id).mailing_id
        assert mailing is not None
        about = delivery_read.about_mailings(own, [mailing])[mailing]
        written = Message.objects.filter(mailing_id=mailing, state="sent", measured_clicks=True).order_by(
            "id"
        )
        told = [
            NewEvent(
                each.contact_id,
                EMAIL_LINK_CLICKED,
                {
                    "message": str(each.pk),
                    **about,
                    "machine": position % 5 == 4,
                    "device": ("phone", "computer", "tablet")[position % 3],
                    "url": "https://shop.example/",
                    "link": 0,
                },
                at=now,
            )
            for position, each in enumerate(written)
        ]
        events.append(own, told, now=now)
        AnonymousClick.objects.bulk_create(
            AnonymousClick(workspace_id=own, mailing_id=mailing, link=0, day=now.date()) for _ in range(3)
        )


def listen(own: int, now: datetime) -> None:
    """A CRM that was told something, and something that it did not take."""
    with tenancy.scope(workspace_id=own):
        wanted = Wanted("https://crm.example.com/hooks", "CRM", names=("Order Completed", "Unsubscribed"))
        made = webhooks.create(own, wanted, actor=SYSTEM, now=now)
        for code in (204, 503):
            webhooks.send_test(own, made.endpoint.pk, actor=SYSTEM, now=now)
            [tried] = queue.claim(own, limit=1, now=now)
            queue.tell(own, [Outcome(tried.id, tried.fence, tried.endpoint_id, code, "", None)], now=now)


def declare(own: int, now: datetime) -> None:
    """The attributes that people have."""
    kinds: dict[str, tuple[AttributeType, str, str]] = {
        "first_name": (AttributeType.TEXT, "Prénom", "First name"),
        "last_name": (AttributeType.TEXT, "Nom", "Last name"),
        "city": (AttributeType.CATEGORY, "Ville", "City"),
        "points": (AttributeType.NUMBER, "Points", "Points"),
        "club": (AttributeType.BOOLEAN, "Membre du club", "Club member"),
    }
    for name, (kind, french, english) in kinds.items():
        contacts.declare_attribute(own, name, kind, label_fr=french, label_en=english, actor=SYSTEM, now=now)


def sell(own: int, now: datetime) -> None:
    """Two products, as the shop states them."""
    bowl = {"name": "Bol en grès", "url": "https://shop.example/bol", "price": 10.25, "in_stock": True}
    lamp = {"name": "Lampe", "brand": "La Boutique", "attributes": {"colour": "blue"}}
    for number, facts in (("BOL-1", bowl), ("LAMPE-2", lamp)):
        catalogue.save(own, number, facts, origin=ProductOrigin.API, actor=SYSTEM, now=now)


def purposes(own: int, now: datetime) -> None:
    """A measuring purpose beside those that the recipes bring."""
    fields: dict[str, Any] = {
        "name_fr": "Mesure des clics",
        "name_en": "Measuring clicks",
        "basis": "consent",
        "is_marketing": False,
        "is_measuring": True,
        "position": 60,
    }
    consent.save_purpose(own, "measure_clicks", fields, actor=SYSTEM, now=now)


def crowd() -> list[Person]:
    """Sixty people, more than one page holds."""
    return [
        Person(
            email=f"client{number}@mail.example",
            identities=((IdentityKind.EXTERNAL, f"C-{number:04}"),),
            language="fr" if number % 3 else "en",
            time_zone="Europe/Paris",
            attributes={
                "first_name": FIRST[number % len(FIRST)],
                "last_name": LAST[number % len(LAST)],
                "city": CITIES[number % len(CITIES)],
                "points": number * 10,
                "club": number % 2 == 0,
            },
            source="shop",
        )
        for number in range(60)
    ]


def say(own: int, ids: list[Any], at: datetime) -> None:
    """Half of them agreed to promotions, some withdrew."""
    proof = Evidence("commande", wording="Oui, je veux recevoir les offres de La Boutique.")
    said = [Statement(one, "promotions", Channel.EMAIL, Act.GRANTED, proof, at) for one in ids[::2]]
    said += [Statement(one, "measure_clicks", Channel.ANY, Act.GRANTED, proof, at) for one in ids[::4]]
    people.record_statements(own, said, now=at)
    gone = [
        Statement(one, "promotions", Channel.EMAIL, Act.WITHDRAWN, Evidence("page"), at + timedelta(days=3))
        for one in ids[::10]
    ]
    people.record_statements(own, gone, now=at + timedelta(days=3))


def order(own: int, ids: list[Any], now: datetime) -> None:
    """Orders over the last five weeks."""
    placed = [
        NewEvent(
            one,
            "Order Completed",
            {
                "order_id": f"A-{number}-{turn}",
                "total": 20.5 + number * 3 + turn,
                "currency": "EUR",
                "products": [
                    {"product_id": "BOL-1", "name": "Bol en grès", "quantity": 2, "price": 10.25},
                    {
                        "product_id": "TASSE-3",
                        "name": "Tasse",
                        "quantity": 1,
                        "url": "https://shop.example/tasse",
                    },
                ],
            },
            at=now - timedelta(days=(number * 7 + turn * 11) % 35, hours=3),
        )
        for number, one in enumerate(ids[:45])
        for turn in range(1 + number % 3)
    ]
    events.append(own, sorted(placed, key=lambda event: event.at), now=now)


def live(own: int, now: datetime) -> None:
    """Let the workers do what they would have done."""
    for _round in range(3):
        wait_for_the_log(own)
        audiences.refresh(own, now=now)
        wait_for_the_log(own)
        journeys.enter(own, now=now)
        journeys.tick(own, now=now)
        campaigns.tick(own, now=now)
        with tenancy.scope(workspace_id=own):
            while delivery.deliver_nowhere(own, now=now):
                pass
        wait_for_the_log(own)
        delivery.project(own, now=now)
    wait_for_the_log(own)
    insights.roll_up(own, now=now)
    learn_products(own, now=now)


def wait_for_the_log(own: int) -> None:
    """Settle, except inside a test's own transaction: there readers of the log see nothing anyway, and pages are merely emptier."""
    if not connection.in_atomic_block:
        settle(own)
