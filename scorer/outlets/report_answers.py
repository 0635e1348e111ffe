"""What the sales API answers to requests for reports."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from msgspec import UNSET

from scorer.core.periods import Period, PeriodError, period
from scorer.core.segment import Segment
from scorer.outlets.answers import Call, Reply
from scorer.outlets.problems import PARAMETER_INVALID, Refusal
from scorer.outlets.report_parameters import ReportParameters, ScoresParameters
from scorer.outlets.report_shapes import (
    AttentionAnswer,
    ContactAnswer,
    ContentAnswer,
    CycleAnswer,
    FunnelAnswer,
    LossesAnswer,
    ReportPeriod,
    ScoresAnswer,
    SourcesAnswer,
)
from scorer.outlets.shapes import ParameterError
from scorer.reports.asking import Asked
from scorer.reports.attention import read_attention
from scorer.reports.contact import read_contact
from scorer.reports.content import read_content
from scorer.reports.cycle import read_cycle
from scorer.reports.funnel import read_funnel
from scorer.reports.losses import read_losses
from scorer.reports.scores import read_scores
from scorer.reports.sources import read_sources
from scorer.segments import find_segment


def funnel(call: Call) -> Reply:
    """How far leads came."""
    asked, told = _asked(call)
    return Reply(FunnelAnswer(told, read_funnel(call.connection, asked)))


def sources(call: Call) -> Reply:
    """What brought leads."""
    asked, told = _asked(call)
    return Reply(SourcesAnswer(told, read_sources(call.connection, asked)))


def cycle(call: Call) -> Reply:
    """How long deals took."""
    asked, told = _asked(call)
    return Reply(CycleAnswer(told, read_cycle(call.connection, asked)))


def attention(call: Call) -> Reply:
    """What was read."""
    asked, told = _asked(call)
    return Reply(AttentionAnswer(told, read_attention(call.connection, asked, call.view.language)))


def content(call: Call) -> Reply:
    """What goes before wins and losses."""
    asked, told = _asked(call)
    return Reply(ContentAnswer(told, read_content(call.connection, asked)))


def losses(call: Call) -> Reply:
    """Why leads were lost."""
    asked, told = _asked(call)
    return Reply(LossesAnswer(told, read_losses(call.connection, asked, call.view.language)))


def scores(call: Call) -> Reply:
    """Scores against outcomes."""
    asked, told = _asked(call)
    parameters: ScoresParameters = call.parameters
    return Reply(ScoresAnswer(told, parameters.at, read_scores(call.connection, asked, parameters.at)))


def contact(call: Call) -> Reply:
    """How soon hot leads were spoken with."""
    asked, told = _asked(call)
    return Reply(ContactAnswer(told, read_contact(call.connection, asked)))


def _asked(call: Call) -> tuple[Asked, ReportPeriod]:
    view, parameters = call.view, call.parameters
    days = _period(parameters, view.now_ms, ZoneInfo(view.site.settings.time_zone))
    name, where = _segment(call, parameters)
    told = ReportPeriod(days.first, days.last, str(days.zone), name)
    return Asked(view.site, view.stored, days, view.now_ms, where), told


def _period(parameters: ReportParameters, now_ms: int, zone: ZoneInfo) -> Period:
    first = None if parameters.first is UNSET else parameters.first
    last = None if parameters.until is UNSET else parameters.until
    try:
        return period(first, last, now_ms, zone)
    except PeriodError as error:
        raise _wrong(error.field, str(error)) from None


def _segment(call: Call, parameters: ReportParameters) -> tuple[str | None, Segment | None]:
    if parameters.segment is UNSET:
        return None, None
    saved = find_segment(call.connection, call.site_id, parameters.segment)
    if saved is None:
        raise _wrong("segment", "There is no such segment")
    return saved.name, saved.where


def _wrong(parameter: str, detail: str) -> Refusal:
    return Refusal(PARAMETER_INVALID, f"{parameter}: {detail}", errors=[ParameterError(parameter, detail)])
