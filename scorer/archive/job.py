"""``python -m scorer.archive.job``: what cron has done of the archive, in a process of its own, since the first
run may take hours.

It uses the settings of the environment. Killed at any instant, the next run goes on.
"""

from __future__ import annotations

import os
import sys

import msgspec

from scorer.archive.places import ArchiveError, Place, shown
from scorer.resources import Resources, now_ms
from tracker.embedded import url_if_running
from tracker.log import configure_logging, get_logger
from tracker.settings import read_settings

log = get_logger(__name__)


def main() -> int:
    """Bring the archive of the settings up to date; return the exit code."""
    settings = read_settings()
    configure_logging("json" if settings.log_format == "json" else "text")
    os.nice(10)
    url = settings.redis_url or url_if_running(settings.data_dir)
    if url is None or settings.archive_url is None:
        return 1  # The service is stopping, or was started with other settings.
    resources = Resources(settings, url)
    try:
        place = Place(settings.archive_url)
        from scorer.archive.keeping import Busy, keep  # not above: it needs the extra, and Place says so

        try:
            done = keep(resources, place, now_ms())
        except Busy:
            return 0
    except (ArchiveError, OSError) as error:
        # What the place says of itself may name secrets of its address; what this program says doesn't.
        why = str(error) if isinstance(error, ArchiveError) else type(error).__name__
        log.error("archive_failed", archive=shown(settings.archive_url), error=why)
        return 1
    finally:
        resources.close()
    if done != msgspec.structs.replace(done, days=0, events=0, erased_events=0, cut_off_days=0):
        log.info("archived", **msgspec.structs.asdict(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
