"""The routes that read leads: lists, one lead, and what has changed."""

from __future__ import annotations

from typing import Final

from scorer.outlets import answers, decisions, history_shapes, note_shapes, recommendation_shapes, shapes, source_shapes
from scorer.outlets.parameters import ChangesParameters, HotLeadsParameters, LeadsParameters, Parameters, TimelineParameters
from scorer.outlets.route import Route

LEAD_ROUTES: Final = (
    Route(
        path="/hot-leads",
        name="listHotLeads",
        summary="The hot leads, those to call first at the top",
        description="Those whose score has reached the scorecard's threshold and has not faded below it since, ranked by "
        "priority: points times what the fit is worth. The filters topic, stage, owner and grade look at up to 2,000 leads "
        "a page: a page may be short, even empty, and still have a next_cursor. With explore=true the leads of the week "
        "that were drawn by lot follow the last hot one: they aren't hot, and explored is true.",
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
        path="/leads/{lead_id}/recommendations",
        name="listRecommendations",
        summary="What to show to a lead next: what leads like it had read before they bought, and it has not",
        description="Reckoned once a day from what leads have read; while nobody has bought, from leads in the stage of "
        "decision.",
        scope="read",
        parameters=Parameters,
        answer=recommendation_shapes.RecommendationList,
        handle=answers.recommended_to,
    ),
    Route(
        path="/leads/{lead_id}/notes",
        name="listNotes",
        summary="What salespeople have written about a lead, newest first",
        description="All notes; they come with a lead that is merged into this one.",
        scope="read",
        parameters=Parameters,
        answer=note_shapes.NoteList,
        handle=decisions.notes,
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
