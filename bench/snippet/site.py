"""The sites that are visited and the collectors that are told of it: one server that writes down what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import urlsplit

from bench.snippet.pages import PAGES

Found = TypeVar("Found")
SITE, COLLECTOR = ".site.localhost", ".collector.localhost"


@dataclass(frozen=True)
class Received:
    """A request that a collector got."""

    at: float
    path: str
    body: bytes

    @property
    def size(self) -> int:
        """Bytes that the tracker chose to send: path with query, and body."""
        return len(self.path) + len(self.body)


class Site(ThreadingHTTPServer):
    """All hosts on one port; the first label of a host name is the visitor it is there for.

    ``ours-7.site.localhost`` is a site nobody but visitor 7 of our snippet ever sees, so nothing in the browser is left
    over from the visitor before, and ``ours-7.collector.localhost`` its collector. Any other host answers 204.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tags: Mapping[str, Callable[[str], str]], scripts: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tags = tags
        self.scripts = scripts
        self.received: dict[str, list[Received]] = {}
        self.visited: dict[str, list[str]] = {}
        self.down: set[str] = set()  # visitors whose collector answers 503
        self.hanging: set[str] = set()  # visitors whose collector answers after ten seconds
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def address(self, visitor: str, path: str) -> str:
        """Return the address of a page of the visitor's site."""
        return f"http://{visitor}{SITE}:{self.server_port}{path}"

    def collector(self, visitor: str) -> str:
        """Return the origin of the visitor's collector."""
        return f"http://{visitor}{COLLECTOR}:{self.server_port}"

    def tag(self, visitor: str) -> str:
        """Return the script tag that the visitor's pages carry."""
        return self.tags[visitor.rpartition("-")[0]](self.collector(visitor))

    def close(self) -> None:
        """Stop."""
        self.closing.set()
        self.shutdown()
        self.server_close()


def wait_for(condition: Callable[[], Found], seconds: float) -> Found:
    """Return the condition's first true value, or its last one after so many *seconds*."""
    until = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return found


class _Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        if host.endswith(COLLECTOR):
            return self._collect(host.removesuffix(COLLECTOR))
        path = urlsplit(self.path).path
        if path in self.server.scripts:
            return self._reply(200, self.server.scripts[path], "text/javascript")
        if not host.endswith(SITE) or path not in PAGES:
            return self._reply(204)  # also for files: the browser stays where it is
        visitor = host.removesuffix(SITE)
        self.server.visited.setdefault(visitor, []).append(path)
        page = PAGES[path].replace("{{tag}}", self.server.tag(visitor)).replace("{{port}}", str(self.server.server_port))
        return self._reply(200, page.encode(), "text/html; charset=utf-8")

    do_POST = do_GET

    def do_OPTIONS(self) -> None:
        self._reply(204)

    def _collect(self, visitor: str) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        server = self.server
        if visitor in server.hanging:
            server.closing.wait(10)
        if visitor in server.down:
            return self._reply(503)
        server.received.setdefault(visitor, []).append(Received(time.monotonic(), self.path, body))
        # What each of the trackers takes for success.
        return self._reply(200, b'{"success":true,"status":1,"result":"Success"}', "application/json")

    def _reply(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Access-Control-Allow-Origin": self.headers["Origin"] or "*",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
            "Access-Control-Allow-Headers": self.headers["Access-Control-Request-Headers"] or "Content-Type",
            "Access-Control-Max-Age": "7200",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the browser went away
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass
