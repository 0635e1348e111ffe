"""The routes of the sales API: what each takes, answers and needs. Served and described from this one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from scorer.keys import Scope
from scorer.outlets import account_shapes, answers, history_shapes, segment_shapes, shapes, source_shapes
from scorer.outlets.answers import Reply
from scorer.outlets.parameters import (
    AccountsParameters,
    ChangesParameters,
    HotLeadsParameters,
    LeadsParameters,
    Parameters,
    TimelineParameters,
)


class Route(msgspec.Struct, frozen=True):
    """One row of the table."""

    path: str
    """Below ``/api/v1``, with names in braces."""
    name: str
    summary: str
    description: str
    scope: Scope
    parameters: type[Parameters]
    answer: type
    handle: Callable[..., Reply]
    """Takes the call and what the braces stand for."""
    method: str = "GET"
    conditional: bool = False
    """Whether the answer has an ETag."""


ROUTES: Final = (
    Route(
        path="/hot-leads",
        name="listHotLeads",
        summary="The hot leads, those to call first at the top",
        description="Those whose score has reached the scorecard's threshold and has not faded below it since, ranked by "
        "priority: points times what the fit is worth. The filters topic, stage, owner and grade look at up to 2,000 leads "
        "a page: a page may be short, even empty, and still have a next_cursor.",
        scope="read",
        parameters=HotLeadsParameters,
        answer=shapes.LeadPage,
        handle=answers.hot_leads,
        conditional=True,
    ),
    Route(
        path="/leads",
        name="listLeads",
        summary="All leads, ranked by priority, or those that match a search",
        description="Filters are bounded as in the hot list. A search reads along the ranking until the page is full.",
        scope="read",
        parameters=LeadsParameters,
        answer=shapes.LeadPage,
        handle=answers.all_leads,
        conditional=True,
    ),
    Route(
        path="/leads/{lead_id}",
        name="getLead",
        summary="One lead",
        description="The same view as in the lists.",
        scope="read",
        parameters=Parameters,
        answer=shapes.Lead,
        handle=answers.one_lead,
        conditional=True,
    ),
    Route(
        path="/leads/{lead_id}/timeline",
        name="getTimeline",
        summary="What a lead did, visit by visit, newest visit first",
        description="Each visit with its pages (how long and how far they were read), downloads, forms and other events.",
        scope="read",
        parameters=TimelineParameters,
        answer=shapes.TimelinePage,
        handle=answers.timeline,
    ),
    Route(
        path="/leads/{lead_id}/explanation",
        name="explainLead",
        summary="The exact sum of a lead's score",
        description="Every contribution with what is left of it now, from the lead's whole history.",
        scope="read",
        parameters=Parameters,
        answer=shapes.Explanation,
        handle=answers.explanation,
    ),
    Route(
        path="/leads/{lead_id}/history",
        name="getHistory",
        summary="A lead's score over time, and what moved it",
        description="A point for each event that moved the score, at most 200, and the score day by day.",
        scope="read",
        parameters=Parameters,
        answer=history_shapes.History,
        handle=answers.score_history,
    ),
    Route(
        path="/leads/{lead_id}/sources",
        name="getSources",
        summary="How a lead came, visit by visit, and which channel has what part in it",
        description="First, last and last non-direct touch, and the parts by three usual models of attribution.",
        scope="read",
        parameters=Parameters,
        answer=source_shapes.Sources,
        handle=answers.sources,
    ),
    Route(
        path="/accounts",
        name="listAccounts",
        summary="Companies, hottest first",
        description="A company's score is of (Σ √points)² of its people: two keen people outrank one with the same sum.",
        scope="read",
        parameters=AccountsParameters,
        answer=account_shapes.AccountPage,
        handle=answers.all_accounts,
    ),
    Route(
        path="/accounts/{account_id}",
        name="getAccount",
        summary="One company with its people",
        description="The same view as in the list.",
        scope="read",
        parameters=Parameters,
        answer=account_shapes.Account,
        handle=answers.one_account,
    ),
    Route(
        path="/segments",
        name="listSegments",
        summary="Saved segments with live counts",
        description="A segment is made by `warmtrail segment add`; lists of leads take its name as `segment`.",
        scope="read",
        parameters=Parameters,
        answer=segment_shapes.SegmentList,
        handle=answers.all_segments,
    ),
    Route(
        path="/changes",
        name="listChanges",
        summary="What happened to leads, in the order in which it became visible",
        description="Whoever has read up to a cursor has missed nothing before it. With wait the answer is held back until "
        "there is a change or the time is up.",
        scope="read",
        parameters=ChangesParameters,
        answer=shapes.ChangePage,
        handle=answers.changes,
    ),
)
