"""How a segment's filter is read from plain data, and all that may be wrong with it, each with its place and reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

import msgspec

from scorer.core.labels import Problem
from scorer.core.segment import (
    FIELDS,
    MARKS,
    MAX_ALL_VALUES,
    MAX_CONDITIONS,
    MAX_LEVELS,
    MAX_NUMBER,
    MAX_TEXT,
    MAX_VALUES,
    MAX_WITHIN_DAYS,
    MEASURES,
    SCORES,
    AllOf,
    AnyOf,
    Condition,
    Field,
    Not,
    Segment,
    Test,
    Window,
)

MAX_NAME: Final = 100
_TESTS: Final[tuple[Test, ...]] = get_args(Test)
_BOUNDS: Final = ("at_least", "at_most")
_COMBINED: Final = ("all", "any", "not")
_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, of which PostgreSQL refuses NUL, and halves of characters, which can't be written as UTF-8."""
_SHOWN: Final = 60
"""Characters of what was given that a message repeats."""


class SegmentError(ValueError):
    """A filter can't be used; ``problems`` says why, all at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def parse(data: object) -> Segment:
    """Read a filter from plain data (what ``json.loads`` gives).

    Raises ``SegmentError`` with every problem ``lint`` finds.

    >>> parse({"field": "tier", "is": "hot"}).is_
    'hot'
    """
    problems = lint(data)
    if problems:
        raise SegmentError(problems)
    return _read(data)


def lint(data: object) -> list[Problem]:
    """All that is wrong with a filter given as plain data; an empty list for one that can be saved.

    >>> [str(problem) for problem in lint({"all": [{"field": "colour", "is": "red"}]})]
    ["all[0].field: there is no field 'colour'"]
    """
    problems = list(_lint(data, "", 1))
    conditions = list(_conditions(data, 1))
    if len(conditions) > MAX_CONDITIONS:
        problems.append(
            Problem(
                "$",
                f"at most {MAX_CONDITIONS} conditions in all, not {len(conditions)}",
                f"总共最多 {MAX_CONDITIONS} 个条件，而不是 {len(conditions)} 个",
            )
        )
    given = [value for one in conditions for key, value in one.items() if key in _TESTS]
    values = sum(len(value) if isinstance(value, list) else 1 for value in given)
    if values > MAX_ALL_VALUES:
        problems.append(
            Problem(
                "$",
                f"at most {MAX_ALL_VALUES} values in all, not {values}",
                f"总共最多 {MAX_ALL_VALUES} 个值，而不是 {values} 个",
            )
        )
    return problems


def lint_name(name: str) -> list[Problem]:
    """All that is wrong with the name of a segment."""
    problems = []
    if not 0 < len(name) <= MAX_NAME:
        problems.append(
            Problem(
                "name",
                f"must have from 1 to {MAX_NAME} characters, not {len(name)}",
                f"须有 1 到 {MAX_NAME} 个字符，而不是 {len(name)} 个",
            )
        )
    if _UNFIT.search(name):
        problems.append(_unfit("name"))
    return problems


def _read(data: Any) -> Segment:
    if "field" in data:
        return msgspec.convert(data, Condition)
    if "within_days" in data:
        return msgspec.convert(data, Window)
    if "not" in data:
        return Not(_read(data["not"]))
    if "all" in data:
        return AllOf(tuple(_read(part) for part in data["all"]))
    return AnyOf(tuple(_read(part) for part in data["any"]))


def _conditions(data: object, depth: int) -> Iterator[dict[Any, Any]]:
    if not isinstance(data, dict) or depth > MAX_LEVELS + 1:
        return
    if "field" in data or "within_days" in data:
        yield data
        return
    parts = [part for key in ("all", "any") if isinstance(data.get(key), list) for part in data[key]]
    for part in (*parts, data.get("not")):
        yield from _conditions(part, depth + 1)


def _lint(data: object, path: str, depth: int) -> Iterator[Problem]:
    if not isinstance(data, dict):
        yield Problem(
            path or "$",
            "must be an object: a condition, or one with all, any or not",
            "须为对象：一个条件，或带有 all、any 或 not 的对象",
        )
    elif "field" in data:
        yield from _lint_condition(data, path)
    elif "within_days" in data or any(name in data for name in MEASURES):
        yield from _lint_window(data, path)
    elif len(data) != 1 or next(iter(data)) not in _COMBINED:
        given = [name for name in _COMBINED if name in data]
        unfit = [_shown(name) for name in data if name not in _COMBINED]
        why, zh = (_at_once(given), _at_once_zh(given)) if given else ("is empty", "为空")
        if unfit:
            why, zh = f"there is no {', '.join(unfit[:5])} here", f"此处不能有 {', '.join(unfit[:5])}"
        yield Problem(
            path or "$",
            f"{why}; it has one of all, any and not, or a field, or within_days",
            f"{zh}；须有 all、any、not 之一，或 field，或 within_days",
        )
    elif depth > MAX_LEVELS:
        yield Problem(path or "$", f"at most {MAX_LEVELS} levels deep", f"最多嵌套 {MAX_LEVELS} 层")
    elif "not" in data:
        yield from _lint(data["not"], _below(path, "not"), depth + 1)
    else:
        key, parts = next(iter(data.items()))
        yield from _lint_parts(parts, _below(path, key), depth)


def _lint_parts(parts: object, path: str, depth: int) -> Iterator[Problem]:
    if not isinstance(parts, list):
        yield Problem(path, "must be a list", "须为列表")
    elif not parts:
        yield Problem(path, "must not be empty", "不能为空")
    elif len(parts) > MAX_CONDITIONS:
        yield Problem(
            path, f"at most {MAX_CONDITIONS}, not {len(parts)}", f"最多 {MAX_CONDITIONS} 个，而不是 {len(parts)} 个"
        )
    else:
        for index, part in enumerate(parts):
            yield from _lint(part, f"{path}[{index}]", depth + 1)


def _lint_condition(data: dict[Any, Any], path: str) -> Iterator[Problem]:
    name = data["field"]
    for key in data:
        if key != "field" and key not in _TESTS:
            yield Problem(
                path or "$",
                f"there is no test {_shown(key)}; it is one of {', '.join(_TESTS)}",
                f"没有检验方式 {_shown(key)}；可用的有 {', '.join(_TESTS)}",
            )
    field = FIELDS.get(name) if isinstance(name, str) else None
    if field is None:
        yield Problem(_below(path, "field"), f"there is no field {_shown(name)}", f"没有字段 {_shown(name)}")
        return
    tests = [test for test in _TESTS if test in data]
    if not tests:
        possible = ", ".join(field.tests)
        yield Problem(path or "$", f"needs a test; {name} takes {possible}", f"缺少检验方式；{name} 可用 {possible}")
    elif len(tests) > 1 and not set(tests) <= set(_BOUNDS):
        yield _make_two(path, tests)
    for test in tests:
        if test not in field.tests:
            possible = ", ".join(field.tests)
            yield Problem(
                _below(path, test),
                f"{name} can't be tested by {test}; it takes {possible}",
                f"{name} 不能用 {test} 检验；可用的有 {possible}",
            )
        else:
            yield from _lint_value(name, field, test, data[test], _below(path, test))
    yield from _lint_order(data, path)


def _lint_value(name: str, field: Field, test: Test, value: object, path: str) -> Iterator[Problem]:
    if test == "known":
        if not isinstance(value, bool):
            yield Problem(path, "must be true or false", "须为 true 或 false")
    elif test in _BOUNDS:
        yield from _lint_number(value, path, below=100 if name in SCORES else None)
    elif isinstance(value, str) and test != "in":
        yield from _lint_text(name, field, test, value, path)
    elif not isinstance(value, list) or test in ("is", "contains"):
        must = {"in": ("a list of texts", "文本列表"), "not": ("a text or a list of texts", "文本或文本列表")}
        en, zh = must.get(test, ("a text", "文本"))
        yield Problem(path, f"must be {en}", f"须为{zh}")
    elif not value:
        yield Problem(path, "must not be empty", "不能为空")
    elif len(value) > MAX_VALUES:
        yield Problem(
            path, f"at most {MAX_VALUES} texts, not {len(value)}", f"最多 {MAX_VALUES} 个文本，而不是 {len(value)} 个"
        )
    else:
        for index, one in enumerate(value):
            if isinstance(one, str):
                yield from _lint_text(name, field, test, one, f"{path}[{index}]")
            else:
                yield Problem(f"{path}[{index}]", "must be a text", "须为文本")


def _lint_text(name: str, field: Field, test: Test, text: str, path: str) -> Iterator[Problem]:
    if field.choices:
        if text not in field.choices:
            choices = ", ".join(field.choices)
            yield Problem(
                path,
                f"there is no {name} {_shown(text)}; it is one of {choices}",
                f"{name} 没有 {_shown(text)} 这个值；可用的有 {choices}",
            )
    elif len(text) > MAX_TEXT:
        yield Problem(
            path, f"at most {MAX_TEXT} characters, not {len(text)}", f"最多 {MAX_TEXT} 个字符，而不是 {len(text)} 个"
        )
    elif _UNFIT.search(text):
        yield _unfit(path)
    elif not text.strip() and "known" in field.tests:
        yield Problem(
            path,
            "must not be empty; known: false asks for what isn't known",
            "不能为空；要查未知的，请用 known: false",
        )
    elif not text.strip():
        yield Problem(path, "must not be empty", "不能为空")
    elif test == "contains" and all(letter in MARKS or letter.isspace() for letter in text):
        yield Problem(path, "needs a letter or digit", "须含有字母或数字")
    elif name == "email_domain" and "@" in text:
        yield Problem(path, "is what follows the @, without it", "须为 @ 之后的部分，不含 @")
    elif name == "topic" and " " in text.strip():
        yield Problem(path, "is the id of a topic, which has no spaces", "须为主题的 id，其中没有空格")


def _lint_number(value: Any, path: str, below: float | None = None) -> Iterator[Problem]:
    if not _is_number(value):
        yield Problem(path, "must be a number", "须为数字")
    elif below is not None and not 0 <= value < below:
        yield Problem(
            path,
            f"must be from 0 to below {below:g}, not {_shown(value)}",
            f"须不小于 0 且小于 {below:g}，而不是 {_shown(value)}",
        )
    elif not 0 <= value <= MAX_NUMBER:
        yield Problem(
            path,
            f"must be from 0 to {MAX_NUMBER:g}, not {_shown(value)}",
            f"须在 0 到 {MAX_NUMBER:g} 之间，而不是 {_shown(value)}",
        )


def _lint_order(data: dict[Any, Any], path: str) -> Iterator[Problem]:
    least: Any = data.get("at_least")
    most: Any = data.get("at_most")
    if _is_number(least) and _is_number(most) and least > most:
        yield Problem(path or "$", "at_least must not be above at_most", "at_least 不得大于 at_most")


def _lint_window(data: dict[Any, Any], path: str) -> Iterator[Problem]:
    given = [name for name in MEASURES if name in data]
    for key in data:
        if key != "within_days" and key not in MEASURES:
            yield Problem(
                path or "$",
                f"a window has no {_shown(key)}; it has one of {', '.join(MEASURES)}",
                f"时间窗口没有 {_shown(key)}；可用的有 {', '.join(MEASURES)}",
            )
    if "within_days" not in data:
        yield Problem(
            path or "$",
            f"{given[0]} needs within_days, or is asked for as a field",
            f"{given[0]} 需要 within_days，或作为 field 查询",
        )
    else:
        days, here = data["within_days"], _below(path, "within_days")
        if not _is_number(days):
            yield Problem(here, "must be a number", "须为数字")
        elif not 0 < days <= MAX_WITHIN_DAYS:
            yield Problem(
                here,
                f"must be above 0 and at most {MAX_WITHIN_DAYS}, not {_shown(days)}",
                f"须大于 0 且不超过 {MAX_WITHIN_DAYS}，而不是 {_shown(days)}",
            )
    if not given:
        measures = ", ".join(MEASURES)
        yield Problem(path or "$", f"within_days needs one of {measures}", f"within_days 需要 {measures} 之一")
    elif len(given) > 1:
        yield _make_two(path, given)
    for name in given:
        yield from _lint_bounds(data[name], _below(path, name))


def _lint_bounds(data: object, path: str) -> Iterator[Problem]:
    if not isinstance(data, dict) or not data:
        yield Problem(path, "must be an object with at_least or at_most", "须为带有 at_least 或 at_most 的对象")
        return
    for key, value in data.items():
        if key not in _BOUNDS:
            yield Problem(
                path,
                f"there is no {_shown(key)} here; it takes at_least and at_most",
                f"此处不能有 {_shown(key)}；可用的有 at_least 和 at_most",
            )
        else:
            yield from _lint_number(value, _below(path, key))
    yield from _lint_order(data, path)


def _unfit(path: str) -> Problem:
    return Problem(path, "must not have control characters in it", "不能含有控制字符")


def _make_two(path: str, given: Sequence[str]) -> Problem:
    return Problem(path or "$", f"{_at_once(given)}; make it two conditions", f"{_at_once_zh(given)}；请写成两个条件")


def _at_once(given: Sequence[str]) -> str:
    return f"has {' and '.join(given)} at once"


def _at_once_zh(given: Sequence[str]) -> str:
    return f"同时有 {' 和 '.join(given)}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(given: object) -> str:
    if isinstance(given, bool | str):
        return repr(given)[:_SHOWN]
    return f"{given:.6g}" if isinstance(given, float) else str(given)[:_SHOWN]


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
