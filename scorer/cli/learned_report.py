"""What a training has found out, as text: the same as on its page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from scorer.cli.common import listing
from scorer.cli.learning_words import word
from scorer.core.labels import Language
from scorer.core.learned import Figure, Judged, Judgement, Learned
from scorer.proposals import Shadow


def report(learned: Learned, language: Language) -> Iterator[RenderableType]:
    """Yield the parts of a training's report."""
    yield word(
        "based on",
        language,
        wins=learned.wins,
        losses=learned.losses,
        snapshots=learned.snapshots,
        censored=learned.censored,
        days=learned.horizon_days,
    )
    yield f"[bold]{word(learned.verdict, language, base=learned.base)}[/bold]\n"
    yield word("half-lives", language)
    yield _half_lives(learned, language)
    yield f"\n{word('weights', language)}"
    yield _weights(learned, language)
    if learned.suspects:
        yield f"\n[bold]{word('suspects', language)}[/bold]"
        yield _suspects(learned, language)
    yield ""
    yield from judgement_report(learned.judgement, language)


def judgement_report(judgement: Judgement | None, language: Language) -> Iterator[RenderableType]:
    """Yield the parts of a backtest's report."""
    if judgement is None:
        yield word("no judgement", language)
        return
    yield word(
        "judgement",
        language,
        wins=judgement.wins,
        snapshots=judgement.snapshots,
        leads=judgement.leads,
        origins=len(judgement.origins),
    )
    yield _judged(judgement.by_time, judgement.capacity, language)
    if judgement.by_account:
        yield f"\n{word('grouped', language)}"
        yield _judged(judgement.by_account, judgement.capacity, language)
    yield word("guessing", language, rate=judgement.base_rate)
    yield f"[bold]{word('gain', language, gain=told_figure(judgement.gain, language))}[/bold]"
    if judgement.bins:
        yield f"\n{word('chances', language, error=told_figure(judgement.calibration_error, language))}"
        table = _numbers("told", "leads", "won", "share", language=language)
        for one in judgement.bins:
            share = Figure(one.won / one.leads if one.leads else None, one.low, one.high)
            table.add_row(f"{one.told:.1%}", f"{one.leads:,}", f"{one.won:,}", told_figure(share, language))
        yield table


def told_shadow(shadow: Shadow, language: Language) -> str:
    """Return how a proposal has done since it was made."""
    return word(
        "shadow",
        language,
        day=datetime.fromtimestamp(shadow.since / 1000, UTC).strftime("%Y-%m-%d"),
        leads=shadow.leads,
        wins=shadow.wins,
        proposal=told_figure(shadow.auc_proposal, language),
        current=told_figure(shadow.auc_current, language),
    )


def told_figure(figure: Figure | None, language: Language) -> str:
    """Return a figure with its interval.

    >>> told_figure(Figure(0.71, 0.64, 0.783), "en")
    '0.710 (0.640 … 0.783)'
    """
    if figure is None or figure.value is None:
        return word("none", language)
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f} … {figure.high:.3f})"


def _half_lives(learned: Learned, language: Language) -> Table:
    table = _numbers("half-life", "auc", "chosen", language=language)
    for one in learned.half_lives:
        auc = word("none", language) if one.auc is None else f"{one.auc:.3f}"
        table.add_row(word("days", language, days=one.days), auc, "●" if one.days == learned.half_life_days else "")
    return table


def _weights(learned: Learned, language: Language) -> Table:
    table = _numbers("rule", "before", "after", "leads", language=language)
    table.columns[0].justify = "left"
    for one in learned.weights:
        name = one.rule if one.bucket is None else f"{one.rule} {one.bucket + 1}"
        table.add_row(escape(name), f"{one.before:g}", f"{one.after:g}", f"{one.leads:,}")
    return table


def _suspects(learned: Learned, language: Language) -> Table:
    table = _numbers("rule", "alone", "with", "without", language=language)
    table.columns[0].justify = "left"
    for one in learned.suspects:
        table.add_row(escape(one.feature), *(f"{value:.3f}" for value in (one.auc, one.with_it, one.without_it)))
    return table


def _judged(some: tuple[Judged, ...], capacity: int, language: Language) -> Table:
    names = ("ranked by", "auc", "average precision", "brier")
    table = listing(
        *(word(name, language) for name in names[:3]), word("lift", language, capacity=capacity), word(names[3], language)
    )
    for one in some:
        figures = (one.auc, one.average_precision, one.lift, one.brier)
        table.add_row(word(one.name, language), *(told_figure(figure, language) for figure in figures))
    return table


def _numbers(*names: str, language: Language) -> Table:
    table = listing(*(word(name, language) for name in names))
    for column in table.columns:
        column.justify = "right"
    return table
