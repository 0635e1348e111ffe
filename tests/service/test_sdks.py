"""Segment's own server libraries, with nothing changed but the address and the key."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from segment.analytics import Client
from sqlalchemy import select

from tests.conftest import give_up
from tests.service.running import Keys, Service
from tracker.models import events, visitors

NODE_SDK = "@segment/analytics-node@3.1.0"
CALLS = """
const { Analytics } = require('@segment/analytics-node');
const analytics = new Analytics({
  writeKey: process.env.KEY, host: process.env.URL, path: '/v1/batch', maxEventsInBatch: 3
});
analytics.on('error', (error) => { console.error(error); process.exitCode = 1; });
const who = { anonymousId: 'anna', userId: 'u-7' };
analytics.page({ ...who, name: 'Pricing', properties: { url: 'https://www.nordwind.example/pricing' } });
analytics.track({ ...who, event: 'Quote Requested', properties: { amount: 3 } });
analytics.identify({ ...who, traits: { email: 'anna@halden.example', name: 'Anna Berg' } });
analytics.group({ ...who, groupId: 'halden', traits: { name: 'Halden Water' } });
analytics.alias({ previousId: 'anna', userId: 'u-7' });
analytics.closeAndFlush();
"""


def stored(service: Service, site: Keys) -> list[tuple[str, str, str, str, Any]]:
    """Visitor, type, name, url and properties of all that has come, in no order."""
    columns = (visitors.c.key, events.c.kind, events.c.name, events.c.url, events.c.properties)
    query = select(*columns).join(visitors, visitors.c.id == events.c.visitor_id).where(visitors.c.site_id == site.id)
    with service.resources.database.reading() as connection:
        return sorted((*row[:4], json.loads(row[4]) if row[4] else None) for row in connection.execute(query))


EXPECTED = [
    ("anna", "group", "", "", {"name": "Halden Water", "group_id": "halden"}),
    ("anna", "identify", "", "", {"email": "anna@halden.example", "name": "Anna Berg"}),
    ("anna", "page", "", "https://www.nordwind.example/pricing", None),
    ("anna", "track", "Quote Requested", "", {"amount": 3}),
    ("user:u-7", "alias", "", "", {"previous_id": "anna"}),
]


@pytest.mark.parametrize("key", ["write_key", "server_key"])
@pytest.mark.parametrize("compressed", [True, False], ids=["gzip", "plain"])
def test_the_python_library_reports_every_kind_of_call(service: Service, site: Keys, key: str, compressed: bool) -> None:
    failures: list[tuple[Any, Any]] = []
    client = Client(
        getattr(site, key),
        host=service.url,
        gzip=compressed,
        on_error=lambda error, items: failures.append((error, items)),
        upload_interval=0.05,
        max_retries=1,
    )
    client.page("u-7", name="Pricing", properties={"url": "https://www.nordwind.example/pricing"}, anonymous_id="anna")
    client.track("u-7", "Quote Requested", {"amount": 3}, anonymous_id="anna")
    client.identify("u-7", {"email": "anna@halden.example", "name": "Anna Berg"}, anonymous_id="anna")
    client.group("u-7", "halden", {"name": "Halden Water"}, anonymous_id="anna")
    client.alias("anna", "u-7")
    client.flush()
    client.shutdown()
    assert failures == []
    account = service.processed().sites[site.name]
    assert (account.received, account.stored) == (5, 5)
    assert stored(service, site) == EXPECTED
    lead = next(one for one in service.get("/leads", site.api_key)["data"] if one["kind"] == "person")
    assert (lead["name"], lead["email"]) == ("Anna Berg", "anna@halden.example")
    assert {reason["rule"] for reason in lead["reasons"]} >= {"request", "pricing"}


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """Where Node finds the library; fetched once a machine, since it is no part of this project."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        give_up("no npm or no node: Segment's library for Node.js isn't tried")
    folder = Path(tempfile.gettempdir()) / f"warmtrail-tests-{os.getuid()}" / NODE_SDK.replace("/", "-")
    if not (folder / "node_modules").exists():
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", fresh, NODE_SDK]
            done = subprocess.run(command, capture_output=True, text=True, timeout=240)
            if done.returncode:
                give_up(f"npm could not fetch {NODE_SDK}: {done.stderr.strip()[-300:]}")
            folder.mkdir(exist_ok=True)
            (Path(fresh) / "node_modules").rename(folder / "node_modules")
    return folder


@pytest.mark.parametrize("key", ["write_key", "server_key"])
def test_the_node_library_reports_every_kind_of_call(service: Service, site: Keys, node_modules: Path, key: str) -> None:
    environ = {**os.environ, "KEY": getattr(site, key), "URL": service.url}
    done = subprocess.run(["node", "-e", CALLS], cwd=node_modules, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    account = service.processed().sites[site.name]
    assert (account.received, account.stored) == (5, 5)
    assert stored(service, site) == EXPECTED
