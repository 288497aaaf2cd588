"""What a mail server's refusal means, and so what follows for the address, the message and our configuration.

One table, from compliance §2 and §4 and RFC 3463: the first row that matches wins. A code that is our own fault never counts
against a person, and nobody's address decides what a refusal means: precise codes come before words, and addresses are no words.
Not here: reading bounces (`reports`), and what is done about a class (suppression, brakes).
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class ReplyClass(StrEnum):
    """What a refusal says. Whether it is for now or for good is in the code's first digit, not here."""

    ACCEPTED = "accepted"
    NO_SUCH_ADDRESS = "no_such_address"
    ADDRESS_DISABLED = "address_disabled"
    CONTENT = "content"
    CONFIGURATION = "configuration"
    POLICY = "policy"
    SOFT = "soft"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Whose it is to mend."""

    NOBODY = "nobody"
    ADDRESS = "address"
    MESSAGE = "message"
    CONFIGURATION = "configuration"
    SERVER = "server"


FAULT_OF: dict[ReplyClass, Fault] = {
    ReplyClass.ACCEPTED: Fault.NOBODY,
    ReplyClass.NO_SUCH_ADDRESS: Fault.ADDRESS,
    ReplyClass.ADDRESS_DISABLED: Fault.ADDRESS,
    ReplyClass.CONTENT: Fault.MESSAGE,
    ReplyClass.CONFIGURATION: Fault.CONFIGURATION,
    ReplyClass.POLICY: Fault.SERVER,
    ReplyClass.SOFT: Fault.SERVER,
    ReplyClass.UNKNOWN: Fault.SERVER,
}


@dataclass(frozen=True, slots=True)
class _Row:
    """Matches when every pattern that is given matches: basic code, enhanced code (whole), words of the
    text.
    """

    meaning: ReplyClass
    code: str = ""
    enhanced: str = ""
    words: str = ""

    def compiled(
        self,
    ) -> tuple[ReplyClass, re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        """The row with its patterns compiled; an empty pattern matches everything, also a missing enhanced
        code.
        """
        enhanced = re.compile(f"(?:{self.enhanced})" if self.enhanced else ".*")
        return (
            self.meaning,
            re.compile(self.code or ".*"),
            enhanced,
            re.compile(self.words, re.IGNORECASE),
        )


_CONFIGURATION, _POLICY = ReplyClass.CONFIGURATION, ReplyClass.POLICY
_NO_SUCH_ADDRESS, _DISABLED = ReplyClass.NO_SUCH_ADDRESS, ReplyClass.ADDRESS_DISABLED
_CONTENT, _SOFT = ReplyClass.CONTENT, ReplyClass.SOFT

_RELAY = (
    r"(?:relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited)|(?:to|not) relay)"
)
_POLICY_OF_DOMAINS = r"(?<![\w.-])(?:spf|dkim|dmarc|ptr|fcrdns)(?![\w-]*\.\w)\b|reverse dns"
"""Not as a part of a host's name."""
_UNKNOWN_USER = r"(?:user|recipient|mailbox|address|account)(?: is)? (?:unknown|not found)"
_NO_SUCH_USER = (
    r"(?:no such|unknown) (?:user|recipient|mailbox|address|person)|does ?n[o']t exist|not have an account"
)
_NO_SUCH_DOMAIN = r"host or domain name not found|\bnullmx\b"
_LISTED = r"\b(?:block ?list|blacklist(?:ed)?|blocked using|rbl|dnsbl|spamhaus|reputation|rate limit|too many|throttl)"
_BAD_CONTENT = r"\b(?:spam|virus|malware|phish(?:ing)?|infected|attachment)\b|content rejected"

_ROWS = (
    _Row(_CONFIGURATION, enhanced=r"[45]\.7\.(?:2[35679]|3[0-2]|515)|5\.1\.[78]"),
    _Row(_NO_SUCH_ADDRESS, code=r"5\d\d", enhanced=r"5\.1\.(?:[1236]|10)|5\.4\.310|5\.7\.1[78]"),
    _Row(_DISABLED, code=r"5\d\d", enhanced=r"5\.2\.1|5\.7\.13"),
    _Row(_CONFIGURATION, enhanced=r"[45]\.7\.(?:[89]|1[12])|5\.5\.[124]", code=r"5(?!50|5[1-4])\d\d|454"),
    _Row(_CONFIGURATION, code=r"530|534|535|538"),
    _Row(_CONFIGURATION, words=_RELAY),
    _Row(_CONFIGURATION, words=r"authentication (?:is )?required|must authenticate"),
    _Row(
        _CONFIGURATION,
        words=r"sender (?:address (?:rejected|verif)|domain|verify)|not allowed to send (?:as|from)",
    ),
    _Row(_CONFIGURATION, code=r"5\d\d", words=_POLICY_OF_DOMAINS),
    _Row(_NO_SUCH_ADDRESS, code=r"556"),
    _Row(_NO_SUCH_ADDRESS, code=r"5\d\d", words=_NO_SUCH_DOMAIN),
    _Row(_CONTENT, enhanced=r"[45]\.3\.4|[45]\.6\.\d+|[45]\.2\.3"),
    _Row(_POLICY, words=_LISTED),
    _Row(_CONTENT, words=_BAD_CONTENT),
    _Row(_CONTENT, words=r"message (?:size|too (?:big|large))"),
    _Row(_POLICY, code=r"421"),
    _Row(_POLICY, enhanced=r"[45]\.7\.\d+"),
    _Row(_SOFT, enhanced=r"[45]\.2\.2|4\.\d+\.\d+|5\.4\.(?:7|300)"),
    _Row(
        _SOFT,
        code=r"5\d\d",
        words=r"mailbox (?:is )?full|(?:over|exceeded) quota|quota exceeded|insufficient",
    ),
    _Row(_NO_SUCH_ADDRESS, code=r"55[013]", words=_UNKNOWN_USER),
    _Row(_NO_SUCH_ADDRESS, code=r"55[013]", words=_NO_SUCH_USER),
    _Row(_DISABLED, code=r"55\d|525", words=r"(?:disabled|inactive|suspended|deactivated)"),
    _Row(_CONTENT, code=r"552"),
    _Row(_CONFIGURATION, code=r"50[0-5]"),
    _Row(_SOFT, code=r"4\d\d"),
)
_TABLE = tuple(row.compiled() for row in _ROWS)


_ADDRESS = re.compile(r"<[^<>@]*@[^<>]*>|[^\s<>@,;:()\[\]\"']{1,254}@[^\s<>@,;:()\[\]\"']{1,254}")


def without_addresses(text: str) -> str:
    """What a server said, without the addresses that it said it about: for what outlives a person, and for finding words."""
    return _ADDRESS.sub("…", text)


def classify(code: int, enhanced: str, text: str) -> ReplyClass:
    """Return the class of a reply. `enhanced` is "" when the server gave none; UNKNOWN never counts against
    anybody.
    """
    if 200 <= code < 400:
        return ReplyClass.ACCEPTED
    basic, words = str(code), without_addresses(text[:1000])
    for meaning, code_pattern, enhanced_pattern, word_pattern in _TABLE:
        if (
            code_pattern.fullmatch(basic)
            and enhanced_pattern.fullmatch(enhanced)
            and word_pattern.search(words)
        ):
            return meaning
    return ReplyClass.UNKNOWN
