"""The figures of reports as tables: the same for the page and for the file to take away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, Literal

import msgspec

from scorer.core.attention import Attention, ItemAttention
from scorer.core.contact_speed import ContactSpeed
from scorer.core.content import ContentItem
from scorer.core.funnel import Funnel
from scorer.core.labels import Language
from scorer.core.lost_reasons import Losses
from scorer.core.score_bands import ScoreBand
from scorer.core.source_credits import Credits, SourceCredits
from scorer.outlets.csv_export import Cell, csv_lines
from scorer.outlets.report_shapes import AttentionReport, ContentReport, CycleReport, SourcesReport
from scorer.web.report_words import channel_word, verdicts, wait_text
from scorer.web.translations import N_, translations
from scorer.web.words import word

Kind = Literal["text", "page", "count", "share", "credit", "days", "seconds", "money", "ratio"]
"""How a cell is read: ``share`` is a ``Rate``, ``money`` pairs of currency and value, all others one number or text."""
Model = Literal["first", "last", "linear", "position_based", "time_decay"]


class Column(msgspec.Struct, frozen=True):
    """One column."""

    label: str
    """Translated."""
    kind: Kind = "count"


class Table(msgspec.Struct, frozen=True):
    """One table."""

    name: str
    """In the address of its file."""
    title: str
    columns: list[Column]
    rows: list[list[Any]]


STEP_WORDS: Final = {
    "visitors": N_("Seen on the website"),
    "identified": N_("Said who they are"),
    "hot": N_("Became hot"),
    "contacted": N_("Spoken with"),
    "won": N_("Won"),
}


def as_csv(table: Table) -> Iterator[str]:
    """Yield a table as the lines of a file: a share is its value, its counts and its bounds; money a column a currency."""
    currencies = sorted({currency for row in table.rows for cell in row if isinstance(cell, dict) for currency in cell})
    header: list[str] = []
    for column in table.columns:
        header += _headers(column, currencies)
    rows = (
        [part for column, cell in zip(table.columns, row, strict=True) for part in _parts(column, cell, currencies)]
        for row in table.rows
    )
    return csv_lines(header, rows, bom=True)


def _headers(column: Column, currencies: Sequence[str]) -> list[str]:
    if column.kind == "share":
        return [column.label, *(f"{column.label} ({part})" for part in ("n", "of", "low", "high"))]
    if column.kind == "money":
        return [f"{column.label} ({currency})" if currency else column.label for currency in currencies]
    return [column.label]


def _parts(column: Column, cell: Any, currencies: Sequence[str]) -> list[Cell]:
    if column.kind == "share":
        return [cell.rate, cell.count, cell.of, cell.low, cell.high]
    if column.kind == "money":
        return [cell.get(currency) for currency in currencies]
    return [cell]


def funnel_tables(funnel: Funnel, language: Language) -> list[Table]:
    """Steps, and what became of leads by stage."""
    _ = translations(language).gettext
    steps = [[_(STEP_WORDS[one.step]), one.reached, one.count, one.of_step_before, one.of_all] for one in funnel.steps]
    stages = [
        [stage_word(one.stage, language), one.leads, one.hot, one.contacted, one.won, one.lost, one.won_rate]
        for one in funnel.stages
    ]
    reached = [
        Column(_("Step"), "text"),
        Column(_("Came this far")),
        Column(_("Just this is true")),
        Column(_("Of the step before"), "share"),
        Column(_("Of all"), "share"),
    ]
    by_stage = [
        Column(_("Stage"), "text"),
        *(Column(text) for text in (_("Leads"), _("Hot"), _("Spoken with"), _("Won"), _("Lost"))),
        Column(_("Won, of won or lost"), "share"),
    ]
    return [
        Table("steps", _("Steps"), reached, steps),
        Table("stages", _("By stage of the purchase"), by_stage, stages),
    ]


def sources_tables(report: SourcesReport, model: Model, language: Language) -> list[Table]:
    """First touches, and credit by channel and campaign as *model* shares it."""
    _ = translations(language).gettext
    counts = [Column(_("Leads")), Column(_("Hot")), Column(_("Won"))]
    first = [[channel_word(one.channel, language), one.leads, one.hot, one.won] for one in report.first_touch]
    credit = [
        Column(_("Channel"), "text"),
        Column(_("Campaign"), "text"),
        *(Column(one.label, "credit") for one in counts),
        Column(_("Value"), "money"),
        Column(_("Won, of those decided"), "share"),
    ]
    return [
        Table("first-touch", _("Channels of first touch"), [Column(_("Channel"), "text"), *counts], first),
        Table("credit", _("Channels and campaigns"), credit, [_credited(one, model, language) for one in report.sources]),
    ]


def _credited(one: SourceCredits, model: Model, language: Language) -> list[Any]:
    def part(credits: Credits) -> float:
        return getattr(credits, model)  # type: ignore[no-any-return]  # all are numbers

    value = {money.currency: worth for money in one.value if (worth := part(money.value))}
    named = channel_word(one.channel, language)
    return [named, one.campaign, part(one.leads), part(one.hot), part(one.won), value, one.won_rate]


def cycle_tables(report: CycleReport, language: Language) -> list[Table]:
    """Durations, and months of winning."""
    _ = translations(language).gettext
    durations = [[span_text(one.at_least, one.below), one.count] for one in report.histogram]
    months = [[one.month, one.wins, one.days.p25, one.days.median, one.days.p75, one.value] for one in report.months]
    spread = [
        Column(_("A quarter within"), "days"),
        Column(_("Half within"), "days"),
        Column(_("Three quarters within"), "days"),
    ]
    by_month = [Column(_("Month"), "text"), Column(_("Won")), *spread, Column(_("Value"), "money")]
    return [
        Table(
            "durations", _("Days from first touch to winning"), [Column(_("Days"), "text"), Column(_("Deals"))], durations
        ),
        Table("months", _("By month of winning"), by_month, months),
    ]


def attention_tables(report: AttentionReport, language: Language) -> list[Table]:
    """Topics, documents and pages."""
    _ = translations(language).gettext
    read = [
        Column(_("Readers")),
        Column(_("Views")),
        Column(_("Downloads")),
        Column(_("Time spent"), "seconds"),
        Column(_("Later winners"), "share"),
        Column(_("Others"), "share"),
    ]

    def items(name: str, title: str, some: Sequence[ItemAttention]) -> Table:
        rows = [[one.title or one.url, one.url, *_read(one.attention)] for one in some]
        return Table(name, title, [Column(_("Title"), "text"), Column(_("Address"), "page"), *read], rows)

    topics = [[one.label, *_read(one.attention)] for one in report.topics]
    return [
        Table("topics", _("Topics"), [Column(_("Topic"), "text"), *read], topics),
        items("documents", _("Documents"), report.documents),
        items("pages", _("Pages"), report.pages),
    ]


def _read(one: Attention) -> list[Any]:
    return [one.readers, one.views, one.downloads, one.engaged_seconds, one.winners, one.others]


def content_tables(report: ContentReport, language: Language) -> list[Table]:
    """Documents and pages, with what became of their readers."""
    _ = translations(language).gettext
    words = verdicts(language)
    columns = [
        Column(_("Title"), "text"),
        Column(_("Address"), "page"),
        Column(_("Readers, of the won"), "share"),
        Column(_("Readers, of the others"), "share"),
        Column(_("Odds ratio"), "ratio"),
        Column(_("At least"), "ratio"),
        Column(_("At most"), "ratio"),
        Column(_("What it says"), "text"),
    ]

    def items(name: str, title: str, some: Sequence[ContentItem]) -> Table:
        rows = [
            [one.title or one.url, one.url, one.won, one.lost, one.odds_ratio, one.low, one.high, words[one.verdict]]
            for one in some
        ]
        return Table(name, title, columns, rows)

    return [items("documents", _("Documents"), report.documents), items("pages", _("Pages"), report.pages)]


def losses_tables(found: Losses, language: Language) -> list[Table]:
    """Reasons, the most frequent first."""
    _ = translations(language).gettext
    columns = [Column(_("Reason"), "text"), Column(_("Lost"), "share"), Column(_("Value"), "money")]
    rows = [[one.reason or _("No reason given"), one.lost, one.value] for one in found.reasons]
    return [Table("reasons", _("Lost by reason"), columns, rows)]


def scores_tables(bands: Sequence[ScoreBand], language: Language) -> list[Table]:
    """Bands, the highest first."""
    _ = translations(language).gettext
    columns = [
        Column(_("Score"), "text"),
        *(Column(text) for text in (_("Leads"), _("Won"), _("Lost"), _("Junk"), _("Still open"))),
        Column(_("Won, of those decided"), "share"),
    ]
    rows: list[list[Any]] = [
        [band_text(one), one.leads, one.won, one.lost, one.junk, one.open, one.won_rate] for one in reversed(bands)
    ]
    return [Table("bands", _("Score bands"), columns, rows)]


def contact_tables(speed: ContactSpeed, language: Language) -> list[Table]:
    """Who was spoken with in time, and what became of those who waited so long."""
    _ = translations(language).gettext
    in_time = [[wait_text(one.seconds, language), one.contacted] for one in speed.windows]
    bands = [
        [wait_span(one.from_seconds, one.to_seconds, language), one.leads, one.won, one.lost, one.won_rate]
        for one in speed.bands
    ]
    if speed.never_contacted:
        one = speed.never_contacted
        bands.append([_("never"), one.leads, one.won, one.lost, one.won_rate])
    by_speed = [
        Column(_("Waited"), "text"),
        *(Column(text) for text in (_("Leads"), _("Won"), _("Lost"))),
        Column(_("Won, of won or lost"), "share"),
    ]
    return [
        Table(
            "windows", _("Spoken with in time"), [Column(_("Within"), "text"), Column(_("Spoken with"), "share")], in_time
        ),
        Table("speed", _("What became of them, by how long they waited"), by_speed, bands),
    ]


def stage_word(stage: str | None, language: Language) -> str:
    """Return the word for a stage; ``None``: nothing speaks of one."""
    return word("stage", stage, language) if stage else translations(language).gettext("No stage known")


def months_between(first: date, last: date) -> list[str]:
    """Every month of these days, as reports name them.

    >>> months_between(date(2026, 11, 30), date(2027, 1, 1))
    ['2026-11', '2026-12', '2027-01']
    """
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12}-{number % 12 + 1:02}" for number in numbers]


def band_text(band: ScoreBand) -> str:
    """A band of scores: ``60–80``."""
    return f"{band.at_least:g}–{band.below:g}"


def span_text(low: float, high: float | None) -> str:
    """A stretch of numbers: ``3–7``, ``365+``."""
    return f"{low:g}+" if high is None else f"{low:g}–{high:g}"


def wait_span(low: float, high: float | None, language: Language) -> str:
    """A stretch of waiting."""
    _ = translations(language).gettext
    if high is None:
        return _("over {time}").replace("{time}", wait_text(low, language))
    if not low:
        return _("up to {time}").replace("{time}", wait_text(high, language))
    return f"{wait_text(low, language)} – {wait_text(high, language)}"
