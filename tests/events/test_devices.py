"""Devices and machines, from User-Agents as they are seen in the wild."""

import pytest

from parcours.events.devices import Device, Hit, device, is_machine, is_machine_agent

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
IPAD = "Mozilla/5.0 (iPad; CPU OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
PIXEL = "Mozilla/5.0 (Linux; Android 17; Pixel 11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari/537.36"
GALAXY_TAB = "Mozilla/5.0 (Linux; Android 16; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
PEOPLE = [IPHONE, IPAD, PIXEL, GALAXY_TAB, WINDOWS, MAC, LINUX, GMAIL]


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (IPHONE, "phone"),
        (IPAD, "tablet"),
        (PIXEL, "phone"),
        (GALAXY_TAB, "tablet"),
        (WINDOWS, "computer"),
        (MAC, "computer"),
        (LINUX, "computer"),
        ("", "other"),
        ("Mozilla/5.0", "other"),
    ],
)
def test_device_of_common_agents(agent: str, kind: Device) -> None:
    assert device(agent) == kind


@pytest.mark.parametrize("agent", PEOPLE)
def test_people_are_not_machines(agent: str) -> None:
    assert not is_machine(Hit(agent, seconds_since_acceptance=30))


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0",
        "python-requests/2.32",
        "curl/8.5.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36",
        "BarracudaCentral/1.0",
        "Slackbot-LinkExpanding 1.0",
        "Go-http-client/1.1",
    ],
)
def test_scanners_and_apples_proxy_are_machines(agent: str) -> None:
    assert is_machine_agent(agent)


@pytest.mark.parametrize(
    "hit",
    [
        Hit(WINDOWS, seconds_since_acceptance=-0.1),
        Hit(WINDOWS, seconds_since_acceptance=0.9),
        Hit(WINDOWS, seconds_since_acceptance=None),
        Hit(WINDOWS, seconds_since_acceptance=60, method="HEAD"),
        Hit(WINDOWS, seconds_since_acceptance=60, is_prefetch=True),
        Hit(WINDOWS, seconds_since_acceptance=60, links_within_ten_seconds=3),
    ],
)
def test_haste_bursts_and_other_methods_give_machines_away(hit: Hit) -> None:
    assert is_machine(hit)


def test_fast_reader_is_a_person() -> None:
    assert not is_machine(Hit(WINDOWS, seconds_since_acceptance=1.1))
    assert not is_machine(Hit(WINDOWS, seconds_since_acceptance=1.1, links_within_ten_seconds=2))


def test_generic_client_is_a_machine_however_late() -> None:
    assert is_machine(Hit("python-requests/2.32", seconds_since_acceptance=3600))


def test_a_very_long_agent_is_cut_before_it_is_searched() -> None:
    assert device("Android " * 100_000) == "tablet"
