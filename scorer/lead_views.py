"""Leads as salespeople see them: who, how warm and why, what they did, what to do next. A constant number of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, select

from scorer.browsers import read_browsers
from scorer.classes import LeadClass, classes_of
from scorer.core.cycle import Cycle, cycle_position
from scorer.core.explored_steps import EXPLORED_STEPS
from scorer.core.fit import fit_text
from scorer.core.fit import judge as judge_fit
from scorer.core.interests import interests
from scorer.core.labels import Language, pick
from scorer.core.lead_features import told_feature
from scorer.core.learned import Calibration, chance
from scorer.core.next_steps import NextStepRule, Situation, next_step
from scorer.core.objecting import OBJECTION, UNSCORED_STEPS
from scorer.core.profile import Profile
from scorer.core.reasons import reasons
from scorer.core.rhythm import Rhythm, rhythm
from scorer.core.rules import Card
from scorer.core.score import Totals
from scorer.core.stages import evidence, stage
from scorer.core.titles import BuyingRole
from scorer.countries import country_of
from scorer.deal_values import CLOSED, Valuation, valuation
from scorer.explored import explored_among
from scorer.groups import groups_of
from scorer.insight_store import load_insight
from scorer.memberships import members
from scorer.models import lead_scores, leads
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.portrait import Browser, portrait
from scorer.scorecards import StoredCard
from scorer.scoring import unpack_score
from tracker.core.channels import channel_of, told_origin
from tracker.core.visits import RECENT_PAGES
from tracker.models import visitors, visits
from tracker.sites import Site

RECENT_VISITS: Final = 100
"""Visits of each browser that frequency is told from: more than three a day over the 30 days it speaks of."""
POINT_DIGITS: Final = 4


class LeadRow(msgspec.Struct, frozen=True):
    """A lead as stored, with its score by the current card."""

    id: str
    kind: str
    name: str
    email: str
    title: str
    phone: str
    company_name: str
    company_domain: str
    account_id: str | None
    employees: int | None
    country: str
    region: str
    role: str
    first_at: int
    status: str
    owner: str | None
    """``None`` while nobody has claimed it."""
    claimed_until: int | None
    snoozed_until: int | None
    """``None`` unless it rests."""
    exclusion: str | None
    version: int
    heat: float
    priority: float
    hot_since: int | None
    """``None`` unless sales have been told that it is hot."""
    grade: str | None
    stage: str | None
    topics: str
    last_at: int
    visits: int
    page_views: int
    downloads: int
    engaged_ms: int
    revision: int
    state: bytes
    """Packed totals; empty until a lead of an older program has been folded again."""

    @property
    def totals(self) -> Totals:
        """What its score is made of."""
        return unpack_score(self.state) if self.state else Totals()


_OF_LEAD: Final = LeadRow.__struct_fields__[:20]
LEAD_COLUMNS: Final = tuple((leads if name in _OF_LEAD else lead_scores).c[name] for name in LeadRow.__struct_fields__)
SCORED_LEADS: Final = lead_scores.join(leads, leads.c.id == lead_scores.c.lead_id)
_ROWS: Final = select(*LEAD_COLUMNS).select_from(SCORED_LEADS)


class Viewpoint(msgspec.Struct, frozen=True):
    """From where leads are looked at: which site, by which scorecard, when, for whom."""

    site: Site
    stored: StoredCard
    now_ms: int
    language: Language
    base_url: str
    """The service's address, without a trailing slash."""

    @property
    def card(self) -> Card:
        """The scorecard."""
        return self.stored.card


def find_leads(connection: Connection, scorecard_id: int, lead_ids: Iterable[str]) -> dict[str, LeadRow]:
    """Return those of the leads that have a score by this card, by id."""
    wanted = list(lead_ids)
    mine = (lead_scores.c.scorecard_id == scorecard_id) & lead_scores.c.lead_id.in_(wanted)
    return {row.id: LeadRow(*row) for row in connection.execute(_ROWS.where(mine))} if wanted else {}


def view_leads(connection: Connection, view: Viewpoint, rows: Sequence[LeadRow]) -> list[shapes.Lead]:
    """Return *rows* as the API shows them, in the same order."""
    if not rows:
        return []  # Whoever waits for changes asks for nobody, each time.
    visitors_of = members(connection, [row.id for row in rows])
    behaviours = _load_behaviours(connection, [number for numbers in visitors_of.values() for number in numbers])
    colleagues = load_colleagues(connection, view.stored.id, [row.account_id for row in rows if row.account_id])
    cycle = load_insight(connection, view.site.id, "cycle", Cycle)
    ids = [row.id for row in rows]
    classes, groups = classes_of(connection, ids), groups_of(connection, ids)
    drawn = explored_among(connection, view.site.id, [row.id for row in rows], view.now_ms)
    values = valuation(connection, view.site.id, view.stored.id)
    shown = []
    for row in rows:
        behaviour = [behaviours[number] for number in visitors_of.get(row.id, []) if number in behaviours]
        others = [one for one in colleagues.get(row.account_id or "", []) if one.lead_id != row.id]
        shown.append(
            _view(view, row, behaviour, others, cycle, row.id in drawn, values, classes.get(row.id, []), groups.get(row.id))
        )
    return shown


class Colleague(msgspec.Struct, frozen=True):
    """Another lead of a company, as far as a next step speaks of it."""

    lead_id: str
    name: str
    heat: float


COLLEAGUES_AT_MOST: Final = 10


def load_colleagues(connection: Connection, scorecard_id: int, account_ids: Iterable[str]) -> dict[str, list[Colleague]]:
    """Return the keenest leads of each of these accounts, hottest first; excluded ones don't count."""
    wanted = sorted(set(account_ids))
    if not wanted:
        return {}
    place = func.row_number().over(partition_by=leads.c.account_id, order_by=(lead_scores.c.heat.desc(), leads.c.id))
    ranked = (
        select(leads.c.account_id, leads.c.id, leads.c.name, lead_scores.c.heat, place.label("place"))
        .select_from(SCORED_LEADS)
        .where(
            # Said of a sum, or SQLite would read all scores of the card rather than look up those of these leads.
            lead_scores.c.scorecard_id + 0 == scorecard_id,
            leads.c.account_id.in_(wanted),
            leads.c.exclusion.is_(None),
        )
        .subquery()
    )
    found: dict[str, list[Colleague]] = {}
    query = select(ranked).where(ranked.c.place <= COLLEAGUES_AT_MOST).order_by(ranked.c.account_id, ranked.c.place)
    for row in connection.execute(query):
        found.setdefault(row.account_id, []).append(Colleague(row.id, row.name, row.heat))
    return found


class _Behaviour(msgspec.Struct):
    """What one browser has done."""

    browser: Browser
    recent: list[Any]
    """Rows of its latest visits."""


def _load_behaviours(connection: Connection, visitor_ids: Sequence[int]) -> dict[int, _Behaviour]:
    found = {number: _Behaviour(browser, []) for number, browser in read_browsers(connection, visitor_ids).items()}
    latest = (visits.c.visitor_id == visitors.c.id) & (visits.c.number > visitors.c.visits - RECENT_VISITS)
    fields = ("visitor_id", "started_at", "day", "agent", "time_zone", "locale", "country", "network")
    wanted = [visits.c[name] for name in fields]
    query = select(*wanted).select_from(visitors.join(visits, latest)).where(visitors.c.id.in_(found))
    for row in connection.execute(query):
        found[row.visitor_id].recent.append(row)
    return found


def _view(
    view: Viewpoint,
    row: LeadRow,
    behaviour: list[_Behaviour],
    others: list[Colleague],
    cycle: Cycle | None,
    is_drawn: bool,
    values: Valuation,
    classes: list[LeadClass],
    group: int | None,
) -> shapes.Lead:
    card, now_ms, totals = view.card, view.now_ms, row.totals
    tier = card.tier(row.heat, row.hot_since, now_ms)
    cools_at = card.cools_at(row.heat) if tier == "hot" else None
    topics = interests(card, totals, view.language)
    recent = sorted((visit for one in behaviour for visit in one.recent), key=lambda visit: -visit.started_at)
    place = location(*(_latest(recent, name) for name in ("country", "time_zone", "locale")))
    zone = (_zone(place.time_zone) if place and place.time_zone else None) or ZoneInfo(view.site.settings.time_zone)
    habits = rhythm([visit.started_at for visit in recent], now_ms, zone)
    objects = row.exclusion == OBJECTION
    foreseen = rhythm([], now_ms, zone) if objects else habits
    origin = _first_source(behaviour)
    portrayed = portrait([one.browser for one in behaviour]) if behaviour else None
    ideal = card.scorecard.fit
    fit = judge_fit(ideal, portrayed.profile) if portrayed and not objects else judge_fit(None, Profile())
    situation = Situation(
        tier=tier,
        identified=bool(row.name or row.email),
        downloaded=any(rule in card.rules and card.rules[rule].on == "download" for rule in totals.rules),
        stage=stage(totals),
        grade=fit.grade,
        cools_at=cools_at,
        rhythm=foreseen,
        topic=topics[0].topic if topics else "",
        topic_words=topics[0].label if topics else "",
        company=row.company_name or row.company_domain,
        colleagues=len(others),
        colleague=next((one.name for one in others if one.name), ""),
        role=row.role if row.role in get_args(BuyingRole) else "unknown",  # type: ignore[arg-type]
        status=row.status,  # type: ignore[arg-type]
        cycle=cycle_position(row.first_at, now_ms, cycle),
        source_channel=origin.channel if origin else None,
    )
    explored = is_drawn and tier != "hot"
    steps: Sequence[NextStepRule] = UNSCORED_STEPS if objects else card.scorecard.next_steps
    if explored and row.status in ("open", "claimed"):
        steps = EXPLORED_STEPS
    step = next_step(steps, situation, now_ms, zone, view.language)
    return shapes.Lead(
        id=row.id,
        merged_into=None,
        kind="person" if row.kind == "person" else "visitor",
        name=row.name or None,
        email=row.email or None,
        title=row.title or None,
        phone=row.phone or None,
        role=situation.role,
        company=_company(row),
        score=round(card.score(row.heat, now_ms), 1),
        tier=tier,
        hot_since=time_text(row.hot_since) if tier == "hot" and row.hot_since is not None else None,
        explored=explored,
        cools_at=time_text(cools_at) if cools_at is not None else None,
        as_of=time_text(now_ms),
        scorecard=view.stored.number,
        fit=shapes.Fit(
            fit.grade, [fit_text(ideal, reason, view.language) for reason in fit.reasons] if ideal is not None else []
        ),
        priority=round(card.points(row.priority, now_ms), POINT_DIGITS),
        exclusion=row.exclusion,  # type: ignore[arg-type]
        stage=situation.stage,
        stage_evidence=_evidence(card, totals, view.language),
        interests=[shapes.Interest(one.topic, round(one.share, POINT_DIGITS), one.label) for one in topics],
        reasons=[
            shapes.Reason(one.rule, round(one.points, POINT_DIGITS), one.count, time_text(one.last_at), one.text)
            for one in reasons(card, totals, now_ms, view.language)
        ],
        visits=row.visits,
        page_views=row.page_views,
        downloads=row.downloads,
        engaged_seconds=row.engaged_ms / 1000,
        observed_seconds=portrayed.observed_seconds if portrayed else None,
        frequency=shapes.Frequency(
            visits_7d=habits.visits_7d,
            visits_30d=habits.visits_30d,
            active_days_30d=habits.active_days_30d,
            median_gap_days=None if habits.median_gap_days is None else round(habits.median_gap_days, 2),
        ),
        rhythm=_rhythm(foreseen, zone),
        first_seen=time_text(row.first_at),
        last_seen=time_text(row.last_at),
        last_pages=_last_pages(behaviour),
        source=origin,
        device=device(_latest(recent, "agent")),
        location=place,
        network_hint=_network_hint(recent),
        classes=[_class(card, one, view.language) for one in classes],
        group=group,
        owner=row.owner,
        claimed_until=time_text(row.claimed_until) if row.claimed_until is not None else None,
        snoozed_until=time_text(row.snoozed_until) if row.snoozed_until is not None else None,
        status=row.status,  # type: ignore[arg-type]
        next_step=shapes.NextStep(step.action, time_text(step.due), step.why, step.rule, step.label),
        chance=_chance(values.calibration, row, card, now_ms),
        expected_value=values.of(row, card, now_ms),
        url=f"{view.base_url}/leads/{row.id}",
    )


def _chance(known: Calibration | None, row: LeadRow, card: Card, now_ms: int) -> shapes.Chance | None:
    if known is None or row.exclusion is not None or row.status in CLOSED or not row.visits:
        return None
    told = chance(known, card.points(row.heat, now_ms))
    value, low, high = (round(one, POINT_DIGITS) for one in (told.value, told.low, told.high))
    return shapes.Chance(value, low, high, told.horizon_days, told.advice)


def _class(card: Card, one: LeadClass, language: Language) -> shapes.LeadClass:
    told = [told_feature(reason.feature, reason.value, card, language, low=reason.low) for reason in one.reasons]
    confidence = None if one.confidence is None else round(one.confidence, POINT_DIGITS)
    return shapes.LeadClass(one.scheme, one.label, one.by, confidence, told)


def _evidence(card: Card, totals: Totals, language: Language) -> list[shapes.StageEvidence]:
    return [
        shapes.StageEvidence(
            one.stage, round(one.share, POINT_DIGITS), [pick(card.rules[rule].label, language) for rule in one.rules]
        )
        for one in evidence(card, totals)
    ]


def _rhythm(habits: Rhythm, zone: ZoneInfo) -> shapes.Rhythm:
    return shapes.Rhythm(
        median_day_gap=habits.median_day_gap,
        next_visit_at=time_text(habits.next_visit_at) if habits.next_visit_at is not None else None,
        overdue_days=None if habits.overdue_days is None else round(habits.overdue_days, 1),
        silence_days=None if habits.silence_days is None else round(habits.silence_days, 1),
        unusual_silence=habits.unusual_silence,
        best_hours=[
            shapes.BestHours(one.days, one.from_hour, one.to_hour, round(one.share, POINT_DIGITS))
            for one in habits.best_hours
        ],
        time_zone=str(zone),
        momentum=habits.momentum,
    )


def _latest(recent: list[Any], field: str) -> str:
    return next((value for visit in recent if (value := getattr(visit, field))), "")


def _network_hint(recent: list[Any]) -> str | None:
    """Return the company from whose network most of the latest visits came, of several the latest; ``None`` for none."""
    named = Counter(visit.network for visit in recent if visit.network)
    return max(named, key=lambda name: named[name]) if named else None


def _company(row: LeadRow) -> shapes.Company | None:
    if row.account_id is None:
        return None
    return shapes.Company(row.account_id, row.company_name or None, row.company_domain or None)


def _last_pages(behaviour: list[_Behaviour]) -> list[shapes.PageView]:
    pages = sorted((page for one in behaviour for page in one.browser.state.recent), key=lambda page: page.at)
    return [shapes.PageView(time_text(page.at), page.url, page.title) for page in reversed(pages[-RECENT_PAGES:])]


def _first_source(behaviour: list[_Behaviour]) -> shapes.Source | None:
    states = [one.browser.state for one in behaviour]
    seen = [state for state in states if state.visit is not None]
    if not seen:
        told = [told_origin(state.told_source) for state in states]
        return next((shapes.Source(origin.channel, None, None, origin.name or None) for origin in told if origin), None)
    first = min(seen, key=lambda state: (state.first_at, state.last_id))
    return source(first.first_referrer, first.first_campaign, first.first_url)


def source(referrer: str, campaign: dict[str, str] | None, entry_url: str) -> shapes.Source:
    """Return how a visit came that began at *entry_url*."""
    origin = channel_of(referrer, campaign, entry_url)
    return shapes.Source(origin.channel, campaign, referrer or None, origin.name or None)


def device(agent: str) -> shapes.Device | None:
    """Return the device behind a stored reading of a user agent; ``None`` for an empty one."""
    kind, _, rest = agent.partition("|")
    browser, _, system = rest.partition("|")
    return shapes.Device(kind, browser, system) if agent else None


def location(country: str, time_zone: str, locale: str) -> shapes.Location | None:
    """Return where a visitor seems to be; ``None`` when nothing tells."""
    if not country and not time_zone and not locale:
        return None
    concluded = None if country else country_of(time_zone)
    told_by: Any = "visit" if country else "time_zone" if concluded else None
    return shapes.Location(country or concluded, told_by, time_zone or None, locale or None)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None  # Browsers say all sorts of things.
