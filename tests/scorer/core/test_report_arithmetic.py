"""The sums behind the reports: funnel, durations, speed of contact, score bands, credits of sources, attention."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.attention import Reader, Reading, attention
from scorer.core.attribution import Touch, attribution
from scorer.core.contact_speed import HotLead, contact_speed
from scorer.core.durations import histogram, spread
from scorer.core.funnel import STEPS, Counted, funnel
from scorer.core.score_bands import EDGES, Scored, score_bands
from scorer.core.source_credits import Brought, source_credits

RESULT = st.sampled_from([None, "won", "lost", "junk"])
COUNTED = st.builds(
    Counted,
    st.integers(0, 1000),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    RESULT,
    st.sampled_from([None, "awareness", "consideration", "decision"]),
)
MINUTE = 60_000


def test_a_funnel_counts_who_came_how_far() -> None:
    found = funnel(
        [
            Counted(50, False, False, False, None, None),
            Counted(30, True, False, False, None, "awareness"),
            Counted(12, True, True, True, "lost", "decision"),
            Counted(6, False, False, True, "won", "decision"),
            Counted(2, False, True, False, "junk", None),
        ]
    )
    assert [(one.step, one.count, one.reached) for one in found.steps] == [
        ("visitors", 100, 100),
        ("identified", 42, 50),  # the 6 who were won without a name have come past it, and the 2 hot ones
        ("hot", 14, 20),
        ("contacted", 18, 18),
        ("won", 6, 6),
    ]
    assert found.steps[3].of_step_before.rate == pytest.approx(18 / 20)
    assert (found.lost.count, found.lost.of, found.junk) == (12, 18, 2)
    decision = next(one for one in found.stages if one.stage == "decision")
    assert (decision.leads, decision.hot, decision.contacted, decision.won, decision.lost) == (18, 12, 18, 6, 12)
    assert decision.won_rate.rate == pytest.approx(1 / 3)


def test_a_funnel_of_nobody_says_nothing() -> None:
    found = funnel([])
    assert [one.reached for one in found.steps] == [0] * len(STEPS)
    assert all(one.of_all.rate is None for one in found.steps)


@given(st.lists(COUNTED, max_size=8))
def test_a_funnel_never_widens_and_its_stages_add_up(counted: list[Counted]) -> None:
    found = funnel(counted)
    reached = [one.reached for one in found.steps]
    assert reached == sorted(reached, reverse=True)
    assert all(one.count <= one.reached for one in found.steps)
    assert sum(one.leads for one in found.stages) == reached[0] == sum(one.number for one in counted)


def test_few_durations_have_no_quantiles_and_many_have_all() -> None:
    assert spread([1.0] * 4).median is None
    some = spread([float(n) for n in range(1, 6)])
    assert (some.p10, some.p25, some.median, some.p75, some.p90) == (None, 2.0, 3.0, 4.0, None)
    many = spread([float(n) for n in range(21)])
    assert (many.p10, many.median, many.p90) == (2.0, 10.0, 18.0)


@pytest.mark.parametrize("values", [[-1.0], [math.nan], [math.inf]])
def test_what_is_no_duration_is_refused(values: list[float]) -> None:
    for measure in (spread, lambda some: histogram(some, [0, 1])):
        with pytest.raises(ValueError, match="a duration is 0 or more"):
            measure(values)


@pytest.mark.parametrize("edges", [[], [1, 2], [0, 2, 2], [0, 3, 1]])
def test_edges_that_do_not_rise_from_0_are_refused(edges: list[float]) -> None:
    with pytest.raises(ValueError, match="edges rise"):
        histogram([], edges)


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_every_duration_is_in_one_bar(values: list[float]) -> None:
    bars = histogram(values, [0, 1, 7, 30])
    assert sum(bar.count for bar in bars) == len(values)
    assert [bar.below for bar in bars] == [1, 7, 30, None]


def test_speed_of_contact_is_judged_when_the_time_is_over() -> None:
    now = 100 * 60 * MINUTE
    found = contact_speed(
        [
            HotLead(now - 2 * MINUTE, None, None),  # has had no five minutes yet
            HotLead(now - 30 * MINUTE, None, None),  # has had five minutes, and no hour
            HotLead(now - 50 * 60 * MINUTE, None, "junk"),
            HotLead(0, 0, "won"),  # at once
            HotLead(0, 5 * MINUTE, "won"),  # the bound belongs to the quicker band
            HotLead(0, 5 * MINUTE + 1, "lost"),
            HotLead(0, 60 * 24 * MINUTE + 1, "lost"),
            HotLead(10, 9, "won"),  # before it was hot
        ],
        now,
    )
    assert (found.hot, found.contacted, found.contacted_before, found.waiting) == (8, 4, 1, 3)
    assert [(one.seconds, one.contacted.count, one.contacted.of) for one in found.windows] == [
        (300, 2, 6),
        (3600, 3, 5),
        (86400, 3, 5),
    ]
    assert [(one.from_seconds, one.to_seconds, one.leads, one.won, one.lost) for one in found.bands] == [
        (0, 300, 2, 2, 0),
        (300, 3600, 1, 0, 1),
        (3600, 86400, 0, 0, 0),
        (86400, None, 1, 0, 1),
    ]
    assert found.never_contacted is not None
    assert found.never_contacted.leads == 1


HOT = st.builds(HotLead, st.integers(0, 10**9), st.none() | st.integers(0, 10**9), RESULT)


@given(st.lists(HOT, max_size=20))
def test_every_hot_lead_is_told_of_once(leads: list[HotLead]) -> None:
    found = contact_speed(leads, 10**9)
    assert found.contacted + found.contacted_before + found.waiting == found.hot == len(leads)
    assert sum(one.leads for one in found.bands) == found.contacted == found.seconds.count
    counts = [one.contacted.count for one in found.windows]
    assert counts == sorted(counts)


@given(st.lists(st.builds(Scored, st.floats(0, 100), RESULT), max_size=30))
def test_every_score_is_in_one_band(leads: list[Scored]) -> None:
    bands = score_bands(leads)
    assert [band.at_least for band in bands] == list(EDGES[:-1])
    assert sum(band.leads for band in bands) == len(leads)
    for band in bands:
        assert band.leads == band.won + band.lost + band.junk + band.open
        assert band.won_rate.of == band.leads - band.open


@pytest.mark.parametrize("score", [-0.1, 100.1, math.nan])
def test_what_is_no_score_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="a score is from 0 to 100"):
        score_bands([Scored(score, None)])


DAY = 86_400_000
TOUCH = st.builds(
    Touch,
    st.integers(0, 30 * DAY),
    st.sampled_from(["direct", "search", "mail"]),
    st.just(""),
    st.sampled_from(["", "fair"]),
)
BROUGHT = st.builds(
    Brought, st.lists(TOUCH, max_size=5), st.booleans(), st.booleans(), st.just(True), st.none() | st.floats(0, 1e6)
)


@given(st.lists(BROUGHT, max_size=6))
def test_all_credit_is_given_and_none_twice(leads: list[Brought]) -> None:
    rows = source_credits(leads)
    touched = [one for one in leads if one.touches]
    for model in ("first", "last", "linear", "position_based", "time_decay"):
        assert math.fsum(getattr(row.leads, model) for row in rows) == pytest.approx(len(touched))
        assert math.fsum(getattr(row.won, model) for row in rows) == pytest.approx(sum(one.won for one in touched))
        worth = math.fsum(one.value for one in touched if one.won and one.value is not None)
        given_out = math.fsum(getattr(money.value, model) for row in rows for money in row.value)
        assert given_out == pytest.approx(worth)
    assert sum(row.won_rate.of for row in rows) == len(touched)


def test_the_parts_are_those_of_one_leads_attribution() -> None:
    touches = [Touch(0, "search"), Touch(9 * DAY, "mail"), Touch(3 * DAY, "search"), Touch(12 * DAY, "direct")]
    rows = {row.channel: row.leads for row in source_credits([Brought(touches)])}
    for one in attribution(touches).channels:
        assert rows[one.channel].time_decay == pytest.approx(one.shares.time_decay)
        assert rows[one.channel].linear == pytest.approx(one.shares.linear)
    assert (rows["search"].first, rows["mail"].last, rows["direct"].last) == (1.0, 1.0, 0.0)


def test_attention_is_counted_by_reader_and_winners_apart() -> None:
    price = Reading("page", "/pricing", "Prices", "pricing", 4000)
    found = attention(
        [
            Reader(True, [price, price, Reading("file", "/list.pdf", "list.pdf", "pricing")]),
            Reader(False, [price]),
            Reader(False, [Reading("page", "/blog", "Blog")]),
            Reader(True, []),  # read nothing: says nothing about what readers do
        ],
        listed=1,
    )
    assert (found.winners, found.others) == (1, 2)
    ((topic, of_topic),) = found.topics
    assert (topic, of_topic.views, of_topic.readers, of_topic.downloads, of_topic.engaged_seconds) == (
        "pricing",
        3,
        2,
        1,
        12.0,
    )
    assert (of_topic.winners.count, of_topic.winners.of, of_topic.others.count, of_topic.others.of) == (1, 1, 1, 2)
    assert [(one.url, one.attention.readers) for one in found.pages] == [("/pricing", 2)]  # of two, one is listed
    assert [(one.title, one.attention.downloads) for one in found.documents] == [("list.pdf", 1)]
