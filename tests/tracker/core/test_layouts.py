"""Layouts: where a visitor's events go before and after a raise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.core.entries import partition_of
from tracker.core.layouts import following, numbers_of, partition_count, predecessors, slot_of

counts = st.integers(1, 60)


@given(counts, counts, st.integers(0, 3), st.text(max_size=8))
def test_a_partition_has_every_partition_before_it_that_a_visitor_of_it_was_in(
    count: int, next_count: int, epoch: int, visitor: str
) -> None:
    before = epoch * 100_000 + count
    after = following(before, next_count)
    was, now = partition_of(7, visitor, before), partition_of(7, visitor, after)
    assert was in numbers_of(before)
    assert now in numbers_of(after)
    assert was in predecessors(now, before, after)


@given(counts, st.integers(2, 5))
def test_a_multiple_has_one_partition_before_each(count: int, times: int) -> None:
    after = following(count, times * count)
    assert all(len(predecessors(number, count, after)) == 1 for number in numbers_of(after))


@given(counts, st.integers(1, 20))
def test_a_slot_serves_the_same_indexes_in_every_layout(count: int, slots: int) -> None:
    after = following(count, count)
    assert partition_count(after) == count
    mine, theirs = ([slot_of(number, slots) for number in numbers_of(layout)] for layout in (count, after))
    assert mine == theirs
