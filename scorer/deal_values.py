"""What may come of leads, in money: the chance that their points stand for, times what deals like it are worth.

Both are read once for a page, by their keys; the rest is arithmetic. It stands beside the score and has no part in it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from scorer.calibrations import calibration_of
from scorer.core.company_sizes import size_of
from scorer.core.deal_value import ExpectedSum, ExpectedValue, Traits, ValueModel, expected
from scorer.core.learned import Calibration, chance
from scorer.core.rules import Card
from scorer.insight_store import insight_text, load_insight

CLOSED: Final = frozenset({"won", "lost", "junk"})
"""Statuses of leads that nothing more is expected of."""
MONEY_DIGITS: Final = 2


class Valuation(msgspec.Struct, frozen=True):
    """By what the leads of a site are valued."""

    model: ValueModel | None = None
    """``None`` while no deal has a value."""
    calibration: Calibration | None = None
    """``None`` while no chance can be told."""

    def of(self, row: Any, card: Card, now_ms: int) -> ExpectedValue | None:
        """Return what may come of a lead, given by a row that has ``heat``, ``status``, ``exclusion``, ``topics``, ``grade``
        and ``employees``; ``None`` for one that is closed or excluded, and without a model."""
        if self.model is None or row.status in CLOSED or row.exclusion is not None:
            return None
        told = chance(self.calibration, card.points(row.heat, now_ms)) if self.calibration else None
        return rounded(expected(self.model, traits_of(row.topics, row.employees, row.grade), told))


def valuation(connection: Connection, site_id: int, scorecard_id: int) -> Valuation:
    """Return by what leads are valued now: two rows, each by its key."""
    return Valuation(load_insight(connection, site_id, "value", ValueModel), calibration_of(connection, scorecard_id))


def valuation_tag(connection: Connection, site_id: int, scorecard_id: int) -> str:
    """Return what stands for how leads are valued: the same text as long as nothing of it changes."""
    told = (insight_text(connection, site_id, "value"), calibration_of(connection, scorecard_id))
    return blake2b(msgspec.json.encode(told), digest_size=8).hexdigest()


def traits_of(topics: str, employees: int | None, grade: str | None) -> Traits:
    """Return what a lead's deals are compared by; *topics* as ``lead_scores`` has them, the greatest first."""
    return Traits(next(iter(topics.split()), None), size_of(employees), grade or None)


def rounded(value: ExpectedValue) -> ExpectedValue:
    """Return it as it is told: money to two decimals, chances to four."""
    money = ("amount", "low", "high", "if_won", "if_won_low", "if_won_high", "lifetime")
    told: dict[str, Any] = {
        name: None if (one := getattr(value, name)) is None else round(one, MONEY_DIGITS) for name in money
    }
    told["chance"] = None if value.chance is None else round(value.chance, 4)
    return msgspec.structs.replace(value, **told)


def rounded_sum(value: ExpectedSum | None) -> ExpectedSum | None:
    """The same of a sum."""
    if value is None:
        return None
    low, high = (None if one is None else round(one, MONEY_DIGITS) for one in (value.low, value.high))
    return msgspec.structs.replace(value, amount=round(value.amount, MONEY_DIGITS), low=low, high=high)
