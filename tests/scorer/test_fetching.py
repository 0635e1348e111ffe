"""Addresses are fetched within bounds, and what can't be is said in words."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from scorer import fetching
from scorer.fetching import fetch


class Web(BaseHTTPRequestHandler):
    """A small web of pages that are good, far away, huge, slow or broken."""

    def do_GET(self) -> None:
        where: dict[str, Any] = {
            "/page": lambda: self.answer(200, b"page " + (self.headers["User-Agent"] or "").encode()),
            "/gzip": lambda: self.answer(200, gzip.compress(b"packed"), ("Content-Encoding", "gzip")),
            "/bomb": lambda: self.answer(200, gzip.compress(bytes(50_000_000)), ("Content-Encoding", "gzip")),
            "/no-gzip": lambda: self.answer(200, b"plain", ("Content-Encoding", "gzip")),
            "/br": lambda: self.answer(200, b"?", ("Content-Encoding", "br")),
            "/huge": lambda: self.answer(200, bytes(8_000_000)),
            "/gone": lambda: self.answer(410, b"gone"),
            "/moved": lambda: self.answer(302, b"", ("Location", "/page")),
            "/round": lambda: self.answer(302, b"", ("Location", "/round")),
            "/file": lambda: self.answer(302, b"", ("Location", "file:///etc/hostname")),
            "/ftp": lambda: self.answer(302, b"", ("Location", "ftp://127.0.0.1/a")),
            "/drip": self.drip,
        }
        where[self.path]()

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body))), ("X-Twice", "a"), ("X-Twice", "b")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_is_fetched_as_a_browser_would(web: str) -> None:
    found = fetch(f"{web}/page")
    assert (found.url, found.status, found.error.en) == (f"{web}/page", 200, "")
    assert found.body.startswith(b"page Mozilla/5.0")
    assert found.header("x-twice") == ["a", "b"]
    assert fetch(f"{web}/gzip").body == b"packed"


def test_redirects_are_followed_on_the_web_only(web: str) -> None:
    assert (fetch(f"{web}/moved").url, fetch(f"{web}/moved").status) == (f"{web}/page", 200)
    assert all(fetch(f"{web}{path}").body == b"" for path in ("/round", "/file", "/ftp"))
    assert "ftp" in fetch(f"{web}/ftp").error.en


def test_an_answer_that_refuses_is_an_answer(web: str) -> None:
    found = fetch(f"{web}/gone")
    assert (found.status, found.body, found.error.en) == (410, b"gone", "")


def test_what_is_too_large_is_cut(web: str) -> None:
    assert [len(fetch(f"{web}{path}").body) for path in ("/huge", "/bomb")] == [fetching.MAX_BYTES] * 2


def test_what_comes_drop_by_drop_is_given_up(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    begun = time.monotonic()
    assert fetch(f"{web}/drip").error.en.startswith("not there after")
    assert time.monotonic() - begun < 2


def test_who_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/").error.en.startswith("no answer within")


@pytest.mark.parametrize(
    ("path", "error"),
    [("/br", "encoded as br"), ("/no-gzip", "not the gzip that it says it is")],
)
def test_what_cannot_be_read_is_said(web: str, path: str, error: str) -> None:
    assert error in fetch(f"{web}{path}").error.en


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("file:///etc/hostname", "only http and https addresses can be read"),
        ("www.shop.example", "only http and https addresses can be read"),
        ("", "only http and https addresses can be read"),
        ("http://[", ""),
        ("http://", ""),
        ("http://a b/", ""),
        ("http://127.0.0.1:1/", "Connection refused"),
        ("http://127.0.0.1:99999/", ""),
        ("http://例え.invalid/", ""),
        ("http://" + "a" * 70 + ".invalid/", ""),
    ],
)
def test_nonsense_is_an_error_and_no_crash(url: str, error: str) -> None:
    found = fetch(url)
    assert (found.status, found.body) == (0, b"")
    assert found.error.en
    assert error in found.error.en
