"""Read from the database the table that is learned from: one fold a lead, and its counts at all past moments at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, func, select

from scorer.core.decay import DAY_MS
from scorer.core.globs import Globs, folded
from scorer.core.labelling import snapshot_times
from scorer.core.labels import listed
from scorer.core.lead_folds import FoldedPast, Landmarked, PastWork
from scorer.core.past_points import Held, columns_of, counting_card, held
from scorer.core.rules import Card
from scorer.core.scorecard import Scorecard
from scorer.learning.snapshots import Feature, Floats, Integers, Matrix, Snapshots, Truths
from scorer.learning_models import explored_leads
from scorer.models import leads
from scorer.outcomes import OUTCOME_EVENTS
from scorer.past_leads import PastLead, Progress, find_past_leads, past_leads
from scorer.scorecards import current_cards
from tracker import bulk
from tracker.sites import Site

if TYPE_CHECKING:  # The archive needs an extra.
    from scorer.whole_history import WholeHistory

HALF_LIVES: Final = (3.0, 7.0, 14.0, 30.0)
"""Days; beside that of the current card."""
SNAPSHOTS_AT_MOST: Final = 12
"""Of one lead."""
CELLS_AT_MOST: Final = 120_000_000
"""Numbers in all tables of counts together: 480 MB."""
HEAVIEST: Final = 20.0
"""What one row weighs at most, however unlikely it was drawn: a few rows are not to decide everything."""
_BY_SALES: Final = frozenset({"event", "mail_click"})
"""Behaviours that may be written down by sales: a call, a quote, a click on a link that a salesperson has sent."""
_WEEK_MS: Final = 7 * DAY_MS


class CalibrationRows(NamedTuple):
    """What a card's points are turned into chances by: rows whose horizon is over, so that quick wins aren't too many."""

    points: Floats
    won: Truths
    weights: Floats
    clusters: Integers
    """Which lead, numbered from 0."""
    wins: int
    """Leads that were won, and that weren't within the horizon."""
    losses: int


@dataclass(slots=True)
class _Layout:
    """Which column counts what. Rules that sales may fulfil have two: before the first contact, and ever."""

    features: list[Feature]
    first: dict[str, int]
    """First column of each rule."""
    ever: dict[str, int]
    """The second column of rules that sales may fulfil."""
    by_name: set[str]
    """Rules that are fulfilled by an outcome itself."""

    @property
    def width(self) -> int:
        return len(self.features) + len(self.ever)


@dataclass(slots=True)
class _Part:
    """Rows of some leads."""

    columns: list[Integers | Floats | Truths]
    counts: dict[float, Matrix]


class _Reader:
    """Turns leads into rows, some at a time."""

    def __init__(
        self, card: Scorecard, half_lives: Iterable[float], horizon_days: int, goals: Iterable[str], now_ms: int
    ) -> None:
        self.card = card
        self.counting = Card(counting_card(card), now_ms // DAY_MS * DAY_MS)
        self.half_lives = tuple(half_lives)
        self.horizon_ms, self.now_ms = horizon_days * DAY_MS, now_ms
        self.layout = _layout(card, [*OUTCOME_EVENTS, *(folded(name) for name in goals)])
        self.step_ms, self.at_most = _WEEK_MS, SNAPSHOTS_AT_MOST
        self.accounts: dict[str, int] = {}
        self.leads = 0
        self.censored = 0
        self.fulfilled: dict[str, list[int]] = {rule: [0, 0] for rule in self.layout.ever}
        """Of each rule that sales may fulfil: how often it was, and how often after the first contact."""

    def plan(self, leads_to_read: int) -> None:
        """Look at leads so seldom that the tables fit into memory."""
        tables = max(1, len(self.half_lives)) * self.layout.width
        self.at_most = max(1, min(SNAPSHOTS_AT_MOST, CELLS_AT_MOST // (tables * max(1, leads_to_read))))
        self.step_ms = _WEEK_MS if self.at_most >= SNAPSHOTS_AT_MOST / 2 else 2 * _WEEK_MS

    def read(
        self,
        some: Sequence[PastLead],
        shown: dict[str, list[tuple[int, int, float]]],
        folded: Mapping[str, FoldedPast] | None = None,
    ) -> _Part:
        """Return the rows of some leads. *shown* says when leads were shown by lot, and how likely that was. *folded*: by
        the counting card, where that was done already."""
        rows: list[tuple[int, int, int, int, bool, float, int, int]] = []
        entries: list[tuple[int, int, float, float]] = []
        for lead in some:
            number = self.leads
            self.leads += 1
            account = -1 if lead.account_id is None else self.accounts.setdefault(lead.account_id, len(self.accounts))
            times = snapshot_times(lead.seen, lead.known, self.step_ms, self.at_most, self.now_ms)
            if not times:
                continue
            found = [(at, lead.known.outcome(at, self.horizon_ms, self.now_ms)) for at in times]
            known = [(at, outcome.known_at, outcome.won) for at, outcome in found if outcome.won is not None]
            if not known:
                self.censored += 1
                continue
            everything = held(self.counting, lead.streams) if folded is None else folded[lead.id].held
            self._note_contact(lead, everything)
            for at, known_at, won in known:
                place = len(rows)
                last = lead.seen[bisect_left(lead.seen, at) - 1]
                pages = bisect_left(lead.pages, at)
                shares = [share for since, until, share in shown.get(lead.id, ()) if since <= at < until]
                rows.append((number, account, at, known_at, won, 1 / min(shares, default=1.0), last, pages))
                entries += self._entries(place, at, lead, everything)
        return self._table(rows, entries)

    def _entries(self, row: int, at: int, lead: PastLead, everything: list[Held]) -> Iterable[tuple[int, int, float, float]]:
        """Row, column, age in days and points by the card of what counted at a moment."""
        layout, contacted_at = self.layout, lead.known.contacted_at
        features = layout.features
        for one in everything:
            if one.at >= at or (one.until is not None and one.until < at):
                continue
            age, first, ever = (at - one.at) / DAY_MS, layout.first[one.rule], layout.ever.get(one.rule)
            if ever is not None:
                if contacted_at is None or one.at < contacted_at:
                    yield row, first, age, 0.0
                yield row, ever, age, features[first].points
                continue
            for column in range(first, first + int(one.points)):
                yield row, column, age, features[column].points

    def _note_contact(self, lead: PastLead, everything: list[Held]) -> None:
        contacted_at = lead.known.contacted_at
        for one in everything:
            if one.rule in self.fulfilled:
                counted = self.fulfilled[one.rule]
                counted[0] += 1
                counted[1] += contacted_at is not None and one.at >= contacted_at

    def _table(self, rows: list[Any], entries: list[tuple[int, int, float, float]]) -> _Part:
        told = list(zip(*rows, strict=True)) if rows else [()] * 8
        kinds: tuple[Any, ...] = (np.int64, np.int64, np.int64, np.int64, np.bool_, np.float64, np.int64, np.float64)
        columns = [np.array(values, kind) for values, kind in zip(told, kinds, strict=True)]
        table = np.array(entries, np.float64).reshape(-1, 4)
        place = table[:, 0].astype(np.int64)
        cell = place * self.layout.width + table[:, 1].astype(np.int64)
        shape = (len(rows), self.layout.width)
        counts = {
            days: np.bincount(cell, np.exp2(-table[:, 2] / days), shape[0] * shape[1]).astype(np.float32).reshape(shape)
            for days in self.half_lives
        }
        faded = table[:, 3] * np.exp2(-table[:, 2] / self.card.half_life_days)
        return _Part([*columns, np.bincount(place, faded, len(rows)).astype(np.float64)], counts)

    def finish(self, parts: list[_Part]) -> Snapshots:
        """Put the rows of all leads together."""
        if not parts:
            parts = [self._table([], [])]
        number, account, at, known_at, won, weights, last, pages, current = (
            np.concatenate([part.columns[place] for part in parts]) for place in range(9)
        )
        features, order = self._features()
        counts: dict[float, Matrix] = {}
        for days in self.half_lives:
            counts[days] = np.concatenate([part.counts.pop(days)[:, order] for part in parts])
        return Snapshots(
            leads=number,
            accounts=account,
            at=at,
            known_at=known_at,
            won=won,
            weights=np.minimum(weights, HEAVIEST),
            features=features,
            counts=counts,
            current=current,
            last_at=last,
            pages=pages,
            censored=self.censored,
            horizon_days=self.horizon_ms // DAY_MS,
        )

    def _features(self) -> tuple[tuple[Feature, ...], list[int]]:
        """The features, and the column of each."""
        layout, order = self.layout, list(range(len(self.layout.features)))
        features = list(layout.features)
        for rule, column in layout.ever.items():
            times, after = self.fulfilled[rule]
            if rule in layout.by_name or 2 * after > times:
                first = layout.first[rule]
                order[first] = column
                features[first] = Feature(rule, None, features[first].points, after_contact=True)
        return tuple(features), order


def read_snapshots(
    connection: Connection,
    site: Site,
    now_ms: int,
    *,
    horizon_days: int | None = None,
    half_lives: Iterable[float] | None = None,
    progress: Progress | None = None,
    history: WholeHistory | None = None,
) -> Snapshots:
    """Return the leads of *site* as they stood at past times, and whether they bought within the horizon.

    Reads one moment of the database. Each lead is folded once, from its first event, by a card that counts what the current
    card gives points for; the tables are made in chunks of leads and held as float32, at most ``CELLS_AT_MOST`` numbers.

    A row whose lead was decided before its horizon is over is in the table; whoever learns a chance from the table leaves
    it out, since of the same weeks only the quick ones are known.

    Parameters
    ----------
    horizon_days
        ``None``: the site's setting.
    half_lives
        In days; ``None``: ``HALF_LIVES`` and that of the current card. With none there are no counts, only points.
    progress
        Told how many leads have been read, and of how many.
    history
        Where the leads are folded; ``None``: here, from the database.
    """
    card = current_cards(connection)[site.id].card.scorecard
    if half_lives is None:
        half_lives = sorted({*HALF_LIVES, card.half_life_days})
    settings = site.settings
    reader = _Reader(card, half_lives, horizon_days or settings.learning_horizon_days, settings.goal_events, now_ms)
    mine = (leads.c.site_id == site.id) & leads.c.merged_into.is_(None)
    reader.plan(connection.execute(select(func.count()).where(mine)).scalar_one())
    parts, folded = [], None
    if history is not None:
        work = PastWork(Landmarked(reader.counting.scorecard, reader.counting.decay.landmark_ms), now_ms)
        results = history.fold(connection, site, list(find_past_leads(connection, site)), work, now_ms, progress)
        folded = {lead: result.past for lead, result in results if result.past is not None}
        progress = None
    for some in past_leads(connection, site, now_ms, progress, folded=folded):
        parts.append(reader.read(some, _explored(connection, [lead.id for lead in some]), folded))
    return reader.finish(parts)


def calibration_rows(
    connection: Connection, site: Site, now_ms: int, *, horizon_days: int | None = None, progress: Progress | None = None
) -> CalibrationRows:
    """Return the points that leads had by the current card at past times, and whether they bought within the horizon."""
    found = read_snapshots(connection, site, now_ms, horizon_days=horizon_days, half_lives=(), progress=progress)
    return rows_of(found, now_ms)


def rows_of(found: Snapshots, now_ms: int, since_ms: int = 0) -> CalibrationRows:
    """Return what the current card is calibrated by, of a table that has been read: moments from *since_ms* on.

    On moments that a card was learned from its points tell wins apart better than on any to come.
    """
    over = (found.at + found.horizon_days * DAY_MS <= now_ms) & (found.at >= since_ms)
    won, leads_over = found.won[over], found.leads[over]
    numbers, clusters = np.unique(leads_over, return_inverse=True)
    wins = len(np.unique(leads_over[won]))
    return CalibrationRows(found.current[over], won, found.weights[over], clusters, wins, len(numbers) - wins)


def _layout(card: Scorecard, names: Sequence[str]) -> _Layout:
    """*names* are those of events that are outcomes themselves."""
    features: list[Feature] = []
    first: dict[str, int] = {}
    by_sales: list[str] = []
    for rule, bucket, points in columns_of(card):
        first.setdefault(rule.id, len(features))
        if rule.on in _BY_SALES:
            by_sales.append(rule.id)
        features.append(Feature(rule.id, bucket, points))
    by_name = {rule.id for rule in card.rules if any(map(Globs(listed(rule.match.event)), names))}
    return _Layout(features, first, {rule: len(features) + place for place, rule in enumerate(by_sales)}, by_name)


def _explored(connection: Connection, lead_ids: list[str]) -> dict[str, list[tuple[int, int, float]]]:
    found: dict[str, list[tuple[int, int, float]]] = {}
    columns = ("lead_id", "since", "until", "share")
    for lead, since, until, share in bulk.select_where_in(connection, explored_leads, columns, "lead_id", lead_ids):
        found.setdefault(lead, []).append((since, until, share))
    return found
