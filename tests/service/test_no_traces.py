"""Of a visitor's address nothing is written anywhere; of an erased person nothing is left: table, file, queue or log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rq import Queue

from scorer.resources import now_ms
from scorer.web.throttle import Throttle
from tests.service.conftest import MakeService
from tests.service.running import AGENT, Keys, Service, time_text, wait_for

FOUR, SIX = "203.0.113.77", "2001:db8:77::77"
NAME = "Zuzana Zirconium"
EMAIL = "zuzana@zirconium.example"


@pytest.fixture(scope="module")
def running(make_service: MakeService) -> Service:
    return make_service(LOG_FORMAT="json").start()


def files_saying(service: Service, *words: str) -> set[str]:
    """The files of a service, its log among them, in which one of these words stands in any case."""
    found = set()
    for path in (*files_below(service.data_dir), service.data_dir.with_name(service.data_dir.name + ".log")):
        try:
            content = path.read_bytes().lower()
        except FileNotFoundError:  # The queue's file is being written anew.
            found.add(f"{path.name}: gone meanwhile")
            continue
        found |= {f"{path.name}: {word}" for word in words if word.lower().encode() in content}
    return found


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_socket())


def event(who: str | None, **fields: Any) -> dict[str, Any]:
    named = {"anonymousId": who} if who else {}
    return {"type": "page", **named, "timestamp": time_text(now_ms()), **fields}


def send(service: Service, site: Keys, address: str, sent: list[dict[str, Any]], **body: Any) -> None:
    """Send as a browser behind a proxy that tells its address."""
    headers = {"X-Forwarded-For": address, "User-Agent": AGENT}
    answer = service.post("batch", {"batch": sent, "writeKey": site.write_key, **body}, None, headers)
    assert answer.status == 200, answer


def test_an_address_is_written_nowhere(running: Service) -> None:
    looked_at, not_looked_at = running.add_site("addresses"), running.add_site("no addresses")
    running.cli("site", "set", "no addresses", "no_ip=yes")
    page = {"url": "https://www.nordwind.example/x"}
    for site in (looked_at, not_looked_at):
        for address in (FOUR, SIX):
            told = {"context": {"ip": address}, "properties": {**page, "ip": address}}
            refused = event("ada", context={"ip": address}, properties={"url": "javascript:1", "seen_from": address})
            send(running, site, address, [event("ada", **told), refused, event(None, **told)])
            send(running, site, address, [event(None, properties=page)], cookieless=True)
            running.request("GET", f"/v1/pixel.gif?key={site.write_key}", headers={"X-Forwarded-For": address})
            running.request("POST", "/sign-in", b"email=a@b.example&password=x", {"X-Forwarded-For": address})
            throttle = Throttle(running.resources.redis_url, b"secret")
            assert throttle.may_try("chen@example.com", address)
    accounts = running.processed()
    # Without an address there is no pseudonym: who has no id is refused.
    assert accounts.sites["no addresses"].dead_lettered > accounts.sites["addresses"].dead_lettered > 0
    assert files_saying(running, "/x") != set()
    assert files_saying(running, FOUR, SIX) == set()


def test_of_an_erased_person_no_file_says_anything(running: Service, tmp_path: Path) -> None:
    site = running.add_site("erased")
    other = event("ben", properties={"url": "https://www.nordwind.example/prices"})
    who = {"type": "identify", "anonymousId": "zuzana-desk", "traits": {"email": EMAIL, "name": NAME}}
    read = event("zuzana-desk", properties={"url": f"https://www.nordwind.example/x?to={EMAIL}&password=zirconium"})
    consent = {"type": "track", "event": "Consent Given", "anonymousId": "zuzana-desk", "properties": {"version": "1"}}
    refused = event("zuzana-desk", properties={"url": "javascript:1", "to": EMAIL})
    send(running, site, FOUR, [who, read, consent, refused, other])
    running.processed()
    lead = running.get("/leads?q=zirconium", site.api_key)["data"][0]["id"]
    running.cli("objection", lead, "--why", "asked by mail")
    running.cli("consent", lead, "--version", "2", "--source", f"mail of {EMAIL}", "--why", "asked by mail")
    told = running.get(f"/leads/{lead}/choices", site.api_key)
    assert ([one["version"] for one in told["consents"]], told["scored"]) == (["1", "2"], False)
    assert files_saying(running, EMAIL, "zuzana-desk") != set()
    # Refused while the erasure is at work, and drained after it: the name stands in what waits.
    made = running.cli_json("erase", EMAIL, "--site", "erased", "--why", "asked", "--yes")
    assert (made["removed"]["consents"], made["removed"]["objections"], made["refused_events"]) == (2, 1, 1)
    wait_for(lambda: files_saying(running, EMAIL, NAME, "zirconium", "zuzana-desk") == set(), 60, "something is left")
    assert files_saying(running, "ben") != set()


def test_each_line_of_the_log_is_an_object_and_none_has_a_secret(running: Service) -> None:
    """Of all that the other tests of this module have had it do, too: errors of people, refusals, an erasure."""
    site = running.add_site("logged")
    running.post("page", b"no JSON", site.server_key)
    running.request("GET", "/api/v1/leads", headers={"Authorization": f"Bearer {site.api_key}x"})
    running.request("GET", f"/mail/c?to=https://www.nordwind.example/&key={site.write_key}")
    Queue("care", connection=running.resources.control).enqueue("math.sqrt", -1)  # a traceback, of a library's
    wait_for(lambda: "math domain error" in running.log, 20, "the job has not failed")
    greeting, hint, *lines = sorted(running.log.splitlines(), key=lambda line: line.startswith("{"))
    assert greeting.startswith("Warmtrail is starting"), "what goes to people stands on stdout"
    assert "warmtrail user add" in hint
    told = [json.loads(line) for line in lines]
    assert {"supervisor", "rq.worker"} <= {one.get("part") or one.get("logger") for one in told}
    for one in told:
        assert {"timestamp", "level", "event"} <= one.keys(), one
        assert one.get("part") or one.get("logger"), one
        assert one["timestamp"].endswith("Z")
    secret = (running.data_dir / "secret_key").read_text()
    for word in (secret, site.server_key, site.api_key, site.write_key, "a@b.example", FOUR, SIX):
        assert word not in running.log
