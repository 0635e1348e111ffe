"""Numbers as people write them: ``51-200``, ``1,000+``, ``€ 50.000``, ``50k``, ``5万``, ``五百人以上``."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

MAX_LENGTH: Final = 60
"""Characters of a text that may be a number; a longer one is prose."""
MAX_AMOUNT: Final = 1e13
"""A greater number is a mistake, or a telephone."""


class Amount(NamedTuple):
    """A number, or the range it lies in."""

    low: float
    high: float | None
    """The same as ``low`` when the number is exact; ``None`` for no upper end."""

    def within(self, at_least: float | None, at_most: float | None) -> bool | None:
        """Whether it lies within the bounds, ends included; ``None`` when only a part of the range does.

        >>> Amount(51, 200).within(50, None), Amount(51, 200).within(100, None), Amount(1000, None).within(None, 50)
        (True, None, False)
        """
        above = at_least is None or self.low >= at_least
        below = at_most is None or (self.high is not None and self.high <= at_most)
        if above and below:
            return True
        too_small = at_least is not None and self.high is not None and self.high < at_least
        too_great = at_most is not None and self.low > at_most
        return False if too_small or too_great else None

    def __str__(self) -> str:
        """``200``, ``51–200`` or ``1,000+``."""
        if self.high is None:
            return f"{_plain(self.low)}+"
        return _plain(self.low) if self.low == self.high else f"{_plain(self.low)}–{_plain(self.high)}"


_SCALES: Final = {
    **dict.fromkeys(("k", "thousand", "tsd", "tausend", "mille", "mil"), 1e3),
    **dict.fromkeys(("m", "mn", "mio", "million", "millions", "millionen", "millones"), 1e6),
    **dict.fromkeys(("bn", "billion", "billions", "mrd", "milliarden"), 1e9),
}
_HAN_DIGITS: Final = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}

_OVER: Final = (
    *("more than", "over", "at least", "from", "min", "minimum", "or more", "and more", "and above", "and up", "plus"),
    *("ab", "über", "mehr als", "mindestens", "plus de", "más de", ">=", ">", "≥", "+"),
    *("超过", "大于", "至少", "不少于", "以上", "及以上", "或以上", "多"),
)
_UNDER: Final = (
    *("up to", "under", "less than", "fewer than", "at most", "below", "max", "maximum", "or less", "or fewer"),
    *("bis", "bis zu", "unter", "weniger als", "höchstens", "moins de", "menos de", "<=", "<", "≤"),
    *("不到", "少于", "小于", "最多", "不超过", "以下", "及以下", "以内"),
)
_FILLING: Final = (
    *("employees", "employee", "people", "staff", "persons", "fte", "mitarbeiter", "mitarbeitende", "mitarbeitern"),
    *("beschäftigte", "salariés", "empleados", "employés", "人", "名", "员工", "左右"),
    *("about", "approx", "approximately", "around", "circa", "ca", "rund", "etwa", "~", "约", "大约", "."),
    *("eur", "euro", "euros", "usd", "gbp", "chf", "cny", "rmb", "jpy", "us", "dollar", "dollars"),
    *("€", "$", "£", "¥", "元", "人民币", "美元", "欧元"),
)


def _words(*lists: tuple[str, ...]) -> str:
    # A Latin word must not go on in letters: the "m" of "man" isn't a million.
    words = sorted((word for words in lists for word in words), key=len, reverse=True)
    return "|".join(re.escape(word) + (r"(?![a-zß-ɏ])" if re.match(r"[a-zß-ɏ]", word[-1]) else "") for word in words)


# No two words of these lists make up a third, so that a text splits into them in one way and backtracking stays short.
_AROUND: Final = rf"(?:\s|{_words(_OVER, _UNDER, _FILLING)})*"
_NUMBER: Final = (
    rf"(\d++(?:[.,' ]\d++)*+|[{''.join(_HAN_DIGITS)}十百千万亿]{{1,12}}+)"
    rf"\s*+({_words(tuple(_SCALES))}|[十百千万亿]{{1,4}}+)?+"
)
_AMOUNT: Final = re.compile(
    rf"(?P<before>{_AROUND}){_NUMBER}(?P<after>{_AROUND})(?:(?:-|–|—|~|to|bis|à|a|至|到){_AROUND}{_NUMBER}{_AROUND})?"
)
_IS_OVER: Final = re.compile(_words(_OVER))
_IS_UNDER: Final = re.compile(_words(_UNDER))


def amount_of(value: object) -> Amount | None:
    """The amount that a JSON value tells; ``None`` when it isn't clearly one, and for negative numbers.

    A point or comma before exactly three digits groups thousands, before others it is decimal. In ``10-50k`` the unit
    is meant for both ends. Currencies are read over: amounts are compared as they stand.

    >>> amount_of("€ 50.000"), amount_of("10-50万"), amount_of("五百人以上"), amount_of("Q3 2026")
    (Amount(low=50000.0, high=50000.0), Amount(low=100000.0, high=500000.0), Amount(low=500.0, high=None), None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Amount(float(value), float(value)) if 0 <= value <= MAX_AMOUNT else None
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return None
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", value).lower().replace("’", "'"))
    if not found:
        return None
    before, first, first_unit, after, second, second_unit = found.groups()
    low = _number(first, first_unit)
    if low is None:
        return None
    if second is None:
        if _IS_UNDER.search(before) or _IS_UNDER.search(after):
            return Amount(0.0, low)
        return Amount(low, None if _IS_OVER.search(before) or _IS_OVER.search(after) else low)
    high = _number(second, second_unit)
    if high is None:
        return None
    if second_unit and not first_unit:
        shared = _number(first, second_unit)
        low = shared if shared is not None and shared <= high else low
    return Amount(low, high) if low <= high else None


def _number(digits: str, unit: str | None) -> float | None:
    number = _decimal(digits) if digits[0].isdecimal() else float(_han(digits))
    if number is None:
        return None
    if unit:
        number *= _SCALES[unit] if unit in _SCALES else _han(unit)
    return number if number <= MAX_AMOUNT else None


def _decimal(text: str) -> float | None:
    """A number in digits; ``None`` when its marks make no sense (``1.2.3``)."""
    whole, fraction = text, ""
    marks = re.sub(r"\d", "", text)
    last = marks[-1:]
    if last in (".", ",") and marks.count(last) == 1:
        before, _, after = text.rpartition(last)
        if len(marks) > 1 or len(after) != 3 or before == "0" or len(before) > 3:
            whole, fraction = before, after
    first, *groups = re.split(r"[.,' ]", whole)
    if len(set(re.sub(r"\d", "", whole))) > 1 or any(len(group) != 3 for group in groups) or (groups and len(first) > 3):
        return None
    return float(f"{first + ''.join(groups)}.{fraction or 0}")


def _han(text: str) -> int:
    """A number in Chinese numerals; a scale without a digit counts once."""
    for scale in "亿万":
        before, found, after = text.rpartition(scale)
        if found:
            return (_han(before) or 1) * _HAN_SCALES[scale] + _han(after)
    if len(text) > 1 and not any(sign in _HAN_SCALES for sign in text):
        return int("".join(str(_HAN_DIGITS[sign]) for sign in text))
    total, digit = 0, 0
    for sign in text:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
        else:
            total, digit = total + (digit or 1) * _HAN_SCALES[sign], 0
    return total + digit


def _plain(number: float) -> str:
    return f"{number:,.2f}".rstrip("0").rstrip(".") if number % 1 else f"{number:,.0f}"
