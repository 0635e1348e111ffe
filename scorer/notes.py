"""Notes: what salespeople write about leads. They go with the lead when it is merged, separated or erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, func, insert, select

from scorer.announcing import Change, announce
from scorer.auditing import note
from scorer.decision_errors import DecisionError
from scorer.handling import check_version, checked_name, lock_root
from scorer.outlet_models import notes
from tracker.sites import Site

LONGEST_NOTE: Final = 5000
NOTES_AT_MOST: Final = 1000
"""Notes a lead."""
_SPACE: Final = "\n\t"


class Note(msgspec.Struct, frozen=True):
    """One note. ``at`` in ms since 1970 UTC."""

    id: int
    lead_id: str
    at: int
    by: str
    text: str


def add_note(
    connection: Connection, site: Site, lead: str, text: str, actor: str, now_ms: int, *, version: int | None = None
) -> Note:
    """Write a note about a lead and return it. Raises ``Stale`` where *version* is given and isn't the lead's, else
    ``DecisionError``."""
    by, text = checked_name(actor), checked_text(text)
    row = lock_root(connection, site, lead)
    check_version(row, version)
    root: str = row["id"]
    count = select(func.count()).select_from(notes).where(notes.c.lead_id == root)
    if connection.execute(count).scalar_one() >= NOTES_AT_MOST:
        raise DecisionError(f"A lead has {NOTES_AT_MOST} notes at most.", f"每条线索最多 {NOTES_AT_MOST} 条备注。")
    values = {"site_id": site.id, "home_id": root, "lead_id": root, "at": now_ms, "by": by, "text": text}
    number = connection.execute(insert(notes).values(values).returning(notes.c.id)).scalar_one()
    note(connection, site.id, actor, "note", root, "", {"note": number}, now_ms)
    announce(connection, [Change(site.id, root, "noted", now_ms, {"note": number, "by": by})])
    return Note(number, root, now_ms, by, text)


def list_notes(connection: Connection, lead_ids: Iterable[str]) -> dict[str, list[Note]]:
    """Return the notes about each of these leads that has any, newest first."""
    columns = [notes.c[name] for name in Note.__struct_fields__]
    mine = notes.c.lead_id.in_(sorted(set(lead_ids)))
    found: dict[str, list[Note]] = {}
    for row in connection.execute(select(*columns).where(mine).order_by(notes.c.at.desc(), notes.c.id.desc())):
        found.setdefault(row.lead_id, []).append(Note(*row))
    return found


def checked_text(text: str) -> str:
    """Return the text of a note without space around it, line ends as ``\\n``; raise ``DecisionError`` for what is none."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text or len(text) > LONGEST_NOTE:
        raise DecisionError(f"A note has 1 to {LONGEST_NOTE} characters.", f"备注须为 1 至 {LONGEST_NOTE} 个字符。")
    if any((ord(one) < 0x20 and one not in _SPACE) or 0x7F <= ord(one) < 0xA0 for one in text):
        raise DecisionError("A note has no control characters.", "备注不能包含控制字符。")
    return text
