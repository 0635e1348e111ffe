"""The whole story in two browsers: a visitor of the sample site warms up, and a salesperson watches, claims and wins."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from scorer.digesting import send_due
from scorer.digests import subscribe
from scorer.mail.letters import Sender
from scorer.mailing import Mailer
from scorer.resources import now_ms
from scorer.users import add_user
from scorer.webhooks import add_webhook
from tests.chromium import LIKE_A_PERSON, launch
from tests.mail_server import Kept, mail_server
from tests.scorer.webhook_receiver import Receiver, receiver
from tests.service.conftest import MakeService, make_service
from tests.service.running import AGENT, DAY, HOUR, Keys, Service, wait_for
from tests.web.conftest import PASSWORD, Chromium
from tracker.settings import Settings
from tracker.sites import load_sites

__all__ = ("make_service",)  # a fixture

SITE = "/nordwind"
SEEN_WITHIN_MS = 3000


@pytest.fixture(scope="module")
def crm() -> Iterator[Receiver]:
    """What is told of lead changes by webhook."""
    with receiver() as running:
        yield running


@pytest.fixture(scope="module")
def story(make_service: MakeService, crm: Receiver) -> tuple[Service, Keys]:
    """The service with the sample site in front of it, a salesperson and a webhook."""
    service = make_service(WEBHOOK_ALLOW="127.0.0.1")
    site = service.add_site(origins=(service.url,))
    service.command = (sys.executable, "-m", "tests.service.with_demo", site.write_key)
    service.start()
    with service.resources.database.writing() as connection:
        add_user(connection, "ben@example.com", "Ben", {site.id: "sales"}, now_ms(), password=PASSWORD)
        own = load_sites(connection)[site.id]
        add_webhook(connection, own, f"http://127.0.0.1:{crm.port}/", "test", now_ms())
    return service, site


def told_by_webhook(crm: Receiver, lead: str) -> list[str]:
    """The kinds of changes of a lead that have come, each message counted once, in the order of their numbers."""
    bodies = {came.headers["webhook-id"]: json.loads(came.body) for came in list(crm.came)}
    mine = [body for body in bodies.values() if body["data"]["lead"]["id"] == lead]
    return sorted(body["type"].removeprefix("lead.") for body in mine)


def weekly_mail(service: Service, site: Keys) -> str:
    """The mail of this week, which its reader gets next Monday at eight, as plain text."""
    kept = Kept()
    days = now_ms() // DAY
    monday = (days + 7 - (days + 3) % 7) * DAY  # the first day of all, 1 January 1970, was a Thursday
    with service.resources.database.writing() as connection:
        subscribe(connection, load_sites(connection)[site.id], "chief@example.com", "test", monday)
    with mail_server(kept) as port:
        settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_from="warmtrail@example.com")
        with Mailer(settings) as mailer:
            sender = Sender(service.url, service.resources.secret)
            send_due(service.resources.database, mailer, sender, lambda: monday + 9 * HOUR)
    [(to, mail)] = kept.mails
    assert to == ["chief@example.com"]
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
def visitor(playwright_driver: Playwright, story: tuple[Service, Keys]) -> Iterator[Page]:
    """A visitor who has never been here."""
    with launch(playwright_driver, LIKE_A_PERSON, f"--user-agent={AGENT}") as launched:
        context = launched.new_context(locale="de-DE", timezone_id="Europe/Berlin", base_url=story[0].url)
        yield context.new_page()


@pytest.fixture
def salesperson(browser: Chromium, story: tuple[Service, Keys]) -> Iterator[Page]:
    """A salesperson at the door."""
    context: BrowserContext = browser.new_context(base_url=story[0].url, locale="en-GB", timezone_id="Europe/Berlin")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def fetch(page: Page, path: str, file: str) -> None:
    """Read a page a little, and fetch a file that it has."""
    page.goto(SITE + path)
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 400)
    # Some browsers show the file in place of the page, some save it; either way it was asked for.
    page.click(f"a[href$='{file}']", no_wait_after=True)
    page.wait_for_timeout(200)


def test_a_visitor_becomes_hot_before_the_salespersons_eyes_and_is_claimed_and_won(
    story: tuple[Service, Keys], crm: Receiver, visitor: Page, salesperson: Page
) -> None:
    service, site = story
    salesperson.goto("/hot?stage=")
    salesperson.get_by_label("E-mail address").fill("ben@example.com")
    salesperson.get_by_label("Password").fill(PASSWORD)
    salesperson.get_by_role("button", name="Sign in").click()
    expect(salesperson.get_by_role("heading", name="Nobody is hot at present")).to_be_visible()
    salesperson.evaluate("window.isStillThis = true")

    fetch(visitor, "/pricing.html", "price-list.pdf")
    fetch(visitor, "/products/flow-meter.html", "flow-meter-datasheet.pdf")
    visitor.goto(SITE + "/cases.html")
    visitor.goto(SITE + "/contact.html")
    visitor.get_by_label("Name").fill("Nora North")
    visitor.get_by_label("E-mail").fill("nora@north.example")
    visitor.get_by_label("Company").fill("North Water")
    visitor.get_by_role("button", name="Send").click()
    visitor.get_by_text("Thank you, Nora North").wait_for()

    # The form is sent as it is sent; what the rest of the visit earns may come with it.
    line = salesperson.locator("#hot-list tbody tr", has_text="Nora North")
    expect(line).to_be_visible(timeout=SEEN_WITHIN_MS)
    expect(line).to_contain_text("North Water")
    lead = str(line.get_attribute("id"))
    service.processed()
    score = "id => Number(document.getElementById(id).dataset.score)"
    wait_for(
        lambda: salesperson.evaluate(score, lead) == round(service.get(f"/leads/{lead}", site.api_key)["score"]), 5, "?"
    )
    before = salesperson.evaluate(score, lead)

    fetch(visitor, "/pricing.html", "price-list.pdf")
    visitor.goto("about:blank")
    left = time.monotonic()
    salesperson.wait_for_function(f"([id, was]) => ({score})(id) > was", arg=[lead, before], timeout=SEEN_WITHIN_MS)
    assert (time.monotonic() - left) * 1000 < SEEN_WITHIN_MS

    line.get_by_role("button", name="Claim Nora North").click()
    expect(line.get_by_text("Yours", exact=True)).to_be_visible()
    line.get_by_role("link", name="Outcome of Nora North").click()
    dialog = salesperson.get_by_role("dialog")
    dialog.get_by_label("Won: value of the deal").fill("48000")
    dialog.get_by_role("button", name="Won").click()
    expect(line).to_have_count(0)
    assert salesperson.evaluate("window.isStillThis") is True  # nothing was loaded anew

    salesperson.goto(f"/leads/{lead}")
    expect(salesperson.locator(".lead-next")).to_contain_text("Won, 48,000 EUR")
    expect(salesperson.locator(".timeline")).to_contain_text("price-list.pdf")

    told = [one for one in service.get("/changes?limit=200", site.api_key)["data"] if one["lead_id"] == lead]
    kinds = [one["kind"] for one in told]
    assert kinds[-2:] == ["claimed", "outcome"]
    assert kinds.index("entered") < kinds.index("claimed")
    assert told[-2]["detail"]["owner"] == "ben@example.com"
    expected = {"kind": "won", "value": 48000.0, "currency": "EUR", "by": "ben@example.com"}
    assert told[-1]["detail"] == expected
    assert service.get(f"/leads/{lead}", site.api_key)["status"] == "won"
    assert service.get("/hot-leads", site.api_key)["data"] == []

    wait_for(lambda: told_by_webhook(crm, lead) == sorted(kinds), 10, "the webhook was told something else")
    mail = weekly_mail(service, site)
    assert "Nora North" in mail
    assert "48,000" in mail
