"""Alarms of learning: raised once, over when it is over, and put away by people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from scorer import calibrations, learning_alarms, proposals, trainings
from scorer.core.drift import Drift
from scorer.core.labels import pick
from scorer.core.learned import Calibration
from scorer.learning_alarms import AlarmError, alarm_signs, open_alarms
from scorer.proving import stood_since
from scorer.scorecards import current_cards
from tests.factories import DAY, NOW, World, buyer, page, track
from tests.learned_samples import CALIBRATION, learned
from tests.scorer.test_simulating import Office, with_points

COLD = Drift("calibration", 400, 12, 61.4, 12)
LOST = Drift("ranking", 400, 12, 0.7, 0.61)


@pytest.fixture
def small(database_url: str) -> Iterator[Office]:
    made = Office(World(database_url), buyer("a"))
    yield made
    made.database.close()


def settle(office: Office, drifts: Sequence[Drift], now: int = NOW) -> list[str]:
    with office.database.writing() as connection:
        learning_alarms.settle(connection, office.site, drifts, now)
        return [one.kind for one in open_alarms(connection, office.site.id)]


def test_an_alarm_is_raised_once_and_is_over_by_itself(small: Office) -> None:
    assert settle(small, [COLD]) == ["calibration"]
    assert settle(small, [COLD, LOST], NOW + DAY) == ["ranking", "calibration"]
    with small.database.reading() as connection:
        newest, first = open_alarms(connection, small.site.id)
        assert open_alarms(connection, small.world.huadong.id) == []
    assert (newest.at, first.at) == (NOW + DAY, NOW)
    assert first.told.en == "Scorecard 1 told chances that add up to 61 wins among 400 leads; there were 12."
    assert "0.61" in newest.told.en
    assert "0.61" in pick(newest.told, "zh")
    assert settle(small, [LOST]) == ["ranking"]
    assert settle(small, []) == []
    assert settle(small, [COLD]) == ["calibration"], "it may come again"


def test_alarms_of_a_card_that_is_gone_are_over(small: Office) -> None:
    settle(small, [COLD])
    small.publish(with_points("pricing", 20))
    assert settle(small, [LOST]) == ["ranking"]
    assert settle(small, [COLD]) == ["calibration"]


def test_who_puts_a_calibration_alarm_away_has_it_judged_by_what_is_known_now(small: Office) -> None:
    settle(small, [COLD])
    later = msgspec.structs.replace(CALIBRATION, intercept=-4.0, made_at=NOW + DAY)
    with small.database.writing() as connection:
        stored = current_cards(connection)[small.site.id]
        for one in (CALIBRATION, later):
            calibrations.keep(connection, stored.id, one)
        assert learning_alarms.promises(connection, stored) == (CALIBRATION, None, NOW)
        [alarm] = open_alarms(connection, small.site.id)
        learning_alarms.clear(connection, small.site, alarm.id, "ada", NOW + DAY)
        assert open_alarms(connection, small.site.id) == []
        assert learning_alarms.promises(connection, stored) == (later, None, NOW + DAY)
        with pytest.raises(AlarmError):
            learning_alarms.clear(connection, small.site, alarm.id, "ada", NOW + DAY)


def test_a_learned_card_is_held_to_its_backtest(small: Office) -> None:
    with small.database.writing() as connection:
        proposals.propose(connection, small.site, with_points("pricing", 20), learned(), "ada", NOW)
        proposals.promote(connection, small.site, 2, "ada", "better", NOW)
    small.fill(NOW + DAY)
    with small.database.reading() as connection:
        stored = current_cards(connection)[small.site.id]
        calibration, least, since = learning_alarms.promises(connection, stored)
    assert calibration == CALIBRATION
    assert least == pytest.approx(0.75)
    assert since == NOW + DAY


def test_doctor_tells_of_alarms(small: Office) -> None:
    here: Any = SimpleNamespace(database=small.database)
    assert list(alarm_signs(here)) == []
    settle(small, [COLD])
    [sign] = alarm_signs(here)
    assert sign.verdict == "note"
    assert sign.what.en.startswith("nordwind: Scorecard 1 told chances")
    assert list(alarm_signs(here, [small.world.huadong.id])) == []
    settle(small, [])
    with small.database.writing() as connection:
        training = trainings._add(connection, small.site.id, "ada", NOW)
        assert training is not None
        trainings.fail(connection, training, trainings.INTERRUPTED)
    [sign] = alarm_signs(here)
    assert (sign.what.en, sign.mend) == ("nordwind: the last training failed.", trainings.INTERRUPTED)


def test_a_promise_that_is_broken_is_found_in_what_happened_since(small: Office) -> None:
    """Everybody is as warm as can be, and half of them are won; the card has promised next to nothing."""
    start = NOW - 60 * DAY
    events = [page(f"v{number}", "/pricing", start + number * 1000) for number in range(50)]
    small.world.feed([*events, *(track(f"v{number}", "Lead Won", start + 9 * DAY) for number in range(25))])
    bold = Calibration(-6.0, 0.0, 0.0001, 0.0, 0.0, 300, 3000, 30, start, False)
    with small.database.writing() as connection:
        stored = current_cards(connection)[small.site.id]
        assert learning_alarms.look(connection, small.site, NOW) == [], "nothing was promised"
        calibrations.keep(connection, stored.id, bold)
        [found] = learning_alarms.look(connection, small.site, NOW)
        assert (found.kind, found.leads, found.wins) == ("calibration", 50, 25)
        assert learning_alarms.look(connection, small.site, start + 20 * DAY) == [], "the horizon isn't over"
        [stood] = stood_since(connection, small.site, [stored.card], start, 30, NOW)
        assert len({one.points for one in stood}) <= 50
        assert all(one.points > 0 for one in stood)
