"""The collector's routes under a plain WSGI server: the same answers, one round trip to Redis each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from tracker import queue
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.core.entries import Entry, unpack
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.sites import NewSite, SiteSettings, add_site

ORIGIN = "https://www.shop.example"


class Setting:
    """A Flask application with the collector's routes, and what it talks to."""

    def __init__(self, database: Database, url: str, prefix: str = "/v1") -> None:
        with database.writing() as connection:
            self.site: NewSite = add_site(connection, "shop", SiteSettings(origins=(ORIGIN,)), 1)
        keys = SiteKeys(database)
        keys.refresh()
        self.streams = queue.connect(url)
        self.trouble = ""
        self.full = False
        self.touched: list[list[int]] = []
        registry, metrics = CollectorRegistry(), IntakeMetrics()
        registry.register(metrics)
        collector = Collector(
            keys=keys,
            limits=Limits(4, 7 * 86_400_000),
            streams=self.streams,
            touched=self.touched.append,
            is_full=lambda: self.full,
            trouble=lambda: self.trouble,
            metrics=metrics,
            registry=registry,
            secret=b"secret",
        )
        app = Flask("test", static_folder=None)
        app.register_blueprint(make_blueprint(collector, prefix))
        self.client: FlaskClient = app.test_client()

    def batch(self, *visitors: str) -> bytes:
        events = [{"type": "page", "anonymousId": visitor, "messageId": visitor} for visitor in visitors]
        return json.dumps({"writeKey": self.site.write_key, "batch": events}).encode()

    def entries(self) -> list[Entry]:
        read = queue.read_entries(self.streams, dict.fromkeys(range(4), "0-0"), count=1000, block_ms=None)
        return [unpack(packed) for _, _, packed in read]


@pytest.fixture
def make(sqlite_database: Database, redis_url: str) -> Callable[..., Setting]:
    return lambda **more: Setting(sqlite_database, more.pop("url", redis_url), **more)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def test_an_accepted_batch_is_in_the_queue_and_its_drains_are_told(make: Callable[..., Setting]) -> None:
    setting = make()
    answer = setting.client.post("/v1/batch", data=setting.batch("a", "b"), headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.json, answer.headers["Access-Control-Allow-Origin"]) == (
        200,
        {"success": True},
        ORIGIN,
    )
    entries = setting.entries()
    assert sorted(key for entry in entries for key, _ in entry.events) == ["a", "b"]
    assert sum(len(partitions) for partitions in setting.touched) == len(entries)
    counts = setting.client.get("/metrics").text
    assert 'warmtrail_collect_events_total{outcome="admitted"} 2.0' in counts


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", "/v1/batch", b"{", 400, "json_invalid"),
        ("POST", "/v1/batch", b'{"batch":[]}', 401, "write_key_missing"),
        ("POST", "/v1/batch", b" " * 600_000, 413, "body_too_large"),
        ("GET", "/v1/batch", None, 405, "method_not_allowed"),
        ("DELETE", "/v1/identify", None, 405, "method_not_allowed"),
    ],
)
def test_refusals_are_told_as_the_front_tells_them(
    make: Callable[..., Setting], method: str, path: str, body: bytes | None, status: int, reason: str
) -> None:
    setting = make()
    answer = setting.client.open(path, method=method, data=body)
    assert answer.json is not None
    assert (answer.status_code, answer.json["reason"]) == (status, reason)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert (setting.entries(), setting.touched) == ([], [])


def test_a_renamed_prefix_moves_the_events_and_nothing_else(make: Callable[..., Setting]) -> None:
    setting = make(prefix="/t/x")
    assert setting.client.post("/t/x/batch", data=setting.batch("a")).status_code == 200
    assert [setting.client.get(path).status_code for path in ("/t/x/pixel.gif", "/v1/pixel.gif", "/healthz")] == [
        200,
        404,
        200,
    ]
    assert setting.client.post("/v1/batch", data=setting.batch("a")).status_code == 404


def test_a_full_queue_and_one_that_is_gone_ask_to_try_again(
    make: Callable[..., Setting], own_server: EmbeddedServer
) -> None:
    setting = make(url=own_server.url)
    setting.streams.config_set("maxmemory", "1")
    full = setting.client.post("/v1/batch", data=setting.batch("a"))
    setting.streams.config_set("maxmemory", "0")
    own_server.stop()
    gone = setting.client.post("/v1/batch", data=setting.batch("a"))
    assert [(one.status_code, one.json["reason"], one.headers["Retry-After"]) for one in (full, gone)] == [  # type: ignore[index]
        (503, "overloaded", "5"),
        (503, "queue_unavailable", "5"),
    ]
    own_server.start()
    assert setting.client.post("/v1/batch", data=setting.batch("b")).status_code == 200
    assert [key for entry in setting.entries() for key, _ in entry.events] == ["b"]


def test_above_the_mark_nothing_more_is_taken(make: Callable[..., Setting]) -> None:
    setting = make()
    setting.full = True
    answer = setting.client.post("/v1/batch", data=setting.batch("a"))
    pixel = setting.client.get(f"/v1/pixel.gif?key={setting.site.write_key}")
    assert (answer.status_code, pixel.status_code, pixel.headers["X-Warmtrail-Refused"]) == (503, 200, "overloaded")
    assert setting.entries() == []


def test_readiness_tells_the_trouble(make: Callable[..., Setting]) -> None:
    setting = make()
    setting.trouble = "drain_stalled"
    assert [(one.status_code, one.text) for one in map(setting.client.get, ("/readyz", "/healthz"))] == [
        (503, "drain_stalled\n"),
        (200, "ok\n"),
    ]


def test_the_pixel_knows_a_browser_for_a_day_by_address_and_agent(make: Callable[..., Setting]) -> None:
    setting = make()

    def visitor(peer: str, **headers: str) -> str:
        setting.streams.flushall()
        url = f"/v1/pixel.gif?key={setting.site.write_key}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        setting.client.get(url, headers=named, environ_base={"REMOTE_ADDR": peer})
        [entry] = setting.entries()
        [(key, _)] = entry.events
        return key

    one = visitor("203.0.113.9", User_Agent="A")
    assert one.startswith("px-")
    assert "203.0.113.9" not in one
    assert visitor("203.0.113.9", User_Agent="A") == one
    assert visitor("203.0.113.10", User_Agent="A") != one
    assert visitor("203.0.113.9", User_Agent="B") != one
    # Behind a proxy of our own network, its word counts; anybody else's doesn't.
    assert visitor("10.0.0.1", User_Agent="A", X_Forwarded_For="198.51.100.1, 203.0.113.9") == one
    assert visitor("203.0.113.9", User_Agent="A", X_Forwarded_For="198.51.100.1") == one
    assert visitor("10.0.0.1", User_Agent="A") != one


@pytest.mark.parametrize(
    ("header", "expected"),
    [({"DNT": "1"}, (True, False)), ({"Sec-GPC": "1"}, (True, False)), ({"Sec-Purpose": "prefetch"}, (False, True))],
)
def test_the_pixel_passes_on_what_the_browser_asks(
    make: Callable[..., Setting], header: dict[str, str], expected: tuple[bool, bool]
) -> None:
    setting = make()
    setting.client.get(f"/v1/pixel.gif?key={setting.site.write_key}", headers=header)
    [entry] = setting.entries()
    assert (entry.info.opt_out, entry.info.prefetch) == expected


def test_the_pixel_takes_no_key_from_a_header(make: Callable[..., Setting]) -> None:
    # A browser that knows a password for this host must not speak with it for the page.
    setting = make()
    answer = setting.client.get("/v1/pixel.gif", headers={"Authorization": "Basic c2tfeDo="})
    assert answer.headers["X-Warmtrail-Refused"] == "write_key_missing"


def test_a_redis_error_of_any_kind_is_a_reason_to_try_again(make: Callable[..., Setting]) -> None:
    setting = make()
    setting.streams.set(queue.stream_key(0), "not a stream")
    answers = [setting.client.post("/v1/batch", data=setting.batch(f"v{number}")).status_code for number in range(20)]
    assert set(answers) == {200, 503}
