"""The browsers of leads, as the drain stored them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from scorer.memberships import members
from scorer.portrait import Browser
from tracker import bulk
from tracker.core.heard import Heard
from tracker.core.visits import unpack_state
from tracker.models import visitors


def read_browsers(connection: Connection, visitor_ids: Iterable[int]) -> dict[int, Browser]:
    """Return those of these visitors of whom anything counts."""
    columns = ("id", "state", "first_received_at", "heard_at")
    rows = bulk.select_where_in(connection, visitors, columns, "id", visitor_ids)
    return {row[0]: Browser(unpack_state(row[1]), Heard(row[2], row[3])) for row in rows if row[1] is not None}


def browsers_of(connection: Connection, lead_ids: Iterable[str]) -> dict[str, list[Browser]]:
    """Return the browsers of leads, in the order of ``members``; perhaps none of one."""
    mine = members(connection, lead_ids)
    known = read_browsers(connection, [number for some in mine.values() for number in some])
    return {lead: [known[number] for number in some if number in known] for lead, some in mine.items()}
