"""Stage, interests and reasons: what the page says of a lead's totals."""

from __future__ import annotations

from string import Formatter

import pytest

from scorer.core.interests import interests, topic_label
from scorer.core.labels import Label, Language
from scorer.core.phrases import PHRASES, ago
from scorer.core.reasons import reasons
from scorer.core.rules import Card
from scorer.core.score import RuleTotal, Totals
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, Topic
from scorer.core.stages import evidence, stage, stage_shares

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


def test_the_evidence_of_each_stage_is_its_share_and_the_rules_behind_it() -> None:
    rules = [
        Rule("docs", Label("Docs"), "page_view", 1, stage="consideration"),
        Rule("prices", Label("Prices"), "page_view", 1, stage="decision"),
        Rule("form", Label("Form"), "form", 1, stage="decision"),
        Rule("visit", Label("Visit"), "new_day", 1),
    ]
    card = Card(Scorecard(1, Label("Test"), 40, Hot(60), 20, rules), landmark_ms=0)
    heats = {"docs": 2.0, "prices": 1.0, "form": 5.0, "visit": 9.0, "gone": 3.0}
    totals = Totals(stages=(0.0, 2.0, 6.0), rules={rule: RuleTotal(heat, 1, heat, 0) for rule, heat in heats.items()})
    assert [(one.stage, one.share, one.rules) for one in evidence(card, totals)] == [
        ("awareness", 0.0, ()),
        ("consideration", 0.25, ("docs",)),
        ("decision", 0.75, ("form", "prices")),
    ]
    assert evidence(card, Totals()) == ()


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
