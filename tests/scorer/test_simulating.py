"""Simulating a scorecard: what it says is what publishing does, and it writes nothing."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from scorer.core.scorecard import ScorecardError
from scorer.core.simulation import Placed, Simulation
from scorer.hot_list import Wanted, rank
from scorer.publishing import publish
from scorer.rescoring import fill
from scorer.scorecards import current_cards
from scorer.simulating import simulate
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, download, engaged, identify, page, passer_by, track
from tests.tracker.conftest import contents
from tracker.sites import Site, load_sites

SHIPPED: dict[str, Any] = msgspec.json.decode(files("scorer.cards").joinpath("default.json").read_bytes())
Event = dict[str, Any]
PATHS = [
    "/",
    "/products/pump",
    "/products/valve",
    "/pricing",
    "/blog/a",
    "/contact",
    "/careers",
    "/docs/x",
    "/cases/y",
    "/plans",
]


def card(**changes: Any) -> dict[str, Any]:
    """The shipped card with other sections."""
    return copy.deepcopy(SHIPPED) | changes


def with_points(rule: str, points: float, **changes: Any) -> dict[str, Any]:
    """The shipped card with other points for one rule."""
    body = card(**changes)
    next(one for one in body["rules"] if one["id"] == rule)["points"] = points
    return body


CARDS: dict[str, dict[str, Any]] = {
    "the same": card(),
    "prices matter": with_points("pricing", 40),
    "forms don't": with_points("form", 0, hot={"enter": 30, "leave_ratio": 0.6}, warm=10),
    "short memory": card(half_life_days=3),
    "long memory": card(half_life_days=60),
    "capacity": card(hot={"enter": 60, "leave_ratio": 0.7, "per_week": 4}),
    "fit and staff": card(
        fit={"criteria": [{"id": "boss", "label": {"en": "Boss"}, "field": "seniority", "values": "executive"}]},
        exclusions=[
            {"id": "us", "label": {"en": "Us"}, "reason": "staff", "match": {"company_domain": "firm1.example"}},
            {"id": "gone", "label": {"en": "Gone"}, "reason": "unsubscribed", "match": {"event": "Unsubscribed"}},
        ],
    ),
}


def crowd(seed: int, people: int = 160) -> list[Event]:
    """What some people did in four months: strangers, readers, buyers on two browsers, staff, job seekers, won leads."""
    chance, made = random.Random(seed), list[Event]()
    for number in range(people):
        who, keenness = f"v{number}", chance.random() ** 3
        for visit in range(1 + int(6 * keenness + chance.random())):
            at = NOW - chance.randint(1, 115 * 24) * HOUR
            browser = who if visit % 2 else f"{who}-phone"
            for place in range(1 + int(chance.random() * 6)):
                view, seen = f"{browser}-{visit}-{place}", at + place * 3 * MINUTE
                made.append(page(browser, chance.choice(PATHS), seen, view=view))
                if chance.random() < 0.5:
                    made.append(engaged(browser, view, chance.randint(5, 170), seen + 2 * MINUTE))
            if chance.random() < keenness:
                made.append(download(browser, chance.choice(["price-list.pdf", "sheet.pdf"]), at + 20 * MINUTE))
                made.append(track(browser, "Form Submitted", at + 21 * MINUTE, form_id=chance.choice(["enquiry", "search"])))
            if chance.random() < keenness:
                traits = {"email": f"{who}@firm{number % 5}.example", "title": chance.choice(["CEO", "Student", "Buyer"])}
                made.append(identify(browser, at + 22 * MINUTE, **traits))
            if chance.random() < 0.05:
                made.append(track(browser, "Unsubscribed", at + 23 * MINUTE))
            if chance.random() < keenness / 3:
                made.append(track(browser, "Lead Won", min(at + 3 * DAY, NOW - HOUR), value=1000))
    return sorted(made, key=lambda event: str(event["timestamp"]))


class Office:
    """A world with a crowd in it, and what can be asked of its scorecards."""

    def __init__(self, world: World, events: list[Event]) -> None:
        self.world, self.database, self.events = world, world.database, len(events)
        world.feed(events)

    @property
    def site(self) -> Site:
        with self.database.reading() as connection:
            return load_sites(connection)[self.world.nordwind.id]

    def simulate(self, body: object, **options: Any) -> Simulation:
        return simulate(self.database, self.site, body, NOW, listed=1000, **options)[1]

    def publish(self, body: object, now: int = NOW) -> int:
        with self.database.writing() as connection:
            number = publish(connection, self.site, body, "ada", "a test", now).number
        self.fill(now)
        return number

    def fill(self, now: int = NOW, **options: Any) -> bool:
        return fill(self.database, lambda: now, **options)

    def hot_list(self, now: int = NOW) -> list[tuple[str, float]]:
        """Ids and scores as salespeople are shown them."""
        with self.database.reading() as connection:
            stored = current_cards(connection)[self.site.id]
            rows = rank(connection, stored, Wanted(), None, 100_000, now).rows
            return [(row.id, stored.card.score(row.heat, now)) for row in rows]


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    made = Office(World(database_url), crowd(7))
    yield made
    made.database.close()


def listed(some: list[Placed]) -> list[tuple[str, float]]:
    return [(one.lead_id, one.score) for one in some]


@pytest.mark.parametrize("names", [tuple(CARDS)[:2], tuple(CARDS)[2:4], tuple(CARDS)[4:6], tuple(CARDS)[6:]])
def test_what_simulating_says_is_what_publishing_does(database_url: str, names: tuple[str, ...]) -> None:
    office = Office(World(database_url), crowd(1, 220))
    assert office.events > 2000
    seen = set()
    for name in names:
        before = office.hot_list()
        said = office.simulate(CARDS[name])
        office.publish(CARDS[name])
        after = office.hot_list()
        assert listed(said.hot_list) == after, name
        was, now = {lead for lead, _ in before}, {lead for lead, _ in after}
        assert {one.lead_id for one in said.enters} == now - was
        assert {one.lead_id for one in said.leaves} == was - now
        assert (said.entering, said.leaving, said.staying) == (len(now - was), len(was - now), len(now & was))
        assert (said.current.hot, said.proposed.hot) == (len(was), len(now))
        assert [one.rank for one in said.hot_list] == list(range(1, len(after) + 1))
        places = {lead: place for place, (lead, _) in enumerate(before, start=1)}
        assert [one.current_rank for one in said.hot_list] == [places.get(lead) for lead, _ in after]
        assert all(one.current_score == dict(before)[one.lead_id] for one in said.hot_list if one.lead_id in was)
        seen.add(tuple(after))
    assert len(seen) == len(names)  # Each card makes another list: nothing is compared with itself.
    office.database.close()


def test_nothing_is_written(office: Office) -> None:
    before = contents(office.database)
    for body in CARDS.values():
        office.simulate(body)
    assert contents(office.database) == before


def test_the_current_card_changes_nothing(office: Office) -> None:
    said = office.simulate(SHIPPED)
    assert (said.entering, said.leaving) == (0, 0)
    assert said.staying == len(office.hot_list()) > 0
    assert said.rank_correlation == pytest.approx(1.0, abs=1e-3)  # ties come apart by rounding on another scale
    assert said.current == said.proposed


def test_the_days_bound_alerts_and_wins(office: Office) -> None:
    quarter, week = office.simulate(SHIPPED), office.simulate(SHIPPED, days=7)
    assert quarter.wins > week.wins
    assert (quarter.days, week.days) == (90, 7)
    assert quarter.leads >= week.leads  # ten half-lives reach beyond both
    assert quarter.events <= office.events
    assert quarter.current.alerts_per_week > 0
    with pytest.raises(ValueError, match="at least 1"):
        office.simulate(SHIPPED, days=0)


def test_alerts_are_what_sales_were_told(database_url: str) -> None:
    # Fed one by one as they happened, so that the feed has every entering at its time.
    world = World(database_url)
    events = [event for number in range(6) for event in buyer(f"b{number}", NOW - number * DAY)]
    office = Office(world, sorted([*events, *passer_by("p")], key=lambda event: str(event["timestamp"])))
    said = office.simulate(SHIPPED, days=14)
    assert said.current.alerts_per_week == 6 / 2
    assert said.current.hot == 6
    office.database.close()


def test_lift_counts_who_was_hot_before_it_was_won(database_url: str) -> None:
    world = World(database_url)
    events = [*buyer("won", NOW - 5 * DAY), *buyer("open"), *passer_by("cold won"), *passer_by("cold")]
    events += [track(who, "Lead Won", NOW - DAY) for who in ("won", "cold won")]
    office = Office(world, events)
    said = office.simulate(SHIPPED)
    now = said.current
    assert (said.wins, now.wins_hot, now.all_hot, said.leads) == (2, 1, 2, 4)
    assert (now.wins_share, now.all_share, now.lift) == (0.5, 0.5, 1.0)
    harsh = office.simulate(card(hot={"enter": 500}))
    assert (harsh.proposed.wins_hot, harsh.proposed.lift) == (0, None)
    office.database.close()


def test_without_leads_there_is_nothing_to_say(database_url: str) -> None:
    office = Office(World(database_url), [])
    said = office.simulate(SHIPPED)
    assert (said.leads, said.events, said.wins, said.hot_list, said.rank_correlation) == (0, 0, 0, [], None)
    assert (said.current.lift, said.current.wins_share, said.current.all_share) == (None, None, None)
    office.database.close()


def test_the_threshold_by_capacity_gives_as_many_as_can_be_called(office: Office) -> None:
    def alerts(per_week: int) -> tuple[float, float]:
        body = card(hot={"enter": 60, "leave_ratio": 0.7, "per_week": per_week}, warm=5)
        told, said = simulate(office.database, office.site, body, NOW, days=28)
        assert told.warm <= told.hot.enter * told.hot.leave_ratio
        return told.hot.enter, said.proposed.alerts_per_week

    few, some, many = alerts(1), alerts(4), alerts(10_000)
    assert few[0] > some[0] > many[0] == 5  # as many as there are never make a lead hot that isn't warm
    assert few[1] <= 1
    assert 3 < some[1] <= 4


def test_what_is_stored_has_the_threshold_that_was_simulated(office: Office) -> None:
    body = CARDS["capacity"]
    told, _ = simulate(office.database, office.site, body, NOW)
    office.publish(body)
    with office.database.reading() as connection:
        stored = current_cards(connection)[office.site.id].card.scorecard
    assert stored == told
    assert stored.hot.enter != 60
    assert stored.hot.per_week == 4


@pytest.mark.parametrize("call", [lambda office, body: office.simulate(body), lambda office, body: office.publish(body)])
def test_a_card_with_problems_is_refused_with_all_of_them(sqlite_url: str, call: Callable[[Office, object], object]) -> None:
    office = Office(World(sqlite_url), [])
    with pytest.raises(ScorecardError) as refused:
        call(office, card(p50=0, warm=-1))
    assert {problem.path for problem in refused.value.problems} == {"p50", "warm"}
    office.database.close()


def test_progress_ends_with_all_leads(office: Office) -> None:
    told: list[tuple[int, int]] = []
    said = office.simulate(SHIPPED, progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (said.leads, said.leads)
