"""A lead as salespeople see it, what it did, and the exact sum behind its score."""

from __future__ import annotations

import json
from math import fsum
from typing import Any

import pytest
from sqlalchemy import event, select

from scorer.core.people import lead_id
from scorer.countries import country_of
from scorer.explaining import explain
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.models import lead_scores, lead_visitors, leads
from scorer.outlets.shapes import Lead
from scorer.scorecards import current_cards
from scorer.timeline import read_timeline
from tests.factories import DAY, FIREFOX, HOUR, MINUTE, NOW, Company, World, buyer, engaged, identify, page
from tracker.sites import load_sites


def view_of(world: World, company: Company, language: Any = "en") -> Viewpoint:
    with world.database.reading() as connection:
        site, stored = load_sites(connection)[company.id], current_cards(connection)[company.id]
    return Viewpoint(site, stored, world.now, language, "https://leads.example.com")


def card_id_of(world: World) -> int:
    with world.database.reading() as connection:
        return current_cards(connection)[world.nordwind.id].id


def roots(world: World, *who: str) -> list[tuple[str, int]]:
    """The leads that these visitors belong to, and how many visitors each has."""
    with world.database.reading() as connection:
        joined = select(leads.c.id, leads.c.visitors).join(lead_visitors, lead_visitors.c.lead_id == leads.c.id)
        homes = [world.nordwind.lead(one) for one in who]
        found = connection.execute(joined.where(lead_visitors.c.home_id.in_(homes)).distinct())
        return [(row.id, row.visitors) for row in found]


def lead_of(world: World, visitor: str, company: Company | None = None, language: Any = "en") -> Lead:
    company = company or world.nordwind
    with world.database.reading() as connection:
        rows = find_leads(connection, current_cards(connection)[company.id].id, [company.lead(visitor)])
        return view_leads(connection, view_of(world, company, language), list(rows.values()))[0]


def test_an_app_that_opened_the_page_is_where_a_lead_came_from(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("anna", "/pricing", NOW - HOUR, referrer="android-app://com.google.android.gm/inbox?q=private")])
    source = lead_of(world, "anna").source
    assert source is not None
    assert (source.channel, source.name, source.referrer) == ("mail", "Gmail", "android-app://com.google.android.gm/")


def test_a_lead_is_shown_with_who_why_and_what_to_do(database_url: str) -> None:
    world = World(database_url)
    traits = {"name": "Anna Berg", "email": "Anna@halden.test", "title": "Buyer", "phone": "+47 1", "company": "Halden"}
    world.feed(buyer("anna", **traits))
    lead = lead_of(world, "anna")
    shown = json.loads(json.dumps({name: getattr(lead, name) for name in ("id", "kind", "name", "email", "title", "phone")}))
    assert shown == {
        "id": world.nordwind.lead("anna"),
        "kind": "person",
        "name": "Anna Berg",
        "email": "anna@halden.test",
        "title": "Buyer",
        "phone": "+47 1",
    }
    assert lead.company is not None
    assert (lead.company.name, lead.company.domain) == ("Halden", "halden.test")
    assert (lead.score, lead.tier, lead.stage, lead.scorecard) == (80.7, "hot", "decision", 1)
    assert (lead.as_of, lead.hot_since) == ("2026-11-19T10:30:00.000Z", "2026-11-19T08:38:00.000Z")
    assert lead.cools_at is not None
    assert lead.as_of < lead.next_step.due < lead.cools_at
    assert (lead.fit.grade, lead.fit.reasons) == (None, [])
    assert lead.priority == pytest.approx(fsum(reason.points for reason in lead.reasons), abs=0.001)
    assert [(one.topic, one.share, one.label) for one in lead.interests] == [("flow-meter", 1.0, "flow meter")]
    assert lead.reasons[0].text == "Asked for a quote, demo or meeting, 1 hour ago"
    assert (lead.visits, lead.page_views, lead.downloads, lead.engaged_seconds) == (2, 3, 1, 295.0)
    assert lead.frequency.visits_7d == lead.frequency.visits_30d == lead.frequency.active_days_30d == 2
    assert lead.frequency.median_gap_days == round(3 - 2 / 24, 2)
    assert (lead.first_seen, lead.last_seen) == ("2026-11-16T10:30:00.000Z", "2026-11-19T08:38:00.000Z")
    assert [one.title for one in lead.last_pages] == ["Contact", "Pricing", "Flow meter"]
    assert lead.source is not None
    assert (lead.source.channel, lead.source.campaign, lead.source.referrer) == ("search", None, "https://www.google.com/")
    assert lead.device is not None
    assert (lead.device.type, lead.device.browser, lead.device.system) == ("desktop", "Firefox 131", "Windows 10")
    assert lead.location is not None
    assert (lead.location.country, lead.location.country_from) == ("DE", "time_zone")
    assert (lead.location.time_zone, lead.location.locale) == ("Europe/Berlin", "de-DE")
    assert (lead.owner, lead.status) == (None, "open")
    assert (lead.next_step.action, lead.next_step.why) == ("call", "Hot, and interested in flow meter")
    assert lead.url == f"https://leads.example.com/leads/{lead.id}"


def test_a_lead_of_a_chinese_site_is_explained_in_chinese(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("li", "/产品/流量计", NOW - HOUR, timezone="Asia/Shanghai"), *buyer("li")], world.huadong)
    lead = lead_of(world, "li", world.huadong, "zh")
    assert [reason.text for reason in lead.reasons if reason.rule in ("form", "first_visit")] == [
        "提交表单，1 小时前",
        "首次访问，3 天前",
    ]
    assert lead.next_step.why == "热度高，但仍是匿名访客：先弄清对方是谁"


def test_a_country_that_is_told_comes_before_one_that_is_concluded(sqlite_url: str) -> None:
    world = World(sqlite_url)
    world.feed([page("a", "/", NOW - HOUR, timezone="Asia/Shanghai", location={"country": "SG"})])
    world.feed([page("b", "/", NOW - HOUR, timezone="Not/A_Zone"), page("c", "/", NOW - HOUR, locale="en-GB")])
    world.feed([page("d", "/", NOW - HOUR)])
    places = [lead_of(world, who).location for who in "abcd"]
    assert [place and (place.country, place.country_from) for place in places] == [
        ("SG", "visit"),
        (None, None),
        (None, None),
        None,
    ]


def test_every_time_zone_that_browsers_report_has_its_country() -> None:
    known = {
        "Asia/Shanghai": "CN",
        "Europe/Kiev": "UA",
        "Europe/Kyiv": "UA",
        "Asia/Calcutta": "IN",
        "America/New_York": "US",
    }
    assert {zone: country_of(zone) for zone in known} == known
    assert [country_of(zone) for zone in ("", "UTC", "Etc/GMT-8", "nonsense")] == [None] * 4


def test_a_lead_with_several_browsers_is_one_history(database_url: str) -> None:
    world = World(database_url)
    world.feed([*buyer("desk"), page("phone", "/pricing", NOW - 5 * DAY, referrer="https://www.bing.com/")])
    apart = [lead_of(world, who) for who in ("desk", "phone")]
    world.feed([identify(who, NOW - MINUTE, email="anna@halden.example") for who in ("desk", "phone")])
    [(desk, merged)] = roots(world, "desk", "phone")
    assert merged == 2
    with world.database.reading() as connection:
        rows = find_leads(connection, card_id_of(world), [desk])
        [both] = view_leads(connection, view_of(world, world.nordwind), list(rows.values()))
    assert both.visits == apart[0].visits + apart[1].visits == 3
    assert both.page_views == apart[0].page_views + apart[1].page_views == 4
    assert both.downloads == apart[0].downloads == 1
    assert both.engaged_seconds == apart[0].engaged_seconds == 295.0
    assert both.frequency.active_days_30d == 3
    counts = [{reason.rule: reason.count for reason in one.reasons} for one in (*apart, both)]
    assert counts[2]["pricing"] == counts[0]["pricing"] + counts[1]["pricing"] == 2
    # What is one person's only once.
    assert [one["first_visit"] for one in counts] == [1, 1, 1]
    assert counts[2]["identify"] == 1
    assert both.source is not None
    assert both.source.referrer == "https://www.bing.com/"  # the earlier one
    with world.database.reading() as connection:
        explained = explain(connection, desk, NOW)
    assert explained is not None
    assert explained.points == pytest.approx(both.priority, abs=0.001)


def test_a_lead_that_was_never_seen_on_the_web_is_shown_with_what_is_known(sqlite_url: str) -> None:
    world = World(sqlite_url)
    lead = world.add_plain_leads([0.0], hot=False)[0]
    with world.database.reading() as connection:
        row = find_leads(connection, card_id_of(world), [lead])[lead]
        shown = view_leads(connection, view_of(world, world.nordwind), [row])[0]
    assert (shown.score, shown.tier, shown.visits, shown.reasons, shown.interests) == (0.0, "cold", 0, [], [])
    assert (shown.stage, shown.source, shown.device, shown.location, shown.company) == (None, None, None, None, None)


def test_fifty_leads_take_as_many_queries_as_one(sqlite_url: str) -> None:
    world = World(sqlite_url)
    people = [buyer(f"b{n}", name=f"B {n}", email=f"b{n}@mail.example", company=f"Halden {n % 7}") for n in range(50)]
    world.feed([event for one in people for event in one])
    view = view_of(world, world.nordwind)
    with world.database.reading() as connection:
        rows = list(find_leads(connection, card_id_of(world), [world.nordwind.lead(f"b{n}") for n in range(50)]).values())
        asked: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
        assert len(view_leads(connection, view, rows[:1])) == 1
        once = len(asked)
        assert len(view_leads(connection, view, rows)) == 50
    assert len(asked) == 2 * once == 22


def test_the_contributions_add_up_to_the_score_exactly(database_url: str) -> None:
    world = World(database_url)
    for back in (30, 9, 0):  # processed in three goes, the stored heat continued each time
        world.feed(buyer("anna", NOW - back * DAY))
    anna = world.nordwind.lead("anna")
    with world.database.reading() as connection:
        stored = connection.execute(lead_scores.select().where(lead_scores.c.lead_id == anna)).one()
        card = current_cards(connection)[world.nordwind.id].card
        for now in (NOW, NOW + 40 * DAY):
            told = explain(connection, anna, now, "zh")
            assert told is not None
            assert fsum(one.decayed_points for one in told.contributions) == pytest.approx(told.points, rel=1e-9)
            assert told.heat == pytest.approx(stored.heat, rel=1e-9)
            assert told.points == pytest.approx(card.points(stored.heat, now), rel=1e-9)
            assert told.score == pytest.approx(card.score(stored.heat, now), rel=1e-9)
    times = [one.at for one in told.contributions]
    assert times == sorted(times)
    asked = [one for one in told.contributions if one.rule == "request"]
    assert [(one.points, one.text, one.detail) for one in asked] == [(30.0, "请求报价、演示或会面", "Quote Requested")] * 3


def test_an_unknown_lead_has_no_explanation(sqlite_url: str) -> None:
    world = World(sqlite_url)
    with world.database.reading() as connection:
        assert explain(connection, lead_id(1, "nobody"), NOW) is None


def test_the_timeline_tells_how_long_pages_were_read_and_what_was_downloaded(database_url: str) -> None:
    world = World(database_url)
    world.feed(buyer("anna", name="Anna Berg"))
    world.feed([engaged("anna", "anna-2", 260, NOW - 90 * MINUTE, scroll=20)])  # late, for a page seen before
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
        told = read_timeline(connection, site, world.nordwind.lead("anna"), None, 10)
    assert told.next is None
    away, latest, first = told.visits
    assert (away.number, away.source, away.device, away.page_views) == (0, None, None, 0)
    assert (latest.number, latest.engaged_seconds, latest.page_views, latest.downloads) == (2, 260.0, 2, 1)
    assert (first.number, first.engaged_seconds, first.source.channel) == (1, 95.0, "search")
    assert [(one.kind, one.title, one.engaged_seconds, one.scroll_percent) for one in first.moments] == [
        ("page", "Flow meter", 95.0, 80)
    ]
    by_kind = {one.kind: one for one in (*latest.moments, *away.moments)}
    assert [one.kind for one in latest.moments] == ["page", "download", "page", "form"]
    assert sorted(one.kind for one in away.moments) == ["event", "identify"]
    assert (latest.moments[0].engaged_seconds, latest.moments[0].scroll_percent) == (260.0, 100)
    assert by_kind["page"].engaged_seconds is None  # of the contact page, nobody measured it
    assert by_kind["download"].detail == {"file_name": "price-list.pdf", "extension": "pdf"}
    assert by_kind["form"].detail == {"form_id": "enquiry", "form_name": "Enquiry"}
    assert by_kind["event"].name == "Quote Requested"
    assert by_kind["identify"].detail == {"name": "Anna Berg"}


def test_the_timeline_is_paged_from_the_newest_visit_back(database_url: str) -> None:
    world = World(database_url)
    world.feed([page("anna", f"/p{number}", NOW - number * 5 * HOUR) for number in range(7)])
    world.feed([page("phone", "/pricing", NOW - 12 * HOUR)])
    # What their own server says of them is of no visit, and told at its own time.
    world.feed([identify("anna", NOW - 11 * HOUR, email="anna@halden.example")])
    world.feed([identify("phone", NOW - 13 * HOUR, email="anna@halden.example")])
    [(anna, merged)] = roots(world, "anna", "phone")
    assert merged == 2
    starts = []
    before = None
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
        for size in (3, 3, 3, 1):
            told = read_timeline(connection, site, anna, before, 3)
            assert len(told.visits) == size
            starts += [visit.started_at for visit in told.visits]
            before = told.next
    assert before is None
    assert len(set(starts)) == 10
    assert starts == sorted(starts, reverse=True)


def test_what_was_filtered_is_in_no_view(sqlite_url: str) -> None:
    world = World(sqlite_url)
    robot = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    world.feed([page("anna", "/a", NOW - HOUR), page("anna", "/b", NOW - HOUR + 1) | {"context": robot}])
    lead = lead_of(world, "anna")
    assert lead.page_views == 1
    with world.database.reading() as connection:
        told = read_timeline(connection, load_sites(connection)[1], lead.id, None, 10)
    assert [one.url for visit in told.visits for one in visit.moments] == ["https://www.nordwind.example/a"]
    assert FIREFOX not in repr(lead)


def test_identifying_later_gives_the_same_lead_a_name(database_url: str) -> None:
    world = World(database_url)
    world.feed(buyer("anna"))
    before = lead_of(world, "anna")
    world.feed([identify("anna", NOW - MINUTE, name="Anna Berg")])
    after = lead_of(world, "anna")
    assert (before.kind, before.name, before.next_step.action) == ("visitor", None, "identify")
    assert (after.kind, after.name, after.next_step.action) == ("person", "Anna Berg", "call")
    assert before.id == after.id
