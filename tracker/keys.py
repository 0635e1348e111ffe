"""The keys of all sites, kept in memory so that the collector asks the database once in a while, not once a request."""

from __future__ import annotations

import threading
import time
from typing import Final

from sqlalchemy import select

from tracker.collect import KnownKey
from tracker.core.addresses import read_network
from tracker.db import Database
from tracker.models import sites
from tracker.sites import hash_key, read_settings

REFRESH_SECONDS: Final = 0.9
"""Age at which the table is read again. Who watches looks once a second, so a changed setting is known after about one;
a read takes a millisecond for a hundred sites."""
UNKNOWN_SECONDS: Final = 1.0
"""An unknown key may be one just made; it is looked up at most this often."""


class SiteKeys:
    """A ``KeyRing`` that reads the ``sites`` table. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._write_keys: dict[str, KnownKey] = {}
        self._server_keys: dict[str, KnownKey] = {}
        self._read_at = self._begun_at = -REFRESH_SECONDS
        self._lock = threading.Lock()

    def find(self, key: str) -> KnownKey | None:
        """Return what *key* opens; ``None`` if nothing."""
        # The stored form of a server key must open nothing: whoever reads the database has it.
        return self._server_keys.get(hash_key(key)) if key.startswith("sk_") else self._write_keys.get(key)

    @property
    def is_stale(self) -> bool:
        """Whether it is time to refresh."""
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    @property
    def seconds_to_refresh(self) -> float:
        """How long an unknown key has to wait until it may be looked up; 0 for not at all."""
        return max(0.0, UNKNOWN_SECONDS - (time.monotonic() - self._read_at))

    def refresh(self) -> None:
        """Read the table again. What was known stays known when the database is away."""
        asked_at = time.monotonic()
        with self._lock:
            if self._begun_at >= asked_at:
                return  # Another thread has read it while we waited.
            self._begun_at = time.monotonic()
            try:
                self._read()
            finally:
                # Also after a failure: a database that is away is not to be asked with every request.
                self._read_at = time.monotonic()

    def _read(self) -> None:
        write_keys: dict[str, KnownKey] = {}
        server_keys: dict[str, KnownKey] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(sites)):
                settings = read_settings(row.settings)
                networks = tuple(read_network(text) for text in settings.own_networks)
                write_keys[row.write_key] = KnownKey(row.id, False, settings, networks)
                server_keys[row.server_key_hash] = KnownKey(row.id, True, settings, networks)
        self._write_keys, self._server_keys = write_keys, server_keys
