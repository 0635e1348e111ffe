"""The page of hot leads: how long the server takes from the request to the answer, with 100,000 leads behind it."""

from __future__ import annotations

import time
from collections.abc import Callable

from werkzeug.test import TestResponse

from bench.databases import database, kinds
from bench.query_data import fill_site
from bench.report import Section, spread
from scorer.resources import now_ms
from tests.factories import MINUTE, World, buyer
from tests.web.conftest import Browser, Web
from tracker.db import Database

ROUNDS = 15
LEADS = 100_000
BUYERS = 400
"""Of them, with names, companies, visits and reasons: those on the list."""
COLLEAGUES = 4
GOAL_MS = 300


def run(smoke: bool) -> Section:
    """Measure the page as a browser asks for it, through Flask's test client."""
    rounds, count, buyers = (1, 500, 8) if smoke else (ROUNDS, LEADS, BUYERS)
    section = Section(
        "page",
        f"Page of hot leads out of {count:,}",
        "The whole page, the list that a script asks for when something has changed, and the answer that nothing has. Of "
        f"the leads {buyers:,} have names, companies of {COLLEAGUES} people, visits and reasons; they are the ones shown. "
        f"Rendered in one process, without the time of the network. Goal: {GOAL_MS} ms for the whole page.",
        ("database", "page, ms", "goal, ms", "list, ms", "nothing new, ms", "first page of a process, ms"),
    )
    for kind in kinds():
        with database(kind) as made:
            section.rows.append((kind, *_measure(made, rounds, count, buyers)))
    return section


def _measure(made: Database, rounds: int, count: int, buyers: int) -> tuple[str, ...]:
    now = now_ms()
    world = World(made.engine.url.render_as_string(hide_password=False), now=now)
    try:
        people = []
        for number in range(buyers):
            firm = number // COLLEAGUES
            name, told = f"Person {number}", {"company": f"Works {firm}", "title": "Head of Procurement"}
            address = f"person-{number}@works-{firm}.example"
            people += buyer(f"buyer-{number}", now - number * MINUTE, name=name, email=address, **told)
        world.feed(people)
        fill_site(made, count - buyers, heat=0.9, whole=False)
        web = Web(world)
        browser = web.browser(web.ben)
        first = _ms(lambda: browser.get(f"/hot?site={world.nordwind.id}"))
        page = [_ms(lambda: browser.get("/hot")) for _ in range(rounds)]
        part = [_ms(lambda: _part(browser)) for _ in range(rounds)]
        tag = _part(browser).headers["ETag"]
        same = [_ms(lambda: _part(browser, tag)) for _ in range(rounds)]
    finally:
        world.database.close()
    return spread(page, 1), f"{GOAL_MS}", spread(part, 1), spread(same, 1), f"{first:,.1f}"


def _part(browser: Browser, tag: str = "") -> TestResponse:
    headers = {"HX-Request": "true", **({"If-None-Match": tag} if tag else {})}
    return browser.get("/hot", **headers)


def _ms(one: Callable[[], TestResponse]) -> float:
    start = time.perf_counter()
    answer = one()
    answer.get_data()
    took = (time.perf_counter() - start) * 1000
    assert answer.status_code == 304 or (answer.status_code == 200 and "Person 0" in answer.text), answer.status_code
    return took
