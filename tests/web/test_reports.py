"""Reports: their days, their figures as a table and as a file, and what they say when there is little to say."""

from __future__ import annotations

import csv
import io
import re

import pytest

from scorer.core.segment import Condition
from scorer.outcomes import record
from scorer.segments import add_segment
from scorer.web.pages.reports import TABS
from tests.factories import DAY, HOUR, NOW, buyer, passer_by
from tests.web.conftest import Web
from tracker.sites import load_sites

TABLES = {
    "funnel": ("steps", "stages"),
    "sources": ("first-touch", "credit"),
    "cycle": ("durations", "months"),
    "attention": ("topics", "documents", "pages"),
    "content": ("documents", "pages"),
    "losses": ("reasons",),
    "scores": ("bands",),
    "contact": ("windows", "speed"),
}


def settle(web: Web) -> None:
    """Six about to buy, of whom three were won and one lost, and two passers-by."""
    world = web.world
    for n in range(6):
        world.feed(buyer(f"buyer {n}", NOW - n * DAY, name=f"Buyer {n}", email=f"b{n}@halden.example"))
    world.feed([*passer_by("one"), *passer_by("two")])
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        for n, kind in enumerate(("won", "won", "won", "lost")):
            value = {"value": 1000.0 * n, "currency": "EUR"} if kind == "won" else {}
            record(connection, site, world.nordwind.lead(f"buyer {n}"), kind, "ben", NOW - HOUR, **value)  # type: ignore[arg-type]


def test_every_report_is_told_in_both_languages_and_as_files(web: Web) -> None:
    settle(web)
    ada, chen = web.browser(web.ada), web.browser(web.chen)
    chen.get("/hot?site=nordwind")
    assert set(TABLES) == set(TABS)
    for report, tables in TABLES.items():
        text = ada.get(f"/reports/{report}").text
        assert 'class="report-words">' in text
        assert re.search(r'class="report-words">[^<]*[\u4e00-\u9fff]', chen.get(f"/reports/{report}").text)
        shown = re.findall(rf'href="/reports/{report}/([a-z-]+)\.csv', text)
        assert shown == [name for name in tables if name in shown]  # those with a row
        assert shown
        answer = ada.get(f"/reports/{report}/{shown[0]}.csv")
        assert answer.content_type == "text/csv; charset=utf-8"
        header, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
        assert {len(row) for row in rows} == {len(header)}


def test_the_funnel_counts_and_says_what_it_means(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    text = ada.get("/reports").text
    assert "Of 8 leads first seen in these days, 6 said who they are, 6 became hot and 3 were won." in text
    assert "Of 4 spoken with, 3 were won." in text
    rows = list(csv.reader(io.StringIO(ada.get("/reports/funnel/steps.csv").text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Step", "Came this far", "Just this is true"]
    assert [(row[0], row[1]) for row in rows[1:]] == [
        ("Seen on the website", "8"),
        ("Said who they are", "6"),
        ("Became hot", "6"),
        ("Spoken with", "4"),
        ("Won", "3"),
    ]
    assert rows[5][3:8] == ["0.75", "3", "4", rows[5][6], rows[5][7]]


def test_few_numbers_are_not_dressed_up(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    assert "Won so far: 3, too few to tell which channel sells." in ada.get("/reports/sources").text
    assert "From five on there is a usual time to tell." in ada.get("/reports/cycle").text
    assert "too few to say what winners read" in ada.get("/reports/attention").text
    assert "The difference may still be chance" in ada.get("/reports/scores").text


EMPTY = {
    "funnel": "Nobody new in these days",
    "sources": "Nobody new in these days",
    "cycle": "Nothing was won in these days",
    "attention": "Nothing was read in these days",
    "content": "Nothing was decided in these days",
    "losses": "Nothing was lost in these days",
    "scores": "No outcome in these days",
    "contact": "Nobody became hot in these days",
}


@pytest.mark.parametrize(("report", "said"), EMPTY.items(), ids=EMPTY)
def test_an_empty_report_says_what_to_record(sqlite_web: Web, report: str, said: str) -> None:
    text = sqlite_web.browser(sqlite_web.ada).get(f"/reports/{report}").text
    assert said in text
    assert 'class="report-words"' not in text


def test_days_and_segment_go_along_from_report_to_report(sqlite_web: Web) -> None:
    settle(sqlite_web)
    world, ada = sqlite_web.world, sqlite_web.browser(sqlite_web.ada)
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Named", Condition(field="kind", is_="person"), NOW)
    text = ada.get("/reports/funnel?from=2026-11-14&until=2026-11-16&segment=Named").text
    assert "14 Nov 2026 – 16 Nov 2026" in text
    assert 'href="/reports/cycle?from=2026-11-14&amp;until=2026-11-16&amp;segment=Named"' in text
    assert "Of 3 leads" in text  # first seen on the 14th, 15th and 16th
    assert 'href="/reports/funnel?segment=Named&amp;days=7"' in text
    assert ada.get("/reports?segment=Gone").status_code == 404


WRONG = {
    "the first after the last": ("from=2026-11-30&until=2026-11-01", "The first day is after the last one.", "from"),
    "no day": ("from=yesterday", "That is no day.", "from"),
    "no such day": ("until=2026-02-30", "That is no day.", "until"),
    "ten years": ("from=2016-01-01&until=2026-01-01", "at most 1100 days", "from"),
    "before the web": ("from=1969-01-01&until=1969-02-01", "From the year 2000 on", "until"),
}


@pytest.mark.parametrize(("query", "said", "field"), WRONG.values(), ids=WRONG)
def test_wrong_days_are_said_beside_the_field(sqlite_web: Web, query: str, said: str, field: str) -> None:
    ada = sqlite_web.browser(sqlite_web.ada)
    answer = ada.get(f"/reports?{query}")
    assert answer.status_code == 422
    assert re.search(rf'id="f-{field}-hint" class="field-problem">[^<]*{said}', answer.text)
    assert ada.get(f"/reports/funnel/steps.csv?{query}").status_code == 400


def test_what_is_not_a_report_is_not_there(sqlite_web: Web) -> None:
    ada = sqlite_web.browser(sqlite_web.ada)
    for path in ("/reports/nothing", "/reports/funnel/nothing.csv", "/reports/nothing/steps.csv"):
        assert ada.get(path).status_code == 404, path
    assert ada.get("/reports?days=31").status_code == 400


def test_credit_is_shared_as_asked(sqlite_web: Web) -> None:
    settle(sqlite_web)
    ada = sqlite_web.browser(sqlite_web.ada)
    first = ada.get("/reports/sources/credit.csv?credit=first").text
    assert "Search,,6.0,6.0,3.0" in first
    assert ada.get("/reports/sources?credit=guess").status_code == 400
