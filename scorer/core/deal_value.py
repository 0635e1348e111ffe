"""What a deal with a lead is worth if it is won, and how much that is to be expected of it: from the deals won before.

Worth is told by the median, since a few huge deals say nothing of the usual one; everything is reckoned on logarithms, on
which deals that differ by the same factor differ by the same amount. Sums of two currencies are never added up.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scorer.core.decay import DAY_MS
from scorer.core.learned import Chance

MIN_DEALS: Final = 6
"""Of fewer, not even the least and the greatest enclose the true median 19 times in 20."""
PRIOR_YEARS: Final = 5.0
"""Customer-years without a further purchase that are added to those seen: one customer who comes back is no habit."""
YEAR_MS: Final = 365.25 * DAY_MS
LEVELS: Final[tuple[tuple[str, ...], ...]] = (
    ("topic", "size", "grade"),
    ("topic", "size"),
    ("topic", "grade"),
    ("size", "grade"),
    ("topic",),
    ("size",),
    ("grade",),
)
"""By what deals are parted, the finest first; of equally fine ones first by what is bought, then by whom."""


class Traits(msgspec.Struct, frozen=True):
    """What deals are parted by; ``None`` where it isn't known."""

    topic: str | None = None
    """The lead's greatest interest."""
    size: str | None = None
    """The band of the company's number of employees."""
    grade: str | None = None
    """How well it fits the customers looked for."""


class Deal(msgspec.Struct, frozen=True):
    """A deal that was won."""

    customer: str
    """The same for deals with one company, or with one lead that is of none."""
    at: int
    """Milliseconds since 1970 UTC."""
    value: float | None = None
    currency: str = ""
    traits: Traits = Traits()


class Worth(msgspec.Struct, frozen=True):
    """What deals are usually worth."""

    median: float
    low: float | None
    """The true median lies between the two 19 times in 20; ``None`` for fewer than six deals."""
    high: float | None
    deals: int


class Repeats(msgspec.Struct, frozen=True):
    """How often customers buy again."""

    customers: int
    again: int
    """Of them, those who have bought more than once."""
    purchases: int
    """Further ones, of all."""
    a_year: float
    """Further purchases to be expected of a customer within a year."""


class ValueModel(msgspec.Struct, frozen=True):
    """What a site's deals are worth, in the currency that most of them are in."""

    currency: str
    """Empty where none was told."""
    whole: Worth
    """Of all deals."""
    parts: dict[str, Worth]
    """Of deals that have traits in common, by ``key``; drawn towards the whole."""
    others: dict[str, int]
    """Deals in other currencies, which have no part in this."""
    repeats: Repeats | None
    """``None`` while nobody has bought again."""


class ExpectedValue(msgspec.Struct, frozen=True):
    """What may come of a lead."""

    amount: Annotated[float | None, Meta(description="Chance times what is usual; null while no chance can be told.")]
    low: Annotated[float | None, Meta(description="Between low and high 19 times in 20; null where that can't be told.")]
    high: float | None
    currency: Annotated[str, Meta(description="Of most of the site's deals; empty where none was told.")]
    if_won: Annotated[float, Meta(description="The median value of deals like it.")]
    if_won_low: Annotated[float | None, Meta(description="The interval of if_won; null with fewer than six deals.")]
    if_won_high: float | None
    deals: Annotated[int, Meta(description="How many deals if_won is told from.")]
    alike_in: Annotated[
        tuple[str, ...],
        Meta(description="What these deals have in common with the lead: topic, size, grade. Empty: nothing."),
    ]
    chance: Annotated[float | None, Meta(description="Of a win within the site's horizon, from 0 to 1.")]
    lifetime: Annotated[
        float | None,
        Meta(description="If won, with the further purchases of a year; null while no customer has bought again."),
    ]


class ExpectedSum(msgspec.Struct, frozen=True):
    """What may come of several leads together."""

    amount: float
    low: Annotated[
        float | None,
        Meta(description="As if all were wrong in the same direction, as they are where the model is; null: can't be told."),
    ]
    high: float | None
    currency: str
    leads: Annotated[int, Meta(description="How many of them have an expected value.")]


def one_a_day(deals: Iterable[Deal]) -> list[Deal]:
    """Return deals without those that the customer's next one follows within a day: that is one deal, told again.

    >>> [deal.value for deal in one_a_day([Deal("a", 0, 5.0), Deal("a", 1000, 6.0)])]
    [6.0]
    """
    of: dict[str, list[Deal]] = defaultdict(list)
    for deal in sorted(deals, key=lambda one: (one.customer, one.at, one.value or 0.0)):
        of[deal.customer].append(deal)
    kept = []
    for mine in of.values():
        kept += [one for one, following in pairwise(mine) if following.at - one.at >= DAY_MS]
        kept.append(mine[-1])
    return kept


def value_model(deals: Iterable[Deal], now_ms: int) -> ValueModel | None:
    """Return what deals are worth; ``None`` without one that has a value.

    A value of 0 or below (a gift, a refund) says nothing of what deals are worth and doesn't count. The currency is that of
    most deals, of several the first in the alphabet.
    """
    told = one_a_day(deals)
    valued = [deal for deal in told if deal.value is not None and math.isfinite(deal.value) and deal.value > 0]
    if not valued:
        return None
    number = Counter(deal.currency for deal in valued)
    currency = min(number, key=lambda name: (-number[name], name))
    mine = [(deal.traits, math.log(deal.value or 1.0)) for deal in valued if deal.currency == currency]
    whole = worth([value for _, value in mine])
    return ValueModel(
        currency=currency,
        whole=whole,
        parts={name: part for level in LEVELS for name, part in _parts(level, mine, whole)},
        others={name: count for name, count in sorted(number.items()) if name != currency},
        repeats=repeats(told, now_ms),
    )


def worth(logs: Sequence[float]) -> Worth:
    """Return the median of values given by their logarithms, one at least, and its interval of 95 %.

    The interval reaches from one value to another, and holds whatever the distribution. Source: David and Nagaraja, "Order
    Statistics", 3rd edition, 2003, section 7.1.
    """
    ordered = sorted(logs)
    ends = _rank(len(ordered))
    low, high = (None, None) if ends is None else (math.exp(ordered[ends]), math.exp(ordered[-1 - ends]))
    return Worth(math.exp(median(ordered)), low, high, len(ordered))


def repeats(deals: Iterable[Deal], now_ms: int) -> Repeats | None:
    """Return how often customers buy again; ``None`` while nobody has.

    Further purchases are taken for a Poisson process of the same rate for all: their number over the years since each
    customer's first purchase, drawn towards none by ``PRIOR_YEARS``. That is the mean of the gamma posterior (Gelman and
    others, "Bayesian Data Analysis", 3rd edition, 2013, section 2.6).
    """
    times: dict[str, list[int]] = defaultdict(list)
    for deal in deals:
        times[deal.customer].append(deal.at)
    further = sum(len(mine) - 1 for mine in times.values())
    if not further:
        return None
    years = sum(max(0, now_ms - min(mine)) for mine in times.values()) / YEAR_MS
    again = sum(len(mine) > 1 for mine in times.values())
    return Repeats(len(times), again, further, further / (years + PRIOR_YEARS))


def worth_of(model: ValueModel, traits: Traits) -> tuple[Worth, tuple[str, ...]]:
    """Return what a deal with such a lead is worth, and by which traits: the finest part that there is, else the whole."""
    for level in LEVELS:
        name = key(level, traits)
        part = model.parts.get(name) if name else None
        if part is not None:
            return part, level
    return model.whole, ()


def expected(model: ValueModel, traits: Traits, chance: Chance | None) -> ExpectedValue:
    """Return what may come of a lead with these traits and this chance; ``None``: nobody knows the chance.

    The errors of chance and worth have nothing to do with each other, so on the scale of logarithms the distances to the
    ends add up by their squares. Source: Zou and Donner, "Construction of confidence limits about effect measures: a general
    approach", Statistics in Medicine 27, 2008.

    >>> deals = [Deal(name, 0, 100.0, "EUR") for name in "abcdef"]
    >>> told = expected(value_model(deals, 0), Traits(), Chance(0.2, 0.1, 0.4, 90, False))
    >>> round(told.amount), round(told.low), round(told.high), told.currency
    (20, 10, 40, 'EUR')
    """
    deal, by = worth_of(model, traits)
    lifetime = None if model.repeats is None else deal.median * (1 + model.repeats.a_year)
    told = None if chance is None else chance.value * deal.median
    low = high = None
    if chance is not None and told is not None and deal.low is not None and deal.high is not None:
        low = _away(told, (chance.value, chance.low), (deal.median, deal.low))
        high = _away(told, (chance.value, chance.high), (deal.median, deal.high))
    return ExpectedValue(
        amount=told,
        low=low,
        high=high,
        currency=model.currency,
        if_won=deal.median,
        if_won_low=deal.low,
        if_won_high=deal.high,
        deals=deal.deals,
        alike_in=by,
        chance=None if chance is None else chance.value,
        lifetime=lifetime,
    )


def added_up(values: Iterable[ExpectedValue | None]) -> ExpectedSum | None:
    """Return what may come of leads of one site together; ``None`` where no value is expected of any."""
    some = [one for one in values if one is not None and one.amount is not None]
    if not some:
        return None
    lows, highs = ([getattr(one, name) for one in some] for name in ("low", "high"))
    low, high = (None if None in ends else math.fsum(ends) for ends in (lows, highs))
    return ExpectedSum(math.fsum(one.amount or 0.0 for one in some), low, high, some[0].currency, len(some))


def key(level: Sequence[str], traits: Traits) -> str:
    """Return the name of the part that a lead is in; empty where one of the traits isn't known.

    >>> key(("topic", "size"), Traits("pumps", "51-200"))
    'topic=pumps size=51-200'
    """
    values = [getattr(traits, name) for name in level]
    return " ".join(f"{name}={value}" for name, value in zip(level, values, strict=True)) if all(values) else ""


def _parts(level: Sequence[str], deals: Sequence[tuple[Traits, float]], whole: Worth) -> Iterable[tuple[str, Worth]]:
    """Yield the parts of a level that have enough deals, drawn towards the whole by n / (n + k).

    k is how much deals of one part differ among themselves against how much parts differ, each as a variance: the
    credibility of Bühlmann, "Experience Rating and Credibility", ASTIN Bulletin 4, 1967, with the estimates of Bühlmann and
    Gisler, "A Course in Credibility Theory", 2005, section 4.8. Where parts differ no more than by chance, there are none.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for traits, value in deals:
        if name := key(level, traits):
            found[name].append(value)
    k = _credibility(found)
    if k is None:
        return
    for name, logs in sorted(found.items()):
        if len(logs) >= MIN_DEALS:
            yield name, _drawn(worth(logs), whole, len(logs) / (len(logs) + k))


def _credibility(parts: Mapping[str, Sequence[float]]) -> float | None:
    sizes = [len(logs) for logs in parts.values()]
    number = sum(sizes)
    if len(sizes) < 2 or number <= len(sizes):
        return None
    means = [fmean(logs) for logs in parts.values()]
    overall = math.fsum(math.fsum(logs) for logs in parts.values()) / number
    apart = math.fsum(size * (mean - overall) ** 2 for size, mean in zip(sizes, means, strict=True))
    squares = ((value - mean) ** 2 for logs, mean in zip(parts.values(), means, strict=True) for value in logs)
    within = math.fsum(squares) / (number - len(sizes))
    between = (apart - (len(sizes) - 1) * within) / (number - sum(size * size for size in sizes) / number)
    # What rounding leaves of nothing is nothing.
    return within / between if between > 1e-9 else None


def _drawn(part: Worth, whole: Worth, weight: float) -> Worth:
    """Both ends are drawn as the middle is: too wide rather than too narrow, as if the two erred together."""

    def mixed(one: float, other: float) -> float:
        return math.exp(weight * math.log(one) + (1 - weight) * math.log(other))

    middle = mixed(part.median, whole.median)
    if part.low is None or part.high is None or whole.low is None or whole.high is None:
        return Worth(middle, None, None, part.deals)
    return Worth(middle, mixed(part.low, whole.low), mixed(part.high, whole.high), part.deals)


def _away(middle: float, *ends: tuple[float, float]) -> float:
    """Where a product ends, from where each factor is and ends."""
    if any(not end or not at for at, end in ends):
        return 0.0
    logs = [math.log(end / at) for at, end in ends]
    distance = math.sqrt(math.fsum(one * one for one in logs))
    return middle * math.exp(math.copysign(distance, math.fsum(logs)))


def _rank(number: int) -> int | None:
    """Return how many values on each side lie outside the median's interval; ``None``: there is no interval."""
    # In whole numbers: of 2^n equally likely ways to lie above or below, less than one in forty may be past each end.
    ways, past, rank = 1, 0, 0
    while 40 * (past + ways) <= 2**number:
        past += ways
        rank += 1
        ways = ways * (number - rank + 1) // rank
    return rank - 1 if rank else None
