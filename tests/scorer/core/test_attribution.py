"""Credit is divided by each model's convention, wholly, and whatever the order of arrival."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.attribution import MAX_TOUCHES, Attribution, Shares, Touch, attribution
from scorer.core.decay import DAY_MS
from tracker.core.channels import Channel

SEARCH = Touch(0, "search", "Google")
MAIL = Touch(7 * DAY_MS, "mail", "spring", "spring")
FAIR = Touch(14 * DAY_MS, "event", "Trade Fair Visited")
LATER = Touch(20 * DAY_MS, "direct")
EARLIER = Touch(-DAY_MS, "direct")

touches = st.builds(
    Touch,
    at=st.integers(-(2**53), 2**53) | st.integers(0, 60 * DAY_MS),
    channel=st.sampled_from(get_args(Channel)),
    name=st.sampled_from(["", "Google", "spring"]),
)


def shares(found: Attribution) -> list[tuple[float, float, float]]:
    return [
        (round(one.shares.linear, 6), round(one.shares.position_based, 6), round(one.shares.time_decay, 6))
        for one in found.touches
    ]


@pytest.mark.parametrize(
    ("given_touches", "expected"),
    [
        pytest.param([SEARCH], [(1, 1, 1)], id="one gets all"),
        pytest.param([LATER], [(1, 1, 1)], id="even a direct one"),
        pytest.param([SEARCH, MAIL], [(0.5, 0.5, 0.333333), (0.5, 0.5, 0.666667)], id="two"),
        pytest.param(
            [SEARCH, MAIL, FAIR],
            [(0.333333, 0.4, 0.142857), (0.333333, 0.2, 0.285714), (0.333333, 0.4, 0.571429)],
            id="three, each a half-life apart",
        ),
        pytest.param(
            [EARLIER, SEARCH, MAIL, LATER],
            [(0, 0, 0), (0.5, 0.5, 0.333333), (0.5, 0.5, 0.666667), (0, 0, 0)],
            id="direct ones get nothing, and the decay counts from the last that does",
        ),
        pytest.param([EARLIER, Touch(6 * DAY_MS, "direct")], [(0.5, 0.5, 0.333333), (0.5, 0.5, 0.666667)], id="only direct"),
        pytest.param([SEARCH, SEARCH], [(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)], id="the same twice"),
        pytest.param([Touch(-(2**60), "mail"), SEARCH], [(0.5, 0.5, 0), (0.5, 0.5, 1)], id="older than a double can weigh"),
    ],
)
def test_credit_is_divided_like_this(given_touches: list[Touch], expected: list[tuple[float, float, float]]) -> None:
    assert shares(attribution(given_touches)) == expected


def test_first_last_and_last_non_direct() -> None:
    found = attribution([LATER, MAIL, EARLIER, SEARCH])
    assert (found.first, found.last, found.last_non_direct) == (EARLIER, LATER, MAIL)
    assert attribution([LATER]).last_non_direct is None


def test_nobody_gets_credit_for_nothing() -> None:
    assert attribution([]) == Attribution(None, None, None, 0, (), Shares(), ())


def test_a_long_way_is_listed_by_its_first_and_its_latest_touches_and_the_rest_summed() -> None:
    way = [Touch(day * DAY_MS, "search", str(day)) for day in range(MAX_TOUCHES + 30)]
    found = attribution(way)
    assert [one.touch for one in found.touches] == [way[0], *way[31:]]
    assert found.count == 80
    assert found.unlisted.linear == pytest.approx(30 / 80)
    assert found.unlisted.position_based == pytest.approx(0.2 * 30 / 78)
    assert [(one.channel, one.count) for one in found.channels] == [("search", 80)]


def test_exactly_as_many_as_fit_are_all_listed() -> None:
    found = attribution([Touch(day, "mail") for day in range(MAX_TOUCHES)])
    assert len(found.touches) == MAX_TOUCHES
    assert found.unlisted == Shares()


def test_channels_are_summed_greatest_first() -> None:
    found = attribution([SEARCH, MAIL, LATER, Touch(8 * DAY_MS, "mail", "autumn")])
    assert [(one.channel, one.count) for one in found.channels] == [("mail", 2), ("search", 1), ("direct", 1)]
    assert found.channels[0].shares.linear == pytest.approx(2 / 3)


@given(st.lists(touches, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_all_credit_is_given_in_any_order(some: list[Touch], random: object) -> None:
    found = attribution(some)
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert attribution(shuffled) == found
    assert len(found.touches) == min(len(some), MAX_TOUCHES)
    assert found.count == len(some) == sum(one.count for one in found.channels)
    assert found.touches[0].touch == found.first
    assert found.touches[-1].touch == found.last
    listed = [one.shares for one in found.touches]
    for model in Shares.__struct_fields__:
        parts = [getattr(one, model) for one in (*listed, found.unlisted)]
        assert all(0 <= part <= 1 + 1e-9 for part in parts)
        assert sum(parts) == pytest.approx(1, abs=1e-9)
        assert sum(getattr(one.shares, model) for one in found.channels) == pytest.approx(1, abs=1e-9)


@given(st.lists(touches, min_size=1, max_size=MAX_TOUCHES))
def test_direct_touches_get_credit_only_among_themselves(some: list[Touch]) -> None:
    found = attribution(some)
    if any(touch.channel != "direct" for touch in some):
        direct = [one.shares for one in found.touches if one.touch.channel == "direct"]
        assert all(one == Shares() for one in direct)


@given(st.lists(touches.filter(lambda touch: touch.channel != "direct"), min_size=2, max_size=20))
def test_a_later_touch_never_gets_less_by_time_decay(some: list[Touch]) -> None:
    decayed = [one.shares.time_decay for one in attribution(some).touches]
    assert decayed == sorted(decayed)
