"""The hot list: what it is narrowed to, what is done from it, what it costs, and what is exported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select

from scorer.changes_feed import read_changes
from scorer.core.segment import Condition
from scorer.models import leads
from scorer.segments import add_segment
from tests.factories import DAY, HOUR, MINUTE, buyer, page
from tests.web.conftest import Web

PARTIAL = {"HX-Request": "true"}


def with_people(web: Web) -> Web:
    """Let there be three hot leads at the first site, and one at the other."""
    web.world.feed(buyer("nora", name="Nora North", email="nora@halden.example", company="Halden Foods"))
    web.world.feed(buyer("finn", web.world.now - DAY, name="Finn Halden", email="finn@halden.example"))
    web.world.feed(buyer("emil", web.world.now - 2 * DAY, name="=Emil", email="emil@east.example"))
    web.world.feed(buyer("east", name="Elsewhere"), web.world.huadong)
    return web


@pytest.fixture
def hot(web: Web) -> Web:
    return with_people(web)


@pytest.fixture
def sqlite_hot(sqlite_web: Web) -> Web:
    return with_people(sqlite_web)


def lead(web: Web, who: str) -> str:
    return web.world.nordwind.lead(who)


def shown(text: str) -> list[str]:
    return re.findall(r'class="hot-name" href="[^"]+">([^<]+)<', text)


def test_the_hottest_are_first_and_each_leads_to_its_page(hot: Web) -> None:
    text = hot.browser(hot.ada).get("/hot?site=nordwind").text
    assert shown(text) == ["Nora North", "Finn Halden", "=Emil"]
    assert f'href="/leads/{lead(hot, "nora")}"' in text


@pytest.mark.parametrize(
    ("query", "names"),
    {
        "q=halden": ["Nora North", "Finn Halden"],
        "q=no%20such": [],
        "owner=me": ["Finn Halden"],
        "owner=nobody": ["Nora North", "=Emil"],
        "owner=ben@example.com": ["Finn Halden"],
        "owner=nobody&q=nora": ["Nora North"],
        "stage=decision&topic=flow-meter": ["Nora North", "Finn Halden", "=Emil"],
        "stage=awareness": [],
        "grade=A": [],
        "segment={east}": ["=Emil"],
        "segment={east}&owner=nobody&stage=decision&q=emi": ["=Emil"],
        "segment={east}&owner=me": [],
        "segment={east}&q=nora": [],
        "after=nonsense": ["Nora North", "Finn Halden", "=Emil"],
    }.items(),
)
def test_it_is_narrowed_by_filters_search_and_segment(sqlite_hot: Web, query: str, names: list[str]) -> None:
    web = sqlite_hot
    with web.world.database.writing() as connection:
        where = Condition(field="email_domain", is_="east.example")
        saved = add_segment(connection, web.world.nordwind.id, "East", where, web.world.now)
    browser = web.browser(web.ben)
    browser.post("/hot/claim", {"lead": lead(web, "finn")}, on="/hot?site=nordwind")
    assert shown(browser.get("/hot?" + query.format(east=saved.id)).text) == names


def test_segments_of_other_sites_and_removed_ones_are_not_there(sqlite_hot: Web) -> None:
    with sqlite_hot.world.database.writing() as connection:
        where = Condition(field="tier", is_="hot")
        saved = add_segment(connection, sqlite_hot.world.huadong.id, "Theirs", where, sqlite_hot.world.now)
    browser = sqlite_hot.browser(sqlite_hot.ben)
    assert browser.get(f"/hot?site=nordwind&segment={saved.id}").status_code == 404
    assert browser.get("/hot?segment=0").status_code == 400


def test_who_is_hot_at_one_go_is_marked_until_more_comes(sqlite_hot: Web) -> None:
    web = sqlite_hot
    web.world.browsers_send(buyer("liar", name="Liar"))
    (row,) = re.findall(r"<tr id=(?:(?!</tr>).)*Maybe made up.*?</tr>", web.browser(web.ada).get("/hot").text, re.S)
    assert shown(row) == ["Liar"]
    assert "可能系伪造" in web.browser(web.chen).get("/hot?site=nordwind").text
    lead_page = f"/leads/{lead(web, 'liar')}"
    assert "arrived within ten seconds" in web.browser(web.ada).get(lead_page).text
    web.world.now += MINUTE
    web.world.browsers_send([page("liar", "/pricing", web.world.now)], now=web.world.now)
    assert "Maybe made up" not in web.browser(web.ada).get("/hot").text
    assert "arrived within ten seconds" not in web.browser(web.ada).get(lead_page).text


def test_a_script_is_told_whether_something_has_changed(hot: Web) -> None:
    browser, asked = hot.browser(hot.ben), "/hot?site=nordwind"
    first = browser.get(asked, **PARTIAL)
    assert (first.status_code, "<html" in first.text, "Nora North" in first.text) == (200, False, True)
    tag = first.headers["ETag"]
    assert f"data-tag='{tag}'" in first.text
    again = browser.get(asked, **PARTIAL, **{"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert browser.get(f"{asked}&owner=nobody", **PARTIAL, **{"If-None-Match": tag}).status_code == 200
    assert browser.get(asked, **{"If-None-Match": tag}).status_code == 200  # a page is always sent in full
    hot.world.feed([page("nora", "/pricing", hot.world.now - 1000, view="n-9")])
    changed = browser.get(asked, **PARTIAL, **{"If-None-Match": tag})
    assert changed.status_code == 200
    browser.post("/hot/claim", {"lead": lead(hot, "emil")}, on=asked)
    claimed = browser.get(asked, **PARTIAL, **{"If-None-Match": changed.headers["ETag"]})
    assert (claimed.status_code, "Release =Emil" in claimed.text) == (200, True)


def test_viewers_see_no_buttons_and_may_not_act(hot: Web) -> None:
    ada = hot.browser(hot.ada)
    text = ada.get("/hot?site=nordwind").text
    assert "/hot/claim" not in text
    assert 'name="lead"' not in text
    for path in ("/hot/claim", "/hot/release", "/hot/snooze", "/hot/outcome"):
        assert ada.post(path, {"lead": lead(hot, "nora")}, on="/settings").status_code == 403
    assert statuses(hot) == {"Nora North": "open", "Finn Halden": "open", "=Emil": "open", "Elsewhere": "open"}


def test_leads_of_another_site_are_not_there(hot: Web) -> None:
    ben = hot.browser(hot.ben)
    elsewhere = hot.world.huadong.lead("east")
    answer = ben.post("/hot/claim", {"lead": elsewhere}, on="/hot?site=nordwind")
    assert (answer.status_code, "There is no lead" in answer.text) == (409, True)
    assert ben.post(f"/hot/claim?site={hot.world.huadong.id}", {"lead": elsewhere}, on="/settings").status_code == 403
    assert statuses(hot)["Elsewhere"] == "open"


def statuses(web: Web) -> dict[str, str]:
    with web.world.database.reading() as connection:
        query = select(leads.c.name, leads.c.status, leads.c.owner).where(leads.c.merged_into.is_(None))
        return {row.name: row.status for row in connection.execute(query)}


ACTS = {
    "/hot/claim": ({}, "Nora North is yours for a week.", "claimed", "claimed"),
    "/hot/snooze": ({"until": "tomorrow"}, "Nora North is off the list until 20 Nov 2026.", "snoozed", "snoozed"),
    "/hot/outcome": ({"kind": "won", "value": "48,000", "currency": "eur"}, "Nora North: Won.", "won", "outcome"),
}


@pytest.mark.parametrize("path", ACTS)
def test_what_is_done_from_the_list_is_said_and_stands_in_the_feed(hot: Web, path: str) -> None:
    form, said, status, kind = ACTS[path]
    browser = hot.browser(hot.ben)
    back = "/hot?stage=decision"
    answer = browser.post(path, {"lead": lead(hot, "nora"), "back": back, **form}, on="/hot?site=nordwind")
    assert (answer.status_code, answer.headers["Location"]) == (303, back)
    assert said in browser.get(back).text
    assert statuses(hot)["Nora North"] == status
    with hot.world.database.reading() as connection:
        last = read_changes(connection, hot.world.nordwind.id, 0, 1000)[-1]
    assert (last.kind, last.lead_id) == (kind, lead(hot, "nora"))
    if path == "/hot/outcome":
        assert last.detail == {"kind": "won", "value": 48000.0, "currency": "EUR", "by": "ben@example.com"}


def test_several_are_done_at_once_and_who_is_taken_hinders_nobody(hot: Web) -> None:
    dora = hot.add("dora", {hot.world.nordwind.id: "sales"})
    hot.browser(dora).post("/hot/claim", {"lead": lead(hot, "finn")}, on="/hot")
    ben = hot.browser(hot.ben)
    chosen = {"lead": [lead(hot, who) for who in ("nora", "finn", "emil")]}
    answer = ben.post("/hot/claim", chosen, on="/hot?site=nordwind", **PARTIAL)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert "2 leads are yours for a week. Not for 1 lead: dora@example.com has claimed this lead." in answer.text
    assert 'hx-swap-oob="beforeend:#toasts"' in answer.text
    assert "toast-bad" in answer.text
    taken = ben.post("/hot/claim", {"lead": lead(hot, "finn")}, on="/hot", **PARTIAL)
    assert (taken.status_code, taken.headers["HX-Reswap"]) == (409, "none")


WRONG: dict[str, tuple[str, dict[str, str], int]] = {
    "no lead": ("/hot/claim", {}, 422),
    "no day": ("/hot/snooze", {"lead": "nora", "until": "date"}, 422),
    "no such day": ("/hot/snooze", {"lead": "nora", "date": "2026-02-30"}, 422),
    "a day long ago": ("/hot/snooze", {"lead": "nora", "date": "2020-01-01"}, 409),
    "a day too far": ("/hot/snooze", {"lead": "nora", "date": "9999-12-31"}, 409),
    "no outcome": ("/hot/outcome", {"lead": "nora"}, 422),
    "an unknown outcome": ("/hot/outcome", {"lead": "nora", "kind": "married"}, 422),
    "a value in words": ("/hot/outcome", {"lead": "nora", "kind": "won", "value": "a lot"}, 422),
    "a value that is none": ("/hot/outcome", {"lead": "nora", "kind": "won", "value": "nan"}, 409),
    "nothing to release": ("/hot/release", {"lead": "nora"}, 409),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_changes_nothing(sqlite_hot: Web, case: str) -> None:
    path, form, status = WRONG[case]
    sent = form | ({"lead": lead(sqlite_hot, form["lead"])} if "lead" in form else {})
    answer = sqlite_hot.browser(sqlite_hot.ben).post(path, sent, on="/hot?site=nordwind")
    assert answer.status_code == status
    assert set(statuses(sqlite_hot).values()) == {"open"}


@pytest.mark.parametrize(
    ("choice", "until"),
    [
        ({"until": "tomorrow"}, "2026-11-20T08:00"),  # today is a Thursday
        ({"until": "next_week"}, "2026-11-23T08:00"),
        ({"until": "date", "date": "2027-03-28"}, "2027-03-28T08:00"),  # the clocks change this night
    ],
)
def test_a_lead_is_put_off_until_the_morning_where_the_user_is(sqlite_hot: Web, choice: dict[str, str], until: str) -> None:
    browser = sqlite_hot.browser(sqlite_hot.ben)
    browser.client.set_cookie("warmtrail_zone", "Europe%2FBerlin", domain="leads.example.com")
    browser.post("/hot/snooze", {"lead": lead(sqlite_hot, "nora"), **choice}, on="/hot?site=nordwind")
    with sqlite_hot.world.database.reading() as connection:
        query = select(leads.c.snoozed_until).where(leads.c.name == "Nora North")
        at = connection.execute(query).scalar_one()
    assert datetime.fromtimestamp(at / 1000, ZoneInfo("Europe/Berlin")).isoformat()[:16] == until
    assert shown(browser.get("/hot").text) == ["Finn Halden", "=Emil"]


def test_the_table_has_what_the_list_has_and_no_formulas(hot: Web) -> None:
    browser = hot.browser(hot.ben)
    browser.post("/hot/claim", {"lead": lead(hot, "emil")}, on="/hot?site=nordwind")
    answer = browser.get("/hot.csv?owner=me")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["Name"] for row in rows] == ["'=Emil"]
    assert (rows[0]["E-mail address"], rows[0]["Owner"], rows[0]["Stage"]) == ("emil@east.example", "Ben", "Decision")
    whole = browser.get("/hot.csv").data.decode("utf-8-sig")
    assert [row["Name"] for row in csv.DictReader(io.StringIO(whole))] == ["Nora North", "Finn Halden", "'=Emil"]
    chinese = hot.browser(hot.chen).get("/hot.csv?site=nordwind").data.decode("utf-8-sig")
    assert chinese.startswith("得分,姓名,")


def test_long_lists_go_on_and_are_exported_whole(sqlite_web: Web) -> None:
    sqlite_web.world.add_plain_leads([1e12 + n for n in range(120)])
    browser = sqlite_web.browser(sqlite_web.ben)
    seen, path = [], "/hot?site=nordwind"
    for _ in range(3):
        text = browser.get(path).text
        seen += re.findall(r'<tr id="(ld_\w+)"', text)
        further = re.search(r'rel="next" href="([^"]+)"', text)
        path = further[1].replace("&amp;", "&") if further else ""
    assert (len(seen), len(set(seen)), path) == (120, 120, "")
    exported = browser.get("/hot.csv").data.decode("utf-8-sig")
    assert [row["Link"].rpartition("/")[2] for row in csv.DictReader(io.StringIO(exported))] == seen


@contextmanager
def counted(web: Web) -> Iterator[list[str]]:
    """The statements that the page's database is given meanwhile."""
    said: list[str] = []
    engine = web.world.database.engine

    def count(*arguments: object) -> None:
        said.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", count)
    yield said
    event.remove(engine, "before_cursor_execute", count)


def test_the_number_of_queries_doesnt_grow_with_the_list(web: Web) -> None:
    browser = web.browser(web.ben)
    numbers = []
    for known in (("nora",), ("finn", "emil", "olga", "paul")):
        for who in known:
            web.world.feed(buyer(who, web.world.now - HOUR, name=who.title(), company="Halden Foods"))
        browser.get("/hot?site=nordwind")
        with counted(web) as said:
            browser.get("/hot")
        numbers.append(len(said))
    assert numbers[0] == numbers[1]


def test_it_is_in_chinese_for_whoever_reads_that(sqlite_hot: Web) -> None:
    text = sqlite_hot.browser(sqlite_hot.chen).get("/hot?site=nordwind").text
    assert all(word in text for word in ("热门线索", "认领 Nora North", "决策", "实时更新"))
    answer = sqlite_hot.browser(sqlite_hot.chen).post(
        "/hot/claim", {"lead": lead(sqlite_hot, "nora")}, on="/hot?site=nordwind", **PARTIAL
    )
    assert "已认领 Nora North，为期一周。" in answer.text
