"""What is a download, what a link out, and what neither: the tables of docs/downloads.md, run row by row in a browser."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as BrowserError

from .conftest import Site, serving, visiting

DOCS = (Path(__file__).parents[2] / "docs" / "downloads.md").read_text(encoding="utf-8")
HOST = "www.halden.example"
REPORT = '<a href="/files/report.pdf">report</a>'


def section(heading: str) -> str:
    return DOCS.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:].rstrip().removesuffix("|").split("|")] for line in lines[2:]]


def code(cell: str) -> str:
    return cell.removeprefix("`").removesuffix("`")


def kinds(cell: str) -> list[str]:
    return [] if cell == "nothing" else cell.split(", ")


LINKS = table("Links")
WAYS = table("Ways to follow a link")
SCRIPTS = table("Scripts")
MOVES = table("Pages that name a file")
OTHERS = """
  7zip aac apk asp aspx avi avif bin bmp bz2 cgi css deb do doct dotmx gif htm html ico ics iso jar jpeg jpg js json jsp m4a
  map md mid mjs mkv mpg msg odg ogg php png pp ppm ps psd py rss rtfx sh shtml st stx svg tar tif tiff ts tx vcf wasm wav
  webm webp wma wmv woff2 xhtml xlsxx xml xps yml z
"""
LISTED = re.findall(r"`(\w+)`", section("What makes a file").split("\n\n")[1])


class Reader:
    """Somebody on a page of www.halden.example, on which links can be put and followed."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.context = context
        self.site = site
        self.origin = site.at(HOST, "")
        # A file that the page is sent away for never comes: the browser stays where it is.
        context.route(re.compile("^https:"), lambda route: route.fulfill(status=204))
        self.page = context.new_page()

    def open(self, path: str = "/downloads.html") -> Page:
        """The page, freshly loaded; what was sent before is forgotten."""
        if self.page.is_closed():
            self.page = self.context.new_page()
        self.page.goto(self.origin + path)
        self.page.bring_to_front()  # Chromium draws what is behind only once a second
        self.page.wait_for_function("window.warmtrail?.version")
        # The page view must not come later than what is looked for.
        self.site.wait_for(lambda: any(e["properties"]["url"] == self.page.url for e in self.site.events("page")))
        self.site.requests.clear()
        return self.page

    def stay(self) -> Page:
        """The page as it is, if it still is there."""
        if self.page.is_closed() or self.page.url != self.origin + "/downloads.html":
            return self.open()
        self.page.bring_to_front()
        self.site.requests.clear()
        return self.page

    def put(self, html: str) -> None:
        self.page.evaluate(
            """html => {
              const here = document.getElementById('here').cloneNode(); // without the listeners of the row before
              document.getElementById('here').replaceWith(here);
              here.innerHTML = html.replace('blob:…', () => URL.createObjectURL(new Blob(['a;b'])));
              here.querySelectorAll('a:empty, button:empty').forEach((element) => element.append('link'));
            }""",
            html,
        )

    def click(self, **how: Any) -> None:
        target = next(name for name in ("rect", "i", "img", "button", "a") if self.page.locator(f"#here {name}").count())
        self.page.locator(f"#here {target}").click(no_wait_after=True, **how)

    def sent(self) -> list[dict[str, Any]]:
        """The downloads and links that were told of, up to now."""
        with suppress(BrowserError):  # the page is being left
            self.page.evaluate("setTimeout(() => warmtrail.track('Done'), 20)")

        def is_told() -> bool:
            self.page.wait_for_timeout(10)
            has_left = not self.page.url.startswith(self.origin)
            return bool(self.site.events("Page Engaged" if has_left else "Done"))

        self.site.wait_for(is_told)
        for other in self.context.pages:
            if other != self.page:
                other.close()
        return [e for e in self.site.events() if e.get("event") in ("File Downloaded", "Link Clicked")]


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[Reader]:
    with serving() as site, visiting(browser) as context:
        yield Reader(context, site)


@pytest.mark.parametrize(
    ("link", "event", "file_name", "extension"),
    [(code(link), event, code(name), code(extension)) for link, event, name, extension, _ in LINKS],
    ids=[code(row[0]) for row in LINKS],
)
def test_a_click_on_a_link_sends_what_the_documentation_says(
    reader: Reader, link: str, event: str, file_name: str, extension: str
) -> None:
    def here(text: str) -> str:
        return text.replace(f"https://{HOST}", reader.origin)

    page = reader.stay()
    reader.put(here(link))
    reader.click()
    sent = reader.sent()
    assert [one["event"] for one in sent] == kinds(event)
    for one in sent:
        properties = one["properties"]
        assert properties.get("file_name", "") == here(file_name)
        assert properties.get("extension", "") == extension
        assert set(properties) <= {"view_id", "url", "file_name", "extension"}
        assert "#" not in properties["url"]
        assert not re.match("(blob|data):.", properties["url"]), "the address of a data: link is its content"
    assert "a;b" not in str(reader.site.requests)
    if re.search("mailto:|tel:", link):
        page.close()  # the browser asks whether another program may open, and is deaf meanwhile


def hold(key: str) -> Callable[[Reader], None]:
    return lambda reader: reader.click(modifiers=[key])


def click_with(**how: Any) -> Callable[[Reader], None]:
    return lambda reader: reader.click(**how)


def click_after(script: str, html: str = REPORT) -> Callable[[Reader], None]:
    """A click on a page that has prepared itself for it."""

    def deed(reader: Reader) -> None:
        reader.put(html)
        reader.page.evaluate(f"() => {{ const here = document.getElementById('here'); {script} }}")
        reader.page.wait_for_timeout(30)
        if reader.page.locator("#here a").count() and "attachShadow" not in script:
            reader.click()
        elif "attachShadow" in script:
            reader.page.mouse.click(*CENTRE)

    return deed


def twice(reader: Reader) -> None:
    reader.click()
    reader.page.wait_for_timeout(1000)
    reader.click()


# Where the link in a shadow root is put, since nobody can look for it in a closed one.
CENTRE = (150, 150)


def in_shadow(mode: str, attributes: str = "") -> Callable[[Reader], None]:
    style = "position:fixed;left:100px;top:100px;width:100px;height:100px;background:#eee"
    link = f'<a href="/files/report.pdf" style="{style}" {attributes}>report</a>'
    return click_after(f"here.attachShadow({{ mode: '{mode}' }}).innerHTML = `{link}`")


DEEDS: dict[str, Callable[[Reader], None]] = {
    "clicks": click_with(),
    "clicks with the middle button": click_with(button="middle"),
    "clicks with Ctrl held": hold("Control"),
    "clicks with Shift held": hold("Shift"),
    "clicks with Meta held": hold("Meta"),
    "presses Enter": lambda reader: reader.page.locator("#here a").press("Enter"),
    "clicks twice, one second apart": twice,
    "clicks with the right button": click_with(button="right"),
    'clicks, and it has `target="_blank"`': click_after("here.firstChild.target = '_blank'"),
    'clicks, and it has `target="_blank" rel="noopener"`': click_after(
        "Object.assign(here.firstChild, { target: '_blank', rel: 'noopener' })"
    ),
    "clicks, and its target is a frame": click_after(
        "", '<a href="/files/report.pdf" target="f">report</a><iframe name="f">'
    ),
    "clicks, and the page prevents that and fetches the file itself": click_after(
        "here.onclick = (event) => { event.preventDefault(); fetch('/files/report.pdf') }"
    ),
    "clicks, and the page prevents that and opens the file in a window": click_after(
        "here.onclick = (event) => { event.preventDefault(); open('/files/report.pdf') }"
    ),
    "clicks, and the page prevents that and goes there a moment later": click_after(
        "here.onclick = (event) => { event.preventDefault(); setTimeout(() => location = '/files/report.pdf', 5) }"
    ),
    "clicks, and the page stops the event": click_after(
        "for (const type of ['mousedown', 'click'])"
        " here.addEventListener(type, (event) => event.stopImmediatePropagation(), true)"
    ),
    "clicks, and it stands in an open shadow root": in_shadow("open"),
    "clicks, and it stands in a closed shadow root": in_shadow("closed"),
    "clicks, and it stands in a closed shadow root and opens a new tab": in_shadow("closed", 'target="_blank"'),
}


@pytest.mark.parametrize(("way", "event"), [row[:2] for row in WAYS], ids=[row[0] for row in WAYS])
def test_a_way_to_follow_a_link_sends_what_the_documentation_says(reader: Reader, way: str, event: str) -> None:
    reader.open()
    reader.put(REPORT)
    DEEDS[way](reader)
    sent = reader.sent()
    assert [one["event"] for one in sent] == kinds(event)
    for one in sent:
        assert one["properties"]["file_name"] == "report.pdf"
        assert one["properties"]["url"] == reader.origin + "/files/report.pdf"


def test_every_way_that_is_tried_is_documented() -> None:
    assert [row[0] for row in WAYS] == list(DEEDS)


@pytest.mark.parametrize(
    ("script", "event"), [(code(row[0]), row[1]) for row in SCRIPTS], ids=[code(row[0]) for row in SCRIPTS]
)
def test_a_script_sends_what_the_documentation_says(reader: Reader, script: str, event: str) -> None:
    page = reader.open()
    page.evaluate(f"() => {{ {script} }}")
    sent = reader.sent()
    assert [one["event"] for one in sent] == kinds(event)
    for one in sent:
        assert one["properties"]["file_name"] == "report.pdf"
    assert "a;b" not in str(reader.site.requests)


def come(page: Page) -> None:
    page.goto(page.url)


def come_back(page: Page) -> None:
    page.goto(page.url.replace("downloads", "basic"))
    page.go_back()


def go_forward(page: Page) -> None:
    page.goto(page.url.replace("downloads", "basic"))
    page.goto(page.url.replace("basic", "downloads"))
    page.go_back()
    page.go_forward()


TO_A_VIEWER: dict[str, Callable[[Page], Any]] = {
    "comes by its address": come,
    "reloads it": lambda page: page.reload(),
    "comes back to it": come_back,
    "goes forward to it": go_forward,
}


@pytest.mark.parametrize(("way", "event"), [row[:2] for row in MOVES], ids=[row[0] for row in MOVES])
def test_a_page_that_names_a_file_sends_what_the_documentation_says(reader: Reader, way: str, event: str) -> None:
    page = reader.open("/downloads.html?file=report.pdf")
    TO_A_VIEWER[way](page)
    page.wait_for_function("window.warmtrail?.version")
    assert [one["event"] for one in reader.sent()] == kinds(event)


def test_every_way_to_a_viewer_that_is_tried_is_documented() -> None:
    assert [row[0] for row in MOVES] == list(TO_A_VIEWER)


def test_the_extensions_that_count_are_the_ones_documented(reader: Reader) -> None:
    others = [name for name in OTHERS.split() if name not in LISTED]
    page = reader.open()
    page.evaluate(
        """names => {
          const link = document.getElementById('here').appendChild(document.createElement('a'));
          link.onclick = (event) => event.preventDefault();
          for (const name of names) { link.href = '/a.' + name; link.click() }
        }""",
        [*LISTED, *others],
    )
    counted = [event["properties"]["extension"] for event in reader.sent()]
    assert counted == LISTED


@pytest.mark.parametrize("given", [".pdf, .glb", "pdf,glb", "pdf glb", "GLB"])
def test_the_list_of_extensions_can_be_replaced(reader: Reader, given: str) -> None:
    reader.site.attributes = f'data-downloads="{given}"'
    try:
        reader.open()
    finally:
        reader.site.attributes = ""
    reader.put("".join(f'<a href="/{name}" onclick="return false">{name}</a>' for name in ("all.zip", "model.glb", "glb")))
    reader.page.evaluate("document.querySelectorAll('#here a').forEach((link) => link.click())")
    assert [event["properties"]["file_name"] for event in reader.sent()] == ["model.glb"]
