"""What no person does is noticed, whatever the order in which it arrives; what people and imports do is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.core.events import PAGE_ENGAGED, Event
from tracker.core.impossible import BURST_VIEWS, UNREAD_VIEWS, Pace, viewed
from tracker.core.visits import VisitorState, fold

SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
START = 20_000 * DAY


def day_of(at: int) -> int:
    return at // DAY


def page(number: int, at: int, *, with_view: bool = True) -> Event:
    view_id = f"view-{number}" if with_view else ""
    return Event(number.to_bytes(16, "big"), START + at, "page", url="https://shop.example/", view_id=view_id)


def engaged(number: int, at: int, view: int, engaged_ms: int = 1_000) -> Event:
    id = (10**6 + number).to_bytes(16, "big")
    return Event(id, START + at, "track", PAGE_ENGAGED, view_id=f"view-{view}", engaged_ms=engaged_ms)


def state_of(events: list[Event]) -> VisitorState:
    result = fold(events, None, day_of)
    assert result is not None
    return result.state


def suspicion(events: list[Event]) -> str:
    return state_of(events).pace.suspicion


@given(st.integers(0, 10_000), st.lists(st.integers(0, 9_999), min_size=100, max_size=110))
def test_a_hundred_pages_within_ten_seconds_are_always_noticed(begun: int, at: list[int]) -> None:
    pace = Pace()
    for one in sorted(at):
        pace = viewed(pace, START + begun + one)
    assert pace.suspicion == "burst"


@given(st.lists(st.integers(0, DAY), max_size=BURST_VIEWS - 1))
def test_fewer_than_fifty_pages_are_never_a_burst(at: list[int]) -> None:
    pace = Pace()
    for one in sorted(at):
        pace = viewed(pace, one)
    assert pace.suspicion == ""


def test_somebody_who_opens_many_tabs_and_clicks_fast_is_a_person() -> None:
    tabs = [page(number, number * 20) for number in range(30)]
    clicks = [page(100 + number, MINUTE + number * SECOND) for number in range(160)]
    assert suspicion([*tabs, *clicks]) == ""


@pytest.mark.parametrize(("views", "expected"), [(UNREAD_VIEWS - 1, ""), (UNREAD_VIEWS, "unread")])
def test_a_day_of_pages_that_nobody_reads_is_a_robot(views: int, expected: str) -> None:
    assert suspicion([page(number, number * MINUTE) for number in range(views)]) == expected


def test_a_second_of_reading_makes_a_person_also_if_it_is_told_late() -> None:
    views = [page(number, number * MINUTE) for number in range(UNREAD_VIEWS + 50)]
    read = engaged(1, 5 * MINUTE + 1, 5)
    assert suspicion([*views, read]) == ""
    state = state_of(views)
    assert fold([read], state, day_of) is None  # so that the caller folds all of it
    assert suspicion([*views, engaged(1, DAY, 5)]) == "unread"  # it was over the line before


def test_each_day_is_judged_by_itself() -> None:
    half = UNREAD_VIEWS // 2
    assert suspicion([page(number, number // half * DAY + number * 20 * SECOND) for number in range(3 * half)]) == ""


def test_who_was_a_robot_once_stays_one() -> None:
    burst = [page(number, number * 100) for number in range(100)]
    later = [page(200, DAY), engaged(1, DAY + MINUTE, 200, 50_000)]
    assert suspicion([*burst, *later]) == "burst"


def test_imports_without_views_are_judged_by_neither_rule() -> None:
    assert suspicion([page(number, number % 100, with_view=False) for number in range(2_000)]) == ""


@settings(max_examples=60)
@given(st.data())
def test_in_whatever_parts_and_order_events_come_the_judgement_is_the_same(data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.sampled_from([0, 30, 150, 2_000, 40 * MINUTE]), min_size=60, max_size=260))
    read_at = data.draw(st.sets(st.integers(0, len(steps) - 1), max_size=2))
    events, at = [], 0
    for number, step in enumerate(steps):
        at += step
        events.append(page(number, at))
        if number in read_at:
            events.append(engaged(number, at + 1, number))
    arriving = data.draw(st.permutations(range(4)))
    size = -(-len(events) // 4)
    state, seen = None, []
    for part in arriving:
        more = events[part * size : (part + 1) * size]
        seen += more
        if not more:
            continue
        result = fold(more, state, day_of)
        state = state_of(seen) if result is None else result.state
    assert state is not None
    assert state.pace == state_of(events).pace
