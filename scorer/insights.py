"""Reckons what deals are worth, how long they take and what to recommend, site by site, as often as that changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection

from scorer.activity import activity
from scorer.core.cycle import decision_cycle
from scorer.core.decay import DAY_MS
from scorer.core.phrases import MINUTE_MS
from scorer.insight_store import NOTHING, InsightKind, insight_at, insight_basis, insight_text, keep_insight
from scorer.outcomes import decision_days
from scorer.recommendations import read_shelf
from scorer.reports.deals import read_value_model
from scorer.scorecards import StoredCard, current_cards
from tracker.db import Database
from tracker.sites import Site, load_sites

EVERY_MS: Final[dict[InsightKind, int]] = {"value": 10 * MINUTE_MS, "content": DAY_MS, "cycle": 10 * MINUTE_MS}
"""After which it is reckoned anew: two of them read only the deals, ``content`` what two thousand leads have done."""
SAME_EVERY_MS: Final = 7 * DAY_MS
"""The same while nothing happens on the site: what is found then changes only as deals age."""
EMPTY_EVERY_MS: Final = 10 * MINUTE_MS
"""The same while there was nothing to find out."""


def refresh(database: Database, now_ms: int, stopping: Callable[[], bool] = lambda: False) -> int:
    """Reckon what is missing or too old, of every site; return how much that was.

    Run twice at once, both find out the same. Who was erased or excluded is in it no longer once it has been reckoned anew.
    """
    with database.reading() as connection:
        sites, cards = load_sites(connection), current_cards(connection)
    done = 0
    for site_id, site in sites.items():
        for kind in EVERY_MS:
            if stopping() or site_id not in cards:
                continue
            done += _refresh_one(database, site, cards[site_id], kind, now_ms)
    return done


def reckon(connection: Connection, site: Site, stored: StoredCard, kind: InsightKind, now_ms: int) -> msgspec.Struct | None:
    """Return what there is to know now; ``None`` for nothing."""
    if kind == "value":
        return read_value_model(connection, stored, now_ms)
    if kind == "cycle":
        return decision_cycle(decision_days(connection, site.id))
    found = read_shelf(connection, site, stored, now_ms)
    return found if found.contexts else None


def _refresh_one(database: Database, site: Site, stored: StoredCard, kind: InsightKind, now_ms: int) -> bool:
    with database.reading() as connection:
        at = insight_at(connection, site.id, kind)
        every = EVERY_MS[kind] if insight_text(connection, site.id, kind) != NOTHING else EMPTY_EVERY_MS
        if at is not None and now_ms - at < every:
            return False
        basis = activity(connection, site.id)
        if at is not None and basis == insight_basis(connection, site.id, kind) and now_ms - at < SAME_EVERY_MS:
            return False
        found = reckon(connection, site, stored, kind, now_ms)
    # Written by itself: reading takes long, and nobody should wait for it.
    with database.writing() as connection:
        keep_insight(connection, site.id, kind, found, now_ms, basis)
    return True
