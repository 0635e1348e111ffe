"""The shipped card on visitors as they come: who is hot, who is warm, who is cold, without any setting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import scorer
from scorer.core.decay import DAY_MS
from scorer.core.interests import interests
from scorer.core.reasons import reasons
from scorer.core.rules import Card
from scorer.core.score import ScoreState, fold
from scorer.core.scorecard import parse
from scorer.core.stages import stage
from tracker.core.events import Event, EventKind, Fact, FactKind

MONDAY = 1_750_636_800_000  # 2025-06-23 00:00 UTC
FIRST_DAY = 739_425
HOUR = 3_600_000
SITE = "https://example.com"
FILE = "File Downloaded"
FORM = "Form Submitted"

Deed = str | tuple[str, dict[str, Any]]
"""An address for a page view; ``identify`` or ``group``; a name and properties for a track event."""
Stay = tuple[float, int, list[Deed]]
"""A visit: days after Monday at which it begins, engaged seconds, deeds."""


def load_card(landmark_ms: int = MONDAY) -> Card:
    """The shipped card."""
    path = Path(scorer.__file__).parent / "cards" / "default.json"
    return Card(parse(json.loads(path.read_text("utf-8"))), landmark_ms)


CARD = load_card()


def facts_of(stays: list[Stay]) -> list[Fact]:
    """Tell the visits as facts, a minute between deeds, the engaged time last."""
    facts: list[Fact] = []
    last_at = -1
    for number, (days, seconds, deeds) in enumerate(stays, 1):
        at = MONDAY + round(days * DAY_MS)
        day = FIRST_DAY + int(days)
        silence = at - last_at if last_at >= 0 else -1
        facts.append(Fact("visit", at, day, number, silence_ms=silence))
        page = ""
        for deed in deeds:
            kind: FactKind
            as_sent: EventKind
            if isinstance(deed, tuple):
                kind, as_sent, name = "track", "track", deed[0]
                url, properties = str(deed[1].get("url", SITE + page)), deed[1]
            elif deed in ("identify", "group"):
                kind = as_sent = "identify" if deed == "identify" else "group"
                name, url, properties = "", SITE + page, {}
            else:
                kind, as_sent, name, page, url, properties = "page", "page", "", deed, SITE + deed, {}
            event = Event(b"%016d" % len(facts), at, as_sent, name, url, properties=properties)
            facts.append(Fact(kind, at, day, number, event))
            at += 60_000
        if seconds:
            event = Event(b"%016d" % len(facts), at, "track", "Page Engaged", SITE + page, engaged_ms=seconds * 1000)
            facts.append(Fact("engaged", at, day, number, event, engaged_ms=seconds * 1000))
        last_at = at
    return facts


def download(name: str) -> Deed:
    """A download of a file."""
    return (FILE, {"url": f"{SITE}/files/{name}", "file_name": name, "extension": name.rpartition(".")[2]})


def form(name: str) -> Deed:
    """A form sent."""
    return (FORM, {"form_id": name, "form_name": name})


BUYER: list[Stay] = [
    (0.4, 80, ["/", "/products/pumps", "/products/pumps/x200"]),
    (1.6, 100, ["/products/pumps", "/case-studies/waterworks", "/pricing"]),
    (3.4, 130, ["/products/pumps/x200", download("x200-datasheet.pdf")]),
    (5.4, 70, ["/pricing", "/contact"]),
    (7.4, 100, ["/products/pumps", "/contact", form("contact"), "identify"]),
]
CHINESE_BUYER: list[Stay] = [
    (0.4, 80, ["/", "/产品/离心泵", "/%E4%BA%A7%E5%93%81/%E7%A6%BB%E5%BF%83%E6%B3%B5"]),
    (1.6, 100, ["/产品/离心泵", "/客户案例", "/价格"]),
    (3.4, 130, ["/产品/离心泵", download("离心泵报价单.pdf")]),
    (5.4, 70, ["/价格", "/联系我们"]),
    (7.4, 100, ["/产品/离心泵", "/联系我们", form("询价表")]),
]
ANONYMOUS_BUYER: list[Stay] = [*BUYER[:4], (7.4, 100, ["/products/pumps", "/contact", form("contact")])]
ENGINEER: list[Stay] = [
    (0.4, 400, ["/docs/x200", "/products/pumps/x200", "/docs/x200/wiring"]),
    (2.4, 300, ["/docs/x200/wiring", "/docs/x200/mounting", "/blog/seals"]),
    (4.4, 500, ["/products/pumps/x200", "/docs/x200", download("x200-datasheet.pdf")]),
    (8.4, 200, ["/docs/x200/service", "/docs/x200"]),
]
CURIOUS: list[Stay] = [(0.4, 45, ["/", "/products/pumps", "/about"])]
CURIOUS_ABOUT_PRICE: list[Stay] = [(0.4, 45, ["/", "/products/pumps", "/pricing"])]
SWITCHER: list[Stay] = [(0.4, 0, ["/", "/products/pumps", "/pricing"] * 400)]
JOB_SEEKER: list[Stay] = [(n + 0.4, 90, ["/careers", "/careers/engineer", "/about"]) for n in range(3)]
NEWS_READER: list[Stay] = [(n * 3 + 0.4, 60, ["/blog/a", "/blog/b"]) for n in range(3)]
IDLE_TAB: list[Stay] = [(0.4, 5, ["/"])]
HURRIED_BUYER: list[Stay] = [
    (
        0.4,
        240,
        ["/products/pumps", "/pricing", download("price-list.pdf"), "/contact", form("quote"), "identify", "group"],
    )
]


@pytest.mark.parametrize(
    ("visitor", "stays", "now_days", "tier", "at_stage", "points"),
    [
        ("buyer: 5 visits in a week, pricing, 8 min, a download, a form", BUYER, 7.6, "hot", "decision", (80, 110)),
        ("the same, still anonymous", ANONYMOUS_BUYER, 7.6, "hot", "decision", (70, 100)),
        ("the same, on a Chinese site", CHINESE_BUYER, 7.6, "hot", "decision", (70, 110)),
        ("the buyer, five weeks later without a sign", BUYER, 42.6, "cold", "decision", (10, 20)),
        ("buyer who does it all at once", HURRIED_BUYER, 0.6, "hot", "decision", (60, 80)),
        ("engineer: 4 reading visits and a datasheet", ENGINEER, 8.6, "warm", "consideration", (25, 50)),
        ("one curious visit of 3 pages", CURIOUS, 0.6, "cold", "consideration", (1, 10)),
        ("one visit with a look at the price", CURIOUS_ABOUT_PRICE, 0.6, "cold", "decision", (8, 18)),
        ("1,200 page views in one visit: caps hold", SWITCHER, 0.6, "warm", "decision", (20, 25)),
        ("job seeker, three visits", JOB_SEEKER, 2.6, "cold", "awareness", (5, 18)),
        ("reader of the blog", NEWS_READER, 6.6, "cold", "awareness", (5, 19)),
        ("bounce", IDLE_TAB, 0.6, "cold", None, (0.9, 1)),
    ],
)
def test_visitors_as_they_come(
    visitor: str, stays: list[Stay], now_days: float, tier: str, at_stage: str | None, points: tuple[float, float]
) -> None:
    state = fold(CARD, None, {0: facts_of(stays)})
    now = MONDAY + round(now_days * DAY_MS)
    low, high = points
    assert (CARD.tier(state.heat, state.hot_since, now), stage(state)) == (tier, at_stage), visitor
    assert low <= CARD.points(state.heat, now) <= high, visitor


def test_the_buyers_reasons_and_interests_in_both_languages() -> None:
    state = fold(CARD, None, {0: facts_of(BUYER)})
    now = MONDAY + round(7.6 * DAY_MS)
    assert [reason.text for reason in reasons(CARD, state, now, "en", limit=4)] == [
        "Sent a form, 4 hours ago",
        "Viewed pricing 2 times, last 2 days ago",
        "Came back on another day 4 times, last 4 hours ago",
        "Viewed the contact page 2 times, last 4 hours ago",
    ]
    assert reasons(CARD, state, now, "zh", limit=2)[1].text == "查看价格页面 2 次，最近一次在 2 天前"
    assert [(interest.topic, interest.share) for interest in interests(CARD, state)] == [("pumps", 1.0)]


def test_a_name_given_again_and_again_earns_once() -> None:
    stays: list[Stay] = [(day + 0.4, 0, ["/", "identify", "identify", "group"]) for day in range(10)]
    state = fold(CARD, None, {0: facts_of(stays)})
    assert (state.rules["identify"].count, state.rules["group"].count) == (1, 1)


@pytest.mark.parametrize(
    ("deed", "rules"),
    [
        ("/careers/sales", set()),
        ("/products/pressure-valves", {"product"}),
        ("/blog/pricing-strategy", {"editorial"}),
        ("/plans", {"pricing"}),
        ("/en/request-a-quote.html", {"quote"}),
        ("/demo", {"demo"}),
        ("/demography", set()),
        (download("x.zip"), {"download"}),
        (download("2026 Price List.PDF"), {"download", "price_list"}),
        (form("site-search"), set()),
        (form("Newsletter footer"), {"newsletter"}),
        (form("quote"), {"form"}),
        (("Link Clicked", {"url": "tel:+491234"}), {"write_or_call"}),
        (("Link Clicked", {"url": "https://partner.example"}), set()),
        (("email link clicked", {}), {"email_click"}),
        (("Email Opened", {}), set()),
        (("Demo Requested", {}), {"request"}),
    ],
)
def test_what_a_deed_earns(deed: Deed, rules: set[str]) -> None:
    state = fold(CARD, None, {0: facts_of([(0.4, 0, [deed])])})
    assert set(state.rules) == rules | {"first_visit"}


def test_the_empty_state_is_cold() -> None:
    state = ScoreState()
    assert CARD.tier(state.heat, state.hot_since, MONDAY) == "cold"
    assert CARD.score(state.heat, MONDAY) == 0.0
