"""What docs/scale.md reckons: the plan, the limits and the simulation behind its tables, and that they are up to date."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import scale
from bench.scale_model import KEPT_DAYS, PARTITIONS, Figures, limits, plan
from bench.scale_simulation import BATCH, Interval, Setup, shares_of, simulate
from tracker.settings import Settings

EVEN = (0.25,) * 4
USUAL = Setup(rate=2_000, workers=2, shares=EVEN, worker_rate=4_000, batch_s=0.01, seconds=60)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return scale.read_figures()


def test_every_measured_figure_names_a_bench_and_none_is_left_out_of_the_page(figures: Figures) -> None:
    page = scale.PAGE.read_text(encoding="utf-8")
    benchmarks = scale.FIGURES.with_name("__main__.py").read_text(encoding="utf-8")  # importing it takes seconds
    for name, one in figures.measured.items():
        assert one.value > 0, name
        assert f'"{one.bench}": ' in benchmarks, name
        assert f"| {one.what} | {one.value:,g} | `{one.bench}` |" in page
    for assumed in figures.assumed.values():
        assert f"| {assumed.what} | {assumed.value:,g} |" in page


def test_the_page_is_up_to_date(figures: Figures) -> None:
    page = scale.PAGE.read_text(encoding="utf-8")
    for table in ("plan", "limits"):
        assert scale.TABLES[table](figures) in page, "run `python3 dev.py bench scale`"
    for row in [*scale.simulated(figures, 10), *scale.simulated(figures, 1_000)]:  # the others take seconds
        assert "| " + " | ".join(row) + " |" in page, "run `python3 dev.py bench scale`"


def test_the_plan_speaks_of_the_settings_as_they_are() -> None:
    assert Settings().partitions == PARTITIONS
    assert Settings().retention_days == KEPT_DAYS[10]


def test_ten_times_the_price_of_disk_costs_what_the_disk_did_nine_times_more(figures: Figures) -> None:
    before = plan(figures, 1_000, 365)
    price = figures.assumed["disk_price"]
    dearer = {**figures.assumed, "disk_price": msgspec.structs.replace(price, value=price.value * 10)}
    after = plan(msgspec.structs.replace(figures, assumed=dearer), 1_000, 365)
    assert after.dollars - before.dollars == pytest.approx(9 * before.kept_gb * price.value)


@given(rate=st.integers(1, 5_000_000), days=st.integers(1, 2_000))
def test_no_part_of_a_plan_is_busier_than_planned(rate: int, days: int) -> None:
    figures = scale.read_figures()
    made, busy = plan(figures, rate, days), figures["busy"]
    each = rate / made.installations
    assert each <= made.collectors * figures["collector_rate"] * busy
    assert each <= made.workers * figures["worker_rate"] * busy
    assert each * figures["queue_us"] <= made.queues * 1e6 * busy
    assert made.kept_gb <= made.installations * figures["volume_tb"] * 1000 * (1 + 1e-9)
    assert made.workers <= made.partitions
    if made.database_vcpu:
        assert each * figures["database_us"] <= made.database_vcpu * 1e6 * busy


def test_a_plan_beyond_a_limit_of_one_installation_has_several(figures: Figures) -> None:
    log = next(limit for limit in limits(figures) if limit.part == "the database's log")
    assert plan(figures, round(log.rate * 0.99), 1).installations == 1
    assert plan(figures, round(log.rate * 1.01), 1).installations == 2


def test_shares_add_up_and_the_heaviest_is_on_one_partition() -> None:
    usual, robbed = shares_of(16, 1_000_000, 0.8), shares_of(16, 1_000_000, 0.8, heaviest=0.5)
    assert sum(usual) == pytest.approx(1)
    assert sum(robbed) == pytest.approx(1)
    assert sum(after > before for after, before in zip(robbed, usual, strict=True)) == 1
    assert max(robbed) == pytest.approx(0.5, abs=0.1)


def test_the_more_visitors_the_more_even_the_partitions() -> None:
    assert max(shares_of(16, 100, 0.8)) > max(shares_of(16, 100_000, 0.8)) > 1 / 16


def test_a_worker_that_keeps_up_takes_what_came_while_it_was_at_the_batch_before() -> None:
    found = simulate(USUAL)
    # A batch lasts d = batch_s + 1000 d / 4000 = 13.3 ms, and the first of its events waited for the batch before.
    assert found.load == 0.25
    assert found.longest_s == pytest.approx(0.0267, abs=0.0011)
    assert found.waiting == pytest.approx(2_000 * 0.0267, abs=2)
    assert found.behind_s == 0


@pytest.mark.parametrize(
    ("happens", "waiting", "longest"),
    [
        # What came in 10 s, and while the first full batch (2 × 2,000 at 4,000/s) was under way.
        ({"away": Interval(20, 30)}, 22_000, 11),
        ({"lost": Interval(20, 30)}, 11_000, 11),
        # A worker gets 1,040/s more than the 3,960/s it can do, and has a batch of 4,000 under way.
        ({"burst": Interval(20, 30, 5)}, 2 * 14_400, 14_400 / 3_960),
        # The last batch, of 2,900, was begun 4.6 s before.
        ({"slow": Interval(20, 30, 8)}, 2 * (2_900 + 4_600), 7.5),
    ],
)
def test_what_goes_wrong_makes_events_wait_as_long_as_arithmetic_says(
    happens: dict[str, Interval], waiting: float, longest: float
) -> None:
    found = simulate(msgspec.structs.replace(USUAL, **happens))
    assert found.waiting == pytest.approx(waiting, rel=0.05)
    assert found.longest_s == pytest.approx(longest, rel=0.05)
    assert 0 < found.behind_s < 10


def test_one_visitor_beyond_a_worker_is_never_caught_up_with() -> None:
    found = simulate(msgspec.structs.replace(USUAL, rate=6_000, shares=(0.85, 0.05, 0.05, 0.05)))
    assert found.load > 1
    assert math.isinf(found.behind_s)


@settings(max_examples=25)
@given(
    rate=st.floats(1, 5_000),
    batch_s=st.floats(0.001, 0.2),
    away=st.floats(0, 8),
)
def test_nothing_is_lost_and_nobody_waits_longer_than_all_that_went_wrong(rate: float, batch_s: float, away: float) -> None:
    found = simulate(msgspec.structs.replace(USUAL, rate=rate, batch_s=batch_s, seconds=20, away=Interval(6, 6 + away)))
    assert found.waiting >= rate * away * 0.99 - 1
    assert found.median_s <= found.p99_s <= found.longest_s
    assert found.longest_s >= batch_s
    assert found.longest_s <= away + 2 * (batch_s + 2 * rate * away / 4_000 + 2 * 4 * BATCH / 4_000) + 1
