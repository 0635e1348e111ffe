"""A lead's score over time: the score after each event that moved it, and its fading day by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from scorer.core.decay import DAY_MS
from scorer.core.labels import Language, pick
from scorer.core.objecting import OBJECTION
from scorer.core.rules import Card
from scorer.core.score import Contribution
from scorer.memberships import members
from scorer.models import leads
from scorer.outlets.history_shapes import History, HistoryContribution, HistoryDay, HistoryPoint
from scorer.outlets.shapes import time_text
from scorer.scorecards import current_cards
from scorer.scoring import refold
from tracker.sites import load_sites

MAX_POINTS: Final = 200
MAX_DAYS: Final = 1000


class Step(NamedTuple):
    """The heat from one moment on, and what was earned up to it since the step before."""

    at: int
    heat: float
    earned: list[Contribution]


def history(connection: Connection, lead_id: str, now_ms: int, language: Language = "en") -> History | None:
    """Return a lead's score over time by its site's current card; ``None`` for an unknown or merged lead.

    The contributions of all points, faded until now, add up to ``points``, and ``heat`` equals the stored one, to 1e-9 of
    them. Costs a fold of the lead's whole history.
    """
    of_root = (leads.c.id == lead_id) & leads.c.merged_into.is_(None)
    row = connection.execute(select(leads.c.site_id, leads.c.exclusion).where(of_root)).one_or_none()
    if row is None:
        return None
    site_id = row.site_id
    stored = current_cards(connection)[site_id]
    card, trace = stored.card, list[Contribution]()
    visitor_ids = members(connection, [lead_id]).get(lead_id, []) if row.exclusion != OBJECTION else []
    heat = refold(connection, card, load_sites(connection)[site_id], visitor_ids, trace).heat
    every = steps(card, trace)
    kept = merge_least(card, every, MAX_POINTS)
    return History(
        lead=lead_id,
        as_of=time_text(now_ms),
        scorecard=stored.number,
        score=card.score(heat, now_ms),
        points=card.points(heat, now_ms),
        heat=heat,
        merged_points=len(every) - len(kept),
        events=[_point(card, step, language) for step in kept],
        curve=[
            HistoryDay(time_text(at), card.score(left, at), card.points(left, at)) for at, left in daily(every, heat, now_ms)
        ],
    )


def steps(card: Card, trace: Sequence[Contribution]) -> list[Step]:
    """Return the heat after each moment at which points were earned; *trace* is in the order of time."""
    found: list[Step] = []
    heat = 0.0
    for one in trace:
        heat += card.decay.heat(one.points, one.at)
        if found and found[-1].at == one.at:
            found[-1] = Step(one.at, heat, [*found[-1].earned, one])
        else:
            found.append(Step(one.at, heat, [one]))
    return found


def merge_least(card: Card, every: Sequence[Step], limit: int) -> list[Step]:
    """Return at most *limit* steps: those that changed the score most, and the last. The others are merged into the one
    after, with what was earned at them."""
    changes: list[tuple[float, int]] = []
    before = 0.0
    for place, step in enumerate(every[:-1]):
        changes.append((card.score(step.heat, step.at) - card.score(before, step.at), place))
        before = step.heat
    kept = {place for _, place in sorted(changes, reverse=True)[: limit - 1]} | {len(every) - 1}
    found: list[Step] = []
    earned: list[Contribution] = []
    for place, step in enumerate(every):
        earned += step.earned
        if place in kept:
            found.append(Step(step.at, step.heat, earned))
            earned = []
    return found


def daily(every: Sequence[Step], heat: float, now_ms: int) -> list[tuple[int, float]]:
    """Return times a day apart from the first step to now, the last being now, each with the heat there was.

    *heat* is that of now. Only the last ``MAX_DAYS`` days; empty where nothing was earned before now.
    """
    if not every or every[0].at > now_ms:
        return []
    days = (now_ms - every[0].at) // DAY_MS
    first = every[0].at + max(0, days - MAX_DAYS + 1) * DAY_MS
    found: list[tuple[int, float]] = []
    place = -1
    for at in range(first, now_ms, DAY_MS):
        while place + 1 < len(every) and every[place + 1].at <= at:
            place += 1
        found.append((at, every[place].heat))
    return [*found, (now_ms, heat)]


def _point(card: Card, step: Step, language: Language) -> HistoryPoint:
    return HistoryPoint(
        at=time_text(step.at),
        score=card.score(step.heat, step.at),
        points=card.points(step.heat, step.at),
        contributions=[
            HistoryContribution(
                one.rule, time_text(one.at), one.points, pick(card.rules[one.rule].label, language), one.detail
            )
            for one in step.earned
        ],
    )
