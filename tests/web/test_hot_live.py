"""The hot list in a browser: it moves by itself, by keys and by clicks; and it can be read and worked without scripts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from scorer.web.call import Theme
from tests.factories import MINUTE, buyer, identify, page, track
from tests.web.served import Served
from tests.web.test_accessibility import violations


@pytest.fixture
def salesperson(served: Served) -> Iterator[Page]:
    """A salesperson before the list. The world's clock goes on to the real time."""
    served.world.now = int(time.time() * 1000)
    with served.visiting(served.user("sales")) as context:
        shown = context.new_page()
        said: list[str] = []
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto("/hot")
        expect(shown.locator(".live-on")).to_be_visible()
        yield shown
        assert said == []


def row(shown: Page, who: str) -> str:
    found = shown.locator("#hot-list tbody tr", has_text=who).get_attribute("id")
    assert found is not None
    return found


def test_a_lead_appears_and_rises_within_three_seconds_and_nothing_chosen_is_lost(served: Served, salesperson: Page) -> None:
    shown = salesperson
    box = shown.locator("#hot-list tbody tr", has_text="Emil East").get_by_role("checkbox")
    box.check()
    shown.locator(f"#to-{row(shown, 'Finn Halden')}").focus()
    focused = shown.evaluate("document.activeElement.id")
    served.world.feed(buyer("quick", served.world.now, name="Quinn Quick", email="quinn@quick.example"))
    new = shown.locator("#hot-list tbody tr", has_text="Quinn Quick")
    new.wait_for(timeout=3000)
    assert (shown.evaluate("document.activeElement.id"), box.is_checked()) == (focused, True)
    before = int(new.get_attribute("data-score") or 0)
    served.world.feed(
        [track("quick", "Quote Requested", served.world.now - MINUTE), page("quick", "/cases", served.world.now, view="q9")]
    )
    shown.wait_for_function(
        "([id, was]) => Number(document.getElementById(id).dataset.score) > was",
        arg=[row(shown, "Quinn"), before],
        timeout=3000,
    )
    assert (shown.evaluate("document.activeElement.id"), box.is_checked()) == (focused, True)
    box.uncheck()


def test_keys_move_claim_put_off_and_choose(served: Served, salesperson: Page) -> None:
    shown, keys = salesperson, salesperson.keyboard
    names = shown.locator(".hot-name").all_inner_texts()
    keys.press("j")
    assert shown.evaluate("document.activeElement.textContent") == names[0]
    keys.press("j")
    keys.press("k")
    assert shown.evaluate("document.activeElement.textContent") == names[0]
    first = shown.locator("#hot-list tbody tr").first
    keys.press("c")
    expect(first.get_by_text("Yours", exact=True)).to_be_visible()
    expect(shown.locator(".toast", has_text=f"{names[0]} is yours")).to_be_visible()
    assert shown.evaluate("document.activeElement.textContent") == names[0]
    keys.press("c")
    expect(first.get_by_text("Yours", exact=True)).to_be_hidden()
    keys.press("x")
    expect(shown.locator("#several")).to_have_class(re.compile("is-open"))
    expect(shown.locator("[data-count]")).to_have_text("1")
    keys.press("x")
    expect(shown.locator("#several")).not_to_have_class(re.compile("is-open"))
    keys.press("?")
    expect(shown.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    shown.get_by_label("Keys do this").uncheck()
    keys.press("Escape")
    keys.press("/")
    assert shown.evaluate("document.activeElement.type") != "search"
    shown.reload()
    keys.press("j")
    assert shown.evaluate("document.activeElement.className") != "hot-name"
    shown.evaluate("localStorage.clear()")
    shown.reload()
    keys.press("/")
    assert shown.evaluate("document.activeElement.type") == "search"
    search = shown.locator(".filters [type=search]")
    search.focus()
    keys.type("finn j")  # letters are letters where one writes
    assert search.input_value() == "finn j"
    search.fill("finn")
    with shown.expect_navigation():  # until its script runs: the list is there before the keys are
        keys.press("Enter")
    expect(shown.locator(".hot-name")).to_have_text(["Finn Halden"])
    keys.press("j")
    keys.press("Enter")
    expect(shown.get_by_role("heading", level=1)).to_have_text("Finn Halden")


def test_a_lead_is_put_off_and_won_in_dialogs(served: Served, salesperson: Page) -> None:
    shown, now = salesperson, served.world.now
    served.world.feed(buyer("sam", now, name="Sam Snooze", email="sam@snooze.example"))
    served.world.feed(buyer("wim", now, name="Wim Winner", email="wim@winner.example"))
    for who, button in (("Sam Snooze", "Put off"), ("Wim Winner", "Outcome of")):
        line = shown.locator("#hot-list tbody tr", has_text=who)
        line.wait_for(timeout=3000)
        line.get_by_role("link", name=f"{button} {who}").click()
        dialog = shown.get_by_role("dialog")
        expect(dialog.locator("[data-of]")).to_have_text(who)
        if who == "Sam Snooze":
            dialog.get_by_role("button", name="Tomorrow").click()
        else:
            dialog.get_by_label("Won: value of the deal").fill("12,500")
            dialog.get_by_role("button", name="Won").click()
        expect(shown.locator(".toast", has_text=who)).to_be_visible()
        expect(line).to_have_count(0)


def test_several_are_claimed_and_decided_at_once(served: Served, salesperson: Page) -> None:
    shown, now = salesperson, served.world.now
    for who in ("uma", "ugo"):
        served.world.feed([*buyer(who, now), identify(who, now, name=f"{who.title()} Pair", email=f"{who}@pair.example")])
    shown.goto("/hot?q=pair")
    expect(shown.locator(".hot-name")).to_have_count(2)
    shown.get_by_label("Choose all").check()
    expect(shown.locator("[data-count]")).to_have_text("2")
    shown.locator("#several").get_by_role("button", name="Claim").click()
    expect(shown.locator(".toast", has_text="2 leads are yours")).to_be_visible()
    expect(shown.locator("#several")).not_to_have_class(re.compile("is-open"))
    shown.get_by_label("Choose all").check()
    shown.locator("#several").get_by_role("button", name="Outcome").click()
    expect(shown.get_by_role("dialog").locator("[data-of]")).to_contain_text("Pair, ")
    shown.get_by_role("button", name="Junk").click()
    expect(shown.get_by_role("heading", name="Nobody like that is hot")).to_be_visible()


def test_a_broken_connection_is_told_once_and_ends_by_itself(salesperson: Page) -> None:
    shown = salesperson
    shown.route("**/hot", lambda route: route.abort())
    shown.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # which asks at once
    expect(shown.locator(".live-off")).to_be_visible()
    shown.unroute("**/hot")
    shown.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(shown.locator(".live-on")).to_be_visible()
    shown.route("**/hot", lambda route: route.fulfill(status=503, body="<p class='toast'>x</p>"))
    shown.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(shown.locator(".live-off")).to_be_visible()
    assert shown.locator(".toast").count() == 0
    shown.unroute("**/hot")


def test_without_scripts_the_list_is_read_filtered_and_claimed_from(served: Served) -> None:
    with served.visiting(served.user("sales"), java_script_enabled=False, width=390) as context:
        shown = context.new_page()
        shown.goto("/hot")
        shown.get_by_placeholder("Name, address or company").fill("emil")
        shown.get_by_role("button", name="Show").last.click()
        expect(shown.locator(".hot-name")).to_have_text(["Emil East"])
        assert shown.get_by_text("Live").count() == 0 or not shown.get_by_text("Live", exact=True).is_visible()
        shown.get_by_role("button", name="Claim Emil East").click()
        expect(shown.locator(".toast")).to_have_text("Emil East is yours for a week.")
        assert shown.url.endswith("/hot?q=emil")
        shown.get_by_role("link", name="Outcome of Emil East").click()
        expect(shown.get_by_role("heading", level=1)).to_have_text("Emil East")
        shown.get_by_text("Outcome", exact=True).click()
        shown.get_by_role("button", name="Contacted").click()
        expect(shown.locator(".lead-marks")).to_contain_text("Contacted")
        shown.get_by_role("button", name="Release").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_is_for_everybody_too(served: Served, theme: Theme) -> None:
    with served.visiting(served.user("admin"), theme=theme) as context:
        shown = context.new_page()
        shown.goto("/hot")
        shown.get_by_label("Choose all").check()
        assert violations(shown) == []
        shown.locator("#several").get_by_role("button", name="Outcome").click()
        assert violations(shown) == []
        shown.keyboard.press("Escape")
        shown.get_by_role("button", name="Shortcuts").click()
        assert violations(shown) == []
        shown.goto(served.path_of(shown, "/leads/{lead}"))
        shown.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.removeAttribute('name'); one.open = true; })"
        )
        assert violations(shown) == []
