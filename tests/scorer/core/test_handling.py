"""How far sales have got with a lead: every step from every state, and what no order of steps can break."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scorer.core.handling import (
    DEFAULT_LEASE_MS,
    LONGEST_LEASE_MS,
    LONGEST_SNOOZE_MS,
    OBSTACLES,
    REST_MS,
    SETTLED,
    SHORTEST_LEASE_MS,
    Handling,
    claim,
    decide,
    expire,
    heir,
    holder,
    release,
    snooze,
    status,
    wake,
)

NOW, LATER = 1_000_000_000_000, 1_000_000_900_000
LEASE = NOW + DEFAULT_LEASE_MS

OPEN = Handling()
CLAIMED = Handling(owner="ada", claimed_until=LATER)
SNOOZED = Handling(snoozed_until=LATER)
BOTH = Handling(owner="ada", claimed_until=LATER, snoozed_until=LATER)
CONTACTED = Handling("contacted", "ada", LATER)
WON = Handling("won")
LOST = Handling("lost", snoozed_until=LATER)
JUNK = Handling("junk", snoozed_until=LATER)
NOT_NOW = Handling("not_now", "ada", LATER, LATER)
STATES = {
    "open": OPEN,
    "claimed": CLAIMED,
    "snoozed": SNOOZED,
    "both": BOTH,
    "contacted": CONTACTED,
    "won": WON,
    "lost": LOST,
    "junk": JUNK,
    "not_now": NOT_NOW,
}
STATUSES = ("open", "claimed", "snoozed", "snoozed", "contacted", "won", "lost", "junk", "not_now")
MINE: dict[str, Any] = {"owner": "ada", "claimed_until": LEASE}
STEPS = {
    "ada claims": lambda one: claim(one, "ada", NOW),
    "ben claims": lambda one: claim(one, "ben", NOW),
    "ada releases": lambda one: release(one, "ada", NOW),
    "ben releases": lambda one: release(one, "ben", NOW),
    "ada snoozes": lambda one: snooze(one, "ada", LATER + 1, NOW),
    "ben snoozes": lambda one: snooze(one, "ben", LATER + 1, NOW),
    "opened": lambda one: decide(one, "open", NOW, NOW),
    "contacted": lambda one: decide(one, "contacted", NOW, NOW),
    "won": lambda one: decide(one, "won", NOW, NOW),
    "lost": lambda one: decide(one, "lost", NOW, NOW),
    "junk": lambda one: decide(one, "junk", NOW, NOW),
    "not now": lambda one: decide(one, "not_now", NOW, NOW),
    "time passes": lambda one: wake(expire(one, LATER), LATER),
}


def by_ben(one: Handling, **changes: Any) -> Handling:
    return replace(one, owner="ben", claimed_until=LEASE, **changes)


FREE: dict[str, Any] = {"owner": None, "claimed_until": None}
REST = NOW + REST_MS
TABLE: dict[str, tuple[Any, ...]] = {
    # What a step makes of: open, claimed, snoozed, both, contacted, won, lost, junk, not_now.
    "ada claims": (
        replace(OPEN, **MINE),
        replace(CLAIMED, **MINE),
        replace(SNOOZED, snoozed_until=None, **MINE),
        replace(BOTH, **MINE),
        replace(CONTACTED, **MINE),
        "won",
        replace(LOST, snoozed_until=None, **MINE),
        replace(JUNK, snoozed_until=None, **MINE),
        replace(NOT_NOW, **MINE),
    ),
    "ben claims": (
        by_ben(OPEN),
        "taken",
        by_ben(SNOOZED, snoozed_until=None),
        "taken",
        "taken",
        "won",
        by_ben(LOST, snoozed_until=None),
        by_ben(JUNK, snoozed_until=None),
        "taken",
    ),
    "ada releases": (
        "not_claimed",
        OPEN,
        "not_claimed",
        SNOOZED,
        replace(CONTACTED, **FREE),
        *("not_claimed",) * 3,
        replace(NOT_NOW, **FREE),
    ),
    "ben releases": (
        *("not_claimed", "taken", "not_claimed", "taken", "taken", "not_claimed", "not_claimed", "not_claimed", "taken"),
    ),
    "ada snoozes": tuple("won" if one is WON else replace(one, snoozed_until=LATER + 1) for one in STATES.values()),
    "ben snoozes": tuple(
        "won" if one is WON else "taken" if one.owner else replace(one, snoozed_until=LATER + 1) for one in STATES.values()
    ),
    "opened": tuple(replace(one, outcome="open", snoozed_until=None) for one in STATES.values()),
    "contacted": tuple(replace(one, outcome="contacted", snoozed_until=None) for one in STATES.values()),
    "won": (WON,) * 9,
    "lost": (Handling("lost", snoozed_until=REST),) * 9,
    "junk": (Handling("junk", snoozed_until=REST),) * 9,
    "not now": tuple(replace(one, outcome="not_now", snoozed_until=REST) for one in STATES.values()),
    "time passes": tuple(replace(one, snoozed_until=None, **FREE) for one in STATES.values()),
}
CASES = [(step, name, TABLE[step][place]) for step in STEPS for place, name in enumerate(STATES)]


@pytest.mark.parametrize(("step", "state", "expected"), CASES, ids=[f"{step}, {state}" for step, state, _ in CASES])
def test_every_step_from_every_state(step: str, state: str, expected: Any) -> None:
    assert STEPS[step](STATES[state]) == expected


def test_every_state_has_one_word() -> None:
    assert tuple(status(one) for one in STATES.values()) == STATUSES


def test_a_lease_that_is_over_holds_nobody_off_even_before_it_is_cleared_away() -> None:
    over = replace(CLAIMED, claimed_until=NOW)
    assert holder(over, NOW) is None
    assert claim(over, "ben", NOW) == by_ben(OPEN)
    assert release(over, "ada", NOW) == "not_claimed"
    assert expire(over, NOW) == OPEN
    assert expire(CLAIMED, NOW) == CLAIMED
    assert wake(SNOOZED, NOW) == SNOOZED


@pytest.mark.parametrize(
    ("lease", "fits"),
    [(SHORTEST_LEASE_MS - 1, False), (SHORTEST_LEASE_MS, True), (LONGEST_LEASE_MS, True), (LONGEST_LEASE_MS + 1, False)],
)
def test_a_lease_has_bounds(lease: int, fits: bool) -> None:
    assert isinstance(claim(OPEN, "ada", NOW, lease), Handling) == fits
    assert fits or claim(OPEN, "ada", NOW, lease) == "lease_length"


@pytest.mark.parametrize(
    ("until", "fits"),
    [(NOW - 1, False), (NOW, False), (NOW + 1, True), (NOW + LONGEST_SNOOZE_MS, True), (NOW + LONGEST_SNOOZE_MS + 1, False)],
)
def test_a_snooze_ends_in_time_to_come(until: int, fits: bool) -> None:
    assert snooze(OPEN, "ada", until, NOW) == (Handling(snoozed_until=until) if fits else "snooze_length")


def test_what_was_lost_long_ago_needs_no_rest() -> None:
    assert decide(OPEN, "lost", NOW - REST_MS + 1, NOW).snoozed_until == NOW + 1
    assert decide(OPEN, "lost", NOW - REST_MS, NOW).snoozed_until is None


def test_a_claim_is_inherited_where_there_is_none() -> None:
    ben = Handling("lost", "ben", LATER, LATER)
    assert heir(OPEN, ben) == Handling(owner="ben", claimed_until=LATER)
    assert heir(CLAIMED, ben) == CLAIMED
    assert heir(SNOOZED, CLAIMED) == replace(SNOOZED, owner="ada", claimed_until=LATER)
    assert heir(OPEN, SNOOZED) == OPEN


def test_every_obstacle_has_words_in_both_languages() -> None:
    assert all(label.en and label.zh for label in OBSTACLES.values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["claim", "release", "snooze", "decide", "expire", "wake"]),
            st.sampled_from(["ada", "ben"]),
            st.sampled_from(["open", "contacted", "won", "lost", "junk", "not_now"]),
            st.integers(1, 40 * 86_400_000),
        ),
        max_size=12,
    )
)
def test_no_order_of_steps_makes_nonsense(steps: list[tuple[str, str, Any, int]]) -> None:
    one, now = OPEN, NOW
    for step, who, outcome, passed in steps:
        before, now = one, now + passed
        after: Any = {
            "claim": lambda one=one, now=now, who=who: claim(one, who, now),
            "release": lambda one=one, now=now, who=who: release(one, who, now),
            "snooze": lambda one=one, now=now, who=who, passed=passed: snooze(one, who, now + passed, now),
            "decide": lambda one=one, now=now, outcome=outcome: decide(one, outcome, now, now),
            "expire": lambda one=one, now=now: expire(one, now),
            "wake": lambda one=one, now=now: wake(one, now),
        }[step]()
        one = after if isinstance(after, Handling) else before
        assert (one.owner is None) == (one.claimed_until is None)
        assert one.outcome != "won" or (one.owner, one.snoozed_until) == (None, None)
        if step not in ("decide", "expire") and holder(before, now) not in (None, who):
            assert one.owner == before.owner
        assert (status(one) in SETTLED) == (one.outcome in SETTLED)
        assert expire(expire(one, now), now) == expire(one, now)
        assert wake(wake(one, now), now) == wake(one, now)
