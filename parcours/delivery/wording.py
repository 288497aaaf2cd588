"""The gate's reasons in words, in French and in English, with their evidence: what happened, since when, what would change it.

Both languages stand here side by side, because a reader of the interface and a recipient may not share theirs.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import dateformat, translation

from parcours.audiences import language as rules
from parcours.delivery.replies import ReplyClass
from parcours.delivery.types import Reason
from parcours.kernel.errors import DomainError

_FRENCH: dict[Reason, str] = {
    Reason.BASIS_CONTRACT: "Envoyé parce que le contrat l’exige (finalité « {purpose} »).",
    Reason.BASIS_LEGITIMATE_INTEREST: "Envoyé par intérêt légitime (finalité « {purpose} »), sans opposition de la personne.",
    Reason.BASIS_CONSENT: "Envoyé avec le consentement donné le {since} (finalité « {purpose} »).",
    Reason.CONFIRMATION_ASKED: "Envoyé pour faire confirmer le consentement à « {purpose} », demandé le {since}.",
    Reason.TEST_ASKED: "Envoyé comme test à un membre de l’espace, qui l’a demandé (finalité « {purpose} »).",
    Reason.NO_ADDRESS: "La personne n’a pas d’adresse e-mail. Une adresse permettrait l’envoi.",
    Reason.NOT_A_MEMBER: "Un test ne va qu’à un membre de l’espace, et son destinataire n’en est plus un.",
    Reason.HAD_ALREADY: "La personne a déjà ce message, ou il est en route : il a été écrit aux deux contacts qu’elle était.",
    Reason.SUPPRESSED: "L’adresse est exclue de tout envoi depuis le {since} ({cause}), tant que l’exclusion n’est pas levée.",
    Reason.NO_CONSENT: "La personne n’a pas consenti à « {purpose} » par e-mail. Son consentement permettrait l’envoi.",
    Reason.CONSENT_WITHDRAWN: "La personne a retiré son consentement à « {purpose} » le {since}. Elle seule peut le redonner.",
    Reason.CONSENT_PENDING: "La personne n’a pas encore confirmé son consentement à « {purpose} », demandé le {since}.",
    Reason.OBJECTED: "La personne s’est opposée à « {purpose} » le {since}. Elle seule peut lever son opposition.",
    Reason.NOTHING_TO_CONFIRM: "Aucun consentement à « {purpose} » n’attend plus de confirmation.",
    Reason.OUTSIDE_PURPOSE_AUDIENCE: "La personne n’est pas de celles que couvre « {purpose} » ({rule}).",
    Reason.GUARD: "La condition de l’envoi n’est pas remplie ({rule}).",
    Reason.PURPOSE_ARCHIVED: "La finalité « {purpose} » n’est plus utilisée depuis le {since}.",
    Reason.EXPIRED: "Le message n’était plus valable depuis le {since}.",
    Reason.PAUSED: "La personne a demandé une pause de tout message commercial{waits}.",
    Reason.CHOSEN_FREQUENCY: "La personne veut un message commercial en {every_days} jours (dernier : {day}){waits}.",
    Reason.FREQUENCY_CAP: "La personne a déjà reçu {had} le {day}{waits}.",
    Reason.QUIET_HOURS: "Chez la personne, ce sont les heures calmes ({from} – {to}){waits}.",
    Reason.TEMPLATE_FAILED: "Le message n’a pas pu être composé pour cette personne : {failed}",
    Reason.CONTACT_GONE: "La personne n’existe plus dans cet espace.",
    Reason.STOPPED: "L’envoi a été arrêté le {since}.",
    Reason.NOT_JUDGED: "Le contrôle n’a pas pu être fait ; dans le doute, rien ne part.",
}
_ENGLISH: dict[Reason, str] = {
    Reason.BASIS_CONTRACT: "Sent because the contract requires it (purpose “{purpose}”).",
    Reason.BASIS_LEGITIMATE_INTEREST: "Sent on a legitimate interest (purpose “{purpose}”), to which the person has not objected.",
    Reason.BASIS_CONSENT: "Sent with the consent given on {since} (purpose “{purpose}”).",
    Reason.CONFIRMATION_ASKED: "Sent to have the consent to “{purpose}” confirmed, which was asked for on {since}.",
    Reason.TEST_ASKED: "Sent as a test to a member of the workspace, as asked for (purpose “{purpose}”).",
    Reason.NO_ADDRESS: "The person has no email address. An address would allow it.",
    Reason.NOT_A_MEMBER: "A test only goes to a member of the workspace, and its recipient is not one any more.",
    Reason.HAD_ALREADY: "The person has this message already, or it is on its way: it was written to both contacts they were.",
    Reason.SUPPRESSED: "The address has been excluded from all mail since {since} ({cause}). Only lifting that would allow it.",
    Reason.NO_CONSENT: "The person has not consented to “{purpose}” by email. Their consent would allow it.",
    Reason.CONSENT_WITHDRAWN: "The person withdrew their consent to “{purpose}” on {since}. Only they can give it again.",
    Reason.CONSENT_PENDING: "The person has not yet confirmed their consent to “{purpose}”, asked for on {since}.",
    Reason.OBJECTED: "The person objected to “{purpose}” on {since}. Only they can lift that.",
    Reason.NOTHING_TO_CONFIRM: "No consent to “{purpose}” waits for a confirmation any more.",
    Reason.OUTSIDE_PURPOSE_AUDIENCE: "The person is not among those whom “{purpose}” covers ({rule}).",
    Reason.GUARD: "The condition of this sending does not hold ({rule}).",
    Reason.PURPOSE_ARCHIVED: "The purpose “{purpose}” has not been in use since {since}.",
    Reason.EXPIRED: "The message was out of date since {since}.",
    Reason.PAUSED: "The person has asked for a pause of all marketing{waits}.",
    Reason.CHOSEN_FREQUENCY: "The person wants one marketing message in {every_days} days (last: {day}){waits}.",
    Reason.FREQUENCY_CAP: "The person has already had {had} on {day}{waits}.",
    Reason.QUIET_HOURS: "It is quiet hours where the person lives ({from} – {to}){waits}.",
    Reason.TEMPLATE_FAILED: "The message could not be composed for this person: {failed}",
    Reason.CONTACT_GONE: "The person is no longer in this workspace.",
    Reason.STOPPED: "The sending was stopped on {since}.",
    Reason.NOT_JUDGED: "The check could not be made; in doubt, nothing leaves.",
}
_WAITS = {"fr": " : le message attend le {until}", "en": ": the message waits until {until}"}
"""How such a sentence goes on while the message waits. One that never leaves waits for nothing: its evidence has no `until`."""
_HAD = {
    "fr": ("{n} message commercial", "{n} messages commerciaux"),
    "en": ("{n} marketing message", "{n} marketing messages"),
}
_CAUSES = {
    "fr": {"bounce": "rejet", "complaint": "plainte", "manual": "décision", "import": "import"},
    "en": {"bounce": "bounce", "complaint": "complaint", "manual": "decision", "import": "import"},
}
_REFUSALS: dict[str, dict[ReplyClass, str]] = {
    "fr": {
        ReplyClass.NO_SUCH_ADDRESS: "l’adresse n’existe pas",
        ReplyClass.ADDRESS_DISABLED: "la boîte est désactivée",
        ReplyClass.CONTENT: "le contenu a été refusé",
        ReplyClass.CONFIGURATION: "notre propre configuration a été refusée",
        ReplyClass.POLICY: "refusé pour la réputation ou le débit de l’expéditeur",
        ReplyClass.SOFT: "boîte pleine, ou serveur momentanément incapable",
        ReplyClass.UNKNOWN: "aucune raison lisible",
    },
    "en": {
        ReplyClass.NO_SUCH_ADDRESS: "there is no such address",
        ReplyClass.ADDRESS_DISABLED: "the mailbox is disabled",
        ReplyClass.CONTENT: "the content was refused",
        ReplyClass.CONFIGURATION: "our own configuration was refused",
        ReplyClass.POLICY: "refused for the sender’s reputation or rate",
        ReplyClass.SOFT: "mailbox full, or a server that could not for now",
        ReplyClass.UNKNOWN: "no reason that can be read",
    },
}


def explain_refusal(meaning: str, language: str) -> str:
    """What a refusal of a mail system is about; empty for a class that is none."""
    words = _REFUSALS["fr" if language == "fr" else "en"]
    return next((text for kind, text in words.items() if kind.value == meaning), "")


def explain_suppression(cause: str, detail: str, language: str) -> str:
    """Why an address is excluded from all mail: `bounce`, “no_such_address: 550 5.1.1 …” is “bounce: there is no such address”."""
    spoken = "fr" if language == "fr" else "en"
    said = _CAUSES[spoken].get(cause, cause)
    refusal = explain_refusal(detail.partition(":")[0], spoken)
    colon = " : " if spoken == "fr" else ": "
    return f"{said}{colon}{refusal}" if refusal else said


def explain_reason(
    reason: Mapping[str, Any],
    language: str,
    *,
    time_zone: str = "UTC",
    purposes: Mapping[str, str] | None = None,
    vocabulary: rules.Vocabulary | None = None,
) -> str:
    """One of the gate's reasons as a sentence. `purposes` gives codes their names; instants are shown in `time_zone`."""
    spoken = "fr" if language == "fr" else "en"
    try:
        sentence = (_FRENCH if spoken == "fr" else _ENGLISH)[Reason(reason["code"])]
    except (KeyError, ValueError):
        return str(reason.get("code", ""))
    evidence = reason.get("evidence") or {}
    shown = {name: _shown(name, value, spoken, time_zone) for name, value in evidence.items()}
    shown["waits"] = _WAITS[spoken].format_map(shown) if "until" in shown else ""
    if "per_day" in evidence:
        shown["had"] = _had(int(evidence["per_day"]), spoken)
    if "rule" in evidence:
        shown["rule"] = _rule(evidence, spoken, vocabulary)
    if "cause" in evidence:
        shown["cause"] = explain_suppression(str(evidence["cause"]), str(evidence.get("detail", "")), spoken)
    if "purpose" in evidence and purposes:
        shown["purpose"] = purposes.get(evidence["purpose"], evidence["purpose"])
    return rules.typeset(sentence.format_map(_Shown(shown)), spoken)


class _Shown(dict[str, str]):
    """What is missing in old evidence is shown as a question mark, never as an error."""

    def __missing__(self, key: str) -> str:
        return "?"


def _had(count: int, language: str) -> str:
    one, several = _HAD[language]
    return (one if count == 1 else several).format(n=count)


def _shown(name: str, value: Any, language: str, time_zone: str) -> str:
    if name in ("since", "until"):
        at = datetime.fromisoformat(value).astimezone(ZoneInfo(time_zone))
        with translation.override(language):
            return dateformat.format(at, "j F Y H:i T")
    if name == "day":
        with translation.override(language):
            return dateformat.format(date.fromisoformat(value), "j F Y")
    return str(value)


def _rule(evidence: Mapping[str, Any], language: str, vocabulary: rules.Vocabulary | None) -> str:
    """The rule as a sentence; why it could not be evaluated, when that is the reason."""
    if "failed" in evidence:
        return str(evidence["failed"])
    try:
        return rules.explain(rules.parse(evidence["rule"]), vocabulary or rules.Vocabulary(), language)
    except DomainError as error:
        return error.message
