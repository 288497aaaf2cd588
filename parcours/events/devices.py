"""What kind of device made a request, and whether a machine made it: from its User-Agent, its method and
its timing.

Only the verdict leaves this module and is stored; the User-Agent and the address never are (compliance §5).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Device = Literal["computer", "tablet", "phone", "other"]

SECONDS_BEFORE_A_HUMAN = 1.0
"""A person does not open or click sooner than this after the receiving server took the message. Scanners at the door fetch before
they take it or at once; those that fetch later are not told by their haste, so a longer wait would only lose fast readers.
"""

BURST_LINKS = 3
"""This many distinct links of one message within ten seconds are followed by a scanner, not by a person."""

_DEVICES: tuple[tuple[re.Pattern[str], Device], ...] = (
    (
        re.compile(
            r"ipad|tablet|kindle|silk/|playbook|nexus (?:7|9|10)\b|sm-[tx]\d",
            re.IGNORECASE,
        ),
        "tablet",
    ),
    (re.compile(r"android(?!.{0,200}mobile)", re.IGNORECASE), "tablet"),
    (
        re.compile(
            r"iphone|ipod|android|windows phone|blackberry|opera mini|mobile",
            re.IGNORECASE,
        ),
        "phone",
    ),
    (re.compile(r"windows nt|macintosh|x11|linux|cros ", re.IGNORECASE), "computer"),
)

_MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scan(?:ner)?\b|monitor|preview|prefetch|headless|phantomjs|selenium|puppeteer|playwright"
    r"|barracuda|mimecast|proofpoint|safelinks|fireeye|trendmicro|symantec|forcepoint|cloudmark|zscaler|sophos|messagelabs"
    r"|virustotal|urlscan|facebookexternalhit|whatsapp|telegram|slack|discord|skypeuripreview|linkedin|embedly"
    r"|curl/|wget/|libwww|python-requests|python-urllib|python-httpx|aiohttp|httpclient|go-http-client|java/|okhttp|axios|node-fetch"
    r"|apache-http|guzzle|ruby\b|perl\b",
    re.IGNORECASE,
)

_BARE_MOZILLA = re.compile(r"mozilla/5\.0(?: \(\))?")


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a pixel or a tracked link. `seconds_since_acceptance` is None when the acceptance is not known yet, and
    infinite for a link that names no message.
    """

    user_agent: str
    seconds_since_acceptance: float | None
    method: str = "GET"
    is_prefetch: bool = False
    links_within_ten_seconds: int = 1


@lru_cache(maxsize=4096)
def device(user_agent: str) -> Device:
    """Return the kind of device; "other" when the User-Agent says nothing usable."""
    text = user_agent[:512]
    for pattern, kind in _DEVICES:
        if pattern.search(text):
            return kind
    return "other"


@lru_cache(maxsize=4096)
def is_machine_agent(user_agent: str) -> bool:
    """Tell whether the User-Agent alone gives a machine away. Apple's mail proxy calls itself just
    "Mozilla/5.0".
    """
    text = user_agent[:512].strip()
    return not text or _BARE_MOZILLA.fullmatch(text.lower()) is not None or _MACHINES.search(text) is not None


def is_machine(hit: Hit) -> bool:
    """Tell whether to count this open or click as a machine's. Flagged hits are kept and shown apart; they start nothing: rules
    (`audiences.language`) and the entries of journeys do not see them.

    Scanners that fetch from clean addresses with a browser's name are caught by their haste and by their
    bursts only.
    """
    if hit.method != "GET" or hit.is_prefetch or is_machine_agent(hit.user_agent):
        return True
    if hit.links_within_ten_seconds >= BURST_LINKS:
        return True
    seconds = hit.seconds_since_acceptance
    return seconds is None or seconds < SECONDS_BEFORE_A_HUMAN
