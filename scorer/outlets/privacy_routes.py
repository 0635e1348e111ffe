"""The routes of what a person may ask for: consent, objection, their data, their erasure."""

from __future__ import annotations

from typing import Final

from scorer.outlets import privacy_answers, privacy_requests, privacy_shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route, on_lead

PRIVACY_ROUTES: Final = (
    on_lead(
        "objection",
        "objectToScoring",
        "A person doesn't want to be scored, or may be again",
        "What the person did goes on being recorded, and no score, stage, fit or class is made of it: not hot, in no list, "
        "digest, training or recommendation. Holds for all its browsers, and for those that turn out to be its own.",
        privacy_requests.ObjectionRequest,
        privacy_answers.object_to_scoring,
    ),
    Route(
        path="/leads/{lead_id}/consent",
        name="recordConsent",
        summary="Record a consent, or that it was taken back, said elsewhere than on the site",
        description="Pages tell of theirs by the events Consent Given and Consent Withdrawn. Rows are added, never changed; "
        "of each purpose the last word holds.",
        scope="sales",
        parameters=Parameters,
        answer=privacy_shapes.Choices,
        handle=privacy_answers.record_consent,
        method="POST",
        body=privacy_requests.ConsentRequest,
    ),
    Route(
        path="/leads/{lead_id}/choices",
        name="getChoices",
        summary="What the person has chosen: consents, and whether it may be scored",
        description="Of all browsers of the lead, in the order of time.",
        scope="read",
        parameters=Parameters,
        answer=privacy_shapes.Choices,
        handle=privacy_answers.choices,
    ),
    Route(
        path="/privacy/export",
        name="exportPerson",
        summary="All that is kept of a person",
        description="For somebody who asks for their data: every row of every table that speaks of the person, how each "
        "score comes about, and refused events in which one of the names stands. 404 where nothing is kept.",
        scope="admin",
        parameters=Parameters,
        answer=privacy_shapes.PersonExport,
        handle=privacy_answers.export,
        method="POST",
        body=privacy_requests.ExportRequest,
        changes=False,
    ),
    Route(
        path="/privacy/erase",
        name="erasePerson",
        summary="Erase a person",
        description="Deletes all that is kept of the person, and answers with a record that names nobody. What waits in the "
        "queue is forgotten when it is drained. The feed tells of each lead that it was erased. 404 where nothing is kept.",
        scope="admin",
        parameters=Parameters,
        answer=privacy_shapes.Certificate,
        handle=privacy_answers.erase_person,
        method="POST",
        body=privacy_requests.EraseRequest,
    ),
)
