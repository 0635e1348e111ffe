"""What moves on the pages for setting up: a live check, a part that comes later, dialogs that ask, copying."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.factories import SECOND
from tests.factories import page as page_view
from tests.web.served import Served


def test_a_page_view_appears_in_the_live_check_without_a_reload(served: Served) -> None:
    with served.visiting(served.user("admin")) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(f"/sites/{served.world.nordwind.id}")
        expect(page.locator("#seen")).not_to_contain_text("/just-now")
        served.world.now += SECOND
        served.world.feed([page_view("latest", "/just-now", served.world.now)])
        page.clock.fast_forward(5 * SECOND)
        expect(page.locator("#seen")).to_contain_text("/just-now")
        expect(page.locator(".dot-good")).to_be_visible()


def test_the_hours_come_after_the_page_and_are_a_link_without_scripts(served: Served) -> None:
    with served.visiting(served.user("viewer")) as context:
        page = context.new_page()
        page.goto("/settings/health")
        expect(page.locator("#hours svg[role=img]:visible")).to_be_visible()
    with served.visiting(served.user("viewer"), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/settings/health")
        page.click("#hours a")
        expect(page.locator("svg[role=img]:visible")).to_be_visible()


def test_what_cant_be_undone_asks_first_and_is_done_by_keyboard(served: Served) -> None:
    with served.visiting(served.user("admin")) as context:
        page = context.new_page()
        page.goto("/settings/keys")
        page.click("button:has-text('Make a key')")
        key = page.locator("#key")
        expect(key).to_contain_text("wt_")
        page.goto("/settings/keys")
        expect(key).to_have_count(0)
        row = page.locator("tr", has_text="revoked").count()
        page.get_by_role("button", name="Revoke").first.press("Enter")
        dialog = page.locator("dialog[open]")
        expect(dialog).to_contain_text("This can't be undone.")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.get_by_role("button", name="Revoke").first.press("Enter")
        dialog.get_by_role("button", name="Revoke").press("Enter")
        expect(page.locator("#toasts")).to_contain_text("no longer opens anything")
        assert page.locator("tr", has_text="revoked").count() == row + 1


def test_a_tag_is_copied(served: Served) -> None:
    with served.visiting(served.user("admin"), permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"/sites/{served.world.nordwind.id}")
        page.click("[data-copies=tag-short]")
        expect(page.locator("[data-copies=tag-short]")).to_contain_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()").startswith("<script async src=")


def test_a_mistake_in_the_editor_stands_beside_its_field(served: Served) -> None:
    with served.visiting(served.user("admin")) as context:
        page = context.new_page()
        page.goto("/scorecard/edit")
        page.fill('[name="hot.enter"]', "plenty")
        page.press('[name="hot.enter"]', "Enter")
        expect(page.locator('[name="hot.enter"]')).to_have_value("plenty")
        expect(page.locator('[id="f-hot.enter-hint"]')).to_contain_text("must be a number")
