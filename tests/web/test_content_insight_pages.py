"""What may come of leads, and what goes before wins, as people see it: in both languages, safe from what visitors write."""

from __future__ import annotations

import csv
import io
import re

from scorer import insights
from scorer.calibrations import keep
from scorer.core.learned import Calibration
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, NOW, Event, buyer, download, engaged, page, track
from tests.web.conftest import Web

CALIBRATION = Calibration(-3.0, 0.05, 0.04, 0.0, 0.00001, 60, 900, 90, NOW, False)
HTML = '"><script>alert(1)</script>'
FILE = "<img src=x onerror=alert(1)>.pdf"


def settle(web: Web, *, calibrated: bool = True) -> None:
    """Eleven who read a page and a file and bought, eleven who did neither and did not, and two about to buy."""
    events: list[Event] = []
    for n in range(11):
        won, lost, at = f"won {n}", f"lost {n}", web.world.now - (n + 3) * DAY
        events += [page(won, "/products/level-sensor", at, view=won, title=HTML), engaged(won, won, 40, at + 60_000)]
        events += [download(won, FILE, at + HOUR), page(lost, "/news/fair", at, view=lost, title="Fair")]
        events += [engaged(lost, lost, 40, at + 60_000), track(lost, "Lead Lost", at + DAY)]
        events += [track(won, "Lead Won", at + DAY, value=20_000 + n, currency="EUR<b>")]
    now = web.world.now
    halden = {"company": "Halden Foods", "website": "https://halden.example"}
    web.world.feed(events)
    web.world.feed([*buyer("nora", now, name="Nora North", email="nora@halden.example", **halden), *buyer("finn", now)])
    if calibrated:
        with web.world.database.writing() as connection:
            keep(connection, current_cards(connection)[web.world.nordwind.id].id, CALIBRATION)
    insights.refresh(web.world.database, web.world.now)


def test_the_report_on_content_says_what_goes_before_wins(web: Web) -> None:
    settle(web)
    text = web.browser(web.ada).get("/reports/content").text
    assert "3 pages and documents had readers enough to compare: 2 go before wins, 1 before losses." in text
    assert "of winners had read it, 0% of others." in text
    assert text.count('class="track track-wins"') == 2
    assert text.count('class="track track-losses"') == 1
    assert "precedes losses" in text
    assert "What to send" in text
    assert "11 of 11 winners had it, 0 of 11 others" in text
    chen = web.browser(web.chen)
    chen.get("/hot?site=nordwind")
    chinese = chen.get("/reports/content").text
    assert "有足够读者可供比较的页面和资料共 3 个：2 个多见于成交之前，1 个多见于丢单之前。" in chinese
    for one in (text, chinese):
        assert "<script>alert" not in one
        assert "<img src=x" not in one
        assert "&lt;script&gt;alert" in one


def test_the_tables_of_content_can_be_taken_away(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    header, row = csv.reader(io.StringIO(ada.get("/reports/content/documents.csv").text.removeprefix("\ufeff")))
    assert header[0] == "Title"
    assert row[0] == FILE
    assert row[-1] == "precedes wins"
    assert [row[header.index(f"Readers, of the won{part}")] for part in ("", " (n)", " (of)")] == ["1.0", "11", "11"]


def test_with_few_decided_leads_the_report_says_so(sqlite_web: Web) -> None:
    sqlite_web.world.feed([*buyer("nora"), track("nora", "Lead Won", NOW)])
    text = sqlite_web.browser(sqlite_web.ada).get("/reports/content").text
    assert "Decided leads that had read anything: 1 won, 0 lost or junk. From 10 of each on, and 5 readers" in text
    assert "What to send" not in text


def test_a_lead_shows_what_may_come_of_it_and_what_to_show_it_next(web: Web) -> None:
    settle(web)
    path = f"/leads/{web.world.nordwind.lead('nora')}"
    text = web.browser(web.ada).get(path).text
    assert "Beside the score, which has no part in it." in text
    assert re.search(r"<dt>If won</dt><dd>20,005 EUR&lt;B&gt; <span class=\"interval\">20,001–20,009</span>", text)
    assert re.search(r"<dt>Expected</dt><dd><strong>[\d,]+ EUR&lt;B&gt;</strong>", text)
    assert "Half of the 11 deals that were won were worth more." in text
    assert "What to show next" in text
    assert "11 of 11 who bought read this; Nora North has not." in text
    chen = web.browser(web.chen)
    chen.get("/hot?site=nordwind")
    chinese = chen.get(path).text
    assert "成交的 11 位客户中，有 11 位读过这项内容；Nora North还没有读过。" in chinese
    for one in (text, chinese):
        assert "<script>alert" not in one
        assert "<img src=x" not in one
        assert "EUR<b>" not in one


def test_without_a_chance_it_says_what_a_win_is_worth(sqlite_web: Web) -> None:
    settle(sqlite_web, calibrated=False)
    ada = sqlite_web.browser(sqlite_web.ada)
    text = ada.get(f"/leads/{sqlite_web.world.nordwind.lead('nora')}").text
    assert "How likely a win is can't be told yet." in text
    assert "<dt>Expected</dt>" not in text
    assert re.search(r"20,005 EUR&lt;B&gt;</span><span class=\"hot-why\">if won</span>", ada.get("/hot").text)
    assert "Expected from hot leads now" not in ada.get("/reports").text
    assert "expected" not in ada.get("/accounts").text


def test_lists_show_what_is_expected(web: Web) -> None:
    settle(web)
    ada = web.browser(web.ada)
    hot = ada.get("/hot").text
    assert len(re.findall(r"[\d,]+ EUR&lt;B&gt;</span><span class=\"hot-why\">[\d,]+–[\d,]+</span>", hot)) == 2
    assert '<th scope="col" class="hot-value">Expected</th>' in hot
    rows = list(csv.DictReader(io.StringIO(ada.get("/hot.csv").data.decode("utf-8-sig"))))
    assert {row["Value if won"] for row in rows} == {"20005.0"}
    assert all(0 < float(row["Expected value"]) < 20_005 for row in rows)
    (worth,) = re.findall(r"([\d,]+) EUR&lt;B&gt; expected", ada.get("/accounts").text)
    found = ada.get(f"/accounts/{web.world.nordwind.account('halden.example')}").text
    assert f'<p class="figure-value">{worth} EUR&lt;B&gt;</p>' in found
    pipeline = re.search(r'Expected from hot leads now</p><p class="figure-value">([\d,]+) EUR', ada.get("/reports").text)
    assert pipeline is not None
    whole = sum(float(row["Expected value"]) for row in rows)
    assert abs(float(pipeline[1].replace(",", "")) - whole) <= 1


def test_a_list_without_values_has_no_room_for_them(sqlite_web: Web) -> None:
    sqlite_web.world.feed(buyer("nora"))
    ada = sqlite_web.browser(sqlite_web.ada)
    assert "hot-value" not in ada.get("/hot").text
    assert "What may come of it" not in ada.get(f"/leads/{sqlite_web.world.nordwind.lead('nora')}").text


def test_the_live_list_changes_when_values_do(sqlite_web: Web) -> None:
    settle(sqlite_web, calibrated=False)
    ada = sqlite_web.browser(sqlite_web.ada)
    tag = ada.get("/hot", **{"HX-Request": "true"}).headers["ETag"]
    known = {"HX-Request": "true", "If-None-Match": tag}
    assert ada.get("/hot", **known).status_code == 304
    with sqlite_web.world.database.writing() as connection:
        keep(connection, current_cards(connection)[sqlite_web.world.nordwind.id].id, CALIBRATION)
    assert ada.get("/hot", **known).status_code == 200
