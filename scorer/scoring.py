"""What follows the drain in its transaction: score the leads that a batch touched, and note what is news to sales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from scorer.accounts import Company, touch_accounts
from scorer.announcing import Change, announce
from scorer.browsers import read_browsers
from scorer.core.lead_state import LeadChange, LeadSnapshot, announced, changes
from scorer.core.objecting import OBJECTION
from scorer.core.rules import Card
from scorer.core.score import Contribution, RefoldNeeded, ScoreState, fold
from scorer.handling import restate
from scorer.judging import Judgement, employees_of, judge, region_of
from scorer.memberships import Memberships, keep_alone, lock_leads, members, settle
from scorer.models import lead_scores, leads
from scorer.objections import forget_judgements, note_objections, objecting
from scorer.outcomes import note_outcomes
from scorer.portrait import Browser, Portrait, portrait
from scorer.scorecards import StoredCard, cards_in_use
from scorer.searching import has_words, keep_words
from tracker import bulk, store
from tracker.batch import VisitorUpdate
from tracker.core import visits
from tracker.core.events import Event, Fact
from tracker.days import day_of
from tracker.sites import Site

SCORE_COLUMNS: Final = tuple(column.name for column in lead_scores.columns)
LEAD_COLUMNS: Final = tuple(column.name for column in leads.columns)
_OF_SALES: Final = ("status", "owner", "claimed_until", "snoozed_until")
"""Columns that only ``scorer.handling`` changes, perhaps while a drain has read the lead and not yet written it."""

pack_score = msgspec.msgpack.Encoder().encode
unpack_score = msgspec.msgpack.Decoder(ScoreState).decode


class ScoreRow(msgspec.Struct, frozen=True):
    """The stored score of a lead by the current card, as far as the next one depends on it."""

    hot_since: int | None
    announced_score: float | None
    stage: str | None
    revision: int
    state: bytes


class LeadUpdate(msgspec.Struct, frozen=True):
    """A lead that has to be scored: what its visitors did in this batch."""

    lead_id: str
    site: Site
    updates: list[VisitorUpdate]
    visitors: int
    changed: bool
    """Whether it has gained visitors."""


class FoldedElsewhere(msgspec.Struct, frozen=True):
    """A lead's score that was folded outside of the transaction that stores it."""

    state: ScoreState
    basis: tuple[int, int]
    """The current card's id, and the revision of the lead's score by it, when what was folded was read: they change with
    whatever the fold depends on."""


def score_visitors(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    """Score what *updates* tell and store it; return whether there were lead changes.

    The ``FollowUp`` of the drain: called in its transaction, at most once for each event that counts.
    """
    settled = settle(connection, updates)
    touched = _by_lead(sites, updates, settled)
    told_of = note_objections(connection, updates, settled.root_of, settled.home_of)
    spoken_of = note_outcomes(connection, updates, settled.root_of, settled.home_of)
    news = [Change(one.site_id, one.lead_id, "merged", now_ms, {"into": one.into}) for one in settled.merges]
    left = {account for one in settled.merges if (account := settled.leads[one.lead_id]["account_id"]) is not None}
    news += _store(connection, touched, settled.leads, told_of | settled.changed, left, now_ms)
    keep_alone(connection, settled)
    news += restate(connection, spoken_of | settled.changed, now_ms)
    news += score_anew(connection, sites, settled.shrunk, now_ms) if settled.shrunk else []
    announce(connection, news)
    return bool(news)


def score_anew(
    connection: Connection,
    sites: Mapping[int, Site],
    lead_ids: Iterable[str],
    now_ms: int,
    left_accounts: Iterable[str] = (),
    folded: Mapping[str, FoldedElsewhere] = MappingProxyType({}),
) -> list[Change]:
    """Score these leads from their whole history, store it, and return what is news.

    For when somebody has changed what they consist of, or how they are to be judged. Locks them. Leads that don't exist or
    are merged are left alone. *left_accounts* are companies that have lost leads. *folded* are scores that have been made
    already; those of leads of which more has become known since are not used.
    """
    rows = lock_leads(connection, lead_ids)
    roots = {lead: row for lead, row in rows.items() if row["merged_into"] is None}
    mine = members(connection, roots)
    touched = [
        LeadUpdate(lead, sites[row["site_id"]], [], len(mine[lead]), changed=True)
        for lead, row in sorted(roots.items())
        if lead in mine
    ]
    news = _store(connection, touched, rows, set(mine), set(left_accounts), now_ms, folded)
    return news + restate(connection, mine, now_ms)


def _store(
    connection: Connection,
    touched: Sequence[LeadUpdate],
    known_leads: Mapping[str, Mapping[str, Any]],
    asked: set[str],
    left_accounts: set[str],
    now_ms: int,
    folded: Mapping[str, FoldedElsewhere] = MappingProxyType({}),
) -> list[Change]:
    """Score *touched*, write their rows and what follows from them, and return what is news.

    *known_leads* are locked. Those *asked* may have begun or ceased to object to being scored since they were written.
    """
    # Once they are locked: whoever makes scores by another card waits for this, or is seen to have begun.
    cards, filling = cards_in_use(connection)
    silenced = {lead for lead, row in known_leads.items() if row["exclusion"] == OBJECTION}
    silent = objecting(connection, {one.lead_id for one in touched} & (asked | silenced))
    forget_judgements(connection, silent)
    # Who may be scored again has a state of nothing: folded from the first fact.
    again = silenced - silent
    touched = [msgspec.structs.replace(one, changed=True) if one.lead_id in again else one for one in touched]
    scored = _Scoring(connection, cards, touched, silent, folded).run()
    news: list[Change] = []
    lead_rows: list[tuple[Any, ...]] = []
    named: list[dict[str, Any]] = []
    score_rows: list[tuple[Any, ...]] = []
    companies: dict[str, Company | None] = dict.fromkeys(left_accounts)
    for one in touched:
        stored, known = cards[one.site.id], known_leads.get(one.lead_id)
        state, portrayed, before = scored[one.lead_id]
        by_hand = known["exclusion_by_hand"] if known else None
        verdict = judge(stored.card, one.site, state, portrayed, by_hand, objects=one.lead_id in silent)
        row = lead_row(one, portrayed, verdict, known)
        if row is not None:
            lead_rows.append(row)
            values = dict(zip(LEAD_COLUMNS, row, strict=True))
            if has_words(values) or (known is not None and has_words(known)):
                named.append(values)
        if known and known["account_id"] is not None:
            companies.setdefault(known["account_id"], None)
        if verdict.account_id is not None:
            companies[verdict.account_id] = verdict.company
        was_identified = known is not None and known["kind"] == "person"
        score, made = score_row(stored, one.lead_id, state, portrayed, verdict, before, was_identified, now_ms)
        score_rows.append(score)
        news += [Change(one.site.id, one.lead_id, kind, now_ms, detail) for kind, detail in made]
    # Leads first: scores point at them.
    bulk.upsert(connection, leads, lead_rows, columns=LEAD_COLUMNS, keep=("site_id", *_OF_SALES))
    keep_words(connection, named)
    bulk.upsert(connection, lead_scores, score_rows, columns=SCORE_COLUMNS)
    _spoil(connection, filling, {one.lead_id: one.site.id for one in touched})
    touch_accounts(connection, companies)
    return news


def facts_of(history: Iterable[Event], site: Site) -> list[Fact]:
    """Return the facts of a visitor's whole history of events."""
    return folded_visits(history, site).facts


def folded_visits(history: Iterable[Event], site: Site) -> visits.Folded:
    """Return the fold of a visitor's whole history of events."""
    settings = site.settings
    folded = visits.fold(history, None, day_of(settings.time_zone), settings.visit_gap_minutes * 60_000)
    assert folded is not None  # only a continued fold can fail
    return folded


def refold(
    connection: Connection, card: Card, site: Site, visitor_ids: Sequence[int], trace: list[Contribution] | None = None
) -> ScoreState:
    """Return the score of a lead from the whole history of its visitors, given in the order of ``members``."""
    histories = store.load_histories(connection, visitor_ids)
    streams = {
        place: facts_of(histories[visitor_id], site)
        for place, visitor_id in enumerate(visitor_ids)
        if visitor_id in histories
    }
    return fold(card, None, streams, trace)


def _spoil(connection: Connection, filling: Mapping[int, Sequence[int]], site_of: Mapping[str, int]) -> None:
    """Delete the scores of these leads by cards that are being filled: they are to be made again."""
    for site_id, card_ids in filling.items():
        mine = [lead for lead, site in site_of.items() if site == site_id]
        for card_id in card_ids:
            bulk.delete_where_in(connection, lead_scores, "lead_id", mine, f"scorecard_id = {card_id}")


def lead_row(
    one: LeadUpdate, portrayed: Portrait, verdict: Judgement, known: Mapping[str, Any] | None
) -> tuple[Any, ...] | None:
    """Return the row to store of a lead, ``None`` where nothing of it has changed."""
    person, profile = portrayed.person, portrayed.profile
    values: dict[str, Any] = {
        "id": one.lead_id,
        "site_id": one.site.id,
        "kind": "person" if person.identified else "visitor",
        "name": person.name,
        "email": person.email,
        "title": person.title,
        "phone": person.phone,
        "company_name": person.company_name,
        "company_domain": person.company_domain,
        "account_id": verdict.account_id,
        "industry": profile.industry[:100],
        "employees": employees_of(profile),
        "country": profile.country[:60],
        "region": region_of(profile),
        "role": profile.buying_role,
        "channel": portrayed.channel,
        "visitors": one.visitors,
        "first_at": portrayed.first_at,
        "status": known["status"] if known else "open",
        "owner": known["owner"] if known else None,
        "claimed_until": known["claimed_until"] if known else None,
        "snoozed_until": known["snoozed_until"] if known else None,
        "exclusion": verdict.exclusion,
        "exclusion_by_hand": known["exclusion_by_hand"] if known else None,
        "merged_into": None,
        "version": known["version"] if known else 0,
    }
    if known is not None and values == known:
        return None
    values["version"] += 1
    return tuple(values[name] for name in LEAD_COLUMNS)


def score_row(
    stored: StoredCard,
    lead_id: str,
    state: ScoreState,
    portrayed: Portrait,
    verdict: Judgement,
    before: ScoreRow | None,
    was_identified: bool,
    now_ms: int,
) -> tuple[tuple[Any, ...], list[tuple[str, dict[str, Any]]]]:
    """Return the row to store of a lead's score, and what is news about it: kinds of change with their detail."""
    card = stored.card
    was = None
    if before is not None or was_identified:
        hot_since = before.hot_since if before else None
        said_score = (before.announced_score if before else None) or 0.0
        was = LeadSnapshot(0.0, hot_since, was_identified, hot_since is not None, said_score)
    spell = None if verdict.exclusion else state.hot_since
    after = LeadSnapshot(heat=state.heat, hot_since=spell, identified=portrayed.person.identified)
    made = changes(card, was, after, now_ms)
    said = announced(was, after, made)
    row = (
        stored.id,
        lead_id,
        state.heat,
        state.heat * verdict.fit.multiplier,
        (spell or state.last_at) if said.hot else None,
        said.announced_score if said.hot else None,
        verdict.fit.grade,
        verdict.stage,
        verdict.topics,
        portrayed.last_at,
        portrayed.visits,
        portrayed.page_views,
        portrayed.downloads,
        portrayed.engaged_ms,
        (before.revision if before else 0) + 1,
        pack_score(state),
    )
    news: list[tuple[str, dict[str, Any]]] = [(change.kind, _detail(change)) for change in made]
    stage_before = before.stage if before else None
    if verdict.exclusion == OBJECTION:
        return row, [one for one in news if one[0] == "left"]  # All that is told of it is that it isn't hot any more.
    # Of a stranger who isn't hot sales know nothing: where it stands is no news to them.
    if verdict.stage != stage_before and (said.hot or portrayed.person.identified):
        news.append(("stage", {"from": stage_before, "to": verdict.stage}))
    return row, news


class _Scoring:
    """Folds what a batch adds to each lead: goes on from the stored state, or from the first fact where it must."""

    def __init__(
        self,
        connection: Connection,
        cards: Mapping[int, StoredCard],
        touched: Sequence[LeadUpdate],
        silent: set[str],
        folded: Mapping[str, FoldedElsewhere],
    ) -> None:
        self.connection = connection
        self.cards = cards
        self.touched = touched
        self.silent = silent
        """Leads that aren't to be scored."""
        self.folded = folded
        self.before = self._load_scores()
        several = [one.lead_id for one in touched if one.visitors > 1 or one.changed]
        self.members = members(connection, several)
        self.others = self._load_others()

    def run(self) -> dict[str, tuple[ScoreState, Portrait, ScoreRow | None]]:
        """Return the score, the portrait and the score before, of each lead."""
        scored = {}
        for one in self.touched:
            known = {update.visitor_id: Browser(update.state, update.heard) for update in one.updates}
            mine = self.members.get(one.lead_id) or list(known)
            browsers = [found for number in mine if (found := known.get(number) or self.others.get(number)) is not None]
            scored[one.lead_id] = (self._fold(one, mine), portrait(browsers), self.before.get(one.lead_id))
        return scored

    def _fold(self, one: LeadUpdate, mine: Sequence[int]) -> ScoreState:
        card, before = self.cards[one.site.id].card, self.before.get(one.lead_id)
        if one.lead_id in self.silent:
            return fold(card, None, {})
        made = self.folded.get(one.lead_id)
        if made is not None and before is not None and made.basis == (self.cards[one.site.id].id, before.revision):
            return made.state
        place = {number: browser for browser, number in enumerate(mine)}
        may_go_on = not one.changed and not any(update.from_scratch for update in one.updates)
        if before is not None and before.state and may_go_on:
            try:
                streams = {place[update.visitor_id]: update.facts for update in one.updates}
                return fold(card, unpack_score(before.state), streams)
            except RefoldNeeded:
                pass
        if len(mine) == 1 and one.updates and one.updates[0].from_scratch:
            return fold(card, None, {0: one.updates[0].facts})
        return refold(self.connection, card, one.site, mine)

    def _load_scores(self) -> dict[str, ScoreRow]:
        found: dict[str, ScoreRow] = {}
        columns = ("lead_id", *ScoreRow.__struct_fields__)
        for site_id in {one.site.id for one in self.touched}:
            mine = [one.lead_id for one in self.touched if one.site.id == site_id]
            also = f"scorecard_id = {self.cards[site_id].id}"
            for row in bulk.select_where_in(self.connection, lead_scores, columns, "lead_id", mine, also):
                found[row[0]] = ScoreRow(*row[1:])
        return found

    def _load_others(self) -> dict[int, Browser]:
        updated = {update.visitor_id for one in self.touched for update in one.updates}
        return read_browsers(self.connection, {number for numbers in self.members.values() for number in numbers} - updated)


def _by_lead(sites: dict[int, Site], updates: Sequence[VisitorUpdate], settled: Memberships) -> list[LeadUpdate]:
    grouped: dict[str, list[VisitorUpdate]] = {}
    for update in updates:
        grouped.setdefault(settled.root_of[update.visitor_id], []).append(update)
    return [
        LeadUpdate(lead, sites[some[0].key[0]], some, settled.visitors[lead], lead in settled.changed)
        for lead, some in grouped.items()
    ]


def _detail(change: LeadChange) -> dict[str, Any]:
    return {"score": round(change.score, 1)}
