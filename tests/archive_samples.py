"""A site whose events came day by day, with an archive of them, for the tests of archive and engines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import redis

from scorer.archive import keeping
from scorer.archive.keeping import Done
from scorer.archive.places import Place
from scorer.engines.folding import DONE, Piece, first_round, second_round
from scorer.engines.tasks import Task
from scorer.models import lead_scores
from scorer.resources import Resources
from scorer.scoring import score_visitors
from scorer.whole_history import WholeHistory
from tests.factories import DAY, NOW, Event, World
from tests.scorer.test_simulating import crowd
from tracker.batch import process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.db import Database
from tracker.settings import Settings
from tracker.sites import Site, load_sites

PARTITIONS = 3
EVERY = 4
"""Days after which something is received, since each day that is over costs a file."""


class Here:
    """An engine in this process."""

    def run(self, tasks: tuple[Task, ...]) -> Iterator[tuple[str, bytes]]:
        buckets: dict[int, list[Piece]] = {}
        for task in tasks:
            for piece in first_round(task):
                if piece.browser == DONE:
                    yield piece.lead, piece.content
                else:
                    buckets.setdefault(piece.bucket, []).append(piece)
        for pieces in buckets.values():
            yield from second_round(tasks[0], pieces)


class Archived:
    """A world with some people in it, received when it happened, and an archive."""

    def __init__(self, database_url: str, redis_url: str, url: str, *, people: int = 40, back: int = 120) -> None:
        self.world = World(database_url)
        self.url, self.redis_url = url, redis_url
        self.settings = Settings(database_url=database_url, archive_partitions=PARTITIONS)
        self.receive(crowd(7, people), NOW // DAY - back)

    @property
    def place(self) -> Place:
        return Place(self.url)

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def site(self) -> Site:
        with self.database.reading() as connection:
            return load_sites(connection)[self.world.nordwind.id]

    @property
    def history(self) -> WholeHistory:
        return WholeHistory(self.place, Here())

    def receive(self, events: list[Event], since: int) -> None:
        """Let the events from a day on be received within some days of when they happened."""
        by_day: dict[int, list[Event]] = {}
        for event in events:
            day = int(datetime.fromisoformat(str(event["timestamp"])).timestamp() * 1000) // DAY
            if day >= since:
                by_day.setdefault(min(day + -day % EVERY, NOW // DAY), []).append(event)
        for day in sorted(by_day):
            self.world.now = min((day + 1) * DAY - 1, NOW)
            self.world.feed(by_day[day])

    def replay(self, event: Event, received_at: int) -> None:
        """Process now what was received long ago."""
        site_id = self.world.nordwind.id
        body = read_body(msgspec.json.encode({"batch": [event]}), is_batch=True)
        admission = admit(body, None, Caller(site_id, True, OLDEST_MS), received_at)
        packed = split(admission, site_id, received_at, RequestInfo(trusted=True), 16)
        entries = [(partition, f"{NOW + DAY}-0", entry) for partition, _, entry in packed]
        process_surely(self.database, entries, score_visitors, now_ms=NOW)

    def keep(self, now: int = NOW, place: Place | None = None, **settings: int) -> Done:
        values = {"database_url": self.settings.database_url, "archive_partitions": PARTITIONS, **settings}
        resources = Resources(Settings(**values), self.redis_url)  # type: ignore[arg-type]
        try:
            return keeping.keep(resources, place or self.place, now)
        finally:
            resources.close()

    def status(self) -> keeping.Status:
        resources = Resources(self.settings, self.redis_url)
        try:
            return keeping.status(resources, self.place)
        finally:
            resources.close()

    def scores(self) -> dict[str, tuple[float, bytes]]:
        """Heat and state of each lead."""
        with self.database.reading() as connection:
            return {row.lead_id: (row.heat, bytes(row.state)) for row in connection.execute(lead_scores.select())}

    def forget_scores(self) -> None:
        """Spoil what is stored of the scores, that what is folded anew is seen."""
        with self.database.writing() as connection:
            connection.execute(lead_scores.update().values(heat=0.5, state=b""))

    def stream(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
