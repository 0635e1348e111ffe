"""A scorecard as a form edits it: fields by name, and what the fields make of a card. ``lint`` judges the result.

Fields of the whole card are named as in the card (``half_life_days``, ``hot.enter``), those of its rule number *n*
``rules[n].points`` and so on: the names that problems have for their places.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scorer.core.labels import Problem, listed
from scorer.core.scorecard import Behaviour

HEAD: Final = ("half_life_days", "p50", "hot.enter", "hot.leave_ratio", "hot.per_week", "warm")
MAIN_KEYS: Final[Mapping[Behaviour, str]] = {
    "page_view": "path",
    "download": "file",
    "link": "path",
    "form": "form",
    "event": "event",
    "mail_click": "campaign",
    "arrival": "channel",
}
"""What a rule of a behaviour is mostly about: the part of its match that the form edits."""
ADDED: Final[tuple[Behaviour, ...]] = ("page_view", "download", "form", "event", "mail_click", "link", "arrival")
"""Behaviours of which rules can be added by the form."""
_LONGEST: Final = 20_000
_NUMBER: Final = Problem("", "must be a number", "须为数字")
_BUCKET: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[:：]\s*(\d+(?:\.\d+)?)\s*")


def fields_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's fields for a card given as plain data.

    >>> card = {"hot": {"enter": 60}, "rules": [{"id": "a", "on": "form", "points": 12.0, "label": {"en": "A"}}]}
    >>> fields = fields_of(card)
    >>> fields["hot.enter"], fields["rules[0].points"], fields["rules[0].counts"]
    ('60', '12', 'yes')
    """
    name = body.get("name", {})
    fields = {"name.en": name.get("en", ""), "name.zh": name.get("zh", "")}
    fields |= {place: _shown(_at(body, place)) for place in HEAD}
    for number, rule in enumerate(body.get("rules", [])):
        before = f"rules[{number}]."
        label, match = rule.get("label", {}), rule.get("match", {})
        fields |= {before + "label.en": label.get("en", ""), before + "label.zh": label.get("zh", "")}
        fields |= {before + "cap_per_day": _shown(rule.get("cap_per_day", 3))}
        fields |= {before + "cap_total": _shown(rule.get("cap_total")), before + "stage": rule.get("stage") or ""}
        if rule["on"] == "dwell":
            fields[before + "buckets"] = ", ".join(f"{s:g}: {p:g}" for s, p in rule.get("buckets", []))
        else:
            fields[before + "points"] = _shown(rule.get("points", 0))
            fields[before + "counts"] = "yes" if rule.get("points", 0) else ""
        if rule["on"] in MAIN_KEYS:
            fields[before + "about"] = "\n".join(listed(match.get(MAIN_KEYS[rule["on"]])))
    return fields


def edited(body: Mapping[str, Any], form: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the card that a form makes of *body*, and which fields can't be read; what has no field stays as it is.

    A field that isn't in the form, or can't be read, leaves its part of the card alone; an unticked rule has 0 points.
    """
    made: dict[str, Any] = copy.deepcopy(dict(body))
    problems: list[Problem] = []
    for language in ("en", "zh"):
        _set_text(made.setdefault("name", {}), language, form.get(f"name.{language}"))
    for place in HEAD:
        _set_number(made, place, place, form, problems)
    for number, rule in enumerate(made.get("rules", [])):
        _edit_rule(rule, f"rules[{number}].", form, problems)
    return made, problems


def with_rule(body: Mapping[str, Any], on: Behaviour, about: str, english: str, chinese: str) -> dict[str, Any]:
    """Return a card with one more rule, of 1 point, at its end.

    >>> with_rule({"rules": []}, "page_view", "*/demo*", "Viewed the demo", "")["rules"]
    [{'id': 'rule_1', 'label': {'en': 'Viewed the demo'}, 'on': 'page_view', 'points': 1, 'match': {'path': ['*/demo*']}}]
    """
    rules = list(body.get("rules", []))
    taken = {rule.get("id") for rule in rules}
    free = next(f"rule_{number}" for number in range(len(rules) + 1, 2 * len(rules) + 3) if f"rule_{number}" not in taken)
    label = {"en": english} | ({"zh": chinese} if chinese else {})
    rule: dict[str, Any] = {"id": free, "label": label, "on": on, "points": 1}
    patterns = _lines(about)
    return {**body, "rules": [*rules, rule | ({"match": {MAIN_KEYS[on]: patterns}} if patterns else {})]}


def without_rule(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a card without its rule of this number, from 0; the same card where there is none."""
    rules = list(body.get("rules", []))
    return {**body, "rules": rules[:number] + rules[number + 1 :] if number >= 0 else rules}


def by_field(problems: list[Problem], fields: Mapping[str, str]) -> tuple[dict[str, Problem], list[Problem]]:
    """Return the problems that have a field, by it, and the others; of several of one field the first."""
    known: dict[str, Problem] = {}
    others = []
    for problem in problems:
        name = next((name for name in _fields_for(problem.path) if name in fields), None)
        if name is None:
            others.append(problem)
        else:
            known.setdefault(name, problem)
    return known, others


def _fields_for(path: str) -> Iterator[str]:
    """The fields that a problem's place may stand for."""
    yield path
    rule, dot, rest = path.partition("].")
    if dot and rule.startswith("rules["):
        part = rest.partition("[")[0].partition(".")[0]
        yield f"{rule}].{'about' if part == 'match' else 'label.en' if part == 'label' else part}"


def _edit_rule(rule: dict[str, Any], before: str, form: Mapping[str, str], problems: list[Problem]) -> None:
    for language in ("en", "zh"):
        _set_text(rule.setdefault("label", {}), language, form.get(f"{before}label.{language}"))
    _set_number(rule, "cap_per_day", before + "cap_per_day", form, problems, whole=True)
    _set_number(rule, "cap_total", before + "cap_total", form, problems, whole=True)
    if rule["on"] == "dwell":
        _set_buckets(rule, before + "buckets", form, problems)
    else:
        _set_number(rule, "points", before + "points", form, problems)
        # A tick that isn't set isn't sent: only a form that has the rule's points speaks of it.
        if before + "points" in form and before + "counts" not in form:
            rule["points"] = 0
    if before + "stage" in form:
        rule.pop("stage", None)
        rule |= {"stage": form[before + "stage"]} if form[before + "stage"] else {}
    key = MAIN_KEYS.get(rule["on"])
    if key is not None and before + "about" in form:
        _set_patterns(rule, key, _lines(form[before + "about"]))


def _set_patterns(rule: dict[str, Any], key: str, patterns: list[str]) -> None:
    match = dict(rule.get("match") or {})
    if patterns != listed(match.get(key)):
        match.pop(key, None)
        match |= {key: patterns} if patterns else {}
        rule["match"] = match


def _set_buckets(rule: dict[str, Any], name: str, form: Mapping[str, str], problems: list[Problem]) -> None:
    if name not in form:
        return
    parts = [_BUCKET.fullmatch(part) for part in re.split(r"[,，;\n]", form[name][:_LONGEST]) if part.strip()]
    if not all(parts):
        problems.append(Problem(name, "written like 10: 1, 60: 2", "须写成 10: 1, 60: 2 的形式"))
        return
    rule["buckets"] = [[_tidy(float(part[1])), _tidy(float(part[2]))] for part in parts if part]


def _set_number(
    data: dict[str, Any],
    place: str,
    name: str,
    form: Mapping[str, str],
    problems: list[Problem],
    *,
    whole: bool = False,
) -> None:
    if name not in form:
        return
    text = form[name].strip()
    outer, _, inner = place.rpartition(".")
    within = data.setdefault(outer, {}) if outer else data
    if not text and inner in ("per_week", "cap_total"):
        within.pop(inner, None)
        return
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e9:
        problems.append(Problem(name, _NUMBER.message, _NUMBER.zh))
    elif (whole or inner == "per_week") and value != int(value):
        problems.append(Problem(name, "must be a whole number", "须为整数"))
    else:
        within[inner] = _tidy(value)


def _set_text(label: dict[str, Any], language: str, text: str | None) -> None:
    if text is None:
        return
    tidy = " ".join(text[:_LONGEST].split())
    if language == "zh" and not tidy:
        label.pop("zh", None)
    else:
        label[language] = tidy


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text[:_LONGEST].splitlines() if line.strip()]


def _at(body: Mapping[str, Any], place: str) -> Any:
    outer, _, inner = place.rpartition(".")
    return (body.get(outer, {}) if outer else body).get(inner, _DEFAULTS.get(place))


_DEFAULTS: Final[Mapping[str, float]] = {"half_life_days": 14, "hot.leave_ratio": 0.7}


def _tidy(value: float) -> float:
    return int(value) if value == int(value) else value


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.10g}" if isinstance(value, int | float) else str(value)
