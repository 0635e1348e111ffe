"""What is another on a phone: the navigation below, with its later entries behind "More", and the drawings of charts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.factories import page, track
from tests.web.served import Served
from tests.web.test_accessibility import violations


@pytest.fixture
def phone(served: Served) -> Iterator[Page]:
    """The hot list of an administrator on a telephone."""
    with served.visiting(served.user("admin"), width=390) as context:
        shown = context.new_page()
        shown.goto("/hot")
        yield shown


def test_all_entries_are_reached_by_finger_and_by_keys(phone: Page) -> None:
    bar = phone.get_by_role("navigation", name="Main")
    boxes = [one.bounding_box() for one in bar.locator(".nav-list > li:visible").all()]
    assert len(boxes) == 5
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 44 for box in boxes)
    more, settings = bar.locator("summary"), bar.get_by_role("link", name="Settings")
    expect(settings).to_be_hidden()
    more.focus()
    phone.keyboard.press("Enter")
    expect(settings).to_be_visible()
    assert violations(phone) == []
    phone.keyboard.press("Escape")
    expect(settings).to_be_hidden()
    expect(more).to_be_focused()
    more.click()
    phone.locator("h1").click()
    expect(settings).to_be_hidden()
    more.click()
    settings.click()
    phone.wait_for_url("**/settings")
    expect(more).to_have_class("is-current")


def test_on_a_desk_they_stand_side_by_side(phone: Page) -> None:
    phone.set_viewport_size({"width": 1280, "height": 900})
    bar = phone.get_by_role("navigation", name="Main")
    expect(bar.get_by_role("link", name="Settings")).to_be_visible()
    expect(bar.locator("summary")).to_be_hidden()


def test_a_chart_is_drawn_for_the_width_it_has(served: Served, phone: Page) -> None:
    phone.goto(served.path_of(phone, "/leads/{lead}"))
    chart = phone.get_by_role("img", name="Score from")
    expect(chart).to_have_count(1)
    texts = [one.bounding_box() for one in chart.locator(".chart-text").all()]
    assert all(box is not None and box["height"] >= 11 for box in texts)
    days = sorted(
        (box["x"], box["x"] + box["width"]) for box in texts if box and box["y"] == max(b["y"] for b in texts if b)
    )
    assert len(days) == 3
    assert all(end < start for (_, end), (start, _) in pairwise(days))
    phone.set_viewport_size({"width": 1280, "height": 900})
    expect(chart).to_have_count(1)
    assert chart.locator(".chart-text").count() > len(texts)


def test_the_tab_that_one_is_on_is_in_sight(phone: Page) -> None:
    phone.goto("/settings/audit")
    box = phone.locator(".tabs [aria-current]").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 390


def test_the_marks_of_a_lead_are_in_sight_on_the_narrowest_of_phones(served: Served, phone: Page) -> None:
    world = served.world
    world.feed([page("shy", "/pricing", world.now), track("shy", "Scoring Objected", world.now)])
    phone.set_viewport_size({"width": 320, "height": 640})
    phone.goto(f"/leads/{world.nordwind.lead('shy')}")
    mark = phone.get_by_text("Excluded: Doesn't want to be scored")
    box = mark.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 320
    assert mark.evaluate("mark => mark.scrollWidth - mark.clientWidth") <= 0
