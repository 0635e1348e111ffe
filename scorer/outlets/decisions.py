"""What the sales API does and answers to requests that change something about a lead. Each takes the call with its body."""

from __future__ import annotations

import math

from scorer.by_hand import NEVER, exclude, merge, unmerge
from scorer.claims import claim, release
from scorer.core.crm_fields import REFUSED
from scorer.core.labels import pick
from scorer.core.phrases import HOUR_MS
from scorer.crm_in import take_outcomes
from scorer.decision_errors import NoSuchLead
from scorer.labelling_by_hand import set_label
from scorer.memberships import surviving
from scorer.notes import Note, add_note, list_notes
from scorer.outcomes import record
from scorer.outlets import note_shapes, shapes
from scorer.outlets import request_shapes as requests
from scorer.outlets.answers import Call, Reply, find_lead, lead_etag, one_lead
from scorer.outlets.preconditions import expected_version
from scorer.outlets.shapes import time_text
from scorer.snoozing import snooze


def claim_lead(call: Call, lead_id: str) -> Reply:
    """Give a lead to somebody for a time."""
    body: requests.ClaimRequest = call.body
    owner = body.owner or call.actor
    lease_ms = body.lease_hours * HOUR_MS
    version = asked_version(call, lead_id)
    now_ms = call.view.now_ms
    claim(call.connection, call.view.site, lead_id, owner, call.actor, now_ms, lease_ms=lease_ms, version=version)
    return one_lead(call, lead_id)


def release_lead(call: Call, lead_id: str) -> Reply:
    """End a claim."""
    body: requests.ReleaseRequest = call.body
    version = asked_version(call, lead_id)
    now_ms = call.view.now_ms
    release(call.connection, call.view.site, lead_id, call.actor, now_ms, owner=body.owner, version=version)
    return one_lead(call, lead_id)


def snooze_lead(call: Call, lead_id: str) -> Reply:
    """Put a lead off."""
    body: requests.SnoozeRequest = call.body
    until_ms, by = math.floor(body.until.timestamp() * 1000), body.by or call.actor
    version = asked_version(call, lead_id)
    snooze(call.connection, call.view.site, lead_id, until_ms, by, body.why.strip(), call.view.now_ms, version=version)
    return one_lead(call, lead_id)


def record_outcome(call: Call, lead_id: str) -> Reply:
    """Say what became of a lead."""
    body: requests.OutcomeRequest = call.body
    record(
        call.connection,
        call.view.site,
        lead_id,
        body.kind,
        body.by or call.actor,
        call.view.now_ms,
        value=body.value,
        currency=body.currency or "",
        reason=body.reason,
        version=asked_version(call, lead_id),
    )
    return one_lead(call, lead_id)


def take_crm_outcomes(call: Call) -> Reply:
    """Take in what a CRM tells of how deals ended."""
    body: requests.CrmDelivery = call.body
    taken = take_outcomes(call.connection, call.view.site, body.rows, call.actor, call.view.now_ms)
    rejected = [
        shapes.RefusedOutcome(one.index, one.reason, one.field, pick(REFUSED[one.reason], call.view.language))
        for one in taken.rejected
    ]
    return Reply(shapes.CrmAnswer(taken.recorded, taken.duplicate, taken.ignored, rejected))


def note_lead(call: Call, lead_id: str) -> Reply:
    """Write a note about a lead."""
    body: requests.NoteRequest = call.body
    version = asked_version(call, lead_id)
    by = body.by or call.actor
    made = add_note(call.connection, call.view.site, lead_id, body.text, by, call.view.now_ms, version=version)
    row = find_lead(call, lead_id)
    return Reply(_note(made), lead_etag(call, row), lead_id=row.id)


def label_lead(call: Call, lead_id: str) -> Reply:
    """Say what a lead is in a scheme."""
    body: requests.LabelRequest = call.body
    version, by = asked_version(call, lead_id), body.by or call.actor
    set_label(call.connection, call.view.site, lead_id, body.scheme, body.label, by, call.view.now_ms, version=version)
    return one_lead(call, lead_id)


def merge_leads(call: Call, lead_id: str) -> Reply:
    """Make another lead a part of this one."""
    body: requests.MergeRequest = call.body
    version, by = asked_version(call, lead_id), body.by or call.actor
    why, now_ms = body.why.strip(), call.view.now_ms
    merge(call.connection, call.view.site, lead_id, body.lost, by, why, now_ms, version=version)
    return one_lead(call, lead_id)


def unmerge_lead(call: Call, lead_id: str) -> Reply:
    """Make a lead that is part of another one a lead of its own."""
    body: requests.UnmergeRequest = call.body
    version, by = asked_version(call, lead_id), body.by or call.actor
    unmerge(call.connection, call.view.site, lead_id, by, body.why.strip(), call.view.now_ms, version=version)
    return one_lead(call, lead_id)


def exclude_lead(call: Call, lead_id: str) -> Reply:
    """Keep a lead off the hot list, or on it."""
    body: requests.ExcludeRequest = call.body
    reason = NEVER if body.reason == "never" else body.reason
    version, by = asked_version(call, lead_id), body.by or call.actor
    exclude(call.connection, call.view.site, lead_id, reason, by, body.why.strip(), call.view.now_ms, version=version)
    return one_lead(call, lead_id)


def notes(call: Call, lead_id: str) -> Reply:
    """The notes about a lead."""
    root = find_lead(call, lead_id).id
    return Reply(note_shapes.NoteList([_note(one) for one in list_notes(call.connection, [root]).get(root, [])], None))


def asked_version(call: Call, lead_id: str) -> int | None:
    """Return which version the asker decides upon; ``None`` for any. Raises ``Refusal`` and ``NoSuchLead``."""
    if call.if_match is None:
        return None
    root = surviving(call.connection, call.site_id, lead_id) if "\0" not in lead_id else None
    if root is None:
        raise NoSuchLead(lead_id)
    return expected_version(call.if_match, root)


def _note(note: Note) -> note_shapes.Note:
    return note_shapes.Note(note.id, note.lead_id, time_text(note.at), note.by, note.text)
