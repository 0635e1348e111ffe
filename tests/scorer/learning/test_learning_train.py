"""A training as a whole: what it proposes, how it is judged, and that it never promises what isn't there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="needs the extra [learn]")

import msgspec
import numpy as np

from scorer.core.decay import DAY_MS
from scorer.core.learned import Figure, Judgement, Learned, chance
from scorer.core.scorecard import ScorecardError, lint
from scorer.learning import bootstrap
from scorer.learning.backtest import judge
from scorer.learning.snapshots import Feature, Snapshots
from scorer.learning.train import Trained, train, verdict
from tests.scorer.learning_tables import DWELL, card, end, rule, table

BODY = card(rule("good", 1), rule("noise", 9), rule("fair", 1))


@pytest.fixture(autouse=True, scope="module")
def _few_repetitions() -> Iterator[None]:
    """Intervals a little less exact, in a fifth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MOST", 200)
        yield


def trained(snapshots: Snapshots, body: dict[str, object] = BODY, **more: object) -> Trained:
    options = {"base": 4, "capacity": 5, "seed": 1, "now_ms": end(snapshots), **more}
    return train(snapshots, body, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def better() -> Trained:
    """A card that has its points in the wrong place, and leads enough to see that."""
    return trained(table(BODY, [1.5, 0.0, 0.7], leads=500))


def test_a_card_with_its_points_in_the_wrong_place_is_bettered(better: Trained) -> None:
    told = better.learned
    assert told.verdict == "better"
    points = {one["id"]: one["points"] for one in better.body["rules"]}
    assert points["good"] > points["noise"]
    assert points["good"] > points["fair"] > 2
    assert lint(better.body) == []
    assert [one.before for one in told.weights] == [1, 9, 1]
    assert [one.after for one in told.weights] == list(points.values())
    assert told.base == 4
    assert told.points_to_double == 10
    assert told.half_life_days == better.body["half_life_days"]
    assert told.leads == told.wins + told.losses == 500
    assert told.censored == 3
    assert told.suspects == ()


def test_the_judgement_stands_beside_the_simple_rankings(better: Trained) -> None:
    found = better.learned.judgement
    assert found is not None
    assert [one.name for one in found.by_time] == ["proposal", "current", "recency", "pages"]
    assert 3 <= len(found.origins) <= 6
    auc = {one.name: one.auc.value or 0 for one in found.by_time}
    assert auc["proposal"] > auc["current"] > auc["pages"] - 0.1
    assert found.gain.value == pytest.approx(auc["proposal"] - auc["current"], abs=1e-5)
    assert found.by_account == ()
    assert found.by_time[0].brier is not None
    assert all(one.brier is None for one in found.by_time[1:])
    assert sum(one.leads for one in found.bins) <= found.snapshots
    for one in found.by_time:
        for figure in (one.auc, one.average_precision, one.lift):
            assert figure.value is not None
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low <= figure.value <= figure.high


def test_the_chances_are_of_the_proposal_s_points(better: Trained) -> None:
    found = better.learned.calibration
    assert found is not None
    assert not found.advice
    assert found.slope > 0.03
    assert chance(found, 0.0).value < chance(found, 50.0).value


def test_the_same_input_gives_the_same_bytes_and_plain_json(better: Trained) -> None:
    again = trained(table(BODY, [1.5, 0.0, 0.7], leads=500))
    encoded = msgspec.json.encode(better.learned)
    assert msgspec.json.encode(again.learned) == encoded
    assert msgspec.json.encode(again.body) == msgspec.json.encode(better.body)
    assert msgspec.json.decode(encoded, type=Learned) == better.learned


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    trained(table(BODY, [1.5, 0.0, 0.7], leads=200), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 4


def test_no_company_is_on_both_sides_in_the_report_by_account() -> None:
    """Companies buy or don't, told apart by a rule of their own each: who has seen colleagues knows, who hasn't doesn't."""
    body = card(*(rule(f"r{place}", 1) for place in range(12)))
    plain = table(body, [0.0] * 12, leads=480, companies=False)
    random = np.random.default_rng(0)
    firms = plain.leads % 12
    buys = random.permutation(12) < 4
    own = np.eye(12, dtype=np.float32)[firms]
    won = buys[firms] & (random.random(len(plain)) < 0.6)
    known_at = np.where(won, plain.at + DAY_MS, plain.at + 10 * DAY_MS)
    current = random.random(len(plain))
    told = replace(
        plain, accounts=firms, won=won, known_at=known_at, counts=dict.fromkeys(plain.counts, own), current=current
    )
    found = judge(told, half_life_days=14.0, capacity=5, seed=1, now_ms=end(told))
    assert found is not None
    assert (found.judgement.by_time[0].auc.value or 0) > 0.8
    assert (found.judgement.by_account[0].auc.value or 1) < 0.65


def test_shuffled_wins_are_not_promoted() -> None:
    """Four trials of the hundred that the benchmark makes; all snapshots of a lead share its fate."""
    verdicts = []
    for trial in range(4):
        plain = table(BODY, [0.0, 0.0, 0.0], leads=240, rows_each=3, seed=trial)
        won = (np.random.default_rng(trial).random(240) < 0.3)[plain.leads]
        verdicts.append(trained(replace(plain, won=won, known_at=plain.at + 10 * DAY_MS)).learned.verdict)
    assert verdicts.count("better") <= 1
    assert "no_better" in verdicts


def test_under_fifty_wins_it_is_advice() -> None:
    told = trained(table(BODY, [1.5, 0.0, 0.7], leads=150, rows_each=1)).learned
    assert 10 <= told.wins < 50
    assert told.verdict == "advice"
    assert told.calibration is not None
    assert told.calibration.advice


@pytest.mark.parametrize(
    ("wins", "losses", "low", "said"),
    [
        (49, 500, 0.1, "advice"),
        (500, 49, 0.1, "advice"),
        (50, 50, 0.01, "better"),
        (50, 50, 0.0, "no_better"),
        (50, 50, -0.01, "no_better"),
        (50, 50, None, "no_better"),
    ],
)
def test_better_is_said_only_of_enough_leads_and_a_gain_above_chance(
    wins: int, losses: int, low: float | None, said: str
) -> None:
    judged = Judgement((), 1, 1, 1, 0.1, 5, (), (), Figure(0.1, low, 0.2), (), Figure())
    assert verdict(wins, losses, judged) == said
    assert verdict(wins, losses, None) == "advice"


@pytest.mark.parametrize("wins", [0, 1, 2, 5])
def test_few_wins_are_trained_on_without_promises(wins: int) -> None:
    few = table(BODY, [1.0, 0.0, 0.0], leads=60, rows_each=1)
    won = np.arange(60) < wins
    done = trained(replace(few, won=won, known_at=few.at + 10 * DAY_MS))
    assert lint(done.body) == []
    assert done.learned.verdict == "advice"
    assert done.learned.judgement is None
    assert (done.learned.wins, done.learned.losses) == (wins, 60 - wins)
    if wins == 0:
        assert done.body == BODY
        assert done.learned.calibration is None
    if wins == 1:
        assert done.learned.calibration is not None
        assert chance(done.learned.calibration, 1e9).value <= 0.5


def test_an_empty_table_leaves_the_card() -> None:
    none = table(BODY, [1.0, 0.0, 0.0], leads=1)
    empty = replace(
        none,
        **{name: getattr(none, name)[:0] for name in ("leads", "accounts", "at", "known_at", "won", "weights", "current")},
        last_at=none.last_at[:0],
        pages=none.pages[:0],
        counts={days: each[:0] for days, each in none.counts.items()},
    )
    done = train(empty, BODY, base=4, capacity=5, seed=1, now_ms=0)
    assert (done.body, done.learned.leads, done.learned.verdict) == (BODY, 0, "advice")


def test_wins_of_the_last_weeks_wait_for_the_losses_of_the_same_weeks() -> None:
    whole = table(BODY, [1.5, 0.0, 0.7], leads=200)
    early = trained(whole, now_ms=int(np.median(whole.at)))
    assert early.learned.snapshots == (whole.at + 10 * DAY_MS <= np.median(whole.at)).sum()
    assert early.learned.censored > whole.censored


def test_the_fading_that_ranks_best_is_found() -> None:
    told = trained(
        table(card(rule("good", 5), rule("noise", 1)), [4.0, 0.0], leads=900, fading=3.0),
        card(rule("good", 5), rule("noise", 1)),
    ).learned
    assert told.half_life_days in (3.0, 7.0)
    areas = {one.days: one.auc or 0 for one in told.half_lives}
    assert areas[3.0] > areas[30.0]


def test_what_sales_wrote_is_learned_from_only_when_asked_for() -> None:
    body = card(rule("good", 1), rule("note", 5))
    plain = table(body, [0.5, 0.0], leads=200)
    late = replace(plain, features=(plain.features[0], Feature("note", None, 5.0, after_contact=True)))
    assert [one.rule for one in trained(late, body).learned.weights] == ["good"]
    assert [one.rule for one in trained(late, body, allow_leaks=True).learned.weights] == ["good", "note"]


def test_a_planted_leak_is_told() -> None:
    plain = table(BODY, [0.5, 0.0, 0.0], leads=200)
    counts = {days: each.copy() for days, each in plain.counts.items()}
    for each in counts.values():
        each[:, 1] = plain.won
    (found,) = trained(replace(plain, counts=counts)).learned.suspects
    assert (found.feature, found.auc) == ("noise", 1.0)


def test_buckets_rise_on_the_proposal() -> None:
    body = card(rule("good", 1), DWELL)
    done = trained(table(body, [0.2, 0.6, 0.0, 0.6], leads=400), body)
    assert lint(done.body) == []
    assert [one.bucket for one in done.learned.weights] == [None, 0, 1, 2]
    points = [worth for _, worth in done.body["rules"][1]["buckets"]]
    assert points == sorted(set(points))


def test_a_card_that_cannot_be_published_is_refused() -> None:
    with pytest.raises(ScorecardError):
        trained(table(BODY, [1.0, 0.0, 0.0], leads=20), {**BODY, "p50": 0})
