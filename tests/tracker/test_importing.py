"""Imports: what goes in comes out once, in batches, with every line accounted for."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracker.core.weblogs import MAX_LINE_LENGTH, UnknownLogFormat
from tracker.importing import (
    DeliveryFailed,
    DeliveryResult,
    HttpDelivery,
    ImportReport,
    import_events,
    import_log,
    open_log,
)

SALT = b"a salt of the site"
ORIGIN = "https://pumps.example/"
NOW = 1_763_717_400.0  # 21 November 2025, 09:30 UTC


def log_line(path: str = "/", second: int = 1, agent: str = "Firefox", status: int = 200) -> str:
    return f'192.0.2.7 - - [05/Mar/2024:10:00:{second:02} +0000] "GET {path} HTTP/1.1" {status} 9 "-" "{agent}"\n'


class Taken:
    """A delivery that keeps what it was given and refuses every event of a named address."""

    def __init__(self, refuse: str = "") -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._refuse = refuse

    def __call__(self, batch: list[dict[str, Any]]) -> DeliveryResult:
        self.batches.append(batch)
        refused = [
            (index, "url_invalid")
            for index, event in enumerate(batch)
            if self._refuse and event["properties"]["url"].endswith(self._refuse)
        ]
        return DeliveryResult(len(batch) - len(refused), refused)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    @property
    def ids(self) -> list[str]:
        return [event["messageId"] for event in self.events]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(
        "\ufeff"
        + log_line("/a")
        + "\n# a remark\n"
        + log_line("/b", 2)
        + log_line("/b", 2)
        + "what is this?\n"
        + log_line("/style.css")
        + log_line("/gone", status=404)
        + log_line("/" + "x" * MAX_LINE_LENGTH)
        + log_line("/list.pdf", 3).replace(":03", ":99")
        + log_line("/refused"),
        encoding="utf-8",
    )
    return path


def test_every_line_of_a_log_is_accounted_for(log: Path) -> None:
    taken, bad = Taken(refuse="/refused"), []
    report = import_log(
        log, SALT, ORIGIN, "auto", taken, keep_bad=lambda reason, number, text: bad.append((reason, number, text[:12]))
    )
    assert report.as_dict() == {
        "format": "combined",
        "lines": 11,
        "delivered": 3,
        "skipped": {"asset": 1, "status": 1},
        "bad": {"line_unparsable": 1, "line_too_long": 1, "line_bad_time": 1},
        "rejected": {"url_invalid": 1},
        "silent": 2,
    }
    assert bad == [
        ("line_unparsable", 6, "what is this"),
        ("line_too_long", 9, "192.0.2.7 - "),
        ("line_bad_time", 10, "192.0.2.7 - "),
    ]
    assert [event["properties"]["url"] for event in taken.events] == [
        f"https://pumps.example/{name}" for name in ("a", "b", "b", "refused")
    ]


def test_the_same_log_twice_gives_the_same_ids_and_equal_lines_different_ones(log: Path) -> None:
    once, twice = Taken(), Taken()
    import_log(log, SALT, ORIGIN, "auto", once)
    import_log(log, SALT, ORIGIN, "combined", twice)
    assert once.ids == twice.ids
    assert len(set(once.ids)) == len(once.ids) == 4


def test_a_log_that_grew_repeats_the_ids_of_its_start(log: Path) -> None:
    once, grown = Taken(), Taken()
    import_log(log, SALT, ORIGIN, "auto", once)
    with log.open("a", encoding="utf-8") as file:
        file.write(log_line("/b", 2))
    import_log(log, SALT, ORIGIN, "auto", grown)
    assert grown.ids[:4] == once.ids
    assert grown.ids[4] not in once.ids


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "two gzips in one": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())
def test_packed_logs_are_unpacked_whatever_their_name(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    lines = [log_line(f"/{number}").encode() for number in range(5)]
    path = tmp_path / "access.log"
    path.write_bytes(pack(b"".join(lines)))
    with open_log(path) as log:
        assert list(log) == lines
        assert log.position == log.size == path.stat().st_size
        assert not log.cut_short


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(b"one\ntwo")))
    monkeypatch.setattr(sys, "stdin", stdin)
    with open_log("-") as log:
        assert (log.size, list(log)) == (None, [b"one\n", b"two"])
    assert not stdin.closed


def test_an_endless_line_is_cut_and_the_next_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"x" * 1_000_000 + b"\nnext\n")
    with open_log(path, longest_line=100) as log:
        assert list(log) == [b"x" * 101, b"next\n"]


def test_a_packed_log_that_breaks_off_gives_what_it_holds_and_says_so(tmp_path: Path) -> None:
    path, taken, bad = tmp_path / "access.log.gz", Taken(), []
    whole = gzip.compress("".join(log_line(f"/{number * 7919}") for number in range(4000)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    report = import_log(path, SALT, ORIGIN, "auto", taken, keep_bad=lambda reason, *_: bad.append(reason))
    assert 1000 < report.delivered == len(taken.events) < 4000
    assert report.bad["file_cut_short"] == 1
    assert bad[-1] == "file_cut_short"


def test_a_log_of_no_known_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("dear diary\n", encoding="utf-8")
    with pytest.raises(UnknownLogFormat, match="supported format"):
        import_log(path, SALT, ORIGIN, "auto", Taken())


def test_an_address_that_is_too_long_written_out_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    short, long = (log_line("/" + r"\x01" * letters, agent="泵" * 1024) for letters in (4000, 4090))
    path.write_text(short + long.replace('"-"', '"' + r"\x01" * 2048 + '"'), encoding="utf-8")
    report = import_log(path, SALT, ORIGIN, "auto", Taken())
    assert (report.delivered, report.skipped) == (1, {"url_too_long": 1})


def test_an_empty_log_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.touch()
    assert import_log(path, SALT, ORIGIN, "auto", Taken()).lines == 0


def test_progress_tells_bytes_and_counts(tmp_path: Path) -> None:
    path, told = tmp_path / "access.log", []
    path.write_text("".join(log_line(f"/{number}") for number in range(1200)), encoding="utf-8")
    size = path.stat().st_size

    def progress(done: int, total: int | None, report: ImportReport) -> None:
        told.append((done <= size, total == size, report.lines))

    import_log(path, SALT, ORIGIN, "auto", Taken(), progress)
    assert told == [(True, True, 500), (True, True, 1000), (True, True, 1200)]


def test_batches_hold_a_hundred_events_or_450_kb(tmp_path: Path) -> None:
    path, small, large = tmp_path / "events.jsonl", Taken(), Taken()
    path.write_text('{"type":"page"}\n' * 250, encoding="utf-8")
    import_events(path, small)
    path.write_text(json.dumps({"type": "page", "properties": {"title": "x" * 20_000}}) + "\n" * 2, encoding="utf-8")
    path.write_bytes(path.read_bytes().strip() + b"\n")
    path.write_bytes(path.read_bytes() * 50)
    import_events(path, large)
    assert [len(batch) for batch in small.batches] == [100, 100, 50]
    assert [len(batch) for batch in large.batches] == [22, 22, 6]
    assert all(len(msgspec.json.encode(batch)) < 450_000 for batch in large.batches)


def test_events_come_through_as_they_are_and_bad_lines_are_kept(tmp_path: Path) -> None:
    path, taken, bad = tmp_path / "events.jsonl", Taken(), []
    whole = {"type": "identify", "messageId": "m1", "userId": "u", "traits": {"name": "王芳"}}
    path.write_bytes(
        b"\xef\xbb\xbf"
        + b"\n".join(
            (
                json.dumps(whole).encode(),
                b"",
                b'{"type": "page"',
                b'["page"]',
                b"\xff",
                b'{"type": "page", "messageId": "m2", "properties": {"n": 123456789012345678901234567890}}',
                b'{"type": "page", "x": "' + b"x" * 40_000 + b'"}',
                b'{"x": "' + b"x" * 300_000 + b'"}',
                b"[" * 9000,
                b'{"type": "page"}',
                b'{"type": "page"}',
            )
        )
    )
    report = import_events(path, taken, keep_bad=lambda reason, number, _: bad.append((reason, number)))
    assert bad == [
        ("line_not_json", 3),
        ("line_not_event", 4),
        ("line_not_json", 5),
        ("line_too_long", 7),
        ("line_too_long", 8),
        ("line_not_json", 9),
    ]
    assert (report.lines, report.delivered, report.silent) == (11, 4, 1)
    assert taken.events[0] == whole
    assert taken.events[1]["properties"] == {"n": 123456789012345678901234567890}
    assert taken.ids[2].endswith("-0")
    assert taken.ids[3] == taken.ids[2].removesuffix("0") + "1"


class Collector:
    """A collector that answers from a script, then 200, and notes what it was asked."""

    def __init__(self) -> None:
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[dict[str, Any]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked.append(
                    {
                        "path": self.path,
                        "key": self.headers["Authorization"],
                        "connection": self.client_address,
                        "body": json.loads(gzip.decompress(raw)),
                    }
                )
                status, headers, body = collector.script.pop(0) if collector.script else (200, {}, b'{"success":true}')
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


BATCH = [{"type": "page", "messageId": str(number)} for number in range(4)]


def deliver(collector: Collector, waits: list[float] | None = None, **options: Any) -> DeliveryResult:
    wait = (waits if waits is not None else []).append
    with HttpDelivery(collector.url, "secret", sleep=wait, now=lambda: NOW, **options) as delivery:
        return delivery(BATCH)


def test_a_batch_goes_to_the_collector_with_key_and_time_of_sending(collector: Collector) -> None:
    with HttpDelivery(f"{collector.url}/inner/", "secret", "/w1", now=lambda: NOW) as delivery:
        assert delivery(BATCH) == DeliveryResult(4)
        assert delivery(BATCH[:1]) == DeliveryResult(1)
    assert {**collector.asked[0], "connection": ""} == {
        "path": "/inner/w1/batch",
        "key": "Basic c2VjcmV0Og==",
        "connection": "",
        "body": {"batch": BATCH, "sentAt": "2025-11-21T09:30:00.000Z"},
    }
    assert collector.asked[0]["connection"] == collector.asked[1]["connection"]


def test_rejected_events_are_named(collector: Collector) -> None:
    collector.script = [(200, {}, b'{"success":true,"rejected":[{"index":2,"reason":"url_invalid"}]}')]
    assert deliver(collector) == DeliveryResult(3, [(2, "url_invalid")])


def test_a_collector_that_is_busy_or_away_is_tried_again(collector: Collector) -> None:
    waits: list[float] = []
    collector.script = [
        (503, {"Retry-After": "7"}, b""),
        (429, {"Retry-After": "Fri, 21 Nov 2025 09:30:20 GMT"}, b""),
        (503, {"Retry-After": "soon"}, b""),
        (0, {}, b""),
        (502, {}, b""),
        (503, {"Retry-After": "86400"}, b""),
    ]
    assert deliver(collector, waits) == DeliveryResult(4)
    assert waits == [7.0, 20.0, 2.0, 4.0, 8.0, 60.0]


def test_trying_again_has_an_end(collector: Collector) -> None:
    collector.script = [(503, {}, b"")] * 3
    with pytest.raises(DeliveryFailed, match=r"did not take the events, tried 3 times: status 503.*nothing is counted"):
        deliver(collector, tries=3)
    collector.close()
    with pytest.raises(DeliveryFailed, match=r"tried 2 times: .*refused"):
        deliver(collector, tries=2)


def test_what_is_too_large_on_the_way_is_halved_until_the_culprit_is_found(collector: Collector) -> None:
    good, large = (200, {}, b'{"success":true}'), (413, {}, b"")
    collector.script = [large, good, large, large, good]
    assert deliver(collector) == DeliveryResult(3, [(2, "too_large")])
    assert [len(asked["body"]["batch"]) for asked in collector.asked] == [4, 2, 2, 1, 1]


FINAL = {
    "a wrong key": (401, {}, b"", "give the server key of the site"),
    "a closed door": (403, {}, b"", "give the server key of the site"),
    "another place": (308, {"Location": "https://new.example/"}, b"", "has moved to https://new.example/"),
    "no collector": (404, {}, b"", "no collector at"),
    "a bad body": (400, {}, b'{"reason":"shape_invalid"}', 'answered 400: {"reason":"shape_invalid"}'),
    "something else": (200, {}, b"<html>", "not a collector's"),
}


@pytest.mark.parametrize(("status", "headers", "body", "says"), FINAL.values(), ids=FINAL.keys())
def test_what_trying_again_would_not_mend_stops_at_once(
    collector: Collector, status: int, headers: dict[str, str], body: bytes, says: str
) -> None:
    collector.script = [(status, headers, body)]
    with pytest.raises(DeliveryFailed) as stopped:
        deliver(collector)
    assert says in str(stopped.value)
    assert "secret" not in str(stopped.value)
    assert len(collector.asked) == 1


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'localhost:8700' is not an http"):
        HttpDelivery("localhost:8700", "secret")


def test_a_log_goes_through_http_end_to_end(collector: Collector, log: Path) -> None:
    with HttpDelivery(collector.url, "secret") as delivery:
        report = import_log(log, SALT, ORIGIN, "auto", delivery)
    assert report.delivered == 4
    assert [event["type"] for event in collector.asked[0]["body"]["batch"]] == ["page"] * 4
