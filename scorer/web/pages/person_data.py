"""All that is kept of the person behind a lead: to be read, saved as a file, or erased."""

from __future__ import annotations

from typing import Final

import msgspec
from flask import Response

from scorer.auditing import note
from scorer.backup_records import backups_holding
from scorer.core.labels import pick
from scorer.core.personal_data import KEPT
from scorer.data_subjects import Asked, NobodyFound, PrivacyError
from scorer.erasing import copies_elsewhere, erase
from scorer.outlets.privacy_shapes import PersonExport
from scorer.person_export import export_person
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.places import site_of_lead
from scorer.web.rendering import redirect, render

ROWS_SHOWN: Final = 50
"""Rows of a table that the page shows; the file has all of them."""
_LONGEST_VALUE: Final = 400
_TABLES: Final = {kept.table: kept for kept in KEPT}


def show(call: Call, lead_id: str) -> Response:
    """The page."""
    return _page(call, lead_id)


def save(call: Call, lead_id: str) -> Response:
    """The same as a file. Asked for by a form, so that it stands in the log: the data leave the house."""
    found = _read(call, lead_id)
    note(call.connection, call.here.id, call.me.email, "export", lead_id, "", {}, call.now_ms)
    content = msgspec.json.format(msgspec.json.encode(found), indent=2)
    headers = {"Content-Disposition": f'attachment; filename="{lead_id}.json"', "Cache-Control": "no-store"}
    return Response(content, headers=headers, content_type="application/json")


def erase_person(call: Call, lead_id: str) -> Response:
    """Erase the person, once the lead's id was typed as a sign that it is meant."""
    if call.form.get("typed", "").strip() != lead_id:
        return _page(call, lead_id, 422, call.gettext("Type the lead's number as it stands above: nothing was erased."))
    try:
        made = erase(call.connection, call.here, Asked(lead=lead_id), call.me.email, call.form.get("why", ""), call.now_ms)
    except NobodyFound:
        raise PageRefusal(404) from None
    except PrivacyError as error:
        return _page(call, lead_id, 422, pick(error.label, call.language))
    text = call.gettext("Erased. The record is {id}, in the audit log.").format(id=made.id)
    return redirect("/leads", toast=text)


def _page(call: Call, lead_id: str, status: int = 200, problem: str = "") -> Response:
    found = _read(call, lead_id)
    tables = []
    for name, rows in found.tables.items():
        kept = _TABLES[name]
        words = [pick(label, call.language) for label in (kept.title, kept.purpose, kept.ends)]
        shown = [{key: _short(value) for key, value in row.items()} for row in rows[-ROWS_SHOWN:]]
        tables.append((*words, shown, len(rows)))
    return render(
        call,
        "person_data.html",
        status,
        lead_id=lead_id,
        names=found.names,
        tables=tables,
        refused=[(one["received_at"], _short(one["body"])) for one in found.refused_events[:ROWS_SHOWN]],
        backups=backups_holding(call.connection, call.now_ms),
        outside=[pick(place, call.language) for place in copies_elsewhere(call.connection)],
        problem=problem,
    )


def _read(call: Call, lead_id: str) -> PersonExport:
    try:
        return export_person(call.connection, call.here, Asked(lead=lead_id), call.now_ms)
    except NobodyFound:
        raise PageRefusal(404) from None


def _short(value: object) -> str:
    """A value as people read it: the beginning of a long one."""
    if value is None or value == "":
        return "–"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = "".join(one if one.isprintable() else " " for one in text)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + " …"


ROUTES: Final = (
    Route("GET", "/leads/<lead_id>/data", "lead_data", show, "admin", site_of=site_of_lead),
    Route("POST", "/leads/<lead_id>/data/save", "lead_data_save", save, "admin", site_of=site_of_lead),
    Route("POST", "/leads/<lead_id>/data/erase", "lead_data_erase", erase_person, "admin", site_of=site_of_lead),
)
