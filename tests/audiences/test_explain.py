"""A rule is always also a sentence, in both languages: every condition, its contrary, and every way to join them."""

from typing import Any

import pytest

from parcours.audiences.language import (
    AttributeWord,
    Label,
    SegmentWord,
    Vocabulary,
    explain,
    explain_filters,
    parse,
    parse_filters,
)
from parcours.contacts.types import AttributeType

WORDS = Vocabulary(
    attributes={
        "city": AttributeWord(AttributeType.TEXT, Label("Ville", "City")),
        "age": AttributeWord(AttributeType.NUMBER, Label("Âge", "Age")),
        "vip": AttributeWord(AttributeType.BOOLEAN, Label("Fidèle", "Loyal")),
        "birthday": AttributeWord(AttributeType.DATE, Label("Anniversaire", "Birthday")),
    },
    lists={"press": "Presse"},
    segments={"good": SegmentWord("Bons clients", parse({"list": "press"}))},
    purposes={"promotions": Label("Promotions", "Offers")},
)
ORDER = {"event": "Order Completed"}
CITY = {"attribute": "city", "is": "Lyon"}
SENTENCES: list[tuple[Any, str, str]] = [
    (CITY, "dont «Ville» est «Lyon»", "whose “City” is “Lyon”"),
    ({"not": CITY}, "dont «Ville» n’est pas «Lyon»", "whose “City” is not “Lyon”"),
    ({"not": {"attribute": "city", "is_not": "Lyon"}}, "dont «Ville» est «Lyon»", "whose “City” is “Lyon”"),
    ({"attribute": "age", "is": 1234.5}, "dont «Âge» est 1\u202f234,5", "whose “Age” is 1,234.5"),
    ({"attribute": "vip", "is": True}, "dont «Fidèle» est vrai", "whose “Loyal” is true"),
    ({"attribute": "vip", "is_not": False}, "dont «Fidèle» n’est pas faux", "whose “Loyal” is not false"),
    ({"attribute": "city", "one_of": ["Lyon", "Paris", "Nice"]}, "dont «Ville» est «Lyon», «Paris» ou «Nice»",
     "whose “City” is “Lyon”, “Paris” or “Nice”"),
    ({"not": {"attribute": "city", "one_of": ["A or B", "C"]}}, "dont «Ville» n’est ni «A or B» ni «C»",
     "whose “City” is neither “A or B” nor “C”"),
    ({"attribute": "city", "contains": "yo"}, "dont «Ville» contient «yo»", "whose “City” contains “yo”"),
    ({"not": {"attribute": "city", "contains": "yo"}}, "dont «Ville» ne contient pas «yo»",
     "whose “City” does not contain “yo”"),
    ({"attribute": "age", "at_least": 18}, "dont «Âge» est d’au moins 18", "whose “Age” is at least 18"),
    ({"not": {"attribute": "age", "at_most": 18}}, "dont «Âge» n’est pas d’au plus 18", "whose “Age” is not at most 18"),
    ({"attribute": "age", "more_than": 18}, "dont «Âge» est de plus de 18", "whose “Age” is more than 18"),
    ({"attribute": "age", "less_than": 18}, "dont «Âge» est de moins de 18", "whose “Age” is less than 18"),
    ({"attribute": "birthday", "before": "2026-03-01"}, "dont «Anniversaire» est avant le 1er mars 2026",
     "whose “Birthday” is before 1 March 2026"),
    ({"not": {"attribute": "birthday", "after": "2026-03-01T10:30:00Z"}},
     "dont «Anniversaire» n’est pas après le 1er mars 2026 à 10:30 UTC",
     "whose “Birthday” is not after 1 March 2026 at 10:30 UTC"),
    ({"attribute": "created_at", "less_than_ago": "1d"}, "dont «Date de création» remonte à moins de 1 jour",
     "whose “Creation date” is less than 1 day ago"),
    ({"not": {"attribute": "birthday", "more_than_ago": "6w"}},
     "dont «Anniversaire» ne remonte pas à plus de 6 semaines", "whose “Birthday” is not more than 6 weeks ago"),
    ({"attribute": "city", "is_set": True}, "dont «Ville» est renseigné", "whose “City” is known"),
    ({"not": {"attribute": "city", "is_set": True}}, "dont «Ville» n’est pas renseigné", "whose “City” is not known"),
    ({"attribute": "shoe", "is_set": False}, "dont «shoe» n’est pas renseigné", "whose “shoe” is not known"),
    ({"list": "press"}, "qui sont sur la liste «Presse»", "who are on the list “Presse”"),
    ({"not": {"list": "x"}}, "qui ne sont pas sur la liste «x»", "who are not on the list “x”"),
    ({"segment": "good"}, "qui sont dans le segment «Bons clients»", "who are in the segment “Bons clients”"),
    ({"not": {"segment": "y"}}, "qui ne sont pas dans le segment «y»", "who are not in the segment “y”"),
    ({"consent": "promotions"}, "qui ont consenti à «Promotions» par e-mail", "who consented to “Offers” by email"),
    ({"not": {"consent": "promotions", "channel": "sms"}}, "qui n’ont pas consenti à «Promotions» par SMS",
     "who have not consented to “Offers” by SMS"),
    ({"consent": "x", "channel": "any", "is": "requested"}, "dont le consentement à «x» attend sa confirmation",
     "whose consent to “x” awaits confirmation"),
    ({"not": {"consent": "x", "channel": "any", "is": "requested"}},
     "dont le consentement à «x» n’attend pas de confirmation", "whose consent to “x” does not await confirmation"),
    ({"consent": "x", "is": "withdrawn"}, "qui ont retiré leur consentement à «x» par e-mail",
     "who withdrew their consent to “x” by email"),
    ({"not": {"consent": "x", "is": "withdrawn"}}, "qui n’ont pas retiré leur consentement à «x» par e-mail",
     "who have not withdrawn their consent to “x” by email"),
    ({"consent": "x", "is": "objected"}, "qui se sont opposés à «x» par e-mail", "who objected to “x” by email"),
    ({"not": {"consent": "x", "is": "objected"}}, "qui ne se sont pas opposés à «x» par e-mail",
     "who have not objected to “x” by email"),
    (ORDER, "qui ont commandé", "who ordered"),
    ({"not": ORDER}, "qui n’ont jamais commandé", "who never ordered"),
    ({**ORDER, "never": True}, "qui n’ont jamais commandé", "who never ordered"),
    ({**ORDER, "never": True, "within": "90d"}, "qui n’ont pas commandé ces 90 derniers jours",
     "who did not order in the last 90 days"),
    ({"not": {**ORDER, "never": True}}, "qui ont commandé", "who ordered"),
    ({**ORDER, "count": {"at_least": 2}, "within": "6w"}, "qui ont commandé au moins 2 fois ces 6 dernières semaines",
     "who ordered at least twice in the last 6 weeks"),
    ({"not": {**ORDER, "count": {"at_least": 3}}}, "qui ont commandé au plus 2 fois", "who ordered at most twice"),
    ({**ORDER, "count": {"is": 1}}, "qui ont commandé exactement 1 fois", "who ordered exactly once"),
    ({"not": {**ORDER, "count": {"is": 3}}}, "qui ont commandé au plus 2 fois ou qui ont commandé au moins 4 fois",
     "who ordered at most twice or who ordered at least 4 times"),
    ({**ORDER, "count": {"more_than": 1, "at_most": 5}}, "qui ont commandé entre 2 et 5 fois", "who ordered 2 to 5 times"),
    ({**ORDER, "within": "1d"}, "qui ont commandé ces dernières 24 heures", "who ordered in the last day"),
    ({**ORDER, "within": "1h"}, "qui ont commandé cette dernière heure", "who ordered in the last hour"),
    ({**ORDER, "within": "30m"}, "qui ont commandé ces 30 dernières minutes", "who ordered in the last 30 minutes"),
    ({**ORDER, "where": [{"property": "total", "more_than": 50}, {"property": "coupon", "is_set": True}]},
     "qui ont commandé (où «total» est de plus de 50 et «coupon» est renseigné)",
     "who ordered (where “total” is more than 50 and “coupon” is known)"),
    ({"event": "Odd {x} %s"}, "qui ont fait «Odd {x} %s»", "who did “Odd {x} %s”"),
    ({"event": "Odd {x}", "never": True}, "qui n’ont jamais fait «Odd {x}»", "who never did “Odd {x}”"),
    ({"event": "Unsubscribed", "never": True, "within": "7d"}, "qui ne se sont pas désabonnés ces 7 derniers jours",
     "who did not unsubscribe in the last 7 days"),
    ({**ORDER, "last": {"more_than_ago": "60d"}}, "dont la dernière commande remonte à plus de 60 jours",
     "whose last order was more than 60 days ago"),
    ({"event": "X", "last": {"more_than_ago": "30d", "less_than_ago": "90d"}},
     "dont le dernier «X» remonte à plus de 30 jours et à moins de 90 jours",
     "whose last “X” was more than 30 days ago and less than 90 days ago"),
    ({"not": {**ORDER, "last": {"more_than_ago": "60d"}}},
     "qui n’ont jamais commandé ou qui ont commandé ces 60 derniers jours",
     "who never ordered or who ordered in the last 60 days"),
    ({"not": {**ORDER, "last": {"less_than_ago": "60d"}}}, "qui n’ont pas commandé ces 60 derniers jours",
     "who did not order in the last 60 days"),
    ({**ORDER, "sum": "total", "at_least": 100, "within": "365d"},
     "dont la somme de «total» des commandes est d’au moins 100 ces 365 derniers jours",
     "whose sum of “total” over orders is at least 100 in the last 365 days"),
    ({"event": "X", "sum": "n", "more_than": 1, "at_most": 9}, "dont la somme de «n» des «X» est d’au plus 9 et de plus de 1",
     "whose sum of “n” over “X” is at most 9 and more than 1"),
    ({"not": {**ORDER, "sum": "total", "is": 5}},
     "dont la somme de «total» des commandes est de moins de 5 ou dont la somme de «total» des commandes est de plus de 5",
     "whose sum of “total” over orders is less than 5 or whose sum of “total” over orders is more than 5"),
    ({"all": [CITY, ORDER, {"list": "press"}]},
     "dont «Ville» est «Lyon», qui ont commandé et qui sont sur la liste «Presse»",
     "whose “City” is “Lyon”, who ordered and who are on the list “Presse”"),
    ({"all": [CITY, {"any": [ORDER, {"list": "press"}]}]},
     "dont «Ville» est «Lyon» et (qui ont commandé ou qui sont sur la liste «Presse»)",
     "whose “City” is “Lyon” and (who ordered or who are on the list “Presse”)"),
    ({"all": [CITY, {"all": [ORDER]}, {"any": [{"list": "press"}]}]},
     "dont «Ville» est «Lyon», qui ont commandé et qui sont sur la liste «Presse»",
     "whose “City” is “Lyon”, who ordered and who are on the list “Presse”"),
    ({"not": {"any": [CITY, {"not": ORDER}]}}, "dont «Ville» n’est pas «Lyon» et qui ont commandé",
     "whose “City” is not “Lyon” and who ordered"),
    ({"not": {"all": [CITY, ORDER]}}, "dont «Ville» n’est pas «Lyon» ou qui n’ont jamais commandé",
     "whose “City” is not “Lyon” or who never ordered"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "french", "english"), SENTENCES)
def test_rule_reads_as_a_sentence(data: Any, french: str, english: str) -> None:
    rule = parse(data)
    spaced = french.replace("«", "«\u00a0").replace("»", "\u00a0»")
    assert explain(rule, WORDS, "fr") == f"Clients {spaced}"
    assert explain(rule, WORDS, "en") == f"People {english}"


@pytest.mark.parametrize("order", ["is", "at_least", "at_most", "more_than", "less_than"])
def test_contrary_of_a_sum_is_a_sum(order: str) -> None:
    rule = parse({"not": {**ORDER, "sum": "total", order: 5}})
    assert "not" not in explain(rule, WORDS, "en")


def test_filters_alone_read_as_tests() -> None:
    where = parse_filters([{"property": "total", "at_least": 5}])
    assert explain_filters(where, "en") == "“total” is at least 5"
    assert explain_filters(where, "fr") == "«\u00a0total\u00a0» est d’au moins 5"
    assert explain_filters((), "en") == ""
