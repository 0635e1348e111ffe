"""Screening: which events count, which label keeps the others out, and what is read on the way."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from tests.tracker.core.test_agents import CHROME, PHONE
from tracker.core.entries import RequestInfo
from tracker.core.events import Event
from tracker.core.refusals import FilterLabel
from tracker.core.screening import STEPS, Screened, SiteRules, screen

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HONOUR, IGNORE = SiteRules(), SiteRules(respect_gpc=False, respect_dnt=False)
ONLY_GPC, ONLY_DNT = SiteRules(respect_dnt=False), SiteRules(respect_gpc=False)
ON_DESKTOP, ON_PHONE = "desktop|Chrome 131|Windows 10", "mobile|Mobile Safari 18|iOS 18"


def event(context: dict[str, Any] | None = None, agent: str = "") -> Event:
    return Event(message_id=bytes(16), at=1, kind="page", context=context, agent=agent)


def referred(referrer: str) -> Event:
    """A page view that names a referrer."""
    return Event(message_id=bytes(16), at=1, kind="page", referrer=referrer)


SERVER_TELLS = SiteRules(server_events=frozenset(("quote requested",)))
BLOCKING = (RequestInfo(CHROME), SiteRules(blocked_referrers=frozenset(("spam.example",))))

CASES: dict[str, tuple[Event, RequestInfo, SiteRules, str | None, str]] = {
    "a person": (event(), RequestInfo(CHROME), HONOUR, None, ON_DESKTOP),
    "no agent at all": (event(), RequestInfo(), HONOUR, None, ""),
    "GPC honoured": (event(), RequestInfo(CHROME, gpc=True), HONOUR, "opt_out", ON_DESKTOP),
    "DNT honoured": (event(), RequestInfo(CHROME, dnt=True), HONOUR, "opt_out", ON_DESKTOP),
    "both honoured": (event(), RequestInfo(CHROME, gpc=True, dnt=True), HONOUR, "opt_out", ON_DESKTOP),
    "both ignored by the site's rules": (event(), RequestInfo(CHROME, gpc=True, dnt=True), IGNORE, None, ON_DESKTOP),
    "DNT alone where only GPC counts": (event(), RequestInfo(CHROME, dnt=True), ONLY_GPC, None, ON_DESKTOP),
    "GPC where only GPC counts": (event(), RequestInfo(CHROME, gpc=True, dnt=True), ONLY_GPC, "opt_out", ON_DESKTOP),
    "GPC alone where only DNT counts": (event(), RequestInfo(CHROME, gpc=True), ONLY_DNT, None, ON_DESKTOP),
    "DNT where only DNT counts": (event(), RequestInfo(CHROME, gpc=True, dnt=True), ONLY_DNT, "opt_out", ON_DESKTOP),
    "opt-out of a server is not a visitor's": (event(), RequestInfo("", trusted=True, gpc=True), HONOUR, None, ""),
    "staff on their own network": (
        event(),
        RequestInfo(CHROME, own_traffic=True),
        HONOUR,
        "own_traffic",
        ON_DESKTOP,
    ),
    "prefetch": (event(), RequestInfo(CHROME, prefetch=True), HONOUR, "prefetch", ON_DESKTOP),
    "a remote-controlled browser": (event({"automation": True}), RequestInfo(CHROME), HONOUR, "automation", ON_DESKTOP),
    "automation must be true, not truthy": (event({"automation": "yes"}), RequestInfo(CHROME), HONOUR, None, ON_DESKTOP),
    "a crawler": (event(), RequestInfo(GOOGLEBOT), HONOUR, "bot", "other|Googlebot 2|Other"),
    "a crawler passed on by a server": (
        event({"userAgent": GOOGLEBOT}),
        RequestInfo("analytics-python/2.3", trusted=True),
        HONOUR,
        "bot",
        "other|Googlebot 2|Other",
    ),
    "a phone passed on by a server": (
        event({"userAgent": PHONE}),
        RequestInfo("analytics-python/2.3", trusted=True),
        HONOUR,
        None,
        ON_PHONE,
    ),
    "a server is no visitor": (event(), RequestInfo("curl/8.5.0", trusted=True), HONOUR, None, ""),
    "a library with the public key is no visitor": (event(), RequestInfo("python-requests/2.32"), HONOUR, None, ""),
    "what a browser passes on stands before its header": (
        event({"userAgent": PHONE}),
        RequestInfo(CHROME),
        HONOUR,
        None,
        ON_PHONE,
    ),
    "an agent that is no text says nothing": (event({"userAgent": 7}), RequestInfo(CHROME), HONOUR, None, ON_DESKTOP),
    "a sender can't write the reading itself": (event(agent="desktop|X|Y"), RequestInfo(), HONOUR, None, ""),
    "a click on a link in a mail proves nobody": (
        event(),
        RequestInfo(CHROME, mail_click=True),
        HONOUR,
        "mail_click",
        ON_DESKTOP,
    ),
    "a mail scanner that says what it is": (
        event(),
        RequestInfo(GOOGLEBOT, mail_click=True),
        HONOUR,
        "bot",
        "other|Googlebot 2|Other",
    ),
    "the first label stands": (
        event({"automation": True}),
        RequestInfo(GOOGLEBOT, dnt=True, prefetch=True),
        HONOUR,
        "opt_out",
        "other|Googlebot 2|Other",
    ),
    "the second label stands": (
        event({"automation": True}),
        RequestInfo(GOOGLEBOT, prefetch=True),
        HONOUR,
        "prefetch",
        "other|Googlebot 2|Other",
    ),
    "an objection that anybody could have sent": (
        Event(message_id=bytes(16), at=1, kind="page", name="Scoring Objected"),
        RequestInfo(CHROME),
        HONOUR,
        "unvouched",
        ON_DESKTOP,
    ),
    "a deed that the site's server tells of, claimed by a browser": (
        Event(message_id=bytes(16), at=1, kind="track", name="QUOTE requested"),
        RequestInfo(CHROME),
        SERVER_TELLS,
        "unproven",
        ON_DESKTOP,
    ),
    "the same by the site's server": (
        Event(message_id=bytes(16), at=1, kind="track", name="QUOTE requested"),
        RequestInfo(trusted=True),
        SERVER_TELLS,
        None,
        "",
    ),
    "another deed": (
        Event(message_id=bytes(16), at=1, kind="track", name="Quote"),
        RequestInfo(CHROME),
        SERVER_TELLS,
        None,
        ON_DESKTOP,
    ),
    "from a subdomain of a blocked referrer": (referred("https://www.Spam.example:8080/x"), *BLOCKING, "spam", ON_DESKTOP),
    "from a blocked referrer, told by a server's log": (
        referred("http://spam.example/"),
        RequestInfo(trusted=True),
        BLOCKING[1],
        "spam",
        "",
    ),
    "from a name that ends like a blocked one": (referred("https://nospam.example/"), *BLOCKING, None, ON_DESKTOP),
    "from below a path like a blocked one": (referred("https://x.example/spam.example"), *BLOCKING, None, ON_DESKTOP),
    "from a host that can't be": (referred("https://[x\u2100]/"), *BLOCKING, None, ON_DESKTOP),
    "from an app": (referred("android-app://spam.example.app/"), *BLOCKING, None, ON_DESKTOP),
    "one new visitor too many": (event(), RequestInfo(CHROME, flood=True), HONOUR, "flood", ON_DESKTOP),
    "an objection by the site's server": (
        Event(message_id=bytes(16), at=1, kind="page", name="Scoring Objected"),
        RequestInfo(trusted=True),
        HONOUR,
        None,
        "",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_event_is_screened_like_this(case: tuple[Event, RequestInfo, SiteRules, str | None, str]) -> None:
    given, info, rules, label, agent = case
    expected = msgspec.structs.replace(given, context=None, agent=agent)
    assert screen(given, info, rules) == Screened(expected, label)  # type: ignore[arg-type]


def test_every_label_has_a_case_and_a_step() -> None:
    assert {case[3] for case in CASES.values()} - {None} == set(get_args(FilterLabel))
    assert len(STEPS) == len(get_args(FilterLabel))


def test_what_else_the_context_says_is_kept() -> None:
    given = event({"userAgent": PHONE, "automation": False, "locale": "zh-CN", "campaign": {"name": "spring"}})
    assert screen(given, RequestInfo(), HONOUR).event.context == {"locale": "zh-CN", "campaign": {"name": "spring"}}


NETWORKS: dict[str, tuple[dict[str, Any] | None, str, dict[str, Any] | None]] = {
    "a company's": ({"locale": "de-DE"}, "Halden AG", {"locale": "de-DE", "network": "Halden AG"}),
    "a company's, and nothing else is known": (None, "Halden AG", {"network": "Halden AG"}),
    "of a remote-controlled browser": ({"automation": True}, "Halden AG", {"network": "Halden AG"}),
    "nobody's": ({"locale": "de-DE"}, "", {"locale": "de-DE"}),
    "nobody's, and nothing else is known": (None, "", None),
}


@pytest.mark.parametrize("case", NETWORKS.values(), ids=NETWORKS)
def test_the_company_whose_network_it_is_goes_into_the_context(
    case: tuple[dict[str, Any] | None, str, dict[str, Any] | None],
) -> None:
    context, network, expected = case
    assert screen(event(context), RequestInfo(CHROME, network=network), HONOUR).event.context == expected
