"""The scorecards of sites as stored: numbered, immutable, one of a site's current."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select

from scorer.core.rules import Card
from scorer.core.scorecard import parse
from scorer.models import scorecards

FIRST_LANDMARK_MS: Final = 1_767_225_600_000
"""2026-01-01: landmark of a site's first card. Fixed, so that the same events give the same heat in every database."""


class StoredCard(msgspec.Struct, frozen=True):
    """A site's scorecard, ready to score."""

    id: int
    site_id: int
    number: int
    card: Card


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


def filling_cards(connection: Connection) -> dict[int, list[int]]:
    """Return the ids of the cards whose scores are being made in the background, by site."""
    found: dict[int, list[int]] = {}
    query = select(scorecards.c.site_id, scorecards.c.id).where(scorecards.c.filling)
    for row in connection.execute(query):
        found.setdefault(row.site_id, []).append(row.id)
    return found


def current_cards(connection: Connection) -> dict[int, StoredCard]:
    """Return the current scorecard of each site, by site."""
    columns = (scorecards.c.id, scorecards.c.site_id, scorecards.c.number, scorecards.c.body, scorecards.c.landmark_ms)
    rows = connection.execute(select(*columns).where(scorecards.c.is_current))
    return {row.site_id: _ready(*row) for row in rows}


@lru_cache(maxsize=500)
def _ready(card_id: int, site_id: int, number: int, body: str, landmark_ms: int) -> StoredCard:
    # A card never changes, and keeping it keeps what it has learnt of pages' addresses.
    return StoredCard(card_id, site_id, number, Card(parse(msgspec.json.decode(body)), landmark_ms))


def current_body(connection: Connection, site_id: int) -> str:
    """Return the current scorecard of a site as JSON."""
    query = select(scorecards.c.body).where(scorecards.c.site_id == site_id, scorecards.c.is_current)
    return str(connection.execute(query).scalar_one())
