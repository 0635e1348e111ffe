"""How far sales have got with a lead: claimed, put off, decided. What each step is allowed to follow, and what comes of it.

Nothing of this touches the heat: a lead that rests goes on being scored, and is where it belongs when it is back.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.next_steps import Status
from scorer.core.phrases import HOUR_MS

Outcome = Literal["open", "contacted", "won", "lost", "junk", "not_now"]
"""The last word on a lead. ``open``: there is none, or it was taken back."""

DEFAULT_LEASE_MS: Final = 7 * DAY_MS
SHORTEST_LEASE_MS: Final = HOUR_MS
LONGEST_LEASE_MS: Final = 90 * DAY_MS
LONGEST_SNOOZE_MS: Final = 366 * DAY_MS
REST_MS: Final = 30 * DAY_MS
"""How long a lead stays off the hot list after ``lost``, ``junk`` or ``not_now``; then it is back as soon as it is hot."""

_FINAL: Final = ("won", "lost", "junk")
_RESTING: Final = ("lost", "junk", "not_now")
SETTLED: Final = ("won", "lost", "junk", "not_now")
"""Outcomes that say more about a lead than who has claimed it or until when it is put off."""

Obstacle = Literal["taken", "not_claimed", "won", "lease_length", "snooze_length"]
OBSTACLES: Final[dict[Obstacle, Label]] = {
    "taken": Label("Somebody else has claimed this lead.", "该线索已被他人认领。"),
    "not_claimed": Label("Nobody has claimed this lead.", "该线索无人认领。"),
    "won": Label(
        "This lead is won. Set it to open again first if there is more to do.",
        "该线索已成交。如需继续跟进，请先将其改回待处理。",
    ),
    "lease_length": Label("A claim lasts from 1 hour to 90 days.", "认领期限为 1 小时至 90 天。"),
    "snooze_length": Label(
        "A lead is snoozed until a time to come, 366 days from now at most.", "推迟的时间须晚于现在，且不超过 366 天。"
    ),
}


class Handling(msgspec.Struct, frozen=True):
    """How far sales have got with one lead. Times in ms since 1970 UTC."""

    outcome: Outcome = "open"
    owner: str | None = None
    """Who has claimed it; ``None`` while nobody has."""
    claimed_until: int | None = None
    snoozed_until: int | None = None
    """Until when it rests; ``None`` unless it does."""


def status(now: Handling) -> Status:
    """The one word for it: the outcome where that settles the matter, else snoozed, else contacted, else claimed.

    >>> status(Handling(outcome="contacted", owner="ada@halden.example"))
    'contacted'
    """
    if now.outcome in SETTLED:
        return now.outcome
    if now.snoozed_until is not None:
        return "snoozed"
    if now.outcome == "contacted":
        return "contacted"
    return "open" if now.owner is None else "claimed"


def holder(one: Handling, now_ms: int) -> str | None:
    """Who holds the lead at ``now_ms``; ``None`` for nobody, or for a lease that is over but not cleared away yet."""
    return one.owner if one.claimed_until is not None and one.claimed_until > now_ms else None


def claim(one: Handling, owner: str, now_ms: int, lease_ms: int = DEFAULT_LEASE_MS) -> Handling | Obstacle:
    """*owner* takes the lead for ``lease_ms``, or prolongs the lease.

    Who takes it up anew ends its rest; its owner doesn't.
    """
    if not SHORTEST_LEASE_MS <= lease_ms <= LONGEST_LEASE_MS:
        return "lease_length"
    if one.outcome == "won":
        return "won"
    held_by = holder(one, now_ms)
    if held_by not in (None, owner):
        return "taken"
    snoozed_until = one.snoozed_until if held_by == owner else None
    return msgspec.structs.replace(one, owner=owner, claimed_until=now_ms + lease_ms, snoozed_until=snoozed_until)


def release(one: Handling, owner: str, now_ms: int) -> Handling | Obstacle:
    """*owner* gives the lead back."""
    held_by = holder(one, now_ms)
    if held_by is None:
        return "not_claimed"
    return "taken" if held_by != owner else msgspec.structs.replace(one, owner=None, claimed_until=None)


def snooze(one: Handling, actor: str, until_ms: int, now_ms: int) -> Handling | Obstacle:
    """*actor* puts the lead off until ``until_ms``. A claim stays, and may run out meanwhile."""
    if not now_ms < until_ms <= now_ms + LONGEST_SNOOZE_MS:
        return "snooze_length"
    if one.outcome == "won":
        return "won"
    if holder(one, now_ms) not in (None, actor):
        return "taken"
    return msgspec.structs.replace(one, snoozed_until=until_ms)


def decide(one: Handling, outcome: Outcome, at_ms: int, now_ms: int) -> Handling:
    """It is said at ``at_ms`` what became of the lead.

    ``won``, ``lost`` and ``junk`` end the claim. ``lost``, ``junk`` and ``not_now`` let the lead rest for ``REST_MS`` from
    ``at_ms``; every other outcome ends a rest.
    """
    ends = outcome in _FINAL
    rests = outcome in _RESTING and at_ms + REST_MS > now_ms
    return Handling(
        outcome=outcome,
        owner=None if ends else one.owner,
        claimed_until=None if ends else one.claimed_until,
        snoozed_until=at_ms + REST_MS if rests else None,
    )


def expire(one: Handling, now_ms: int) -> Handling:
    """The same without a claim whose lease is over."""
    if one.owner is None or holder(one, now_ms) is not None:
        return one
    return msgspec.structs.replace(one, owner=None, claimed_until=None)


def wake(one: Handling, now_ms: int) -> Handling:
    """The same without a rest that is over."""
    if one.snoozed_until is None or one.snoozed_until > now_ms:
        return one
    return msgspec.structs.replace(one, snoozed_until=None)


def heir(kept: Handling, lost: Handling) -> Handling:
    """How far sales have got with *kept* once *lost* has become part of it: a claim on *lost* goes on where *kept* has none.

    A rest of *lost* ends with it. The outcome is the last word said on either, which is for the caller to ``decide``.
    """
    if kept.owner is not None or lost.owner is None:
        return kept
    return msgspec.structs.replace(kept, owner=lost.owner, claimed_until=lost.claimed_until)
