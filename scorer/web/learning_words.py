"""What training has found out, in sentences for people who sell: how sure it is, and what it would have meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from scorer.core.formats import count_text, duration_text
from scorer.core.labels import Label, Language, pick
from scorer.core.learned import ENOUGH, Figure, Judged, Judgement, Learned, Suspect, Weight
from scorer.web.translations import translations

Tone = Literal["good", "info", "warm"]


class VerdictWords(msgspec.Struct, frozen=True):
    """What came of a training, in short."""

    tone: Tone
    headline: str
    about: str
    """What stands behind it; empty where there was nothing to judge by."""


class WeightWords(msgspec.Struct, frozen=True):
    """What was learned of a rule, ready to be shown."""

    text: str
    before: float
    after: float
    leads: int
    coefficient: float


def verdict_words(learned: Learned, language: Language) -> VerdictWords:
    """Return the verdict in a sentence that needs no statistics, and in one with the figures behind it."""
    _ = translations(language).gettext
    about = _compared(learned.judgement, language)
    if learned.verdict == "better":
        headline = _("This card would have ranked buyers higher than yours, and chance alone does not explain it.")
        return VerdictWords("good", headline, about)
    if learned.verdict == "no_better":
        headline = _("No better than your card: what differs may be chance.")
        return VerdictWords("info", headline, about)
    headline = _("Advice only: {wins} won and {losses} not won so far, of {enough} each that a verdict needs.")
    told = headline.format(wins=count_text(learned.wins), losses=count_text(learned.losses), enough=ENOUGH)
    return VerdictWords("warm", told, about)


def _compared(judgement: Judgement | None, language: Language) -> str:
    """How often each card would have put the buyer first, of a hundred pairs."""
    _ = translations(language).gettext
    proposal, current = (judged(judgement, name) for name in ("proposal", "current"))
    if proposal is None or current is None or proposal.auc.value is None or current.auc.value is None:
        return ""
    told = _(
        "Of 100 pairs of a lead that bought and one that didn't, it puts the buyer first in {proposal}, your card in "
        "{current}."
    )
    return told.format(proposal=round(100 * proposal.auc.value), current=round(100 * current.auc.value))


def judged(judgement: Judgement | None, name: str) -> Judged | None:
    """Return how well one ranking did; ``None`` where it wasn't judged."""
    return next((one for one in judgement.by_time if one.name == name), None) if judgement is not None else None


def buyers_called(judgement: Judgement) -> list[tuple[str, float]]:
    """Return, of the calls of an average week by each ranking, how many reach somebody who buys.

    That is calls times the share of buyers among those called, which is the lift times the share among all; no more than
    there are calls.
    """
    return [
        (one.name, min(float(judgement.capacity), judgement.capacity * one.lift.value * judgement.base_rate))
        for one in judgement.by_time
        if one.lift.value is not None
    ]


def called_words(judgement: Judgement, language: Language) -> str:
    """Return what the proposal means for a week's calls, in people; empty where that isn't known."""
    _ = translations(language).gettext
    found = dict(buyers_called(judgement))
    if "proposal" not in found or "current" not in found:
        return ""
    told = _("Of {calls} calls a week, {proposal} reach a buyer instead of {current}.")
    return told.format(
        calls=count_text(judgement.capacity),
        proposal=count_text(found["proposal"], 1),
        current=count_text(found["current"], 1),
    )


def interval_words(figure: Figure, language: Language, digits: int = 2) -> str:
    """Return a figure with its interval for those who don't see it drawn."""
    _ = translations(language).gettext
    if figure.value is None:
        return _("nothing to judge by yet")
    if figure.low is None or figure.high is None:
        return count_text(figure.value, digits)
    told = _("{value}; 19 times in 20 between {low} and {high}")
    return told.format(
        value=count_text(figure.value, digits), low=count_text(figure.low, digits), high=count_text(figure.high, digits)
    )


def weight_words(weights: Iterable[Weight], bodies: Iterable[dict[str, Any]], language: Language) -> list[WeightWords]:
    """Return the weights with the names of their rules, as in the first of the cards that has the rule; those that earn most
    first."""
    names = _names(bodies)
    told = [
        WeightWords(_named(names, one.rule, one.bucket, language), one.before, one.after, one.leads, one.coefficient)
        for one in weights
    ]
    return sorted(told, key=lambda one: (-one.after, -one.before, one.text))


def suspect_words(suspect: Suspect, bodies: Iterable[dict[str, Any]], language: Language) -> str:
    """Return why a feature is suspected, and what the model is without it."""
    _ = translations(language).gettext
    rule, _colon, bucket = suspect.feature.partition(":")
    name = _named(_names(bodies), rule, int(bucket) if bucket.isdecimal() else None, language)
    told = _(
        "“{name}” alone tells buyers from others almost perfectly ({alone} of 100 pairs). That is often something written "
        "down after sales knew the answer. With it the card is right in {with_it} of 100 pairs, without it in {without_it}."
    )
    return told.format(
        name=name,
        alone=round(100 * suspect.auc),
        with_it=round(100 * suspect.with_it),
        without_it=round(100 * suspect.without_it),
    )


def _names(bodies: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for body in bodies:
        for rule in body.get("rules", []):
            found.setdefault(rule["id"], rule)
    return found


def _named(names: dict[str, dict[str, Any]], rule: str, bucket: int | None, language: Language) -> str:
    """A rule by its name, a bucket with its time; what is on no card goes by its id."""
    _ = translations(language).gettext
    if rule not in names:
        return rule if bucket is None else f"{rule}:{bucket}"
    name = pick(msgspec.convert(names[rule]["label"], Label), language)
    buckets = names[rule].get("buckets", [])
    if bucket is None or bucket >= len(buckets):
        return name
    return _("{rule}, from {time}").format(rule=name, time=duration_text(buckets[bucket][0], language))
