"""Reports: what the leads of some days have in common, to look at, to print and to take away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from flask import Response

from scorer.core.formats import day_text
from scorer.core.periods import MAX_DAYS, Period, PeriodError, period
from scorer.outlets.report_shapes import Moment
from scorer.reports.asking import Asked
from scorer.reports.attention import read_attention
from scorer.reports.contact import read_contact
from scorer.reports.content import read_content
from scorer.reports.cycle import read_cycle
from scorer.reports.deals import read_pipeline
from scorer.reports.funnel import read_funnel
from scorer.reports.losses import read_losses
from scorer.reports.scores import read_scores
from scorer.reports.sources import read_sources
from scorer.segments import find_segment, list_segments
from scorer.web import report_tables, report_words
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.navigation import Shown
from scorer.web.rendering import render
from scorer.web.report_tables import Model, Table, as_csv
from scorer.web.translations import N_

HERE: Final = "/reports"
TABS: Final = {
    "funnel": N_("Funnel"),
    "sources": N_("Sources"),
    "cycle": N_("Decision cycle"),
    "attention": N_("Attention"),
    "content": N_("Content"),
    "losses": N_("Losses"),
    "scores": N_("Scores"),
    "contact": N_("First contact"),
}
"""The reports, each at an address of its own; the first also where no report is named."""
USUAL_DAYS: Final = ("7", "30", "90")


class ReportQuery(msgspec.Struct, frozen=True):
    """What the report is about."""

    days: Literal["7", "30", "90"] | None = None
    """So many days up to today."""
    first: Annotated[str, msgspec.Meta(max_length=20)] | None = msgspec.field(name="from", default=None)
    until: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    segment: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    credit: Model = "time_decay"
    """How sources share the credit."""
    at: Moment = "contact"
    """At which moment scores are taken."""


class Chosen(msgspec.Struct, frozen=True):
    """The days that are shown, and what is wrong with those that were asked for."""

    period: Period
    problem: str = ""
    wrong: str = ""
    """``from`` or ``until``."""


class Told(msgspec.Struct, frozen=True):
    """A report, ready to be shown."""

    report: Any
    """As the API has it."""
    counted: int
    """What it speaks of; of 0 there is nothing to show."""
    words: str
    tables: list[Table]


def show(call: Call, report: str = "funnel") -> Response:
    """One report."""
    if report not in TABS:
        raise PageRefusal(404)
    asked, chosen = call.read(ReportQuery), _chosen(call)
    question = _question(call, asked, chosen.period)
    told = _READERS[report](call, question, asked)
    return render(
        call,
        f"reports/{report}.html",
        422 if chosen.problem else 200,
        asked=asked,
        chosen=chosen,
        span=[day_text(at, chosen.period.zone, call.language) for at in (chosen.period.start_ms, chosen.period.end_ms - 1)],
        days=[(days, call.address_with(days=days, until=None, **{"from": None})) for days in USUAL_DAYS],
        current_days=None if asked.first or asked.until else asked.days or "90",
        told=told,
        pipeline=read_pipeline(call.connection, question) if report == "funnel" else None,
        name=report,
        tabs=[
            Shown(_address(call, f"{HERE}/{name}"), call.gettext(label), "", name == report) for name, label in TABS.items()
        ],
        saved_segments=[(one.name, one.name) for one in list_segments(call.connection, call.here.id)],
        files={table.name: _address(call, f"{HERE}/{report}/{table.name}.csv") for table in told.tables},
        report_words=report_words,
        report_tables=report_tables,
    )


def table_file(call: Call, report: str, table: str) -> Response:
    """One table of a report, as a file for spreadsheets."""
    asked, chosen = call.read(ReportQuery), _chosen(call)
    if chosen.problem:
        raise PageRefusal(400, chosen.problem)
    if report not in TABS:
        raise PageRefusal(404)
    told = _READERS[report](call, _question(call, asked, chosen.period), asked)
    found = next((one for one in told.tables if one.name == table), None)
    if found is None:
        raise PageRefusal(404)
    response = Response("".join(as_csv(found)), content_type="text/csv; charset=utf-8")
    days = f"{chosen.period.first:%Y%m%d}-{chosen.period.last:%Y%m%d}"
    response.headers["Content-Disposition"] = f'attachment; filename="{report}-{table}-{days}.csv"'
    return response


def _question(call: Call, asked: ReportQuery, days: Period) -> Asked:
    where = None
    if asked.segment:
        saved = find_segment(call.connection, call.here.id, asked.segment)
        if saved is None:
            raise PageRefusal(404, call.gettext("There is no segment of that name any more."))
        where = saved.where
    return Asked(call.here, call.view.stored, days, call.now_ms, where)


def _funnel(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_funnel(call.connection, question)
    counted = found.steps[0].reached
    words = report_words.funnel_words(found, call.language) if counted else ""
    return Told(found, counted, words, report_tables.funnel_tables(found, call.language))


def _sources(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_sources(call.connection, question)
    words = report_words.sources_words(found.first_touch, call.language) if found.leads else ""
    return Told(found, found.leads, words, report_tables.sources_tables(found, asked.credit, call.language))


def _cycle(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_cycle(call.connection, question)
    words = report_words.cycle_words(found, call.language)
    return Told(found, found.wins, words, report_tables.cycle_tables(found, call.language))


def _attention(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_attention(call.connection, question, call.language)
    words = report_words.attention_words(found, call.language) if found.topics else ""
    tables = report_tables.attention_tables(found, call.language)
    return Told(found, found.winners + found.others, words, tables)


def _content(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_content(call.connection, question)
    words = report_words.content_words(found, call.language) if found.decided else ""
    return Told(found, found.decided, words, report_tables.content_tables(found, call.language))


def _losses(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_losses(call.connection, question, call.language)
    words = report_words.losses_words(found.losses, call.language) if found.losses.lost else ""
    return Told(found, found.losses.lost, words, report_tables.losses_tables(found.losses, call.language))


def _scores(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_scores(call.connection, question, asked.at)
    words = report_words.scores_words(found.bands, call.language)
    return Told(found, found.leads, words, report_tables.scores_tables(found.bands, call.language))


def _contact(call: Call, question: Asked, asked: ReportQuery) -> Told:
    found = read_contact(call.connection, question)
    words = report_words.contact_words(found.speed, call.language)
    return Told(found, found.speed.hot, words, report_tables.contact_tables(found.speed, call.language))


_READERS: Final[dict[str, Callable[[Call, Asked, ReportQuery], Told]]] = {
    "funnel": _funnel,
    "sources": _sources,
    "cycle": _cycle,
    "attention": _attention,
    "content": _content,
    "losses": _losses,
    "scores": _scores,
    "contact": _contact,
}


def _chosen(call: Call) -> Chosen:
    """The days asked for; where they make no sense the usual ones, and what is wrong."""
    asked, zone = call.read(ReportQuery), ZoneInfo(call.here.settings.time_zone)
    today = datetime.fromtimestamp(call.now_ms / 1000, zone).date()
    if not asked.first and not asked.until:
        days = int(asked.days or "90")
        return Chosen(period(today - timedelta(days=days - 1), today, call.now_ms, zone))
    usual = period(None, None, call.now_ms, zone)
    for name, text in (("from", asked.first), ("until", asked.until)):
        if text and _day(text) is None:
            return Chosen(usual, call.gettext("That is no day. Write it as 2026-11-30."), name)
    first, last = _day(asked.first or ""), _day(asked.until or "")
    try:
        return Chosen(period(first, last, call.now_ms, zone))
    except PeriodError as error:
        if first and first > (last or today):
            problem = call.gettext("The first day is after the last one.")
        else:
            reason = call.gettext("From the year 2000 on, and at most {days} days.")
            problem = reason.replace("{days}", str(MAX_DAYS))
        return Chosen(usual, problem, error.field)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _address(call: Call, path: str) -> str:
    """Another address about the same days and leads."""
    _, _, query = call.address_with().partition("?")
    return f"{path}?{query}" if query else path


ROUTES: Final = (
    Route("GET", HERE, "reports", show),
    Route("GET", f"{HERE}/<report>", "report", show),
    Route("GET", f"{HERE}/<report>/<table>.csv", "report_table", table_file),
)
