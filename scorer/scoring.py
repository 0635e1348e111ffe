"""What follows the drain in its transaction: score the visitors that a batch touched, and note what is news to sales."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

from scorer.core.lead_state import LeadChange, LeadSnapshot, announced, changes
from scorer.core.people import Person, lead_id, person_of
from scorer.core.rules import Card
from scorer.core.score import RefoldNeeded, ScoreState, fold
from scorer.models import lead_changes, leads, visitor_scores
from scorer.scorecards import StoredCard, current_cards
from tracker import bulk, store
from tracker.batch import VisitorUpdate
from tracker.core import visits
from tracker.core.events import Fact
from tracker.core.visits import VisitorState
from tracker.days import day_of
from tracker.sites import Site

_SCORE_COLUMNS: Final = tuple(column.name for column in visitor_scores.columns)
_LEAD_COLUMNS: Final = tuple(column.name for column in leads.columns)
_CHANGE_COLUMNS: Final = tuple(column.name for column in lead_changes.columns)

pack_score = msgspec.msgpack.Encoder().encode
unpack_score = msgspec.msgpack.Decoder(ScoreState).decode


class Change(msgspec.Struct, frozen=True):
    """One line of the changes feed before it is numbered."""

    site_id: int
    lead_id: str
    kind: str
    at: int
    detail: dict[str, Any]


def score_visitors(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    """Score what *updates* tell and store it; return whether there were lead changes.

    The ``FollowUp`` of the drain: called in its transaction, at most once for each event that counts.
    """
    cards = current_cards(connection)
    scored = _score(connection, sites, cards, updates)
    present = _load_leads(connection, {one.lead_id for one in scored})
    lead_rows: list[tuple[Any, ...]] = []
    news: list[Change] = []
    for one in scored:
        row, made = _decide(cards[one.update.key[0]].card, one, present.get(one.lead_id), now_ms)
        lead_rows.append(row)
        news += [Change(one.update.key[0], one.lead_id, change.kind, change.at, _detail(change)) for change in made]
    # Leads first: scores point at them.
    bulk.upsert(connection, leads, lead_rows, columns=_LEAD_COLUMNS, keep=("site_id", "status", "owner"))
    score_rows = [
        (
            one.update.visitor_id,
            one.update.key[0],
            one.lead_id,
            cards[one.update.key[0]].id,
            one.state.heat,
            pack_score(one.state),
        )
        for one in scored
    ]
    bulk.upsert(connection, visitor_scores, score_rows, columns=_SCORE_COLUMNS, keep=("site_id", "lead_id"))
    announce(connection, news)
    return bool(news)


def announce(connection: Connection, news: Sequence[Change]) -> None:
    """Write *news* to the feed, numbered in the order of commit.

    To be called last in a transaction: from here to its end, other transactions with news wait.
    """
    if not news:
        return
    take = "UPDATE feed SET last_sequence = last_sequence + :count WHERE id = 1 RETURNING last_sequence"
    last = connection.execute(text(take), {"count": len(news)}).scalar_one()
    rows = [
        (last - len(news) + place, one.site_id, one.lead_id, one.kind, one.at, msgspec.json.encode(one.detail).decode())
        for place, one in enumerate(news, start=1)
    ]
    bulk.append(connection, lead_changes, rows, columns=_CHANGE_COLUMNS)


def facts_of(history: Iterable[Any], site: Site) -> list[Fact]:
    """Return the facts of a visitor's whole history of events."""
    settings = site.settings
    folded = visits.fold(history, None, day_of(settings.time_zone), settings.visit_gap_minutes * 60_000)
    assert folded is not None  # only a continued fold can fail
    return folded.facts


class _Scored(msgspec.Struct, frozen=True):
    update: VisitorUpdate
    lead_id: str
    state: ScoreState


def _score(
    connection: Connection, sites: dict[int, Site], cards: dict[int, StoredCard], updates: list[VisitorUpdate]
) -> list[_Scored]:
    columns = ("visitor_id", "lead_id", "scorecard_id", "state")
    ids = [update.visitor_id for update in updates]
    known = {row[0]: row for row in bulk.select_where_in(connection, visitor_scores, columns, "visitor_id", ids)}
    scored: list[_Scored] = []
    for update in updates:
        stored = cards[update.key[0]]
        row = known.get(update.visitor_id)
        founded = row[1] if row else lead_id(*update.key)
        state = _continue(stored, row, update)
        if state is None:
            facts = update.facts
            if not update.from_scratch:
                history = store.load_histories(connection, [update.visitor_id])[update.visitor_id]
                facts = facts_of(history, sites[update.key[0]])
            state = fold(stored.card, None, facts)
        scored.append(_Scored(update, founded, state))
    return scored


def _continue(stored: StoredCard, row: Any, update: VisitorUpdate) -> ScoreState | None:
    """Go on from the stored score; ``None`` where that can't be done and the whole history is needed."""
    if update.from_scratch or row is None or row[2] != stored.id:
        return None
    try:
        return fold(stored.card, unpack_score(row[3]), update.facts)
    except RefoldNeeded:
        return None


class _PresentLead(msgspec.Struct, frozen=True):
    snapshot: LeadSnapshot
    version: int


def _load_leads(connection: Connection, wanted: set[str]) -> dict[str, _PresentLead]:
    columns = ("id", "heat", "hot_since", "name", "email", "announced_score", "version")
    return {
        row[0]: _PresentLead(
            LeadSnapshot(row[1], row[2], bool(row[3] or row[4]), row[2] is not None, row[5] or 0.0),
            row[6],
        )
        # Locked: what is written back must not undo what a salesperson or the cooling does meanwhile.
        for row in bulk.select_where_in(connection, leads, columns, "id", sorted(wanted), lock=True)
    }


def _decide(card: Card, one: _Scored, present: _PresentLead | None, now_ms: int) -> tuple[tuple[Any, ...], list[LeadChange]]:
    """Return the lead's row and what is news about it."""
    state, visitor = one.state, one.update.state
    person = person_of(visitor)
    before = present.snapshot if present else None
    after = LeadSnapshot(heat=state.heat, hot_since=state.hot_since, identified=person.identified)
    made = changes(card, before, after, now_ms)
    said = announced(before, after, made)
    return _lead_row(one, person, visitor, said, (present.version if present else 0) + 1), made


def _lead_row(one: _Scored, person: Person, visitor: VisitorState, said: LeadSnapshot, version: int) -> tuple[Any, ...]:
    return (
        one.lead_id,
        one.update.key[0],
        "person" if person.identified else "visitor",
        person.name,
        person.email,
        person.title,
        person.phone,
        person.company_name,
        person.company_domain,
        said.heat,
        (said.hot_since or one.state.last_at) if said.hot else None,
        said.announced_score if said.hot else None,
        visitor.first_at,
        visitor.last_at,
        "open",
        None,
        version,
    )


def _detail(change: LeadChange) -> dict[str, Any]:
    return {"score": round(change.score, 1)}
