"""What the sales API does and answers to requests about a person's own data."""

from __future__ import annotations

from sqlalchemy import Connection

from scorer import by_hand, consents
from scorer.core.labels import pick
from scorer.data_subjects import NobodyFound, PrivacyError
from scorer.erasing import erase
from scorer.objections import objections_of
from scorer.outlets import privacy_requests as requests
from scorer.outlets.answers import Call, Reply, find_lead, one_lead
from scorer.outlets.decisions import asked_version
from scorer.outlets.privacy_shapes import Choices, Consent, Objection
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, Refusal
from scorer.outlets.shapes import ParameterError, time_text
from scorer.person_export import export_person
from tracker.core.consents import Declared


def export(call: Call) -> Reply:
    """All that is kept of a person."""
    body: requests.ExportRequest = call.body
    try:
        return Reply(export_person(call.connection, call.view.site, body.asked, call.view.now_ms))
    except PrivacyError as error:
        raise _refusal(call, error) from None


def erase_person(call: Call) -> Reply:
    """A person is erased."""
    body: requests.EraseRequest = call.body
    try:
        return Reply(erase(call.connection, call.view.site, body.asked, call.actor, body.why, call.view.now_ms))
    except PrivacyError as error:
        raise _refusal(call, error) from None


def choices(call: Call, lead_id: str) -> Reply:
    """What a person has chosen."""
    return Reply(choices_of(call.connection, find_lead(call, lead_id).id))


def object_to_scoring(call: Call, lead_id: str) -> Reply:
    """A person doesn't want to be scored, or may be again."""
    body: requests.ObjectionRequest = call.body
    by, why, version = body.by or call.actor, body.why.strip(), asked_version(call, lead_id)
    by_hand.object_to_scoring(
        call.connection, call.view.site, lead_id, body.objects, by, why, call.view.now_ms, version=version
    )
    return one_lead(call, lead_id)


def record_consent(call: Call, lead_id: str) -> Reply:
    """A consent that was said elsewhere than on the site."""
    body: requests.ConsentRequest = call.body
    declared = Declared(body.purpose.strip().lower(), body.given, body.version.strip(), body.source.strip())
    by, why = body.by or call.actor, body.why.strip()
    consents.record_consent(call.connection, call.view.site, lead_id, declared, by, why, call.view.now_ms)
    return Reply(choices_of(call.connection, find_lead(call, lead_id).id))


def choices_of(connection: Connection, lead: str) -> Choices:
    """Return what the person behind a lead, the root of what was merged, has chosen."""
    said = objections_of(connection, [lead]).get(lead, [])
    return Choices(
        lead=lead,
        scored=not (said and said[-1].objects),
        objections=[Objection(time_text(one.at), one.objects, one.by) for one in said],
        consents=[
            Consent(time_text(one.at), one.purpose, one.given, one.version, one.source, one.by)
            for one in consents.consents_of(connection, lead)
        ],
    )


def _refusal(call: Call, error: PrivacyError) -> Refusal:
    said = pick(error.label, call.view.language)
    if isinstance(error, NobodyFound):
        return Refusal(NOT_FOUND, said)
    return Refusal(BODY_INVALID, said, errors=[ParameterError("body", said)])
