"""What a digest tells is what happened: who became hot, rose, cooled, was won, and who is left lying."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from scorer.announcing import Change, announce
from scorer.by_hand import exclude, merge
from scorer.change_times import DISORDER_MS, stretch
from scorer.claims import claim, expire
from scorer.cooling import announce_cooled
from scorer.core.digest import Facts, Numbers, Part, Share
from scorer.core.digest_weeks import Week, week_before, week_of
from scorer.core.segment_reading import parse
from scorer.digest_facts import SHOWN, read_facts
from scorer.lead_views import Viewpoint
from scorer.models import lead_scores
from scorer.notes import add_note
from scorer.outcomes import record
from scorer.retention import forget_old
from scorer.scorecards import current_cards
from scorer.snoozing import snooze
from scorer.users import add_user
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, identify, page, passer_by, track
from tracker.sites import Site, load_sites

UTC = ZoneInfo("UTC")
WEEK = week_of(date(2026, 11, 16), UTC)
MONDAY_8 = WEEK.to_ms + 8 * HOUR
"""When the week of NOW, a Thursday, is told of."""


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def told(world: World, week: Week = WEEK, where: dict[str, Any] | None = None, now: int = MONDAY_8) -> Facts:
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
        view = Viewpoint(site, current_cards(connection)[site.id], now, "en", "https://leads.example.com")
        return read_facts(connection, view, None if where is None else parse(where), week, UTC)


def names(part: Part) -> list[str]:
    return [one.who.name for one in part.shown]


def decide(world: World, action: Any, who: str, *rest: Any, **options: Any) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        action(connection, site, world.nordwind.lead(who), *rest, **options)


def person(who: str, **traits: Any) -> dict[str, Any]:
    return {"name": who.title(), "email": f"{who}@{who}.example", **traits}


def test_a_new_hot_lead_is_told_with_why_and_what_next(world: World) -> None:
    world.feed([*buyer("ada", **person("ada", title="Head of Procurement", company="Halden AG")), *passer_by("bo")])
    facts = told(world)
    [one] = facts.hot.shown
    assert facts.hot.count == 1
    assert (one.who.name, one.who.about) == ("Ada", "Head of Procurement, Halden AG")
    assert one.who.url == f"https://leads.example.com/leads/{world.nordwind.lead('ada')}"
    assert 0 < one.score < 100
    assert len(one.why) == 2
    assert one.step == "Call"
    assert one.due_ms > MONDAY_8
    assert facts.numbers == Numbers(entered=1, identified=1)
    assert facts.before == Numbers()
    assert facts.documents == [Share("price-list.pdf", 1)]
    assert [one.label for one in facts.topics] == ["flow meter"]


def test_of_who_was_hot_at_one_go_that_is_told(world: World) -> None:
    world.browsers_send(buyer("ada", **person("ada")))
    [one] = told(world).hot.shown
    assert one.who.about == "ada.example"
    assert (one.why[0], len(one.why)) == ("Maybe made up", 3), "before the reasons, not instead of one"


def test_a_week_tells_its_own_and_the_numbers_of_the_one_before(world: World) -> None:
    world.now = NOW - 7 * DAY
    world.feed(buyer("old", world.now, **person("old")))
    world.now = NOW
    world.feed([event for who in ("ada", "eve") for event in buyer(who, **person(who))])
    facts = told(world)
    assert sorted(names(facts.hot)) == ["Ada", "Eve"]
    assert (facts.numbers, facts.before) == (Numbers(entered=2, identified=2), Numbers(entered=1, identified=1))
    earlier = told(world, week_before(WEEK, UTC))
    assert names(earlier.hot) == ["Old"]
    assert (earlier.numbers, earlier.before) == (Numbers(entered=1, identified=1), Numbers())


def test_the_week_ends_with_the_reader_s_sunday(world: World) -> None:
    """What happens on Sunday evening in London is of the next week in Shanghai."""
    world.now = WEEK.to_ms - 2 * HOUR
    world.feed(buyer("ada", world.now, **person("ada")))
    shanghai = ZoneInfo("Asia/Shanghai")
    assert told(world, week_of(WEEK.first, UTC)).numbers.entered == 1
    assert told(world, week_of(WEEK.first, shanghai)).numbers.entered == 0


def test_a_lead_that_has_cooled_since_is_no_new_hot_one(world: World) -> None:
    world.feed(buyer("ada", **person("ada")))
    late = MONDAY_8 + 60 * DAY
    with world.database.writing() as connection:
        assert announce_cooled(connection, late) == 1
    facts = told(world, now=late)
    assert (facts.hot.count, facts.numbers.entered) == (0, 1)


def test_risers_and_coolers_come_with_the_score_the_week_began_with(world: World) -> None:
    world.now = NOW - 8 * DAY
    world.feed([event for who in ("riser", "cooler", "still") for event in buyer(who, world.now, **person(who))])
    world.now = NOW
    more = [page("riser", f"/pricing/{hour}", NOW - hour * HOUR, view=f"r{hour}") for hour in range(1, 40, 5)]
    world.feed([*more, track("riser", "Quote Requested", NOW - MINUTE)])
    with world.database.writing() as connection:
        score = lead_scores.c.lead_id == world.nordwind.lead("cooler")
        connection.execute(update(lead_scores).where(score).values(hot_since=None))
        announce(connection, [Change(world.nordwind.id, world.nordwind.lead("cooler"), "left", NOW, {"score": 40.0})])
    facts = told(world)
    [riser] = facts.rising.shown
    assert riser.who.name == "Riser"
    assert riser.before < riser.now
    [cooler] = facts.cooling.shown
    assert cooler.who.name == "Cooler"
    assert cooler.before > cooler.now
    assert facts.hot.count == 0


def test_domains_are_told_in_their_own_letters(world: World) -> None:
    world.feed(buyer("lin", email="lin@xn--xhq89jgru9fn.xn--fiqs8s"))
    [one] = told(world).hot.shown
    assert (one.who.name, one.who.about) == ("lin@华东电机.中国", "华东电机.中国")


def test_a_claimed_lead_of_which_nothing_is_heard_is_told_until_something_is(world: World) -> None:
    world.feed([event for who in ("idle", "busy", "fresh") for event in buyer(who, NOW - DAY, **person(who))])
    for who, at in (("idle", NOW), ("busy", NOW), ("fresh", MONDAY_8 - DAY)):
        decide(world, claim, who, "ben@nordwind.example", "ben@nordwind.example", at)
    decide(world, add_note, "busy", "Called; wants a visit.", "ben@nordwind.example", MONDAY_8 - 2 * DAY)
    [one] = told(world).idle.shown
    assert (one.who.name, one.owner, one.since_ms, one.ran_out) == ("Idle", "ben@nordwind.example", NOW, False)
    with world.database.writing() as connection:
        add_user(connection, "ben@nordwind.example", "Ben Arlt", {world.nordwind.id: "sales"}, NOW)
    [one] = told(world).idle.shown
    assert one.owner == "Ben Arlt", "colleagues are called by name"


def test_a_claim_that_ran_out_unused_is_told_while_nobody_has_the_lead(world: World) -> None:
    world.feed([event for who in ("lost", "again") for event in buyer(who, NOW - 2 * DAY, **person(who))])
    for who in ("lost", "again"):
        decide(world, claim, who, "ben@nordwind.example", "ben@nordwind.example", NOW - DAY, lease_ms=HOUR)
    with world.database.writing() as connection:
        assert expire(connection, NOW) == 2
    decide(world, claim, "again", "chen@nordwind.example", "chen@nordwind.example", MONDAY_8 - HOUR)
    [one] = told(world).idle.shown
    assert (one.who.name, one.owner, one.ran_out) == ("Lost", "ben@nordwind.example", True)


def test_what_was_put_off_is_told_in_the_week_before_it_comes_back(world: World) -> None:
    world.feed([event for who in ("soon", "later") for event in buyer(who, NOW, **person(who))])
    decide(world, snooze, "soon", MONDAY_8 + 3 * DAY, "ben", "asked to", NOW)
    decide(world, snooze, "later", MONDAY_8 + 8 * DAY, "ben", "asked to", NOW)
    facts = told(world)
    assert [(one.who.name, one.at_ms) for one in facts.back.shown] == [("Soon", MONDAY_8 + 3 * DAY)]
    assert facts.hot.count == 0, "who rests isn't to be called"


def test_deals_are_told_with_their_value_as_last_said(world: World) -> None:
    people = ("won", "more", "lost", "undone", "early")
    world.feed([event for who in people for event in buyer(who, NOW - HOUR, **person(who))])
    decide(world, record, "early", "won", "ben", WEEK.from_ms - HOUR, value=7, currency="EUR")
    decide(world, record, "won", "won", "ben", NOW, value=100, currency="EUR")
    decide(world, record, "won", "won", "ben", NOW + HOUR, value=48_000, currency="eur")
    decide(world, record, "more", "won", "ben", NOW, value=500, currency="CNY")
    decide(world, record, "lost", "lost", "ben", NOW, reason="Too\ndear")
    decide(world, record, "undone", "won", "ben", NOW, value=1, currency="EUR")
    decide(world, record, "undone", "open", "ben", NOW + HOUR)
    facts = told(world)
    assert [(one.kind, one.who.name, one.value, one.reason) for one in facts.closed.shown] == [
        ("won", "Won", 48_000.0, ""),
        ("won", "More", 500.0, ""),
        ("lost", "Lost", None, "Too dear"),
    ]
    assert facts.won_value == [("EUR", 48_000.0), ("CNY", 500.0)]
    assert (facts.numbers.won, facts.numbers.lost, facts.before.won) == (2, 1, 1)


def test_excluded_erased_and_merged_leads_are_in_none_of_it(world: World) -> None:
    world.feed([event for who in ("ada", "out", "gone") for event in buyer(who, **person(who))])
    world.feed(buyer("twin", name="Ada", email="ada@private.example"))
    decide(world, exclude, "out", "competitor", "chen", "sells the same", NOW)
    decide(world, merge, "ada", world.nordwind.lead("twin"), "chen", "one person", NOW)
    with world.database.writing() as connection:
        connection.execute(text("UPDATE visitors SET heard_at = 0 WHERE key = 'gone'"))
    forget_old(world.database, 1, NOW)
    facts = told(world)
    assert names(facts.hot) == ["Ada"]
    assert facts.numbers == Numbers(entered=1, identified=1)
    assert (facts.hot.count, facts.cooling.count) == (1, 0)


def test_who_has_bought_counts_as_won_though_customers_are_excluded(world: World) -> None:
    world.feed(buyer("ada", **person("ada")))
    decide(world, record, "ada", "won", "ben", NOW)
    decide(world, exclude, "ada", "customer", "ben", "has bought", NOW)
    facts = told(world)
    assert (facts.numbers.won, names(facts.closed), facts.hot.count) == (1, ["Ada"], 0)


def test_a_segment_cuts_everything_to_its_leads(world: World) -> None:
    world.feed([event for who in ("ada", "eve") for event in buyer(who, **person(who, industry=who))])
    decide(world, record, "eve", "won", "ben", NOW, value=5, currency="EUR")
    facts = told(world, where={"field": "industry", "is": "ada"})
    assert (names(facts.hot), facts.numbers.entered, facts.numbers.won, facts.closed.count) == (["Ada"], 1, 0, 0)
    assert facts.documents == [Share("price-list.pdf", 1)]
    assert told(world, where={"field": "industry", "is": "none"}).is_empty


def test_another_site_s_leads_are_not_told(world: World) -> None:
    world.feed(buyer("li", **person("li")), world.huadong)
    assert told(world).is_empty
    assert told(world).numbers == Numbers()


def test_lists_are_cut_to_the_screen_and_say_how_many_there_are(world: World) -> None:
    world.feed([event for number in range(SHOWN + 3) for event in buyer(f"v{number}", **person(f"v{number}"))])
    facts = told(world)
    assert (len(facts.hot.shown), facts.hot.count, facts.hot.more) == (SHOWN, SHOWN + 3, 3)
    assert facts.documents == [Share("price-list.pdf", SHOWN + 3)]


def test_what_visitors_write_stays_on_its_line(world: World) -> None:
    world.feed([*buyer("ada"), identify("ada", NOW, name="Ada\r\nBcc: all\u202e", email="ada@ada.example", title="x" * 500)])
    [one] = told(world).hot.shown
    assert one.who.name == "Ada Bcc: all"
    assert one.who.about == "x" * 99 + "…, ada.example"


def test_a_visitor_not_yet_known_has_no_name(world: World) -> None:
    world.feed(buyer("ada"))
    [one] = told(world).hot.shown
    assert one.who.name == ""


def test_reading_costs_the_same_number_of_queries_however_much_happened(world: World) -> None:
    from sqlalchemy import event

    def queries() -> int:
        seen: list[str] = []
        event.listen(world.database.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        told(world)
        return len([one for one in seen if "ORDER BY lead_changes.sequence" not in one])

    world.feed(buyer("ada", **person("ada")))
    few = queries()
    world.feed([event for number in range(20) for event in buyer(f"v{number}", **person(f"v{number}"))])
    assert queries() <= few + 1  # a list that is cut is counted, too


def test_the_stretch_of_a_time_holds_all_its_changes_and_few_others(world: World) -> None:
    """Numbers rise with time, but for what the clocks of machines and the lengths of transactions do."""
    site: Site
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        for number in range(200):
            at = NOW + number * HOUR + (number % 3 - 1) * DISORDER_MS // 2
            owner = site.id if number % 2 else world.huadong.id
            announce(connection, [Change(owner, "ld_a", "rose", at, {})])
        connection.execute(text("DELETE FROM lead_changes WHERE sequence % 7 = 0"))
    with world.database.reading() as connection:
        rows = connection.execute(
            text("SELECT sequence, at FROM lead_changes WHERE site_id = :site"), {"site": site.id}
        ).all()
        for begin in range(-5, 205, 7):
            from_ms, to_ms = NOW + begin * HOUR, NOW + (begin + 10) * HOUR
            first, end = stretch(connection, site.id, from_ms, to_ms)
            within = {row.sequence for row in rows if from_ms <= row.at < to_ms}
            found = {row.sequence for row in rows if first <= row.sequence < end}
            assert within <= found
            assert len(found) <= 10
        assert stretch(connection, 99, 0, NOW) == (0, 0)
