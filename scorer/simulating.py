"""Try a scorecard on what has happened, without writing anything: what simulating says is what publishing does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, select

from scorer.core.capacity import WINDOW_MS, HeatPath, spells, threshold, with_threshold
from scorer.core.decay import DAY_MS
from scorer.core.lead_folds import FoldedScore, Landmarked, ScoreWork, fold_scores
from scorer.core.objecting import OBJECTION
from scorer.core.rules import Card
from scorer.core.scorecard import Scorecard, parse
from scorer.core.simulation import Compared, Simulation, Standing, hot_before, summarise
from scorer.hot_list import is_awake
from scorer.judging import judge
from scorer.models import lead_scores, leads, outcomes
from scorer.portrait import Portrait
from scorer.rescoring import read_histories, read_portraits
from scorer.scorecards import current_cards
from tracker import bulk
from tracker.db import Database
from tracker.sites import Site

if TYPE_CHECKING:  # The archive needs an extra.
    from scorer.engines.folding import Result
    from scorer.whole_history import WholeHistory

AT_ONCE: Final = 250
"""Leads whose histories are in memory."""
HALF_LIVES: Final = 10
"""A lead that has been quiet for so many half-lives has a thousandth of its points: it is on no hot list, whatever they
were."""
_LEAD_COLUMNS: Final = tuple(column.name for column in leads.columns)

Progress = Callable[[int, int], None]
"""Told how many leads have been looked at, and of how many."""


class TooManyLeads(ValueError):
    """There are more leads to look at than was allowed for; ``leads`` says how many."""

    def __init__(self, leads: int) -> None:
        super().__init__(f"There are {leads} leads to look at.")
        self.leads = leads


class FoldedLead(NamedTuple):
    """A lead by each card that was asked for."""

    id: str
    row: dict[str, Any]
    """Of ``leads``."""
    portrayed: Portrait
    events: int
    scores: list[FoldedScore]


def simulate(
    database: Database,
    site: Site,
    body: object,
    now_ms: int,
    *,
    days: int = 90,
    listed: int = 50,
    progress: Progress | None = None,
    history: WholeHistory | None = None,
) -> tuple[Scorecard, Simulation]:
    """Return what publishing *body* at *now_ms* would change, and the card as it would be stored.

    Reads one moment of the database and writes nothing. Raises as ``compare`` does.
    """
    with database.reading() as connection:
        return compare(connection, site, body, now_ms, days=days, listed=listed, progress=progress, history=history)


def compare(
    connection: Connection,
    site: Site,
    body: object,
    now_ms: int,
    *,
    days: int = 90,
    listed: int = 50,
    progress: Progress | None = None,
    at_most: int | None = None,
    history: WholeHistory | None = None,
) -> tuple[Scorecard, Simulation]:
    """Return what publishing *body* would change, as ``simulate`` does, within a transaction.

    Leads active in the last *days* are looked at, and before as far as ten half-lives of either card reach. Each is folded
    by both cards from the same history, in chunks, so memory holds a few numbers a lead. With *history* they are folded
    there; memory then holds the path of each lead's heat.

    Raises ``ScorecardError`` for a body with problems, ``ValueError`` for *days* below 1, and ``TooManyLeads`` where there
    are more than *at_most* leads to be looked at.
    """
    if days < 1:
        raise ValueError(f"days must be at least 1, not {days}")
    current = current_cards(connection)[site.id].card
    half_lives = [card.half_life_days for card in (current.scorecard, parse(body))]
    start = now_ms - days * DAY_MS
    ids = _active_leads(connection, site.id, min(start, now_ms - round(HALF_LIVES * max(half_lives) * DAY_MS)))
    if at_most is not None and len(ids) > at_most:
        raise TooManyLeads(len(ids))
    told = parse(proposal(connection, site, body, now_ms, history=history))
    proposed = Card(told, now_ms // DAY_MS * DAY_MS)
    wins = _wins(connection, site.id, start, now_ms)
    compared, events = [], 0
    cards = (current, proposed)
    for done, lead in enumerate(_folded(connection, site, ids, cards, now_ms, history), start=1):
        won_at = wins.get(lead.id)
        # A win isn't what made a lead hot before it; the last thing that another lead did may well be.
        until = won_at if won_at is not None else lead.portrayed.last_at + 1
        sides = [
            _standing(card, site, lead, score, start, now_ms, until) for card, score in zip(cards, lead.scores, strict=True)
        ]
        person = lead.portrayed.person
        compared.append(Compared(lead.id, person.name or person.email, won_at is not None, *sides))
        events += lead.events
        if progress and (done % AT_ONCE == 0 or done == len(ids)):
            progress(done, len(ids))
    return told, summarise(compared, events, days, listed)


def proposal(
    connection: Connection,
    site: Site,
    body: object,
    now_ms: int,
    enter: float | None = None,
    at_most: int | None = None,
    history: WholeHistory | None = None,
) -> Mapping[str, Any]:
    """Return a card as plain data, as it is stored when published at *now_ms*.

    With ``hot.per_week`` its ``hot.enter`` becomes the points that would have given so many hot leads a week in the last
    four, or *enter* where that is given; ``warm`` shrinks with it where it must. Raises ``ScorecardError``, and
    ``TooManyLeads`` where there are more than *at_most* leads to be looked at for that.
    """
    card = parse(body)
    assert isinstance(body, dict)
    if card.hot.per_week is None:
        return body
    if enter is None:
        enter = _threshold(connection, site, card, now_ms, at_most, history)
    found = with_threshold(card, enter)
    return {**body, "hot": {**body["hot"], "enter": found.hot.enter}, "warm": found.warm}


def _threshold(
    connection: Connection,
    site: Site,
    scorecard: Scorecard,
    now_ms: int,
    at_most: int | None,
    history: WholeHistory | None,
) -> float:
    """The points that give the leads a week which the card asks for; never fewer than make a lead warm."""
    assert scorecard.hot.per_week is not None
    card = Card(scorecard, now_ms // DAY_MS * DAY_MS)
    paths: list[HeatPath] = []
    ids = _active_leads(connection, site.id, now_ms - WINDOW_MS)
    if at_most is not None and len(ids) > at_most:
        raise TooManyLeads(len(ids))
    for lead in _folded(connection, site, ids, (card,), now_ms, history):
        (score,) = lead.scores
        verdict = judge(card, site, score.state, lead.portrayed, lead.row["exclusion_by_hand"])
        if verdict.exclusion is None:
            assert score.path is not None
            paths.append(score.path)
    return threshold(paths, card.decay, scorecard.hot.per_week, scorecard.hot.leave_ratio, now_ms, scorecard.warm)


def _standing(card: Card, site: Site, lead: FoldedLead, score: FoldedScore, start: int, now_ms: int, until: int) -> Standing:
    state = score.state
    assert score.path is not None
    verdict = judge(card, site, state, lead.portrayed, lead.row["exclusion_by_hand"])
    # What is kept off the hot list was never on it, as far as the card's present word goes.
    spell = None if verdict.exclusion else state.hot_since
    hot = [] if verdict.exclusion else spells(score.path, card.decay, card.enter, card.leave)
    return Standing(
        priority=state.heat * verdict.fit.multiplier,
        score=card.score(state.heat, now_ms),
        hot=is_awake(lead.row) and card.tier(state.heat, spell, now_ms) == "hot",
        entered=sum(start < one.since <= now_ms for one in hot),
        hot_before=hot_before(hot, until),
    )


def _folded(
    connection: Connection,
    site: Site,
    lead_ids: Sequence[str],
    cards: Sequence[Card],
    now_ms: int,
    history: WholeHistory | None,
) -> Iterator[FoldedLead]:
    """Leads by each card, in the order of their ids; those without visitors are left out."""
    elsewhere: dict[str, Result] = {}
    if history is not None:
        work = ScoreWork(tuple(Landmarked(card.scorecard, card.decay.landmark_ms) for card in cards), with_paths=True)
        elsewhere = dict(history.fold(connection, site, lead_ids, work, now_ms))
    for begin in range(0, len(lead_ids), AT_ONCE):
        part = lead_ids[begin : begin + AT_ONCE]
        rows = {
            row[0]: dict(zip(_LEAD_COLUMNS, row, strict=True))
            for row in bulk.select_where_in(connection, leads, _LEAD_COLUMNS, "id", part)
        }
        if history is not None:
            for lead, portrayed in sorted(read_portraits(connection, rows).items()):
                found = elsewhere.pop(lead)
                yield FoldedLead(lead, rows[lead], portrayed, found.events, found.scores)
            continue
        for lead, one in read_histories(connection, site, rows).items():
            scores = fold_scores(cards, one.streams, with_paths=True)
            yield FoldedLead(lead, one.row, one.portrayed, one.events, scores)


def _active_leads(connection: Connection, site_id: int, since_ms: int) -> list[str]:
    """Leads of a site that did anything since and may be scored, by id."""
    current = current_cards(connection)[site_id].id
    may_be = leads.c.exclusion.is_distinct_from(OBJECTION)
    query = select(lead_scores.c.lead_id).join(leads, leads.c.id == lead_scores.c.lead_id)
    query = query.where(lead_scores.c.scorecard_id == current, lead_scores.c.last_at >= since_ms, may_be)
    return list(connection.execute(query.order_by(lead_scores.c.lead_id)).scalars())


def _wins(connection: Connection, site_id: int, start: int, now_ms: int) -> dict[str, int]:
    """When each lead was won, for the last time in the time looked at."""
    query = select(outcomes.c.lead_id, outcomes.c.at).where(
        outcomes.c.site_id == site_id, outcomes.c.kind == "won", outcomes.c.at >= start, outcomes.c.at <= now_ms
    )
    found: dict[str, int] = {}
    for lead, at in connection.execute(query):
        found[lead] = max(at, found.get(lead, 0))
    return found
