"""A stored model applied to a lead: chances that add up, silence where it is unsure, reasons that speak for the class."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.class_words import told_examples, told_judgement, told_missing
from scorer.core.classifying import Classifier, ClassJudgement, ClassModel, calibrated, learnable
from scorer.core.labels import Label
from scorer.core.lead_features import BASICS, Seen, features_of, named, subject_of, told_feature
from scorer.core.proportions import rate
from scorer.core.rules import Card
from scorer.core.score import RuleTotal, Totals
from scorer.core.scorecard import Hot, Rule, Scorecard

JUDGED = ClassJudgement(
    "tells",
    40,
    10,
    {"pumps": 24, "valves": 16},
    {},
    "pumps",
    accuracy=rate(36, 40),
    majority=rate(24, 40),
    told=rate(30, 32),
    told_majority=rate(20, 32),
    p_value=0.0,
    calibration_error=0.02,
)
MODEL = ClassModel(
    trained_at=0,
    seed=0,
    labels=("pumps", "valves"),
    shares=(0.6, 0.4),
    intercepts=(0.0, 0.0),
    coefficients=((2.0, 0.5, 0.5, 0.0), (-2.0, -0.5, -0.5, 0.0)),
    features=("topic:pumps", "downloads", "did:prices", "heat:prices"),
    means=(0.5, 1.0, 0.5, 0.1),
    scales=(0.5, 0.5, 0.5, 0.1),
    lows=(0.0, 0.0, 0.0, 0.0),
    highs=(1.0, 2.0, 2.0, 1.0),
    trust=1.0,
    threshold=0.8,
    judgement=JUDGED,
)
CARD = Card(Scorecard(1, Label("Tiny"), 40, Hot(60), 20, [Rule("prices", Label("Prices", "价格"), "page_view", 5)]), 0)
values = st.dictionaries(st.sampled_from([*MODEL.features, "visits", "country:DE"]), st.floats(-10, 10), max_size=6)


@given(values, st.floats(0, 3))
def test_a_class_is_told_only_from_the_threshold_on(features: dict[str, float], trust: float) -> None:
    told = Classifier(msgspec.structs.replace(MODEL, trust=trust)).classify(features)
    assert 0.5 - 1e-9 <= told.confidence <= 1
    assert told.margin == pytest.approx(2 * told.confidence - 1)
    assert told.guess in MODEL.labels
    if told.label is not None:
        assert told.label == told.guess
        assert told.confidence >= 0.8
    weights = [round(one.weight, 3) for one in told.reasons]
    assert weights == sorted(weights, reverse=True)
    assert all(one.feature in features and one.weight > 0 for one in told.reasons)
    assert len({subject_of(one.feature) for one in told.reasons}) == len(told.reasons) <= 3


@given(values)
def test_a_model_that_came_back_from_json_says_the_same(features: dict[str, float]) -> None:
    again = msgspec.json.decode(msgspec.json.encode(MODEL), type=ClassModel)
    assert Classifier(again).classify(features) == Classifier(MODEL).classify(features)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.floats(0, 3), st.data())
def test_chances_add_up_and_without_trust_are_the_shares(logits: list[float], trust: float, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.floats(0.05, 1), min_size=len(logits), max_size=len(logits)))
    shares = [part / sum(parts) for part in parts]
    logs = [math.log(share) for share in shares]
    assert sum(calibrated(logits, logs, trust)) == pytest.approx(1)
    assert calibrated(logits, logs, 0.0) == pytest.approx(shares)


def test_clear_cases_both_ways_and_an_unclear_one() -> None:
    classifier = Classifier(MODEL)
    pumps = classifier.classify({"topic:pumps": 1.0, "downloads": math.log1p(4), "country:DE": 1.0})
    assert (pumps.label, [one.feature for one in pumps.reasons]) == ("pumps", ["topic:pumps", "downloads"])
    valves = classifier.classify({"did:prices": 0.01, "downloads": 0.0})
    assert valves.label == "valves"
    assert [(one.feature, one.low) for one in valves.reasons] == [("downloads", True), ("did:prices", False)]
    unclear = classifier.classify({"topic:pumps": 0.4, "downloads": 1.0, "did:prices": 0.5})
    assert (unclear.label, unclear.guess in MODEL.labels) == (None, True)


def test_of_a_lead_that_nothing_is_known_of_nothing_is_told() -> None:
    told = Classifier(MODEL).classify({"downloads": 9.0})
    assert told.label is None
    assert told.confidence >= 0  # although it may be quite sure


def test_what_lies_beyond_the_examples_counts_as_their_extremes() -> None:
    classifier = Classifier(MODEL)
    assert classifier.classify({"downloads": 2.0}).confidence == classifier.classify({"downloads": 50.0}).confidence


def test_a_model_without_threshold_never_tells() -> None:
    silent = Classifier(msgspec.structs.replace(MODEL, threshold=None))
    assert silent.classify({"topic:pumps": 1.0, "downloads": 2.0}).label is None


@given(st.dictionaries(st.text(max_size=5), st.integers(1, 20)))
def test_every_label_is_learnable_or_left_out(counts: dict[str, int]) -> None:
    kept, left_out = learnable(counts)
    assert kept | left_out == counts
    assert all(count >= 5 for count in kept.values())
    assert all(count < 5 for count in left_out.values())


# Features.


def test_a_lead_as_features() -> None:
    totals = Totals(
        heat=8.0,
        rules={"prices": RuleTotal(6.0, 3, 15.0, 0), "never": RuleTotal(0.0, 0, 0.0, 0)},
        topics={"pumps": 3.0, "hoses": 1.0},
        stages=(0.0, 2.0, 2.0),
        days={10: 1.0, 12: 1.0, 20: 2.0},
    )
    who = ("Head of Engineering", " Food  Industry", "DE", "decider", "search")
    seen = Seen(totals, 4, 9, 2, 600_000, 2, 0, 86_400_000, *who)
    told = features_of(seen)
    assert {name: round(math.expm1(told[name]), 6) for name in BASICS} == {
        **{"visits": 4, "pages": 9, "downloads": 2, "minutes": 10, "days": 3, "gap": 5, "span": 1, "devices": 2}
    }
    assert told["heat:prices"] == 0.75
    assert told["topic:pumps"] == 0.75
    assert told["stage:decision"] == 0.5
    assert {"industry:food industry", "country:DE", "role:decider", "function:engineering", "title:head"} <= told.keys()
    assert "did:never" not in told
    assert "stage:awareness" not in told
    assert all(math.isfinite(value) and value >= 0 for value in told.values())


def test_a_lead_of_which_nothing_is_known_has_the_basics_only() -> None:
    assert features_of(Seen(Totals())).keys() == BASICS.keys()


TOLD = {
    ("visits", math.log1p(1)): ("1 visit", "1 次访问"),
    ("downloads", math.log1p(3)): ("3 downloads", "3 次下载"),
    ("minutes", 0.0): ("hardly any reading", "几乎没有阅读"),
    ("did:prices", math.log1p(1)): ("“Prices” once", "“价格”1 次"),
    ("did:prices", math.log1p(4)): ("“Prices” 4 times", "“价格”4 次"),
    ("did:gone", math.log1p(2)): ("“gone” 2 times", "“gone”2 次"),
    ("heat:prices", 0.4): ("points from “Prices”", "得分来自“价格”"),
    ("topic:flow-meter", 0.4): ("reads about flow meter", "关注flow meter"),
    ("stage:decision", 0.4): ("stage: decision", "阶段：决策"),
    ("country:DE", 1.0): ("country: Germany", "国家或地区：德国"),
    ("industry:{n}", 1.0): ("industry: {n}", "行业：{n}"),
    ("channel:search", 1.0): ("came by: search", "来源渠道：搜索"),
    ("of tomorrow", 1.0): ("of tomorrow", "of tomorrow"),
}


@pytest.mark.parametrize(("feature", "value"), TOLD)
def test_a_feature_in_words(feature: str, value: float) -> None:
    assert (told_feature(feature, value, CARD, "en"), told_feature(feature, value, CARD, "zh")) == TOLD[feature, value]


def test_little_is_told_as_little() -> None:
    assert told_feature("visits", math.log1p(2), CARD, "en", low=True) == "only 2 visits"
    assert told_feature("visits", 0.0, CARD, "zh", low=True) == "没有访问"


def test_what_features_are_about() -> None:
    assert subject_of("did:prices") == subject_of("heat:prices") != subject_of("topic:prices")
    assert named("role:decider", CARD, "zh") == "决策者"


# Sentences.


def test_sentences_say_how_far_it_is_to_be_believed() -> None:
    assert "classes 80%, and 94% of these rightly (between 80% and 98%" in told_judgement(JUDGED, "en")
    assert "always saying “pumps” would be right about 62%" in told_judgement(JUDGED, "en")
    worse = msgspec.structs.replace(JUDGED, verdict="no_better", left_out={"hoses": 2}, commonest="{all}")
    assert "not better than always saying the commonest, “{all}” (60%)" in told_judgement(worse, "en")
    assert "不作任何判断" in told_judgement(worse, "zh")
    assert told_examples(worse, "en") == "Learned from 40 labelled leads. Too rare to be learned: hoses."
    assert "better than always saying" in told_judgement(msgspec.structs.replace(JUDGED, verdict="unsure"), "en")
    assert "1 have" in told_missing({"pumps": 9, "valves": 4}, "en")
    assert "enough labels" in told_missing({"pumps": 9, "valves": 5}, "en")
