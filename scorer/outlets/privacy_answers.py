"""What the sales API does and answers to requests about a person's own data."""

from __future__ import annotations

from scorer.core.labels import pick
from scorer.data_subjects import NobodyFound, PrivacyError
from scorer.erasing import erase
from scorer.outlets import privacy_requests as requests
from scorer.outlets.answers import Call, Reply
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, Refusal
from scorer.outlets.shapes import ParameterError
from scorer.person_export import export_person


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


def _refusal(call: Call, error: PrivacyError) -> Refusal:
    said = pick(error.label, call.view.language)
    if isinstance(error, NobodyFound):
        return Refusal(NOT_FOUND, said)
    return Refusal(BODY_INVALID, said, errors=[ParameterError("body", said)])
