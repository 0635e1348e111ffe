"""Keep an archive: write the days that are over, forget whom it has to forget, cut off what is too old."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec
import redis
from redis.exceptions import LockError

from scorer.archive import cleaning, days, erasures, ledger, runs, writing
from scorer.archive.days import Held, Index
from scorer.archive.places import ArchiveError, Place
from scorer.archive.writing import Tell
from scorer.core.decay import DAY_MS
from scorer.resources import Resources
from tracker.settings import Settings

_LOCK: Final = "warmtrail:archive"
_LOCKED_SECONDS: Final = 300
"""A file takes seconds; who holds the lock says so after each."""


class Busy(ArchiveError):
    """Another process is at work on the archive."""

    def __init__(self) -> None:
        super().__init__("Another process is at work on the archive.", "另一进程正在处理归档。")


class Done(msgspec.Struct, frozen=True):
    """What a run has done."""

    days: int
    """Written for the first time."""
    events: int
    """In these days, and those that came late for others."""
    erased_events: int
    cut_off_days: int
    waits_for_queue: bool
    """Whether days that are over wait for events that haven't been processed yet."""


class Status(msgspec.Struct, frozen=True):
    """What there is."""

    days: int
    first: str | None
    last: str | None
    """Dates (UTC); ``None`` without any days."""
    events: int
    files: int
    bytes: int
    partitions: int
    erasures_waiting: int
    """Visitors who were erased and may still be in it."""


def keep(resources: Resources, place: Place, now_ms: int, tell: Tell = lambda done, of: None) -> Done:
    """Bring the archive up to date. Run by cron; cut off at any instant, the next run goes on. Raises ``Busy``."""
    settings, database = resources.settings, resources.database
    with _alone(resources.control) as go_on:

        def told(done: int, of: int) -> None:
            go_on()
            tell(done, of)

        with database.reading() as connection:
            as_of = ledger.processed_until(connection, resources.streams, settings.partitions, now_ms)
        held = days.find(place) or Held(days.begin(place, settings.archive_partitions), {})
        runs.clear(place, now_ms)
        wanted = _missing(resources, held, as_of)
        events = writing.write_days(database, place, held, wanted, as_of, told)
        held = days.find(place) or held
        with database.reading() as connection:
            late = runs.late_days(connection, place, held, as_of)
        for day, word in late.items():
            events += writing.complete_day(database, place, held, day, word, as_of)
            go_on()
        held = days.find(place) or held
        cut = cleaning.cut_off(place, held, days.day_number(now_ms - kept_days(settings) * DAY_MS))
        held = days.find(place) or held
        # Last: whoever was erased while days were written was asked for before, or is by the next run.
        with database.reading() as connection:
            some = erasures.waiting(connection)
        erased = cleaning.erase(place, held, some) if some else 0
        go_on()
        with database.writing() as connection:
            erasures.done(connection, some)
    over = days.day_number(now_ms - ledger.CLOCKS_APART_MS) > days.day_number(as_of)
    return Done(len(wanted), events, erased, cut, over)


def status(resources: Resources, place: Place) -> Status:
    """Return what an archive holds. Reads the word of each day."""
    with resources.database.reading() as connection:
        waiting = erasures.count_waiting(connection)
    held = days.find(place) or Held(Index(0, 0), {})
    words = days.read_words(place, held.days)
    sizes = [size for files in held.days.values() for size in files.values()]
    first, last = min(held.days, default=None), held.last
    return Status(
        days=len(words),
        first=None if first is None else days.day_name(first),
        last=None if last is None else days.day_name(last),
        events=sum(word.rows for word in words.values()),
        files=len(sizes),
        bytes=sum(sizes),
        partitions=held.index.partitions,
        erasures_waiting=waiting,
    )


def kept_days(settings: Settings) -> int:
    """Return for how many days the archive keeps events."""
    return settings.archive_retention_days or settings.retention_days


def _missing(resources: Resources, held: Held, as_of: int) -> list[int]:
    """Days that are over and not written yet."""
    last = held.last
    if last is None:
        with resources.database.reading() as connection:
            first = ledger.first_received(connection)
        if first is None:
            return []
        begin = max(days.day_number(first), held.index.cut_off)
    else:
        begin = last + 1
    return list(range(begin, days.day_number(as_of)))


@contextmanager
def _alone(client: redis.Redis) -> Iterator[Callable[[], None]]:
    """Hold the lock on the archive, and yield what says that it is still needed."""
    lock = client.lock(_LOCK, timeout=_LOCKED_SECONDS, blocking=False)
    if not lock.acquire(token=secrets.token_hex(16)):
        raise Busy
    try:
        yield lock.reacquire
    finally:
        with suppress(LockError):  # its time was up
            lock.release()
