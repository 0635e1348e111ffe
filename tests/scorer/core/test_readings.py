"""Stage, interests, reasons and next step: what the page says of a lead's totals."""

from __future__ import annotations

from datetime import UTC, datetime
from string import Formatter

import pytest
from scorer.core.next_step import NextStep, Situation, next_step

from scorer.core.interests import interests, topic_label
from scorer.core.labels import Label, Language
from scorer.core.phrases import PHRASES, ago
from scorer.core.reasons import reasons
from scorer.core.rules import Card
from scorer.core.score import RuleTotal, Totals
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, Topic
from scorer.core.stages import stage, stage_shares

HOUR = 3_600_000
DAY = 24 * HOUR
RULES = [
    Rule("pricing", Label("Viewed pricing", "查看价格页面"), "page_view", 8),
    Rule("dwell", Label("Spent time reading", "停留阅读"), "dwell", buckets=[(10, 1)]),
    Rule("english", Label("Called us"), "event", 1),
]
TOPICS = [Topic(Match(path="/pumps*"), id="pumps", label=Label("Pumps", "泵"))]
CARD = Card(Scorecard(1, Label("Test"), 40, Hot(60), 20, RULES, TOPICS), landmark_ms=0)


@pytest.mark.parametrize(
    ("heats", "expected"),
    [
        ((0.0, 0.0, 0.0), None),
        ((1.0, 0.0, 0.0), "awareness"),
        ((6.1, 3.9, 0.0), "awareness"),
        ((6.0, 4.0, 0.0), "consideration"),
        ((0.0, 6.6, 3.4), "consideration"),
        ((0.0, 6.5, 3.5), "decision"),
        ((0.0, 0.0, 1e-9), "decision"),
    ],
)
def test_stage_by_shares(heats: tuple[float, float, float], expected: str | None) -> None:
    totals = Totals(stages=heats)
    assert stage(totals) == expected
    shares = stage_shares(totals)
    assert shares is None or sum(shares) == pytest.approx(1)


def test_interests_are_shares_of_the_topics_greatest_first() -> None:
    found = interests(CARD, Totals(topics={"seal-kits": 2.0, "pumps": 6.0, "a": 2.0, "glance": 0.1}), "zh")
    assert [(interest.topic, interest.label) for interest in found] == [
        ("pumps", "泵"),
        ("a", "a"),
        ("seal-kits", "seal kits"),
    ]
    assert found[0].share == pytest.approx(6 / 10.1)


def test_no_topic_no_interest() -> None:
    assert interests(CARD, Totals()) == []
    assert topic_label(CARD, "pumps", "en") == "Pumps"


@pytest.mark.parametrize(
    ("rule", "count", "hours", "language", "text"),
    [
        ("pricing", 3, 2, "en", "Viewed pricing 3 times, last 2 hours ago"),
        ("pricing", 3, 2, "zh", "查看价格页面 3 次，最近一次在 2 小时前"),
        ("pricing", 1, 1, "en", "Viewed pricing, 1 hour ago"),
        ("pricing", 1, 1, "zh", "查看价格页面，1 小时前"),
        ("dwell", 2, 72, "en", "Spent time reading in 2 visits, last 3 days ago"),
        ("dwell", 1, 72, "zh", "停留阅读（1 次访问），3 天前"),
        ("english", 1, 0, "zh", "Called us，刚刚"),
        ("gone", 2, 0, "en", "gone 2 times, last moments ago"),
    ],
)
def test_reason_in_words(rule: str, count: int, hours: int, language: Language, text: str) -> None:
    totals = Totals(heat=8.0, rules={rule: RuleTotal(8.0, count, 8.0, 0)})
    assert reasons(CARD, totals, hours * HOUR, language)[0].text == text


def test_reasons_add_up_to_the_points_greatest_first() -> None:
    totals = Totals(heat=12.0, rules={"dwell": RuleTotal(4.0, 1, 4.0, 0), "pricing": RuleTotal(8.0, 1, 8.0, 0)})
    found = reasons(CARD, totals, 14 * DAY)
    assert [(reason.rule, reason.points) for reason in found] == [("pricing", 4.0), ("dwell", 2.0)]
    assert sum(reason.points for reason in found) == CARD.points(totals.heat, 14 * DAY)
    assert [reason.rule for reason in reasons(CARD, totals, 0, limit=1)] == ["pricing"]


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (-5, "moments ago"),
        (59_999, "moments ago"),
        (60_000, "1 minute ago"),
        (HOUR - 1, "59 minutes ago"),
        (HOUR, "1 hour ago"),
        (2 * DAY - 1, "47 hours ago"),
        (2 * DAY, "2 days ago"),
        (400 * DAY, "400 days ago"),
    ],
)
def test_how_long_ago(passed: int, text: str) -> None:
    assert ago(0, passed, "en") == text


def test_every_phrase_has_both_languages_and_the_same_words_to_fill_in() -> None:
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text)} - {None}

    assert all(phrase.zh and fields(phrase.en) >= fields(phrase.zh) for phrase in PHRASES.values())


def at(text: str) -> int:
    """Milliseconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


NOW = at("2025-06-25T09:30")  # a Wednesday
SOON = NOW + 5 * HOUR


@pytest.mark.parametrize(
    ("lead", "action", "due", "why"),
    [
        (Situation("hot", True, False, "pumps"), "call", at("2025-06-25T18:00"), "Hot, and interested in pumps"),
        (Situation("hot", True, False), "call", at("2025-06-25T18:00"), "Hot, and we know who it is"),
        (Situation("hot", False, True), "identify", at("2025-06-25T18:00"), "Hot, but still anonymous"),
        (Situation("hot", True, True, cools_at=SOON), "follow_up", SOON, "Cooling"),
        (Situation("hot", True, True, cools_at=NOW + DAY), "follow_up", at("2025-06-25T18:00"), "Cooling"),
        (Situation("hot", True, True, cools_at=NOW + 3 * DAY), "call", at("2025-06-25T18:00"), "Hot"),
        (Situation("hot", False, True, cools_at=SOON), "identify", at("2025-06-25T18:00"), "Hot"),
        (
            Situation("warm", True, True, "pumps"),
            "send_material",
            at("2025-06-26T12:00"),
            "Downloads material and reads",
        ),
        (Situation("warm", True, True), "send_material", at("2025-06-26T12:00"), "Downloads material, but"),
        (Situation("warm", True, False), "nurture", at("2025-07-09T12:00"), "Not enough"),
        (Situation("cold", True, True), "nurture", at("2025-07-09T12:00"), "Not enough"),
    ],
)
def test_next_step(lead: Situation, action: str, due: int, why: str) -> None:
    step = next_step(lead, NOW)
    assert (step.action, step.due) == (action, due)
    assert step.why.startswith(why)


@pytest.mark.parametrize(
    ("now", "offset_minutes", "due"),
    [
        ("2025-06-25T15:59", 0, "2025-06-25T18:00"),
        ("2025-06-25T16:00", 0, "2025-06-26T12:00"),
        ("2025-06-27T16:00", 0, "2025-06-30T12:00"),
        ("2025-06-28T09:00", 0, "2025-06-30T12:00"),
        ("2025-06-25T00:30", 0, "2025-06-25T18:00"),
        ("2025-06-24T17:30", 480, "2025-06-25T10:00"),
        ("2025-06-27T17:30", 480, "2025-06-30T04:00"),
        ("2025-06-25T09:30", -330, "2025-06-25T23:30"),
    ],
)
def test_a_call_is_due_within_the_business_day_of_the_place(now: str, offset_minutes: int, due: str) -> None:
    assert next_step(Situation("hot", True, False), at(now), offset_minutes).due == at(due)


def test_next_step_in_chinese() -> None:
    assert next_step(Situation("hot", True, False, "离心泵"), NOW, 480, "zh") == NextStep(
        "call", at("2025-06-26T04:00"), "热度高，关注“离心泵”"
    )
