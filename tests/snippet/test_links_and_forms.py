"""Downloads, links to other sites and forms: what counts, what does not, and that nothing is delayed."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from .conftest import Site


def open_page(page: Page, site: Site, name: str = "downloads.html") -> None:
    page.goto(f"{site.origin}/{name}")
    site.wait_for(lambda: site.events("page"))
    page.route("**://*.example.com/**", lambda route: route.fulfill(status=204))


def click(page: Page, html: str, **how: Any) -> None:
    page.evaluate("html => document.getElementById('here').innerHTML = html", html)
    page.locator("#here .target, #here a, #here area").first.click(**how)


def link(address: str, attributes: str = "") -> str:
    return f'<a href="{address}" {attributes}>link</a>'


DOWNLOADS = [
    # link, file name, extension
    (link("/files/report.pdf"), "report.pdf", "pdf"),
    (link("/files/report.PDF"), "report.PDF", "pdf"),
    (link("/files/report.pdf#page=2"), "report.pdf", "pdf"),
    (link("/files/report.pdf?v=1"), "report.pdf", "pdf"),
    (link("/dl?file=report.pdf"), "report.pdf", "pdf"),
    (link("/dl?file=2026/prices/list.xlsx&lang=en"), "list.xlsx", "xlsx"),
    (link("/files/letter.doc"), "letter.doc", "doc"),
    (link("/files/prices.xls"), "prices.xls", "xls"),
    (link("/files/slides.odp"), "slides.odp", "odp"),
    (link("/files/book.epub"), "book.epub", "epub"),
    (link("/files/model.step"), "model.step", "step"),
    (link("/files/backup.tar.gz"), "backup.tar.gz", "gz"),
    (link("/files/Price%20list%20%C3%A9t%C3%A9.pdf"), "Price list été.pdf", "pdf"),
    (link("/files/100%.pdf"), "100%.pdf", "pdf"),
    (link("/export", 'download="leads.csv"'), "leads.csv", "csv"),
    (link("/export", "download"), "export", ""),
    (link("https://cdn.example.com/a/data-sheet.pdf"), "data-sheet.pdf", "pdf"),
    (link("data:text/csv,a,b", 'download="table.csv"'), "table.csv", "csv"),
    ('<a href="/files/report.pdf"><b><i class="target">deep</i></b></a>', "report.pdf", "pdf"),
    (
        '<svg width="99" height="40"><a href="/files/plan.dwg"><rect class="target" width="99" height="40"/></a></svg>',
        "plan.dwg",
        "dwg",
    ),
]


@pytest.mark.parametrize(("html", "file_name", "extension"), DOWNLOADS, ids=[name for _, name, _ in DOWNLOADS])
def test_a_click_on_a_file_is_one_download(page: Page, site: Site, html: str, file_name: str, extension: str) -> None:
    open_page(page, site)
    click(page, html)
    [event] = site.wait_for(lambda: site.events("File Downloaded"))
    page.wait_for_timeout(80)
    assert len(site.events("File Downloaded")) == 1
    assert site.events("Link Clicked") == []
    properties = event["properties"]
    assert (properties["file_name"], properties["extension"]) == (file_name, extension)
    assert properties["view_id"] == site.events("page")[0]["properties"]["view_id"]
    assert "a,b" not in properties["url"], "the address of a data: link is its content"


def test_links_that_are_no_download_send_none(page: Page, site: Site) -> None:
    open_page(page, site)
    for html in [
        link("/pricing"),
        link("/photo.jpg"),
        link("/app.js"),
        link("/pdf"),
        link("/a.pdf/details"),
        link("#report.pdf"),
        link("javascript:void 0"),
        "<button class=target>a.pdf</button>",
    ]:
        click(page, html)
    page.wait_for_timeout(200)
    assert site.events("File Downloaded") == []
    assert site.events("Link Clicked") == []


@pytest.mark.parametrize("address", ["mailto:sales@example.com", "tel:+4930123"])
def test_writing_and_calling_are_links_out(page: Page, site: Site, address: str) -> None:
    open_page(page, site)
    click(page, link(address))
    [event] = site.wait_for(lambda: site.events("Link Clicked"))
    assert event["properties"]["url"] == address
    assert site.events("File Downloaded") == []


@pytest.mark.parametrize(
    "how",
    [{"button": "middle"}, {"modifiers": ["Control"]}, {"modifiers": ["Shift"]}, {}],
    ids=["middle button", "control", "shift", "plain"],
)
def test_every_way_to_follow_a_link_counts_once(page: Page, site: Site, how: dict[str, Any]) -> None:
    open_page(page, site)
    click(page, link("/files/report.pdf"), **how)
    site.wait_for(lambda: site.events("File Downloaded"))
    page.wait_for_timeout(80)
    assert len(site.events("File Downloaded")) == 1


def test_the_keyboard_counts_and_the_context_menu_does_not(page: Page, site: Site) -> None:
    open_page(page, site)
    click(page, link("/files/report.pdf"), button="right")
    page.wait_for_timeout(150)
    assert site.events("File Downloaded") == []
    page.locator("#here a").press("Enter")
    site.wait_for(lambda: site.events("File Downloaded"))


def test_a_link_around_a_shadow_root_and_a_stopped_event_are_seen(page: Page, site: Site) -> None:
    open_page(page, site)
    page.evaluate("""() => {
      here.innerHTML = '<a href="/files/report.pdf"><span id="host"></span></a>';
      host.attachShadow({ mode: 'open' }).innerHTML = '<b>inside</b>';
      here.addEventListener('click', (event) => event.stopPropagation(), true);
    }""")
    page.get_by_text("inside").click()
    site.wait_for(lambda: site.events("File Downloaded"))


def test_the_list_of_extensions_can_be_replaced(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-downloads=".pdf, .glb"'
    open_page(page, site)
    click(page, link("/files/archive.zip"))
    click(page, link("/files/model.glb"))
    [event] = site.wait_for(lambda: site.events("File Downloaded"))
    assert event["properties"]["file_name"] == "model.glb"


def test_a_link_to_another_site_is_reported_without_fragment_and_stripped_parameters(page: Page, site: Site) -> None:
    site.attributes = 'data-local data-strip="token,email"'
    open_page(page, site)
    click(page, link("https://partner.example.com/share?url=https://x.example/a.pdf&token=s3cret#top"))
    [event] = site.wait_for(lambda: site.events("Link Clicked"))
    assert event["properties"]["url"].startswith("https://partner.example.com/share?url=")
    assert "s3cret" not in event["properties"]["url"]
    assert "#" not in event["properties"]["url"]
    assert site.events("File Downloaded") == []


def test_a_form_sends_its_name_and_only_the_marked_fields(page: Page, site: Site) -> None:
    open_page(page, site, "basic.html")
    page.locator("#quote button").click()
    [event] = site.wait_for(lambda: site.events("Form Submitted"))
    assert event["properties"] == {
        "form_id": "quote",
        "form_name": "ask",
        "fields": {"topic": "gateways", "news": None},
        "view_id": site.events("page")[0]["properties"]["view_id"],
        "url": site.events("page")[0]["properties"]["url"],
    }
    sent = str(site.requests)
    assert "hunter2" not in sent
    assert "ada@example.com" not in sent


def test_a_collector_that_hangs_delays_no_navigation(page: Page, site: Site) -> None:
    site.hang.set()
    page.goto(site.origin + "/basic.html")
    site.wait_for(lambda: site.requests)
    started = time.monotonic()
    page.locator("#away").click()
    page.wait_for_url("**/plain.html")
    assert time.monotonic() - started < 1


def test_the_final_message_arrives_in_twenty_of_twenty_click_aways(page: Page, site: Site) -> None:
    for run in range(1, 21):
        page.goto(f"{site.origin}/basic.html?run={run}")
        page.mouse.move(run, 50)
        page.wait_for_function("window.warmtrail && warmtrail.version")
        page.wait_for_timeout(20)
        page.locator("#away").click()
        page.wait_for_url("**/plain.html")
    site.wait_for(lambda: len(site.events("Page Engaged")) >= 20)
    viewed = {event["properties"]["view_id"] for event in site.events("page")}
    assert len(viewed) == 20
    assert {event["properties"]["view_id"] for event in site.events("Page Engaged")} == viewed
