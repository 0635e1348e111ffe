"""Three schedulers, a thousand readers, a week in which the clocks change, and ``kill -9``: nobody gets a digest twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import insert, select

from scorer.core.digest_weeks import next_due
from scorer.core.segment_reading import parse
from scorer.digesting import send_due
from scorer.digests import Digest
from scorer.mail.digest_mail import Sender
from scorer.mailing import Mailer
from scorer.outlet_models import digest_mails, digests
from scorer.segments import add_segment
from tests.factories import DAY, HOUR, World, buyer
from tests.mail_server import Kept, mail_server
from tracker.db import Database
from tracker.settings import Settings

READERS, SCHEDULERS, KILLS = 1000, 3, 5
THURSDAY = int(datetime(2026, 10, 22, 10, 30, tzinfo=UTC).timestamp() * 1000)
"""Of the week in which the clocks of Europe go back; New York's do a week later."""
ZONES = ("Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "UTC")


def schedule(url: str, port: int) -> None:
    """A scheduler: looks for what is due, every two hours from Sunday to Saturday."""
    database = Database(url)
    with Mailer(Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_from="leads@example.com")) as mailer:
        for now in range(THURSDAY + 3 * DAY, THURSDAY + 9 * DAY, 2 * HOUR):
            send_due(database, mailer, Sender("https://leads.example.com", b"secret"), lambda now=now: now)  # type: ignore[misc]
    database.close()


def subscribe_many(world: World) -> None:
    """Half of them to a segment that nobody is in; in six zones, on Monday or Friday."""
    chance, readers = random.Random(7), []
    for number in range(READERS):
        reader = Digest(
            id=f"dg_{number:016x}",
            site_id=world.nordwind.id,
            email=f"reader{number}@nordwind.example",
            name="",
            segment=("", "Nobody")[number % 2],
            language=("en", "zh")[number % 2],
            time_zone=chance.choice(ZONES),
            weekday=chance.choice((0, 4)),
            hour=8,
            created_at=THURSDAY,
            next_at=None,
            unsubscribed_at=None,
        )
        due = next_due(THURSDAY + 3 * DAY, reader.weekday, reader.hour, reader.zone)
        readers.append({name: getattr(reader, name) for name in reader.__struct_fields__} | {"next_at": due})
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Nobody", parse({"field": "industry", "is": "None"}), THURSDAY)
        connection.execute(insert(digests), readers)


def test_each_reader_gets_nothing_or_one_mail_and_the_ledger_knows(database_url: str) -> None:
    world, kept, chance = World(database_url), Kept(), random.Random(11)
    world.now = THURSDAY
    world.feed(buyer("ada", THURSDAY, name="Ada Halden", email="ada@halden.example"))
    subscribe_many(world)
    world.database.close()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.scorer.test_digest_kills"])
    until = time.monotonic() + 120
    with mail_server(kept) as port:
        running = [context.Process(target=schedule, args=(database_url, port)) for _ in range(SCHEDULERS)]
        for process in running:
            process.start()
        for kill in range(1, KILLS + 1):
            while len(kept.contents) < kill * READERS // 2 // (KILLS + 1):
                assert time.monotonic() < until, f"only {len(kept.contents)} mails arrived"
                time.sleep(0.01)
            victim = chance.randrange(SCHEDULERS)
            os.kill(running[victim].pid or 0, signal.SIGKILL)
            running[victim].join()
            running[victim] = context.Process(target=schedule, args=(database_url, port))
            running[victim].start()
        for process in running:
            process.join()
            assert process.exitcode == 0
    database = Database(database_url)
    with database.reading() as connection:
        rows = connection.execute(select(digest_mails)).all()
    database.close()
    arrived = Counter(kept.ids)
    states = Counter(row.state for row in rows)
    assert set(arrived.values()) == {1}, "nobody got two"
    assert len({row.digest_id for row in rows}) == len(rows) == READERS, "each has one week, recorded once"
    assert states["sent"] + states["empty"] + states["claimed"] == READERS
    assert states["claimed"] <= KILLS, "a kill leaves at most one of which nobody knows"
    sent = {row.message_id for row in rows if row.state == "sent"}
    assert sent <= arrived.keys() <= sent | {row.message_id for row in rows if row.state == "claimed"}
    assert {row.period for row in rows} == {"2026-10-19"}
