"""Shares with intervals: known values, and what must hold of every pair of counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.proportions import Rate, rate

# Wilson's interval without continuity correction, as R's binom::binom.wilson and statsmodels give it.
KNOWN = {(0, 10): (0.0, 0.27753), (1, 10): (0.01788, 0.40415), (5, 10): (0.23659, 0.76341), (10, 10): (0.72247, 1.0)}


@pytest.mark.parametrize(("counts", "bounds"), KNOWN.items())
def test_the_bounds_are_those_of_other_programs(counts: tuple[int, int], bounds: tuple[float, float]) -> None:
    found = rate(*counts)
    assert (found.low, found.high) == pytest.approx(bounds, abs=1e-5)


def test_of_none_nothing_is_said() -> None:
    assert rate(0, 0) == Rate(0, 0, None, None, None)


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3), (1, 0)])
def test_what_is_no_share_is_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is no share"):
        rate(*counts)


@given(st.integers(1, 10**9).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_share_lies_within_its_bounds_and_the_rest_is_their_mirror(counts: tuple[int, int]) -> None:
    found, rest = rate(*counts), rate(counts[1] - counts[0], counts[1])
    assert found.low is not None
    assert found.rate is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert found.low < found.high
    assert rest.low == pytest.approx(1 - found.high, abs=1e-12)


@given(st.integers(0, 50), st.integers(1, 50))
def test_more_of_the_same_narrows_the_interval(count: int, more: int) -> None:
    few, many = rate(count, count + more), rate(10 * count, 10 * (count + more))
    assert None not in (few.low, few.high, many.low, many.high)
    assert many.high - many.low < few.high - few.low  # type: ignore[operator]
