"""The scorecard: what earns points at present, in plain words, and which cards there were."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from flask import Response

from scorer.core.card_words import Difference, differences, told_criterion, told_due, told_rule, told_topic
from scorer.core.exclusions import REASONS
from scorer.core.labels import Label, pick
from scorer.draft_cards import hurry_rescore
from scorer.publishing import PublishingError, rollback
from scorer.scorecards import CardStatus, current_cards, find_card, list_cards
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render

HERE: Final = "/scorecard"
_LONGEST_WHY: Final = 500
_BRACES: Final = re.compile(r"\{\w+\}")


def show(call: Call) -> Response:
    """The current card, and below it the others."""
    return _page(call)


def show_number(call: Call, number: str) -> Response:
    """A card of the past, as it was."""
    stored = find_card(call.connection, call.here.id, _number(number))
    if stored is None:
        raise PageRefusal(404)
    return _page(call, stored.number)


def show_filling(call: Call) -> Response:
    """How far the card is that is being filled: a part of the page, which asks again and again."""
    cards = list_cards(call.connection, call.here.id)
    template = "scorecard_filling.html" if call.is_partial else "scorecard_filling_page.html"
    return render(call, template, filling=_filling(cards), current=_current(cards))


def go_back(call: Call) -> Response:
    """Make a card of the past the current one again."""
    why = " ".join(call.form.get("why", "").split())[:_LONGEST_WHY]
    told = call.form.get("number", "")
    try:
        stored = rollback(
            call.connection, call.here, call.me.email, why, call.now_ms, number=_number(told) if told else None
        )
    except PublishingError as error:
        return _page(call, status=422, problem=pick(error.label, call.language))
    if call.services.resources is not None:
        hurry_rescore(call.services.resources.control)
    said = call.gettext("Going back to scorecard {number}: scores are being made.")
    return redirect(HERE, toast=said.format(number=stored.number))


def _page(call: Call, number: int | None = None, *, status: int = 200, problem: str = "") -> Response:
    site, language = call.here, call.language
    stored = current_cards(call.connection)[site.id] if number is None else find_card(call.connection, site.id, number)
    assert stored is not None
    card, cards = stored.card.scorecard, list_cards(call.connection, site.id)
    criteria = card.fit.criteria if card.fit is not None else []
    return render(
        call,
        "scorecard.html",
        status,
        number=stored.number,
        card=card,
        name=pick(card.name, language),
        hot_score=round(stored.card.score(stored.card.enter * stored.card.decay.weight(call.now_ms), call.now_ms)),
        rules=[(rule, pick(rule.label, language), told_rule(rule, language)) for rule in card.rules],
        topics=[(one, _topic_name(call, one.id, one.label), told_topic(one, language)) for one in card.topics],
        criteria=[(one, pick(one.label, language), told_criterion(one, language)) for one in criteria],
        exclusions=[(pick(one.label, language), pick(REASONS[one.reason], language)) for one in card.exclusions],
        steps=[
            (pick(one.label, language), told_due(one.due, language), _BRACES.sub("…", pick(one.why, language)))
            for one in card.next_steps
        ],
        cards=cards,
        names={one.number: pick(msgspec.convert(one.name, Label), language) for one in cards},
        changes={one.number: _changes(call, one.number) for one in cards},
        filling=_filling(cards),
        current=_current(cards),
        problem=problem,
    )


def _changes(call: Call, number: int) -> list[Difference]:
    """In what a card differs from the one numbered before it."""
    before = find_card(call.connection, call.here.id, number - 1)
    after = find_card(call.connection, call.here.id, number)
    if before is None or after is None:
        return []
    return differences(before.card.scorecard, after.card.scorecard, call.language)


def _current(cards: list[CardStatus]) -> CardStatus:
    return next(one for one in cards if one.state == "current")


def _filling(cards: list[CardStatus]) -> CardStatus | None:
    return next((one for one in cards if one.state == "filling"), None)


def _topic_name(call: Call, name: str, label: Label | None) -> str:
    if label is not None:
        return pick(label, call.language)
    return name or call.gettext("named by the path")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise PageRefusal(404)
    return int(text)


ROUTES: Final = (
    Route("GET", HERE, "scorecard", show),
    Route("GET", f"{HERE}/<number>", "scorecard_number", show_number),
    Route("GET", f"{HERE}/filling", "scorecard_filling", show_filling),
    Route("POST", f"{HERE}/rollback", "scorecard_rollback", go_back, "admin"),
)
