"""Fields of what CRMs tell: read from untrusted JSON into what they mean, or refused with a reason from a closed list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any, Final, Literal

from scorer.core.labels import Label
from scorer.core.one_line import one_line
from tracker.core.admission import FUTURE_TOLERANCE_MS
from tracker.core.lead_rows import read_amount, read_time

Refused = Literal[
    "not_an_object",
    "identity_missing",
    "lead_unknown",
    "outcome_missing",
    "outcome_unknown",
    "value_invalid",
    "currency_invalid",
    "time_invalid",
    "time_future",
    "text_invalid",
    "id_invalid",
]
REFUSED: Final[Mapping[Refused, Label]] = {
    "not_an_object": Label("A row is a JSON object.", "每一行须为 JSON 对象。"),
    "identity_missing": Label(
        "Nothing says whose deal it is: a lead's id, a user's id or an e-mail address.",
        "没有说明是谁的交易：需要线索编号、用户编号或电子邮箱。",
    ),
    "lead_unknown": Label("No lead of the site is known by that.", "站点中没有与之对应的线索。"),
    "outcome_missing": Label("Nothing says what became of it.", "没有说明结果。"),
    "outcome_unknown": Label(
        "The outcome is none of won, lost, junk, not_now, contacted, open.",
        "结果须为 won、lost、junk、not_now、contacted、open 之一。",
    ),
    "value_invalid": Label("The value is no number from 0 to below 10^15.", "金额须为 0 至 10^15 之间的数字。"),
    "currency_invalid": Label("A currency is three letters, such as EUR.", "币种为三个字母，如 EUR。"),
    "time_invalid": Label("The time can't be read, or is before 1990.", "时间无法识别，或早于 1990 年。"),
    "time_future": Label("The time is more than five minutes from now.", "时间晚于现在五分钟以上。"),
    "text_invalid": Label("A text is expected there.", "该处须为文本。"),
    "id_invalid": Label(
        "An id is a text or a whole number of 1 to 200 characters.", "编号须为 1 至 200 个字符的文本或整数。"
    ),
}
"""Why a row doesn't count. ``lead_unknown`` is for whoever looks leads up."""

VALUE_BELOW: Final = 1e15
LONGEST_REASON: Final = 500
LONGEST_ID: Final = 200
_LONGEST_TIME: Final = 40
_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]{1,200}@[^@\s]{1,255}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class Refusal(Exception):
    """Carries the reason out of the field that can't be read to whoever reads the row."""

    def __init__(self, reason: Refused, field: str = "") -> None:
        super().__init__(reason)
        self.reason: Refused = reason
        self.field = field


def first_of(row: Mapping[str, Any], names: Iterable[str]) -> tuple[str, Any]:
    """Return the first of these fields that says something, with its name; ``None`` for none."""
    return next(((name, row[name]) for name in names if row.get(name) not in (None, "")), ("", None))


def is_true(value: Any) -> bool:
    """Whether a flag is set, which some write as a text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def read_text(row: Mapping[str, Any], names: Iterable[str], limit: int) -> str:
    """Return the first of these texts, on one line; empty for none."""
    name, value = first_of(row, names)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal("text_invalid", name)
    return one_line(value, limit)


def read_id(value: Any, field: str) -> str:
    """Return an id, which may be a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else ""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_ID or not value.isprintable():
        raise Refusal("id_invalid", field)
    return value.strip()


def read_id_text(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first of these ids; empty for none."""
    name, value = first_of(row, names)
    return "" if value is None else read_id(value, name)


def read_email(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return an address in lower case; empty for none, and for what is none: an id may tell whose the deal is anyway."""
    found = read_text(row, names, 320).strip().lower()
    return found if _EMAIL.fullmatch(found) else ""


def read_value(row: Mapping[str, Any], names: Iterable[str]) -> float | None:
    """Return the first of these sums; ``None`` for none."""
    name, value = first_of(row, names)
    if value is None:
        return None
    number: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) < VALUE_BELOW else None
    elif isinstance(value, str) and len(value) <= _LONGEST_TIME:
        plain = value.strip()
        # As programs write numbers; else as people do, where a point before three digits may mean two things.
        amount = None if _DECIMAL.fullmatch(plain) else read_amount(plain)
        number = float(plain) if _DECIMAL.fullmatch(plain) else float(amount.value) if amount else None
    if number is None or not 0 <= number < VALUE_BELOW:
        raise Refusal("value_invalid", name)
    return number


def read_currency(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first of these currencies, by ISO 4217; empty for none."""
    name, value = first_of(row, names)
    if value is None:
        return ""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value.strip().upper()):
        raise Refusal("currency_invalid", name)
    return value.strip().upper()


def told_time(
    row: Mapping[str, Any], names: Iterable[str], now_ms: int, zone: tzinfo, *, planned: bool = False
) -> int | None:
    """Return a time, now at the latest; ``None`` where none is given. A *planned* one that is to come counts as now."""
    name, value = first_of(row, names)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**14:
        value = str(int(value))
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        raise Refusal("time_invalid", name)
    moment = read_time(value, zone)
    if isinstance(moment, str):
        raise Refusal("time_invalid", name)
    if moment.at > now_ms + FUTURE_TOLERANCE_MS and not planned:
        raise Refusal("time_future", name)
    return min(moment.at, now_ms)
