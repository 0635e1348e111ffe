"""Try scorecards that people are working on, in a process of its own: ``python -m scorer.draft_trials``.

A trial folds thousands of histories. In the worker that cron asks for ``sweep`` and the like it would hold these up for as
long. The process tries what is asked for, one after the other, stays a while for the next draft of somebody who is at it,
and ends. Killed, it leaves the drafts that wait to the next one; ``jobs.try_drafts`` begins it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import redis

from scorer.draft_cards import next_asked, try_draft
from scorer.resources import Resources, now_ms
from tracker.db import Database
from tracker.embedded import url_if_running
from tracker.log import configure_logging, get_logger
from tracker.settings import read_settings

STAYS_SECONDS: Final = 30
"""How long the process waits for another draft before it ends."""
LONGEST_SECONDS: Final = 300
"""For one draft."""
_LOOKS_SECONDS: Final = 2.0
"""Between two looks whether whoever began this process is still there."""

log = get_logger(__name__)


def run(
    database: Database,
    client: redis.Redis,
    clock: Callable[[], int],
    *,
    stays_seconds: float = STAYS_SECONDS,
    longest_seconds: float = LONGEST_SECONDS,
    orphaned: Callable[[], bool] = lambda: False,
) -> int:
    """Try drafts until none has been asked for in *stays_seconds*, or the process is *orphaned*; return how many were tried.

    What goes wrong with one is told to whoever asked, and the next one is tried. For the main thread: the time limit is a
    signal.
    """
    tried, waited = 0, 0.0
    while waited < stays_seconds and not orphaned():
        wait = min(_LOOKS_SECONDS, stays_seconds)
        token = next_asked(client, wait)
        if token is None:
            waited += wait
            continue
        waited = 0.0
        tried += 1
        try:
            with _limited(longest_seconds):
                try_draft(database, client, token, clock())
        except Exception as error:
            log.exception("draft_failed", error=type(error).__name__)
    return tried


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise ``TimeoutError`` in the block after so many seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    """Try what is asked for, with the settings of the environment."""
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text")
    os.nice(5)
    url, parent = settings.redis_url or url_if_running(settings.data_dir), os.getppid()
    if url is None:
        return  # The service has ended.
    here = Resources(settings, url)
    try:
        run(here.database, here.control, now_ms, orphaned=lambda: os.getppid() != parent)
    finally:
        here.close()


if __name__ == "__main__":
    main()
