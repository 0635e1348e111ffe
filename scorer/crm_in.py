"""What CRMs tell of how deals ended, taken in: whose they are, told before or not, and what follows for the leads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from scorer.announcing import announce
from scorer.auditing import note
from scorer.core.crm_deals import Deal
from scorer.core.crm_in import Rejected, read_rows
from scorer.core.exploring import ID_PREFIX
from scorer.core.joining import EMAIL, USER
from scorer.handling import Word, restate
from scorer.memberships import lock_leads, surviving
from scorer.models import identities, outcomes
from tracker import bulk
from tracker.sites import Site

_COLUMNS: Final = tuple(column.name for column in outcomes.columns)


class Taken(msgspec.Struct, frozen=True):
    """What came of a delivery."""

    recorded: list[str]
    """The leads of which something new was told, as often as it was."""
    duplicate: int
    ignored: int
    """Rows that tell of no outcome."""
    rejected: list[Rejected]
    """By the place of their rows."""


def take_outcomes(connection: Connection, site: Site, rows: Sequence[Any], actor: str, now_ms: int) -> Taken:
    """Store what *rows* tell of outcomes, each under its own time, and bring the leads in line with the last word on each.

    What was told before under the same id changes nothing. *actor* is the key by which it came.
    """
    read = read_rows(rows, now_ms, ZoneInfo(site.settings.time_zone))
    rejected = list(read.rejected)
    of_lead: dict[int, str] = {}
    found = _find_leads(connection, site.id, read.told.values())
    for index, deal in read.told.items():
        lead = next((found[name] for name in _names(deal) if name in found), None)
        if lead is None:
            rejected.append(Rejected(index, "lead_unknown"))
        else:
            of_lead[index] = lead
    # From here on nobody else says anything of these leads: of two deliveries at once the second finds what the first said.
    of_lead = _locked(connection, site.id, of_lead)
    columns = ("lead_id", "message_id")
    known = bulk.select_where_in(connection, outcomes, columns, "lead_id", sorted(set(of_lead.values())))
    said = {(lead, bytes(message_id)) for lead, message_id in known}
    told: list[tuple[Any, ...]] = []
    for index, lead in of_lead.items():
        deal = read.told[index]
        message_id = _message_id(site.id, deal)
        if (lead, message_id) in said:
            continue
        said.add((lead, message_id))
        at = now_ms if deal.at is None else deal.at
        word = Word(at, deal.outcome, deal.value, deal.currency, deal.reason, deal.by or actor)
        told.append((lead, message_id, site.id, lead, *_columns_of(word)))
        note(connection, site.id, actor, "outcome", lead, word.reason, word.told(), now_ms)
    bulk.append(connection, outcomes, told, columns=_COLUMNS)
    announce(connection, restate(connection, {row[0] for row in told}, now_ms))
    recorded = [row[0] for row in told]
    rejected.sort(key=lambda one: one.index)
    return Taken(recorded, len(of_lead) - len(recorded), read.ignored, rejected)


def _columns_of(word: Word) -> tuple[Any, ...]:
    return (word.kind, word.at, word.value, word.currency, word.reason, word.by)


def _names(deal: Deal) -> list[str]:
    """What the deal's lead may be known by, the surest first."""
    names = [deal.lead] if deal.lead else []
    names += [USER + deal.user_id] if deal.user_id else []
    # An import without ids makes the address the user's id.
    return names + ([EMAIL + deal.email, USER + deal.email] if deal.email else [])


def _find_leads(connection: Connection, site_id: int, deals: Iterable[Deal]) -> dict[str, str]:
    """Return the leads that are known by these deals' names, each as it is shown now, by the name."""
    wanted = sorted({name for deal in deals for name in _names(deal)})
    columns = ("claim", "lead_id")
    claims = bulk.select_where_in(connection, identities, columns, "claim", wanted, f"site_id = {site_id:d}")
    bearer = {name: name for name in wanted if name.startswith(ID_PREFIX)} | dict(claims)
    root_of = {lead: surviving(connection, site_id, lead) for lead in sorted(set(bearer.values()))}
    return {name: root for name, lead in bearer.items() if (root := root_of[lead]) is not None}


def _locked(connection: Connection, site_id: int, of_lead: dict[int, str]) -> dict[int, str]:
    """Lock these leads; return them as they are now, where one has been merged or erased since it was looked up."""
    while True:
        rows = lock_leads(connection, of_lead.values())
        moved = {lead for lead in of_lead.values() if lead not in rows or rows[lead]["merged_into"] is not None}
        if not moved:
            return of_lead
        now = {lead: surviving(connection, site_id, lead) for lead in moved}
        of_lead = {index: root for index, lead in of_lead.items() if (root := now.get(lead, lead)) is not None}


def _message_id(site_id: int, deal: Deal) -> bytes:
    """Return what tells one thing told from others: its id, else its own words. Not the lead, which may be merged later."""
    told = msgspec.msgpack.encode((site_id, deal.external_id) if deal.external_id else (site_id, deal))
    return blake2b(told, digest_size=16, person=b"crm outcome").digest()
