"""A replica of the PostgreSQL database: it answers reads while it is there, young enough, and has what the asker did.

How old it is, is measured: once a second the primary is asked how far its log has got, and the replica how far it has
replayed it. All that was committed before a moment at which the primary stood where the replica stands now is there. No
clocks are compared, and a replica that has lost its primary is old by the time that has passed since.

Whoever has written reads from the primary for as long as the replica may lag behind, and a little longer.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from tracker.db import Database
from tracker.log import get_logger

LOOK_SECONDS: Final = 1.0
"""Between two looks at how old the replica is."""
AWAY_SECONDS: Final = 5.0
"""For which a replica that failed is left alone."""
CONNECT_SECONDS: Final = 2
_WROTE: Final = "warmtrail:wrote:"
_CONFLICT: Final = "40001"
"""SQLSTATE of a query that was cancelled because replaying couldn't wait for it."""
Answer = TypeVar("Answer")
log = get_logger(__name__)


class Replica:
    """Reads from a replica where that is right. Used by several threads at once."""

    def __init__(self, primary: Database, replica: Database, lag_seconds: float, shared: redis.Redis | None = None) -> None:
        """*lag_seconds* is how old what is read may be; *shared* is where all processes know of who has written."""
        self._primary = primary
        self._replica = replica
        self._lag_seconds = lag_seconds
        self._shared = shared
        self._looking = threading.Lock()
        self._good_until = -math.inf
        self._look_at = -math.inf
        self._marks: deque[tuple[float, int]] = deque(maxlen=math.ceil(lag_seconds / LOOK_SECONDS) + 2)
        """When the primary's log had got how far, one a look."""
        self._wrote: dict[str, float] = {}

    def serves(self, who: str) -> bool:
        """Whether somebody may be answered from the replica now."""
        return self._is_young() and not self._has_written(who)

    def wrote(self, who: str) -> None:
        """Note that somebody has written; to be called after the commit."""
        seconds = self._lag_seconds + 2 * LOOK_SECONDS
        now = time.monotonic()
        self._wrote = {one: until for one, until in self._wrote.items() if until > now} | {who: now + seconds}
        if self._shared is not None:
            with suppress(redis.RedisError):  # Without it, this process at least knows.
                self._shared.set(_WROTE + who, b"1", px=round(seconds * 1000))

    def read(self, ask: Callable[[Database], Answer]) -> Answer:
        """Return what *ask* finds in the replica, or where that fails, in the primary: then it is called twice."""
        try:
            return ask(self._replica)
        except (OperationalError, InterfaceError) as error:
            conflict = getattr(error.orig, "sqlstate", None) == _CONFLICT
            log.warning("replica_failed", conflict=conflict, error=type(error.orig).__name__)
            if not conflict:
                self._leave_alone()
        return ask(self._primary)

    def close(self) -> None:
        """Close the connections to the replica."""
        self._replica.close()

    def _has_written(self, who: str) -> bool:
        if self._wrote.get(who, -math.inf) > time.monotonic():
            return True
        if self._shared is None:
            return False
        try:
            return bool(self._shared.exists(_WROTE + who))
        except redis.RedisError:
            return True  # Nobody knows.

    def _is_young(self) -> bool:
        now = time.monotonic()
        # One thread looks; the others go by what was found before, for as long as that holds.
        if now >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look(now)
            finally:
                self._looking.release()
        return time.monotonic() < self._good_until

    def _look(self, now: float) -> None:
        try:
            with self._primary.reading() as connection:
                self._marks.append((now, connection.execute(_WRITTEN).scalar_one()))
            with self._replica.reading() as connection:
                replayed = connection.execute(_REPLAYED).scalar_one()
        except DBAPIError as error:
            log.warning("replica_away", error=type(error.orig).__name__)
            self._leave_alone()
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        if replayed is None:
            log.warning("replica_is_none")
            self._good_until = -math.inf
            return
        complete = [at for at, written in self._marks if written <= replayed]
        self._good_until = max(complete, default=-math.inf) + self._lag_seconds

    def _leave_alone(self) -> None:
        self._good_until = -math.inf
        self._look_at = time.monotonic() + AWAY_SECONDS


# Where the next record goes. Of a page with nothing but its header (24 bytes, 40 on the first of a file) the beginning:
# that is as far as a replica comes until there is something on it.
_WRITTEN: Final = text(
    "SELECT CASE WHEN place % page IN (24, 40) THEN place - place % page ELSE place END FROM ("
    "SELECT CAST(pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bigint) AS place, "
    "CAST(current_setting('wal_block_size') AS bigint) AS page) AS log"
)
_REPLAYED: Final = text(
    "SELECT CASE WHEN pg_is_in_recovery() THEN CAST(pg_last_wal_replay_lsn() - '0/0'::pg_lsn AS bigint) END"
)
