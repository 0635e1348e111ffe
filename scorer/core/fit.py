"""How well a lead fits the customers a site is looking for: a grade from A to D, and the reasons for it.

With the weights *w* of the criteria whose answer is known, ``share = Σ w of those that match / Σ w of those known``. The
grade is the best whose limit the share reaches. Unknown criteria are in neither sum, so they neither help nor hurt; where
too little is known there is no grade, and no grade multiplies by 1. The weights are added up exactly, so that the order
of the criteria decides nothing.

A grade and its multiplier stand beside the score, never in it: heat times a constant keeps its order as it fades.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from scorer.core.amounts import Amount, amount_of
from scorer.core.globs import Globs, folded
from scorer.core.labels import Label, Language, Patterns, Problem, already_taken, lint_id, lint_patterns, listed, pick
from scorer.core.profile import MAX_TEXT, Profile, texts_of, trait_of
from scorer.core.regions import country_label, country_names, country_of_name
from scorer.core.titles import BUYING_ROLES, IN_WORDS, ROLES, SENIORITIES

Grade = Literal["A", "B", "C", "D"]
Verdict = Literal["match", "mismatch", "unknown"]

TRAIT = "trait:"
"""Before the name of any other trait: ``trait:plan``; ``trait:company.plan`` is one of the company."""
AMOUNTS = ("employees", "budget")
FIELDS = (
    *("industry", "employees", "role", "seniority", "buying_role", "country", "region", "budget", "need"),
    *("company_domain", "email_domain"),
)
MAX_CRITERIA = 100
MAX_WEIGHT = 1000
MAX_MULTIPLIER = 100
_CLOSED: dict[str, tuple[str, ...]] = {"role": ROLES, "seniority": SENIORITIES, "buying_role": BUYING_ROLES}
_ROUNDING = 1e-9
"""A share so little below a limit has reached it: nine times 0.05 of twelve times 0.05 are 0.7499… in doubles."""


class Criterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that good customers have in common: either ``values``, or bounds."""

    id: str
    label: Label
    field: str
    """One of ``FIELDS``, or ``trait:`` and a name."""
    values: Patterns | None = None
    """Globs, of which one has to match. Case doesn't matter; of countries, neither do code and language."""
    at_least: float | None = None
    """For ``employees``, ``budget`` and traits; the bound itself fits."""
    at_most: float | None = None
    weight: float = 1.0
    """Above 0, up to 1,000."""
    required: bool = False
    """Whether a mismatch makes the grade D, whatever else is known."""


class Grades(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Shares from which a grade is given; below ``C`` it is D."""

    A: float = 0.75
    B: float = 0.5
    C: float = 0.25


class Multipliers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What heat is multiplied by for the order in which leads are called. Without a grade it is 1: unknown is not cold."""

    A: float = 1.5
    B: float = 1.2
    C: float = 0.8
    D: float = 0.4


class IdealCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The customers a site is looking for."""

    criteria: list[Criterion]
    grades: Grades = Grades()
    multipliers: Multipliers = Multipliers()
    min_known: float = 0.3
    """Share of the weight that must be known before there is a grade, 0 to 1."""


class FitReason(msgspec.Struct, frozen=True):
    """How a lead meets one criterion."""

    criterion: str
    verdict: Verdict
    value: str
    """What is known, up to ``MAX_TEXT`` characters: countries by code, roles by name. Empty when nothing is known."""


class Fit(msgspec.Struct, frozen=True):
    """How well a lead fits."""

    grade: Grade | None = None
    """``None`` without an ideal customer, and while too little is known."""
    share: float | None = None
    """Weight that matches of the weight known, 0 to 1; ``None`` when nothing is known."""
    multiplier: float = 1.0
    reasons: tuple[FitReason, ...] = ()
    """One a criterion, in the order of the card."""


def judge(ideal: IdealCustomer | None, profile: Profile) -> Fit:
    """Return how well a lead fits the ideal customer; no grade and a multiplier of 1 without one.

    A required criterion that is known not to match makes it a D at once, even where too little else is known for a grade.

    >>> ideal = IdealCustomer([Criterion("industry", Label("Industry"), "industry", values=["*machin*"])])
    >>> judge(ideal, Profile(industry="Machinery")).grade, judge(ideal, Profile()).grade
    ('A', None)
    """
    if ideal is None or not ideal.criteria:
        return Fit()
    reasons = tuple(_reason(criterion, profile) for criterion in ideal.criteria)
    judged = list(zip(ideal.criteria, reasons, strict=True))
    matched = math.fsum(criterion.weight for criterion, reason in judged if reason.verdict == "match")
    known = math.fsum(criterion.weight for criterion, reason in judged if reason.verdict != "unknown")
    share = matched / known if known else None
    grade: Grade | None = None
    if any(criterion.required and reason.verdict == "mismatch" for criterion, reason in judged):
        grade = "D"
    elif share is not None and known >= ideal.min_known * math.fsum(one.weight for one in ideal.criteria) - _ROUNDING:
        grade = _grade(ideal.grades, share)
    return Fit(grade, share, getattr(ideal.multipliers, grade) if grade else 1.0, reasons)


def least_multiplier(ideal: IdealCustomer | None) -> float:
    """Return the least that any grade multiplies by: no priority is below this times its heat."""
    if ideal is None:
        return 1.0
    given = ideal.multipliers
    return min(1.0, given.A, given.B, given.C, given.D)


def fit_text(ideal: IdealCustomer, reason: FitReason, language: Language = "en") -> str:
    """A reason in words. A criterion that isn't on the card goes by its id.

    >>> ideal = IdealCustomer([Criterion("industry", Label("Industry", "行业"), "industry", values="机械")])
    >>> fit_text(ideal, FitReason("industry", "match", "机械"), "zh")
    '行业：机械，符合'
    """
    criterion = next((one for one in ideal.criteria if one.id == reason.criterion), None)
    label = pick(criterion.label, language) if criterion else reason.criterion
    value = reason.value
    if criterion and criterion.field == "country":
        value = country_label(value, language)
    elif criterion and criterion.field in _CLOSED and value in IN_WORDS:
        value = pick(IN_WORDS[value], language)
    sentence = _SENTENCES[reason.verdict] if value else _NOTHING_KNOWN
    return pick(sentence, language).format(label=label, value=value)


def lint_fit(section: IdealCustomer) -> Iterator[Problem]:
    """All that is wrong with the section ``fit`` of a card."""
    if not section.criteria:
        yield Problem("fit.criteria", "an ideal customer needs at least one criterion", "理想客户至少需要一条标准")
    if len(section.criteria) > MAX_CRITERIA:
        count = len(section.criteria)
        yield Problem("fit.criteria", f"at most {MAX_CRITERIA}, not {count}", f"最多 {MAX_CRITERIA} 条，而不是 {count} 条")
        return
    seen: set[str] = set()
    for index, criterion in enumerate(section.criteria):
        path = f"fit.criteria[{index}]"
        yield from lint_id(path, criterion.id)
        if criterion.id in seen:
            yield already_taken(path, criterion.id)
        seen.add(criterion.id)
        yield from _lint_criterion(path, criterion)
    grades, multipliers = section.grades, section.multipliers
    if not 1 >= grades.A > grades.B > grades.C > 0:
        told = "shares must fall from A to C, above 0 and at most 1", "比例须从 A 到 C 递减，大于 0 且不超过 1"
        yield Problem("fit.grades", *told)
    if not MAX_MULTIPLIER >= multipliers.A >= multipliers.B >= multipliers.C >= multipliers.D > 0:
        yield Problem(
            "fit.multipliers",
            f"must not rise from A to D, above 0 and at most {MAX_MULTIPLIER}",
            f"从 A 到 D 不得递增，须大于 0 且不超过 {MAX_MULTIPLIER}",
        )
    if not 0 <= section.min_known <= 1:
        known = section.min_known
        yield Problem("fit.min_known", f"must be from 0 to 1, not {known:g}", f"须在 0 到 1 之间，而不是 {known:g}")


_SENTENCES: dict[Verdict, Label] = {
    "match": Label("{label}: {value}, fits", "{label}：{value}，符合"),
    "mismatch": Label("{label}: {value}, doesn't fit", "{label}：{value}，不符合"),
    "unknown": Label("{label}: {value}, too vague to tell", "{label}：{value}，尚无法判断"),
}
_NOTHING_KNOWN = Label("{label}: not known", "{label}：未知")


def _grade(grades: Grades, share: float) -> Grade:
    reached = share + _ROUNDING
    return "A" if reached >= grades.A else "B" if reached >= grades.B else "C" if reached >= grades.C else "D"


def _reason(criterion: Criterion, profile: Profile) -> FitReason:
    field = criterion.field
    if criterion.values is None:
        amount = _amount(field, profile)
        if amount is None:
            return FitReason(criterion.id, "unknown", "")
        fits = amount.within(criterion.at_least, criterion.at_most)
        verdict: Verdict = "unknown" if fits is None else "match" if fits else "mismatch"
        return FitReason(criterion.id, verdict, str(amount))
    told = _told(field, profile)
    if not told:
        return FitReason(criterion.id, "unknown", "")
    patterns = listed(criterion.values)
    wanted = _globs(tuple(country_of_name(one) for one in patterns) if field == "country" else tuple(patterns))
    seen = country_names(told[0]) if field == "country" else told
    matches = any(wanted(folded(text)) for text in seen)
    return FitReason(criterion.id, "match" if matches else "mismatch", ", ".join(told)[:MAX_TEXT])


def _amount(field: str, profile: Profile) -> Amount | None:
    if field == "employees":
        return profile.employees
    if field == "budget":
        return profile.budget
    return amount_of(trait_of(profile.user_traits, field.removeprefix(TRAIT)))


def _told(field: str, profile: Profile) -> tuple[str, ...]:
    """What is known of a field; nothing when it is empty or unknown."""
    if field.startswith(TRAIT):
        return texts_of(trait_of(profile.user_traits, field.removeprefix(TRAIT)))
    value = getattr(profile, field)
    if isinstance(value, tuple):
        return value
    return (value,) if value not in ("", "unknown") else ()


@lru_cache(maxsize=2048)
def _globs(patterns: tuple[str, ...]) -> Globs:
    return Globs(patterns)


def _lint_criterion(path: str, criterion: Criterion) -> Iterator[Problem]:
    field, bounds = criterion.field, (criterion.at_least, criterion.at_most)
    if not (field in FIELDS or (field.startswith(TRAIT) and field != TRAIT)):
        fields = ", ".join(FIELDS)
        yield Problem(
            f"{path}.field",
            f"there is no field {field!r}; it is one of {fields}, or {TRAIT}<name>",
            f"没有字段 {field!r}；可用的有 {fields}，或 {TRAIT}<名称>",
        )
        return
    if not (math.isfinite(criterion.weight) and 0 < criterion.weight <= MAX_WEIGHT):
        weight = criterion.weight
        yield Problem(
            f"{path}.weight",
            f"must be above 0 and at most {MAX_WEIGHT}, not {weight:g}",
            f"须大于 0 且不超过 {MAX_WEIGHT}，而不是 {weight:g}",
        )
    if (criterion.values is not None) == (bounds != (None, None)):
        told = "a criterion has either values, or at_least or at_most", "一条标准要么有 values，要么有 at_least 或 at_most"
        yield Problem(path, *told)
        return
    if criterion.values is not None:
        if field in AMOUNTS:
            yield Problem(
                f"{path}.values",
                f"{field} is a number: use at_least and at_most",
                f"{field} 是数字：请用 at_least 和 at_most",
            )
            return
        patterns = listed(criterion.values)
        yield from lint_patterns(f"{path}.values", patterns)
        closed = [word for word in _CLOSED.get(field, ()) if word != "unknown"]
        for pattern in patterns:
            if closed and pattern and not any(Globs([pattern])(word) for word in closed):
                yield Problem(
                    f"{path}.values",
                    f"there is no {field} {pattern!r}; it is one of {', '.join(closed)}",
                    f"没有 {field} {pattern!r}；可用的有 {', '.join(closed)}",
                )
        return
    if field not in AMOUNTS and not field.startswith(TRAIT):
        yield Problem(path, f"{field} is no number: use values", f"{field} 不是数字：请用 values")
    if not all(bound is None or (math.isfinite(bound) and bound >= 0) for bound in bounds):
        yield Problem(path, "bounds must be numbers from 0", "界限须为不小于 0 的数字")
    elif criterion.at_least is not None and criterion.at_most is not None and criterion.at_least > criterion.at_most:
        yield Problem(f"{path}.at_most", "must not be below at_least", "不得小于 at_least")
