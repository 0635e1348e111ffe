"""The way of a network's name from a visitor's request to a salesperson, and what doesn't come along: the address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rich.console import Console
from sqlalchemy import select

from scorer.cli.leads import _portrait
from scorer.core.labels import Language
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.models import accounts, leads
from scorer.outlets import shapes
from scorer.resources import prepare_database
from scorer.scorecards import current_cards
from scorer.scoring import score_visitors
from scorer.sites import found_site
from tests.mmdb import write_mmdb
from tests.tracker.conftest import CHROME
from tracker import queue
from tracker.batch import process
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.core.entries import unpack
from tracker.db import Database
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.models import metadata, visits
from tracker.networks import NetworkFile
from tracker.sites import NewSite, SiteSettings, change_site, load_sites

HALDEN, HALDEN_6 = "203.0.113.77", "2001:db8:1::77"
NORDWIND, TELEKOM, STAFF = "198.51.100.77", "192.0.2.77", "203.0.113.200"
NETWORKS = {
    "203.0.113.0/24": {"autonomous_system_organization": "Halden AG"},
    "2001:db8:1::/48": {"autonomous_system_organization": "Halden AG"},
    "198.51.100.0/24": {"autonomous_system_organization": "Nordwind Pumpen GmbH"},
    "192.0.2.0/24": {"autonomous_system_organization": "Deutsche Telekom AG"},
}
DAY = 86_400_000


class Service:
    """A collector with a file of networks, its queue, and a drain at hand."""

    def __init__(self, database: Database, redis_url: str, path: Path) -> None:
        self.database = database
        with database.writing() as connection:
            settings = SiteSettings(own_networks=(f"{STAFF}/32",))
            self.site: NewSite = found_site(connection, "shop", settings, 1)
        self.keys = keys = SiteKeys(database)
        keys.refresh()
        self.streams = queue.connect(redis_url)
        write_mmdb(path, NETWORKS)
        collector = Collector(
            keys=keys,
            limits=Limits(4, 3650 * DAY),
            streams=self.streams,
            touched=lambda partitions: None,
            is_full=lambda: False,
            metrics=IntakeMetrics(),
            secret=b"secret",
            company_of=NetworkFile(path).company,
        )
        app = Flask("test", static_folder=None)
        app.register_blueprint(make_blueprint(collector, "/v1"))
        self.client: FlaskClient = app.test_client(use_cookies=False)
        self._sent = 0

    def send(
        self,
        address: str,
        visitor: str = "v",
        *,
        day: int | None = None,
        trusted: bool = False,
        body: Any = None,
        **headers: str,
    ) -> None:
        """Let *visitor* view a page from *address*, each time a day after the time before."""
        self._sent += 1
        page = {
            "type": "page",
            "messageId": f"m{self._sent}",
            "anonymousId": visitor,
            "timestamp": f"2026-10-{10 + (self._sent if day is None else day)}T10:00:00Z",
            "context": {"ip": address, "network": "Made Up AG"},
            "properties": {"url": "https://shop.example/pricing"},
        }
        sent = {"writeKey": self.site.server_key if trusted else self.site.write_key, "batch": [page]} | (body or {})
        named = {"User-Agent": CHROME, "X-Forwarded-For": f"10.9.9.9, {address}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post("/v1/batch", data=json.dumps(sent), headers=named)
        assert answer.status_code == 200

    def entries(self) -> list[tuple[int, str, bytes]]:
        return queue.read_entries(self.streams, dict.fromkeys(range(4), "0-0"), count=1000, block_ms=None)

    def drain(self) -> None:
        process(self.database, self.entries(), score_visitors)

    def lead(self, language: Language = "en") -> shapes.Lead:
        """The only lead, as salespeople see it."""
        with self.database.reading() as connection:
            card = current_cards(connection)[self.site.id]
            found = find_leads(connection, card.id, connection.execute(select(leads.c.id)).scalars())
            view = Viewpoint(load_sites(connection)[self.site.id], card, 1_796_000_000_000, language, "https://x.example")
            (shown,) = view_leads(connection, view, list(found.values()))
        return shown


@pytest.fixture
def service(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Service]:
    database = Database(database_url)
    prepare_database(database)
    yield Service(database, redis_url, tmp_path / "networks.mmdb")
    database.close()


def test_a_lead_is_shown_with_the_company_it_mostly_visits_from(service: Service) -> None:
    for address in (NORDWIND, HALDEN, TELEKOM, HALDEN_6, TELEKOM, TELEKOM):
        service.send(address)
    service.drain()
    lead = service.lead()
    assert (lead.visits, lead.network_hint) == (6, "Halden AG")
    with service.database.reading() as connection:
        named = connection.execute(select(visits.c.network).order_by(visits.c.number)).scalars().all()
    assert named == ["Nordwind Pumpen GmbH", "Halden AG", "", "Halden AG", "", ""]


def test_of_two_companies_visited_from_as_often_the_latest_is_shown(service: Service) -> None:
    for address in (HALDEN, NORDWIND, NORDWIND, HALDEN):
        service.send(address)
    service.drain()
    assert service.lead().network_hint == "Halden AG"


@pytest.mark.parametrize(
    ("language", "line"),
    [("en", "probably at Halden AG, by its network"), ("zh", "可能来自 Halden AG（据其网络推测）")],
)
def test_the_terminal_says_how_sure_it_is(
    service: Service, language: Language, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service.send(HALDEN)
    service.drain()
    Console(width=200).print(_portrait(service.lead(language), language))
    assert line in capsys.readouterr().out


def test_a_hint_is_nobodys_company(service: Service) -> None:
    service.send(HALDEN, "one")
    service.send(HALDEN, "two")
    service.drain()
    with service.database.reading() as connection:
        rows = connection.execute(select(leads.c.account_id, leads.c.company_name, leads.c.visitors)).all()
        assert rows == [(None, "", 1), (None, "", 1)]  # Nor does it make one person of two.
        assert connection.execute(select(accounts)).all() == []


def test_the_address_is_nowhere_in_queue_or_database(service: Service) -> None:
    for address in (HALDEN, HALDEN_6, NORDWIND, TELEKOM):
        service.send(address)
    service.send(HALDEN, "broken", body={"batch": [{"type": "page", "messageId": "1"}, {"type": "sing"}]})
    queued = b"".join(packed for _, _, packed in service.entries())
    service.drain()
    with service.database.reading() as connection:
        tables = {table.name: connection.execute(table.select()).all() for table in metadata.sorted_tables}
    stored = b"".join(_bytes_of(cell) for rows in tables.values() for row in rows for cell in row)
    for content in (queued, stored):
        assert b"Halden AG" in content
        assert b"Made Up AG" not in content
        assert b"Telekom" not in content
        for address in (HALDEN, HALDEN_6, NORDWIND, TELEKOM):
            for form in (address.encode(), ip_address(address).packed, ip_address(address).exploded.encode()):
                assert form not in content
    assert len(tables["dead_letters"]) == 2
    assert len(tables["events"]) == 4


NOT_LOOKED_UP: dict[str, dict[str, Any]] = {
    "a server, whose address is its own": {"trusted": True},
    "a library that passes events on": {"User_Agent": "python-requests/2.32"},
    "Global Privacy Control": {"Sec_GPC": "1"},
    "Do Not Track": {"DNT": "1"},
    "no consent yet": {"body": {"cookieless": True}},
    "our own staff": {"address": STAFF},
    "a provider": {"address": TELEKOM},
    "no address": {"address": "unknown"},
}


@pytest.mark.parametrize("how", NOT_LOOKED_UP.values(), ids=NOT_LOOKED_UP)
def test_some_are_not_looked_up(service: Service, how: dict[str, Any]) -> None:
    service.send(**({"address": HALDEN} | how))
    assert [unpack(packed).info.network for _, _, packed in service.entries()] == [""]


def test_who_wants_not_to_be_tracked_is_looked_up_where_the_site_does_not_heed_that(service: Service) -> None:
    with service.database.writing() as connection:
        change_site(connection, service.site.id, SiteSettings(respect_gpc=False))
    service.keys.refresh()
    service.send(HALDEN, Sec_GPC="1")
    assert [unpack(packed).info.network for _, _, packed in service.entries()] == ["Halden AG"]


def test_a_late_event_leaves_the_network_as_it_was(service: Service) -> None:
    service.send(HALDEN)
    service.send(TELEKOM)
    service.drain()
    service.send(NORDWIND, day=0)
    service.drain()
    with service.database.reading() as connection:
        named = connection.execute(select(visits.c.network).order_by(visits.c.number)).scalars().all()
    assert named == ["Nordwind Pumpen GmbH", "Halden AG", ""]


def _bytes_of(cell: object) -> bytes:
    return bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() + b"\0"
