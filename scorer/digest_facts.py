"""The facts of a weekly digest, read from the feed, the outcomes and the leads as they are now.

What it costs does not grow with the leads of a site but with what happened to them in two weeks: the changes of that time
are a stretch of the feed's index, found by halving; everything else is cut to what fits on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select

from scorer.change_times import stretch
from scorer.core.decay import DAY_MS
from scorer.core.digest import Back, Closed, Facts, HotLead, Idle, Move, Numbers, Part, Share, Who
from scorer.core.digest_weeks import Week, week_before
from scorer.core.domain_names import readable
from scorer.core.interests import topic_label
from scorer.core.labels import pick
from scorer.core.observing import AT_ONCE, came_at_once
from scorer.core.one_line import one_line
from scorer.core.score import Contribution
from scorer.core.segment import Segment
from scorer.history import steps
from scorer.hot_list import awake
from scorer.lead_views import LEAD_COLUMNS, SCORED_LEADS, LeadRow, Viewpoint, view_leads
from scorer.memberships import members
from scorer.models import lead_changes, lead_scores, leads, outcomes
from scorer.outlets import shapes
from scorer.scoring import refold
from scorer.segment_sql import members_condition, tier_condition
from scorer.users import owner_names
from tracker import bulk
from tracker.core.events import FILE_DOWNLOADED
from tracker.models import events

SHOWN: Final = 5
"""Leads a list shows: all lists together are about a screen."""
CONSIDERED: Final = 30
"""Leads of the highest priority among which those are looked for that rose or fell most."""
LOOKED_INTO: Final = 200
"""Leads of the highest priority of which topics and documents are counted."""
IDLE_DAYS: Final = 3
"""Without a word about a claimed lead, from which it is shown as idle."""
_SALES_DAYS: Final = 28
"""How far back the last word about a claimed lead is looked for."""
_REASONS: Final = 2
_OF_SALES: Final = ("claimed", "noted", "outcome", "snoozed", "woken")


def read_facts(connection: Connection, view: Viewpoint, where: Segment | None, week: Week, zone: tzinfo) -> Facts:
    """Return what a digest tells of *week* to readers in *zone*: of a site, of those of its leads that are in a segment now.

    Leads that are excluded, merged into others or erased are in none of it. The week is told as of ``view.now_ms``: who
    became hot in it and has cooled since is not shown as hot.
    """
    return _Reading(connection, view, where, week, zone).facts()


class _Reading:
    def __init__(self, connection: Connection, view: Viewpoint, where: Segment | None, week: Week, zone: tzinfo) -> None:
        self.connection = connection
        self.view = view
        self.week = week
        self.before = week_before(week, zone)
        everybody = and_(lead_scores.c.scorecard_id == view.stored.id, leads.c.merged_into.is_(None))
        self.counted = everybody if where is None else members_condition(view.stored, where, view.now_ms)
        self.member = and_(self.counted, leads.c.exclusion.is_(None))
        self.stretches: dict[tuple[int, int], tuple[int, int]] = {}
        """Numbers of the changes of a time, as far as they have been looked for."""
        self.names = owner_names(connection, view.site.id)
        self.hot_now = tier_condition(view.stored, "hot", view.now_ms)

    def facts(self) -> Facts:
        numbers, before = self._numbers()
        entered = self._those_that("entered")
        hot = self._rows(and_(entered, self.hot_now, awake()))
        rising = self._rows(and_(self._those_that("rose"), not_(entered), self.hot_now, awake()), CONSIDERED)
        cooling = self._rows(and_(self._those_that("left"), not_(self.hot_now), awake()), CONSIDERED)
        idle, claims = self._idle()
        back, back_count = self._back()
        closed, closed_count, won_value = self._closed()
        risen = sorted(rising.rows, key=self._earned, reverse=True)[:SHOWN]
        fallen = sorted(cooling.rows, key=lambda row: -row.heat)[:SHOWN]
        shown = [*hot.rows, *risen, *fallen, *idle.rows, *back, *(row for row, *_ in closed)]
        unique = list({row.id: row for row in shown}.values())
        seen = {one.id: one for one in view_leads(self.connection, self.view, unique)}
        return Facts(
            numbers=numbers,
            before=before,
            hot=Part([self._hot(seen[row.id]) for row in hot.rows], hot.count),
            rising=Part(self._moves(risen, seen), rising.count),
            cooling=Part(self._moves(fallen, seen), cooling.count),
            idle=Part([Idle(self._who(seen[row.id]), *claims[row.id]) for row in idle.rows], idle.count),
            back=Part([Back(self._who(seen[row.id]), row.snoozed_until or 0) for row in back], back_count),
            closed=Part([self._word(seen[row.id], word) for row, word in closed], closed_count),
            won_value=won_value,
            topics=self._topics(entered),
            documents=self._documents(entered),
        )

    # Who happened to be in the feed.

    def _changes(self, from_ms: int, to_ms: int, kinds: Iterable[str]) -> ColumnElement[bool]:
        """Return which changes of the site are of these kinds and this time, as a stretch of the index."""
        if (from_ms, to_ms) not in self.stretches:
            self.stretches[from_ms, to_ms] = stretch(self.connection, self.view.site.id, from_ms, to_ms)
        first, end = self.stretches[from_ms, to_ms]
        change = lead_changes.c
        return and_(
            change.site_id == self.view.site.id,
            change.sequence >= first,
            change.sequence < end,
            change.at >= from_ms,
            change.at < to_ms,
            change.kind.in_(list(kinds)),
        )

    def _those_that(self, kind: str) -> ColumnElement[bool]:
        """Return which leads have such a change in the week."""
        happened = self._changes(self.week.from_ms, self.week.to_ms, [kind])
        return lead_scores.c.lead_id.in_(select(lead_changes.c.lead_id).where(happened))

    def _rows(self, condition: ColumnElement[bool], limit: int = SHOWN) -> _Rows:
        """Return the first leads of the ranking that fulfil a condition, and how many there are."""
        mine = and_(self.member, condition)
        query = select(*LEAD_COLUMNS).select_from(SCORED_LEADS).where(mine)
        query = query.order_by(lead_scores.c.priority.desc(), lead_scores.c.lead_id).limit(limit)
        rows = [LeadRow(*row) for row in self.connection.execute(query)]
        return _Rows(rows, len(rows) if len(rows) < limit else self._count(mine))

    def _count(self, condition: ColumnElement[bool]) -> int:
        return self.connection.execute(select(func.count()).select_from(SCORED_LEADS).where(condition)).scalar_one()

    # The numbers of the week and of the one before.

    def _numbers(self) -> tuple[Numbers, Numbers]:
        found: dict[tuple[str, bool], int] = {}
        happened = self._changes(self.before.from_ms, self.week.to_ms, ("entered", "identified", "left"))
        change = lead_changes.c
        this = case((change.at >= self.week.from_ms, 1), else_=0)
        joined = lead_changes.join(lead_scores, lead_scores.c.lead_id == change.lead_id)
        joined = joined.join(leads, leads.c.id == lead_scores.c.lead_id)
        query = select(change.kind, this, func.count(change.lead_id.distinct())).select_from(joined)
        for kind, is_this, count in self.connection.execute(query.where(happened, self.member).group_by(change.kind, this)):
            found[kind, bool(is_this)] = count
        this = case((outcomes.c.at >= self.week.from_ms, 1), else_=0)
        told = select(outcomes.c.kind, this, func.count(outcomes.c.lead_id.distinct())).select_from(_OUTCOMES_OF_LEADS)
        told = told.where(self._outcomes(self.before.from_ms, ("contacted", "won", "lost")))
        for kind, is_this, count in self.connection.execute(told.group_by(outcomes.c.kind, this)):
            found[kind, bool(is_this)] = count
        names = Numbers.__struct_fields__
        return Numbers(*(found.get((name, True), 0) for name in names)), Numbers(
            *(found.get((name, False), 0) for name in names)
        )

    def _outcomes(self, from_ms: int, kinds: Sequence[str]) -> ColumnElement[bool]:
        """Return which outcomes were told since *from_ms* up to the end of the week; won and lost only if that still holds.

        Who has bought may be excluded for that: a deal counts all the same.
        """
        return and_(
            outcomes.c.site_id == self.view.site.id,
            outcomes.c.kind.in_(kinds),
            outcomes.c.at >= from_ms,
            outcomes.c.at < self.week.to_ms,
            or_(outcomes.c.kind == "contacted", leads.c.status == outcomes.c.kind),
            self.counted,
            or_(leads.c.exclusion.is_(None), leads.c.exclusion == "customer"),
        )

    def _closed(self) -> tuple[list[tuple[LeadRow, Any]], int, list[tuple[str, float]]]:
        """Return leads won and lost in the week with what was said last of each, how many, and what was won."""
        place = func.row_number().over(
            partition_by=(outcomes.c.lead_id, outcomes.c.kind), order_by=(outcomes.c.at.desc(), outcomes.c.message_id.desc())
        )
        columns = [outcomes.c[name] for name in ("lead_id", "kind", "at", "value", "currency", "reason", "by")]
        last = select(*columns, place.label("place")).select_from(_OUTCOMES_OF_LEADS)
        words = last.where(self._outcomes(self.week.from_ms, ("won", "lost"))).subquery()
        is_last = words.c.place == 1
        sums = select(func.upper(words.c.currency), func.sum(words.c.value)).where(
            is_last, words.c.kind == "won", words.c.value.is_not(None)
        )
        grouped = self.connection.execute(sums.group_by(func.upper(words.c.currency)))
        won_value = sorted(((currency, float(value)) for currency, value in grouped), key=lambda one: (-one[1], one[0]))
        count = self.connection.execute(select(func.count()).select_from(words).where(is_last)).scalar_one()
        order = (words.c.kind.desc(), func.coalesce(words.c.value, 0).desc(), words.c.at.desc(), words.c.lead_id)
        shown = self.connection.execute(select(words).where(is_last).order_by(*order).limit(SHOWN)).all()
        rows = {row.id: row for row in self._load([one.lead_id for one in shown])}
        return [(rows[one.lead_id], one) for one in shown], count, won_value

    # Leads that somebody should look after.

    def _idle(self) -> tuple[_Rows, dict[str, tuple[str, int | None, bool]]]:
        """Return claimed leads without a word for days, and those whose claim ran out; with owner and since when."""
        now_ms = self.view.now_ms
        recent = self._changes(now_ms - IDLE_DAYS * DAY_MS, now_ms + 1, _OF_SALES)
        quiet = lead_scores.c.lead_id.not_in(select(lead_changes.c.lead_id).where(recent))
        held = and_(leads.c.claimed_until.is_not(None), leads.c.owner.is_not(None), quiet)
        released = self._changes(self.week.from_ms, self.week.to_ms, ["released"])
        ended = select(lead_changes.c.lead_id, lead_changes.c.detail).where(released).order_by(lead_changes.c.sequence)
        told = ((row.lead_id, msgspec.json.decode(row.detail)) for row in self.connection.execute(ended))
        ran_out = {lead: detail for lead, detail in told if detail.get("why") == "expired"}
        free = and_(leads.c.owner.is_(None), leads.c.id.in_(sorted(ran_out)[:LOOKED_INTO]))
        found = self._rows(and_(or_(held, free), awake()))
        words = self._changes(now_ms - _SALES_DAYS * DAY_MS, now_ms + 1, _OF_SALES)
        mine = lead_changes.c.lead_id.in_([row.id for row in found.rows])
        last = (
            select(lead_changes.c.lead_id, func.max(lead_changes.c.at)).where(words, mine).group_by(lead_changes.c.lead_id)
        )
        since = {row[0]: row[1] for row in self.connection.execute(last)}
        return found, {
            row.id: (
                self._owner(row.owner or str(ran_out[row.id].get("owner") or "")),
                since.get(row.id),
                row.owner is None,
            )
            for row in found.rows
        }

    def _back(self) -> tuple[list[LeadRow], int]:
        """Return leads that were put off until a day of the next seven, the soonest first."""
        now_ms = self.view.now_ms
        soon = and_(leads.c.snoozed_until > now_ms, leads.c.snoozed_until <= now_ms + 7 * DAY_MS)
        mine = and_(self.member, soon, leads.c.status.in_(("snoozed", "not_now")))
        query = select(*LEAD_COLUMNS).select_from(SCORED_LEADS).where(mine)
        rows = self.connection.execute(query.order_by(leads.c.snoozed_until, leads.c.id).limit(SHOWN)).all()
        return [LeadRow(*row) for row in rows], self._count(mine) if len(rows) == SHOWN else len(rows)

    # What they had to do with.

    def _topics(self, entered: ColumnElement[bool]) -> list[Share]:
        query = select(lead_scores.c.topics).select_from(SCORED_LEADS).where(self.member, entered)
        found = self.connection.execute(query.order_by(lead_scores.c.priority.desc()).limit(LOOKED_INTO))
        counted = Counter(topic for (topics,) in found for topic in topics.split()[:_REASONS])
        card, language = self.view.card, self.view.language
        return _shares(counted, lambda topic: one_line(topic_label(card, topic, language), 60))

    def _documents(self, entered: ColumnElement[bool]) -> list[Share]:
        query = select(lead_scores.c.lead_id).select_from(SCORED_LEADS).where(self.member, entered)
        query = query.where(lead_scores.c.downloads > 0)
        ids = self.connection.execute(query.order_by(lead_scores.c.priority.desc()).limit(LOOKED_INTO)).scalars().all()
        lead_of = {number: lead for lead, numbers in members(self.connection, ids).items() for number in numbers}
        columns = ("visitor_id", "at", "properties", "label")
        downloads = f"name = '{FILE_DOWNLOADED}'"
        pairs = set()
        for visitor, at, properties, label in bulk.select_where_in(
            self.connection, events, columns, "visitor_id", sorted(lead_of), downloads
        ):
            name = (msgspec.json.decode(properties) if properties else {}).get("file_name")
            if label is None and at < self.week.to_ms and isinstance(name, str) and name:
                pairs.add((name, lead_of[visitor]))
        return _shares(Counter(name for name, _ in pairs), lambda name: one_line(name, 60))

    # Leads in words.

    def _load(self, ids: Sequence[str]) -> list[LeadRow]:
        mine = and_(lead_scores.c.scorecard_id == self.view.stored.id, lead_scores.c.lead_id.in_(ids))
        return [
            LeadRow(*row) for row in self.connection.execute(select(*LEAD_COLUMNS).select_from(SCORED_LEADS).where(mine))
        ]

    def _who(self, lead: shapes.Lead) -> Who:
        company = (lead.company.name or readable(lead.company.domain)) if lead.company else None
        about = (lead.title, company or lead.network_hint)
        name = one_line(lead.name or readable(lead.email), 100)
        return Who(name, ", ".join(one_line(part, 100) for part in about if part), lead.url)

    def _word(self, lead: shapes.Lead, word: Any) -> Closed:
        reason, currency = one_line(word.reason, 160), one_line(word.currency, 10)
        return Closed(self._who(lead), word.kind, word.value, currency, reason, self._owner(word.by))

    def _owner(self, owner: str | None) -> str:
        """Return what an owner is called; empty where there is none."""
        return one_line(self.names.get(owner, owner) if owner else "", 100)

    def _hot(self, lead: shapes.Lead) -> HotLead:
        doubts = [pick(AT_ONCE, self.view.language)] if came_at_once(lead.tier, lead.observed_seconds) else []
        return HotLead(
            who=self._who(lead),
            score=lead.score,
            why=doubts + [one_line(one.text) for one in lead.reasons[:_REASONS]],
            step=one_line(lead.next_step.label),
            step_why=one_line(lead.next_step.why),
            due_ms=_ms(lead.next_step.due),
            owner=self._owner(lead.owner),
        )

    def _moves(self, rows: Sequence[LeadRow], seen: dict[str, shapes.Lead]) -> list[Move]:
        before = self._scores_before([row.id for row in rows])
        return [
            Move(
                who=self._who(seen[row.id]),
                before=before[row.id],
                now=seen[row.id].score,
                why=one_line(max(seen[row.id].reasons, key=lambda one: one.last_at).text) if seen[row.id].reasons else "",
                owner=self._owner(seen[row.id].owner),
            )
            for row in rows
        ]

    def _scores_before(self, lead_ids: Sequence[str]) -> dict[str, float]:
        """Return the score that each of these leads had as the week began; a fold of its history each."""
        card, visitors_of = self.view.card, members(self.connection, lead_ids)
        found = {}
        for lead in lead_ids:
            trace: list[Contribution] = []
            refold(self.connection, card, self.view.site, visitors_of.get(lead, []), trace)
            heats = [step.heat for step in steps(card, trace) if step.at < self.week.from_ms]
            found[lead] = card.score(heats[-1], self.week.from_ms) if heats else 0.0
        return found

    def _earned(self, row: LeadRow) -> float:
        """Return the points that a lead earned since the week began."""
        first = self.week.first.toordinal()
        return sum(points for day, points in row.totals.days.items() if day >= first)


class _Rows(msgspec.Struct, frozen=True):
    """The first leads of a list, and how many are on it."""

    rows: list[LeadRow]
    count: int


_OUTCOMES_OF_LEADS: Final = outcomes.join(lead_scores, lead_scores.c.lead_id == outcomes.c.lead_id).join(
    leads, leads.c.id == outcomes.c.lead_id
)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _shares(counted: Counter[str], label: Any) -> list[Share]:
    first = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    return [Share(label(name), count) for name, count in first]
