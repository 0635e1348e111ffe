"""Why leads are lost: what is offered to choose from, and the same reason told in different words counted as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scorer.core.labels import Label, Language, pick
from scorer.core.one_line import one_line
from scorer.core.proportions import Rate, rate

DEFAULTS: Final = (
    Label("Price", "价格"),
    Label("Timing", "时机不对"),
    Label("Competitor", "选择了竞争对手"),
    Label("No budget", "没有预算"),
    Label("No need", "没有需求"),
    Label("Unreachable", "联系不上"),
)
"""What is offered where a site has no list of its own."""
SHOWN_AT_MOST: Final = 30
_ALSO: Final = {"竞争对手": "competitor", "时机": "timing", "无预算": "no budget", "无需求": "no need"}
"""Other ways to say one of ``DEFAULTS``."""
_COLONS: Final = (":", "：")


class Lost(msgspec.Struct, frozen=True):
    """A lead that is lost."""

    reason: str
    """As told; empty where nobody said."""
    value: float | None
    currency: str


class LossReason(msgspec.Struct, frozen=True):
    """One reason, with the leads that were lost for it."""

    reason: Annotated[str | None, Meta(description="Null: nobody said why.")]
    lost: Rate
    value: Annotated[dict[str, float], Meta(description="Sum of what was lost by currency, of those that tell a value.")]


class Losses(msgspec.Struct, frozen=True):
    """Lost leads by reason, most first."""

    lost: int
    reasons: Annotated[list[LossReason], Meta(description="The first thirty.")]
    others: Annotated[int, Meta(description="Leads lost for reasons that are not listed.")]


def offered(own: Sequence[str], language: Language) -> tuple[str, ...]:
    """Return the reasons to choose from: the site's *own*, else the shipped ones in the reader's language.

    >>> offered(("Too far",), "en"), offered((), "zh")[0]
    (('Too far',), '价格')
    """
    return tuple(own) or tuple(pick(label, language) for label in DEFAULTS)


def joined(choice: str, words: str, language: Language) -> str:
    """Return a chosen reason and what somebody says about it as one text, which ``losses`` counts under the choice.

    >>> joined("Price", "20 % over budget", "en"), joined("", "moved away", "en"), joined("价格", "太贵", "zh")
    ('Price: 20 % over budget', 'moved away', '价格：太贵')
    """
    said, choice = words.strip(), choice.strip()
    return (f"{choice}：{said}" if language == "zh" else f"{choice}: {said}") if choice and said else choice or said


def losses(lost: Iterable[Lost], own: Sequence[str], language: Language) -> Losses:
    """Return lost leads by reason. One of the site's *own* or of the shipped reasons is known in any case, in both
    languages, and with something said behind a colon; any other text is a reason of its own.

    >>> found = losses([Lost("price: 20 % over", 9.0, "EUR"), Lost("价格", 1.0, "EUR"), Lost("", None, "")], (), "en")
    >>> [(one.reason, one.lost.count, one.value) for one in found.reasons]
    [('Price', 2, {'EUR': 10.0}), (None, 1, {})]
    """
    names = _known(own, language)
    counts: dict[str, int] = defaultdict(int)
    values: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    shown: dict[str, str] = {}
    for one in lost:
        key, name = _named(one.reason, names)
        # Of several spellings the same one is shown, whichever lead comes first.
        shown[key] = min(shown.get(key, name), name)
        counts[key] += 1
        if one.value is not None:
            values[key][one.currency] += one.value
    whole = sum(counts.values())
    ranked = sorted(counts, key=lambda key: (-counts[key], not key, key))
    reasons = [
        LossReason(shown[key] or None, rate(counts[key], whole), dict(sorted(values[key].items())))
        for key in ranked[:SHOWN_AT_MOST]
    ]
    return Losses(whole, reasons, sum(counts[key] for key in ranked[SHOWN_AT_MOST:]))


def _known(own: Sequence[str], language: Language) -> dict[str, str]:
    """The reasons that are known, by their folded spellings."""
    names = {_folded(text): pick(label, language) for label in DEFAULTS for text in (label.en, label.zh)}
    names |= {_folded(other): names[meant] for other, meant in _ALSO.items()}
    return names | {_folded(text): text for text in own}


def _named(reason: str, names: dict[str, str]) -> tuple[str, str]:
    """What a reason is counted under, and its name."""
    line = one_line(reason)
    folded = _folded(line)
    heads = [folded[: folded.index(colon)].strip() for colon in _COLONS if colon in folded]
    for spelling in (folded, *heads):
        if spelling in names:
            key = _folded(names[spelling])
            return key, names.get(key, names[spelling])
    return folded, line


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
