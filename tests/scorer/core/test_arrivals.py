"""Points for how a visit came: once a visit, by its first page, whatever the other pages say."""

from __future__ import annotations

from typing import Any

import pytest

from scorer.core.labels import Label
from scorer.core.rules import Card
from scorer.core.score import ScoreState, fold
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, lint
from tracker.core.events import Event, Fact

MINUTE = 60_000
CARD = Card(
    Scorecard(
        1,
        Label("Arrivals"),
        p50=40,
        hot=Hot(60),
        warm=20,
        rules=[
            Rule("paid", Label("Paid"), "arrival", 5, Match(channel=["paid_search", "paid_social"])),
            Rule("assistant", Label("Assistant"), "arrival", 3, Match(channel="assistant", source="chatgpt*")),
            Rule("fair", Label("Fair mailing"), "arrival", 7, Match(campaign="*hannover*")),
        ],
    ),
    landmark_ms=0,
)


def visit(number: int, at: int) -> Fact:
    return Fact("visit", at, 1, number, silence_ms=-1)


def page(number: int, at: int, query: str = "", referrer: str = "", context: dict[str, Any] | None = None) -> Fact:
    url = f"https://www.shop.example/{query}"
    event = Event(bytes([number] * 16), at, "page", url=url, referrer=referrer, context=context)
    return Fact("page", at, 1, number, event)


@pytest.mark.parametrize(
    ("first", "points"),
    [
        (page(1, 0, "?gclid=x", "https://www.google.com/"), 5),
        (page(1, 0, "", "https://www.google.com/"), 0),
        (page(1, 0, "", "https://chatgpt.com/"), 3),
        (page(1, 0, "?utm_source=news&utm_medium=email&utm_campaign=Hannover+2026"), 7),
        (page(1, 0, context={"campaign": {"name": "HANNOVER", "medium": "email"}}), 7),
        (page(1, 0), 0),
    ],
)
def test_a_visit_earns_by_its_first_page(first: Fact, points: float) -> None:
    later = page(1, MINUTE, "?gclid=y", "https://www.google.com/")
    assert fold(CARD, None, {0: [visit(1, 0), first, later]}).heat == pytest.approx(points, rel=1e-6)


def test_going_on_is_the_same_as_folding_all() -> None:
    facts = [
        visit(1, 0),
        page(1, 0, "?gclid=x"),
        page(1, MINUTE, "?gclid=x"),
        visit(2, 90 * MINUTE),
        page(2, 90 * MINUTE, "?gclid=x"),
    ]
    state: ScoreState | None = None
    for fact in facts:
        state = fold(CARD, state, {0: [fact]})
    assert state == fold(CARD, None, {0: facts})
    assert state is not None
    assert state.rules["paid"].count == 2


def test_a_channel_that_does_not_exist_is_named() -> None:
    card = {
        "format": 1,
        "name": {"en": "x"},
        "p50": 40,
        "hot": {"enter": 60},
        "warm": 20,
        "rules": [{"id": "a", "label": {"en": "a"}, "on": "arrival", "points": 1, "match": {"channel": "tv"}}],
    }
    assert [problem.path for problem in lint(card)] == ["rules[0].match.channel"]
