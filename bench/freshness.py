"""Freshness: from the moment a browser sends its event until a client of the API that waits for changes has been told."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from contextlib import nullcontext

from bench.databases import kinds
from bench.live import live, loaded
from bench.report import Section
from scorer.core.people import lead_id
from tests.service.running import Event, Keys, Service, basic

RATE = 1_000
PROBES = 200
PAUSE_SECONDS = 0.15
ASLEEP_SECONDS = 5.6
"""A drain with nothing to do lets go of its slot after five."""
ASLEEP_PROBES = 8


def run(smoke: bool) -> Section:
    """Measure freshness."""
    probes, asleep, rate = (3, 0, 100) if smoke else (PROBES, ASLEEP_PROBES, RATE)
    section = Section(
        "freshness",
        "Freshness, from browser to sales",
        "From sending the event that makes a lead hot until `GET /api/v1/changes?wait=…`, held open, has told it with the "
        f"lead and its score: {probes} leads each. `warmtrail up` with one worker, the load and the measuring on one "
        "machine; commits reach the disk. Asleep: nothing came for so long that the worker had let go of the queue. "
        f"Goals: 20 ms and 250 ms at {rate:,} events/s, p99 100 ms when idle.",
        ("database", "load, events/s", "p50, ms", "p90, ms", "p99, ms", "most, ms", "asleep: median, ms"),
    )
    for kind in list(kinds())[:1] if smoke else kinds():
        with live(kind) as (service, keys):
            with _Listener(service, keys) as listener:
                _probe(service, keys, listener, "warm", 3, 0.05)
                slept = _probe(service, keys, listener, "asleep", asleep, ASLEEP_SECONDS) if asleep else []
                for load in (0, rate):
                    lasting = probes * (PAUSE_SECONDS + 0.1) + 4
                    with loaded(service, keys, load, lasting) if load else nullcontext([0, 0, 0]) as sent:
                        if load:
                            time.sleep(2.0)
                        times = sorted(_probe(service, keys, listener, f"at{load}", probes, PAUSE_SECONDS))
                    shown = [_quantile(times, share) for share in (0.5, 0.9, 0.99, 1.0)]
                    woken = f"{statistics.median(slept):,.0f}" if slept and not load else ""
                    section.rows.append((kind, f"{sent[2]:,}" if load else "idle", *(f"{ms:,.1f}" for ms in shown), woken))
            service.processed()
    return section


def _quantile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))]


def _probe(service: Service, keys: Keys, listener: _Listener, name: str, probes: int, pause: float) -> list[float]:
    """Make leads hot, one after the other, each by one event; return after how many ms each was told."""
    nearly: list[Event] = []
    for number in range(probes):
        nearly += [_track(f"{name}-{number}", event) for event in ("Trial Started", "Trade Fair Visited", "Form Submitted")]
    service.send(nearly, keys.server_key)
    service.processed()
    sending = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    found = []
    for number in range(probes):
        time.sleep(pause)
        who = f"{name}-{number}"
        body = json.dumps(_track(who, "Quote Requested"))
        started = time.monotonic()
        sending.request("POST", "/v1/track", body, {**basic(keys.write_key), "Content-Type": "application/json"})
        answer = sending.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        found.append(1000 * (listener.told(lead_id(keys.id, who)) - started))
    sending.close()
    return found


def _track(who: str, event: str) -> Event:
    return {"type": "track", "anonymousId": who, "event": event, "properties": {"form_id": "enquiry"}}


class _Listener:
    """A client that waits for changes, and notes when it was told that a lead has become hot."""

    def __init__(self, service: Service, keys: Keys) -> None:
        self._port, self._headers = service.port, {"Authorization": f"Bearer {keys.api_key}"}
        self._told: dict[str, float] = {}
        self._news = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._cursor = service.get("/changes?cursor=now", keys.api_key)["next_cursor"]

    def told(self, lead: str) -> float:
        """Return the monotonic time at which this lead was told of, waiting for it."""
        with self._news:
            assert self._news.wait_for(lambda: lead in self._told, 30), "not told within 30 s"
            return self._told[lead]

    def _listen(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop:
            connection.request("GET", f"/api/v1/changes?cursor={self._cursor}&wait=2", headers=self._headers)
            answer = json.loads(connection.getresponse().read())
            at = time.monotonic()
            self._cursor = answer["next_cursor"]
            with self._news:
                for change in answer["data"]:
                    if change["kind"] == "entered":
                        self._told.setdefault(change["lead_id"], at)
                self._news.notify_all()
        connection.close()

    def __enter__(self) -> _Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(5)
