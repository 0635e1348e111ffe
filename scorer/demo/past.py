"""What became of the characters of the sample story: what a CRM tells of them afterwards, by events."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from scorer.demo.cast import Character

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_WAITS_MS = (_MINUTE, 2 * _MINUTE, 12 * _MINUTE, 30 * _MINUTE, 3 * _HOUR, 20 * _HOUR, 2 * _DAY, 5 * _DAY)
"""How long after the last visit a salesperson calls."""
_WON_WITHIN_AN_HOUR = 0.72
_WON_LATER = 0.42
_WON_OF_CALLED = 0.07
"""Of those who had not looked for anything."""
_REASONS = ("Price", "Competitor", "Timing", "No budget", "Unreachable")
_NO_LEAD = ("Looking for a job", "Reseller", "Private person")
_SALESPEOPLE = ("ada@nordwind.example", "ben@nordwind.example")


class Said(msgspec.Struct, frozen=True):
    """One word of the CRM."""

    at: int
    """In ms since 1970 UTC."""
    event: str
    properties: dict[str, Any]


def said_of(character: Character, rng: random.Random, ends_ms: list[int]) -> list[Said]:
    """Return what is said of a character whose visits ended at these times, in order; it may lie in the future."""
    by = {"by": _SALESPEOPLE[character.number % 2]}
    if not ends_ms or character.twin_of >= 0:
        return []
    match character.persona:
        case "deal":
            wait = rng.choice(_WAITS_MS)
            won = rng.random() < (_WON_WITHIN_AN_HOUR if wait <= _HOUR else _WON_LATER)
            contact = _workday(ends_ms[-1] + _about(wait, rng))
            took = rng.choice((2, 4, 5, 9, 30)) * _DAY
            return [Said(contact, "Lead Contacted", by), _result(character, rng, contact + _about(took, rng), won)]
        case "called":
            contact = _workday(ends_ms[-1] + rng.randrange(_DAY, 9 * _DAY))
            spoken = Said(contact, "Lead Contacted", by)
            if rng.random() < 0.25:
                return [Said(contact, "Lead Disqualified", by | {"reason": rng.choice(_NO_LEAD)})]
            return [spoken, _result(character, rng, contact + _about(12 * _DAY, rng), rng.random() < _WON_OF_CALLED)]
        case "cooled" if character.number % 3:  # of the others nobody knows who they are
            contact = _workday(ends_ms[-1] + rng.randrange(2 * _DAY, 9 * _DAY))
            spoken = Said(contact, "Lead Contacted", by)
            if character.number % 2:
                return [spoken]
            return [spoken, _result(character, rng, contact + _about(8 * _DAY, rng), rng.random() < 0.2)]
        case "hot_team" if character.number % 3 == 1:
            # Somebody has called after the visit before the last two.
            return [Said(ends_ms[-3] + _about(25 * _MINUTE, rng), "Lead Contacted", by)]
        case "engineer" if character.number % 4 == 1:
            return [Said(_workday(ends_ms[-1] + _about(5 * _HOUR, rng)), "Lead Contacted", by)]
    return []


def _result(character: Character, rng: random.Random, at: int, won: bool) -> Said:
    """The end of it: large companies buy more."""
    by = {"by": _SALESPEOPLE[character.number % 2]}
    if not won:
        return Said(_workday(at), "Lead Lost", by | {"reason": rng.choice(_REASONS)})
    value = round((2_500 + 14 * character.company.employees) * rng.uniform(0.6, 1.8), -2)
    return Said(_workday(at), "Lead Won", by | {"value": value, "currency": "EUR"})


def _about(span_ms: int, rng: random.Random) -> int:
    return round(span_ms * rng.uniform(0.6, 1.5))


def _workday(at: int) -> int:
    """The time itself, on a weekend that of the Monday after it."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return at + round(timedelta(days=max(0, 7 - moment.weekday())) / timedelta(milliseconds=1)) * (moment.weekday() >= 5)
