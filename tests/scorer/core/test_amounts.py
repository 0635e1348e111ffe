"""Numbers as people write them, and what a range leaves open."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.amounts import Amount, amount_of

WRITTEN = {
    "51-200": (51, 200),
    "51–200 employees": (51, 200),
    "201 to 500": (201, 500),
    "50 bis 200": (50, 200),
    "from 50 to 200": (50, 200),
    "1,000+": (1000, None),
    "10,001+ employees": (10_001, None),
    ">= 500": (500, None),
    "more than 500": (500, None),
    "up to 50": (0, 50),
    "<50": (0, 50),
    "ca. 250 Mitarbeiter": (250, 250),
    "100-499人": (100, 499),
    "200至500人": (200, 500),
    "五百人以上": (500, None),
    "千人以上": (1000, None),
    "1000人及以上": (1000, None),
    "１０００＋": (1000, None),
    "少于50人": (0, 50),
    "一千二百": (1200, 1200),
    "二十": (20, 20),
    "二〇二六": (2026, 2026),
    "一亿五千万": (150_000_000, 150_000_000),
    "50k": (50_000, 50_000),
    "€ 50,000": (50_000, 50_000),
    "50.000 €": (50_000, 50_000),
    "1'000'000 CHF": (1_000_000, 1_000_000),
    "1 000\u202f000": (1_000_000, 1_000_000),
    "10.000,50": (10_000.5, 10_000.5),
    "10,000.50": (10_000.5, 10_000.5),
    "0.125": (0.125, 0.125),
    "1,5 Mio EUR": (1_500_000, 1_500_000),
    "5万": (50_000, 50_000),
    "1.5万元": (15_000, 15_000),
    "3百万": (3_000_000, 3_000_000),
    "10-50万": (100_000, 500_000),
    "$50k - $100k": (50_000, 100_000),
    "500-1k": (500, 1000),
}


@pytest.mark.parametrize(("text", "amount"), WRITTEN.items())
def test_written_numbers_are_read(text: str, amount: tuple[float, float | None]) -> None:
    assert amount_of(text) == amount


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "n/a",
            "-5",
            "1.2.3",
            "1.2,3.4",
            "Q3 2026",
            "2026-05",
            "200-51",
            "5 man",
            "999999999999999",
            "亿" * 12,
            "1" * 61,
        ),
        *(True, None, [], {}, [5], {"min": 5}, -1, 10**400, float("nan"), float("inf")),
    ],
)
def test_what_is_not_clearly_an_amount_is_none(value: Any) -> None:
    assert amount_of(value) is None


@given(st.integers(0, 10**13))
def test_a_whole_number_is_read_as_it_is_written(number: int) -> None:
    assert amount_of(number) == amount_of(str(number)) == amount_of(f"{number:,}") == (number, number)
    assert amount_of(str(Amount(number, number))) == (number, number)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_range_written_out_is_read_back(low: int, more: int) -> None:
    assert amount_of(str(Amount(low, low + more))) == (low, low + more)
    assert amount_of(str(Amount(low, None))) == (low, None)


@given(st.text("0123456789.,' -+<>k人万五百约min to", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    amount = amount_of(text)
    assert amount is None or (amount.low >= 0 and (amount.high is None or amount.high >= amount.low))


@pytest.mark.parametrize(
    ("amount", "at_least", "at_most", "within"),
    [
        (Amount(51, 200), 51, 200, True),
        (Amount(51, 200), 50, None, True),
        (Amount(51, 200), 100, None, None),
        (Amount(51, 200), 201, None, False),
        (Amount(51, 200), None, 50, False),
        (Amount(51, 200), None, 100, None),
        (Amount(1000, None), 500, None, True),
        (Amount(1000, None), 2000, None, None),
        (Amount(1000, None), None, 5000, None),
        (Amount(1000, None), None, 999, False),
        (Amount(5, 5), 5, 5, True),
    ],
)
def test_a_range_that_only_partly_fits_leaves_it_open(
    amount: Amount, at_least: float | None, at_most: float | None, within: bool | None
) -> None:
    assert amount.within(at_least, at_most) is within


def test_a_hostile_text_takes_no_time() -> None:
    began = time.perf_counter()
    for text in ("约" * 60, "+" * 59 + "x", "1 " * 30, "1" + "bis " * 14, "1-" + "bis " * 14 + "x", "名员工" * 20, "<" * 60):
        assert amount_of(text) is None or text.startswith("1")
    assert time.perf_counter() - began < 0.1
