"""One person is one lead, whatever they come with; two people are two; and what was joined by mistake comes apart whole."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from scorer.by_hand import DecisionError, exclude, merge, unmerge
from scorer.core.joining import MAX_VISITORS
from scorer.explaining import explain
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.memberships import surviving
from scorer.models import accounts, audit, lead_changes, lead_scores, lead_visitors, leads
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, download, engaged, identify, page, track
from tracker.models import visitors
from tracker.sites import Site, load_sites


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def site_of(world: World) -> Site:
    with world.database.reading() as connection:
        return load_sites(connection)[world.nordwind.id]


def row_of(world: World, lead: str) -> Any:
    with world.database.reading() as connection:
        return connection.execute(select(leads).where(leads.c.id == lead)).one()


def score_of(world: World, lead: str) -> Any:
    with world.database.reading() as connection:
        return connection.execute(select(lead_scores).where(lead_scores.c.lead_id == lead)).one_or_none()


def lead_of(world: World, visitor: str) -> str:
    with world.database.reading() as connection:
        root = surviving(connection, world.nordwind.id, world.nordwind.lead(visitor))
        joined = lead_visitors.join(visitors, visitors.c.id == lead_visitors.c.visitor_id)
        stored = select(lead_visitors.c.lead_id).select_from(joined).where(visitors.c.key == visitor)
        assert connection.execute(stored).scalar_one() == root
        assert root is not None
        return root


def kinds(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as connection:
        rows = connection.execute(select(lead_changes).order_by(lead_changes.c.sequence))
        return [(row.lead_id, row.kind) for row in rows]


def reading(who: str, at: int, pages: int = 3, path: str = "/pricing") -> list[dict[str, Any]]:
    """Some pages, read for a while."""
    made = []
    for number in range(pages):
        view = f"{who}-{at}-{number}"
        made.append(page(who, f"{path}/{number}", at + number * MINUTE, view=view))
        made.append(engaged(who, view, 40, at + number * MINUTE + 45_000))
    return made


def test_what_a_browser_did_before_is_its_persons_history(world: World) -> None:
    world.feed(reading("desk", NOW - 2 * DAY))
    before = score_of(world, world.nordwind.lead("desk"))
    world.feed([identify("desk", NOW - DAY, email="Ada@halden.example", name="Ada Berg")])
    lead = row_of(world, world.nordwind.lead("desk"))
    assert (lead.kind, lead.name, lead.company_domain, lead.visitors) == ("person", "Ada Berg", "halden.example", 1)
    assert score_of(world, lead.id).heat > before.heat
    assert score_of(world, lead.id).page_views == 3


def test_two_browsers_of_one_person_are_one_lead_and_the_older_stays(world: World) -> None:
    world.feed([*reading("desk", NOW - 5 * DAY), identify("desk", NOW - 5 * DAY + HOUR, email="ada@halden.example")])
    world.feed(reading("phone", NOW - 2 * DAY))
    phone = world.nordwind.lead("phone")
    assert score_of(world, phone) is not None
    world.feed([identify("phone", NOW - DAY, email="ADA@halden.example ")])
    desk = world.nordwind.lead("desk")
    assert lead_of(world, "phone") == lead_of(world, "desk") == desk
    assert (row_of(world, phone).merged_into, row_of(world, desk).visitors) == (desk, 2)
    assert score_of(world, phone) is None
    assert score_of(world, desk).page_views == 6
    assert (phone, "merged") in kinds(world)
    # Whatever comes next from either of them counts for the one lead.
    heat = score_of(world, desk).heat
    world.feed(reading("phone", NOW - HOUR, path="/products/pump"))
    assert score_of(world, desk).heat > heat
    with world.database.reading() as connection:
        told = explain(connection, desk, NOW)
    assert told is not None
    assert told.heat == pytest.approx(score_of(world, desk).heat, rel=1e-9)


def test_the_other_id_answers_with_the_one_that_stays(world: World) -> None:
    world.feed([*buyer("desk", NOW - DAY), identify("desk", NOW - DAY, email="ada@halden.example")])
    world.feed([page("phone", "/", NOW - HOUR), identify("phone", NOW - HOUR, email="ada@halden.example")])
    desk, phone = (world.nordwind.lead(who) for who in ("desk", "phone"))
    answer = world.client().get(f"/api/v1/leads/{phone}").get_json()
    assert (answer["id"], answer["merged_into"]) == (desk, desk)
    assert world.client().get(f"/api/v1/leads/{desk}").get_json()["merged_into"] is None
    for part in ("timeline", "explanation"):
        assert world.client().get(f"/api/v1/leads/{phone}/{part}").status_code == 200
    listed = world.client().get("/api/v1/leads").get_json()["data"]
    assert [lead["id"] for lead in listed] == [desk]


def test_a_lead_that_sales_know_outlives_an_older_stranger(world: World) -> None:
    world.feed(reading("old stranger", NOW - 40 * DAY))
    world.feed([identify("crm", NOW - DAY, email="ada@halden.example", name="Ada")])
    world.feed([identify("old stranger", NOW - HOUR, email="ada@halden.example")])
    assert lead_of(world, "old stranger") == world.nordwind.lead("crm")
    assert row_of(world, world.nordwind.lead("crm")).first_at == NOW - 40 * DAY


def test_neither_network_nor_role_mailbox_makes_one_person_of_two(world: World) -> None:
    same = {"context": {"ip": "203.0.113.9"}}
    for who in ("one", "two"):
        world.feed([page(who, "/pricing", NOW - DAY) | same, identify(who, NOW - DAY, email="info@halden.example")])
    assert lead_of(world, "one") != lead_of(world, "two")
    one, two = (row_of(world, lead_of(world, who)) for who in ("one", "two"))
    assert one.account_id == two.account_id is not None  # of one company all the same


def test_two_ids_of_the_site_are_two_people_though_they_share_an_address(world: World) -> None:
    for who, user in (("one", "u1"), ("two", "u2")):
        world.feed([identify(who, NOW - DAY, email="family@home.example") | {"userId": user}])
    assert lead_of(world, "one") != lead_of(world, "two")


def test_a_second_person_on_one_browser_is_another_lead(world: World) -> None:
    world.feed(
        [*reading("kiosk", NOW - 3 * HOUR), identify("kiosk", NOW - 2 * HOUR, email="ada@halden.example", name="Ada")]
    )
    world.feed([identify("kiosk", NOW - HOUR, email="ben@other.example", name="Ben")])
    with world.database.reading() as connection:
        people = connection.execute(select(leads.c.name, leads.c.email).where(leads.c.kind == "person")).all()
    assert sorted(tuple(row) for row in people) == [("Ada", "ada@halden.example"), ("Ben", "ben@other.example")]
    assert score_of(world, world.nordwind.lead("kiosk")).page_views == 3
    # The same once more changes nothing: it is known whose it is.
    before = kinds(world)
    world.feed([identify("kiosk", NOW - 30 * MINUTE, email="ben@other.example", name="Ben")])
    assert kinds(world) == before


def test_a_form_that_was_marked_tells_who_it_is(world: World) -> None:
    world.feed(reading("reader", NOW - DAY))
    fields = {"Your e-mail": "ada@halden.example", "Company name": "Halden AG", "colour": "red"}
    world.feed([track("reader", "Form Submitted", NOW - HOUR, form_id="contact", fields=fields)])
    lead = row_of(world, world.nordwind.lead("reader"))
    assert (lead.kind, lead.email, lead.company_name) == ("person", "ada@halden.example", "Halden AG")


def test_an_alias_joins_what_came_before_and_what_comes_later(world: World) -> None:
    world.feed(reading("before", NOW - 2 * DAY))
    alias = identify("x", NOW - DAY) | {"type": "alias", "userId": "u7", "previousId": "before"}
    world.feed([alias | {"anonymousId": "desk"}])
    assert lead_of(world, "desk") == lead_of(world, "before")
    later = identify("x", NOW - DAY) | {"type": "alias", "userId": "u8", "previousId": "not yet seen", "messageId": "later"}
    world.feed([later | {"anonymousId": "tablet"}])
    world.feed(reading("not yet seen", NOW - HOUR))
    assert lead_of(world, "tablet") == lead_of(world, "not yet seen")


def test_caps_hold_over_all_browsers_of_a_person(world: World) -> None:
    """Six prices looked at on one day are worth what the cap allows, whether on one browser or on two."""
    for who in ("desk", "phone"):
        world.feed([identify(who, NOW - 20 * DAY, email="ada@halden.example")])
    world.feed([identify("alone", NOW - 20 * DAY, email="ben@other.example")])
    for number in range(6):
        at = NOW - 3 * HOUR + number * MINUTE
        world.feed([page(("desk", "phone")[number % 2], f"/pricing/{number}", at)])
        world.feed([page("alone", f"/pricing/{number}", at)])
    together, alone = (score_of(world, lead_of(world, who)) for who in ("desk", "alone"))
    with world.database.reading() as connection:
        views = [explain(connection, one.lead_id, NOW) for one in (together, alone)]
    priced = [[one.rule for one in told.contributions if "pricing" in one.rule] for told in views if told]
    assert len(priced[0]) == len(priced[1]) < 6


def test_a_name_shared_by_very_many_joins_no_more_of_them(world: World) -> None:
    for number in range(MAX_VISITORS + 5):
        world.feed([identify(f"test {number}", NOW - DAY + number * MINUTE, email="shared@halden.example")])
    with world.database.reading() as connection:
        most = connection.execute(select(func.max(leads.c.visitors))).scalar_one()
    assert most == MAX_VISITORS


def portraits(world: World) -> dict[str, Any]:
    """All that is shown of every lead, at a fixed moment."""
    with world.database.reading() as connection:
        card = current_cards(connection)[world.nordwind.id]
        ids = connection.execute(select(lead_scores.c.lead_id).where(lead_scores.c.scorecard_id == card.id)).scalars().all()
        rows = list(find_leads(connection, card.id, ids).values())
        view = Viewpoint(site_of(world), card, NOW, "en", "")
        return {lead.id: lead for lead in view_leads(connection, view, sorted(rows, key=lambda row: row.id))}


def test_two_hundred_random_merges_taken_back_leave_everything_as_it_was(database_url: str) -> None:
    world, chance = World(database_url), random.Random(5)
    for number in range(60):
        who = f"visitor {number}"
        start = NOW - chance.randrange(1, 40) * DAY
        events = reading(
            who, start, pages=chance.randrange(1, 6), path=chance.choice(["/pricing", "/products/pump", "/blog"])
        )
        if chance.random() < 0.5:
            events.append(download(who, "pump.pdf", start + HOUR))
        if chance.random() < 0.5:
            events.append(identify(who, start + 2 * HOUR, email=f"p{number}@firm{number % 7}.example"))
        world.feed(events)
    before = portraits(world)
    ranked = [lead["id"] for lead in world.client().get("/api/v1/leads?limit=100").get_json()["data"]]
    with world.database.reading() as connection:
        companies = connection.execute(select(accounts).order_by(accounts.c.id)).all()
    site, done = site_of(world), 0
    while done < 200:
        made: list[str] = []
        roots = list(before)
        while len(made) < 20:
            kept, lost = chance.sample(roots, 2)
            with world.database.writing() as connection:
                merge(connection, site, kept, lost, "test", "random", NOW)
            roots.remove(lost)
            made.append(lost)
        done += len(made)
        chance.shuffle(made)
        for lost in made:
            with world.database.writing() as connection:
                unmerge(connection, site, lost, "test", "taken back", NOW)
    after = portraits(world)
    assert after == before
    assert [lead["id"] for lead in world.client().get("/api/v1/leads?limit=100").get_json()["data"]] == ranked
    with world.database.reading() as connection:
        # A database adds up in any order, so the last digit of a company's heat may differ.
        now = connection.execute(select(accounts).order_by(accounts.c.id)).all()
        assert [{**one._mapping, "heat": 0} for one in now] == [{**one._mapping, "heat": 0} for one in companies]
        assert [one.heat for one in now] == pytest.approx([one.heat for one in companies], rel=1e-9)
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == 400
    world.database.close()


def test_what_a_person_has_separated_stays_apart(world: World) -> None:
    for who in ("one", "two"):
        world.feed([*reading(who, NOW - DAY), identify(who, NOW - DAY, email="shared@halden.example")])
    site, kept = site_of(world), lead_of(world, "one")
    lost = next(world.nordwind.lead(who) for who in ("one", "two") if world.nordwind.lead(who) != kept)
    with world.database.writing() as connection:
        unmerge(connection, site, lost, "ben", "two colleagues", NOW)
    world.feed([identify("two", NOW - HOUR, email="shared@halden.example", title="Buyer")])
    assert lead_of(world, "one") != lead_of(world, "two")
    with world.database.writing() as connection:
        merge(connection, site, kept, lost, "ben", "one after all", NOW)
    assert lead_of(world, "one") == lead_of(world, "two")


def test_decisions_that_make_no_sense_are_refused(world: World) -> None:
    world.feed([page("one", "/", NOW - DAY)])
    site, one = site_of(world), world.nordwind.lead("one")
    with world.database.writing() as connection:
        for refused in (
            lambda: merge(connection, site, one, one, "ben", "", NOW),
            lambda: merge(connection, site, one, "ld_aaaaaaaaaaaaaaaa", "ben", "", NOW),
            lambda: unmerge(connection, site, one, "ben", "", NOW),
            lambda: unmerge(connection, site, "ld_aaaaaaaaaaaaaaaa", "ben", "", NOW),
            lambda: exclude(connection, site, one, "ugly", "ben", "", NOW),
        ):
            with pytest.raises(DecisionError):
                refused()


def test_an_exclusion_by_hand_takes_a_lead_off_the_hot_list_and_back(world: World) -> None:
    world.feed(buyer("keen"))
    lead, site = world.nordwind.lead("keen"), site_of(world)

    def hot() -> list[str]:
        return [one["id"] for one in world.client().get("/api/v1/hot-leads").get_json()["data"]]

    assert hot() == [lead]
    for reason, listed in (("competitor", []), ("", [lead]), ("staff", []), (None, [lead])):
        with world.database.writing() as connection:
            exclude(connection, site, lead, reason, "ben", "known to us", NOW)
        assert hot() == listed
        assert row_of(world, lead).exclusion == (reason or None)
    assert [kind for _, kind in kinds(world) if kind in ("entered", "left")] == [
        "entered",
        "left",
        "entered",
        "left",
        "entered",
    ]
    # What it did meanwhile counts.
    heat = score_of(world, lead).heat
    with world.database.writing() as connection:
        exclude(connection, site, lead, "customer", "ben", "", NOW)
    world.feed(reading("keen", NOW - 5 * MINUTE, path="/products/pump"))
    assert score_of(world, lead).heat > heat
    assert hot() == []


@pytest.mark.parametrize("rounds", [8])
def test_workers_that_learn_of_one_person_at_once_make_one_lead_and_lose_nothing(database_url: str, rounds: int) -> None:
    """Browsers of a person live in different partitions: each here is drained by a thread of its own, all at once."""
    world = World(database_url)
    browsers = [f"browser {number}" for number in range(4)]
    failures: list[BaseException] = []
    for turn in range(rounds):
        email = f"person{turn}@halden.example"
        barrier = threading.Barrier(len(browsers))

        def visit(who: str, email: str = email, barrier: threading.Barrier = barrier) -> None:
            try:
                barrier.wait(20)
                world.feed([*reading(who, NOW - DAY), identify(who, NOW - HOUR, email=email)])
                world.feed(reading(who, NOW - 30 * MINUTE, path="/products/pump"))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=visit, args=(f"{who} of {turn}",)) for who in browsers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failures == []
    with world.database.reading() as connection:
        people = connection.execute(select(leads).where(leads.c.merged_into.is_(None))).all()
        assert len(people) == rounds
        for lead in people:
            told = explain(connection, lead.id, NOW)
            score = connection.execute(select(lead_scores).where(lead_scores.c.lead_id == lead.id)).one()
            assert told is not None
            assert told.heat == pytest.approx(score.heat, rel=1e-9)
            assert (lead.visitors, score.page_views) == (len(browsers), 6 * len(browsers))
        account = connection.execute(select(accounts)).one()
        heats = connection.execute(select(lead_scores.c.heat)).scalars().all()
        assert account.leads == rounds
        assert account.heat == pytest.approx(sum(heat**0.5 for heat in heats) ** 2, rel=1e-9)
    world.database.close()


def test_of_two_transactions_that_wait_for_each_other_both_are_done(migrated_postgres_url: str) -> None:
    """A lead that somebody has locked out of order: PostgreSQL ends one of the two, and its batch is processed again."""
    world = World(migrated_postgres_url)
    for who in ("a", "b"):
        world.feed([page(who, "/", NOW - DAY)])
    first, second = sorted(world.nordwind.lead(who) for who in ("a", "b"))
    holds, goes_on = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def backwards() -> None:
        try:
            with world.database.writing() as connection:
                lock = select(leads.c.id).with_for_update()
                connection.execute(lock.where(leads.c.id == second))
                holds.set()
                goes_on.wait(20)
                connection.execute(lock.where(leads.c.id == first))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=backwards)
    thread.start()
    holds.wait(20)
    threading.Timer(0.3, goes_on.set).start()
    body = [page(who, "/pricing", NOW - HOUR) for who in ("a", "b")]
    world.feed(body)
    thread.join(20)
    assert [error for error in failures if "deadlock" not in str(error)] == []
    assert [score_of(world, world.nordwind.lead(who)).page_views for who in ("a", "b")] == [2, 2]
    world.database.close()
