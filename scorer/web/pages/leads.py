"""All leads, hot or not: to find somebody, and to look through those who have something in common."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from flask import Response

from scorer import segments
from scorer.account_views import AccountRow, rank_accounts
from scorer.core.interests import topic_label
from scorer.core.next_steps import Status
from scorer.core.scorecard import Stage
from scorer.core.segment import AllOf, Condition, Segment
from scorer.hot_list import Place, Ranked, Wanted, rank
from scorer.lead_views import view_leads
from scorer.outlets.cursors import LeadCursor, read_cursor, write_cursor
from scorer.outlets.shapes import Grade
from scorer.scorecards import StoredCard
from scorer.searching import lead_meant
from scorer.segment_sql import members_condition
from scorer.users import owner_names
from scorer.web.call import Call, Route
from scorer.web.rendering import redirect, render

SHOWN: Final = 50
COMPANIES_SHOWN: Final = 3
"""Companies that a search shows above the people it finds."""
Short = Annotated[str, msgspec.Meta(max_length=200)]
Whose = Literal["mine", "nobodys"]


class LeadsQuery(msgspec.Struct, frozen=True):
    """What the list is narrowed to; ``None``: not at all."""

    q: Short | None = None
    """Beginnings of words of a name, address or company; or a lead's id."""
    stage: Stage | None = None
    grade: Grade | None = None
    topic: Short | None = None
    status: Status | None = None
    whose: Whose | None = None
    segment: Short | None = None
    group: Annotated[int, msgspec.Meta(ge=1, lt=10**9)] | None = None
    """Of leads with like behaviour."""
    class_: Short | None = msgspec.field(default=None, name="class")
    """As ``class_text`` writes it."""
    cursor: Annotated[str, msgspec.Meta(max_length=500)] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        told = (self.q, self.stage, self.grade, self.topic, self.status, self.whose, self.segment, self.group, self.class_)
        return any(told)


def show(call: Call) -> Response:
    """The list, and companies that are called as is searched for."""
    asked, view = call.read(LeadsQuery), call.view
    meant = lead_meant(call.connection, view.site.id, asked.q or "")
    if meant is not None:
        return redirect(f"/leads/{meant}")
    after = _after(asked, view.stored)
    saved = segments.find_segment(call.connection, view.site.id, asked.segment) if asked.segment else None
    ranked = _ranked(call, asked, view.stored, saved.where if saved else None, after)
    companies: list[AccountRow] = []
    if asked.q and after is None:
        companies, _ = rank_accounts(call.connection, view.site.id, asked.q, None, COMPANIES_SHOWN)
    further = LeadCursor(view.stored.id, ranked.next.priority, ranked.next.lead_id) if ranked.next else None
    return render(
        call,
        "leads.html",
        asked=asked,
        leads=view_leads(call.connection, view, ranked.rows),
        companies=companies,
        names=owner_names(call.connection, view.site.id),
        topic_words=topic_label(view.card, asked.topic, call.language) if asked.topic else "",
        saved_segments=[(one.name, one.name) for one in segments.list_segments(call.connection, view.site.id)],
        earlier=call.address_with(cursor=None) if after else "",
        later=call.address_with(cursor=write_cursor(further)) if further else "",
    )


def _after(asked: LeadsQuery, stored: StoredCard) -> Place | None:
    """Where to go on; at the beginning where the address is of another list, or of one ranked by another card."""
    cursor = read_cursor(asked.cursor, LeadCursor) if asked.cursor else None
    return Place(cursor.priority, cursor.lead_id) if cursor and cursor.scorecard_id == stored.id else None


def _ranked(call: Call, asked: LeadsQuery, stored: StoredCard, where: Segment | None, after: Place | None) -> Ranked:
    owner = {"mine": call.me.email, "nobodys": ""}.get(asked.whose or "")
    wanted = Wanted(0.0, asked.q, asked.topic, asked.stage, owner, asked.grade, asked.status)
    parts = [where] if where is not None else []
    if asked.group is not None:
        parts.append(Condition(field="group", is_=str(asked.group)))
    if asked.class_:
        parts.append(Condition(field="class", is_=asked.class_))
    also = members_condition(stored, AllOf(tuple(parts)), call.now_ms) if parts else None
    return rank(call.connection, stored, wanted, after, SHOWN, call.now_ms, also=also)


ROUTES: Final = (Route("GET", "/leads", "leads", show),)
