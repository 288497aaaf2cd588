"""Who the shop's customers are: invented names and addresses from a fixed seed, and what each agreed to at the till."""

import random
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from faker import Faker

from parcours.cli.demo.orders import Order
from parcours.consent.types import Channel, Evidence
from parcours.contacts.types import IdentityKind, Person

SEED = 20091201
# How many in a hundred tick each box at the till. Invented, but of the usual size.
AGREEING = {"newsletter": 48, "promotions": 55, "measure_opens": 42, "measure_clicks": 58}
WORDINGS = {
    "en": {
        "newsletter": "Send me the monthly letter.",
        "promotions": "Send me offers and reductions.",
        "measure_opens": "You may see whether I open your messages.",
        "measure_clicks": "You may see which links I follow.",
    },
    "fr": {
        "newsletter": "Envoyez-moi la lettre mensuelle.",
        "promotions": "Envoyez-moi des offres et des réductions.",
        "measure_opens": "Vous pouvez voir si j'ouvre vos messages.",
        "measure_clicks": "Vous pouvez voir quels liens je suis.",
    },
}


@dataclass(frozen=True)
class Customer:
    """An invented person behind a real customer number. `interest` (0 to 1) is how much they care for messages."""

    number: str
    person: Person
    agreed: tuple[str, ...]
    interest: float

    @property
    def address(self) -> str:
        return self.person.email or ""


def invent(orders: Iterable[Order]) -> dict[str, Customer]:
    """The customers by number, the same at every run: British when they order from inside the UK, else French."""
    home = {order.customer: order.domestic for order in orders}
    english, french = Faker("en_GB"), Faker("fr_FR")
    english.seed_instance(SEED)
    french.seed_instance(SEED)
    dice = random.Random(SEED)
    return {
        number: _customer(number, "en" if home[number] else "fr", english if home[number] else french, dice)
        for number in sorted(home)
    }


def _customer(number: str, language: str, faker: Faker, dice: random.Random) -> Customer:
    first, last = faker.first_name(), faker.last_name()
    person = Person(
        email=f"{_plain(first)}.{_plain(last)}.{number}@example.com",
        identities=((IdentityKind.EXTERNAL, number),),
        language=language,
        time_zone="Europe/London" if language == "en" else "Europe/Paris",
        attributes={"first_name": first, "last_name": last, "city": faker.city()},
        source="checkout",
    )
    agreed = tuple(purpose for purpose, share in AGREEING.items() if dice.random() * 100 < share)
    return Customer(number, person, agreed, dice.betavariate(2, 3))


def _plain(name: str) -> str:
    """Letters for an address: no accents, spaces or apostrophes."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha())


def evidence(customer: Customer, purpose: str) -> Evidence:
    """The proof of a box that was ticked at the till."""
    return Evidence(source="checkout", wording=WORDINGS[customer.person.language][purpose])


def channel(purpose: str) -> Channel:
    """Measuring has no channel of its own."""
    return Channel.ANY if purpose.startswith("measure_") else Channel.EMAIL
