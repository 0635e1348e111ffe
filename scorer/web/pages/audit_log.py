"""Settings: what people did by hand, newest first; whether it is as it was written; and all of it as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from flask import Response

from scorer.audit_checking import LATEST, check
from scorer.audit_export import exported
from scorer.auditing import note, read_log
from scorer.core.audit_words import action_label, told_break, told_changes
from scorer.core.labels import pick
from scorer.web.call import Call, Route
from scorer.web.rendering import render

HERE: Final = "/settings/audit"
SHOWN: Final = 50


class AuditQuery(msgspec.Struct, frozen=True):
    """Which lines are read."""

    before: Annotated[int, msgspec.Meta(ge=1, le=2**62)] | None = None
    """Only those ahead of the line with this id."""
    subject: Annotated[str, msgspec.Meta(max_length=60)] | None = None
    """Only those about it: a lead's id, ``scorecard 3``."""


def show(call: Call) -> Response:
    """A part of the log."""
    asked = call.read(AuditQuery)
    found = read_log(call.connection, call.here.id, asked.subject, SHOWN + 1, asked.before)
    lines = [
        (one, action_label(one.action, call.language), told_changes(one.action, one.detail, call.language))
        for one in found[:SHOWN]
    ]
    later = call.address_with(before=str(found[SHOWN - 1].id)) if len(found) > SHOWN else ""
    earlier = call.address_with(before=None) if asked.before else ""
    is_whole = asked.before is None and asked.subject is None
    checked = check(call.connection, call.here.id, LATEST) if is_whole and lines else None
    broken = pick(told_break(checked.broken), call.language) if checked and checked.broken else ""
    return render(
        call, "settings/audit.html", lines=lines, asked=asked, later=later, earlier=earlier, checked=checked, broken=broken
    )


def save(call: Call) -> Response:
    """All lines with their hashes, as a file. Asked for by a form, so that it stands in the log, and last in the file."""
    site = call.here
    note(call.connection, site.id, call.me.email, "audit export", "site", "", {}, call.now_ms)
    database = call.services.database

    def lines() -> Iterator[bytes]:
        # Read while it is sent, when the form's own transaction has long ended.
        with database.reading() as connection:
            yield from exported(connection, site.id)

    headers = {"Content-Disposition": 'attachment; filename="audit-log.jsonl"', "Cache-Control": "no-store"}
    return Response(lines(), headers=headers, content_type="application/x-ndjson")


ROUTES: Final = (
    Route("GET", HERE, "audit", show, "admin"),
    Route("POST", f"{HERE}/export", "audit_export", save, "admin"),
)
