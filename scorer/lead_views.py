"""Leads as salespeople see them: who, how warm and why, what they did, what to do next. A constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select

from scorer.core.decay import DAY_MS
from scorer.core.interests import Interest, interests
from scorer.core.next_step import Situation, next_step
from scorer.core.reasons import reasons
from scorer.core.rules import Card, Language, Tier
from scorer.core.score import Totals, combine
from scorer.core.stages import stage
from scorer.countries import country_of
from scorer.models import leads, visitor_scores
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scorecards import StoredCard
from scorer.scoring import unpack_score
from tracker import bulk
from tracker.core.urls import channel_of, host_of
from tracker.core.visits import RECENT_PAGES, VisitorState, unpack_state
from tracker.models import visitors, visits
from tracker.sites import Site

RECENT_VISITS: Final = 100
"""Visits of each browser that frequency is told from: more than three a day over the 30 days it speaks of."""
POINT_DIGITS: Final = 4


class LeadRow(msgspec.Struct, frozen=True):
    """A lead as stored."""

    id: str
    kind: str
    name: str
    email: str
    title: str
    phone: str
    company_name: str
    company_domain: str
    heat: float
    hot_since: int | None
    """``None`` unless sales have been told that it is hot."""
    first_at: int
    last_at: int
    status: str
    owner: str | None
    """``None`` while nobody has claimed it."""
    version: int


LEAD_COLUMNS: Final = tuple(leads.c[name] for name in LeadRow.__struct_fields__)


class Scored(msgspec.Struct, frozen=True):
    """The score of a lead: its browsers, and their totals as one."""

    visitor_ids: list[int]
    totals: Totals


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


def find_leads(connection: Connection, site_id: int, lead_ids: Iterable[str]) -> dict[str, LeadRow]:
    """Return those of the leads that exist on this site, by id."""
    query = select(*LEAD_COLUMNS).where(leads.c.id.in_(list(lead_ids)), leads.c.site_id == site_id)
    return {row.id: LeadRow(*row) for row in connection.execute(query)}


def load_scores(connection: Connection, card: Card, lead_ids: Iterable[str]) -> dict[str, Scored]:
    """Return the scores of leads that have been seen on the web, by lead."""
    parts: dict[str, list[tuple[int, Totals]]] = {}
    columns = ("lead_id", "visitor_id", "state")
    for lead_id, visitor_id, state in bulk.select_where_in(connection, visitor_scores, columns, "lead_id", lead_ids):
        parts.setdefault(lead_id, []).append((visitor_id, unpack_score(state)))
    return {
        lead_id: Scored([visitor_id for visitor_id, _ in some], combine(card, [totals for _, totals in some]))
        for lead_id, some in parts.items()
    }


def view_leads(connection: Connection, view: Viewpoint, rows: Sequence[LeadRow]) -> list[shapes.Lead]:
    """Return *rows* as the API shows them, in the same order."""
    scores = load_scores(connection, view.card, [row.id for row in rows])
    behaviours = _load_behaviours(connection, [number for scored in scores.values() for number in scored.visitor_ids])
    unseen = Scored([], Totals())
    shown = []
    for row in rows:
        scored = scores.get(row.id, unseen)
        behaviour = [behaviours[number] for number in scored.visitor_ids if number in behaviours]
        shown.append(_view(view, row, scored.totals, behaviour))
    return shown


class _Behaviour(msgspec.Struct):
    """What one browser has done."""

    visits: int
    page_views: int
    downloads: int
    engaged_ms: int
    state: VisitorState
    recent: list[Any]
    """Rows of its latest visits."""


def _load_behaviours(connection: Connection, visitor_ids: Sequence[int]) -> dict[int, _Behaviour]:
    columns = ("id", "visits", "page_views", "downloads", "engaged_ms", "state")
    found = {
        row[0]: _Behaviour(row[1], row[2], row[3], row[4], unpack_state(row[5]), [])
        for row in bulk.select_where_in(connection, visitors, columns, "id", visitor_ids)
        if row[5] is not None
    }
    latest = (visits.c.visitor_id == visitors.c.id) & (visits.c.number > visitors.c.visits - RECENT_VISITS)
    wanted = [visits.c[name] for name in ("visitor_id", "started_at", "day", "agent", "time_zone", "locale", "country")]
    query = select(*wanted).select_from(visitors.join(visits, latest)).where(visitors.c.id.in_(found))
    for row in connection.execute(query):
        found[row.visitor_id].recent.append(row)
    return found


def _view(view: Viewpoint, row: LeadRow, totals: Totals, behaviour: list[_Behaviour]) -> shapes.Lead:
    card, now_ms = view.card, view.now_ms
    points = card.points(row.heat, now_ms)
    tier = card.tier(row.heat, row.hot_since, now_ms)
    cools_at = card.cools_at(row.heat) if tier == "hot" else None
    topics = interests(card, totals, view.language)
    recent = sorted((visit for one in behaviour for visit in one.recent), key=lambda visit: -visit.started_at)
    place = location(*(_latest(recent, name) for name in ("country", "time_zone", "locale")))
    return shapes.Lead(
        id=row.id,
        kind="person" if row.kind == "person" else "visitor",
        name=row.name or None,
        email=row.email or None,
        title=row.title or None,
        phone=row.phone or None,
        company=_company(view.site.id, row.company_name, row.company_domain),
        score=round(card.score(row.heat, now_ms), 1),
        tier=tier,
        hot_since=time_text(row.hot_since) if tier == "hot" and row.hot_since is not None else None,
        cools_at=time_text(cools_at) if cools_at is not None else None,
        as_of=time_text(now_ms),
        scorecard=view.stored.number,
        fit=shapes.Fit(None, []),
        priority=round(points, POINT_DIGITS),
        stage=stage(totals),
        interests=[shapes.Interest(one.topic, round(one.share, POINT_DIGITS), one.label) for one in topics],
        reasons=[
            shapes.Reason(one.rule, round(one.points, POINT_DIGITS), one.count, time_text(one.last_at), one.text)
            for one in reasons(card, totals, now_ms, view.language)
        ],
        visits=sum(one.visits for one in behaviour),
        page_views=sum(one.page_views for one in behaviour),
        downloads=sum(one.downloads for one in behaviour),
        engaged_seconds=sum(one.engaged_ms for one in behaviour) / 1000,
        frequency=_frequency(recent, now_ms),
        first_seen=time_text(row.first_at),
        last_seen=time_text(row.last_at),
        last_pages=_last_pages(behaviour),
        source=_first_source(behaviour),
        device=device(_latest(recent, "agent")),
        location=place,
        owner=row.owner,
        status=row.status,
        next_step=_next_step(view, row, tier, totals, topics, cools_at, (place and place.time_zone) or ""),
        url=f"{view.base_url}/leads/{row.id}",
    )


def _latest(recent: list[Any], field: str) -> str:
    return next((value for visit in recent if (value := getattr(visit, field))), "")


def _company(site_id: int, name: str, domain: str) -> shapes.Company | None:
    if not name and not domain:
        return None
    # The same for everybody of a company: by its domain, and by its name only where no domain is known.
    known = domain or name.casefold()
    digest = blake2b(f"{site_id}:{known}".encode(), digest_size=8, person=b"company").hexdigest()
    return shapes.Company(f"co_{digest}", name or None, domain or None)


def _frequency(recent: list[Any], now_ms: int) -> shapes.Frequency:
    starts = [visit.started_at for visit in recent]  # newest first
    gaps = [later - earlier for later, earlier in pairwise(starts)]
    month = [visit for visit in recent if visit.started_at > now_ms - 30 * DAY_MS]
    return shapes.Frequency(
        visits_7d=sum(visit.started_at > now_ms - 7 * DAY_MS for visit in month),
        visits_30d=len(month),
        active_days_30d=len({visit.day for visit in month}),
        median_gap_days=round(median(gaps) / DAY_MS, 2) if gaps else None,
    )


def _last_pages(behaviour: list[_Behaviour]) -> list[shapes.PageView]:
    pages = sorted((page for one in behaviour for page in one.state.recent), key=lambda page: page.at)
    return [shapes.PageView(time_text(page.at), page.url, page.title) for page in reversed(pages[-RECENT_PAGES:])]


def _first_source(behaviour: list[_Behaviour]) -> shapes.Source | None:
    if not behaviour:
        return None
    first = min((one.state for one in behaviour), key=lambda state: state.first_at)
    return source(first.first_referrer, first.first_campaign, first.first_url)


def source(referrer: str, campaign: dict[str, str] | None, entry_url: str) -> shapes.Source:
    """Return how a visit came that began at *entry_url*."""
    channel: Any = channel_of(referrer, campaign or {}, host_of(entry_url))
    return shapes.Source(channel, campaign, referrer or None)


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


def _next_step(
    view: Viewpoint,
    row: LeadRow,
    tier: Tier,
    totals: Totals,
    topics: list[Interest],
    cools_at: int | None,
    time_zone: str,
) -> shapes.NextStep:
    rules = view.card.rules
    situation = Situation(
        tier,
        identified=bool(row.name or row.email),
        downloaded=any(rule in rules and rules[rule].on == "download" for rule in totals.rules),
        topic=topics[0].label if topics else "",
        cools_at=cools_at,
    )
    zone = _zone(time_zone) or ZoneInfo(view.site.settings.time_zone)
    offset = datetime.fromtimestamp(view.now_ms / 1000, UTC).astimezone(zone).utcoffset()
    step = next_step(situation, view.now_ms, int(offset.total_seconds()) // 60 if offset else 0, view.language)
    return shapes.NextStep(step.action, time_text(step.due), step.why)


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None  # Browsers say all sorts of things.
