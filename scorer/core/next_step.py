"""What a salesperson should do next with a lead, by when, and why: one table of rules, the first that fits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Literal

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.phrases import Phrase, say
from scorer.core.rules import Language, Tier

Action = Literal["call", "identify", "send_material", "follow_up", "nurture"]

COOLING_MS = 2 * DAY_MS
"""A hot lead that cools within this time is followed up before it does."""
LAST_CALL_HOUR = 16
"""From this local hour on, work due today is due on the next business day."""
DAY_END_HOUR = 18
NOON_HOUR = 12


class Situation(msgspec.Struct, frozen=True):
    """What the next step depends on."""

    tier: Tier
    identified: bool
    """Name or e-mail known."""
    downloaded: bool
    """Has downloaded something that the card values."""
    topic: str = ""
    """Words for its first interest; empty when there is none."""
    cools_at: int | None = None
    """When it leaves the hot list, milliseconds since 1970 UTC; ``None`` when it isn't on it."""


class NextStep(msgspec.Struct, frozen=True):
    """Action, due time in milliseconds since 1970 UTC, and the reason in words."""

    action: Action
    due: int
    why: str


class Step(msgspec.Struct, frozen=True):
    """One row of the table: when it fits, what to do, until when, and how to say why."""

    fits: Callable[[Situation, int], bool]
    action: Action
    due: Callable[[int, int], int]
    why: Phrase
    why_topic: Phrase | None = None
    """Said instead when the topic is known; ``None`` when the topic doesn't matter."""


def _cooling(lead: Situation, now_ms: int) -> bool:
    return lead.cools_at is not None and now_ms <= lead.cools_at < now_ms + COOLING_MS


def within_business_day(now_ms: int, utc_offset_minutes: int) -> int:
    """End of this business day (18:00 local), or noon of the next one from 16:00 and at weekends. Milliseconds UTC.

    >>> within_business_day(0, utc_offset_minutes=0) == 18 * 3_600_000  # 1970-01-01 was a Thursday
    True
    """
    local = _local(now_ms, utc_offset_minutes)
    if local.weekday() < 5 and local.hour < LAST_CALL_HOUR:
        return _at_hour(local, DAY_END_HOUR)
    return next_business_noon(now_ms, utc_offset_minutes)


def next_business_noon(now_ms: int, utc_offset_minutes: int) -> int:
    """Noon local on the next day from Monday to Friday. Milliseconds since 1970 UTC."""
    day = _local(now_ms, utc_offset_minutes) + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return _at_hour(day, NOON_HOUR)


def in_two_weeks(now_ms: int, utc_offset_minutes: int) -> int:
    """Noon local on the first business day 14 days from now. Milliseconds since 1970 UTC."""
    return next_business_noon(now_ms + 13 * DAY_MS, utc_offset_minutes)


STEPS: tuple[Step, ...] = (
    Step(
        lambda lead, now: lead.tier == "hot" and lead.identified and _cooling(lead, now),
        "follow_up",
        within_business_day,
        "why_follow_up",
    ),
    Step(
        lambda lead, _: lead.tier == "hot" and lead.identified,
        "call",
        within_business_day,
        "why_call",
        "why_call_topic",
    ),
    Step(lambda lead, _: lead.tier == "hot", "identify", within_business_day, "why_identify"),
    Step(
        lambda lead, _: lead.tier == "warm" and lead.downloaded,
        "send_material",
        next_business_noon,
        "why_send_material",
        "why_send_material_topic",
    ),
    Step(lambda lead, _: True, "nurture", in_two_weeks, "why_nurture"),
)


def next_step(lead: Situation, now_ms: int, utc_offset_minutes: int = 0, language: Language = "en") -> NextStep:
    """The first step of ``STEPS`` that fits, due in the lead's (else the site's) local time, and why.

    ``due`` is never before ``now_ms``; a follow-up is due before the lead cools, even outside business hours.

    Examples
    --------
    >>> next_step(Situation("hot", identified=False, downloaded=True), now_ms=0).action
    'identify'
    """
    step = next(step for step in STEPS if step.fits(lead, now_ms))
    due = step.due(now_ms, utc_offset_minutes)
    if step.action == "follow_up" and lead.cools_at is not None:
        due = min(due, lead.cools_at)
    if step.why_topic and lead.topic:
        return NextStep(step.action, due, say(step.why_topic, language, topic=lead.topic))
    return NextStep(step.action, due, say(step.why, language))


def _local(now_ms: int, utc_offset_minutes: int) -> datetime:
    """Wall time at that offset from UTC."""
    return datetime.fromtimestamp(now_ms / 1000, timezone(timedelta(minutes=utc_offset_minutes)))


def _at_hour(day: datetime, hour: int) -> int:
    return int(day.replace(hour=hour, minute=0, second=0, microsecond=0).timestamp()) * 1000
