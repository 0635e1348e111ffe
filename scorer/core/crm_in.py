"""What CRMs tell of how deals ended: bodies of webhooks in the shapes of HubSpot and Salesforce, or plain rows.

Each row becomes something told, something that tells of no outcome, or a refusal with a reason from a closed list: a row
that can't be read never keeps another from counting. Nothing here looks anything up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final, get_args

import msgspec

from scorer.core.crm_deals import Deal, changed_deals, hubspot_change, hubspot_deal, salesforce
from scorer.core.crm_fields import (
    LONGEST_ID,
    LONGEST_REASON,
    Refusal,
    Refused,
    first_of,
    read_currency,
    read_email,
    read_id,
    read_id_text,
    read_text,
    read_value,
    told_time,
)
from scorer.core.handling import Outcome
from tracker.core.lead_rows import status_of

ROWS_AT_MOST: Final = 500
_LISTS: Final = ("outcomes", "records", "rows", "data")
"""Names under which a body may have its rows."""
_WORDS: Final[Mapping[str, Outcome]] = {
    **{one: one for one in get_args(Outcome)},
    **dict.fromkeys(("not now", "postponed", "later", "暂缓", "以后再说"), "not_now"),
    **dict.fromkeys(("reopened", "re-opened", "重新打开"), "open"),
}


class Rejected(msgspec.Struct, frozen=True):
    """A row that doesn't count."""

    index: int
    """From 0."""
    reason: Refused
    field: str = ""
    """The field that is wrong; empty where it is the row."""


class Read(msgspec.Struct, frozen=True):
    """A delivery, read."""

    told: dict[int, Deal]
    """By the place of their rows, from 0."""
    rejected: list[Rejected]
    ignored: int
    """Rows that tell of no outcome: an open stage, another property, a part of a deal that another row has closed."""


def rows_of(body: Any) -> list[Any] | None:
    """Return the rows of a delivery: a list, an object with one under a usual name, or one object; ``None`` for others.

    >>> rows_of([1]), rows_of({"records": [1, 2]}), rows_of({"email": "a@b.example"}), rows_of("x")
    ([1], [1, 2], [{'email': 'a@b.example'}], None)
    """
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return None
    return next((body[name] for name in _LISTS if isinstance(body.get(name), list)), [body])


def read_rows(rows: Sequence[Any], now_ms: int, zone: tzinfo) -> Read:
    """Return what *rows* tell. *zone* is that of days and of times that name none.

    >>> from datetime import UTC
    >>> read_rows([{"email": "Ada@halden.example", "outcome": "won", "id": 7}], 0, UTC).told[0].email
    'ada@halden.example'
    """
    told: dict[int, Deal] = {}
    rejected: list[Rejected] = []
    deals = changed_deals(rows)
    for index, row in enumerate(rows):
        try:
            found = _read(row, deals, now_ms, zone)
            if found is not None and not (found.lead or found.user_id or found.email):
                raise Refusal("identity_missing")
        except Refusal as refusal:
            rejected.append(Rejected(index, refusal.reason, refusal.field[:100]))
            continue
        if found is not None:
            told[index] = found
    return Read(told, rejected, len(rows) - len(told) - len(rejected))


def _read(row: Any, deals: Mapping[str, Mapping[str, Any]], now_ms: int, zone: tzinfo) -> Deal | None:
    if not isinstance(row, dict):
        raise Refusal("not_an_object")
    if isinstance(row.get("propertyName"), str):
        return hubspot_change(row, deals, now_ms, zone)
    if isinstance(row.get("properties"), dict):
        return hubspot_deal(row, now_ms, zone)
    if not row.keys().isdisjoint(("StageName", "IsWon", "IsClosed")):
        return salesforce(row, now_ms, zone)
    return _plain(row, now_ms, zone)


def _plain(row: Mapping[str, Any], now_ms: int, zone: tzinfo) -> Deal | None:
    name, word = first_of(row, ("outcome", "kind", "status"))
    if word is None:
        raise Refusal("outcome_missing")
    outcome = _outcome(word, name)
    if outcome is None:
        return None
    name, external = first_of(row, ("id", "external_id", "event_id"))
    return Deal(
        outcome,
        told_time(row, ("at", "occurred_at", "timestamp", "date"), now_ms, zone),
        f"id:{read_id(external, name)}" if external is not None else "",
        lead=read_text(row, ("lead", "lead_id", "warmtrail_lead_id"), LONGEST_ID),
        user_id=read_id_text(row, ("user_id", "userId")),
        email=read_email(row, ("email", "contact_email")),
        value=read_value(row, ("value", "amount")),
        currency=read_currency(row, ("currency", "currency_code")),
        reason=read_text(row, ("reason", "lost_reason"), LONGEST_REASON),
        by=read_text(row, ("by", "owner"), LONGEST_ID),
    )


def _outcome(word: Any, field: str) -> Outcome | None:
    """The outcome that a word means; ``None`` where it is a stage on the way."""
    if not isinstance(word, str):
        raise Refusal("outcome_unknown", field)
    known = word.strip().casefold()[:100]
    if known in _WORDS:
        return _WORDS[known]
    kind = status_of(known)
    if kind is None:
        raise Refusal("outcome_unknown", field)
    return None if kind == "open" else "junk" if kind == "disqualified" else kind
