"""What may be learned from at a time, how intervals are drawn, how half-lives are chosen, and what a leak looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import numpy as np

from scorer.core.decay import DAY_MS
from scorer.learning.bootstrap import companies, draws, figure
from scorer.learning.fitting import FEW_LEADS, fitted, on_scale_of
from scorer.learning.fitting import Model as Learnt
from scorer.learning.half_lives import choose, nearest
from scorer.learning.leaks import refuse_leaks, suspects
from scorer.learning.logistic import Fit
from scorer.learning.snapshots import Feature, Snapshots
from scorer.learning.splits import known, origins, sample
from tests.scorer.learning_tables import START, card, end, rule, table

BODY = card(rule("a"), rule("b"), rule("c"))
TABLE = table(BODY, [1.0, 0.0, 0.3])
ALL = np.arange(len(TABLE))


def test_a_win_is_learned_from_only_when_its_horizon_is_over() -> None:
    rows = replace(
        TABLE,
        at=np.array([START, START, START]),
        known_at=np.array([START + DAY_MS, START + 10 * DAY_MS, START + 11 * DAY_MS]),
    )
    three = np.arange(3)
    assert known(rows, three, START + 10 * DAY_MS - 1).tolist() == []
    assert known(rows, three, START + 10 * DAY_MS).tolist() == [0, 1]
    assert known(rows, three, START + 11 * DAY_MS).tolist() == [0, 1, 2]


def test_origins_leave_enough_before_and_about_equally_many_wins_after_each() -> None:
    large = table(BODY, [1.0, 0.0, 0.3], leads=600)
    rows = known(large, np.arange(len(large)), end(large))
    cuts = origins(large, rows, least=3, most=6)
    assert len(cuts) == 6
    assert list(cuts) == sorted(set(cuts))
    before = known(large, rows, cuts[0])
    assert len(np.unique(large.leads[before][large.won[before]])) >= 10
    wins = np.searchsorted(cuts, large.at[rows][large.won[rows]], side="right")
    assert np.bincount(wins)[1:].min() > np.bincount(wins)[1:].max() / 2
    for cut in cuts:
        assert not set(known(large, rows, cut)) & set(rows[large.at[rows] >= cut])


def test_few_wins_or_a_short_history_have_no_origins() -> None:
    few = replace(TABLE, won=TABLE.won & (TABLE.leads < 30))
    assert origins(few, ALL, least=3, most=6) == ()
    assert origins(replace(TABLE, horizon_days=365), ALL, least=1, most=6) == ()
    assert origins(replace(TABLE, won=np.zeros(len(TABLE), bool)), ALL, least=1, most=6) == ()
    assert origins(TABLE, ALL[:0], least=1, most=6) == ()


def test_a_sample_keeps_all_rows_of_a_lead() -> None:
    chosen = sample(TABLE, ALL, 100, seed=1)
    assert 60 < len(chosen) < 140
    assert sorted(chosen) == [row for row in ALL if TABLE.leads[row] in set(TABLE.leads[chosen])]
    assert sample(TABLE, ALL, 10_000, seed=1) is ALL


def test_leads_without_a_company_stand_for_themselves() -> None:
    found = companies(np.array([1, 1, 2, 3, 4]), np.array([-1, -1, 7, 7, -1]))
    assert len(set(found.tolist())) == 3
    assert found[0] == found[1]
    assert found[2] == found[3]


def test_a_draw_takes_all_rows_of_a_cluster_and_never_loses_a_class() -> None:
    clusters, won = np.repeat(np.arange(20), 3), np.arange(60) < 3
    for times in draws(clusters, won, seed=1, count=50):
        assert (times.reshape(20, 3) == times[::3, None]).all()
        assert times[won].sum() == 3
        assert times.sum() == 60
    first, again = next(draws(clusters, won, seed=2)), next(draws(clusters, won, seed=2))
    assert (first == again).all()


def test_many_rows_of_a_lead_do_not_narrow_an_interval() -> None:
    random = np.random.default_rng(0)
    values, won = random.random(40), np.arange(40) < 20

    def width(times: int) -> float:
        rows = np.repeat(np.arange(40), times)
        means = [float(drawn @ values[rows] / drawn.sum()) for drawn in draws(rows, won[rows], seed=3, count=400)]
        told = figure(0.5, means)
        assert told.low is not None
        assert told.high is not None
        return told.high - told.low

    assert width(10) == pytest.approx(width(1))


def test_a_figure_holds_its_value_and_is_nothing_where_there_is_none() -> None:
    told = figure(0.5, [0.6, 0.7])
    assert (told.value, told.low) == (0.5, 0.5)
    assert told.high == pytest.approx(0.6975)
    assert figure(float("nan"), [0.1]).value is None


@pytest.mark.parametrize(("current", "taken"), [(14.0, 14.0), (10.0, 14.0), (5.0, 7.0), (90.0, 30.0), (1.0, 3.0)])
def test_the_nearest_half_life_is_so_by_ratio(current: float, taken: float) -> None:
    assert nearest(dict.fromkeys((3.0, 7.0, 14.0, 30.0)), current) == taken


def test_a_half_life_must_be_better_by_more_than_chance() -> None:
    random = np.random.default_rng(0)
    won, clusters, windows = np.arange(400) < 100, np.arange(400), np.zeros(400, np.int64)
    truth = random.normal(won * 1.0)
    scores = {7.0: truth, 14.0: truth + random.normal(0, 0.05, 400), 30.0: random.normal(size=400)}
    taken, told = choose(scores, won, np.ones(400), clusters, windows, current=14.0)
    assert taken == 14.0
    assert [one.days for one in told] == [7.0, 14.0, 30.0]
    worse = {**scores, 14.0: truth + random.normal(0, 2.0, 400)}
    assert choose(worse, won, np.ones(400), clusters, windows, current=14.0)[0] == 7.0


def test_a_rule_that_few_fulfilled_keeps_its_weight_in_proportion() -> None:
    counts = {days: each.copy() for days, each in TABLE.counts.items()}
    for each in counts.values():
        each[:, 1] = 0
        each[np.searchsorted(TABLE.leads, np.arange(FEW_LEADS - 1)), 2] = 1
        each[TABLE.leads >= FEW_LEADS - 1, 2] = 0
    rare = replace(TABLE, counts=counts)
    found, worth = fitted(rare, ALL, 14.0, 0.1)
    assert worth > 0
    assert found.coefficients[1:] == pytest.approx([5 * worth, 5 * worth])


def test_where_the_current_card_ranks_the_wrong_way_unlearned_rules_go_at_the_rate_of_the_others() -> None:
    wrong = card(rule("a", 1.0), rule("b", 500.0), rule("c", 5.0))
    against = table(wrong, [1.5, -3.0, 0.0], leads=300)
    for each in against.counts.values():
        each[:, 2] = 0
    found, worth = fitted(against, np.arange(len(against)), 14.0, 0.01)
    mean = against.counts[14.0][:, :2].mean(axis=0)
    assert worth == pytest.approx(float(mean @ found.coefficients[:2]) / float(mean @ np.array([1.0, 500.0])), rel=1e-4)
    assert found.coefficients[2] == pytest.approx(5 * worth)
    assert worth > 0


def test_points_of_an_earlier_model_keep_their_order_on_the_scale_of_the_last() -> None:
    model = Learnt(14.0, 1.0, Fit(0.0, np.array([1.0, 0.5, 0.0])), 0.1, (), None)
    points = model.points(TABLE, ALL)
    windows = (ALL >= 100).astype(np.int64)
    told = on_scale_of(model, TABLE, ALL, np.where(windows, points / 3 + 8, points * 5), windows)
    assert told == pytest.approx(points, abs=1e-3)
    flat = on_scale_of(model, TABLE, ALL, np.ones(len(ALL)), windows)
    assert flat[:100] == pytest.approx(points[:100].mean())


def leaking(*, after_contact: bool) -> Snapshots:
    note = TABLE.won.astype(np.float32)
    note[np.flatnonzero(~TABLE.won)[:3]] = 1
    return replace(
        TABLE,
        features=(*TABLE.features, Feature("note", None, 4.0, after_contact)),
        counts={days: np.column_stack([each, note]) for days, each in TABLE.counts.items()},
        current=TABLE.current + 4.0 * note,
    )


def test_what_was_written_after_first_contact_is_refused_and_taken_off_the_current_points() -> None:
    left = refuse_leaks(leaking(after_contact=True), 14.0)
    assert [feature.rule for feature in left.features] == ["a", "b", "c"]
    assert all(each.shape == (len(TABLE), 3) for each in left.counts.values())
    assert left.current == pytest.approx(TABLE.current)
    other = refuse_leaks(leaking(after_contact=True), 10.0)
    assert (other.current >= TABLE.current).all()
    honest = leaking(after_contact=False)
    assert refuse_leaks(honest, 14.0) is honest


def test_a_feature_that_knows_too_much_is_flagged_with_what_it_brings() -> None:
    (found,) = suspects(leaking(after_contact=False), ALL, 14.0)
    assert found.feature == "note"
    assert found.auc > 0.97
    assert found.with_it > found.without_it + 0.1


def test_honest_features_and_few_wins_are_not_flagged() -> None:
    assert suspects(TABLE, ALL, 14.0) == ()
    few = leaking(after_contact=False)
    rows = ALL[~few.won | (ALL < 20)]
    assert 0 < few.won[rows].sum() < 10
    assert suspects(few, rows, 14.0) == ()
