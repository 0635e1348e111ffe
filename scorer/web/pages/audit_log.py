"""Settings: what people did by hand, newest first."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from flask import Response

from scorer.auditing import read_log
from scorer.core.audit_words import action_label, told_changes
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
    return render(call, "settings/audit.html", lines=lines, asked=asked, later=later, earlier=earlier)


ROUTES: Final = (Route("GET", HERE, "audit", show, "admin"),)
