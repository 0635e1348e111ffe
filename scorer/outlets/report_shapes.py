"""Reports as the sales API answers them: each with the period it is of."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from scorer.core.attention import ItemAttention, TopicAttention
from scorer.core.contact_speed import ContactSpeed
from scorer.core.content import ContentItem
from scorer.core.durations import Bar, Quantiles
from scorer.core.funnel import Funnel
from scorer.core.lost_reasons import Losses
from scorer.core.score_bands import ScoreBand
from scorer.core.source_credits import SourceCredits

Moment = Literal["contact", "end"]
"""At which the score is taken: at the lead's first contact, before which sales can't have moved it, or at the end of the
period (now, if that is earlier)."""


class ContactReport(msgspec.Struct, frozen=True):
    """How soon hot leads were spoken with."""

    speed: ContactSpeed
    complete: Annotated[bool, Meta(description="Whether these are all; false: the latest 20,000.")]


class LossesReport(msgspec.Struct, frozen=True):
    """Why leads were lost."""

    losses: Losses
    complete: Annotated[bool, Meta(description="Whether these are all; false: the latest 20,000.")]


class Month(msgspec.Struct, frozen=True):
    """The deals of one month."""

    month: Annotated[str, Meta(description="2026-11, by the site's calendar.")]
    wins: int
    days: Quantiles
    value: Annotated[dict[str, float], Meta(description="Sum of the values by currency, of those that have one.")]


class CycleReport(msgspec.Struct, frozen=True):
    """How long deals took, from first touch to winning."""

    wins: Annotated[int, Meta(description="Leads won in the period for the first time, and not lost since.")]
    unknown: Annotated[
        int, Meta(description="Of them, those of which nothing was known before: left out of days and histogram.")
    ]
    days: Quantiles
    histogram: Annotated[list[Bar], Meta(description="In days.")]
    months: Annotated[list[Month], Meta(description="In the order of time; only those with a deal.")]
    complete: Annotated[bool, Meta(description="Whether these are all; false: the latest 20,000.")]


class ScoresReport(msgspec.Struct, frozen=True):
    """Leads by score bands, with what became of them."""

    leads: int
    bands: list[ScoreBand]
    complete: Annotated[
        bool, Meta(description="Whether these are all with an outcome in the period; false: the latest thousand.")
    ]


class ChannelCount(msgspec.Struct, frozen=True):
    """The leads whose first touch came by one channel."""

    channel: Annotated[str | None, Meta(description="Null: never seen on the site, and nobody told how they came.")]
    leads: int
    hot: int
    won: int


class SourcesReport(msgspec.Struct, frozen=True):
    """Where leads came from."""

    leads: int
    first_touch: Annotated[list[ChannelCount], Meta(description="Of all leads, most leads first.")]
    looked_at: Annotated[int, Meta(description="Leads behind sources.")]
    without_touch: Annotated[int, Meta(description="Of them, those that no touch is known of: in no source.")]
    sources: Annotated[list[SourceCredits], Meta(description="The first 200.")]
    complete: Annotated[
        bool,
        Meta(
            description="Whether sources speaks of all leads. If not, of the first 5,000: those won, then those that were "
            "hot, then the latest others; what was won, and hot leads, are still whole unless these are more."
        ),
    ]


class AttentionReport(msgspec.Struct, frozen=True):
    """What was read."""

    winners: Annotated[int, Meta(description="Leads looked at that read anything and were won later.")]
    others: Annotated[int, Meta(description="All other leads looked at that read anything.")]
    leads: Annotated[int, Meta(description="Active since the period began.")]
    complete: Annotated[
        bool,
        Meta(
            description="Whether all of them were looked at; false: those won, and a random part of the others, 2,000 "
            "leads in all and the same each time. Shares are fair then, counts are those of this part."
        ),
    ]
    topics: list[TopicAttention]
    pages: list[ItemAttention]
    documents: list[ItemAttention]


class ContentReport(msgspec.Struct, frozen=True):
    """What went before wins and what before losses."""

    decided: Annotated[int, Meta(description="Leads won, lost or junk of which a result was said in the period.")]
    won: Annotated[int, Meta(description="Of them, those that were won and had read anything before sales spoke with them.")]
    lost: Annotated[int, Meta(description="The same of those that were lost or turned out to be junk.")]
    complete: Annotated[
        bool,
        Meta(
            description="Whether these are all; false: the latest thousand won and the latest thousand others, or a random "
            "part of them with 200,000 events."
        ),
    ]
    tested: Annotated[
        int,
        Meta(
            description="Pages and documents with five readers or more among these leads, if ten were won and ten were not: "
            "only of them anything is said."
        ),
    ]
    to_send: Annotated[list[ContentItem], Meta(description="The documents that go before wins, at most three.")]
    pages: Annotated[list[ContentItem], Meta(description="At most fifty; the surest differences first, then by readers.")]
    documents: Annotated[list[ContentItem], Meta(description="The same of documents.")]


class ReportPeriod(msgspec.Struct, frozen=True):
    """Whole days in the site's time zone."""

    first: date = msgspec.field(name="from")
    until: Annotated[date, Meta(description="The last day, itself included.")]
    time_zone: str
    segment: Annotated[str | None, Meta(description="The saved segment that the leads are of; null: all.")]


class FunnelAnswer(msgspec.Struct, frozen=True):
    """How far the leads came whose first touch lies in the period."""

    period: ReportPeriod
    data: Funnel


class SourcesAnswer(msgspec.Struct, frozen=True):
    """What brought the leads whose first touch lies in the period."""

    period: ReportPeriod
    data: SourcesReport


class CycleAnswer(msgspec.Struct, frozen=True):
    """How long the deals took that were won in the period."""

    period: ReportPeriod
    data: CycleReport


class AttentionAnswer(msgspec.Struct, frozen=True):
    """What was read in the period."""

    period: ReportPeriod
    data: AttentionReport


class ContentAnswer(msgspec.Struct, frozen=True):
    """What the leads decided in the period had read."""

    period: ReportPeriod
    data: ContentReport


class LossesAnswer(msgspec.Struct, frozen=True):
    """The leads lost in the period, by reason."""

    period: ReportPeriod
    data: LossesReport


class ScoresAnswer(msgspec.Struct, frozen=True):
    """The scores of the leads with an outcome in the period, against the outcomes."""

    period: ReportPeriod
    at: Moment
    data: ScoresReport


class ContactAnswer(msgspec.Struct, frozen=True):
    """How soon the leads were spoken with that became hot in the period."""

    period: ReportPeriod
    data: ContactReport
