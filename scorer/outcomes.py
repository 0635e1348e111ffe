"""What became of leads: told by events from a CRM or an import, or by people. The last word by time is a lead's status."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from scorer.announcing import Change, announce
from scorer.auditing import note
from scorer.core.decay import DAY_MS
from scorer.core.handling import Outcome, decide
from scorer.decision_errors import DecisionError
from scorer.handling import Word, checked_name, last_words, put, take_up
from scorer.models import leads, outcomes
from tracker import bulk
from tracker.batch import VisitorUpdate
from tracker.core.events import Event
from tracker.sites import Site

OUTCOME_EVENTS: Final = {
    "lead contacted": "contacted",
    "lead won": "won",
    "lead lost": "lost",
    "lead disqualified": "junk",
    "lead postponed": "not_now",
}
"""Names of ``track`` events (whatever their case) that say what became of a lead, and the status each gives."""

VALUE_BELOW: Final = 1e15
_LONGEST_CURRENCY: Final = 10
_LONGEST_REASON: Final = 500
_LONGEST_NAME: Final = 200
_COLUMNS: Final = tuple(column.name for column in outcomes.columns)


def note_outcomes(
    connection: Connection, updates: Sequence[VisitorUpdate], root_of: Mapping[int, str], home_of: Mapping[int, str]
) -> set[str]:
    """Store what the updates' events say of outcomes; return the leads that they speak of.

    Told again, the same event changes nothing.
    """
    rows = {}
    for update in updates:
        for fact in update.facts:
            if fact.kind == "track" and fact.event is not None:
                kind = OUTCOME_EVENTS.get(fact.event.name.lower())
                if kind is not None:
                    home, root = home_of[update.visitor_id], root_of[update.visitor_id]
                    rows[home, fact.event.message_id] = _row(home, root, update.key[0], kind, fact.event)
    bulk.upsert(connection, outcomes, [rows[key] for key in sorted(rows)], columns=_COLUMNS)
    return {row[3] for row in rows.values()}


def record(
    connection: Connection,
    site: Site,
    lead: str,
    kind: Outcome,
    actor: str,
    now_ms: int,
    *,
    value: float | None = None,
    currency: str = "",
    reason: str = "",
    version: int | None = None,
) -> None:
    """Say what became of a lead; ``open`` takes back what was said. *value* is that of a won deal.

    Whoever has claimed it, since it tells of what has happened. Raises ``Stale`` where *version* is given and isn't the
    lead's, else ``DecisionError``.
    """
    by = checked_name(actor)
    if value is not None and not (math.isfinite(value) and 0 <= value < VALUE_BELOW):
        raise DecisionError("A value is a number from 0 to below 10^15.", "金额须为 0 至 10^15 之间的数字。")
    if len(currency) > _LONGEST_CURRENCY or len(reason) > _LONGEST_REASON:
        raise DecisionError(
            f"A currency has {_LONGEST_CURRENCY} characters at most, a reason {_LONGEST_REASON}.",
            f"币种最多 {_LONGEST_CURRENCY} 个字符，原因最多 {_LONGEST_REASON} 个字符。",
        )
    worked = take_up(connection, site, lead, version)
    before = last_words(connection, [worked.id]).get(worked.id)
    # Whatever was said before, an event of this very moment included: this is the last word.
    word = Word(max(now_ms, before.at + 1) if before else now_ms, kind, value, currency.strip(), reason.strip(), by)
    put(connection, worked, decide(worked.handling, kind, word.at, now_ms))
    values = {name: getattr(word, name) for name in Word.__struct_fields__}
    values |= {"home_id": worked.id, "lead_id": worked.id, "site_id": site.id, "message_id": secrets.token_bytes(16)}
    connection.execute(insert(outcomes).values(values))
    note(connection, site.id, actor, "outcome", worked.id, word.reason, word.told(), now_ms)
    announce(connection, [Change(site.id, worked.id, "outcome", now_ms, word.told())])


def decision_days(connection: Connection, site_id: int) -> list[float]:
    """Return the days from first touch to winning, of each won lead of which something was known before."""
    won = (
        select(leads.c.first_at, func.min(outcomes.c.at))
        .select_from(outcomes.join(leads, leads.c.id == outcomes.c.lead_id))
        .where(outcomes.c.site_id == site_id, outcomes.c.kind == "won")
        .group_by(leads.c.id, leads.c.first_at)
    )
    return [(at - first_at) / DAY_MS for first_at, at in connection.execute(won) if at > first_at]


def told_value(properties: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return ``value`` and ``currency`` of an event's properties; ``None`` where the value is no sensible number.

    >>> told_value({"value": 900, "currency": " EUR "}), told_value({"value": "much"})
    ((900.0, 'EUR'), (None, ''))
    """
    value = properties.get("value")
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    sensible = number if number is not None and abs(number) < VALUE_BELOW else None
    return sensible, _text(properties.get("currency"), _LONGEST_CURRENCY)


def _row(home: str, root: str, site_id: int, kind: str, event: Event) -> tuple[Any, ...]:
    told = event.properties or {}
    value, currency = told_value(told)
    return (
        home,
        event.message_id,
        site_id,
        root,
        kind,
        event.at,
        value,
        currency,
        _text(told.get("reason"), _LONGEST_REASON),
        _text(told.get("by") or told.get("owner"), _LONGEST_NAME),
    )


def _text(value: object, limit: int) -> str:
    return value.strip()[:limit] if isinstance(value, str) else ""
