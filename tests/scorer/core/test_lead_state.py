"""Every transition of a lead, and none announced twice."""

from __future__ import annotations

import pytest

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.lead_state import LeadSnapshot, announced, changes
from scorer.core.rules import Card
from scorer.core.scorecard import Hot, Scorecard

CARD = Card(Scorecard(1, Label("Test"), 40, Hot(60), 20, [], half_life_days=14), landmark_ms=0)
COLD = LeadSnapshot(heat=5)
WARM = LeadSnapshot(heat=50)
HOT = LeadSnapshot(heat=60, hot_since=0)
TOLD = LeadSnapshot(heat=60, hot_since=0, hot=True, announced_score=64.6)


@pytest.mark.parametrize(
    ("case", "before", "after", "now_days", "kinds"),
    [
        ("a cold stranger is no news", None, COLD, 0, []),
        ("nor a warm one", COLD, WARM, 0, []),
        ("a stranger hot at once", None, HOT, 0, ["entered"]),
        ("warm to hot", WARM, HOT, 0, ["entered"]),
        ("hot and told", TOLD, HOT, 0, []),
        ("fading, still above the leaving mark", TOLD, HOT, 7, []),
        ("faded below it with nothing happening", TOLD, TOLD, 8, ["left"]),
        ("left is told once", announced(TOLD, TOLD, changes(CARD, TOLD, TOLD, 8 * DAY_MS)), HOT, 9, []),
        ("hot again by a late event before leaving was told", TOLD, LeadSnapshot(heat=61, hot_since=5), 0, []),
        ("10 points of score more", TOLD, LeadSnapshot(heat=80, hot_since=0), 0, ["rose"]),
        ("9 points of score more", TOLD, LeadSnapshot(heat=76, hot_since=0), 0, []),
        ("hot when read, faded when told", None, HOT, 8, []),
        ("above entering, but not in a spell", None, LeadSnapshot(heat=70), 0, []),
        ("a name", COLD, LeadSnapshot(heat=5, identified=True), 0, ["identified"]),
        ("a name known already", LeadSnapshot(identified=True), LeadSnapshot(identified=True), 0, []),
        ("a name makes hot", WARM, LeadSnapshot(heat=60, hot_since=0, identified=True), 0, ["identified", "entered"]),
        ("a name, and cooled", TOLD, LeadSnapshot(heat=60, hot_since=0, identified=True), 8, ["identified", "left"]),
        ("erased behaviour", TOLD, LeadSnapshot(), 0, ["left"]),
    ],
)
def test_transition(case: str, before: LeadSnapshot | None, after: LeadSnapshot, now_days: int, kinds: list[str]) -> None:
    made = changes(CARD, before, after, now_days * DAY_MS)
    assert [change.kind for change in made] == kinds, case
    kept = announced(before, after, made)
    assert changes(CARD, kept, kept, now_days * DAY_MS) == [], "what was told is not told again"
    assert (kept.heat, kept.hot_since, kept.identified) == (after.heat, after.hot_since, after.identified)


def test_a_score_dithering_for_a_day_enters_once() -> None:
    kept, told = None, []
    since = None
    heat = 0.0
    for hour in range(48):
        now = hour * 3_600_000
        before, heat = heat, CARD.decay.threshold_heat(59 if hour % 2 else 61, now)
        since = CARD.hot_since(since, before, heat, now)
        after = LeadSnapshot(heat=heat, hot_since=since)
        made = changes(CARD, kept, after, now)
        kept = announced(kept, after, made)
        told += [change.kind for change in made]
    assert told == ["entered"]


def test_a_lead_that_left_enters_again_at_the_entering_mark() -> None:
    left = LeadSnapshot(heat=60, hot_since=0)
    assert [change.kind for change in changes(CARD, left, LeadSnapshot(heat=130, hot_since=1), 14 * DAY_MS)] == ["entered"]


def test_a_change_carries_the_score_of_its_moment() -> None:
    (entered,) = changes(CARD, None, LeadSnapshot(heat=80, hot_since=0), 0)
    assert (entered.at, entered.score) == (0, 75.0)
    assert announced(None, HOT, [entered]).announced_score == 75.0
