"""What the sales API answers to requests that have been let in."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec
import redis
from msgspec import UNSET
from sqlalchemy import Connection

from scorer import segments
from scorer.account_views import AccountPlace, find_account, rank_accounts, view_accounts
from scorer.changes_feed import feed_head, read_changes
from scorer.core.decay import DAY_MS
from scorer.core.segment import AllOf, Condition, Segment
from scorer.deal_values import valuation_tag
from scorer.explaining import explain
from scorer.exploring import exploratory_leads
from scorer.history import history
from scorer.hot_list import Place, Ranked, Wanted, awake, rank
from scorer.lead_sources import read_sources
from scorer.lead_views import LeadRow, Viewpoint, find_leads, view_leads
from scorer.memberships import surviving
from scorer.outlets import account_shapes, recommendation_shapes, segment_shapes, shapes
from scorer.outlets.cursors import (
    AccountCursor,
    ChangesCursor,
    Cursor,
    ExploredCursor,
    LeadCursor,
    TimelineCursor,
    read_cursor,
    write_cursor,
)
from scorer.outlets.parameters import (
    AccountsParameters,
    ChangesParameters,
    HotLeadsParameters,
    LeadsParameters,
    RankedParameters,
    TimelineParameters,
)
from scorer.outlets.preconditions import lead_tag
from scorer.outlets.problems import CURSOR_EXPIRED, NOT_FOUND, PARAMETER_INVALID, Refusal
from scorer.outlets.shapes import time_text
from scorer.recommendations import recommendations
from scorer.timeline import read_timeline

_HOUR_MS: Final = DAY_MS // 24
_HOT: Final = Condition(field="tier", is_="hot")


class NotModified(Exception):
    """The asker has this version of the answer already."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


class Call(msgspec.Struct, frozen=True):
    """A request that has been let in."""

    connection: Connection
    view: Viewpoint
    parameters: Any
    """Of the type that the route names."""
    has: Callable[[str], bool]
    """Whether the asker has the answer with this entity tag."""
    actor: str
    """Id of the key."""
    body: Any = None
    """Of a writing request: of the type that the route names."""
    prepared: Any = None
    """Of a writing request: what the route's preparation has found."""
    if_match: str | None = None
    """Of a writing request: the header ``If-Match``; ``None`` without one."""
    queue: redis.Redis | None = None
    """Where work is left for the workers; ``None``: there is none."""

    @property
    def site_id(self) -> int:
        """The site that the key opens."""
        return self.view.site.id


class Reply(msgspec.Struct, frozen=True):
    """What to answer."""

    body: Any
    """Of the type that the route names."""
    etag: str | None = None
    """``None`` for an answer that can't be asked for again by its tag."""
    wait_seconds: float = 0.0
    """Above 0: there is nothing to tell; ask again when something has changed, for so long at most."""
    after: int = 0
    """Of an answer that waits: the change after which there was nothing."""
    lead_id: str | None = None
    """The one lead that it tells of; ``None`` where there isn't one."""


def hot_leads(call: Call) -> Reply:
    """The hot leads, hottest first; with ``min_score`` all leads from that score up, with ``explore`` the exploratory ones
    below."""
    asked: HotLeadsParameters = call.parameters
    wanted = _wanted(asked, min_score=None if asked.min_score is UNSET else asked.min_score)
    if not asked.explore or wanted.min_score is not None or asked.segment is not UNSET:
        return _ranked(call, asked, wanted)
    return _with_explored(call, asked, wanted)


def all_leads(call: Call) -> Reply:
    """All leads, hottest first."""
    asked: LeadsParameters = call.parameters
    return _ranked(call, asked, _wanted(asked, min_score=0.0, search=asked.q or None))


def one_lead(call: Call, lead_id: str) -> Reply:
    """One lead."""
    row = find_lead(call, lead_id)
    etag = lead_etag(call, row)
    lead = view_leads(call.connection, call.view, [row])[0]
    merged_into = row.id if row.id != lead_id else None
    return Reply(msgspec.structs.replace(lead, merged_into=merged_into), etag, lead_id=row.id)


def timeline(call: Call, lead_id: str) -> Reply:
    """What a lead did, newest visit first."""
    asked: TimelineParameters = call.parameters
    cursor = read_place(asked.cursor, TimelineCursor)
    before = (cursor.started_at, cursor.visitor_id) if cursor else None
    view, row = call.view, find_lead(call, lead_id)
    found = read_timeline(call.connection, view.site, row.id, before, asked.limit, view.language)
    further = write_cursor(TimelineCursor(*found.next)) if found.next else None
    return Reply(shapes.TimelinePage(found.visits, further))


def explanation(call: Call, lead_id: str) -> Reply:
    """Every contribution to a lead's score."""
    row = find_lead(call, lead_id)
    return Reply(explain(call.connection, row.id, call.view.now_ms, call.view.language))


def score_history(call: Call, lead_id: str) -> Reply:
    """A lead's score over time."""
    row = find_lead(call, lead_id)
    return Reply(history(call.connection, row.id, call.view.now_ms, call.view.language))


def sources(call: Call, lead_id: str) -> Reply:
    """How a lead came."""
    return Reply(read_sources(call.connection, find_lead(call, lead_id).id))


def recommended_to(call: Call, lead_id: str) -> Reply:
    """What to show to a lead next."""
    row = find_lead(call, lead_id)
    found = recommendations(call.connection, call.site_id, row)
    data = recommendation_shapes.recommended(call.view.card, found, row.name, call.view.language)
    return Reply(recommendation_shapes.RecommendationList(data))


def all_accounts(call: Call) -> Reply:
    """Companies, hottest first."""
    asked: AccountsParameters = call.parameters
    cursor = read_place(asked.cursor, AccountCursor)
    _check_card(call, cursor)
    after = AccountPlace(cursor.heat, cursor.account_id) if cursor else None
    rows, following = rank_accounts(call.connection, call.site_id, asked.q or None, after, asked.limit)
    further = AccountCursor(call.view.stored.id, following.heat, following.account_id) if following else None
    data = view_accounts(call.connection, call.view, rows)
    return Reply(account_shapes.AccountPage(data, write_cursor(further) if further else None))


def one_account(call: Call, account_id: str) -> Reply:
    """One company."""
    row = find_account(call.connection, call.site_id, account_id) if "\0" not in account_id else None
    if row is None:
        raise Refusal(NOT_FOUND, "There is no such company on the key's site.")
    return Reply(view_accounts(call.connection, call.view, [row])[0])


def all_segments(call: Call) -> Reply:
    """The saved segments, each with how many are in it now."""
    view, shown = call.view, []
    for saved in segments.list_segments(call.connection, call.site_id):
        counted = segments.count(call.connection, view.stored, saved.where, view.now_ms)
        where = msgspec.to_builtins(saved.where)
        shown.append(
            segment_shapes.Segment(saved.id, saved.name, where, saved.level, counted.leads, counted.hot, counted.warm)
        )
    return Reply(segment_shapes.SegmentList(shown, None))


def changes(call: Call) -> Reply:
    """What happened to leads, in order."""
    asked: ChangesParameters = call.parameters
    head = feed_head(call.connection, call.site_id)
    if asked.cursor == "now":
        return Reply(shapes.ChangePage([], write_cursor(ChangesCursor(head.id, head.last_sequence))))
    cursor = read_place(asked.cursor, ChangesCursor) or ChangesCursor(head.id, 0)
    if cursor.feed != head.id or cursor.sequence > head.last_sequence:
        raise Refusal(
            CURSOR_EXPIRED,
            "The cursor is of another site's feed or database, or of a time that a restored backup doesn't know. "
            "Take a new one from /api/v1/changes?cursor=now, read all of /api/v1/hot-leads, and go on from the new cursor.",
        )
    found = read_changes(call.connection, call.site_id, cursor.sequence, asked.limit)
    rows = find_leads(call.connection, call.view.stored.id, {change.lead_id for change in found})
    shown = {lead.id: lead for lead in view_leads(call.connection, call.view, list(rows.values()))}
    data = [
        shapes.Change(one.sequence, one.kind, time_text(one.at), one.lead_id, shown.get(one.lead_id), one.detail)
        for one in found
    ]
    further = ChangesCursor(head.id, found[-1].sequence if found else cursor.sequence)
    page = shapes.ChangePage(data, write_cursor(further))
    return Reply(page, wait_seconds=0 if found else asked.wait, after=cursor.sequence)


def _wanted(asked: RankedParameters, *, min_score: float | None, search: str | None = None) -> Wanted:
    return Wanted(
        min_score=min_score,
        search=search,
        topic=asked.topic or None,
        stage=asked.stage or None,
        owner=None if asked.owner is UNSET else asked.owner,
        grade=asked.grade or None,
        status=asked.status or None,
    )


def _ranked(call: Call, asked: RankedParameters, wanted: Wanted) -> Reply:
    view = call.view
    cursor = read_place(asked.cursor, LeadCursor)
    _check_card(call, cursor)
    after = Place(cursor.priority, cursor.lead_id) if cursor else None
    if asked.segment is UNSET:
        found = rank(call.connection, view.stored, wanted, after, asked.limit, view.now_ms)
    else:
        where = _segment(call, asked.segment, wanted)
        also = awake() if wanted.min_score is None else None
        found = segments.members(call.connection, view.stored, where, after, asked.limit, view.now_ms, also=also)
    etag = _unless_known(call, _digest(call, found.rows, found))
    further = LeadCursor(view.stored.id, found.next.priority, found.next.lead_id) if found.next else None
    leads = view_leads(call.connection, view, found.rows)
    return Reply(shapes.LeadPage(leads, write_cursor(further) if further else None), etag)


def _with_explored(call: Call, asked: HotLeadsParameters, wanted: Wanted) -> Reply:
    """The hot leads and, below the last of them, the exploratory ones."""
    view = call.view
    further = read_cursor(asked.cursor, ExploredCursor) if asked.cursor is not UNSET else None
    hot, following = Ranked([], None), None
    if further is None:
        cursor = read_place(asked.cursor, LeadCursor)
        _check_card(call, cursor)
        after = Place(cursor.priority, cursor.lead_id) if cursor else None
        hot = rank(call.connection, view.stored, wanted, after, asked.limit, view.now_ms)
    else:
        _check_card(call, further)
    rows = list(hot.rows)
    if hot.next is not None:
        following = write_cursor(LeadCursor(view.stored.id, hot.next.priority, hot.next.lead_id))
    else:
        room, last = asked.limit - len(rows), further.lead_id if further else ""
        drawn = exploratory_leads(call.connection, view.stored, wanted, last or None, room + 1, view.now_ms)
        rows += drawn[:room]
        if len(drawn) > room:
            last = drawn[room - 1].id if room else last
            following = write_cursor(ExploredCursor(view.stored.id, last))
    etag = _unless_known(call, _digest(call, rows, hot, following))
    return Reply(shapes.LeadPage(view_leads(call.connection, view, rows), following), etag)


def _check_card(call: Call, cursor: LeadCursor | ExploredCursor | AccountCursor | None) -> None:
    """Refuse a cursor of a list that was ranked by another card."""
    if cursor is not None and cursor.scorecard_id != call.view.stored.id:
        raise Refusal(
            CURSOR_EXPIRED, "Another scorecard is current since the page before; read the list from its beginning."
        )


def _segment(call: Call, name: str, wanted: Wanted) -> Segment:
    """Return the filter of a saved segment, for the hot list of it together with being hot."""
    saved = segments.find_segment(call.connection, call.site_id, name)
    if saved is None:
        wrong = shapes.ParameterError("segment", "There is no such segment")
        raise Refusal(PARAMETER_INVALID, "segment: There is no such segment", errors=[wrong])
    if wanted.filtered or wanted.search or wanted.min_score:
        wrong = shapes.ParameterError("segment", "Not together with other filters: put them into the segment")
        raise Refusal(PARAMETER_INVALID, f"segment: {wrong.detail}", errors=[wrong])
    return AllOf((saved.where, _HOT)) if wanted.min_score is None else saved.where


def find_lead(call: Call, lead_id: str) -> LeadRow:
    """Return the lead that *lead_id* is part of; raise ``Refusal`` where the site has none."""
    root = surviving(call.connection, call.site_id, lead_id) if "\0" not in lead_id else None
    row = find_leads(call.connection, call.view.stored.id, [root]).get(root) if root else None
    if row is None:
        raise Refusal(NOT_FOUND, "There is no such lead on the key's site.")
    return row


def read_place(text: Any, kind: type[Cursor]) -> Cursor | None:
    """Return the cursor behind a parameter, ``None`` where it wasn't given; raise ``Refusal`` for another list's."""
    if text is UNSET:
        return None
    cursor = read_cursor(text, kind)
    if cursor is None:
        wrong = shapes.ParameterError("cursor", "Not a cursor of this list")
        raise Refusal(PARAMETER_INVALID, "cursor: Not a cursor of this list", errors=[wrong])
    return cursor


def lead_etag(call: Call, row: LeadRow) -> str:
    """Return the tag of one lead (see ``preconditions``); raise ``NotModified`` where the asker has it."""
    return _unless_known(call, lead_tag(row.id, row.version, _digest(call, [row])))


def _unless_known(call: Call, etag: str) -> str:
    if call.has(etag):
        raise NotModified(etag)
    return etag


def _digest(call: Call, rows: list[LeadRow], found: Ranked | None = None, further: str | None = None) -> str:
    """Return what stands for an answer about *rows*, with where the list goes on.

    Made before anything is read about the leads but their rows. Scores count as shown, to one decimal; the hour stands
    for what fades without a change of score, such as "2 hours ago".
    """
    view = call.view
    told: list[Any] = [view.site.id, view.stored.id, view.language, view.base_url, view.now_ms // _HOUR_MS]
    told += [(row.id, row.version, row.revision, round(view.card.score(row.heat, view.now_ms), 1)) for row in rows]
    told += [view.card.tier(row.heat, row.hot_since, view.now_ms) for row in rows]
    told += [found.next if found else None, further, valuation_tag(call.connection, view.site.id, view.stored.id)]
    return blake2b(msgspec.msgpack.encode(told), digest_size=12).hexdigest()
