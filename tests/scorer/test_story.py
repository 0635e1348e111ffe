"""The sample story: the right size, the same each time, made-up through and through; and the bundled real log."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

import scorer.demo
from scorer.demo.cast import cast, companies
from scorer.demo.script import PAGES
from scorer.demo.story import story
from tracker.importing import DeliveryResult, import_log

NOW = int(datetime(2026, 11, 19, 10, 30, tzinfo=UTC).timestamp() * 1000)  # a Thursday
SUNDAY_NIGHT = int(datetime(2026, 11, 22, 2, 0, tzinfo=UTC).timestamp() * 1000)
MINUTE, DAY = 60_000, 86_400_000
WHO = {character.anonymous_id: character for character in cast(7)}
EVENTS = story(NOW)
RESERVED = re.compile(r"(?:^|\.)example(?:\.(?:com|net|org))?$")


def at(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def name_of(event: dict[str, Any]) -> str:
    return str(event.get("event") or event["type"])


def test_the_same_arguments_tell_the_same_story_and_others_another() -> None:
    assert story(NOW) == EVENTS
    assert story(NOW, seed=8) != EVENTS
    ids, tomorrow = ({event["messageId"] for event in events} for events in (EVENTS, story(NOW + DAY)))
    assert len(ids) == len(EVENTS)
    assert not ids & tomorrow


def test_the_story_has_the_size_and_the_kinds_of_events_it_should() -> None:
    kinds = Counter(name_of(event) for event in EVENTS)
    assert 5000 <= len(EVENTS) <= 9000
    assert 370 <= len({event["anonymousId"] for event in EVENTS}) <= 390
    assert set(kinds) == {
        "page",
        "identify",
        "group",
        "Page Engaged",
        "File Downloaded",
        "Form Submitted",
        "Webinar Attended",
        "Trade Fair Visited",
        "Email Link Clicked",
        "Lead Contacted",
        "Lead Won",
        "Lead Lost",
        "Lead Disqualified",
    }
    assert len({company.name for company in companies()}) == len({company.domain for company in companies()}) == 64
    assert {event["properties"]["path"] for event in EVENTS if event["type"] == "page"} == {
        page.path for page in PAGES.values()
    }


def test_what_happens_away_from_the_site_earns_by_a_rule_of_the_shipped_card() -> None:
    card = json.loads(files("scorer.cards").joinpath("default.json").read_bytes())
    named = {name for rule in card["rules"] if rule["on"] == "event" for name in rule["match"]["event"]}
    assert {"Webinar Attended", "Trade Fair Visited", "Email Link Clicked"} <= named & {name_of(event) for event in EVENTS}


@pytest.mark.parametrize("now", [NOW, SUNDAY_NIGHT], ids=["a working day", "a Sunday night"])
def test_it_lasts_three_months_and_ends_a_few_minutes_before_now(now: int) -> None:
    times = [at(event) for event in story(now)]
    assert times == sorted(times)
    assert 80 * DAY < now - times[0] < 95 * DAY
    assert MINUTE <= now - times[-1] <= 8 * MINUTE


def test_every_name_of_a_machine_is_reserved_for_examples() -> None:
    hosts = {company.domain for company in companies()}
    for event in EVENTS:
        hosts.add(urlsplit(event.get("properties", {}).get("url", "https://example.com")).hostname or "")
        if email := event.get("traits", {}).get("email"):
            hosts.add(email.partition("@")[2])
    assert [host for host in hosts if not RESERVED.search(host) or not host.isascii()] == []
    assert any(host.startswith("xn--") for host in hosts)


def test_the_origin_can_be_chosen() -> None:
    urls = [event["properties"]["url"] for event in story(NOW, origin="http://127.0.0.1:8701") if event["type"] == "page"]
    assert all(url.startswith("http://127.0.0.1:8701/nordwind/") for url in urls)


def test_engaged_time_of_a_view_grows_and_belongs_to_a_page_seen_before() -> None:
    seen: dict[str, int] = {}
    for event in EVENTS:
        view = event.get("properties", {}).get("view_id")
        if event["type"] == "page":
            seen[view] = 0
        elif name_of(event) == "Page Engaged":
            assert event["properties"]["engaged_ms"] > seen[view]
            assert 0 <= event["properties"]["scroll_percent"] <= 100
            seen[view] = event["properties"]["engaged_ms"]


def test_people_keep_the_working_hours_of_where_they_are() -> None:
    early = NOW - 2 * DAY  # who is there in these minutes may be up late
    hours = Counter(
        datetime.fromtimestamp(at(event) / 1000, ZoneInfo(WHO[event["anonymousId"]].company.timezone)).hour
        for event in EVENTS
        if WHO[event["anonymousId"]].persona in ("engineer", "cooled", "customer", "warm_team") and at(event) < early
    )
    assert sum(hours[hour] for hour in range(7, 20)) > 0.95 * sum(hours.values())


WEIGHTS = {"File Downloaded": 6, "Form Submitted": 15, "Webinar Attended": 6, "Trade Fair Visited": 6, "identify": 5}
PRICING = 4


def heat_by_person() -> list[tuple[float, str]]:
    """A rough heat with a half-life of a week, a person being all devices: not our scorecard, but near any sensible one."""
    heat: defaultdict[int, float] = defaultdict(float)
    for event in EVENTS:
        who = WHO[event["anonymousId"]]
        points = WEIGHTS.get(name_of(event), 0)
        if event["type"] == "page":
            points = PRICING if "pricing" in event["properties"]["path"] else 1
        heat[who.number if who.twin_of < 0 else who.twin_of] += points * 0.5 ** ((NOW - at(event)) / (7 * DAY))
    persona_of = {character.number: character.persona for character in WHO.values()}
    return sorted(((points, persona_of[number]) for number, points in heat.items()), reverse=True)


def test_a_dozen_are_hot_some_two_dozen_warm_and_the_rest_cold() -> None:
    ranked = [each for each in heat_by_person() if each[1] not in ("deal", "called")]
    hot = [persona for points, persona in ranked if points > 30]
    warm = [persona for points, persona in ranked if 9 < points <= 30]
    assert 8 <= len(hot) <= 15
    assert set(hot) == {"hot_team", "hot_buyer"}
    assert 20 <= len(warm) <= 32
    assert set(warm) <= {"engineer", "warm_team", "returning", "competitor", "cooled", "hot_team", "hot_buyer"}


def outcomes() -> dict[str, list[dict[str, Any]]]:
    """What the CRM says of each visitor, in the order of time."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in EVENTS:
        if name_of(event) in ("Lead Contacted", "Lead Won", "Lead Lost", "Lead Disqualified"):
            found[event["anonymousId"]].append(event)
    return found


def test_what_became_of_people_is_told_of_those_who_were_there_before() -> None:
    began: dict[str, int] = {}
    for event in EVENTS:
        began.setdefault(event["anonymousId"], at(event))
    for visitor, told in outcomes().items():
        names = [name_of(event) for event in told]
        assert names in ([names[0]], ["Lead Contacted", "Lead Won"], ["Lead Contacted", "Lead Lost"])
        assert names[0] in ("Lead Contacted", "Lead Disqualified")
        assert began[visitor] < at(told[0])
        assert all(event["properties"]["by"].endswith("@nordwind.example") for event in told)
        assert all("userAgent" not in event["context"] for event in told)


def test_deals_are_as_different_as_in_life() -> None:
    told = [event for some in outcomes().values() for event in some]
    won = [event["properties"] for event in told if name_of(event) == "Lead Won"]
    lost = [event["properties"] for event in told if name_of(event) == "Lead Lost"]
    assert len(won) >= 20  # from there on the report tells within how many days nine in ten were won
    assert all(deal["value"] >= 1000 and deal["currency"] == "EUR" for deal in won)
    assert len({deal["reason"] for deal in lost}) >= 4
    assert {event["properties"]["by"] for event in told} == {"ada@nordwind.example", "ben@nordwind.example"}


def test_whoever_has_looked_closely_is_won_more_often() -> None:
    results = Counter(
        (WHO[visitor].persona, name_of(told[-1]))
        for visitor, told in outcomes().items()
        if name_of(told[-1]) != "Lead Contacted"
    )
    assert results["deal", "Lead Won"] > 0.4 * (results["deal", "Lead Won"] + results["deal", "Lead Lost"])
    assert results["called", "Lead Won"] < 0.3 * results["called", "Lead Lost"]


def test_those_about_to_buy_have_not_been_decided_about() -> None:
    decided = {
        WHO[visitor].persona
        for visitor, told in outcomes().items()
        if any(name_of(each) != "Lead Contacted" for each in told)
    }
    assert decided <= {"deal", "called", "cooled"}
    assert not any(WHO[visitor].persona == "hot_buyer" for visitor in outcomes())


def test_sources_are_as_varied_as_in_life() -> None:
    referrers = {urlsplit(event["properties"]["referrer"]).hostname for event in EVENTS if event["type"] == "page"}
    campaigns = {event["context"]["campaign"]["source"] for event in EVENTS if "campaign" in event["context"]}
    assert referrers >= {None, "www.google.com", "www.bing.com", "www.baidu.com", "www.linkedin.com", "chatgpt.com"}
    assert campaigns == {"newsletter", "linkedin"}


def test_who_identifies_says_the_same_on_every_device() -> None:
    emails: defaultdict[str, set[str]] = defaultdict(set)
    names: set[str] = set()
    for event in EVENTS:
        if event["type"] == "identify":
            emails[event["traits"]["email"]].add(event["anonymousId"])
            names.add(event["traits"]["name"])
            assert "" not in event["traits"].values()
    assert any(len(devices) == 2 for devices in emails.values())
    assert any(not name.isascii() for name in names)
    assert any(name.isascii() for name in names)


def test_the_bundled_log_is_real_and_has_one_broken_line() -> None:
    log = Path(scorer.demo.__file__).parent / "semicomplete-2015" / "access.log.gz"
    kinds: Counter[str] = Counter()

    def deliver(batch: list[dict[str, Any]]) -> DeliveryResult:
        kinds.update(name_of(event) for event in batch)
        return DeliveryResult(len(batch))

    assert import_log(log, b"salt", "https://semicomplete.example", "auto", deliver).as_dict() == {
        "format": "combined",
        "lines": 10_000,
        "delivered": 3_104,
        "skipped": {"asset": 5_575, "feed": 901, "status": 371, "method": 48},
        "bad": {"line_unparsable": 1},
        "rejected": {},
        "silent": 0,
    }
    assert kinds == {"page": 2_997, "File Downloaded": 107}
