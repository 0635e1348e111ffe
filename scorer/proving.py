"""How cards have done on leads that came after them: each lead as it stood once since a time, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from scorer.core.decay import DAY_MS
from scorer.core.drift import Stood
from scorer.core.labelling import ACTIVE_MS, snapshot_times
from scorer.core.past_points import held, points_at
from scorer.core.rules import Card
from scorer.past_leads import past_leads
from tracker.sites import Site

FOLLOWED_DAYS: Final = 14
"""Days that a lead has had at least to buy, where it is judged by whether it has bought so far."""
_WEEK_MS: Final = 7 * DAY_MS


def stood_since(
    connection: Connection, site: Site, cards: Sequence[Card], since: int, horizon_days: int | None, now_ms: int
) -> list[list[Stood]]:
    """Return for each card the leads by their points at the first moment since *since* at which they were looked at.

    The same leads in the same order for each card. Only moments whose horizon is over: of younger ones the quick wins are
    known and the others not. With ``None`` for the horizon a lead counts as won if it has bought so far: enough to tell
    which of two cards ranks better, and not how likely a win is.

    Nothing was stored for this: the points by any card at any past moment follow from the events.
    """
    latest = now_ms - (FOLLOWED_DAYS if horizon_days is None else horizon_days) * DAY_MS
    found: list[list[Stood]] = [[] for _ in cards]
    if latest < since:
        return found
    for some in past_leads(connection, site, now_ms, active_since=since - ACTIVE_MS):
        for lead in some:
            times = snapshot_times(lead.seen, lead.known, _WEEK_MS, 10_000, latest)
            at = next((at for at in times if at >= since), None)
            if at is None:
                continue
            horizon_ms = now_ms - at if horizon_days is None else horizon_days * DAY_MS
            won = lead.known.outcome(at, horizon_ms, now_ms).won
            for card, stood in zip(cards, found, strict=True):
                points = points_at(held(card, lead.streams), card.scorecard.half_life_days, at)
                stood.append(Stood(points, bool(won)))
    return found
