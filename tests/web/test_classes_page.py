"""The page of classes and groups, and the card on a lead's page: labels, how far they are believed, what to label next."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest
from playwright.sync_api import expect

from scorer import jobs
from scorer.class_assignment import assign
from scorer.class_requests import how_far
from scorer.classes import keep_models
from scorer.groups import keep_groups
from scorer.labelling_by_hand import labels_of, set_label
from scorer.resources import Resources
from scorer.users import User
from scorer.web.routes import BY_NAME
from tests.factories import NOW
from tests.scorer.core.test_classes_applying import MODEL
from tests.scorer.core.test_groups_placing import MODEL as GROUPS
from tests.scorer.test_classes_labelling import PEOPLE, reader
from tests.web.conftest import Browser, Web
from tests.web.served import HEIGHT, Served
from tests.web.test_accessibility import violations
from tracker.settings import Settings
from tracker.sites import load_sites

MARKUP = '<img src=x onerror="alert(1)">'


def lead(web: Web, number: int) -> str:
    return web.world.nordwind.lead(f"reader-{number}")


def there(web: Web, who: User) -> Browser:
    """A browser of somebody who looks at the site with the readers."""
    browser = web.browser(who)
    browser.get("/hot?site=nordwind")
    return browser


def learned(web: Web, readers: int = 4, **changes: Any) -> None:
    """Some readers, the first of whom has a label with markup in it; and a model and groups that tell of the others."""
    world = web.world
    world.feed([event for number in range(readers) for event in reader(number)])
    model = msgspec.structs.replace(
        MODEL, labels=(MARKUP, "valves"), features=("topic:pumps", "downloads", "visits", "heat:x"), **changes
    )
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        set_label(connection, site, lead(web, 0), "Line {x}", MARKUP, "ben@example.com", NOW)
        keep_models(connection, site.id, {"Line {x}": model})
        keep_groups(connection, site.id, GROUPS)
    assign(world.database, world.nordwind.id)


def test_without_labels_it_says_how_to_begin(sqlite_web: Web) -> None:
    text = there(sqlite_web, sqlite_web.ada).get("/classes").text
    assert "No lead has a label yet" in text
    assert "warmtrail classes import" in text
    assert "Nobody has looked for groups yet" in text
    assert 'action="/classes/learn"' not in text  # a viewer may not
    assert "还没有线索有标签" in there(sqlite_web, sqlite_web.chen).get("/classes").text


def test_schemes_and_groups_are_shown_with_how_far_they_are_believed(web: Web) -> None:
    learned(web)
    text = there(web, web.ben).get("/classes").text
    for expected in (
        "Line {x}",
        "classes 80%, and 94% of these rightly",
        "Learned from 40 labelled leads",
        "Of those it tells",
        "Worth labelling next",
        "Reader 1",
        "Group 3",
        "seldom come back",
        "2 groups among 200 leads",
        'href="/leads?group=3"',
    ):
        assert expected in text, expected
    assert MARKUP not in text
    assert "&lt;img src=x" in text
    chinese = there(web, web.chen).get("/classes").text
    assert "很少回访" in chinese
    assert "Worth labelling next" not in there(web, web.ada).get("/classes").text


def test_an_unsure_lead_is_labelled_with_one_click(web: Web) -> None:
    learned(web)
    ben = there(web, web.ben)
    answer = ben.post("/classes/label", {"lead": lead(web, 1), "scheme": "Line {x}", "label": "valves"}, on="/classes")
    assert answer.status_code == 303
    with web.world.database.reading() as connection:
        (said,) = labels_of(connection, [lead(web, 1)])[lead(web, 1)].values()
    assert (said.label, said.by) == ("valves", "ben@example.com")
    wrong = ben.post("/classes/label", {"lead": "ld_none", "scheme": "a", "label": "b"}, on="/classes")
    assert wrong.status_code == 422
    assert "There is no lead" in wrong.text


def test_viewers_may_not_label(sqlite_web: Web) -> None:
    learned(sqlite_web)
    ada = there(sqlite_web, sqlite_web.ada)
    for path in ("/classes/label", "/classes/learn", f"/leads/{lead(sqlite_web, 1)}/label"):
        assert ada.post(path, {"lead": lead(sqlite_web, 1), "scheme": "a", "label": "b"}, on="/settings").status_code == 403


def test_the_page_of_a_lead_tells_what_it_is_and_takes_labels(web: Web) -> None:
    learned(web)
    ben, path = there(web, web.ben), f"/leads/{lead(web, 1)}"
    text = ben.get(path).text
    assert "reads about pumps" in text
    assert "Behaves like" in text
    assert MARKUP not in text
    assert ben.post(f"{path}/label", {"scheme": "Kind", "label": MARKUP}, on=path).status_code == 303
    text = ben.get(path).text
    assert "said by people" in text
    assert MARKUP not in text
    refused = ben.post(f"{path}/label", {"scheme": "Kind", "label": "x" * 61}, on=path)
    assert refused.status_code == 422
    assert "1 to 60 printable characters" in refused.text
    assert ben.post(f"{path}/label", {"scheme": "Kind", "none": "yes"}, on=path).status_code == 303
    assert "said by people" not in ben.get(path).text


def test_leads_of_a_group_and_of_a_class_are_listed(web: Web) -> None:
    learned(web)
    ben = there(web, web.ben)

    def found(query: str) -> set[str]:
        text = ben.get(f"/leads?{query}").text
        return {number for number in map(str, range(4)) if f"Reader {number}" in text}

    assert found("group=3") == {"0", "1", "2", "3"}
    assert found("group=9") == set()
    assert found("class=line+%7Bx%7D%3A+valves") | {"0"} <= {"0", "1", "2", "3"}
    assert found("class=Line+%7Bx%7D%3A+%3Cimg+src%3Dx+onerror%3D%22alert%281%29%22%3E") >= {"0"}
    assert MARKUP not in ben.get("/leads?class=Line+%7Bx%7D%3A+%3Cimg+src%3Dx+onerror%3D%22alert%281%29%22%3E").text
    assert ben.get("/leads?group=x").status_code == 400


def test_learning_is_asked_for_once_and_done_by_a_worker(
    queued_web: Web, migrated_sqlite_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, world = queued_web, queued_web.world
    world.feed([event for number in range(PEOPLE) for event in reader(number)])
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        for number in range(PEOPLE - 2):
            set_label(connection, site, lead(web, number), "Line", "Pumps" if number % 2 else "Valves", "ben", NOW)
    ben = there(web, web.ben)
    for _ in range(2):
        assert ben.post("/classes/learn", {}, on="/classes").status_code == 303
    assert "It is being learned" in ben.get("/classes").text
    here = Resources(Settings(database_url=migrated_sqlite_url), redis_url)
    monkeypatch.setattr(jobs, "resources", lambda: here)
    jobs.learn_classes(site.id)
    assert "each lead is being looked at" in ben.get("/classes").text
    jobs.assign_classes(site.id, "")
    text = ben.get("/classes").text
    assert "each lead is being looked at" not in text
    assert "Learned from 22 labelled leads" in text
    assert here.control.llen("rq:queue:care") == 2  # one to learn, one to tell of the leads
    jobs.refresh_classes()
    assert how_far(here.control, world.huadong.id) is not None
    here.close()


def test_without_scikit_learn_it_says_what_to_install(
    queued_web: Web, migrated_sqlite_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Resources(Settings(database_url=migrated_sqlite_url), redis_url)
    monkeypatch.setattr(jobs, "resources", lambda: here)
    monkeypatch.setitem(sys.modules, "scorer.learning.classes_job", None)
    jobs.learn_classes(queued_web.world.nordwind.id)
    assert "pip install &#39;warmtrail[learn]&#39;" in there(queued_web, queued_web.ben).get("/classes").text
    here.close()


def test_the_page_is_in_the_navigation(sqlite_web: Web) -> None:
    assert "classes" in BY_NAME
    assert 'href="/classes"' in there(sqlite_web, sqlite_web.ada).get("/hot").text


def test_the_page_with_classes_and_groups_is_for_everybody(served: Served) -> None:
    learned(served.web)
    for language, theme in (("en", "light"), ("zh", "dark")):
        who = served.user("sales", language)  # type: ignore[arg-type]
        with served.visiting(who, theme=theme, reduced_motion="reduce") as context:  # type: ignore[arg-type]
            page = context.new_page()
            for path in ("/classes", f"/leads/{lead(served.web, 1)}"):
                page.goto(path)
                assert violations(page) == []
                page.set_viewport_size({"width": 390, "height": HEIGHT[390]})
                assert violations(page) == []
                assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
                page.set_viewport_size({"width": 1280, "height": HEIGHT[1280]})


def test_it_works_without_scripts(served: Served) -> None:
    learned(served.web)
    with served.visiting(served.user("sales"), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/classes")
        page.get_by_role("button", name=MARKUP).first.click()
        expect(page.get_by_text("Saved. It is learned from the next time.")).to_be_visible()
        page.goto(f"/leads/{lead(served.web, 2)}")
        page.get_by_label("Scheme", exact=True).fill("Kind")
        page.get_by_label("Label", exact=True).fill("Key account")
        page.get_by_role("button", name="Label it").click()
        expect(page.get_by_text("Key account").first).to_be_visible()
