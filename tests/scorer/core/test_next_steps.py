"""What to do next: the shipped rules on leads as they come, how rules fit, and what the linter finds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, tzinfo
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scorer.core import rules as card_rules
from scorer.core import scorecard
from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.next_steps import (
    _BRACES,
    DEFAULT_NEXT_STEPS,
    PLACEHOLDERS,
    STAGE_WORDS,
    Action,
    DueName,
    InDays,
    NextStep,
    NextStepRule,
    Role,
    Situation,
    Status,
    When,
    _Stage,
    _Tier,
    lint_next_steps,
    next_step,
)
from scorer.core.rhythm import Rhythm
from scorer.core.working_hours import HourWindow
from tests.languages import is_chinese

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000


def at(text: str) -> int:
    """Milliseconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


NOW = at("2025-06-25T09:30")  # a Wednesday
SOON = NOW + 5 * HOUR
TODAY, TOMORROW, NEXT_MONTH = at("2025-06-25T18:00"), at("2025-06-26T12:00"), at("2025-07-25T12:00")
AFTERNOON = Rhythm(silence_days=0.5, best_hours=(HourWindow("weekdays", 14, 16, 0.6),))
MORNING = Rhythm(silence_days=0.5, best_hours=(HourWindow("weekdays", 8, 10, 0.6),))
QUIET = Rhythm(silence_days=9.8, unusual_silence=True)
REGULAR = Rhythm(silence_days=5, next_visit_at=at("2025-06-27T10:00"))
HOT, KNOWN = Situation("hot", identified=False), Situation("hot", identified=True)
WARM, COLD = Situation("warm", identified=True), Situation("cold", identified=True)
USER = replace(KNOWN, company="Berg AG", role="user", stage="consideration")


@pytest.mark.parametrize(
    ("lead", "rule", "action", "due", "why"),
    [
        (replace(KNOWN, topic="pumps"), "call-topic", "call", TODAY, "Hot, and interested in pumps"),
        (KNOWN, "call", "call", TODAY, "Hot, and we know who it is"),
        (
            replace(KNOWN, topic="pumps", topic_words="our pumps", rhythm=AFTERNOON),
            "call-best-hour-topic",
            "call",
            at("2025-06-25T16:00"),
            "Hot, and interested in our pumps; often there 14:00–16:00, local time",
        ),
        (
            replace(KNOWN, rhythm=AFTERNOON),
            "call-best-hour",
            "call",
            at("2025-06-25T16:00"),
            "Hot, and we know who it is; often there 14:00–16:00, local time",
        ),
        (replace(KNOWN, rhythm=MORNING), "call-best-hour", "call", at("2025-06-25T10:00"), None),
        (
            replace(KNOWN, rhythm=Rhythm(best_hours=(HourWindow("weekdays", 7, 9, 1.0),))),
            "call",
            "call",
            TODAY,
            "Hot, and we know who it is",
        ),
        (HOT, "identify", "identify", TODAY, "Hot, but still anonymous: find out who it is"),
        (
            replace(HOT, company="Berg AG", cools_at=SOON),
            "identify-company",
            "identify",
            TODAY,
            "Hot, but still anonymous: find out who it is at Berg AG",
        ),
        (replace(KNOWN, cools_at=SOON), "cooling", "follow_up", SOON, "Cooling: drops off the hot list soon"),
        (replace(KNOWN, cools_at=NOW + DAY_MS), "cooling", "follow_up", TODAY, None),
        (replace(KNOWN, cools_at=NOW + 2 * DAY_MS), "call", "call", TODAY, None),
        (replace(KNOWN, cools_at=NOW - 1), "call", "call", TODAY, None),
        (
            USER,
            "invite-colleague",
            "invite_colleague",
            TODAY,
            "Hot, but the only one of Berg AG so far, and not the one who decides",
        ),
        (replace(USER, colleagues=1), "call", "call", TODAY, None),
        (replace(USER, company=""), "call", "call", TODAY, None),
        (replace(USER, role="decider"), "call", "call", TODAY, None),
        (replace(USER, role="unknown"), "call", "call", TODAY, None),
        (replace(USER, stage="decision"), "call", "call", TODAY, None),
        (replace(USER, stage=None), "invite-colleague", "invite_colleague", TODAY, None),
        (
            replace(WARM, downloaded=True, topic="pumps"),
            "send-material-topic",
            "send_material",
            TOMORROW,
            "Downloads material and reads about pumps",
        ),
        (
            replace(WARM, downloaded=True),
            "send-material",
            "send_material",
            TOMORROW,
            "Downloads material, but isn't ready for a call",
        ),
        (
            replace(WARM, topic="pumps"),
            "send-material-read",
            "send_material",
            TOMORROW,
            "Reads about pumps, but isn't ready for a call",
        ),
        (replace(WARM, identified=False, downloaded=True, topic="pumps"), "nurture", "nurture", NEXT_MONTH, None),
        (
            replace(WARM, rhythm=QUIET, topic="pumps"),
            "silent",
            "follow_up",
            TODAY,
            "Silent for 9 days, which is unusual for it",
        ),
        (replace(KNOWN, rhythm=QUIET), "silent", "follow_up", TODAY, None),
        (replace(HOT, rhythm=QUIET), "identify", "identify", TODAY, None),
        (replace(COLD, rhythm=QUIET), "nurture", "nurture", NEXT_MONTH, None),
        (
            replace(WARM, rhythm=REGULAR),
            "wait-for-visit",
            "wait",
            at("2025-06-27T18:00"),
            "Comes regularly, and is expected back soon",
        ),
        (
            replace(WARM, rhythm=replace(REGULAR, next_visit_at=NOW + 3 * DAY_MS + 1)),
            "nurture",
            "nurture",
            NEXT_MONTH,
            None,
        ),
        (
            replace(COLD, grade="D"),
            "let-go-unfit",
            "let_go",
            TOMORROW,
            "Shows little interest, and isn't the customer you look for",
        ),
        (replace(WARM, grade="D"), "nurture", "nurture", NEXT_MONTH, None),
        (
            replace(COLD, rhythm=Rhythm(silence_days=60.5)),
            "let-go-silent",
            "let_go",
            TOMORROW,
            "Silent for 60 days: it comes back to this list when it visits again",
        ),
        (replace(COLD, rhythm=Rhythm(silence_days=59.9)), "nurture", "nurture", NEXT_MONTH, None),
        (WARM, "nurture", "nurture", NEXT_MONTH, "Not enough interest yet: keep in touch"),
        (COLD, "nurture", "nurture", NEXT_MONTH, "Not enough interest yet: keep in touch"),
        (replace(KNOWN, status="claimed"), "call", "call", TODAY, None),
        (
            replace(KNOWN, status="contacted"),
            "contacted",
            "follow_up",
            TOMORROW,
            "Contacted, and still hot: ask what is missing",
        ),
        (replace(KNOWN, status="contacted", cools_at=SOON), "cooling", "follow_up", SOON, None),
        (replace(WARM, status="contacted", topic="pumps"), "nurture", "nurture", NEXT_MONTH, None),
        (replace(KNOWN, status="snoozed"), "put-off", "wait", at("2025-07-02T12:00"), "Put off for now"),
        (replace(WARM, status="not_now"), "put-off", "wait", at("2025-07-02T12:00"), None),
        (replace(KNOWN, status="won"), "closed", "wait", NEXT_MONTH, "The outcome is known already"),
        (replace(COLD, status="junk"), "closed", "wait", NEXT_MONTH, None),
        (replace(WARM, status="lost"), "closed", "wait", NEXT_MONTH, None),
        (
            replace(KNOWN, status="lost"),
            "back-again",
            "follow_up",
            TODAY,
            "Said no before, and is hot again: ask what has changed",
        ),
    ],
)
def test_shipped_rules(lead: Situation, rule: str, action: str, due: int, why: str | None) -> None:
    step = next_step(DEFAULT_NEXT_STEPS, lead, NOW, UTC)
    assert (step.rule, step.action, step.due) == (rule, action, due)
    assert why is None or step.why == why


def test_next_step_in_chinese_at_the_place() -> None:
    lead = replace(KNOWN, topic="pump", topic_words="离心泵")
    assert next_step(DEFAULT_NEXT_STEPS, lead, NOW, SHANGHAI, "zh") == NextStep(
        "call-topic", "call", at("2025-06-26T04:00"), "热度高，关注“离心泵”", "致电"
    )
    assert next_step(DEFAULT_NEXT_STEPS, HOT, NOW, UTC, "zh").why == "热度高，但仍是匿名访客：先弄清对方是谁"


def test_nothing_is_due_on_holidays() -> None:
    days = [date(2025, 6, 25), date(2025, 6, 26)]
    assert next_step(DEFAULT_NEXT_STEPS, KNOWN, NOW, UTC, holidays=days).due == at("2025-06-27T12:00")
    late = replace(KNOWN, rhythm=AFTERNOON)
    assert next_step(DEFAULT_NEXT_STEPS, late, NOW, UTC, holidays=days).rule == "call"


def test_every_rule_that_ships_is_reached() -> None:
    cases = next(mark for mark in test_shipped_rules.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert {case[1] for case in cases.args[1]} == {rule.id for rule in DEFAULT_NEXT_STEPS}


def test_the_shipped_rules_are_without_fault_and_in_both_languages() -> None:
    assert list(lint_next_steps(placed(*DEFAULT_NEXT_STEPS), topics=[])) == []
    for rule in DEFAULT_NEXT_STEPS:
        assert rule.label.zh
        assert rule.why.zh
        assert set(_BRACES.findall(rule.why.en)) == set(_BRACES.findall(rule.why.zh))
    assert {rule.action for rule in DEFAULT_NEXT_STEPS} == set(get_args(Action))


def test_the_words_of_a_card_are_those_of_its_other_parts() -> None:
    assert _Tier == card_rules.Tier
    assert _Stage == scorecard.Stage
    assert set(STAGE_WORDS) == set(scorecard.STAGES)
    assert all(label.zh for label in STAGE_WORDS.values())


def test_rules_are_plain_data() -> None:
    data = json.loads(msgspec.json.encode(DEFAULT_NEXT_STEPS))
    assert msgspec.convert(data, tuple[NextStepRule, ...]) == DEFAULT_NEXT_STEPS
    assert data[-1] == {
        "id": "nurture",
        "label": {"en": "Keep in touch", "zh": "保持联系"},
        "action": "nurture",
        "due": {"days": 30},
        "why": {"en": "Not enough interest yet: keep in touch", "zh": "兴趣还不够：保持联系"},
    }
    assert msgspec.json.schema(NextStepRule)["$ref"] == "#/$defs/NextStepRule"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"action": "spam"}, "$.action"),
        ({"due": "soon"}, "$.due"),
        ({"due": {"days": 1, "hours": 2}}, "$.due"),
        ({"when": {"tier": "hot"}}, "$.when.tier"),
        ({"when": {"tier": ["lukewarm"]}}, "$.when.tier"),
        ({"when": {"mood": ["good"]}}, "$.when"),
        ({"priority": 1}, "`priority`"),
    ],
)
def test_what_a_rule_cannot_say_is_refused(change: dict[str, Any], where: str) -> None:
    data = json.loads(msgspec.json.encode(DEFAULT_NEXT_STEPS[-1])) | change
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(data, NextStepRule)
    assert where in str(refused.value)


LAST = NextStepRule(id="last", label=Label("Last"), action="nurture", due=InDays(1), why=Label("Because"))
FULL = replace(
    KNOWN,
    downloaded=True,
    stage="decision",
    grade="B",
    cools_at=SOON,
    topic="pumps",
    topic_words="Pumps",
    document="Prices 2025.pdf",
    company="Berg AG",
    role="user",
    colleague="Cleo",
    cycle="late",
    source_channel="search",
    rhythm=Rhythm(
        next_visit_at=NOW + DAY_MS,
        silence_days=3.0,
        unusual_silence=True,
        best_hours=AFTERNOON.best_hours,
        momentum="rising",
    ),
)
OVERDUE = replace(FULL, rhythm=Rhythm(overdue_days=1.0, silence_days=3.0))
EMPTY = Situation("cold", identified=False)


def rule_with(when: When, due: Any = "today", why: Label = LAST.why) -> NextStepRule:
    return replace(LAST, id="first", when=when, due=due, why=why)


def fits(rule: NextStepRule, lead: Situation) -> bool:
    return next_step([rule, LAST], lead, NOW, UTC).rule == "first"


CONDITIONS: list[tuple[When, Situation, Situation]] = [
    (When(tier=["hot", "warm"]), FULL, EMPTY),
    (When(stage=["decision"]), FULL, EMPTY),
    (When(stage=["unknown"]), EMPTY, FULL),
    (When(grade=["A", "B"]), FULL, EMPTY),
    (When(grade=["unknown"]), EMPTY, FULL),
    (When(identified=True), FULL, EMPTY),
    (When(identified=False), EMPTY, FULL),
    (When(downloaded=True), FULL, EMPTY),
    (When(cooling=True), FULL, EMPTY),
    (When(cooling=False), EMPTY, FULL),
    (When(unusual_silence=True), FULL, EMPTY),
    (When(silent_days=3), FULL, EMPTY),
    (When(silent_days=0), FULL, EMPTY),
    (When(silent_days=2.5), FULL, replace(FULL, rhythm=Rhythm(silence_days=2.4))),
    (When(overdue=True), OVERDUE, FULL),
    (When(overdue=False), EMPTY, OVERDUE),
    (When(expected_within_days=1), FULL, EMPTY),
    (When(expected_within_days=1), FULL, OVERDUE),
    (When(expected_within_days=1), FULL, replace(FULL, rhythm=Rhythm(next_visit_at=NOW - 1))),
    (When(best_hour_today=True), FULL, EMPTY),
    (When(best_hour_today=False), EMPTY, FULL),
    (When(topic=["seals", "pumps"]), FULL, replace(FULL, topic="valves")),
    (When(has_topic=True), FULL, EMPTY),
    (When(alone_at_account=True), FULL, replace(FULL, colleagues=1)),
    (When(alone_at_account=False), EMPTY, FULL),
    (When(role=["user", "influencer"]), FULL, EMPTY),
    (When(role=["unknown"]), EMPTY, FULL),
    (When(status=["open"]), FULL, replace(FULL, status="claimed")),
    (When(cycle=["late"]), FULL, EMPTY),
    (When(cycle=["unknown"]), EMPTY, FULL),
    (When(momentum=["rising"]), FULL, EMPTY),
    (When(momentum=["unknown", "fading"]), EMPTY, FULL),
    (When(source_channel=["search"]), FULL, EMPTY),
    (When(source_channel=["unknown"]), EMPTY, FULL),
    (When(tier=["hot"], identified=True, stage=["decision"]), FULL, replace(FULL, stage="awareness")),
]


@pytest.mark.parametrize(("when", "yes", "no"), CONDITIONS)
def test_a_rule_fits_when_all_it_asks_holds(when: When, yes: Situation, no: Situation) -> None:
    assert fits(rule_with(when), yes)
    assert not fits(rule_with(when), no)


def test_every_condition_has_a_case() -> None:
    tested = {name for when, _, _ in CONDITIONS for name in msgspec.structs.asdict(when) if getattr(when, name) is not None}
    assert tested == set(When.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "text", "lead_without"),
    [
        ("topic", "Pumps", replace(FULL, topic="", topic_words="")),
        ("days", "3", replace(FULL, rhythm=Rhythm())),
        ("colleague", "Cleo", replace(FULL, colleague="")),
        ("hour", "14:00–16:00", replace(FULL, rhythm=Rhythm())),
        ("company", "Berg AG", replace(FULL, company="")),
        ("document", "Prices 2025.pdf", replace(FULL, document="")),
        ("stage", "decision", replace(FULL, stage=None)),
    ],
)
def test_a_reason_is_said_only_when_it_can_be_filled_in(name: str, text: str, lead_without: Situation) -> None:
    rule = rule_with(When(), why=Label(f"So: {{{name}}}!", f"{{{name}}}"))
    assert next_step([rule, LAST], FULL, NOW, UTC).why == f"So: {text}!"
    assert next_step([rule, LAST], lead_without, NOW, UTC).rule == "last"


def test_every_placeholder_has_a_case() -> None:
    cases = next(
        mark
        for mark in test_a_reason_is_said_only_when_it_can_be_filled_in.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    )
    assert {case[0] for case in cases.args[1]} == set(PLACEHOLDERS)


def test_the_same_rule_fits_in_both_languages() -> None:
    rule = rule_with(When(), why=Label("Just so", "关注{topic}"))
    assert next_step([rule, LAST], EMPTY, NOW, UTC, "en").rule == "last"
    assert next_step([rule, LAST], EMPTY, NOW, UTC, "zh").rule == "last"
    assert next_step([rule, LAST], FULL, NOW, UTC, "zh").why == "关注Pumps"
    assert next_step([LAST], EMPTY, NOW, UTC, "zh") == NextStep("last", "nurture", TOMORROW, "Because", "Last")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Berg\n\tAG\x00 ", "Berg AG"),
        ("\u202eGA greB", "GA greB"),
        ("{topic} {0} {x.y}", "{topic} {0} {x.y}"),
        ("B" * 81, "B" * 79 + "…"),
        ("B" * 80, "B" * 80),
    ],
)
def test_what_visitors_write_stays_on_one_short_line(text: str, shown: str) -> None:
    rule = rule_with(When(), why=Label("{company}"))
    assert next_step([rule, LAST], replace(FULL, company=text), NOW, UTC).why == shown


def test_a_company_of_nothing_printable_is_none() -> None:
    rule = rule_with(When(), why=Label("{company}"))
    assert not fits(rule, replace(FULL, company="\u200b \n"))


@pytest.mark.parametrize(
    ("due", "expected", "lead_without"),
    [
        ("best_hour", at("2025-06-25T16:00"), EMPTY),
        ("before_cooling", SOON, EMPTY),
        ("before_cooling", SOON, replace(FULL, cools_at=NOW - 1)),
        ("next_visit", at("2025-06-26T18:00"), EMPTY),
        ("next_visit", at("2025-06-26T18:00"), OVERDUE),
        ("next_visit", at("2025-06-26T18:00"), replace(FULL, rhythm=Rhythm(next_visit_at=NOW - 1))),
    ],
)
def test_a_rule_whose_due_time_cannot_be_told_does_not_fit(due: DueName, expected: int, lead_without: Situation) -> None:
    rule = rule_with(When(), due)
    assert next_step([rule, LAST], FULL, NOW, UTC).due == expected
    assert not fits(rule, lead_without)


def test_no_rule_that_fits_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rule fits"):
        next_step([rule_with(When(tier=["hot"]))], EMPTY, NOW, UTC)


def placed(*rules: NextStepRule) -> list[tuple[str, NextStepRule]]:
    return [(f"next_steps[{index}]", rule) for index, rule in enumerate(rules)]


ANY = When(tier=["hot"])
NOT_LAST = "next_steps: the last rule must fit always: no conditions, no words in braces, and due today, "
NOT_LAST += "the next_business_day or in days"


@pytest.mark.parametrize(
    ("rules", "problems"),
    [
        ([LAST], []),
        ([], [NOT_LAST]),
        ([LAST] * 101, ["next_steps: at most 100, not 101"]),
        ([rule_with(ANY)], [NOT_LAST]),
        ([rule_with(When(), "best_hour")], [NOT_LAST]),
        ([rule_with(When(), why=Label("About {topic}"))], [NOT_LAST]),
        (
            [replace(LAST, id="Last one")],
            ["next_steps[0].id: 1 to 60 lower-case letters, digits, - or _, not 'Last one'"],
        ),
        ([replace(rule_with(ANY), id="last"), LAST], ["next_steps[1].id: 'last' is already taken"]),
        (
            [rule_with(When(), why=Label("{topic} {price}", "{话题} {}")), LAST],
            [
                f"next_steps[0].why.{language}: {{{name}}} can't be filled in; what can: "
                "{topic}, {days}, {colleague}, {hour}, {company}, {document}, {stage}"
                for language, name in (("en", "price"), ("zh", "话题"), ("zh", ""))
            ],
        ),
        (
            [rule_with(ANY, why=Label("{topic.__class__}", "多{")), LAST],
            [
                f"next_steps[0].why.{language}: braces are only for words that are filled in, as in {{topic}}"
                for language in ("en", "zh")
            ],
        ),
        (
            [replace(LAST, label=Label("Call {company}"))],
            ["next_steps[0].label.en: {company} can't be filled in; what can: nothing"],
        ),
        ([replace(LAST, why=Label(" "))], ["next_steps[0].why.en: must not be empty"]),
        ([replace(LAST, why=Label("x" * 201))], ["next_steps[0].why.en: at most 200 characters, not 201"]),
        (
            [rule_with(When(tier=[])), LAST],
            ["next_steps[0].when.tier: must not be empty; leave it out if it doesn't matter"],
        ),
        ([replace(LAST, due=InDays(366))], ["next_steps[0].due.days: must be from 0 to 365, not 366"]),
        ([replace(LAST, due=InDays(-1))], ["next_steps[0].due.days: must be from 0 to 365, not -1"]),
        (
            [rule_with(When(silent_days=-1, expected_within_days=400)), LAST],
            [
                "next_steps[0].when.silent_days: must be from 0 to 365, not -1",
                "next_steps[0].when.expected_within_days: must be from 0 to 365, not 400",
            ],
        ),
        ([rule_with(When(topic=["pumps", "x"])), LAST], ["next_steps[0].when.topic: there is no topic 'x'"]),
        (
            [rule_with(When()), LAST],
            ["next_steps[1]: is never reached: next_steps[0] ('first') fits whenever this one does"],
        ),
        (
            [rule_with(When(tier=["hot", "warm"])), replace(rule_with(When(tier=["hot"], identified=True)), id="b"), LAST],
            ["next_steps[1]: is never reached: next_steps[0] ('first') fits whenever this one does"],
        ),
        (
            [rule_with(When(silent_days=10)), replace(rule_with(When(silent_days=30)), id="b"), LAST],
            ["next_steps[1]: is never reached: next_steps[0] ('first') fits whenever this one does"],
        ),
        ([rule_with(When(silent_days=30)), replace(rule_with(When(silent_days=10)), id="b"), LAST], []),
        ([rule_with(ANY, why=Label("{topic}")), replace(rule_with(ANY), id="b"), LAST], []),
        ([rule_with(ANY, "best_hour"), replace(rule_with(ANY), id="b"), LAST], []),
    ],
)
def test_lint(rules: list[NextStepRule], problems: list[str]) -> None:
    found = list(lint_next_steps(placed(*rules), topics=["pumps"]))
    assert [str(problem) for problem in found] == problems
    assert all(is_chinese(problem.zh) for problem in found)


def test_any_topic_may_be_asked_for_where_pages_name_them() -> None:
    assert list(lint_next_steps(placed(rule_with(When(topic=["x"])), LAST))) == []


def literal(kind: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(kind))


texts = st.sampled_from(["", "pumps", "Berg AG", "\x00"])
days = st.none() | st.floats(0, 400)
instants = st.none() | st.integers(NOW - 5 * DAY_MS, NOW + 60 * DAY_MS)
windows = st.builds(
    HourWindow, st.sampled_from(["weekdays", "weekend"]), st.integers(0, 22), st.integers(1, 24), st.just(0.4)
)
rhythms = st.builds(
    Rhythm,
    next_visit_at=instants,
    overdue_days=days,
    silence_days=days,
    unusual_silence=st.booleans(),
    best_hours=st.lists(windows, max_size=3).map(tuple),
    momentum=st.sampled_from([None, "rising", "steady", "fading"]),
)
situations = st.builds(
    Situation,
    tier=literal(_Tier),
    identified=st.booleans(),
    downloaded=st.booleans(),
    stage=st.none() | literal(_Stage),
    grade=st.sampled_from([None, "A", "D"]),
    cools_at=instants,
    rhythm=rhythms,
    topic=texts,
    company=texts,
    colleagues=st.integers(0, 2),
    role=literal(Role),
    status=literal(Status),
    cycle=st.sampled_from([None, "early", "late"]),
)
zones = st.sampled_from([UTC, SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")])


@given(situations, zones, st.integers(NOW, NOW + 300 * DAY_MS))
def test_something_is_always_to_be_done_in_full_sentences_and_not_in_the_past(
    lead: Situation, zone: tzinfo, now: int
) -> None:
    english = next_step(DEFAULT_NEXT_STEPS, lead, now, zone)
    chinese = next_step(DEFAULT_NEXT_STEPS, lead, now, zone, "zh")
    assert (english.rule, english.due) == (chinese.rule, chinese.due)
    assert english.due >= now
    for text in (english.why, english.label, chinese.why, chinese.label):
        assert text
        assert not set(text) & {"{", "}", "\x00"}
