"""The scorecards of sites as stored: numbered, immutable, one of a site's current."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Select, func, insert, or_, select

from scorer.core.rules import Card
from scorer.core.scorecard import parse
from scorer.models import lead_scores, lead_visitors, leads, scorecards

FIRST_LANDMARK_MS: Final = 1_767_225_600_000
"""2026-01-01: landmark of a site's first card. Fixed, so that the same events give the same heat in every database."""

CardState = Literal["current", "filling", "proposed", "past", "dropped"]
"""``filling``: its scores are being made, then it becomes current. ``proposed``: it came of a training, and waits for a
decision. ``dropped``: another was published before it became current, or the proposal was refused."""


class StoredCard(msgspec.Struct, frozen=True):
    """A site's scorecard, ready to score."""

    id: int
    site_id: int
    number: int
    card: Card


class CardStatus(msgspec.Struct, frozen=True):
    """Where a card stands. Times in ms since 1970 UTC."""

    number: int
    name: dict[str, str]
    state: CardState
    created_at: int
    published_at: int | None
    """When it last became current; ``None`` if it never was."""
    scored: int
    """Leads that have a score by it."""
    leads: int
    """Leads that are to have one."""


def add_first_card(connection: Connection, site_id: int, now_ms: int) -> None:
    """Give a new site the shipped scorecard as its number 1."""
    body = files("scorer.cards").joinpath("default.json").read_text(encoding="utf-8")
    connection.execute(
        insert(scorecards).values(
            site_id=site_id,
            number=1,
            body=body,
            landmark_ms=FIRST_LANDMARK_MS,
            created_at=now_ms,
            published_at=now_ms,
            is_current=True,
            filling=False,
        )
    )


def cards_in_use(connection: Connection) -> tuple[dict[int, StoredCard], dict[int, list[int]]]:
    """Return the current scorecard of each site, and the ids of others whose scores are being made in the background, both
    by site."""
    current: dict[int, StoredCard] = {}
    filling: dict[int, list[int]] = {}
    for *card, is_current in connection.execute(_IN_USE):
        if is_current:
            current[card[1]] = _ready(*card)
        else:
            filling.setdefault(card[1], []).append(card[0])
    return current, filling


def current_cards(connection: Connection) -> dict[int, StoredCard]:
    """Return the current scorecard of each site, by site."""
    return {row.site_id: _ready(*row) for row in connection.execute(_cards().where(scorecards.c.is_current))}


def load_card(connection: Connection, card_id: int) -> StoredCard:
    """Return the card with this id; there must be one."""
    return _ready(*connection.execute(_cards().where(scorecards.c.id == card_id)).one())


def find_card(connection: Connection, site_id: int, number: int) -> StoredCard | None:
    """Return a site's card with this number; ``None`` where there is none."""
    row = connection.execute(_cards().where(scorecards.c.site_id == site_id, scorecards.c.number == number)).first()
    return _ready(*row) if row is not None else None


def body_of(connection: Connection, site_id: int, number: int | None = None) -> str | None:
    """Return a site's current card as JSON, or that with a number; ``None`` where there is none."""
    which = scorecards.c.is_current if number is None else scorecards.c.number == number
    return connection.execute(select(scorecards.c.body).where(scorecards.c.site_id == site_id, which)).scalar()


def list_cards(connection: Connection, site_id: int) -> list[CardStatus]:
    """Return all cards of a site, the latest first."""
    to_score = count_leads(connection, site_id)
    found = []
    rows = connection.execute(select(scorecards).where(scorecards.c.site_id == site_id).order_by(scorecards.c.number.desc()))
    for row in rows.all():
        found.append(
            CardStatus(
                number=row.number,
                name=msgspec.json.decode(row.body)["name"],
                state=_state(row),
                created_at=row.created_at,
                published_at=row.published_at,
                scored=count_scores(connection, row.id) if row.filling or row.is_current else 0,
                leads=to_score,
            )
        )
    return found


def count_leads(connection: Connection, site_id: int) -> int:
    """Return how many leads of a site are to have a score: those that aren't merged and have visitors."""
    has_visitors = select(lead_visitors.c.visitor_id).where(lead_visitors.c.lead_id == leads.c.id).exists()
    query = select(func.count()).where(leads.c.site_id == site_id, leads.c.merged_into.is_(None), has_visitors)
    return connection.execute(query).scalar_one()


def count_scores(connection: Connection, card_id: int) -> int:
    """Return how many leads have a complete score by a card."""
    query = select(func.count()).where(lead_scores.c.scorecard_id == card_id, func.length(lead_scores.c.state) > 0)
    return connection.execute(query).scalar_one()


def _cards() -> Select[Any]:
    columns = (scorecards.c.id, scorecards.c.site_id, scorecards.c.number, scorecards.c.body, scorecards.c.landmark_ms)
    return select(*columns)


_IN_USE: Final = _cards().add_columns(scorecards.c.is_current).where(or_(scorecards.c.is_current, scorecards.c.filling))


def _state(row: Any) -> CardState:
    if row.is_current:
        return "current"
    if row.filling:
        return "filling"
    if row.proposed:
        return "proposed"
    return "past" if row.published_at is not None else "dropped"


@lru_cache(maxsize=500)
def _ready(card_id: int, site_id: int, number: int, body: str, landmark_ms: int) -> StoredCard:
    # A card never changes, and keeping it keeps what it has learnt of pages' addresses.
    return StoredCard(card_id, site_id, number, Card(parse(msgspec.json.decode(body)), landmark_ms))
