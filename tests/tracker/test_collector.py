"""The collector's routes under a plain WSGI server: the same answers, one round trip to Redis each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from tracker import assets, queue
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.core.entries import Entry, unpack
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.health import make_health_blueprint
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.sites import NewSite, SiteSettings, add_site, change_site

ORIGIN = "https://www.shop.example"


class Setting:
    """A Flask application with the collector's routes, and what it talks to."""

    def __init__(self, database: Database, url: str, prefix: str = "/v1", **settings: Any) -> None:
        with database.writing() as connection:
            self.site: NewSite = add_site(connection, "shop", SiteSettings(origins=(ORIGIN,), **settings), 1)
        self.keys = keys = SiteKeys(database)
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
            metrics=metrics,
            secret=b"secret",
        )
        app = Flask("test", static_folder=None)
        app.register_blueprint(make_health_blueprint(lambda: self.trouble, registry))
        app.register_blueprint(make_blueprint(collector, prefix))
        self.client: FlaskClient = app.test_client(use_cookies=False)

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


def test_a_page_of_the_same_site_gets_the_cookie_as_the_front_gives_it(make: Callable[..., Setting]) -> None:
    setting = make()

    def cookie(**headers: str) -> str | None:
        named = {"Origin": ORIGIN, "Host": "t.shop.example"} | {name.replace("_", "-"): headers[name] for name in headers}
        answer = setting.client.post("/v1/batch", data=setting.batch("v"), headers=named)
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        return answer.headers.get("Set-Cookie")

    assert cookie() == "_wt=v; Domain=shop.example; Path=/; Max-Age=34000000; SameSite=Lax; Secure"
    assert cookie(Cookie="_wt=v") == cookie()
    assert [cookie(Cookie="_wt=w"), cookie(Sec_GPC="1"), cookie(Host="t.other.example")] == [None, None, None]


def test_a_browser_without_an_id_is_the_pixel_s_visitor_of_the_day(make: Callable[..., Setting]) -> None:
    setting = make()
    near = {"REMOTE_ADDR": "203.0.113.9"}
    body = {"writeKey": setting.site.write_key, "cookieless": True, "batch": [{"type": "page"}]}
    assert setting.client.post("/v1/batch", json=body, environ_base=near).status_code == 200
    setting.client.get(f"/v1/pixel.gif?key={setting.site.write_key}", environ_base=near)
    named = [key for entry in setting.entries() for key, _ in entry.events]
    assert len(named) == 2
    assert len(set(named)) == 1
    assert named[0].startswith("day-")


def test_a_preflight_allows_what_a_beacon_brings(make: Callable[..., Setting]) -> None:
    answer = make().client.options("/v1/batch", headers={"Origin": ORIGIN})
    told = [answer.headers[f"Access-Control-Allow-{name}"] for name in ("Origin", "Credentials", "Methods")]
    assert (answer.status_code, told) == (204, [ORIGIN, "true", "POST"])


# The snippet

SETTINGS_CACHING = "public, max-age=600, stale-while-revalidate=86400"


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a built snippet of this test's own."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "snippet.js").write_bytes(PLAIN)
    monkeypatch.setattr(assets, "static_folder", lambda: tmp_path)
    for cache in (assets.snippet, assets._snippet_with):
        cache.cache_clear()
    yield tmp_path / "dist"
    for cache in (assets.snippet, assets._snippet_with):
        cache.cache_clear()


PLAIN = b"(c=>{window.warmtrail=c})({});\n"


@pytest.mark.usefixtures("dist")
def test_the_snippet_comes_with_the_settings_of_its_key(make: Callable[..., Setting], sqlite_database: Database) -> None:
    setting = make(prefix="/t", consent="cookieless")
    path = f"/snippet.js?key={setting.site.write_key}"
    answer = setting.client.get(path)
    told = {"key": setting.site.write_key, "path": "/t/batch", "consent": "cookieless"}
    assert answer.data == PLAIN.replace(b"{}", json.dumps(told, separators=(",", ":")).encode())
    assert {name: answer.headers.get(name) for name in HEADERS} == {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": SETTINGS_CACHING,
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
        "X-Warmtrail-Refused": None,
    }
    zipped = setting.client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert (gzip.decompress(zipped.data), zipped.headers["Content-Encoding"]) == (answer.data, "gzip")
    assert setting.client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    with sqlite_database.writing() as connection:
        change_site(connection, setting.site.id, SiteSettings(idle_seconds=60))
    setting.keys.refresh()
    changed = setting.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (changed.status_code, b'"idle":60' in changed.data, b"consent" in changed.data) == (200, True, False)


HEADERS = (
    *("Content-Type", "Cache-Control", "Vary", "Access-Control-Allow-Origin", "X-Content-Type-Options"),
    "X-Warmtrail-Refused",
)


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize("key", ["", "wk_gone", "nonsense", "<script>", "sk", "%00", "%ff", "wk_" + "x" * 5000])
def test_a_key_that_is_none_gets_the_plain_file_and_a_word_why(make: Callable[..., Setting], key: str) -> None:
    answer = make().client.get(f"/snippet.js?key={key}")
    assert (answer.status_code, answer.data) == (200, PLAIN)
    assert (answer.headers["X-Warmtrail-Refused"], answer.headers["Cache-Control"]) == ("write_key_unknown", "no-cache")


@pytest.mark.usefixtures("dist")
def test_a_secret_key_is_not_written_into_a_public_file(make: Callable[..., Setting]) -> None:
    setting = make()
    answer = setting.client.get(f"/snippet.js?key={setting.site.server_key}")
    assert (answer.data, answer.headers["X-Warmtrail-Refused"]) == (PLAIN, "write_key_unknown")


@pytest.mark.usefixtures("dist")
def test_without_a_key_the_snippet_is_the_file(make: Callable[..., Setting]) -> None:
    answer = make().client.get("/snippet.js?other=1")
    assert (answer.data, answer.headers["Cache-Control"]) == (PLAIN, "public, max-age=3600")
    assert "X-Warmtrail-Refused" not in answer.headers


@pytest.mark.parametrize("part", ["panel", "links"])
def test_a_part_is_no_version_that_may_be_kept_for_ever(make: Callable[..., Setting], dist: Path, part: str) -> None:
    client = make().client
    assert client.get(f"/snippet-{part}.js").status_code == 404
    for name in (f"snippet-{part}.js", f"snippet-0.1.0-{part}.js"):
        (dist / name).write_bytes(b"part")
    assets.snippet.cache_clear()
    # The snippet asks for its panel under its own address, key and all.
    answer = client.get(f"/snippet-{part}.js?key=wk_1")
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (200, b"part", SETTINGS_CACHING)
    assert "immutable" in client.get(f"/snippet-0.1.0-{part}.js").headers["Cache-Control"]


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
    assert one.startswith("day-")
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
    [
        ({"DNT": "1"}, (False, True, False)),
        ({"Sec-GPC": "1"}, (True, False, False)),
        ({"Sec-Purpose": "prefetch"}, (False, False, True)),
    ],
)
def test_the_pixel_passes_on_what_the_browser_asks(
    make: Callable[..., Setting], header: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    setting = make()
    setting.client.get(f"/v1/pixel.gif?key={setting.site.write_key}", headers=header)
    [entry] = setting.entries()
    assert (entry.info.gpc, entry.info.dnt, entry.info.prefetch) == expected


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
