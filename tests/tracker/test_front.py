"""The HTTP front as a running server, met over real sockets: slow, broken, huge and hanging requests included."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from scorer.resources import prepare_database
from tracker import front as front_module
from tracker import queue
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.commit import GroupCommit
from tracker.core.entries import Entry, unpack
from tracker.core.pseudonyms import daily_pseudonym
from tracker.core.refusals import EXPLANATION
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.front import NEWS_ENVIRON, WAIT_ENVIRON, Front
from tracker.health import make_health_blueprint
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.notices import CommitNotices
from tracker.quotas import Quotas
from tracker.serve import serve
from tracker.sites import NewSite, SiteSettings, add_site, change_site
from tracker.watch import QueueWatch

PARTITIONS = 4
BODY_SECONDS = 2.0
ORIGIN = "https://www.shop.example"
_SETTINGS_CACHING = "public, max-age=600, stale-while-revalidate=86400"


class Running(msgspec.Struct, frozen=True):
    """A server under test, and what its tests need to look behind it."""

    port: int
    url: str
    database_url: str
    site: NewSite

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name and body of one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body, headers or {})
            return read(connection)

    def send(self, raw: bytes) -> bytes:
        """All that is answered to raw bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def batch(self, *visitors: str, **more: Any) -> bytes:
        """A batch of page views."""
        events = [{"type": "page", "anonymousId": visitor, "messageId": visitor} for visitor in visitors]
        return json.dumps({"writeKey": self.site.write_key, "batch": events} | more).encode()

    def entries(self) -> list[Entry]:
        """All that is in the queue."""
        with redis.Redis.from_url(self.url) as client:
            positions = dict.fromkeys(range(PARTITIONS), "0-0")
            return [unpack(packed) for _, _, packed in queue.read_entries(client, positions, count=10_000, block_ms=None)]

    def visitors(self) -> list[str]:
        """The visitors whose events are in the queue."""
        return sorted(key for entry in self.entries() for key, _ in entry.events)


def read(connection: http.client.HTTPConnection) -> tuple[int, dict[str, str], bytes]:
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def run_server(port: int, url: str, database_url: str, quotas: Quotas | None = None) -> None:
    """The server's process: the service's own parts around a small Flask application."""
    front_module.BODY_SECONDS = BODY_SECONDS  # type: ignore[misc]
    control = queue.connect(url)
    keys = SiteKeys(Database(database_url))
    keys.refresh()
    watch = QueueWatch(control, control, keys, partitions=PARTITIONS, slots=2, max_waiting=100_000, job="no.such.job")
    registry, metrics, limits = CollectorRegistry(), IntakeMetrics(), Limits(PARTITIONS, 7 * 86_400_000)
    registry.register(metrics)
    collector = Collector(
        keys=keys,
        limits=limits,
        streams=control,
        touched=watch.touched,
        is_full=lambda: watch.full,
        metrics=metrics,
        secret=b"secret",
    )
    app = Flask("test", static_folder=None)
    app.register_blueprint(make_health_blueprint(lambda: watch.trouble, registry))
    app.register_blueprint(make_blueprint(collector, "/v1"))
    app.add_url_rule("/echo/<path:path>", "echo", echo, methods=["GET", "POST", "PUT"])
    app.add_url_rule("/slow", "slow", lambda: (time.sleep(0.4), "slow")[1])
    app.add_url_rule("/fails", "fails", lambda: 1 / 0)

    def poll() -> str:
        word = control.get("test:word")
        if not isinstance(word, bytes):
            request.environ[WAIT_ENVIRON] = float(request.args["wait"])
            if "looks" in request.args:
                request.environ[NEWS_ENVIRON] = lambda: bool(seen)
        return f"{control.incr('test:asked')} {word.decode() if isinstance(word, bytes) else 'nothing'}"

    app.add_url_rule("/poll", "poll", poll)
    seen: list[bytes] = []

    def look() -> None:
        control.incr("test:looked")
        word = control.get("test:word")
        seen[:] = [word] if isinstance(word, bytes) else []

    notices, commit = CommitNotices(control), GroupCommit(url)

    def make(loop: asyncio.AbstractEventLoop) -> Front:
        notices.start(loop)
        return Front(
            app.wsgi_app,
            collect_prefix="/v1",
            keys=keys,
            limits=limits,
            secret=b"secret",
            commit=commit,
            watch=watch,
            metrics=metrics,
            changed=notices.changed,
            look=look,
            quotas=quotas,
        )

    async def close() -> None:
        notices.stop()
        await commit.close()

    watch.start()
    serve(make, close, "127.0.0.1", port)
    watch.stop()


def echo(path: str) -> Response:
    """What reached the Flask application."""
    environ = {name: value for name, value in request.environ.items() if name.startswith(("HTTP_", "CONTENT_", "REMOTE_"))}
    told = {
        "method": request.method,
        "path": path,
        "query": request.query_string.decode(),
        "body": request.get_data(as_text=True),
        "environ": environ,
    }
    return Response(json.dumps(told), mimetype="application/json")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, redis_server: EmbeddedServer) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("front")
    database_url, url = f"sqlite:///{folder / 'front.db'}", redis_server.start()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    database = Database(database_url)
    prepare_database(database)
    with database.writing() as connection:
        site = add_site(connection, "shop", SiteSettings(origins=(ORIGIN,)), 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=run_server, args=(port, url, database_url))
    process.start()
    running = Running(port, url, database_url, site)
    wait_until(lambda: is_ready(running) or not process.is_alive(), 20)
    assert process.is_alive()
    yield running
    process.terminate()
    process.join(10)
    assert process.exitcode == 0


@pytest.fixture(autouse=True)
def empty_queue(server: Running) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def is_ready(running: Running) -> bool:
    try:
        return running.ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@contextmanager
def hanging(server: Running, raws: list[bytes]) -> Iterator[list[socket.socket]]:
    """Connections on which requests were begun and not ended."""
    with ExitStack() as stack:
        connections = []
        for raw in raws:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            connection.sendall(raw)
            connections.append(connection)
        yield connections


def head(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


HALF = head("/v1/batch", "Content-Length: 1000") + b'{"batch":['
HALF_CHUNKED = head("/v1/page", "Transfer-Encoding: chunked") + b'5\r\n{"a":\r\n'
HALF_APP = head("/echo/a", "Content-Length: 1000") + b"abc"
HALF_HEAD = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-Slow: "


def test_half_sent_requests_hold_nobody_up_and_are_told_so(server: Running) -> None:
    with hanging(server, [HALF, HALF_CHUNKED, HALF_APP, HALF_HEAD] * 10) as connections:
        took = []
        for number in range(10):
            begun = time.monotonic()
            assert server.ask("POST", "/v1/batch", server.batch(f"v{number}"))[0] == 200
            took.append(time.monotonic() - begun)
            begun = time.monotonic()
            assert server.ask("GET", "/echo/a")[0] == 200
            took.append(time.monotonic() - begun)
        print(f"slowest of 20 beside 40 hanging requests: {max(took) * 1000:.1f} ms")
        assert max(took) < 1
        answers = [connection.recv(65536) for connection in connections[:3]]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 408 Request Timeout"] * 3
    assert b'"reason":"body_too_slow"' in answers[0]
    assert server.visitors() == [f"v{number}" for number in range(10)]


def test_senders_that_hang_up_in_the_middle_leave_nothing_behind(server: Running) -> None:
    with hanging(server, [HALF, HALF_CHUNKED, HALF_APP, HALF_HEAD] * 5):
        pass
    assert server.ask("POST", "/v1/batch", server.batch("after"))[0] == 200
    assert server.visitors() == ["after"]


def test_a_chunked_body_is_read(server: Running) -> None:
    body = server.batch("chunked")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:1], body[1:50], body[50:])) + b"0\r\n\r\n"
    answer = server.send(head("/v1/batch", "Transfer-Encoding: chunked", "Connection: close") + chunks)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'{"success":true}')
    assert server.visitors() == ["chunked"]


def test_a_compressed_body_is_read(server: Running) -> None:
    answer = server.ask("POST", "/v1/batch", gzip.compress(server.batch("zipped")), {"Content-Encoding": "gzip"})
    assert (answer[0], server.visitors()) == (200, ["zipped"])


@pytest.mark.parametrize("path", ["/v1/batch", "/echo/a"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_of_10_mb_is_refused_and_the_sender_gets_to_see_it(server: Running, path: str, chunked: bool) -> None:
    body = b" " * 10_000_000
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("POST", path, iter([body]) if chunked else body, encode_chunked=chunked)
        status, _, content = read(connection)
    assert status == 413
    assert b"too large" in content or json.loads(content)["reason"] == "body_too_large"


def test_a_bomb_is_refused(server: Running) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    status, _, content = server.ask("POST", "/v1/batch", bomb, {"Content-Encoding": "gzip"})
    assert (status, json.loads(content)["reason"]) == (413, "body_too_large")


def test_a_connection_is_used_again_after_success_and_refusal(server: Running) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        statuses, sockets = [], set()
        for body in (server.batch("a"), b"{", server.batch("b"), b'{"batch":[]}', server.batch("c")):
            connection.request("POST", "/v1/batch", body)
            statuses.append(read(connection)[0])
            sockets.add(connection.sock)
        connection.request("GET", "/nowhere")
        statuses.append(read(connection)[0])
    assert statuses == [200, 400, 200, 401, 200, 404]
    assert len(sockets) == 1
    assert server.visitors() == ["a", "b", "c"]


def test_many_senders_at_once_are_each_answered_for_their_own(server: Running) -> None:
    statuses: list[int] = []

    def sender(name: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            for number in range(20):
                good = number % 2 == 0
                connection.request("POST", "/v1/batch", server.batch(f"{name}-{number}") if good else b"{")
                statuses.append(read(connection)[0] - (200 if good else 400))

    threads = [threading.Thread(target=sender, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 400
    assert server.visitors() == sorted(f"{name}-{number}" for name in range(20) for number in range(0, 20, 2))


REFUSALS: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "nothing": (b"", {}, 400, "body_empty"),
    "no JSON": (b"{", {}, 400, "json_invalid"),
    "no key": (b'{"batch":[]}', {}, 401, "write_key_missing"),
    "a wrong key": (b'{"batch":[],"writeKey":"wk_x"}', {}, 401, "write_key_unknown"),
    "another encoding": (b"{}", {"Content-Encoding": "br"}, 415, "encoding_unsupported"),
}


@pytest.mark.parametrize(("body", "headers", "status", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_can_be_read_by_the_page_that_met_it(
    server: Running, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    found, told, content = server.ask("POST", "/v1/batch", body, headers | {"Origin": "https://other.example"})
    assert (found, json.loads(content)) == (status, {"success": False, "reason": reason, "message": EXPLANATION[reason]})
    assert (told["access-control-allow-origin"], told["vary"]) == ("https://other.example", "Origin")
    assert told["access-control-allow-credentials"] == "true"
    assert told["content-type"] == "application/json"
    # Only a program is asked for the key: in a page, its visitor would be.
    assert "www-authenticate" not in told
    assert ("www-authenticate" in server.ask("POST", "/v1/batch", body, headers)[1]) == (status == 401)


@pytest.mark.parametrize(("origin", "status"), [(ORIGIN, 200), ("https://evil.example", 403), ("null", 403)])
def test_a_page_may_send_from_the_site_s_origins_only(server: Running, origin: str, status: int) -> None:
    found, headers, _ = server.ask("POST", "/v1/batch", server.batch("a"), {"Origin": origin, "Content-Type": "text/plain"})
    assert (found, headers["access-control-allow-origin"], headers["vary"]) == (status, origin, "Origin")
    # Beacons come with credentials, and browsers log an error where that is not allowed.
    assert headers["access-control-allow-credentials"] == "true"


def test_without_an_origin_no_cors_header_is_sent(server: Running) -> None:
    assert not [name for name in server.ask("POST", "/v1/batch", server.batch("a"))[1] if name.startswith("access-control")]


def test_a_preflight_is_answered(server: Running) -> None:
    status, headers, body = server.ask("OPTIONS", "/v1/batch", None, {"Origin": ORIGIN})
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-allow-methods"] == "POST"
    assert {"content-type", "authorization"} <= set(headers["access-control-allow-headers"].lower().split(", "))


def test_a_page_of_the_same_site_gets_the_cookie_that_keeps_its_visitor(server: Running) -> None:
    page = {"Origin": ORIGIN, "Host": "t.shop.example"}
    _, headers, _ = server.ask("POST", "/v1/batch", server.batch("v"), page)
    assert headers["set-cookie"] == "_wt=v; Domain=shop.example; Path=/; Max-Age=34000000; SameSite=Lax; Secure"
    for other in (
        {"Host": "t.other.example"},
        {"Sec-GPC": "1"},
        {"DNT": "1"},
        {"Cookie": "a=1; _wt=w"},
        {"Origin": "https://evil.example"},
    ):
        assert "set-cookie" not in server.ask("POST", "/v1/batch", server.batch("v"), page | other)[1], other
    for more in ({"cookieless": True}, {"batch": [{"type": "track", "event": "Consent Withdrawn", "anonymousId": "v"}]}):
        assert "set-cookie" not in server.ask("POST", "/v1/batch", server.batch("v", **more), page)[1], more


def test_a_browser_without_an_id_is_the_pixel_s_visitor_of_the_day(server: Running) -> None:
    headers = {"User-Agent": "Mozilla/5.0", "X-Forwarded-For": "203.0.113.9"}  # the test is the proxy
    unnamed = server.batch(cookieless=True, batch=[{"type": "page"}, {"type": "page"}])
    assert server.ask("POST", "/v1/batch", unnamed, headers)[0] == 200
    assert server.ask("GET", f"/v1/pixel.gif?key={server.site.write_key}", None, headers)[0] == 200
    today = time.time_ns() // 1_000_000
    assert server.visitors() == [daily_pseudonym(b"secret", server.site.id, today, "203.0.113.9", "Mozilla/5.0")] * 3
    assert server.ask("POST", "/v1/batch", unnamed, headers | {"X-Forwarded-For": "203.0.113.10"})[0] == 200
    assert len(set(server.visitors())) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_events_come_by_post_only(server: Running, method: str) -> None:
    status, headers, content = server.ask(method, "/v1/batch")
    assert (status, headers["allow"], json.loads(content)["reason"]) == (405, "OPTIONS, POST", "method_not_allowed")


@pytest.mark.parametrize(
    "line", [b"User-Agent: \xff\xfe\xe4", b"Authorization: Basic \xe9", b"Origin: \xff", b"Content-Encoding: \xff"]
)
def test_a_header_in_no_known_encoding_is_answered_like_any_other(server: Running, line: bytes) -> None:
    body = b"{"
    raw = b"POST %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n" + line + b"\r\n\r\n" + body
    assert server.send(raw % b"/v1/batch").split(b" ")[1] in {b"400", b"415"}
    assert server.send(raw % b"/echo/a").split(b" ")[1] == b"200"
    assert server.ask("GET", "/healthz")[0] == 200


def test_a_key_made_a_moment_ago_is_known(server: Running) -> None:
    time.sleep(1.1)  # Unknown keys are looked up once a second.
    with Database(server.database_url).writing() as connection:
        site = add_site(connection, "new", SiteSettings(), 1)
    body = json.dumps({"batch": [{"type": "page", "anonymousId": "new"}], "writeKey": site.write_key}).encode()
    assert server.ask("POST", "/v1/batch", body)[0] == 200
    assert [entry.site_id for entry in server.entries()] == [site.id]


def test_an_unknown_key_is_refused_also_while_the_database_is_away(server: Running) -> None:
    database = Database(server.database_url)
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE sites RENAME TO gone"))
    try:
        time.sleep(1.1)
        answer = server.ask("POST", "/v1/batch", b'{"batch":[],"writeKey":"wk_x"}')
        assert (answer[0], json.loads(answer[2])["reason"]) == (401, "write_key_unknown")
        assert server.ask("POST", "/v1/batch", server.batch("known"))[0] == 200
    finally:
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO sites"))


# The Flask side


def test_the_application_is_told_the_request_as_it_came(server: Running) -> None:
    status, _, content = server.ask(
        "POST",
        "/echo/%E6%98%A5%2525/a%20b?x=%E6%98%A5&y=1",
        "größe".encode(),
        {"Content-Type": "text/plain", "X-One": "1", "X_Forwarded_For": "192.0.2.1"},
    )
    told = json.loads(content)
    environ = told.pop("environ")
    assert status == 200
    assert told == {"method": "POST", "path": "春%25/a b", "query": "x=%E6%98%A5&y=1", "body": "größe"}
    assert (environ["HTTP_X_ONE"], environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("1", "text/plain", "7")
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    # A name with an underscore must not pass for the header that only a proxy may set.
    assert "HTTP_X_FORWARDED_FOR" not in environ


def test_pages_that_are_not_there_and_pages_that_fail_say_so(server: Running) -> None:
    assert [server.ask("GET", path)[0] for path in ("/nowhere", "/fails", "/v1/", "/v1/batch/", "/v2/batch")] == [
        404,
        500,
        404,
        404,
        404,
    ]


def test_head_answers_without_a_body(server: Running) -> None:
    whole, headers, _ = server.ask("GET", "/snippet.js")
    status, of_head, body = server.ask("HEAD", "/snippet.js")
    assert (status, body) == (whole, b"")
    assert of_head["content-length"] == headers["content-length"]


def test_slow_pages_do_not_hold_up_events(server: Running) -> None:
    threads = [threading.Thread(target=server.ask, args=("GET", "/slow")) for _ in range(20)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    assert server.ask("POST", "/v1/batch", server.batch("quick"))[0] == 200
    took = time.monotonic() - begun
    for thread in threads:
        thread.join()
    print(f"beside 20 slow pages: {took * 1000:.1f} ms")
    assert took < 0.3  # 20 pages on 8 threads take 1.2 s


def test_a_long_poll_is_answered_promptly_after_a_commit(server: Running) -> None:
    answers: list[tuple[float, bytes]] = []

    def poll() -> None:
        content = server.ask("GET", "/poll?wait=8")[2]
        answers.append((time.monotonic(), content))

    with redis.Redis.from_url(server.url) as client:
        client.set("test:asked", 0)
        threads = [threading.Thread(target=poll) for _ in range(30)]
        for thread in threads:
            thread.start()
        wait_until(lambda: int(client.get("test:asked") or 0) >= 30, 5)  # type: ignore[arg-type]
        time.sleep(0.2)
        assert answers == []
        client.publish(queue.COMMITTED_CHANNEL, b"1")  # Word of a commit that has nothing for them.
        wait_until(lambda: int(client.get("test:asked") or 0) >= 60, 5)  # type: ignore[arg-type]
        assert answers == []
        client.set("test:word", "news")
        told = time.monotonic()
        client.publish(queue.COMMITTED_CHANNEL, b"1")
        for thread in threads:
            thread.join()
    print(f"30 long polls answered within {(max(at for at, _ in answers) - told) * 1000:.1f} ms")
    assert max(at for at, _ in answers) - told < 1.5
    assert {content.split()[1] for _, content in answers} == {b"news"}


def test_one_looks_for_all_who_wait_and_only_news_is_asked_for(server: Running) -> None:
    def count(name: str) -> int:
        return int(client.get(f"test:{name}") or 0)  # type: ignore[arg-type]

    with redis.Redis.from_url(server.url) as client, ThreadPoolExecutor(30) as threads:
        client.mset({"test:asked": 0, "test:looked": 0})
        client.delete("test:word")
        polls = [threads.submit(server.ask, "GET", "/poll?wait=20&looks=1") for _ in range(30)]
        wait_until(lambda: count("asked") >= 30, 5)
        for _ in range(3):
            looked = count("looked")
            client.publish(queue.COMMITTED_CHANNEL, b"1")
            wait_until(lambda looked=looked: count("looked") > looked, 5)  # type: ignore[misc]
        time.sleep(0.2)
        assert count("asked") == 30
        assert count("looked") < 10  # Once a word, not once for each who waits.
        client.set("test:word", "news")
        client.publish(queue.COMMITTED_CHANNEL, b"1")
        assert {poll.result(5)[2].split()[1] for poll in polls} == {b"news"}
        assert count("asked") == 60


def test_a_long_poll_without_news_ends_in_time(server: Running) -> None:
    begun = time.monotonic()
    status, _, content = server.ask("GET", "/poll?wait=0.4")
    assert (status, content.split()[1]) == (200, b"nothing")
    assert 0.4 <= time.monotonic() - begun < 2


def test_a_waiting_reader_holds_no_thread(server: Running) -> None:
    threads = [threading.Thread(target=server.ask, args=("GET", "/poll?wait=1")) for _ in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    begun = time.monotonic()
    assert server.ask("GET", "/echo/a")[0] == 200
    assert time.monotonic() - begun < 0.6
    for thread in threads:
        thread.join()


# The collector's other routes


def test_a_pixel_is_a_page_view_of_the_page_that_shows_it(server: Running) -> None:
    headers = {"Referer": "https://www.shop.example/mail", "User-Agent": "Mozilla/5.0", "Origin": "https://evil.example"}
    status, told, content = server.ask("GET", f"/v1/pixel.gif?key={server.site.write_key}&title=News", None, headers)
    assert (status, told["content-type"], told["cache-control"]) == (200, "image/gif", "no-store")
    assert content[:6] == b"GIF89a"
    assert "x-warmtrail-refused" not in told
    [entry] = server.entries()
    [(visitor, event)] = entry.events
    assert visitor.startswith("day-")
    assert (event.kind, event.url, event.title) == ("page", "https://www.shop.example/mail", "News")
    assert entry.info.agent == "Mozilla/5.0"


@pytest.mark.parametrize(
    ("query", "reason", "kept"),
    [
        ("", "write_key_missing", 0),
        ("key=wk_x", "write_key_unknown", 0),
        ("key=KEY&url=javascript:1", "url_invalid", 1),
        ("key=KEY&title=%00", "text_invalid", 1),
    ],
)
def test_a_pixel_is_always_an_image_and_says_in_a_header_what_is_wrong(
    server: Running, query: str, reason: str, kept: int
) -> None:
    status, headers, content = server.ask("GET", "/v1/pixel.gif?" + query.replace("KEY", server.site.write_key))
    assert (status, content[:6], headers["x-warmtrail-refused"]) == (200, b"GIF89a", reason)
    assert [one.reason for entry in server.entries() for one in entry.rejected] == [reason] * kept


def test_the_snippet_is_served_compressed_revalidated_and_frozen_by_version(server: Running) -> None:
    dist = Path(__file__).parents[2] / "static" / "dist"
    version = json.loads((dist / "manifest.json").read_text())["version"]
    status, headers, content = server.ask("GET", "/snippet.js")
    assert (status, content, headers["cache-control"]) == (200, (dist / "snippet.js").read_bytes(), "public, max-age=3600")
    assert (headers["access-control-allow-origin"], headers["vary"]) == ("*", "Accept-Encoding")
    _, zipped, compressed = server.ask("GET", "/snippet.js", None, {"Accept-Encoding": "gzip"})
    assert (zipped["content-encoding"], gzip.decompress(compressed)) == ("gzip", content)
    assert zipped["etag"] != headers["etag"]
    again = server.ask("GET", "/snippet.js", None, {"If-None-Match": headers["etag"]})
    assert (again[0], again[2]) == (304, b"")
    frozen = server.ask("GET", f"/snippet-{version}.js")
    assert frozen[0] == 200
    assert frozen[1]["cache-control"] == "public, max-age=31536000, immutable"
    assert server.ask("GET", "/snippet-panel.js")[1].get("cache-control", "") in ("", _SETTINGS_CACHING)
    for name in ("0.0.0", "%00", "..%2F..%2Fsnippet", "%2E%2E", "x" * 5000):
        assert server.ask("GET", f"/snippet-{name}.js")[0] == 404


def test_the_snippet_comes_with_the_settings_of_its_key(server: Running) -> None:
    plain = server.ask("GET", "/snippet.js")[2]
    path = f"/snippet.js?key={server.site.write_key}"
    status, headers, content = server.ask("GET", path)
    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    before, _, after = plain.rpartition(b"({})")
    assert content == before + b'({"key":"%b"})' % server.site.write_key.encode() + after
    assert (headers["cache-control"], headers["vary"]) == (_SETTINGS_CACHING, "Accept-Encoding")
    assert (headers["access-control-allow-origin"], headers["x-content-type-options"]) == ("*", "nosniff")
    assert server.ask("GET", path, None, {"If-None-Match": headers["etag"]})[0] == 304

    database = Database(server.database_url)
    with database.writing() as connection:
        change_site(connection, server.site.id, SiteSettings(origins=(ORIGIN,), consent="required"))
    changed = time.monotonic()
    try:
        wait_until(lambda: server.ask("GET", path)[1]["etag"] != headers["etag"], 3)
        took = time.monotonic() - changed
        print(f"a changed setting was served after {took:.2f} s")
        assert took < 2
        assert b'"consent":"required"' in server.ask("GET", path)[2]
    finally:
        with database.writing() as connection:
            change_site(connection, server.site.id, SiteSettings(origins=(ORIGIN,)))


def test_it_is_alive_ready_and_measured(server: Running) -> None:
    server.ask("POST", "/v1/batch", server.batch("a", "b"))
    server.ask("POST", "/v1/batch", b"{")
    assert [server.ask("GET", path)[::2] for path in ("/healthz", "/readyz")] == [(200, b"ok\n"), (200, b"ready\n")]
    lines = server.ask("GET", "/metrics")[2].decode().splitlines()
    counts = dict(line.rsplit(" ", 1) for line in lines if line.startswith("warmtrail_collect"))
    assert float(counts['warmtrail_collect_requests_total{outcome="accepted"}']) >= 1
    assert float(counts['warmtrail_collect_requests_total{outcome="json_invalid"}']) >= 1
    assert float(counts['warmtrail_collect_events_total{outcome="admitted"}']) >= 2


def test_a_full_queue_is_told_by_503_and_readiness_and_passes(server: Running) -> None:
    with redis.Redis.from_url(server.url) as client:
        before = client.config_get("maxmemory")["maxmemory"]  # type: ignore[index]
        client.config_set("maxmemory", "1")
        try:
            wait_until(lambda: server.ask("GET", "/readyz")[::2] == (503, b"queue_full\n"), 5)
            status, headers, content = server.ask("POST", "/v1/batch", server.batch("a"), {"Origin": ORIGIN})
            assert (status, json.loads(content)["reason"]) == (503, "overloaded")
            assert (headers["retry-after"], headers["access-control-allow-origin"]) == ("5", ORIGIN)
            assert server.ask("GET", "/healthz")[0] == 200
        finally:
            client.config_set("maxmemory", before)
    wait_until(lambda: is_ready(server), 5)
    assert server.ask("POST", "/v1/batch", server.batch("b"))[0] == 200
    assert server.visitors() == ["b"]


def test_appends_wake_the_drains_of_their_slots(server: Running) -> None:
    server.ask("POST", "/v1/batch", server.batch(*(f"v{number}" for number in range(20))))
    with redis.Redis.from_url(server.url) as client:
        jobs = [f"rq:queue:{queue.drain_queue(slot)}" for slot in (0, 1)]
        wait_until(lambda: [client.llen(name) for name in jobs] == [1, 1], 3)
        assert client.mget([queue.slot_key(0), queue.slot_key(1)]) == [b"queued", b"queued"]
