"""A browser, a small site that carries the snippet, and a collector that writes down what it is sent."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.conftest import give_up

PAGES = Path(__file__).parent / "pages"
DIST = Path(__file__).parents[2] / "static" / "dist"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
]

# A headless page is always visible and focused; these let a test say otherwise.
CONTROLS = """
  let visible = !window.name.includes('background'), focused = true;
  Object.defineProperty(Document.prototype, 'visibilityState', { get: () => visible ? 'visible' : 'hidden' });
  Document.prototype.hasFocus = () => visible && focused;
  window.setVisible = (now) => { visible = now; document.dispatchEvent(new Event('visibilitychange', {bubbles: true})) };
  window.setFocused = (now) => { focused = now; window.dispatchEvent(new Event(now ? 'focus' : 'blur')) };
"""


class Site(ThreadingHTTPServer):
    """The company's site and its collector under one origin."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.attributes = ""
        self.requests: list[dict[str, Any]] = []  # every call of the collector, accepted or not
        self.answers: list[tuple[int, dict[str, str]]] = []  # for the next calls; afterwards 200
        self.hang = threading.Event()
        self.release = threading.Event()

    def events(self, name: str | None = None, *, accepted: bool = False) -> list[dict[str, Any]]:
        """Events in order of arrival: all of them, or those of one type or track name."""
        return [
            event
            for request in list(self.requests)
            if not accepted or request["status"] == 200
            for event in request["body"]["batch"]
            if name in (None, event["type"], event.get("event"))
        ]

    def wait_for(self, condition: Callable[[], Any], timeout: float = 5) -> Any:
        """The condition's first true value; fails with what arrived instead."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.01)
        summary = [(event["type"], event.get("event"), event.get("properties")) for event in self.events()]
        raise AssertionError(f"never happened; the collector has {summary}")


class Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def reply(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/snippet") and (DIST / path[1:]).is_file():
            return self.reply(200, (DIST / path[1:]).read_bytes(), "text/javascript")
        page = PAGES / path.lstrip("/")
        if path.endswith(".html") and page.is_file():
            tag = f'<script async src="/snippet.js" data-key="wk_test" {self.server.attributes}></script>'
            html = page.read_text().replace("{{snippet}}", tag)
            return self.reply(200, html.encode(), "text/html; charset=utf-8")
        return self.reply(204, b"", "text/plain")  # the browser stays where it is

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.server.requests.append(
            {
                "path": self.path,
                "type": self.headers["Content-Type"],
                "body": json.loads(body),
                "status": status,
                "at": time.monotonic(),
            }
        )
        if self.server.hang.is_set():
            self.server.release.wait(10)
        self.reply(status, b'{"success": true}', "application/json", headers)

    def do_OPTIONS(self) -> None:
        self.server.requests.append({"path": "preflight", "body": {"batch": []}, "status": 204})
        self.reply(204, b"", "text/plain")

    def log_message(self, *args: object) -> None:
        pass


def chromium_path() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if path is None:
        give_up("no chromium or google-chrome on the PATH")
    return path


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    chromium_path()
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    browser = playwright_driver.chromium.launch(executable_path=chromium_path(), args=QUIET)
    yield browser
    browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(user_agent=USER_AGENT, locale="en-GB", timezone_id="Europe/Berlin")
    context.add_init_script(CONTROLS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    server.attributes = "data-local"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
