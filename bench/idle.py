"""An idle day: what cron's jobs read and write of a million leads on a day on which nothing happens."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

from rq import Queue
from sqlalchemy import event, text

from bench.databases import database, kinds
from bench.query_data import fill_site
from bench.report import Section
from scorer import jobs
from scorer.core.decay import DAY_MS
from scorer.resources import Resources, now_ms
from scorer.schedule import DAILY, TIMETABLE
from tracker import queue
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.settings import Settings
from tracker.sites import SiteSettings, change_site

LEADS = 1_000_000
WATCHED = ("visitors", "visits", "events", "leads", "lead_visitors", "lead_scores", "lead_changes")
"""Tables that grow with the visitors and with what they do."""
WEEKLY = "learn_all"
"""Training once a week looks back over what has become of leads as time went by: it isn't part of every day."""
STEP = 1000
"""Steps of SQLite's machine that are counted at once."""


def run(smoke: bool) -> Section:
    """Measure an idle day."""
    count = 1_000 if smoke else LEADS
    section = Section(
        "idle",
        f"An idle day with {count:,} leads",
        "Every job of cron's timetable on the second of two simulated days on which nothing comes in: those that run every "
        "few seconds once an hour (each further run is like these), the daily ones at their turn, without the weekly "
        "training and draw of exploratory leads. "
        "Rows read and full scans: PostgreSQL's own counts of tuples and index entries, of the tables that grow with the "
        "visitors; steps: instructions of SQLite's machine. What a day reads must not grow with the leads.",
        ("database", "rows written", "rows read", "steps", "full scans", "CPU s", "most by"),
    )
    for kind in kinds():
        with database(kind) as made:
            with made.writing() as connection:
                change_site(connection, 1, SiteSettings(explore_percent=0))
            fill_site(made, count)
            with idle_jobs(made, 1 if smoke else 24) as run_day:
                run_day(1, Meter(made))
                meter = Meter(made)
                cpu = time.process_time()
                run_day(2, meter)
                used = time.process_time() - cpu
        section.rows.append(
            (
                kind,
                f"{meter.written:,}",
                f"{meter.read:,}" if kind == "PostgreSQL" else "",
                f"{meter.read:,}" if kind == "SQLite" else "",
                f"{meter.scans:,}" if kind == "PostgreSQL" else "",
                f"{used:,.1f}",
                max(meter.by_job, key=lambda name: meter.by_job[name]),
            )
        )
    return section


class Meter:
    """Counts what jobs read and write of the tables that grow."""

    def __init__(self, made: Database) -> None:
        self._database = made
        self._steps = self._changed = 0
        self.by_job: dict[str, int] = {}
        self.read = 0
        """Rows and index entries, or steps of SQLite's machine."""
        self.written = 0
        self.scans = 0
        """Of whole tables; PostgreSQL only."""
        if made.is_sqlite:
            made.close()
            event.listen(made.engine, "connect", self._count_steps)
            event.listen(made.engine, "after_cursor_execute", self._count_changes)

    def measure(self, name: str, job: Callable[[], None]) -> None:
        """Run a job and add what it has done."""
        before = self._figures()
        job()
        read, written, scans = (after - one for one, after in zip(before, self._figures(), strict=True))
        self.by_job[name] = self.by_job.get(name, 0) + read
        self.read += read
        self.written += written
        self.scans += scans

    def _figures(self) -> tuple[int, int, int]:
        if self._database.is_sqlite:
            return self._steps, self._changed, 0
        self._database.close()  # A connection tells of what it has done when it ends, if not before.
        with self._database.reading() as connection:
            told = connection.execute(text(_FIGURES), {"names": list(WATCHED)}).one()
        return int(told.read), int(told.written), int(told.scans)

    def _count_steps(self, dbapi_connection: Any, record: Any) -> None:
        def steps() -> int:
            self._steps += STEP
            return 0

        dbapi_connection.set_progress_handler(steps, STEP)

    def _count_changes(
        self, connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if re.match(rf"(INSERT INTO|UPDATE|DELETE FROM) ({'|'.join(WATCHED)})\b", statement):
            self._changed += max(0, cursor.rowcount)


_FIGURES: Final = """
SELECT sum(seq_tup_read + coalesce((SELECT sum(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0))
           AS read,
       sum(n_tup_ins + n_tup_upd + n_tup_del) AS written, sum(seq_scan) AS scans
FROM pg_stat_user_tables t WHERE relname = ANY(:names)
"""


@contextmanager
def idle_jobs(made: Database, times_a_day: int = 24) -> Iterator[Callable[[int, Meter], None]]:
    """Yield what runs cron's jobs on a day, the first being today, on this database, and what they enqueue in turn; those
    that run every few seconds so many times."""
    began = now_ms()
    with tempfile.TemporaryDirectory(prefix="warmtrail-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        settings = Settings(data_dir=Path(folder), database_url=made.engine.url.render_as_string(hide_password=False))
        here = Resources(settings, server.start())
        here.database.close()
        here.database = made
        clock = mock.Mock(return_value=began)

        def run_day(day: int, meter: Meter) -> None:
            for turn in range(times_a_day):
                clock.return_value = began + (day - 1) * DAY_MS + turn * DAY_MS // times_a_day
                for job, _ in TIMETABLE:
                    meter.measure(job.__name__, job)
            for daily, _ in DAILY:
                if daily.__name__ != WEEKLY:
                    meter.measure(daily.__name__, daily)
                while asked := next(iter(Queue(queue.CARE_QUEUE, connection=here.control).jobs), None):
                    meter.measure(str(asked.func_name), partial(asked.func, *asked.args))
                    asked.delete()

        try:
            with mock.patch.object(jobs, "resources", return_value=here), mock.patch.object(jobs, "now_ms", clock):
                yield run_day
        finally:
            here.control.close()
            server.stop()
