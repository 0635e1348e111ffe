"""Values that won leads have more often than lost ones, and that the ideal customer doesn't ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from statistics import NormalDist
from typing import Final

import msgspec

from scorer.core.amounts import Amount
from scorer.core.fit import Criterion, IdealCustomer, judge
from scorer.core.fit_evidence import LEAST_LEADS, Bucket, Decided, as_weight, log_odds
from scorer.core.globs import folded
from scorer.core.labels import Label
from scorer.core.learned import Figure
from scorer.core.profile import Profile
from scorer.core.regions import country_label
from scorer.core.titles import IN_WORDS

LEAST_WINS: Final = 5
"""Wins that a value needs before it is suggested."""
SUGGESTED_AT_MOST: Final = 12
BANDS: Final = ((None, 10), (11, 50), (51, 250), (251, 1000), (1001, None))
"""Sizes of companies, in employees."""
FIELDS: Final = ("industry", "role", "seniority", "buying_role", "country", "region", "need")
"""Fields whose values are tried, besides the bands of ``employees``."""
_NAMES: Final[dict[str, Label]] = {
    "industry": Label("Industry: {}", "行业：{}"),
    "employees": Label("Employees: {}", "员工数：{}"),
    "role": Label("Function: {}", "职能：{}"),
    "seniority": Label("Rank: {}", "职级：{}"),
    "buying_role": Label("Part in the purchase: {}", "采购角色：{}"),
    "country": Label("Country: {}", "国家：{}"),
    "region": Label("Region: {}", "地区：{}"),
    "need": Label("Need: {}", "需求：{}"),
}
_LONGEST_ID: Final = 60
_LONGEST_VALUE: Final = 100


class Suggestion(msgspec.Struct, frozen=True):
    """A value that wins have more often than losses, and that no criterion asks for."""

    criterion: Criterion
    """As it would stand on the card."""
    having: Bucket
    others: Bucket
    """Leads known to have another value."""
    log_odds: Figure
    """Its interval is as wide as the number of values tried demands: of twenty reports one names a value by chance."""


def suggest(ideal: IdealCustomer | None, leads: Sequence[Decided], per_unit: float) -> tuple[tuple[Suggestion, ...], int]:
    """Return the values that *leads* speak for and that *ideal* doesn't ask for, the surest first, ``SUGGESTED_AT_MOST`` at
    most; and how many values were common enough to be looked at. A unit of log odds weighs *per_unit*."""
    known: dict[str, list[int]] = {}
    having: dict[tuple[str, str], list[int]] = {}
    shown: dict[tuple[str, str], str] = {}
    for lead in leads:
        for field in (*FIELDS, "employees"):
            values = _values(field, lead.profile)
            if values:
                known.setdefault(field, [0, 0])[not lead.won] += 1
            for key, text in values.items():
                having.setdefault((field, key), [0, 0])[not lead.won] += 1
                shown[field, key] = min(text, shown.get((field, key), text))
    common = {
        name: mine
        for name, mine in having.items()
        if mine[0] >= LEAST_WINS and LEAST_LEADS <= sum(mine) <= sum(known[name[0]]) - LEAST_LEADS
    }
    if not common:
        return (), 0
    # One-sided in effect: only what wins have more often is suggested.
    z = NormalDist().inv_cdf(1 - 0.025 / len(common))
    taken = {one.id for one in ideal.criteria} if ideal is not None else set()
    found = []
    for (field, key), (won, lost) in sorted(common.items()):
        mine, others = Bucket(won, lost), Bucket(known[field][0] - won, known[field][1] - lost)
        odds = log_odds(mine, others, z)
        if odds.low is None or odds.low <= 0 or _is_asked_for(ideal, field, key, shown[field, key]):
            continue
        criterion = _criterion(field, key, shown[field, key], as_weight(per_unit * (odds.value or 0.0)), taken)
        taken.add(criterion.id)
        found.append(Suggestion(criterion, mine, others, odds))
    found.sort(key=lambda one: (-(one.log_odds.low or 0.0), one.criterion.id))
    return tuple(found[:SUGGESTED_AT_MOST]), len(common)


def _values(field: str, profile: Profile) -> dict[str, str]:
    """The values of a field by the key that is the same for the same one; nothing where it isn't known."""
    if field == "employees":
        for number, (low, high) in enumerate(BANDS):
            if profile.employees is not None and profile.employees.within(low, high):
                return {str(number): ""}
        return {}
    told = getattr(profile, field)
    texts = told if isinstance(told, tuple) else (told,) if told not in ("", "unknown") else ()
    # A star would be a pattern, and a value as long as a sentence is none that others have.
    return {folded(text): text for text in texts if "*" not in text and len(text) <= _LONGEST_VALUE}


def _is_asked_for(ideal: IdealCustomer | None, field: str, key: str, text: str) -> bool:
    """Whether a criterion asks for this value already, or for a size that shares leads with the band."""
    if ideal is None:
        return False
    mine = [one for one in ideal.criteria if one.field == field]
    if field == "employees":
        return bool(mine)
    profile = msgspec.structs.replace(Profile(), **{field: (text,) if field in ("region", "need") else text})
    return any(reason.verdict == "match" for reason in judge(IdealCustomer(mine), profile).reasons)


def _criterion(field: str, key: str, text: str, weight: float, taken: set[str]) -> Criterion:
    if field == "employees":
        low, high = BANDS[int(key)]
        words = str(Amount(low or 1, high))
        name = _free(f"{field}-{words}", taken)
        return Criterion(name, _label(field, words, words), field, at_least=low, at_most=high, weight=weight)
    name = _free(f"{field}-{key}", taken)
    return Criterion(name, _label(field, *_words(field, text)), field, values=[text], weight=weight)


def _free(text: str, taken: set[str]) -> str:
    """An id made of a text that no criterion has."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: _LONGEST_ID - 4].strip("-")
    numbered = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
    return next(name for name in numbered if name not in taken)


def _label(field: str, en: str, zh: str) -> Label:
    return Label(_NAMES[field].en.format(en), _NAMES[field].zh.format(zh))


def _words(field: str, text: str) -> tuple[str, str]:
    """A value as people read it, in English and Chinese."""
    if field == "country":
        return country_label(text, "en"), country_label(text, "zh")
    if field in ("role", "seniority", "buying_role") and text in IN_WORDS:
        return IN_WORDS[text].en, IN_WORDS[text].zh
    return text, text
