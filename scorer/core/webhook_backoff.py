"""What an attempt to reach a webhook has come to, and when to try again."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

import msgspec

from scorer.core.webhook_troubles import Trouble
from scorer.core.webhook_types import ROBOTS, Preset

SECOND_MS, MINUTE_MS, HOUR_MS = 1000, 60_000, 3_600_000

SCHEDULE_MS: Final = (
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
)
"""Between an attempt and the next, as Standard Webhooks 1.0.0 advises ("Deliverability and reliability"): ten attempts
over about three days."""
MAX_ATTEMPTS: Final = len(SCHEDULE_MS) + 1
JITTER: Final = 0.2
"""Part of a delay by which it is lengthened at most, so that what failed together doesn't come back together."""
LONGEST_WAIT_MS: Final = 24 * HOUR_MS
"""What a receiver's Retry-After can ask for."""
GIVE_UP_AFTER_MS: Final = 5 * 24 * HOUR_MS
"""A webhook that has failed for so long, without one success, is switched off."""

Outcome = Literal["delivered", "again", "gone"]


class Answer(msgspec.Struct, frozen=True):
    """What came back. ``status`` is ``None`` where nobody answered; then ``trouble`` says why."""

    status: int | None
    took_ms: int
    trouble: Trouble | None = None
    retry_after: str = ""
    """The header, as it came."""
    body: bytes = b""
    """Its beginning."""


class Verdict(msgspec.Struct, frozen=True):
    """What an answer means, and why it is no success; ``trouble`` is ``None`` for one that is."""

    outcome: Outcome
    trouble: Trouble | None = None


def judge(preset: Preset, answer: Answer) -> Verdict:
    """Return whether a message was delivered, must be tried again, or the receiver wants no more.

    2xx is success and 410 the end; all else, redirects too, is tried again. Chat robots answer 200 also when they refuse:
    their body says which.
    """
    if answer.status is None:
        return Verdict("again", answer.trouble)
    said = _quoted(answer.body)
    if answer.status == 410:
        return Verdict("gone", Trouble("gone"))
    if not 200 <= answer.status < 300:
        return Verdict("again", Trouble("redirect" if 300 <= answer.status < 400 else "status", said))
    if preset in ROBOTS and preset != "slack" and (code := _code(answer.body)) != 0:
        return Verdict(
            "again", Trouble("robot_silent", said) if code is None else Trouble("robot_refused", f"{code}: {said}")
        )
    return Verdict("delivered")


def next_delay_ms(attempts: int, chance: float, asked_ms: int | None = None) -> int | None:
    """Return how long to wait after so many failed attempts; ``None`` when that was the last.

    *chance* is a random number from 0 to 1, *asked_ms* what the receiver asked to wait: the longer of both counts.

    >>> next_delay_ms(1, 0.0), next_delay_ms(1, 1.0), next_delay_ms(10, 0.5)
    (5000, 6000, None)
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    delay = SCHEDULE_MS[attempts - 1] * (1 + JITTER * chance)
    return round(max(delay, min(asked_ms or 0, LONGEST_WAIT_MS)))


def retry_after_ms(header: str, now_ms: int) -> int | None:
    """Return how long a Retry-After asks to wait: seconds, or a date (RFC 9110, 10.2.3). ``None`` for none to be read.

    >>> retry_after_ms("120", 0), retry_after_ms("Thu, 01 Jan 1970 00:01:00 GMT", 0), retry_after_ms("soon", 0)
    (120000, 60000, None)
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return int(text) * SECOND_MS if len(text) < 10 else LONGEST_WAIT_MS
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, math.ceil(at.timestamp() * 1000) - now_ms)


def is_long_failing(failing_since_ms: int | None, now_ms: int) -> bool:
    """Return whether a webhook has failed for so long that it is to be switched off."""
    return failing_since_ms is not None and now_ms - failing_since_ms >= GIVE_UP_AFTER_MS


def _code(body: bytes) -> int | None:
    """Return a robot's own status: 0 for success, ``None`` where there is none.

    WeCom and DingTalk say ``errcode``; Feishu ``code``, formerly ``StatusCode``.
    """
    try:
        told: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(told, dict):
        return None
    return next((told[name] for name in ("errcode", "code", "StatusCode") if type(told.get(name)) is int), None)


def _quoted(body: bytes) -> str:
    text = " ".join("".join(one if one.isprintable() else " " for one in body.decode("utf-8", "replace")).split())
    return text[:200]
