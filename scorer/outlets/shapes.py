"""What the sales API answers, as types: the answers are made of them, and the API's description is made from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.crm_fields import Refused
from scorer.core.deal_value import ExpectedValue
from scorer.core.exclusions import Excluded
from scorer.core.next_steps import Action, Status
from scorer.core.rules import Tier
from scorer.core.scorecard import Stage
from scorer.core.titles import BuyingRole
from tracker.core import channels

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 in UTC with milliseconds, ``2026-11-19T10:30:00.000Z``."""
LEAD_ID_PATTERN: Final = "^ld_[a-z2-7]{16}$"
Grade = Literal["A", "B", "C", "D"]
Channel = channels.Channel


def time_text(at_ms: int) -> str:
    """Return a time in ms since 1970 UTC as the API writes it.

    >>> time_text(1_500)
    '1970-01-01T00:00:01.500Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Company(msgspec.Struct, frozen=True):
    """The company a lead belongs to, as far as is known."""

    id: str
    name: str | None
    domain: str | None


class Fit(msgspec.Struct, frozen=True):
    """How well the lead matches the customers the site looks for."""

    grade: Annotated[Grade | None, Meta(description="Null: unknown.")]
    reasons: list[str]


class Interest(msgspec.Struct, frozen=True):
    """A topic the lead reads about."""

    topic: str
    share: Annotated[float, Meta(ge=0, le=1, description="Share of the heat that has a topic.")]
    label: str


class Reason(msgspec.Struct, frozen=True):
    """One rule's part in the score. The points of all reasons add up to the points behind the score."""

    rule: str
    points: Annotated[float, Meta(ge=0, description="Points left of it now.")]
    count: int
    last_at: Time
    text: Annotated[str, Meta(description="The reason in words, in the language asked for.")]


class StageEvidence(msgspec.Struct, frozen=True):
    """What speaks for one stage of the purchase. The shares of the three sum to 1."""

    stage: Stage
    share: Annotated[float, Meta(ge=0, le=1, description="Of the heat that has a stage.")]
    reasons: Annotated[list[str], Meta(description="The rules that speak for it most, in words.")]


class Frequency(msgspec.Struct, frozen=True):
    """How often the lead visits."""

    visits_7d: int
    visits_30d: int
    active_days_30d: Annotated[int, Meta(description="Dates with a visit, in the lead's time zone where it is known.")]
    median_gap_days: Annotated[
        float | None, Meta(description="Median time from one visit's beginning to the next; null before the second.")
    ]


class PageView(msgspec.Struct, frozen=True):
    """A page the lead has viewed."""

    at: Time
    url: str
    title: str


class Source(msgspec.Struct, frozen=True):
    """How a visit came to the site."""

    channel: Channel
    campaign: Annotated[dict[str, str] | None, Meta(description="The utm_ parameters: name, source, medium, term, content.")]
    referrer: str | None
    name: Annotated[str | None, Meta(description="The engine, network, assistant, site or campaign behind it.")]


class Device(msgspec.Struct, frozen=True):
    """What the lead last visited with."""

    type: Annotated[str, Meta(description="desktop, mobile, tablet or other")]
    browser: str
    system: str


class Location(msgspec.Struct, frozen=True):
    """Where the lead seems to be."""

    country: str | None
    country_from: Annotated[
        Literal["visit", "time_zone"] | None,
        Meta(description="visit: told with the events. time_zone: concluded from the browser's time zone."),
    ]
    time_zone: str | None
    locale: str | None


class BestHours(msgspec.Struct, frozen=True):
    """Two hours in which a lead is often there."""

    days: Literal["weekdays", "weekend"]
    from_hour: int
    to_hour: int
    share: Annotated[float, Meta(ge=0, le=1, description="Share of its visits that began in them.")]


class Rhythm(msgspec.Struct, frozen=True):
    """When a lead comes, and when it should be back."""

    median_day_gap: Annotated[float | None, Meta(description="Median days from one active day to the next.")]
    next_visit_at: Annotated[Time | None, Meta(description="Null when nobody can tell, or it is overdue.")]
    overdue_days: Annotated[float | None, Meta(description="How long ago the next visit was to be expected.")]
    silence_days: float | None
    unusual_silence: Annotated[bool, Meta(description="Silent for longer than is usual for this lead.")]
    best_hours: Annotated[list[BestHours], Meta(description="In the lead's own time zone, the best first.")]
    time_zone: str
    momentum: Annotated[
        Literal["rising", "steady", "fading"] | None, Meta(description="Active days this week against the three before.")
    ]


class NextStep(msgspec.Struct, frozen=True):
    """What a salesperson should do next."""

    action: Action
    due: Time
    why: str
    rule: Annotated[str, Meta(description="The rule of the scorecard that says so.")]
    label: Annotated[str, Meta(description="The step in words.")]


class LeadClass(msgspec.Struct, frozen=True):
    """What a lead is in one of the company's own schemes: product line, kind of buyer, …."""

    scheme: str
    label: Annotated[str | None, Meta(description="Null where that is unsure, and nobody has said.")]
    by: Annotated[Literal["person", "learned"] | None, Meta(description="Who says so; null where nobody does.")]
    confidence: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="Chance that the likeliest class is right; null for what a person has said."),
    ]
    reasons: Annotated[list[str], Meta(description="What speaks most for the likeliest class; three at most.")]


_Share = Annotated[float, Meta(ge=0, le=1)]


class Chance(msgspec.Struct, frozen=True):
    """How likely a win is, learned from the leads that stood at so many points before."""

    value: _Share
    low: Annotated[float, Meta(ge=0, le=1, description="The true chance lies between low and high 19 times in 20.")]
    high: _Share
    horizon_days: Annotated[int, Meta(description="Days from now within which the win would have to come.")]
    advice: Annotated[bool, Meta(description="Learned from under 50 won or 50 lost leads: not to be relied on.")]


class Lead(msgspec.Struct, frozen=True):
    """A person who may buy, or a visitor still unknown, as of one moment."""

    id: str
    merged_into: Annotated[
        str | None, Meta(description="Given when the lead was asked for by an id that has become part of this one.")
    ]
    kind: Annotated[Literal["person", "visitor"], Meta(description="visitor: name and e-mail are not known.")]
    name: str | None
    email: str | None
    title: str | None
    phone: str | None
    role: Annotated[BuyingRole, Meta(description="The part the person seems to have in a purchase, by job title.")]
    company: Company | None
    score: Annotated[float, Meta(ge=0, le=100, description="To one decimal.")]
    tier: Tier
    hot_since: Annotated[Time | None, Meta(description="Null unless the tier is hot.")]
    explored: Annotated[
        bool,
        Meta(
            description="Drawn by lot this week, to be called although it isn't hot, so that something is learned of such "
            "leads; false for a hot one."
        ),
    ]
    cools_at: Annotated[
        Time | None, Meta(description="When it leaves the hot list if nothing happens; null unless the tier is hot.")
    ]
    as_of: Annotated[Time, Meta(description="The moment that score, tier, points and counts are of.")]
    scorecard: Annotated[int, Meta(description="Number of the scorecard behind the score.")]
    fit: Fit
    priority: Annotated[float, Meta(ge=0, description="Points now, times what the fit is worth; 1 while unknown.")]
    exclusion: Annotated[Excluded | None, Meta(description="Why the lead is kept off the hot list; null: it isn't.")]
    stage: Annotated[Stage | None, Meta(description="Null when nothing seen so far speaks of one.")]
    stage_evidence: Annotated[list[StageEvidence], Meta(description="Empty when nothing speaks of a stage.")]
    interests: list[Interest]
    reasons: list[Reason]
    visits: int
    page_views: int
    downloads: int
    engaged_seconds: float
    observed_seconds: Annotated[
        float | None,
        Meta(
            description="From the first to the last that came of it, by the service's own clock: a history that is made up "
            "comes within seconds. Null where a server told of it, and where it isn't known."
        ),
    ]
    frequency: Frequency
    rhythm: Rhythm
    first_seen: Time
    last_seen: Time
    last_pages: Annotated[list[PageView], Meta(description="The last five at most, newest first.")]
    source: Annotated[Source | None, Meta(description="Of the first visit; null before it.")]
    device: Device | None
    location: Location | None
    network_hint: Annotated[
        str | None,
        Meta(
            description="Company from whose network the lead mostly visits: a hint and no more. It has no part in score, "
            "fit, company or who is taken for whom. Null: none, or networks are not looked up."
        ),
    ]
    classes: Annotated[
        list[LeadClass],
        Meta(description="What it is in the company's own schemes. With an ETag, learned ones may be an hour behind."),
    ]
    group: Annotated[int | None, Meta(description="The group of leads with like behaviour that it is in.")]
    owner: Annotated[str | None, Meta(description="Who has claimed the lead; null when nobody has.")]
    claimed_until: Annotated[Time | None, Meta(description="When the claim runs out; null without one.")]
    snoozed_until: Annotated[
        Time | None, Meta(description="Until when it stays off the hot list: put off, or said to come to nothing.")
    ]
    status: Annotated[Status, Meta(description="How far sales have got with it.")]
    next_step: NextStep
    chance: Annotated[
        Chance | None,
        Meta(
            description="The chance of a win that the points stand for: beside the score, which has no part in it. Null for "
            "one that is closed, excluded or was never on the site (unknown isn't cold), and while too little is known."
        ),
    ]
    expected_value: Annotated[
        ExpectedValue | None,
        Meta(
            description="What may come of it, in money: beside the score, which has no part in it. Null for one that is "
            "closed or excluded, and while no deal of the site has a value."
        ),
    ]
    url: Annotated[str, Meta(description="The lead's page for people.")]


class LeadPage(msgspec.Struct, frozen=True):
    """A part of a ranked list of leads."""

    data: list[Lead]
    next_cursor: Annotated[str | None, Meta(description="Ask with it for what follows; null at the end of the list.")]


class Moment(msgspec.Struct, frozen=True):
    """One thing done in a visit."""

    at: Time
    kind: Annotated[
        Literal["page", "download", "link", "form", "identify", "group", "event", "mail"],
        Meta(description="mail: a click on a link in a mail to this lead; detail says whether a person is behind it."),
    ]
    name: Annotated[str, Meta(description="The event's name; empty for pages, identify and group.")]
    url: str
    title: str
    engaged_seconds: Annotated[float | None, Meta(description="Pages only: time spent reading; null where not measured.")]
    scroll_percent: Annotated[int | None, Meta(description="Pages only: how far down the reader came.")]
    detail: Annotated[dict[str, Any], Meta(description="What else was sent: properties or traits.")]


class TimelineVisit(msgspec.Struct, frozen=True):
    """A visit with what was done in it."""

    number: Annotated[
        int,
        Meta(description="Counts the visits of one browser from 1. 0: no visit, but a day's events away from the site."),
    ]
    started_at: Time
    ended_at: Time
    page_views: int
    downloads: int
    engaged_seconds: float
    entry_url: str
    exit_url: str
    source: Source | None
    device: Device | None
    location: Location | None
    moments: Annotated[list[Moment], Meta(description="In the order in which they happened.")]


class TimelinePage(msgspec.Struct, frozen=True):
    """A part of a lead's visits, newest first."""

    data: list[TimelineVisit]
    next_cursor: Annotated[str | None, Meta(description="Ask with it for earlier visits; null at the first.")]


class Contribution(msgspec.Struct, frozen=True):
    """Points earned once."""

    rule: str
    at: Time
    points: Annotated[float, Meta(description="As earned.")]
    decayed_points: Annotated[float, Meta(description="What is left of them now.")]
    text: str
    detail: Annotated[str, Meta(description="The page, file, form or event behind it; empty for a visit.")]


class Explanation(msgspec.Struct, frozen=True):
    """The exact sum of a score: the decayed points add up to ``points``, and the score follows from those."""

    lead: str
    as_of: Time
    score: Annotated[float, Meta(ge=0, le=100, description="Unrounded.")]
    points: float
    heat: Annotated[float, Meta(description="What is stored and ranked by; doesn't change as time passes.")]
    contributions: list[Contribution]


class RefusedOutcome(msgspec.Struct, frozen=True):
    """A row of a CRM's delivery that doesn't count."""

    index: Annotated[int, Meta(ge=0, description="Place of the row, from 0.")]
    reason: Refused
    field: Annotated[str, Meta(description="The field that is wrong; empty where it is the row.")]
    detail: Annotated[str, Meta(description="The reason in words, in the language asked for.")]


class CrmAnswer(msgspec.Struct, frozen=True):
    """What came of a CRM's delivery. The four parts are all of its rows."""

    recorded: Annotated[list[str], Meta(description="The leads of which something new was told, once for each row.")]
    duplicate: Annotated[int, Meta(description="Rows that told what was told before.")]
    ignored: Annotated[int, Meta(description="Rows that tell of no outcome: open stages, other properties.")]
    rejected: list[RefusedOutcome]


class Change(msgspec.Struct, frozen=True):
    """One thing that happened to a lead."""

    sequence: Annotated[int, Meta(description="Rises from change to change, in the order in which they became visible.")]
    kind: Annotated[
        str,
        Meta(
            description="entered, rose, left, identified, stage, claimed, released, snoozed, woken, outcome, noted, "
            "merged, unmerged, erased; others may follow: ignore what you don't know."
        ),
    ]
    at: Time
    lead_id: str
    lead: Annotated[Lead | None, Meta(description="The lead as it is now; null when it is gone.")]
    detail: dict[str, Any]


class ChangePage(msgspec.Struct, frozen=True):
    """A part of the changes feed."""

    data: list[Change]
    next_cursor: Annotated[
        str, Meta(description="Keep it, and ask with it for what follows; given also when data is empty.")
    ]


class ParameterError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter."""

    parameter: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal (RFC 9457, ``application/problem+json``)."""

    type: Annotated[str, Meta(description="Relative URI of the problem's explanation.")]
    title: str
    status: int
    detail: str
    errors: Annotated[list[ParameterError], Meta(description="Wrong parameters, each with the reason.")] = []
