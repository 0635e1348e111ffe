"""For how long a lead has been watched is told by the service's clock alone."""

from __future__ import annotations

import pytest

from scorer.core.observing import came_at_once, is_unobserved, observed_seconds
from tracker.core.heard import Heard


@pytest.mark.parametrize(
    ("visitors", "seconds"),
    [
        ([], None),
        ([(None, 5_000)], None),
        ([(1_000, 1_000)], 0.0),
        ([(1_000, 4_500)], 3.5),
        ([(9_000, 9_500), (1_000, 2_000)], 8.5),
        ([(1_000, 4_500), (None, 9_000)], None),
    ],
)
def test_it_is_from_the_first_to_the_last_of_all_visitors_if_the_first_is_known_of_each(
    visitors: list[tuple[int | None, int]], seconds: float | None
) -> None:
    assert observed_seconds(Heard(*one) for one in visitors) == seconds


@pytest.mark.parametrize(
    ("seconds", "wanted", "expected"),
    [(0.0, 0, False), (0.0, 1, True), (3599.9, 3600, True), (3600.0, 3600, False), (None, 3600, False)],
)
def test_a_site_may_wait_for_whom_only_browsers_told_of(seconds: float | None, wanted: int, expected: bool) -> None:
    assert is_unobserved(seconds, wanted) is expected


@pytest.mark.parametrize(
    ("tier", "seconds", "expected"),
    [("hot", 0.0, True), ("hot", 9.9, True), ("hot", 10.0, False), ("hot", None, False), ("warm", 0.0, False)],
)
def test_only_who_is_hot_within_ten_seconds_is_doubted(tier: str, seconds: float | None, expected: bool) -> None:
    assert came_at_once(tier, seconds) is expected
