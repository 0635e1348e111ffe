"""History brought in from files: through the queue, through a collector, with the service running or not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scorer.demo.run import LOG, LOG_ORIGIN
from scorer.models import leads
from scorer.resources import now_ms, opened
from tests.service.conftest import MakeService
from tests.service.running import DAY, Keys, Service, page
from tracker.models import visitors, visits
from tracker.settings import Settings

BAD_LINES = [
    "this is no line of a log",
    '1.2.3.4 - - [99/Nonsense/2015:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"',
    "\x00\x01",
]


def conclusions(service: Service, site: Keys) -> Any:
    """Visits and leads of a site."""
    with service.resources.database.reading() as connection:
        of_site = visits.c.site_id == site.id
        paid = connection.execute(select(visits).where(of_site).order_by(visits.c.visitor_id, visits.c.number)).all()
        seen = connection.execute(select(visitors).where(visitors.c.site_id == site.id).order_by(visitors.c.id)).all()
        known = connection.execute(select(leads).where(leads.c.site_id == site.id).order_by(leads.c.id)).all()
    return paid, seen, known


@pytest.fixture(scope="module")
def logged(service: Service) -> Keys:
    """A site into which the bundled log has been imported through the queue."""
    site = service.add_site("logged", origins=(LOG_ORIGIN,))
    report = service.cli_json("import-log", str(LOG), "--site", "logged")
    assert report["lines"] == 10_000
    assert report["format"] == "combined"
    assert report["waiting"] == 0
    assert report["rejected"] == {}
    assert report["delivered"] + sum(report["skipped"].values()) + sum(report["bad"].values()) + report["silent"] == 10_000
    account = service.processed().sites["logged"]
    assert account.received == report["delivered"]
    assert account.stored + account.filtered == report["delivered"]
    return site


def test_the_same_log_twice_changes_nothing(service: Service, logged: Keys) -> None:
    before, account = conclusions(service, logged), service.accounts().sites["logged"]
    assert len(before[0]) > 1000
    report = service.cli_json("import-log", str(LOG), "--site", "logged")
    again = service.processed().sites["logged"]
    assert report["delivered"] == account.received == again.duplicate
    assert (again.stored, again.filtered) == (account.stored, account.filtered)
    assert conclusions(service, logged) == before


def test_through_the_collector_the_same_log_gives_the_same(service: Service, logged: Keys) -> None:
    before, account = conclusions(service, logged), service.accounts().sites["logged"]
    over_http = ("--url", service.url, "--server-key", logged.server_key)
    report = service.cli_json("import-log", str(LOG), "--site", "logged", *over_http)
    assert (report["waiting"], report["rejected"]) == (0, {})
    again = service.processed().sites["logged"]
    assert again.duplicate == account.duplicate + report["delivered"]
    assert conclusions(service, logged) == before


def test_lines_that_cannot_be_read_are_counted_and_kept_once(service: Service, tmp_path: Path) -> None:
    service.add_site("half bad", origins=(LOG_ORIGIN,))
    with gzip.open(LOG, "rt") as log:
        good = [next(log).rstrip("\n") for _ in range(50)]
    path = tmp_path / "mixed.log"
    path.write_text("\n".join([*good[:25], *BAD_LINES, *good[25:]]) + "\n")
    for _ in range(2):
        report = service.cli_json("import-log", str(path), "--site", "half bad", "--format", "combined")
        assert report["lines"] == 53
        assert sum(report["bad"].values()) == 3
    kept = service.cli_json("dead-letters", "list", "--site", "half bad")["letters"]
    assert [letter["body"] for letter in kept] == [line.replace("1.2.3.4", "0.0.0.0") for line in BAD_LINES]
    assert {letter["source"] for letter in kept} == {"import"}
    replayed = service.cli_json("dead-letters", "replay", "--site", "half bad")
    assert replayed == {"accepted": 0, "refused_again": 0, "not_events": 3}


def test_events_of_a_file_are_taken_good_ones_counted_bad_ones_kept(service: Service, tmp_path: Path) -> None:
    site = service.add_site("from a file")
    old = now_ms() - 400 * DAY
    good = [page(f"v{n % 7}", f"/p{n}", old + n * 60_000, messageId=f"f{n}") for n in range(300)]
    bad = ["{not json", "[1, 2]", json.dumps(page("x", "javascript:alert(1)") | {"properties": {"url": "javascript:x"}})]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join([*(json.dumps(event) for event in good), *bad]) + "\n")
    for through in ((), ("--url", service.url, "--server-key", site.server_key)):
        report = service.cli_json("import-events", str(path), "--site", site.name, *through)
        assert (report["lines"], report["delivered"], report["waiting"]) == (303, 300, 0)
        assert (sum(report["bad"].values()), report["rejected"]) == (2, {"url_invalid": 1})
    account = service.processed().sites[site.name]
    assert (account.received, account.stored, account.duplicate, account.dead_lettered) == (602, 300, 300, 2)
    assert len(service.get("/leads", site.api_key)["data"]) == 7


def test_without_a_running_service_the_command_processes_what_it_imports(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service()
    assert service.cli_json("site", "add", "Alone", "--origin", LOG_ORIGIN)["id"] == 1
    report = service.cli_json("import-log", str(LOG))
    assert report["waiting"] == 0
    status = service.cli_json("status")
    assert (status["received"], status["waiting"]) == (report["delivered"], 0)
    assert status["stored"] + status["filtered"] == report["delivered"]
    assert service.cli_json("import-log", str(LOG))["delivered"] == report["delivered"]
    assert service.cli_json("status")["duplicate"] == report["delivered"]
    with opened(Settings(data_dir=service.data_dir)) as resources, resources.database.reading() as connection:
        assert len(connection.execute(select(leads.c.id)).all()) > 900
