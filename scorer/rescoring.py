"""Fill a scorecard: score every lead by it in the background, then make it the current one at once.

While a card is being filled, its rows in ``lead_scores`` are made in chunks, beside those of the current card. Whoever
changes a lead meanwhile deletes its row by the filling card (``scoring.spoil``), so a row that is there is right. When none
is missing, one short transaction switches. All of it can be cut off at any instant and taken up again by anybody, also by
two at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from scorer.announcing import Change, announce
from scorer.browsers import browsers_of, read_browsers
from scorer.core.lead_folds import Landmarked, ScoreWork
from scorer.core.objecting import OBJECTION
from scorer.core.score import fold
from scorer.judging import judge
from scorer.memberships import lock_leads, members, settle
from scorer.models import accounts, lead_scores, lead_visitors, leads, scorecards
from scorer.portrait import Portrait, portrait
from scorer.scorecards import StoredCard, count_leads, count_scores, current_cards, load_card
from scorer.scoring import SCORE_COLUMNS, FoldedElsewhere, facts_of, score_anew, score_row, unpack_score
from tracker import bulk, store
from tracker.batch import VisitorUpdate
from tracker.core.events import Fact
from tracker.core.heard import Heard
from tracker.core.visits import unpack_state
from tracker.db import Database
from tracker.models import visitors
from tracker.sites import Site, load_sites

if TYPE_CHECKING:  # The archive needs an extra.
    from scorer.whole_history import WholeHistory

AT_ONCE: Final = {"sqlite": 100, "postgresql": 500}
"""Leads scored in one transaction. On SQLite the drain waits for as long as it lasts."""
CLEARED_AT_ONCE: Final = 2000
_TOLD_OF_OLD: Final = frozenset({"merged", "identified", "entered", "left"})
"""What is news when a lead of an older program is folded again; where it stands was known, if not written down."""
_REVISION: Final = SCORE_COLUMNS.index("revision")

Progress = Callable[[int, int], None]
"""Told how many leads have their score, and of how many."""


class LeadHistory(msgspec.Struct, frozen=True):
    """All that scoring a lead from its first event needs."""

    row: dict[str, Any]
    """Of ``leads``."""
    streams: dict[int, list[Fact]]
    """What each of its browsers did, as ``score.fold`` takes it."""
    portrayed: Portrait
    events: int


def read_histories(connection: Connection, site: Site, rows: dict[str, dict[str, Any]]) -> dict[str, LeadHistory]:
    """Return the histories of leads of *site*, given with their rows; leads without visitors are left out."""
    mine = members(connection, rows)
    numbers = [number for some in mine.values() for number in some]
    histories = store.load_histories(connection, numbers)
    browsers = read_browsers(connection, numbers)
    found = {}
    for lead, some in sorted(mine.items()):
        known = [browsers[number] for number in some if number in browsers]
        if not known:
            continue
        streams = {place: facts_of(histories[number], site) for place, number in enumerate(some) if number in histories}
        count = sum(len(histories.get(number, ())) for number in some)
        found[lead] = LeadHistory(rows[lead], streams, portrait(known), count)
    return found


def fill(
    database: Database,
    clock: Callable[[], int],
    progress: Progress | None = None,
    stopping: Callable[[], bool] = lambda: False,
    site_id: int | None = None,
) -> bool:
    """Fill the cards that wait for it and switch to them, those of one site or of all; return whether there was news.

    Enqueued by cron while a card is filling, and run by whoever publishes and waits. Leaves after the transaction under way
    when *stopping* says so; the next run goes on from there. *progress* is told after each transaction.
    """
    news = False
    with database.reading() as connection:
        waiting = _waiting(connection, site_id)
    for card_id, is_current in waiting:
        filling = _Filling(database, card_id, clock, progress, stopping)
        news |= filling.complete() if is_current else filling.run()
    while not stopping() and _clear(database, site_id):
        pass
    return news


def score_all(
    database: Database,
    site: Site,
    clock: Callable[[], int],
    progress: Progress | None = None,
    history: WholeHistory | None = None,
) -> bool:
    """Score every lead of a site by its current card from its whole history; return whether there was news.

    For when something changed that scores depend on but that isn't a card's, like the site's time zone. With *history* the
    folding is done there; leads of which more becomes known meanwhile are folded once more from the database.
    """
    if history is not None:
        return _score_folded(database, site, clock, history, progress)
    size, news, done, after = AT_ONCE["sqlite" if database.is_sqlite else "postgresql"], False, 0, ""
    with database.reading() as connection:
        to_score = count_leads(connection, site.id)
    roots = select(leads.c.id).where(leads.c.site_id == site.id, leads.c.merged_into.is_(None)).order_by(leads.c.id)
    while True:
        with database.writing() as connection:
            page = list(connection.execute(roots.where(leads.c.id > after).limit(size)).scalars())
            if not page:
                return news
            made = score_anew(connection, {site.id: site}, page, clock())
            announce(connection, made)
        news |= bool(made)
        done, after = done + len(page), page[-1]
        if progress:
            progress(min(done, to_score), to_score)


def _score_folded(
    database: Database, site: Site, clock: Callable[[], int], history: WholeHistory, progress: Progress | None
) -> bool:
    size, news = AT_ONCE["sqlite" if database.is_sqlite else "postgresql"], False
    waiting: dict[str, FoldedElsewhere] = {}

    def store_waiting() -> bool:
        with database.writing() as writing:
            made = score_anew(writing, {site.id: site}, sorted(waiting), clock(), folded=waiting)
            announce(writing, made)
        waiting.clear()
        return bool(made)

    with database.reading() as connection:
        stored = current_cards(connection)[site.id]
        roots = select(leads.c.id).where(leads.c.site_id == site.id, leads.c.merged_into.is_(None)).order_by(leads.c.id)
        ids = list(connection.execute(roots).scalars())
        revisions = _current_revisions(connection, site.id, ids)
        work = ScoreWork((Landmarked(stored.card.scorecard, stored.card.decay.landmark_ms),), with_paths=False)
        results = history.fold(connection, site, ids, work, clock(), progress)
    for lead, result in results:
        waiting[lead] = FoldedElsewhere(result.scores[0].state, (stored.id, revisions.get(lead, -1)))
        if len(waiting) == size:
            news |= store_waiting()
    return store_waiting() or news


def is_wanted(connection: Connection) -> bool:
    """Return whether ``fill`` has anything to do: a card is filling, or an old one still has scores."""
    has_scores = select(lead_scores.c.lead_id).where(lead_scores.c.scorecard_id == scorecards.c.id).exists()
    wanted = scorecards.c.filling | (~scorecards.c.is_current & has_scores)
    return connection.execute(select(scorecards.c.id).where(wanted).limit(1)).first() is not None


def _waiting(connection: Connection, site_id: int | None) -> list[tuple[int, bool]]:
    """Cards to fill, by site; current ones first, whose leads must be whole before another card takes over."""
    query = select(scorecards.c.id, scorecards.c.is_current).where(scorecards.c.filling)
    if site_id is not None:
        query = query.where(scorecards.c.site_id == site_id)
    return [tuple(row) for row in connection.execute(query.order_by(scorecards.c.is_current.desc(), scorecards.c.id))]


class _Filling:
    """One card on its way."""

    def __init__(
        self,
        database: Database,
        card_id: int,
        clock: Callable[[], int],
        progress: Progress | None,
        stopping: Callable[[], bool],
    ) -> None:
        self.database = database
        self.card_id = card_id
        self.clock = clock
        self.stopping = stopping
        self.size = AT_ONCE["sqlite" if database.is_sqlite else "postgresql"]
        with database.reading() as connection:
            self.stored = load_card(connection, card_id)
            self.done = count_scores(connection, card_id) if progress else 0
            self.leads = count_leads(connection, self.stored.site_id) if progress else 0
        self.progress = progress

    def run(self) -> bool:
        """Score every lead by a card that isn't current yet, then switch; return whether there was news."""
        with self.database.reading() as connection:
            mine = select(func.max(lead_scores.c.lead_id)).where(lead_scores.c.scorecard_id == self.card_id)
            after = connection.execute(mine).scalar() or ""
        # In the order of ids as far as nobody has been; then those whose row was deleted behind our back.
        while (page := self._page(after)) and not self.stopping():
            self._make(page)
            after = page[-1]
        before: list[str] = []
        while not self.stopping():
            with self.database.reading() as connection:
                missing = _missing(connection, self.stored, self.size)
            # What fits into one transaction is made by the switch; so is what can't be made, if there should be any.
            if len(missing) < self.size or missing == before:
                return self._switch()
            self._make(missing)
            before = missing
        return False

    def complete(self) -> bool:
        """Fold the leads that an older program left without a state, and join people by their names; return whether there
        was news."""
        told, after = False, ""
        while not self.stopping():
            with self.database.writing() as connection:
                empty = (lead_scores.c.scorecard_id == self.card_id) & (func.length(lead_scores.c.state) == 0)
                has_visitors = select(lead_visitors.c.visitor_id).where(lead_visitors.c.lead_id == lead_scores.c.lead_id)
                query = select(lead_scores.c.lead_id).where(empty, has_visitors.exists(), lead_scores.c.lead_id > after)
                page = list(connection.execute(query.order_by(lead_scores.c.lead_id).limit(self.size)).scalars())
                if not page and after == "":
                    connection.execute(update(scorecards).where(scorecards.c.id == self.card_id).values(filling=False))
                    return told
                news = _complete(connection, page, self.clock()) if page else []
                announce(connection, news)
                told |= bool(news)
            after = page[-1] if page else ""
            self._tell(len(page))
        return told

    def _page(self, after: str) -> list[str]:
        query = select(leads.c.id).where(leads.c.site_id == self.stored.site_id, leads.c.id > after)
        with self.database.reading() as connection:
            return list(connection.execute(query.order_by(leads.c.id).limit(self.size)).scalars())

    def _make(self, lead_ids: Sequence[str]) -> None:
        with self.database.writing() as connection:
            is_filling = select(scorecards.c.filling).where(scorecards.c.id == self.card_id)
            # A card may have been dropped for another; what is made of it then is cleared away.
            made = make_scores(connection, self.stored, lead_ids, self.clock()) if connection.scalar(is_filling) else 0
        self._tell(made)

    def _switch(self) -> bool:
        with self.database.writing() as connection:
            news = switch(connection, self.stored, self.clock())
        self._tell(0)
        return news

    def _tell(self, more: int) -> None:
        self.done += more
        if self.progress:
            self.progress(min(self.done, self.leads), self.leads)


def make_scores(connection: Connection, stored: StoredCard, lead_ids: Iterable[str], now_ms: int) -> int:
    """Score those of these leads that have no score by a filling card; return how many. Locks the leads; tells nobody.

    A row's ``hot_since`` is set if the lead is hot by this card. Its ``revision`` is beyond that of the current card, so
    that readers see a change; below 0 it also says that the lead's exclusion will change with the card.
    """
    ours = {lead: row for lead, row in lock_leads(connection, lead_ids).items() if row["merged_into"] is None}
    also = f"scorecard_id = {stored.id}"
    there = {row[0] for row in bulk.select_where_in(connection, lead_scores, ("lead_id",), "lead_id", ours, also)}
    wanted = {lead: row for lead, row in ours.items() if lead not in there}
    if not wanted:
        return 0
    revisions = _current_revisions(connection, stored.site_id, wanted)
    site = load_sites(connection)[stored.site_id]
    rows = []
    for lead, history in read_histories(connection, site, wanted).items():
        objects = history.row["exclusion"] == OBJECTION
        state = fold(stored.card, None, {} if objects else history.streams)
        by_hand = history.row["exclusion_by_hand"]
        verdict = judge(stored.card, site, state, history.portrayed, by_hand, objects=objects)
        made, _ = score_row(stored, lead, state, history.portrayed, verdict, None, was_identified=False, now_ms=now_ms)
        revision = revisions.get(lead, 0) + 2  # Cooling counts once more without deleting this row.
        as_before = verdict.exclusion == history.row["exclusion"]
        rows.append((*made[:_REVISION], revision if as_before else -revision, *made[_REVISION + 1 :]))
    bulk.append(connection, lead_scores, rows, columns=SCORE_COLUMNS)
    return len(rows)


def switch(connection: Connection, stored: StoredCard, now_ms: int) -> bool:
    """Make a filled card the current one of its site; return whether there was news. Does nothing if it isn't filling any
    more.

    Makes the scores still missing, tells sales of the leads that enter or leave the hot list by it, writes the exclusions
    that it changes and adds up the accounts. Drains and people's decisions wait until the transaction ends, and then go by
    it.
    """
    _hold_off(connection)
    row = connection.execute(select(scorecards).where(scorecards.c.id == stored.id).with_for_update()).one()
    if not row.filling or row.is_current:
        return False
    before = current_cards(connection)[stored.site_id]
    while missing := _missing(connection, stored, 1000):
        if not make_scores(connection, stored, missing, now_ms):
            break
    was_hot = _hot(connection, before.id)
    faded = stored.card.decay.threshold_heat(stored.card.leave, now_ms)
    mine = lead_scores.c.scorecard_id == stored.id
    cold = update(lead_scores).where(mine, lead_scores.c.hot_since.is_not(None), lead_scores.c.heat < faded)
    connection.execute(cold.values(hot_since=None, announced_score=None))
    is_hot = _hot(connection, stored.id)
    _write_exclusions(connection, stored)
    _note_announced(connection, stored, is_hot, now_ms)
    cards = update(scorecards).where(scorecards.c.id == before.id)
    connection.execute(cards.values(is_current=False, filling=False))
    cards = update(scorecards).where(scorecards.c.id == stored.id)
    connection.execute(cards.values(is_current=True, filling=False, published_at=now_ms))
    _add_up_accounts(connection, stored)
    heats = _heats(connection, stored.id, was_hot | is_hot)
    news = []
    for kind, some in (("left", was_hot - is_hot), ("entered", is_hot - was_hot)):
        for lead in sorted(some):
            score = round(stored.card.score(heats.get(lead, 0.0), now_ms), 1)
            news.append(Change(stored.site_id, lead, kind, now_ms, {"score": score, "scorecard": stored.number}))
    announce(connection, news)
    return bool(news)


def _hold_off(connection: Connection) -> None:
    """Wait for the drains and decisions under way, and hold off others until the transaction ends.

    A drain reads the cards after it has its partitions, and a person's decision after it has locked its leads: so whoever
    waits here finds the new card. On SQLite the transaction itself holds off everybody.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE partitions IN EXCLUSIVE MODE"))
        connection.execute(text("LOCK TABLE leads IN EXCLUSIVE MODE"))


def _missing(connection: Connection, stored: StoredCard, limit: int) -> list[str]:
    """Leads that a card has no score of yet."""
    has_visitors = select(lead_visitors.c.visitor_id).where(lead_visitors.c.lead_id == leads.c.id).exists()
    scored = (lead_scores.c.lead_id == leads.c.id) & (lead_scores.c.scorecard_id == stored.id)
    query = select(leads.c.id).where(
        leads.c.site_id == stored.site_id,
        leads.c.merged_into.is_(None),
        has_visitors,
        ~select(lead_scores.c.lead_id).where(scored).exists(),
    )
    return list(connection.execute(query.order_by(leads.c.id).limit(limit)).scalars())


def _current_revisions(connection: Connection, site_id: int, lead_ids: Iterable[str]) -> dict[str, int]:
    also = f"scorecard_id = {current_cards(connection)[site_id].id}"
    rows = bulk.select_where_in(connection, lead_scores, ("lead_id", "revision"), "lead_id", lead_ids, also)
    return dict(map(tuple, rows))


def _hot(connection: Connection, card_id: int) -> set[str]:
    """Leads of which sales know that they are hot by a card. Locked: the tick that tells of cooled ones passes over them."""
    hot = select(lead_scores.c.lead_id).where(lead_scores.c.scorecard_id == card_id, lead_scores.c.hot_since.is_not(None))
    return set(connection.execute(hot.with_for_update()).scalars())


def _heats(connection: Connection, card_id: int, lead_ids: Iterable[str]) -> dict[str, float]:
    columns, also = ("lead_id", "heat"), f"scorecard_id = {card_id}"
    return dict(map(tuple, bulk.select_where_in(connection, lead_scores, columns, "lead_id", lead_ids, also)))


def _note_announced(connection: Connection, stored: StoredCard, is_hot: set[str], now_ms: int) -> None:
    """Note what is said now of the hot leads: from here on it is news when they rise."""
    columns, also = SCORE_COLUMNS, f"scorecard_id = {stored.id}"
    place, heat = SCORE_COLUMNS.index("announced_score"), SCORE_COLUMNS.index("heat")
    rows = bulk.select_where_in(connection, lead_scores, columns, "lead_id", sorted(is_hot), also)
    told = [(*row[:place], stored.card.score(row[heat], now_ms), *row[place + 1 :]) for row in rows]
    bulk.upsert(connection, lead_scores, told, columns=columns)


def _write_exclusions(connection: Connection, stored: StoredCard) -> None:
    """Write the exclusions that differ by this card, and make the marked rows whole."""
    marked = (lead_scores.c.scorecard_id == stored.id) & (lead_scores.c.revision < 0)
    lead_ids = list(connection.execute(select(lead_scores.c.lead_id).where(marked)).scalars())
    site = load_sites(connection)[stored.site_id]
    for start in range(0, len(lead_ids), 1000):
        part = lead_ids[start : start + 1000]
        rows = lock_leads(connection, part)
        also = f"scorecard_id = {stored.id}"
        states = dict(map(tuple, bulk.select_where_in(connection, lead_scores, ("lead_id", "state"), "lead_id", part, also)))
        portraits = read_portraits(connection, part)
        changed = []
        for lead in part:
            totals, row = unpack_score(states[lead]), rows[lead]
            objects = row["exclusion"] == OBJECTION
            by_hand = row["exclusion_by_hand"]
            verdict = judge(stored.card, site, totals, portraits[lead], by_hand, objects=objects)
            values = row | {"exclusion": verdict.exclusion, "version": row["version"] + 1}
            changed.append(tuple(values.values()))
        bulk.upsert(connection, leads, changed, columns=tuple(rows[part[0]]))
    connection.execute(update(lead_scores).where(marked).values(revision=-lead_scores.c.revision))


def _add_up_accounts(connection: Connection, stored: StoredCard) -> None:
    """Add up the heats of a site's accounts by this card, as ``touch_accounts`` does for some: (Σ √heat)² of all leads that
    aren't excluded."""
    root = func.coalesce(func.sum(func.sqrt(lead_scores.c.heat)).filter(leads.c.exclusion.is_(None)), 0.0)
    sums = (
        select(leads.c.account_id, root.label("root"))
        .join(lead_scores, (lead_scores.c.lead_id == leads.c.id) & (lead_scores.c.scorecard_id == stored.id))
        .where(leads.c.site_id == stored.site_id, leads.c.account_id.is_not(None), leads.c.merged_into.is_(None))
        .group_by(leads.c.account_id)
        .subquery()
    )
    added = update(accounts).where(accounts.c.id == sums.c.account_id)
    connection.execute(added.values(heat=sums.c.root * sums.c.root))


def read_portraits(connection: Connection, lead_ids: Iterable[str]) -> dict[str, Portrait]:
    """Return who these leads are; those without visitors that count are left out."""
    return {lead: portrait(some) for lead, some in browsers_of(connection, lead_ids).items() if some}


def _complete(connection: Connection, lead_ids: Sequence[str], now_ms: int) -> list[Change]:
    """Score leads whose state an older program didn't keep, after joining those of one person; return what is news.

    What sales have been told of them stays told.
    """
    if connection.dialect.name == "postgresql":
        # A visitor that a drain changed between reading and writing its names would lose the new ones.
        connection.execute(text("LOCK TABLE partitions IN EXCLUSIVE MODE"))
    numbers = [number for some in members(connection, lead_ids).values() for number in some]
    columns = ("id", "site_id", "key", "state", "first_received_at", "heard_at")
    updates = [
        VisitorUpdate(row[0], (row[1], row[2]), unpack_state(row[3]), Heard(row[4], row[5]), [], from_scratch=False)
        for row in bulk.select_where_in(connection, visitors, columns, "id", sorted(numbers))
        if row[3] is not None
    ]
    settled = settle(connection, updates)
    news = [Change(one.site_id, one.lead_id, "merged", now_ms, {"into": one.into}) for one in settled.merges]
    news += score_anew(connection, load_sites(connection), set(settled.root_of.values()), now_ms)
    return [one for one in news if one.kind in _TOLD_OF_OLD]


def _clear(database: Database, site_id: int | None) -> bool:
    """Delete some scores by cards that are neither current nor filling; return whether there were any."""
    has_scores = select(lead_scores.c.lead_id).where(lead_scores.c.scorecard_id == scorecards.c.id).exists()
    over = ~scorecards.c.is_current & ~scorecards.c.filling & has_scores
    query = select(scorecards.c.id).where(over if site_id is None else over & (scorecards.c.site_id == site_id))
    with database.writing() as connection:
        # Locked, so that nobody begins to fill this card again meanwhile.
        card_id = connection.execute(query.order_by(scorecards.c.id).limit(1).with_for_update()).scalar()
        if card_id is None:
            return False
        mine = lead_scores.c.scorecard_id == card_id
        some = select(lead_scores.c.lead_id).where(mine).limit(CLEARED_AT_ONCE)
        connection.execute(delete(lead_scores).where(mine, lead_scores.c.lead_id.in_(some)))
    return True
