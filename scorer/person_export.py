"""Everything that is kept of one person, table by table: what somebody who asks for their data is given."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row

from scorer.core.personal_data import KEPT, Kept
from scorer.data_subjects import Asked, Subject, find_subject, letters_about
from scorer.explaining import explain
from scorer.outlets.privacy_shapes import PersonExport
from scorer.outlets.shapes import time_text
from tracker import bulk
from tracker.core.visits import unpack_state
from tracker.models import metadata
from tracker.sites import Site

LEFT_OUT: Final = {"lead_scores": ("state",), "idempotency_keys": ("actor", "key", "fingerprint", "answer")}
"""What says nothing that isn't said elsewhere, or speaks of another than this person."""


def export_person(connection: Connection, site: Site, asked: Asked, now_ms: int) -> PersonExport:
    """Return what is kept of a person. Raises ``PrivacyError``.

    Costs a fold of the person's history, and reads the site's refused events.
    """
    subject = find_subject(connection, site, asked)
    tables = {kept.table: rows for kept in KEPT if (rows := rows_of(connection, subject, kept))}
    told = (explain(connection, lead, now_ms) for lead in subject.leads)
    return PersonExport(
        site=site.name,
        exported_at=time_text(now_ms),
        names=list(subject.names),
        tables=tables,
        explanations=[one for one in told if one is not None],
        refused_events=[_letter(row) for row in letters_about(connection, site, subject.names)],
    )


def rows_of(connection: Connection, subject: Subject, kept: Kept) -> list[dict[str, Any]]:
    """Return the rows of a table that speak of a person, ready to be written as JSON."""
    table = metadata.tables[kept.table]
    left_out = LEFT_OUT.get(kept.table, ())
    columns = tuple(column.name for column in table.columns if column.name not in left_out)
    ids: tuple[str, ...] | tuple[int, ...] = subject.branches if kept.reach == "lead" else subject.visitors
    rows = bulk.select_where_in(connection, table, tuple(f'"{name}"' for name in columns), kept.column, ids)
    shown = [{name: _shown(kept.table, name, value) for name, value in zip(columns, row, strict=True)} for row in rows]
    return sorted(shown, key=lambda row: str(row.get("at") or row.get("started_at") or row.get("first_at") or ""))


def _shown(table: str, name: str, value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        if (table, name) == ("visitors", "state"):  # fields by name: as stored they have none
            return msgspec.to_builtins(msgspec.structs.asdict(unpack_state(raw)))
        return raw.hex()
    if isinstance(value, int) and (name == "at" or name.endswith(("_at", "_until"))):
        return time_text(value) if value > 0 else None
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def _letter(row: Row[Any]) -> dict[str, Any]:
    body = bytes(row.body).decode(errors="replace")
    return {"received_at": time_text(row.received_at), "reason": row.reason, "body": body}
