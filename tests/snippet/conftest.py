"""A browser, a small site that carries the snippet, and a collector that writes down what it is sent."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.chromium import launch

PAGES = Path(__file__).parent / "pages"
DIST = Path(__file__).parents[2] / "static" / "dist"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
ARGUMENTS = (
    # The whole browser's: what is set for a context reaches a window that a page opens only after its first script.
    f"--user-agent={USER_AGENT}",
    # Real host names for what depends on them (cookies of subdomains, links between domains): all are this machine.
    # So is ::1, also where there is no IPv6.
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP *.co.uk 127.0.0.1, MAP *.github.io 127.0.0.1, MAP ::1 127.0.0.1",
)

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

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.attributes = ""
        self.attributes_of: dict[str, str] = {}  # of single hosts, instead of the above
        self.headers: dict[str, str] = {}  # of every page
        self.visits: list[str] = []  # every address that was asked for by GET
        self.requests: list[dict[str, Any]] = []  # every call of the collector, accepted or not
        self.answers: list[tuple[int, dict[str, str]]] = []  # for the next calls; afterwards 200
        self.body = b'{"success": true}'  # of every answer
        self.delay = 0.0  # seconds before every answer
        self.hang = threading.Event()
        self.release = threading.Event()

    def at(self, host: str, path: str = "/basic.html") -> str:
        """An address of this site under another host name."""
        return f"http://{host}:{self.server_port}{path}"

    def sent(self, name: str | None = None, *, accepted: bool = False) -> list[dict[str, Any]]:
        """Events as often as they came, in order of arrival: all of them, or those of one type or track name."""
        return [
            event
            for request in list(self.requests)
            if not accepted or request["status"] == 200
            for event in request["body"]["batch"]
            if name in (None, event["type"], event.get("event"))
        ]

    def events(self, name: str | None = None, *, accepted: bool = False) -> list[dict[str, Any]]:
        """The same, each once, as they are counted: what wasn't confirmed when its page was left is sent again."""
        found: dict[str, dict[str, Any]] = {}
        for event in self.sent(name, accepted=accepted):
            found.setdefault(event["messageId"], event)
        return list(found.values())

    def wait_for(self, condition: Callable[[], Any], timeout: float = 15) -> Any:
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
        self.server.visits.append(self.path)
        if path == "/pause":
            time.sleep(0.03)  # what was sent before it, by another connection, is taken in by another thread
        if path.startswith("/snippet") and (DIST / path[1:]).is_file():
            return self.reply(200, (DIST / path[1:]).read_bytes(), "text/javascript")
        page = PAGES / path.lstrip("/")
        if path.endswith(".html") and page.is_file():
            host = self.headers["Host"].partition(":")[0]
            attributes = self.server.attributes_of.get(host, self.server.attributes)
            tag = f'<script async src="/snippet.js" data-key="wk_test" {attributes}></script>'
            html = page.read_text().replace("{{snippet}}", tag).replace("{{attributes}}", attributes)
            return self.reply(200, html.encode(), "text/html; charset=utf-8", self.server.headers)
        if path.startswith("/download/"):
            return self.reply(200, b"%PDF-", "application/pdf", {"Content-Disposition": "attachment"})
        return self.reply(204, b"", "text/plain")  # the browser stays where it is

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        hang = self.server.hang.is_set()  # before anybody can know of the request and change it
        self.server.requests.append(
            {
                "path": self.path,
                "type": self.headers["Content-Type"],
                "body": json.loads(body),
                "status": status,
                "at": time.monotonic(),
            }
        )
        time.sleep(self.server.delay)
        if hang:
            self.server.release.wait(10)
        cors = {
            "Access-Control-Allow-Origin": self.headers["Origin"] or "*",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "Retry-After",
        }
        self.reply(status, self.server.body, "application/json", {**cors, **headers})

    def do_OPTIONS(self) -> None:
        self.server.requests.append({"path": "preflight", "body": {"batch": []}, "status": 204})
        self.reply(204, b"", "text/plain")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    with launch(playwright_driver, *ARGUMENTS) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with visiting(browser) as context:
        yield context


@pytest.fixture(scope="module")
def shared_context(browser: Browser) -> Iterator[BrowserContext]:
    with visiting(browser) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@contextmanager
def serving(port: int = 0) -> Iterator[Site]:
    server = Site(port)
    server.attributes = "data-local"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


@contextmanager
def visiting(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = browser.new_context(user_agent=USER_AGENT, locale="en-GB", timezone_id="Europe/Berlin")
    context.add_init_script(CONTROLS)
    yield context
    context.close()


def pause(page: Page, milliseconds: int) -> None:
    """Lets a page's own timers of so long run out, and what they send arrive, however busy the machine is."""
    page.evaluate("ms => new Promise((done) => setTimeout(() => fetch('/pause').then(done), ms))", milliseconds)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as server:
        yield server


class RealTab:
    """A tab as a visitor has it: one that Playwright does not know, since it makes all of its own visible and focused."""

    def __init__(self, window: "RealWindow", target: str) -> None:
        self.window = window
        self.target = target
        self.session: str | None = None

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command of the DevTools protocol. The first one attaches, and what is attached prerenders nothing."""
        if self.session is None:
            answer = self.window.cdp.send("Target.attachToTarget", {"targetId": self.target, "flatten": False})
            self.session = answer["sessionId"]
        return self.window.call(self.session, method, parameters)

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_until(self, expression: str, timeout: float = 5) -> None:
        deadline = time.monotonic() + timeout
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never happened: {expression}"
            time.sleep(0.02)

    def click(self, selector: str, *, control: bool = False) -> None:
        x, y = self.evaluate(
            f"(({{x, y}}) => [x + 9, y + 9])(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1, modifiers=2 if control else 0)

    def mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def is_attached(self) -> bool:
        """Whether DevTools look at it: for a moment Playwright does, at every new tab."""
        info = self.window.cdp.send("Target.getTargetInfo", {"targetId": self.target})
        return bool(info["targetInfo"]["attached"])

    def show(self) -> None:
        self.window.cdp.send("Target.activateTarget", {"targetId": self.target})

    def close(self) -> None:
        self.window.cdp.send("Target.closeTarget", {"targetId": self.target})


class RealWindow:
    """A browser window with tabs in front and behind, nothing about it pretended. Its cookies are its own."""

    def __init__(self, browser: Browser) -> None:
        self.cdp = browser.new_browser_cdp_session()
        self.context: str = self.cdp.send("Target.createBrowserContext")["browserContextId"]
        self.answers: dict[tuple[str, int], dict[str, Any]] = {}
        self.calls = 0
        self.cdp.on("Target.receivedMessageFromTarget", self._receive)

    def _receive(self, message: dict[str, Any]) -> None:
        answer = json.loads(message["message"])
        if "id" in answer:
            self.answers[message["sessionId"], answer["id"]] = answer

    def call(self, session: str, method: str, parameters: dict[str, object]) -> dict[str, Any]:
        self.calls += 1
        message = json.dumps({"id": self.calls, "method": method, "params": parameters})
        self.cdp.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
        deadline = time.monotonic() + 10
        while (session, self.calls) not in self.answers:
            assert time.monotonic() < deadline, f"no answer to {message}"
            self.cdp.send("Browser.getVersion")  # lets the answer in
            time.sleep(0.002)
        answer = self.answers.pop((session, self.calls))
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, address: str, *, background: bool = False) -> RealTab:
        wanted = {"url": address, "browserContextId": self.context, "background": background}
        return RealTab(self, self.cdp.send("Target.createTarget", wanted)["targetId"])

    def tab(self, path: str) -> RealTab:
        """The tab with this path that nobody has opened here: a link has."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for target in self.cdp.send("Target.getTargets")["targetInfos"]:
                mine = target["type"] == "page" and target.get("browserContextId") == self.context
                if mine and urlsplit(target["url"]).path == path:
                    return RealTab(self, target["targetId"])
            time.sleep(0.02)
        raise AssertionError(f"there is no tab {path}")


@pytest.fixture
def window(browser: Browser) -> Iterator[RealWindow]:
    window = RealWindow(browser)
    yield window
    window.cdp.send("Target.disposeBrowserContext", {"browserContextId": window.context})
    window.cdp.detach()
