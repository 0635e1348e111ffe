"""What a digest says: whether it says anything, its numbers and its lines."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.digest import (
    Facts,
    Idle,
    Numbers,
    Part,
    Who,
    bar_percent,
    change_text,
    is_sign_of_life_due,
    message_id,
)

NOBODY = Part([], 0)
SOMEBODY = Part([Idle(Who("Ada", "", "https://x"), "ben", None, False)], 3)
QUIET = Facts(Numbers(), Numbers(), NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, [], [], [])


def test_numbers_alone_are_no_news() -> None:
    assert QUIET.is_empty
    assert msgspec.structs.replace(QUIET, numbers=Numbers(identified=9), before=Numbers(entered=4)).is_empty


@pytest.mark.parametrize("name", ["hot", "rising", "cooling", "idle", "back", "closed"])
def test_each_list_is_news(name: str) -> None:
    assert not msgspec.structs.replace(QUIET, **{name: SOMEBODY}).is_empty


def test_what_isn_t_shown_is_counted() -> None:
    assert (SOMEBODY.more, NOBODY.more) == (2, 0)


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_bar_fits_and_shows(value: float, greatest: float) -> None:
    assert 2 <= bar_percent(min(value, greatest), greatest) <= 100
    assert bar_percent(greatest, greatest) == (100 if greatest > 0 else 2)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_change_has_its_sign(now: int, before: int) -> None:
    told = change_text(now, before)
    assert told == "" if now == before else int(told.replace("−", "-")) == now - before


@pytest.mark.parametrize(
    ("before", "due"),
    [
        ([], False),
        (["empty"] * 2, False),
        (["empty"] * 3, True),
        (["empty"] * 9, True),
        (["sent", "empty", "empty", "empty"], False),
        (["empty", "empty", "late", "empty"], False),
    ],
)
def test_a_sign_of_life_after_three_empty_weeks_and_in_the_fourth(before: list[str], due: bool) -> None:
    assert is_sign_of_life_due(before) is due


def test_ids_tell_digests_weeks_and_services_apart() -> None:
    ids = {message_id(one, week, host) for one in ("dg_1", "dg_2") for week in ("2026-11-16", "2026-11-23") for host in "ab"}
    assert len(ids) == 8
