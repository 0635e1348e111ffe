"""Which pages and documents go before winning, which before losing, and which of them to show to a lead next.

What is read before a deal need not be why it came: whoever is about to buy reads more of everything. It is a hint of what to
send and what to look at, with its uncertainty.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.attention import Reading
from scorer.core.proportions import Z_95, Rate, rate

Kind = Literal["page", "file"]
Verdict = Literal["wins", "losses", "no_difference", "too_few"]
"""Goes before wins, or losses, more often than chance would have it; no such difference is seen; too few readers to tell."""
Item = tuple[Kind, str]
"""Kind and address of a page or document."""

ENGAGED_MS: Final = 10_000
"""Who looks at a page for less hasn't read it."""
MIN_READERS: Final = 5
"""Of the decided leads; with fewer, nothing is said of a page."""
MIN_DECIDED: Final = 10
"""Won leads, and lost ones, that comparing takes."""
FALSE_SHARE: Final = 0.05
"""Of the pages that are said to go before wins or losses, so many on average are not true."""


class Decided(msgspec.Struct, frozen=True):
    """A lead of which is known how it ended, and what it had read before anybody of sales spoke with it."""

    won: bool
    readings: Sequence[Reading]


class ContentItem(msgspec.Struct, frozen=True):
    """A page or document, and what became of its readers."""

    kind: Annotated[Kind, Meta(description="file: a download.")]
    url: Annotated[str, Meta(description="Without query and fragment.")]
    title: Annotated[str, Meta(description="As last seen; of a document the file's name.")]
    topic: str | None
    won: Annotated[Rate, Meta(description="Readers, of the leads that were won.")]
    lost: Annotated[Rate, Meta(description="Readers, of the leads that were lost or junk.")]
    odds_ratio: Annotated[
        float | None,
        Meta(description="Above 1: readers were won more often than others. Null with too few readers or decided leads."),
    ]
    low: Annotated[float | None, Meta(description="The true ratio lies between low and high 19 times in 20.")]
    high: float | None
    p_value: Annotated[float | None, Meta(description="How likely so great a difference is by chance alone.")]
    verdict: Verdict


class Insight(msgspec.Struct, frozen=True):
    """What was read before deals were won and lost; of each kind the surest differences first, then by readers."""

    won: int
    lost: int
    pages: list[ContentItem]
    documents: list[ContentItem]
    tested: int
    """How many pages and documents have readers enough to be compared."""


class Ratio(msgspec.Struct, frozen=True):
    """An odds ratio."""

    value: float
    low: float
    high: float
    p_value: float


def read_by(readings: Iterable[Reading]) -> dict[Item, Reading]:
    """Return what was really read: documents that were downloaded, and pages that were looked at for ten seconds in all.

    Each with its latest title and topic.
    """
    engaged: Counter[Item] = Counter()
    last: dict[Item, Reading] = {}
    for one in readings:
        item: Item = (one.kind, one.url)
        engaged[item] += one.engaged_ms
        title = one.title or (last[item].title if item in last else "")
        last[item] = msgspec.structs.replace(one, title=title)
    return {item: one for item, one in last.items() if item[0] == "file" or engaged[item] >= ENGAGED_MS}


def content_insight(decided: Iterable[Decided], listed: int) -> Insight:
    """Return which content goes before wins and which before losses; of each kind the first *listed*.

    Leads that had read nothing (by any measure) are left out: nobody has seen them read. All that has readers enough is
    compared, whether listed or not, and the verdicts hold for all of it together.
    """
    counts = {True: 0, False: 0}
    readers: dict[Item, Counter[bool]] = defaultdict(Counter)
    shown: dict[Item, Reading] = {}
    for lead in decided:
        if not lead.readings:
            continue
        counts[lead.won] += 1
        for item, reading in read_by(lead.readings).items():
            readers[item][lead.won] += 1
            shown[item] = reading if reading.title or item not in shown else shown[item]
    won, lost = counts[True], counts[False]
    enough = won >= MIN_DECIDED and lost >= MIN_DECIDED
    ratios = {
        item: odds_ratio(number[True], won, number[False], lost)
        for item, number in readers.items()
        if enough and number.total() >= MIN_READERS
    }
    sure = discoveries({item: one.p_value for item, one in ratios.items()}, FALSE_SHARE)

    def told(item: Item) -> ContentItem:
        number, one = readers[item], ratios.get(item)
        verdict: Verdict = "too_few" if one is None else "no_difference"
        if one is not None and item in sure:
            verdict = "wins" if one.value > 1 else "losses"
        return ContentItem(
            kind=item[0],
            url=item[1],
            title=shown[item].title,
            topic=shown[item].topic,
            won=rate(number[True], won),
            lost=rate(number[False], lost),
            odds_ratio=None if one is None else one.value,
            low=None if one is None else one.low,
            high=None if one is None else one.high,
            p_value=None if one is None else one.p_value,
            verdict=verdict,
        )

    def surest(item: Item) -> tuple[float, int, str]:
        return (ratios[item].p_value if item in ratios else 2.0, -readers[item].total(), item[1])

    def of(kind: Kind) -> list[ContentItem]:
        return [told(item) for item in sorted((item for item in readers if item[0] == kind), key=surest)[:listed]]

    return Insight(won, lost, of("page"), of("file"), len(ratios))


def odds_ratio(won_readers: int, won: int, lost_readers: int, lost: int) -> Ratio:
    """Return by what factor reading goes with higher odds of a win, with its 95 % interval and two-sided p value.

    Half a lead is added to each of the four fields, so that none is empty (Haldane, Annals of Human Genetics 20, 1956;
    Anscombe, Biometrika 43, 1956); the interval is Woolf's (Annals of Human Genetics 19, 1955).

    >>> found = odds_ratio(9, 10, 1, 10)
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 1)
    (40.11, 3.51, 458.0)
    """
    fields = (won_readers, lost - lost_readers, lost_readers, won - won_readers)
    if min(fields) < 0:
        raise ValueError(f"{won_readers} of {won} and {lost_readers} of {lost} are no shares")
    a, d, b, c = (number + 0.5 for number in fields)
    log = math.log(a * d / (b * c))
    error = math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    p_value = math.erfc(abs(log) / error / math.sqrt(2))
    return Ratio(math.exp(log), math.exp(log - Z_95 * error), math.exp(log + Z_95 * error), p_value)


def discoveries(p_values: dict[Item, float], share: float) -> set[Item]:
    """Return of which things so small a p value is told that at most this share of them is there by chance, on average.

    Source: Benjamini and Hochberg, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57,
    1995.

    >>> sorted(discoveries({("page", "a"): 0.01, ("page", "b"): 0.04, ("page", "c"): 0.9}, 0.05))
    [('page', 'a')]
    """
    ordered = sorted(p_values.items(), key=lambda one: one[1])
    last = max((place for place, (_, p) in enumerate(ordered, 1) if p <= share * place / len(ordered)), default=0)
    return {item for item, _ in ordered[:last]}


def to_send(insight: Insight, at_most: int) -> list[ContentItem]:
    """Return the documents that go before wins, the surest first."""
    return [one for one in insight.documents if one.verdict == "wins"][:at_most]
