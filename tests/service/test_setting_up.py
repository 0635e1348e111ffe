"""Sites on the command line: added, shown, changed while the service runs; and a page with the snippet, looked at."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.service.running import AGENT, ROOT, Keys, Service, wait_for

PAGES: dict[str, str] = {}
"""What the company's web server has, by path."""


class CompanyWeb(BaseHTTPRequestHandler):
    """The web server of a company."""

    def do_GET(self) -> None:
        page = PAGES.get(self.path)
        self.send_response(200 if page is not None else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((page or "not here").encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), CompanyWeb) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_new_site_is_told_what_goes_into_its_pages(service: Service) -> None:
    told = service.cli("site", "add", "Told")
    key = re.search(r"wk_[\w-]+", told)
    assert key is not None
    manifest = json.loads((ROOT / "static" / "dist" / "manifest.json").read_text())
    assert f'<script async src="{service.url}/snippet.js?key={key[0]}"></script>' in told
    pinned = f'src="{service.url}/{manifest["file"]}" integrity="{manifest["sha384"]}" crossorigin="anonymous"'
    assert f'<script async {pinned} data-key="{key[0]}"></script>' in told


def test_a_site_is_changed_while_the_service_runs_and_shown(service: Service, site: Keys) -> None:
    changed = service.cli_json("site", "set", site.name, "consent=required", "strip_parameters=token,email", "origins=")
    assert (changed["consent"], changed["strip_parameters"], changed["idle_seconds"]) == ("required", ["token", "email"], 30)
    shown = service.cli_json("site", "show", site.name)
    assert (shown["name"], shown["write_key"], shown["settings"]) == (site.name, site.write_key, changed)
    assert set(shown["snippet"]) == {"short", "attributes", "pinned"}
    assert 'data-consent="required" data-strip="token,email"' in shown["snippet"]["attributes"]
    text = service.cli("site", "show", site.name)
    assert "  strip_parameters=token,email\n" in text
    assert "  respect_gpc=yes\n" in text
    assert all(form in text for form in shown["snippet"].values())

    def served() -> bool:
        body = service.request("GET", f"/snippet.js?key={site.write_key}").body
        return b'"consent":"required","strip":"token,email"' in body

    wait_for(served, 3, "the setting is not served")


def test_what_is_shown_can_be_set_again(service: Service, site: Keys) -> None:
    before = service.cli_json("site", "show", site.name)["settings"]
    lines = re.findall(r"^  (\w+=\S*)$", service.cli("site", "show", site.name), re.MULTILINE)
    assert len(lines) == len(before)
    assert service.cli_json("site", "set", site.name, *lines) == before


@pytest.mark.parametrize(
    ("change", "code", "complaint"),
    [
        ("colour=red", 1, "There is no setting 'colour' of a site"),
        ("idle_seconds=1", 1, "A site's idle_seconds makes no sense: Expected `int` >= 5."),
        ("linked_domains=https://a.cn", 1, "A domain in linked_domains is written like example.cn"),
    ],
)
def test_nonsense_is_refused_by_name_and_changes_nothing(
    service: Service, site: Keys, change: str, code: int, complaint: str
) -> None:
    before = service.cli_json("site", "show", site.name)["settings"]
    assert complaint in service.cli("site", "set", site.name, "consent=required", change, code=code)
    assert service.cli_json("site", "show", site.name)["settings"] == before
    assert "There is no site 'nowhere'" in service.cli("site", "set", "nowhere", "consent=required", code=2)


def verdicts(found: list[dict[str, str]]) -> dict[str, str]:
    return {finding["what"]: finding["verdict"] for finding in found}


def test_the_doctor_follows_a_page_from_the_first_tag_to_the_first_event(service: Service, site: Keys, web: str) -> None:
    service.cli("site", "set", site.name, f"origins={web}")
    page = f"{web}/{site.id}"

    def look(tag: str, *more: str) -> dict[str, str]:
        PAGES[f"/{site.id}"] = f"<!doctype html><head>{tag}</head><body>…</body>"
        return verdicts(json.loads(service.cli("doctor", "--page", page, *more, "--json")))

    short = f'<script async data-local src="{service.url}/snippet.js?key={site.write_key}"></script>'
    expected = {
        f"{page} can be read.": "good",
        "The script loads: version 0.1.0.": "good",
        f"The tag's write key belongs to site '{site.name}'.": "good",
        "No Content-Security-Policy stands in the way.": "good",
        "127.0.0.1 is first-party here: visitors can be known again for thirteen months.": "good",
        f"The page's origin {web} is one of the site's.": "good",
        "Consent: Everybody is counted, but for those whose browser asks not to be.": "good",
        f"Nothing of site '{site.name}' is stored yet.": "note",
    }
    assert look(short, "--site", site.name) == expected
    pinned = service.cli_json("site", "show", site.name)["snippet"]["pinned"].replace("async", "async data-local")
    assert look(pinned) == expected | {"The integrity hash fits the file served.": "good"}

    event = {"writeKey": site.write_key, "batch": [{"type": "page", "anonymousId": "v"}]}
    service.post("batch", event, None, {"Origin": web, "User-Agent": AGENT})
    service.processed()
    last = [what for what, verdict in look(short).items() if what.startswith("We see") and verdict == "good"]
    assert len(last) == 1
    assert re.fullmatch(rf"We see site '{site.name}': the last event \(page view\) came \d+ s ago\.", last[0])


def test_the_doctor_ends_with_1_where_something_is_wrong(service: Service, site: Keys, web: str) -> None:
    PAGES["/empty"] = "<html></html>"
    PAGES["/wrong"] = f'<script src="{service.url}/snippet.js?key={site.write_key}x"></script>'
    service.cli("doctor", "--page", f"{web}/empty", code=1)
    service.cli("doctor", "--page", f"{web}/wrong", code=1)
    service.cli("doctor", "--page", f"{web}/nowhere", code=1)
    service.cli("doctor", "--page", "ftp://127.0.0.1/", code=1)
    service.cli("doctor", "--site", site.name, code=2)
    service.cli("doctor", "--page", f"{web}/empty", "--site", "nowhere", code=2)
