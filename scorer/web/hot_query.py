"""The hot leads that somebody asks for: filters, search and segment, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from scorer import segments
from scorer.core.exploring import MOST
from scorer.core.interests import topic_label
from scorer.core.scorecard import Stage
from scorer.core.segment import AllOf, AnyOf, Condition, Segment
from scorer.exploring import exploratory_leads
from scorer.hot_list import Place, Ranked, Wanted, awake, rank
from scorer.lead_views import LeadRow, Viewpoint
from scorer.outlets.cursors import LeadCursor, read_cursor, write_cursor
from scorer.outlets.shapes import Grade, Lead
from scorer.web.call import Call, PageRefusal

ME: Final = "me"
NOBODY: Final = "nobody"
_HOT: Final = Condition(field="tier", is_="hot")
_SEARCHED: Final = ("name", "email", "company", "company_domain")


class HotQuery(msgspec.Struct, frozen=True):
    """What the list is narrowed to; ``None``: not at all."""

    q: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Beginnings of words of a name, address or company."""
    stage: Stage | None = None
    topic: Annotated[str, msgspec.Meta(max_length=60)] | None = None
    grade: Grade | None = None
    owner: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """``ME``, ``NOBODY``, or an owner as stored."""
    segment: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Number of a saved segment."""
    after: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Where the list goes on."""

    @property
    def is_narrowed(self) -> bool:
        """Whether hot leads may be left out."""
        return any((self.q, self.stage, self.topic, self.grade, self.owner, self.segment))


def find_hot(call: Call, view: Viewpoint, asked: HotQuery, after: Place | None, limit: int) -> Ranked:
    """Return up to *limit* of the leads asked for, after a place in their ranking."""
    owner = _owner(call, asked)
    if asked.segment is None:
        return rank(call.connection, view.stored, _wanted(call, asked), after, limit, view.now_ms)
    saved = segments.find_segment(call.connection, view.site.id, str(asked.segment))
    if saved is None:
        raise PageRefusal(404, call.gettext("This segment was removed."))
    parts: list[Segment] = [saved.where, _HOT]
    given = {"topic": asked.topic, "stage": asked.stage, "owner": owner, "grade": asked.grade}
    parts += [Condition(field=field, is_=value) for field, value in given.items() if value is not None]
    if asked.q and asked.q.strip():
        parts.append(AnyOf(tuple(Condition(field=field, contains=asked.q.strip()) for field in _SEARCHED)))
    return segments.members(call.connection, view.stored, AllOf(tuple(parts)), after, limit, view.now_ms, also=awake())


def find_explored(call: Call, view: Viewpoint, asked: HotQuery) -> list[LeadRow]:
    """Return the exploratory leads that stand below the first page; none for a segment, which has its own condition."""
    if asked.after is not None or asked.segment is not None:
        return []
    return exploratory_leads(call.connection, view.stored, _wanted(call, asked), None, MOST, view.now_ms)


def _wanted(call: Call, asked: HotQuery) -> Wanted:
    owner = _owner(call, asked)
    return Wanted(search=asked.q, topic=asked.topic, stage=asked.stage, owner=owner, grade=asked.grade)


def _owner(call: Call, asked: HotQuery) -> str | None:
    return {None: None, ME: call.me.email, NOBODY: ""}.get(asked.owner, asked.owner)


def place_of(view: Viewpoint, asked: HotQuery) -> Place | None:
    """Return where the page begins. The list has been ranked anew since another scorecard is current: then at the top."""
    cursor = read_cursor(asked.after, LeadCursor) if asked.after else None
    return Place(cursor.priority, cursor.lead_id) if cursor and cursor.scorecard_id == view.stored.id else None


def after_place(view: Viewpoint, place: Place | None) -> str:
    """Return what to ask for what follows a place; empty at the end."""
    return write_cursor(LeadCursor(view.stored.id, place.priority, place.lead_id)) if place else ""


def topics_of(view: Viewpoint, shown: Iterable[Lead], asked: HotQuery) -> list[tuple[str, str]]:
    """Return the topics to choose from, with their words: those that the scorecard names, the leads shown have, or somebody
    has chosen. Others are named by page paths alone, and known nowhere but at the leads."""
    named = {one.id for one in view.card.scorecard.topics if one.id} | ({asked.topic} if asked.topic else set())
    known = {one.topic for lead in shown for one in lead.interests} | named
    return sorted(((one, topic_label(view.card, one, view.language)) for one in known), key=lambda pair: pair[1].casefold())
