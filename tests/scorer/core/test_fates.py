"""What became of a lead, from all that was said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.fates import OPEN, Fate, Said, fate

CASES = {
    "nothing was said": ([], OPEN),
    "contacted": ([Said(5, "contacted"), Said(9, "contacted")], Fate(5, 5)),
    "postponed is contacted": ([Said(5, "not_now")], Fate(5, 5)),
    "junk needs no contact": ([Said(5, "junk")], Fate(5, None, "junk")),
    "won without a word before": ([Said(5, "won", 9.0, "EUR")], Fate(5, 5, "won", 5, 9.0, "EUR")),
    "the last result counts": ([Said(5, "won", 9.0), Said(7, "lost")], Fate(5, 5, "lost")),
    "lost, then won": ([Said(1, "lost"), Said(7, "won")], Fate(1, 1, "won", 7)),
    "a further word isn't a result": ([Said(5, "won", 9.0), Said(7, "contacted")], Fate(5, 5, "won", 5, 9.0)),
    "won twice: first time, last value": (
        [Said(5, "won", 9.0, "EUR"), Said(8, "won", 4.0, "CNY"), Said(9, "won")],
        Fate(5, 5, "won", 5, 4.0, "CNY"),
    ),
    "taken back": ([Said(5, "won", 9.0), Said(6, "open")], OPEN),
    "taken back, then said anew": ([Said(5, "won"), Said(6, "open"), Said(8, "lost")], Fate(8, 8, "lost")),
    "taken back at the same moment": ([Said(5, "open"), Said(5, "lost")], Fate(5, 5, "lost")),
    "unknown kinds pass": ([Said(1, "napped")], Fate(1)),
}


@pytest.mark.parametrize(("told", "expected"), CASES.values(), ids=CASES)
def test_a_lead_became_what_was_said(told: list[Said], expected: Fate) -> None:
    assert fate(told) == expected


SAID = st.builds(
    Said, st.integers(0, 3), st.sampled_from(["contacted", "won", "lost", "junk", "not_now", "open"]), st.just(1.0)
)


@given(st.lists(SAID, max_size=8), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(told: list[Said], chance: random.Random) -> None:
    mixed = told.copy()
    chance.shuffle(mixed)
    assert fate(mixed) == fate(told)
    assert (fate(told).won_at is not None) == (fate(told).result == "won")
