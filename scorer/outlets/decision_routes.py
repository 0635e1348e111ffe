"""The routes by which people and their CRM decide about leads."""

from __future__ import annotations

from typing import Final

from scorer.outlets import decisions, note_shapes, request_shapes, shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route, on_lead

DECISION_ROUTES: Final = (
    on_lead(
        "claim",
        "claimLead",
        "Take a lead for a time, or prolong the claim",
        "Nobody else can claim it until the time is up or it is released: of many who try at once, one gets it and the "
        "others get 409. A snoozed lead that is claimed anew is on the list again.",
        request_shapes.ClaimRequest,
        decisions.claim_lead,
    ),
    on_lead(
        "release",
        "releaseLead",
        "Give a claimed lead back",
        "Whoever's claim it is has to be named; 409 where it is somebody else's, or nobody's.",
        request_shapes.ReleaseRequest,
        decisions.release_lead,
    ),
    on_lead(
        "snooze",
        "snoozeLead",
        "Put a lead off until a time",
        "It leaves the hot list, goes on being scored, and is back by itself. 409 where somebody else has claimed it.",
        request_shapes.SnoozeRequest,
        decisions.snooze_lead,
    ),
    on_lead(
        "outcome",
        "recordOutcome",
        "Say what became of a lead",
        "The last word counts. won, lost and junk end a claim; won leaves the hot list for good, lost, junk and not_now for "
        "30 days.",
        request_shapes.OutcomeRequest,
        decisions.record_outcome,
    ),
    on_lead(
        "note",
        "addNote",
        "Write a note about a lead",
        "Answers the note, with the lead's ETag.",
        request_shapes.NoteRequest,
        decisions.note_lead,
        answer=note_shapes.Note,
    ),
    on_lead(
        "label",
        "labelLead",
        "Say what a lead is in one of the company's own schemes",
        "Product line, kind of buyer, priority class: from some labels the others are learned. What a person has said "
        "stands above what was learned.",
        request_shapes.LabelRequest,
        decisions.label_lead,
    ),
    on_lead(
        "merge",
        "mergeLeads",
        "Make another lead a part of this one",
        "They are one person, and are scored as one. unmerge takes it back.",
        request_shapes.MergeRequest,
        decisions.merge_leads,
    ),
    on_lead(
        "unmerge",
        "unmergeLead",
        "Make a lead that has become part of another a lead of its own again",
        "Both are as they would have been, and stay apart until merged by hand. If-Match is of the lead it is part of.",
        request_shapes.UnmergeRequest,
        decisions.unmerge_lead,
    ),
    on_lead(
        "exclude",
        "excludeLead",
        "Keep a lead off the hot list for a reason, or on it",
        "It goes on being scored.",
        request_shapes.ExcludeRequest,
        decisions.exclude_lead,
    ),
    Route(
        path="/crm/outcomes",
        name="takeCrmOutcomes",
        summary="Take in what a CRM tells of how deals ended",
        description="Webhooks of HubSpot and Salesforce as they come, or plain rows with lead, user_id or email, outcome, "
        "value, currency, reason, at, id. What was told before changes nothing; a row that can't be read is listed in the "
        "answer, and the others count.",
        scope="sales",
        parameters=Parameters,
        answer=shapes.CrmAnswer,
        handle=decisions.take_crm_outcomes,
        method="POST",
        body=request_shapes.CrmDelivery,
    ),
)
