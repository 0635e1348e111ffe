"""Classes from few examples: told where left-out leads show that they can be, silence where they can't."""

from __future__ import annotations

import random

import msgspec
import pytest

from scorer.core.classifying import Classifier, ClassModel
from scorer.learning.classes import TooFewLabels, learn

Lead = dict[str, float]


def some_leads(
    number: int, *, signal: float, seed: int = 1, labels: tuple[str, ...] = ("pumps", "valves")
) -> tuple[list[Lead], list[str], list[str]]:
    """Leads of which so great a share reads about what they are, the others about anything; each of a company of its own."""
    chance = random.Random(seed)
    leads, said = [], []
    for _ in range(number):
        label = chance.choice(labels)
        topic = label if chance.random() < signal else chance.choice(labels)
        lead = {"visits": chance.random() * 2, "downloads": chance.random(), f"topic:{topic}": 1.0}
        lead |= {f"country:{chance.choice('ABC')}": 1.0}
        lead |= {f"did:{rule}": chance.random() for rule in range(8) if chance.random() < 0.3}
        leads.append(lead)
        said.append(label)
    return leads, said, [str(place) for place in range(number)]


def learned(number: int, *, signal: float, seed: int = 1) -> ClassModel:
    return learn(*some_leads(number, signal=signal, seed=seed), seed=0, now_ms=5)


@pytest.fixture(scope="module")
def clear() -> ClassModel:
    return learned(40, signal=1.0)


def test_clear_labels_are_learned_from_forty_leads(clear: ClassModel) -> None:
    judged = clear.judgement
    assert judged.verdict == "tells"
    assert judged.told.of >= 30
    assert (judged.told.rate or 0) >= 0.9
    assert judged.accuracy.count > judged.majority.count
    assert (clear.trained_at, judged.examples, sum(judged.counts.values())) == (5, 40, 40)


def test_it_is_as_right_about_leads_that_it_has_never_seen(clear: ClassModel) -> None:
    leads, labels, _ = some_leads(300, signal=1.0, seed=2)
    classifier = Classifier(clear)
    told = [(classifier.classify(lead).label, label) for lead, label in zip(leads, labels, strict=True)]
    assert sum(said is not None for said, _ in told) > 200
    right = [said == label for said, label in told if said is not None]
    assert sum(right) / len(right) > 0.9
    assert classifier.classify(leads[0]).reasons[0].feature == f"topic:{labels[0]}"


def test_the_same_seed_gives_the_same_model(clear: ClassModel) -> None:
    assert msgspec.json.encode(learned(40, signal=1.0)) == msgspec.json.encode(clear)


@pytest.mark.parametrize("seed", range(6))
def test_labels_that_are_noise_teach_nothing(seed: int) -> None:
    model = learned(40, signal=0.0, seed=seed)
    assert model.judgement.verdict != "tells"
    assert model.threshold is None
    assert Classifier(model).classify({"topic:pumps": 1.0}).label is None


def test_saying_the_commonest_is_not_called_learning() -> None:
    leads, _, accounts = some_leads(60, signal=0.0)
    model = learn(leads, ["pumps"] * 54 + ["valves"] * 6, accounts, seed=0, now_ms=0)
    assert model.judgement.verdict == "no_better"
    assert model.judgement.majority.rate == 0.9


@pytest.mark.parametrize("labels", [[], ["pumps"] * 20, ["pumps"] * 20 + ["valves"] * 4])
def test_less_than_two_classes_are_not_learned(labels: list[str]) -> None:
    leads, _, accounts = some_leads(len(labels), signal=1.0)
    with pytest.raises(TooFewLabels):
        learn(leads, labels, accounts, seed=0, now_ms=0)


def test_rare_labels_are_left_out_by_name() -> None:
    leads, labels, accounts = some_leads(30, signal=1.0)
    labels[:3] = ["hoses"] * 3
    model = learn(leads, labels, accounts, seed=0, now_ms=0)
    assert model.judgement.left_out == {"hoses": 3}
    assert set(model.labels) == {"pumps", "valves"}
    assert model.judgement.examples == 27


def test_three_classes() -> None:
    model = learn(*some_leads(60, signal=1.0, labels=("a", "b", "c")), seed=0, now_ms=0)
    assert (model.labels, model.judgement.verdict) == (("a", "b", "c"), "tells")
    assert all(len(row) == len(model.features) for row in model.coefficients)


def test_colleagues_are_never_on_both_sides() -> None:
    """A country that only names the company tells nothing of other companies."""
    leads: list[Lead] = []
    labels, accounts = [], []
    chance = random.Random(3)
    for company in range(10):
        label = chance.choice(["pumps", "valves"])
        for _ in range(4):
            leads.append({f"industry:{company}": 1.0, "visits": chance.random()})
            labels.append(label)
            accounts.append(f"co_{company}")
    assert learn(leads, labels, accounts, seed=0, now_ms=0).judgement.verdict != "tells"


@pytest.mark.parametrize("accounts", ["one company", "no features"])
def test_what_cant_be_judged_is_not_told(accounts: str) -> None:
    leads, labels, own = some_leads(30, signal=1.0)
    if accounts == "one company":
        model = learn(leads, labels, ["co_1"] * 30, seed=0, now_ms=0)
    else:
        model = learn([{} for _ in leads], labels, own, seed=0, now_ms=0)
    assert (model.judgement.verdict, model.threshold) == ("no_better", None)
    assert Classifier(model).classify({"topic:pumps": 1.0}).label is None
