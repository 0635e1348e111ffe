"""Umami as a peer: its Next.js server as its own image starts it, on PostgreSQL."""

from __future__ import annotations

import json
import shutil
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from bench.peers_systems import SERVER_CORE, Absent, Running, Stores, System, database_address, free_port, given, libpq
from bench.processes import running

VARIABLE: Final = "WARMTRAIL_BENCH_UMAMI"
COMMIT: Final = "c0ea3aefbee7a3429ee2f824b06dc4a9dbe0b7e1"
HOW: Final = (
    f"Umami: `--umami FOLDER`, a checkout of github.com/umami-software/umami (measured at {COMMIT[:8]}), built as its own "
    "Dockerfile does, so that `FOLDER/.next/standalone/server.js` is there; needs Node.js."
)
_WEBSITE: Final = uuid.UUID("00000000-0000-4000-8000-000000000007")
_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)


def systems() -> list[System]:
    """Return Umami. Raises ``Absent``."""
    folder = given(VARIABLE, (".next/standalone/server.js", "prisma/migrations"), HOW)
    node = shutil.which("node")
    if node is None:
        raise Absent(HOW)

    @contextmanager
    def start(found: Stores, _: Path) -> Iterator[Running]:
        port = free_port()
        _migrate(found, folder / "prisma/migrations")
        environ = {
            "DATABASE_URL": database_address(found.database),
            "PORT": str(port),
            "HOSTNAME": "127.0.0.1",
            "NODE_ENV": "production",
            "APP_SECRET": "bench",
            "DISABLE_TELEMETRY": "1",
        }
        command = [node, str(folder / ".next/standalone/server.js")]
        with running(command, SERVER_CORE, f"http://127.0.0.1:{port}/api/heartbeat", environ) as leader:
            load = {"PEER": "umami", "PEER_PATH": "/api/send", "PEER_SITE": str(_WEBSITE)}
            count = "SELECT count(*) FROM website_event"
            yield Running(port, load, [leader], lambda: found.count(count), first=lambda: _first(port))

    # Its engine compiles what runs often: 2 s would judge it cold.
    return [System("Umami, the tracker's cache header", start, warm_seconds=15)]


def _migrate(found: Stores, migrations: Path) -> None:
    with psycopg.connect(libpq(found.database), autocommit=True) as connection:
        for script in sorted(migrations.glob("*/migration.sql")):
            connection.execute(script.read_text(encoding="utf-8"))  # type: ignore[call-overload]
        insert = "INSERT INTO website (website_id, name, domain) VALUES (%s, 'bench', 'shop.example.com')"
        connection.execute(insert, [_WEBSITE])


def _first(port: int) -> Mapping[str, str]:
    """Send a page view as the tracker does, and return the token that it would send with all later ones."""
    page = {"website": str(_WEBSITE), "hostname": "shop.example.com", "url": "https://shop.example.com/", "title": "Start"}
    body = json.dumps({"type": "event", "payload": {**page, "language": "en-GB", "screen": "1536x864", "referrer": ""}})
    headers = {"Content-Type": "application/json", "User-Agent": _AGENT}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/send", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {"PEER_TOKEN": json.load(answer)["cache"]}
