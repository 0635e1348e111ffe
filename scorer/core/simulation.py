"""What another scorecard would change: the leads of a site as they stand by the current one and by a proposed one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import msgspec

from scorer.core.capacity import Spell
from scorer.core.decay import DAY_MS

BEFORE_WIN_MS: Final = 30 * DAY_MS
"""A card has seen a purchase coming if the lead was hot at some time in this long before it."""


class Standing(msgspec.Struct, frozen=True):
    """How a lead stands by one card."""

    priority: float
    """On the scale of the card."""
    score: float
    hot: bool
    """On the hot list."""
    entered: int
    """How often it became hot in the time looked at."""
    hot_before: bool
    """Hot at some time in the 30 days before it was won; of a lead that wasn't won, in the 30 days up to when it was last
    active."""


class Compared(msgspec.Struct, frozen=True):
    """A lead by both cards."""

    lead_id: str
    name: str
    """For display; empty for somebody unknown."""
    won: bool
    """Won in the time looked at."""
    current: Standing
    proposed: Standing


class Figures(msgspec.Struct, frozen=True):
    """What one card makes of the leads."""

    hot: int
    """Leads on the hot list."""
    alerts_per_week: float
    """How often leads became hot, a week."""
    wins_hot: int
    """Won leads that were hot in the 30 days before."""
    all_hot: int
    """Leads that were hot in the 30 days before they were won or up to when they were last active."""
    wins_share: float | None
    """Of the won leads; ``None`` without any."""
    all_share: float | None
    """Of all leads; ``None`` without any."""
    lift: float | None
    """``wins_share / all_share``; ``None`` where either is missing or no lead was hot."""


class Placed(msgspec.Struct, frozen=True):
    """A lead on the proposed hot list."""

    lead_id: str
    name: str
    rank: int
    """From 1."""
    score: float
    current_rank: int | None
    """On the current hot list; ``None``: it isn't on it."""
    current_score: float


class Moved(msgspec.Struct, frozen=True):
    """A lead that is no longer on the hot list."""

    lead_id: str
    name: str
    score: float
    current_rank: int
    current_score: float


class Simulation(msgspec.Struct, frozen=True):
    """What publishing a card would change."""

    days: int
    leads: int
    """Looked at: those active in these days, and before if it may still count."""
    events: int
    """Of these leads."""
    wins: int
    """Leads that were won in these days."""
    current: Figures
    proposed: Figures
    entering: int
    leaving: int
    staying: int
    enters: list[Placed]
    """Leads that come onto the hot list, the first by rank."""
    leaves: list[Moved]
    """Leads that drop off it, the first by the rank they had."""
    rank_correlation: float | None
    """Spearman's, of the priorities by both cards, from -1 to 1; ``None`` where a card ranks all the same."""
    ranked: int
    """Leads that have any heat by either card: those whose ranks are correlated."""
    hot_list: list[Placed]
    """The beginning of the proposed hot list."""


def summarise(leads: Sequence[Compared], events: int, days: int, listed: int) -> Simulation:
    """Both cards side by side; of each list the first *listed*."""
    now = {one.lead_id: rank for rank, one in enumerate(_hot_list(leads, proposed=False), start=1)}
    then = _hot_list(leads, proposed=True)
    placed = [
        Placed(one.lead_id, one.name, rank, one.proposed.score, now.get(one.lead_id), one.current.score)
        for rank, one in enumerate(then, start=1)
    ]
    entering = [one for one in placed if one.current_rank is None]
    leaving = sorted((one for one in leads if one.current.hot and not one.proposed.hot), key=lambda one: now[one.lead_id])
    heated = [one for one in leads if one.current.priority > 0 or one.proposed.priority > 0]
    won = [one for one in leads if one.won]
    return Simulation(
        days=days,
        leads=len(leads),
        events=events,
        wins=len(won),
        current=_figures([one.current for one in leads], [one.current for one in won], days),
        proposed=_figures([one.proposed for one in leads], [one.proposed for one in won], days),
        entering=len(entering),
        leaving=len(leaving),
        staying=len(placed) - len(entering),
        enters=entering[:listed],
        leaves=[
            Moved(one.lead_id, one.name, one.proposed.score, now[one.lead_id], one.current.score) for one in leaving[:listed]
        ],
        rank_correlation=spearman([one.current.priority for one in heated], [one.proposed.priority for one in heated]),
        ranked=len(heated),
        hot_list=placed[:listed],
    )


def hot_before(spells: Iterable[Spell], at_ms: int) -> bool:
    """Whether there was a spell at some time in the 30 days before *at_ms*, that moment not included."""
    return any(spell.since < at_ms and spell.until > at_ms - BEFORE_WIN_MS for spell in spells)


def spearman(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Spearman's rank correlation of two equally long lists, from -1 to 1; ``None`` where one of them is all the same.

    Pearson's correlation of the ranks, where equal values share the mean of their ranks, which is what ties demand
    (Kendall, Gibbons, "Rank Correlation Methods", 5th edition, 1990, chapter 3); without ties it is ``1 - 6 Σd²/(n³ - n)``
    (Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15, 1904).

    >>> spearman([1, 2, 3, 4], [10, 30, 20, 40])
    0.8
    """
    if len(xs) != len(ys):
        raise ValueError(f"two lists of equal length, not {len(xs)} and {len(ys)}")
    middle = (len(xs) + 1) / 2
    first = [rank - middle for rank in mean_ranks(xs)]
    second = [rank - middle for rank in mean_ranks(ys)]
    spread = math.sqrt(math.fsum(x * x for x in first) * math.fsum(y * y for y in second))
    if spread == 0:
        return None
    together = math.fsum(x * y for x, y in zip(first, second, strict=True))
    return max(-1.0, min(1.0, together / spread))


def mean_ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, from 1 for the least; equal values share the mean of theirs.

    >>> mean_ranks([5, 7, 5])
    [1.5, 3.0, 1.5]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    place = 0
    for _, group in groupby(order, key=values.__getitem__):
        same = list(group)
        for index in same:
            ranks[index] = place + (len(same) + 1) / 2
        place += len(same)
    return ranks


def _hot_list(leads: Sequence[Compared], *, proposed: bool) -> list[Compared]:
    """The hot leads as the hot list has them: by priority, equal ones by id."""
    hot = [(one.proposed if proposed else one.current, one) for one in leads]
    return [one for standing, one in sorted(hot, key=lambda pair: (-pair[0].priority, pair[1].lead_id)) if standing.hot]


def _figures(every: Sequence[Standing], won: Sequence[Standing], days: int) -> Figures:
    wins_hot, all_hot = sum(one.hot_before for one in won), sum(one.hot_before for one in every)
    wins_share = wins_hot / len(won) if won else None
    all_share = all_hot / len(every) if every else None
    return Figures(
        hot=sum(one.hot for one in every),
        alerts_per_week=sum(one.entered for one in every) * 7 / days,
        wins_hot=wins_hot,
        all_hot=all_hot,
        wins_share=wins_share,
        all_share=all_share,
        lift=wins_share / all_share if wins_share is not None and all_share else None,
    )
