"""What the sales API does and answers to requests about scorecards and the log of decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from scorer.auditing import read_log
from scorer.core.labels import pick, told_problem
from scorer.core.scorecard import ScorecardError, written_out
from scorer.outlets.answers import Call, Reply, read_place
from scorer.outlets.cursors import AuditCursor, write_cursor
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, NOT_POSSIBLE, Refusal
from scorer.outlets.scorecard_requests import AuditParameters, PublishRequest, RollbackRequest, SimulateRequest
from scorer.outlets.scorecard_shapes import (
    AuditEntry,
    AuditPage,
    CardName,
    Scorecard,
    ScorecardDetail,
    ScorecardList,
    Simulated,
)
from scorer.outlets.shapes import ParameterError, time_text
from scorer.publishing import PublishingError, publish, rollback
from scorer.scorecards import CardStatus, body_of, list_cards
from scorer.simulating import TooManyLeads, compare, proposal

LEADS_AT_MOST: Final = 20_000
"""Leads whose histories are folded while somebody waits for the answer; it takes about a second for a thousand."""
_LONGEST_NUMBER: Final = 7


def all_scorecards(call: Call) -> Reply:
    """The scorecards of the site."""
    return Reply(ScorecardList([_shape(one) for one in list_cards(call.connection, call.site_id)], None))


def one_scorecard(call: Call, number: str) -> Reply:
    """One scorecard with its rules."""
    is_number = number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER
    body = body_of(call.connection, call.site_id, int(number)) if is_number else None
    if body is None:
        raise Refusal(NOT_FOUND, "The site has no scorecard of this number.")
    rules: dict[str, Any] = msgspec.to_builtins(written_out(body))
    return Reply(ScorecardDetail(card_shape(call, int(number)), rules))


def simulated(call: Call) -> Reply:
    """What publishing a scorecard would change."""
    body: SimulateRequest = call.body
    with _refusing(call):
        card, found = compare(
            call.connection,
            call.view.site,
            body.scorecard,
            call.view.now_ms,
            days=body.days,
            listed=body.listed,
            at_most=LEADS_AT_MOST,
        )
    return Reply(Simulated(card.hot, card.warm, found))


def found_threshold(call: Call) -> float:
    """The points from which a lead is hot by the card that is to be published: looked for before anything is locked."""
    body: PublishRequest = call.body
    with _refusing(call):
        told = proposal(call.connection, call.view.site, body.scorecard, call.view.now_ms, at_most=LEADS_AT_MOST)
    return float(told["hot"]["enter"])


def publish_scorecard(call: Call) -> Reply:
    """Add a scorecard; its scores are made in the background."""
    body: PublishRequest = call.body
    view, by, why = call.view, body.by or call.actor, body.why.strip()
    with _refusing(call):
        stored = publish(call.connection, view.site, body.scorecard, by, why, view.now_ms, enter=call.prepared)
    return Reply(card_shape(call, stored.number))


def rollback_scorecard(call: Call) -> Reply:
    """Go back to a scorecard; its scores are made in the background."""
    body: RollbackRequest = call.body
    view, by = call.view, body.by or call.actor
    with _refusing(call):
        stored = rollback(call.connection, view.site, by, body.why.strip(), view.now_ms, body.number)
    return Reply(card_shape(call, stored.number))


def audit_log(call: Call) -> Reply:
    """What people did by hand."""
    asked: AuditParameters = call.parameters
    cursor = read_place(asked.cursor, AuditCursor)
    subject = asked.subject or None
    found = read_log(call.connection, call.site_id, subject, asked.limit + 1, cursor.before if cursor else None)
    data = [AuditEntry(**msgspec.structs.asdict(one) | {"at": time_text(one.at)}) for one in found[: asked.limit]]
    further = write_cursor(AuditCursor(data[-1].id)) if len(found) > asked.limit else None
    return Reply(AuditPage(data, further))


@contextmanager
def _refusing(call: Call) -> Iterator[None]:
    """What is wrong with a scorecard, or can't be done with it, becomes a refusal."""
    try:
        yield
    except ScorecardError as error:
        language = call.view.language
        errors = [ParameterError(_place(one.path), pick(one.label, language)) for one in error.problems]
        detail = "; ".join(told_problem(one, language) for one in error.problems[:5])
        raise Refusal(BODY_INVALID, detail, errors=errors) from None
    except PublishingError as error:
        raise Refusal(NOT_POSSIBLE, pick(error.label, call.view.language)) from None
    except TooManyLeads as error:
        detail = f"{error.leads} leads would have to be looked at; {LEADS_AT_MOST} are the most here. "
        raise Refusal(NOT_POSSIBLE, detail + "The command line takes any number.") from None


def _place(path: str) -> str:
    return "scorecard" if path == "$" else f"scorecard.{path}"


def card_shape(call: Call, number: int) -> Scorecard:
    """Return a card of the site as the API has it."""
    return next(_shape(one) for one in list_cards(call.connection, call.site_id) if one.number == number)


def _shape(one: CardStatus) -> Scorecard:
    return Scorecard(
        number=one.number,
        name=CardName(one.name["en"], one.name.get("zh", "")),
        state=one.state,
        created_at=time_text(one.created_at),
        published_at=time_text(one.published_at) if one.published_at is not None else None,
        scored=one.scored,
        leads=one.leads,
    )
