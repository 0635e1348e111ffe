"""How soon what a visitor does is seen by sales: from the answer to the event until the API shows it."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scorer.core.people import lead_id
from tests.service.running import Keys, Sender, Service, basic, page

PROBES = 100


@contextmanager
def mild_load(service: Service, site: Keys) -> Iterator[None]:
    """About 200 events a second from others."""
    done = threading.Event()

    def others() -> None:
        number = 0
        with Sender(service.port, site.server_key) as sender:
            while not done.wait(0.05):
                sender.send([page(f"other{(number + n) % 500}", f"/p{number + n}") for n in range(10)])
                number += 10

    thread = threading.Thread(target=others)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def probe(service: Service, site: Keys, name: str) -> list[float]:
    """Milliseconds from answer to visible, of many single page views of visitors never seen before."""
    found = []
    sending = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    asking = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    reader = {"Authorization": f"Bearer {site.api_key}"}
    for number in range(PROBES):
        who = f"{name}-{number}"
        body = json.dumps(page(who, "/pricing"))
        sending.request("POST", "/v1/page", body, {**basic(site.write_key), "Content-Type": "application/json"})
        answer = sending.getresponse()
        answer.read()
        assert answer.status == 200
        started = time.monotonic()
        while True:
            asking.request("GET", f"/api/v1/leads/{lead_id(site.id, who)}", headers=reader)
            shown = asking.getresponse()
            shown.read()
            if shown.status == 200:
                break
            assert shown.status == 404
            assert time.monotonic() - started < 15
            time.sleep(0.002)
        found.append(1000 * (time.monotonic() - started))
        time.sleep(0.01)
    sending.close()
    asking.close()
    return sorted(found)


def test_an_event_is_seen_by_sales_well_within_a_second(
    service: Service, site: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    time.sleep(6)  # so that the first probe finds the drain asleep
    measured = {"idle": probe(service, site, "idle")}
    with mild_load(service, site):
        measured["under mild load"] = probe(service, site, "load")
    for name, times in measured.items():
        with capsys.disabled():
            print(
                f"\n    {name}: p50 {statistics.median(times):.0f} ms, p99 {times[-2]:.0f} ms, most {times[-1]:.0f} ms",
                end=" ",
            )
        assert statistics.median(times) < 1000
    service.processed()
