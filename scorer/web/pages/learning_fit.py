"""Whom the site looks for, beside what its wins have in common; as a draft of a scorecard if somebody wants it so."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Response

from scorer.core.card_words import told_criterion
from scorer.core.fit_evidence import LEAST_LEADS, Bucket
from scorer.core.fit_learning import LearnedCriterion, is_changed, with_learned
from scorer.core.fit_suggestions import LEAST_WINS, Suggestion
from scorer.core.labels import pick
from scorer.core.learned import Figure
from scorer.core.proportions import Rate, rate
from scorer.core.scorecard import lint, written_out
from scorer.draft_cards import DAYS, Draft, ask_for_trial, keep_draft
from scorer.fit_from_wins import LEADS_AT_MOST, FitFromWins, read_fit
from scorer.scorecards import body_of, current_cards
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.learning_words import interval_words
from scorer.web.rendering import redirect, render

HERE: Final = "/learning/fit"


class CriterionRow(msgspec.Struct, frozen=True):
    """A criterion, ready to be shown."""

    label: str
    about: str
    learned: LearnedCriterion
    having: Rate
    """Share won of the leads that match."""
    others: Rate
    """Share won of the leads known not to match."""


class SuggestionRow(msgspec.Struct, frozen=True):
    """A suggested value, ready to be shown."""

    label: str
    about: str
    suggestion: Suggestion
    having: Rate
    others: Rate


def show(call: Call) -> Response:
    """Criteria and suggestions, each with its evidence."""
    _, found = _found(call)
    learned, language = found.learned, call.language
    criteria = [
        CriterionRow(
            pick(one.criterion.label, language),
            told_criterion(one.criterion, language),
            one,
            _won(one.match),
            _won(one.mismatch),
        )
        for one in learned.criteria
    ]
    suggestions = [
        SuggestionRow(
            pick(one.criterion.label, language),
            told_criterion(one.criterion, language),
            one,
            _won(one.having),
            _won(one.others),
        )
        for one in learned.suggestions
    ]
    odds: list[tuple[str, Figure, bool]] = [
        (one.label, one.learned.log_odds, one.learned.finding == "bears_out") for one in criteria
    ]
    odds += [(one.label, one.suggestion.log_odds, True) for one in suggestions]
    return render(
        call,
        "learning_fit.html",
        learned=learned,
        left_out=found.late,
        complete=found.complete,
        at_most=LEADS_AT_MOST,
        criteria=criteria,
        suggestions=suggestions,
        odds=[one for one in odds if one[1].value is not None],
        is_changed=is_changed(learned),
        least_leads=LEAST_LEADS,
        least_wins=LEAST_WINS,
        interval_words=lambda one, digits=2: interval_words(one, language, digits),
    )


def draft(call: Call) -> Response:
    """Put what was learned into a draft of the current card, and have it tried. Nothing is published."""
    number, found = _found(call)
    body: dict[str, Any] = written_out(body_of(call.connection, call.here.id, number) or "{}")
    fit = with_learned(body.get("fit"), found.learned)
    if fit is None or not is_changed(found.learned):
        raise PageRefusal(409, call.gettext("There is nothing to change: your wins say no more than your card does."))
    body |= {"fit": fit}
    problems = lint(body)
    if problems:
        raise PageRefusal(409, pick(problems[0].label, call.language))
    client = call.resources.control
    token = keep_draft(client, Draft(call.here.id, number, body, call.me.email, DAYS[1]))
    ask_for_trial(client, token)
    return redirect(f"/scorecard/edit?draft={token}#trial")


def _found(call: Call) -> tuple[int, FitFromWins]:
    """The number of the current card, and what was learned beside it."""
    stored = current_cards(call.connection)[call.here.id]
    return stored.number, read_fit(call.connection, call.here, stored.card.scorecard.fit, call.now_ms)


def _won(some: Bucket) -> Rate:
    return rate(some.won, some.won + some.lost)


ROUTES: Final = (
    Route("GET", HERE, "learning_fit", show),
    Route("POST", f"{HERE}/draft", "learning_fit_draft", draft, "admin"),
)
