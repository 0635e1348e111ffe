"""Learning: what is known of won and lost leads, the card that comes of it, how it was judged; and what people decide."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Response

from scorer import learning_alarms, proposals, trainings
from scorer.core.labels import pick
from scorer.core.learned import ENOUGH, Figure
from scorer.core.scorecard import ScorecardError
from scorer.draft_cards import DAYS, LEADS_AT_MOST, Draft, ask_for_trial, hurry_rescore, keep_draft
from scorer.fit_from_wins import count_known
from scorer.labelled import LabelledError
from scorer.outlets.learning_views import proposal_detail
from scorer.proposals import Proposal
from scorer.scorecards import body_of, current_cards
from scorer.simulating import TooManyLeads, proposal
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.learning_words import (
    buyers_called,
    called_words,
    interval_words,
    suspect_words,
    verdict_words,
    weight_words,
)
from scorer.web.pages.signing_in import own_path
from scorer.web.rendering import redirect, render

HERE: Final = "/learning"
TRAININGS_SHOWN: Final = 10
WEIGHTS_DRAWN: Final = 14
"""Rules in the plot; the table has all."""
_LONGEST_WHY: Final = 500


def show(call: Call) -> Response:
    """What is known, the proposal that waits, and all that came before."""
    return _page(call)


def show_training(call: Call) -> Response:
    """How far the training is: a part of the page, which asks again until it is done."""
    if not call.is_partial:
        return redirect(f"{HERE}#training")
    return render(call, "learning_training.html", training=trainings.latest(call.connection, call.here.id))


def train(call: Call) -> Response:
    """Ask for a training."""
    client = call.resources.control
    try:
        with call.connection.begin_nested():
            trainings.ask(call.connection, client, call.here, call.me.email, call.now_ms)
    except LabelledError as error:
        return _page(call, 409, pick(error.label, call.language))
    return redirect(f"{HERE}#training")


def report(call: Call, number: str) -> Response:
    """A proposal, and all that speaks for and against it."""
    return _report(call, _proposal(call, number))


def export(call: Call, number: str) -> Response:
    """A proposal as JSON, with its card."""
    content = msgspec.json.format(msgspec.json.encode(proposal_detail(_proposal(call, number))), indent=1)
    response = Response(content, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="proposal-{int(number)}.json"'
    return response


def simulate(call: Call, number: str) -> Response:
    """Try the proposal on what has happened: a draft like any other from here on."""
    found, client = _proposal(call, number), call.resources.control
    current = current_cards(call.connection)[call.here.id].number
    waiting = found.number if found.state == "proposed" else None
    token = keep_draft(client, Draft(call.here.id, current, found.body, call.me.email, DAYS[1], waiting))
    ask_for_trial(client, token)
    return redirect(f"/scorecard/edit?draft={token}#trial")


def promote(call: Call, number: str) -> Response:
    """Publish the proposal."""
    found, why = _proposal(call, number), _why(call)
    try:
        told = proposal(call.connection, call.here, found.body, call.now_ms, at_most=LEADS_AT_MOST)
        with call.services.database.writing() as connection:
            stored = proposals.promote(
                connection, call.here, found.number, call.me.email, why, call.now_ms, enter=float(told["hot"]["enter"])
            )
    except LabelledError as error:
        return _report(call, found, 422, pick(error.label, call.language))
    except TooManyLeads as error:
        told_words = call.gettext("{leads} leads would have to be looked at; the command line takes any number: {command}")
        command = f"warmtrail scorecard promote {found.number}"
        raise PageRefusal(409, told_words.format(leads=error.leads, command=command)) from None
    except ScorecardError as error:
        raise PageRefusal(409, pick(error.problems[0].label, call.language)) from None
    hurry_rescore(call.resources.control)
    said = call.gettext("Scorecard {number} is being filled; then it becomes the current one.")
    return redirect("/scorecard", toast=said.format(number=stored.number))


def refuse(call: Call, number: str) -> Response:
    """Decide that the proposal isn't taken."""
    found = _proposal(call, number)
    try:
        with call.connection.begin_nested():
            proposals.refuse(call.connection, call.here, found.number, call.me.email, _why(call), call.now_ms)
    except LabelledError as error:
        return _report(call, found, 422, pick(error.label, call.language))
    return redirect(HERE, toast=call.gettext("The proposal isn't taken. It stays readable here."))


def clear_alarm(call: Call, alarm_id: str) -> Response:
    """Take an alarm as seen."""
    if not (alarm_id.isascii() and alarm_id.isdecimal() and len(alarm_id) < 19):
        raise PageRefusal(404)
    learning_alarms.clear(call.connection, call.here, int(alarm_id), call.me.email, call.now_ms)
    return redirect(own_path(call.form.get("back", "")), toast=call.gettext("Taken as seen."))


def _page(call: Call, status: int = 200, problem: str = "") -> Response:
    connection, site = call.connection, call.here
    found = proposals.list_proposals(connection, site.id)
    waiting = next((one for one in found if one.state == "proposed"), None)
    return render(
        call,
        "learning.html",
        status,
        problem=problem,
        known=count_known(connection, site, call.now_ms),
        enough=ENOUGH,
        horizon_days=site.settings.learning_horizon_days,
        promotes=site.settings.learning_promotes,
        goals=site.settings.goal_events,
        waiting=waiting,
        verdict=verdict_words(waiting.learned, call.language) if waiting else None,
        proposals=found,
        training=trainings.latest(connection, site.id),
        trainings=trainings.history(connection, site.id, TRAININGS_SHOWN),
        automatic=trainings.AUTOMATIC,
    )


def _report(call: Call, found: Proposal, status: int = 200, problem: str = "") -> Response:
    learned, language = found.learned, call.language
    judgement = learned.judgement
    # Buckets are counted on the card that it started from.
    base = body_of(call.connection, call.here.id, learned.base)
    bodies = [*([msgspec.json.decode(base)] if base is not None else []), found.body]
    weights = weight_words(learned.weights, bodies, language)
    return render(
        call,
        "learning_report.html",
        status,
        found=found,
        learned=learned,
        judgement=judgement,
        verdict=verdict_words(learned, language),
        buyers=buyers_called(judgement) if judgement else [],
        called=called_words(judgement, language) if judgement else "",
        weights=weights,
        changed=sorted(weights, key=lambda one: -abs(one.after - one.before))[:WEIGHTS_DRAWN],
        suspects=[suspect_words(one, bodies, language) for one in learned.suspects],
        half_lives=[(one.days, Figure(one.auc), one.days == learned.half_life_days) for one in learned.half_lives],
        interval_words=lambda one, digits=2: interval_words(one, language, digits),
        hot_from=[one["hot"]["enter"] for one in bodies],
        enough=ENOUGH,
        problem=problem,
    )


def _proposal(call: Call, number: str) -> Proposal:
    is_number = number.isascii() and number.isdecimal() and len(number) < 8
    found = proposals.find(call.connection, call.here.id, int(number)) if is_number else None
    if found is None:
        raise PageRefusal(404)
    return found


def _why(call: Call) -> str:
    return " ".join(call.form.get("why", "").split())[:_LONGEST_WHY]


def _routes() -> tuple[Route, ...]:
    one = f"{HERE}/<number>"
    posts: dict[str, Any] = {"simulate": simulate, "refuse": refuse}
    return (
        Route("GET", HERE, "learning", show),
        Route("GET", f"{HERE}/training", "learning_training", show_training),
        Route("POST", f"{HERE}/train", "learning_train", train, "admin"),
        Route("GET", one, "learning_report", report),
        Route("GET", f"{one}/proposal.json", "learning_export", export),
        *(Route("POST", f"{one}/{name}", f"learning_{name}", handle, "admin") for name, handle in posts.items()),
        Route("POST", f"{one}/promote", "learning_promote", promote, "admin", own_transaction=True),
        Route("POST", f"{HERE}/alarms/<alarm_id>/clear", "learning_alarm_clear", clear_alarm, "admin"),
    )


ROUTES: Final = _routes()
