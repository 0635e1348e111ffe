"""What may come of leads, from outcomes as they are stored: for the list, a lead, an account, the hot leads together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from scorer import insights, jobs
from scorer.account_views import find_account, view_accounts
from scorer.calibrations import keep
from scorer.core.cycle import Cycle, decision_cycle
from scorer.core.deal_value import ExpectedValue, ValueModel
from scorer.core.learned import Calibration, chance
from scorer.core.periods import period
from scorer.core.segment import Condition
from scorer.insight_store import insight_at, insight_text
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.models import leads
from scorer.outcomes import decision_days, record
from scorer.reports.asking import Asked
from scorer.reports.deals import read_pipeline, read_value_model
from scorer.schedule import TIMETABLE
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, NOW, World, buyer, identify, page, track
from tracker.sites import load_sites

CALIBRATION = Calibration(-3.0, 0.05, 0.04, 0.0, 0.00001, 60, 900, 90, NOW, False)
MINUTE = HOUR // 60


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Eight deals in euros and one in dollars, three leads about to buy."""
    made = World(database_url)
    halden = {"company": "Halden Foods", "website": "https://halden.example"}
    made.feed(
        [
            *(track(f"won {n}", "Lead Won", NOW - n * DAY, value=1000 * n, currency="eur") for n in range(1, 9)),
            track("dollar", "Lead Won", NOW - DAY, value=9_000_000, currency="USD"),
            *buyer("nora", name="Nora North", email="nora@halden.example", **halden),
            *buyer("finn", name="Finn Halden", email="finn@halden.example", **halden),
            *buyer("emil", name="Emil East", email="emil@east.example"),
        ]
    )
    yield made
    made.database.close()


def model(world: World) -> ValueModel | None:
    with world.database.reading() as connection:
        return read_value_model(connection, current_cards(connection)[world.nordwind.id], world.now)


def calibrate(world: World, calibration: Calibration = CALIBRATION) -> None:
    with world.database.writing() as connection:
        keep(connection, current_cards(connection)[world.nordwind.id].id, calibration)


def say(world: World, who: str, kind: str, *, value: float | None = None) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        record(connection, site, world.nordwind.lead(who), kind, "ben", world.now, value=value, currency="EUR")  # type: ignore[arg-type]


def exclude(world: World, who: str, reason: str | None) -> None:
    with world.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == world.nordwind.lead(who)).values(exclusion=reason))


def viewed(world: World, who: str) -> tuple[ExpectedValue | None, float]:
    """What may come of a lead, and the chance that its points stand for."""
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
        view = Viewpoint(load_sites(connection)[world.nordwind.id], stored, world.now, "en", "https://x.example")
        row = find_leads(connection, stored.id, [world.nordwind.lead(who)])[world.nordwind.lead(who)]
        (lead,) = view_leads(connection, view, [row])
        return lead.expected_value, chance(CALIBRATION, stored.card.points(row.heat, world.now)).value


def test_the_model_is_of_the_deals_of_the_usual_currency(world: World) -> None:
    found = model(world)
    assert found is not None
    assert (found.currency, found.whole.deals, found.others) == ("EUR", 8, {"USD": 1})
    assert found.whole.median == pytest.approx((4000 * 5000) ** 0.5)
    assert (found.whole.low, found.whole.high) == (pytest.approx(1000), pytest.approx(8000))
    assert found.repeats is None


def test_what_is_taken_back_or_lost_since_is_no_deal(world: World) -> None:
    say(world, "won 8", "open")
    say(world, "won 7", "lost")
    found = model(world)
    assert found is not None
    assert found.whole.deals == 6
    assert found.whole.high == pytest.approx(6000)


def test_excluded_leads_tell_no_values_but_for_customers(world: World) -> None:
    exclude(world, "won 1", "staff")
    exclude(world, "won 2", "customer")
    found = model(world)
    assert found is not None
    assert found.whole.deals == 7


def test_colleagues_of_one_company_are_one_customer(world: World) -> None:
    say(world, "nora", "won", value=100)
    world.now += 30 * DAY
    say(world, "finn", "won", value=200)
    found = model(world)
    assert found is not None
    assert found.repeats is not None
    assert (found.repeats.again, found.repeats.purchases) == (1, 1)


def test_only_the_latest_deals_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.reports.deals.DEALS_AT_MOST", 3)
    found = model(world)
    assert found is not None
    assert found.whole.deals + sum(found.others.values()) == 3


def test_a_lead_has_no_value_before_one_was_reckoned_and_then_without_a_chance(world: World) -> None:
    assert viewed(world, "nora")[0] is None
    insights.refresh(world.database, world.now)
    found, _ = viewed(world, "nora")
    assert found is not None
    assert (found.amount, found.low, found.chance) == (None, None, None)
    assert found.if_won == 4472.14


def test_the_expected_value_is_chance_times_worth(world: World) -> None:
    insights.refresh(world.database, world.now)
    calibrate(world)
    found, likely = viewed(world, "nora")
    assert found is not None
    assert found.amount == pytest.approx(likely * found.if_won, abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.amount < found.high
    assert found.chance == pytest.approx(likely, abs=1e-4)
    assert (found.currency, found.deals, found.lifetime) == ("EUR", 8, None)


@pytest.mark.parametrize("kind", ["won", "lost", "junk"])
def test_nothing_more_is_expected_of_closed_leads(world: World, kind: str) -> None:
    insights.refresh(world.database, world.now)
    calibrate(world)
    say(world, "nora", kind)
    assert viewed(world, "nora")[0] is None
    assert viewed(world, "finn")[0] is not None


def test_an_excluded_lead_has_no_value_and_no_part_in_its_account(world: World) -> None:
    insights.refresh(world.database, world.now)
    calibrate(world)
    exclude(world, "finn", "staff")
    assert viewed(world, "finn")[0] is None
    with world.database.reading() as connection:
        stored = current_cards(connection)[world.nordwind.id]
        view = Viewpoint(load_sites(connection)[world.nordwind.id], stored, world.now, "en", "https://x.example")
        row = find_account(connection, world.nordwind.id, world.nordwind.account("halden.example"))
        assert row is not None
        (account,) = view_accounts(connection, view, [row])
    nora, _ = viewed(world, "nora")
    assert account.expected_value is not None
    assert nora is not None
    assert account.expected_value.amount == nora.amount
    assert account.expected_value.leads == 1


def asked(world: World, where: Condition | None = None) -> Asked:
    with world.database.reading() as connection:
        site, stored = load_sites(connection)[world.nordwind.id], current_cards(connection)[world.nordwind.id]
    return Asked(site, stored, period(None, None, world.now, ZoneInfo("Europe/Berlin")), world.now, where)


def test_the_hot_leads_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.database.reading() as connection:
        empty = read_pipeline(connection, asked(world))
    assert (empty.hot, empty.expected, empty.complete) == (3, None, True)
    insights.refresh(world.database, world.now)
    calibrate(world)
    values = {who: viewed(world, who)[0] for who in ("nora", "finn", "emil")}
    say(world, "emil", "lost")
    with world.database.reading() as connection:
        found = read_pipeline(connection, asked(world))
        named = read_pipeline(connection, asked(world, Condition(field="name", contains="Nora")))
        monkeypatch.setattr("scorer.reports.deals.HOT_AT_MOST", 1)
        cut = read_pipeline(connection, asked(world))
    assert (found.hot, named.hot, cut.hot, cut.complete) == (2, 1, 1, False)
    assert found.expected is not None
    amounts = [one.amount for one in (values["nora"], values["finn"]) if one is not None and one.amount is not None]
    assert found.expected.amount == pytest.approx(sum(amounts), abs=0.05)


def test_how_long_deals_take_is_kept_for_the_pages_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[object] = []

    def noting(first_at: int, now_ms: int, cycle: Cycle | None) -> None:
        places.append(cycle)

    monkeypatch.setattr("scorer.lead_views.cycle_position", noting)
    world.feed([*buyer("olga"), *buyer("pia")])
    for who in ("nora", "finn", "emil", "olga", "pia"):
        say(world, who, "won")
    viewed(world, "nora")
    insights.refresh(world.database, world.now)
    viewed(world, "nora")
    with world.database.reading() as connection:
        reckoned = decision_cycle(decision_days(connection, world.nordwind.id))
    assert reckoned is not None
    assert places == [None, reckoned]


def test_reckoning_happens_when_it_is_due_and_no_sooner(world: World) -> None:
    site_id = world.nordwind.id
    assert insights.refresh(world.database, NOW) == 6  # three kinds of two sites
    assert insights.refresh(world.database, NOW + MINUTE) == 0
    with world.database.reading() as connection:
        first = insight_text(connection, site_id, "value")
    say(world, "won 1", "open")
    assert insights.refresh(world.database, NOW + 9 * MINUTE) == 0
    assert insights.refresh(world.database, NOW + 10 * MINUTE, stopping=lambda: True) == 0
    # Nordwind's content is good for a day; on Huadong's site nothing has happened.
    assert insights.refresh(world.database, NOW + 10 * MINUTE) == 2
    world.feed([page("somebody", "/", NOW)], world.huadong)
    assert insights.refresh(world.database, NOW + 20 * MINUTE) == 3  # Nothing was found there, so all is looked for again.
    assert insights.refresh(world.database, NOW + 20 * MINUTE + 7 * DAY) == 6  # Deals age.
    with world.database.reading() as connection:
        assert insight_text(connection, site_id, "value") != first
        assert insight_at(connection, site_id, "value") == NOW + 20 * MINUTE + 7 * DAY
        assert insight_text(connection, world.huadong.id, "value") == "null"


def test_the_timetable_has_it() -> None:
    assert jobs.refresh_insights in {job for job, _ in TIMETABLE}


def test_two_processes_may_reckon_at_once(world: World) -> None:
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: insights.refresh(world.database, NOW), range(2)))
    assert 6 <= sum(done) <= 12
    found, _ = viewed(world, "nora")
    assert found is not None


def test_the_api_tells_it_and_its_tag_changes_with_it(world: World) -> None:
    client, path = world.client(), f"/api/v1/leads/{world.nordwind.lead('nora')}"
    before = client.get(path)
    assert before.json is not None
    assert before.json["expected_value"] is None
    insights.refresh(world.database, world.now)
    calibrate(world)
    after = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.json is not None
    told = after.json["expected_value"]
    assert set(told) == set(ExpectedValue.__struct_fields__)
    assert told["low"] < told["amount"] < told["high"]
    assert after.json["score"] == before.json["score"]  # it has no part in the score
    assert client.get(path, headers={"If-None-Match": after.headers["ETag"]}).status_code == 304
    hot = client.get("/api/v1/hot-leads").json
    assert hot is not None
    assert [one["expected_value"]["currency"] for one in hot["data"]] == ["EUR"] * 3
    accounts = client.get("/api/v1/accounts").json
    assert accounts is not None
    assert {one["expected_value"]["leads"] for one in accounts["data"]} == {1, 2}


def test_another_sites_deals_tell_nothing(world: World) -> None:
    world.feed(buyer("lin", name="Lin"), world.huadong)
    insights.refresh(world.database, world.now)
    told = world.client(company=world.huadong).get(f"/api/v1/leads/{world.huadong.lead('lin')}").json
    assert told is not None
    assert told["expected_value"] is None


def test_a_lead_of_which_more_is_known_is_compared_with_its_like(world: World) -> None:
    world.feed([identify(f"won {n}", NOW, company_size=20 if n % 2 else 500) for n in range(1, 9)])
    found = model(world)
    assert found is not None
    assert found.whole.deals == 8
