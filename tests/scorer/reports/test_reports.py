"""Reports over what really happened: leads fed through the drain, on both databases."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from scorer.by_hand import exclude, merge
from scorer.core.fates import Said, fate
from scorer.core.periods import period
from scorer.core.segment import Condition
from scorer.models import outcomes
from scorer.reports import attention, contact, cycle, scores, sources
from scorer.reports.asking import Asked
from scorer.reports.attention import read_attention
from scorer.reports.contact import read_contact
from scorer.reports.cycle import read_cycle
from scorer.reports.funnel import read_funnel
from scorer.reports.scores import read_scores
from scorer.reports.sources import read_sources
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, page, passer_by, track
from tracker.sites import load_sites

KINDS = ["contacted", "won", "lost", "junk", "not_now", "open"]
FROM_SEARCH = {"referrer": "https://www.google.com/"}


@pytest.fixture
def world(database_url: str) -> World:
    """Anna was hot, called and won; Cleo was hot, called and lost; Dan is hot and waits; Bo and Eva passed by, Eva by a
    campaign and ten days later by a search; Finn was won long ago without ever having been hot; Gus is excluded, and Hal
    part of Bo."""
    world = World(database_url)
    campaign = {"campaign": {"name": "spring", "source": "google", "medium": "cpc"}}
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *buyer("cleo"), *buyer("dan"), *buyer("gus")])
    world.feed([*passer_by("bo"), *passer_by("hal"), page("eva", "/news/fair", NOW - 40 * DAY, **campaign)])
    world.feed([page("eva", "/products/flow-meter", NOW - 30 * DAY, **FROM_SEARCH)])
    world.feed([page("finn", "/news/fair", NOW - 80 * DAY), track("finn", "Lead Won", NOW - 50 * DAY, value=70)])
    world.now = NOW + 40 * MINUTE
    world.feed([track("anna", "Lead Contacted", NOW + 4 * MINUTE), track("cleo", "Lead Contacted", NOW + 30 * MINUTE)])
    won = {"value": 900, "currency": "EUR"}
    world.feed([track("anna", "Lead Won", NOW + 35 * MINUTE, **won), track("cleo", "Lead Lost", NOW + 36 * MINUTE)])
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        exclude(connection, site, world.nordwind.lead("gus"), "competitor", "ada", "a rival", world.now)
        merge(connection, site, world.nordwind.lead("bo"), world.nordwind.lead("hal"), "ada", "the same", world.now)
    world.feed(buyer("li"), world.huadong)
    return world


def ask(world: World, read: Any, *more: Any, first: str | None = None, last: str | None = None, where: Any = None) -> Any:
    """The report *read* of Nordwind, as of two hours later."""
    now = NOW + 2 * HOUR
    days = period(*(date.fromisoformat(day) if day else None for day in (first, last)), now, ZoneInfo("Europe/Berlin"))
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
        asked = Asked(site, current_cards(connection)[site.id], days, now, where)
        return read(connection, asked, *more)


def test_the_funnel_counts_merged_leads_once_and_excluded_ones_never(world: World) -> None:
    found = ask(world, read_funnel)
    assert [(one.step, one.count, one.reached) for one in found.steps] == [
        ("visitors", 6, 6),  # Anna, Bo with Hal, Cleo, Dan, Eva, Finn
        ("identified", 1, 4),
        ("hot", 3, 4),
        ("contacted", 3, 3),
        ("won", 2, 2),
    ]
    assert (found.lost.count, found.lost.of) == (1, 3)
    assert sum(one.leads for one in found.stages) == 6


@given(told=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KINDS)), max_size=5))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_judges_a_lead_as_the_rules_do(world: World, told: list[tuple[int, str]]) -> None:
    dan = world.nordwind.lead("dan")
    rows = [{"at": NOW + at, "kind": kind} for at, kind in told]
    fixed = {"home_id": dan, "lead_id": dan, "site_id": world.nordwind.id, "currency": "", "reason": "", "by": ""}
    with world.database.writing() as connection:
        connection.execute(delete(outcomes).where(outcomes.c.lead_id == dan))
        for number, row in enumerate(rows):
            connection.execute(insert(outcomes).values(fixed | row | {"message_id": bytes(15) + bytes([number])}))
    expected = fate([Said(row["at"], row["kind"]) for row in rows])
    steps = {one.step: one.count for one in ask(world, read_funnel).steps}
    assert steps["contacted"] == 3 + (expected.contacted_at is not None)
    assert steps["won"] == 2 + (expected.result == "won")


def test_the_funnel_is_of_those_first_seen_in_the_period_and_in_the_segment(world: World) -> None:
    assert ask(world, read_funnel, last="2026-09-30").steps[0].count == 1  # Finn
    assert ask(world, read_funnel, first="2026-11-01").steps[0].count == 4
    lost = ask(world, read_funnel, where=Condition(field="status", is_="lost"))
    assert [one.count for one in lost.steps] == [1, 0, 1, 1, 0]


def test_sources_share_the_credit_and_stop_at_winning(world: World) -> None:
    world.now = NOW + HOUR
    world.feed([page("anna", "/blog", NOW + 50 * MINUTE, referrer="https://news.example.org/")])  # she is won already
    found = ask(world, read_sources)
    assert (found.leads, found.looked_at, found.without_touch, found.complete) == (6, 6, 0, True)
    assert sum(one.leads for one in found.first_touch) == 6
    assert {one.channel: (one.leads, one.hot, one.won) for one in found.first_touch} == {
        "search": (3, 3, 1),
        "direct": (2, 0, 1),
        "paid_search": (1, 0, 0),
    }
    rows = {(row.channel, row.campaign): row for row in found.sources}
    assert ("referral", None) not in rows
    assert (rows["paid_search", "spring"].leads.first, rows["paid_search", "spring"].leads.last) == (1.0, 0.0)
    assert (rows["search", None].leads.last, rows["search", None].leads.linear) == (4.0, 3.5)
    assert [(money.currency, money.value.first) for money in rows["search", None].value] == [("EUR", 900.0)]
    assert (rows["search", None].won_rate.count, rows["search", None].won_rate.of) == (1, 2)


def test_sources_say_when_they_have_not_looked_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LEADS_AT_MOST", 3)
    found = ask(world, read_sources)
    assert (found.leads, found.looked_at, found.complete) == (6, 3, False)
    assert sum(row.won.first for row in found.sources) == 2  # those who were won come first


def test_the_cycle_is_of_deals_of_the_period(world: World) -> None:
    found = ask(world, read_cycle)
    assert (found.wins, found.unknown, found.complete) == (2, 0, True)
    assert (found.days.count, found.days.median) == (2, None)  # of two, there is no telling
    assert [(bar.at_least, bar.count) for bar in found.histogram if bar.count] == [(3, 1), (30, 1)]
    assert [(one.month, one.wins, one.value) for one in found.months] == [
        ("2026-09", 1, {"": 70.0}),
        ("2026-11", 1, {"EUR": 900.0}),
    ]
    assert ask(world, read_cycle, first="2026-11-01").wins == 1


def test_a_deal_at_the_first_touch_has_no_length(world: World) -> None:
    world.feed([track("ida", "Lead Won", NOW - DAY, value=5)])
    found = ask(world, read_cycle)
    assert (found.wins, found.unknown, found.days.count) == (3, 1, 2)


def test_caps_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle, "WINS_AT_MOST", 1)
    monkeypatch.setattr(contact, "LEADS_AT_MOST", 1)
    monkeypatch.setattr(scores, "LEADS_AT_MOST", 1)
    monkeypatch.setattr(attention, "LEADS_AT_MOST", 1)
    for read, more in ((read_cycle, ()), (read_contact, ()), (read_scores, ("contact",)), (read_attention, ("en",))):
        assert not ask(world, read, *more).complete


def test_contact_is_timed_from_becoming_hot(world: World) -> None:
    found = ask(world, read_contact)
    assert found.complete
    speed = found.speed
    assert (speed.hot, speed.contacted, speed.contacted_before, speed.waiting) == (3, 2, 0, 1)
    # All became hot two hours before now, when they sent the form; sales were told at NOW.
    assert [(one.seconds, one.contacted.count, one.contacted.of) for one in speed.windows] == [
        (300, 0, 3),
        (3600, 0, 3),
        (86400, 2, 2),
    ]
    assert ask(world, read_contact, last="2026-11-18").speed.hot == 0


def test_scores_are_those_before_anybody_knew_the_outcome(world: World) -> None:
    found = ask(world, read_scores, "contact")
    assert (found.leads, found.complete) == (3, True)
    told = [(band.at_least, band.leads, band.won, band.lost, band.won_rate.rate) for band in found.bands if band.leads]
    assert told == [(0, 1, 1, 0, 1.0), (60, 1, 0, 1, 0.0), (80, 1, 1, 0, 1.0)]  # Finn, Cleo, Anna


def test_the_score_at_contact_leaves_out_what_came_after(world: World) -> None:
    world.feed([*passer_by("jo", NOW), track("jo", "Lead Lost", NOW - 2 * DAY), *buyer("jo", NOW + HOUR)[4:]])
    assert ask(world, read_scores, "contact").bands[0].leads == 2
    assert ask(world, read_scores, "end").bands[0].leads == 1


def test_attention_compares_later_winners_with_others(world: World) -> None:
    found = ask(world, read_attention, "en")
    assert (found.leads, found.winners, found.others, found.complete) == (6, 2, 4, True)
    pages = {one.url.partition(".example")[2]: one.attention for one in found.pages}
    assert (pages["/pricing"].views, pages["/pricing"].readers, pages["/pricing"].engaged_seconds) == (3, 3, 600.0)
    assert (pages["/pricing"].winners.count, pages["/pricing"].others.count) == (1, 2)
    assert pages["/news/fair"].readers == 3
    assert pages["/news/fair"].views == 4
    ((document),) = found.documents
    assert (document.title, document.attention.downloads, document.attention.winners.count) == ("price-list.pdf", 3, 1)
    assert "flow meter" in {one.label for one in found.topics}


def test_attention_counts_only_what_was_read_in_the_period_and_before_winning(world: World) -> None:
    world.feed([page("finn", "/careers", NOW - HOUR)])
    found = ask(world, read_attention, "en", first="2026-11-01")
    assert "/careers" not in {one.url.partition(".example")[2] for one in found.pages}
    assert found.winners == 1
    assert ask(world, read_attention, "en", last="2026-09-30").pages[0].attention.readers == 1


def test_reports_of_an_empty_site_say_so(world: World) -> None:
    empty = Condition(field="status", is_="not_now")
    assert ask(world, read_funnel, where=empty).steps[0].of_all.rate is None
    assert ask(world, read_sources, where=empty).sources == []
    assert ask(world, read_cycle, where=empty).months == []
    assert ask(world, read_contact, where=empty).speed.hot == 0
    assert ask(world, read_scores, "contact", where=empty).leads == 0
    assert ask(world, read_attention, "en", where=empty).pages == []
