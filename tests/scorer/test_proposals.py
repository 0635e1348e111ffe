"""Proposed cards: kept, decided on once, and scored by only when somebody has said so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scorer import calibrations, proposals
from scorer.auditing import read_log
from scorer.core.decay import DAY_MS
from scorer.core.learned import Learned
from scorer.core.scorecard import ScorecardError
from scorer.proposals import ProposalError
from scorer.publishing import PublishingError, publish, rollback
from scorer.rescoring import is_wanted
from scorer.scorecards import CardStatus, current_cards, find_card, list_cards
from tests.factories import DAY, NOW, World, buyer, passer_by
from tests.learned_samples import CALIBRATION, learned
from tests.scorer.test_simulating import CARDS, Office, with_points


@pytest.fixture
def small(database_url: str) -> Iterator[Office]:
    made = Office(World(database_url), [*buyer("a"), *passer_by("c")])
    yield made
    made.database.close()


BODY = with_points("pricing", 40)


def propose(office: Office, body: dict[str, Any] = BODY, told: Learned | None = None, now: int = NOW) -> int:
    with office.database.writing() as connection:
        return proposals.propose(connection, office.site, body, told or learned(), "ada", now)


def promote(office: Office, number: int, now: int = NOW, why: str = "better") -> int:
    with office.database.writing() as connection:
        stored = proposals.promote(connection, office.site, number, "ben", why, now)
    assert stored.card.decay.landmark_ms == now // DAY_MS * DAY_MS
    return stored.number


def cards(office: Office) -> list[CardStatus]:
    with office.database.reading() as connection:
        return list_cards(connection, office.site.id)


def states(office: Office) -> list[tuple[int, str]]:
    return [(one.number, one.state) for one in cards(office)]


def known(office: Office) -> list[tuple[int, str]]:
    with office.database.reading() as connection:
        return [(one.number, one.state) for one in proposals.list_proposals(connection, office.site.id)]


def test_nobody_is_scored_by_a_proposal(small: Office) -> None:
    before = small.hot_list()
    assert propose(small) == 2
    assert states(small) == [(2, "proposed"), (1, "current")]
    with small.database.reading() as connection:
        assert not is_wanted(connection)
        found = proposals.find(connection, small.site.id, 2)
        assert proposals.find(connection, small.site.id, 1) is None, "nobody has learned it"
        assert proposals.find(connection, small.world.huadong.id, 2) is None
        assert found == proposals.open_proposal(connection, small.site.id)
        stored = find_card(connection, small.site.id, 2)
        assert stored is not None
        assert calibrations.calibration_of(connection, stored.id) == CALIBRATION
    assert found == proposals.Proposal(2, NOW, "proposed", BODY, learned(), None)
    small.fill()
    assert small.hot_list() == before


def test_a_proposal_is_published_under_its_number(small: Office) -> None:
    propose(small)
    later = NOW + 3 * DAY
    assert promote(small, 2, later) == 2
    assert states(small) == [(2, "filling"), (1, "current")]
    assert known(small) == [(2, "published")]
    small.fill(later)
    assert next((one.number, one.state, one.published_at) for one in cards(small)) == (2, "current", later)
    with small.database.writing() as connection:
        assert rollback(connection, small.site, "ben", "no good", later).number == 1
    small.fill(later)
    assert states(small) == [(2, "past"), (1, "current")]
    assert known(small) == [(2, "published")]
    with small.database.reading() as connection:
        [entry, *_] = [one for one in read_log(connection, small.site.id) if one.action == "publish"]
    assert (entry.actor, entry.subject, entry.why, entry.detail) == (
        "ben",
        "scorecard 2",
        "better",
        {"before": 1, "proposed": True},
    )


def test_publishing_finds_the_threshold_that_the_card_asks_for(small: Office) -> None:
    propose(small, CARDS["capacity"])
    with small.database.writing() as connection:
        stored = proposals.promote(connection, small.site, 2, "ben", "better", NOW)
    with small.database.writing() as connection:
        again = publish(connection, small.site, CARDS["capacity"], "ada", "the same", NOW)
    assert stored.card.enter == again.card.enter != CARDS["capacity"]["hot"]["enter"]


def test_a_later_proposal_withdraws_the_one_before(small: Office) -> None:
    assert [propose(small), propose(small)] == [2, 3]
    assert known(small) == [(3, "proposed"), (2, "refused")]
    assert states(small) == [(3, "proposed"), (2, "dropped"), (1, "current")]
    with pytest.raises(ProposalError):
        promote(small, 2)
    assert small.publish(CARDS["short memory"]) == 4
    assert known(small)[0] == (3, "proposed"), "what a person publishes withdraws nothing"


def test_a_proposal_is_decided_on_once(small: Office) -> None:
    propose(small)
    with small.database.writing() as connection:
        proposals.refuse(connection, small.site, 2, "ben", "too few leads", NOW)
    assert known(small) == [(2, "refused")]
    for attempt in (proposals.promote, proposals.refuse):
        with small.database.writing() as connection, pytest.raises(ProposalError):
            attempt(connection, small.site, 2, "ben", "again", NOW)
    with small.database.reading() as connection:
        [entry, *_] = read_log(connection, small.site.id)
    assert (entry.action, entry.subject, entry.why) == ("refuse", "scorecard 2", "too few leads")


def test_who_decides_says_why(small: Office) -> None:
    propose(small)
    for attempt in (proposals.promote, proposals.refuse):
        with small.database.writing() as connection, pytest.raises(PublishingError):
            attempt(connection, small.site, 2, "ben", " ", NOW)
    assert known(small) == [(2, "proposed")]


def test_numbers_that_are_no_proposals_are_refused(small: Office) -> None:
    for number in (1, 7):
        with small.database.writing() as connection, pytest.raises(ProposalError):
            proposals.promote(connection, small.site, number, "ben", "x", NOW)


def test_a_card_that_makes_no_sense_is_not_proposed(small: Office) -> None:
    with pytest.raises(ScorecardError):
        propose(small, {"format": 1})
    assert states(small) == [(1, "current")]


def test_a_calibration_is_renewed_and_its_promise_stays(small: Office) -> None:
    with small.database.writing() as connection:
        card_id = current_cards(connection)[small.site.id].id
        assert calibrations.calibration_of(connection, card_id) is None
        assert calibrations.promise_of(connection, card_id) is None
        calibrations.promise_anew(connection, card_id)
        calibrations.keep(connection, card_id, CALIBRATION)
        later = type(CALIBRATION)(*(-2.0, 0.2, 0.04, 0.0, 0.0001, 61, 900, 90, NOW + 1, False))
        calibrations.keep(connection, card_id, later)
        assert calibrations.calibration_of(connection, card_id) == later
        assert calibrations.promise_of(connection, card_id) == CALIBRATION
        calibrations.promise_anew(connection, card_id)
        assert calibrations.promise_of(connection, card_id) == later


def test_a_lead_s_chance_is_told_beside_its_score(small: Office) -> None:
    lead = small.world.nordwind.lead("a")
    client = small.world.client()
    before = client.get(f"/api/v1/leads/{lead}").json
    assert before is not None
    assert before["chance"] is None
    with small.database.writing() as connection:
        calibrations.keep(connection, current_cards(connection)[small.site.id].id, CALIBRATION)
    after = client.get(f"/api/v1/leads/{lead}").json
    assert after is not None
    told = after.pop("chance")
    assert 0 < told["low"] < told["value"] < told["high"] < 1
    assert (told["horizon_days"], told["advice"]) == (90, False)
    assert after["score"] == before["score"]
    small.world.client("ben").post(f"/api/v1/leads/{lead}/outcome", json={"kind": "won"})
    won = client.get(f"/api/v1/leads/{lead}").json
    assert won is not None
    assert won["status"] == "won"
    assert won["chance"] is None
