"""What the sales API does and answers to requests about trainings and the scorecards that they propose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from scorer import proposals, trainings
from scorer.core.labels import pick
from scorer.core.scorecard import ScorecardError
from scorer.labelled import LabelledError
from scorer.outlets.answers import Call, Reply
from scorer.outlets.learning_requests import DecideRequest, TrainRequest
from scorer.outlets.learning_shapes import LatestTraining, ProposalList, RefusedProposal, ScorecardTraining
from scorer.outlets.learning_views import proposal_detail, proposal_shape, training_shape
from scorer.outlets.problems import NOT_FOUND, NOT_POSSIBLE, UNAVAILABLE, Refusal
from scorer.outlets.scorecard_answers import LEADS_AT_MOST, card_shape
from scorer.proposals import Proposal
from scorer.simulating import TooManyLeads, proposal
from scorer.trainings import Training

_LONGEST_NUMBER: Final = 7


def all_proposals(call: Call) -> Reply:
    """What training has proposed."""
    found = proposals.list_proposals(call.connection, call.site_id)
    return Reply(ProposalList([proposal_shape(one) for one in found], None))


def one_proposal(call: Call, number: str) -> Reply:
    """One proposal with its rules."""
    return Reply(proposal_detail(_found(call, number)))


def latest_training(call: Call) -> Reply:
    """The latest training."""
    found = trainings.latest(call.connection, call.site_id)
    return Reply(LatestTraining(_shape(call, found) if found is not None else None))


def start_training(call: Call) -> Reply:
    """Ask for a training; a worker does it."""
    if call.queue is None:
        raise Refusal(UNAVAILABLE, "The queue can't be reached at the moment.", headers={"Retry-After": "5"})
    body: TrainRequest = call.body
    with _refusing(call):
        trainings.ask(call.connection, call.queue, call.view.site, body.by or call.actor, call.view.now_ms)
    found = trainings.latest(call.connection, call.site_id)
    assert found is not None  # asked for in this transaction
    return Reply(_shape(call, found))


def found_threshold(call: Call, number: str) -> float:
    """The points from which a lead is hot by a proposal: looked for before anything is locked."""
    found = _found(call, number)
    with _refusing(call):
        told = proposal(call.connection, call.view.site, found.body, call.view.now_ms, at_most=LEADS_AT_MOST)
    return float(told["hot"]["enter"])


def promote_proposal(call: Call, number: str) -> Reply:
    """Publish a proposal; its scores are made in the background."""
    body: DecideRequest = call.body
    view, found = call.view, _found(call, number)
    by, why = body.by or call.actor, body.why.strip()
    with _refusing(call):
        proposals.promote(call.connection, view.site, found.number, by, why, view.now_ms, enter=call.prepared)
    return Reply(card_shape(call, found.number))


def refuse_proposal(call: Call, number: str) -> Reply:
    """Decide that a proposal isn't taken."""
    body: DecideRequest = call.body
    view, found = call.view, _found(call, number)
    with _refusing(call):
        proposals.refuse(call.connection, view.site, found.number, body.by or call.actor, body.why.strip(), view.now_ms)
    return Reply(RefusedProposal(found.number, "refused"))


def _found(call: Call, number: str) -> Proposal:
    is_number = number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER
    found = proposals.find(call.connection, call.site_id, int(number)) if is_number else None
    if found is None:
        raise Refusal(NOT_FOUND, "The site has no proposal of this number.")
    return found


def _shape(call: Call, told: Training) -> ScorecardTraining:
    return training_shape(told, pick(told.trouble, call.view.language) if told.trouble is not None else None)


@contextmanager
def _refusing(call: Call) -> Iterator[None]:
    """What can't be done becomes a refusal."""
    try:
        yield
    except LabelledError as error:
        raise Refusal(NOT_POSSIBLE, pick(error.label, call.view.language)) from None
    except ScorecardError as error:
        raise Refusal(NOT_POSSIBLE, pick(error.problems[0].label, call.view.language)) from None
    except TooManyLeads as error:
        detail = f"{error.leads} leads would have to be looked at; {LEADS_AT_MOST} are the most here. "
        raise Refusal(NOT_POSSIBLE, detail + "The command line takes any number.") from None
