"""The archive of raw events: each day once, whatever happens, nobody in it who was erased, and folded as the database is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import redis
from sqlalchemy import insert, select

from scorer import rescoring
from scorer.archive import days
from scorer.archive.keeping import Busy, Done
from scorer.archive.keys import key_hash
from scorer.archive.ledger import END_OF_TIME
from scorer.archive.places import ArchiveError, Place, shown
from scorer.data_subjects import Asked, NobodyFound
from scorer.erasing import erase
from scorer.learning.reading import read_snapshots
from scorer.rescoring import score_all
from scorer.retention import forget_old
from scorer.simulating import simulate
from tests.archive_samples import PARTITIONS, Archived, files_of
from tests.factories import DAY, HOUR, MINUTE, NOW, page
from tests.scorer.test_simulating import with_points
from tracker import queue, store
from tracker.models import dead_letters, events, visitors
from tracker.progress import save_positions

BODY = with_points("pricing", 40)
TODAY = NOW // DAY


@pytest.fixture
def archived(migrated_sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Archived]:
    made = Archived(migrated_sqlite_url, redis_url, str(tmp_path / "archive"), back=60)
    yield made
    made.database.close()


def ledger(archived: Archived, until: int = TODAY * DAY) -> set[tuple[int, bytes]]:
    """Visitors and messages of what was received before a time."""
    with archived.database.reading() as connection:
        rows = connection.execute(events.select().where(events.c.received_at < until))
        return {(row.visitor_id, bytes(row.message_id)) for row in rows}


def rows_of(archived: Archived) -> list[dict[str, Any]]:
    """All rows of the archive."""
    files = sorted(Path(archived.url).rglob("part-*.parquet"))
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def in_archive(archived: Archived) -> list[tuple[int, bytes]]:
    return [(row["visitor_id"], row["message_id"]) for row in rows_of(archived)]


def written(folder: Path) -> set[tuple[str, int]]:
    """The files that are there now, by name and number: somebody writes them, and replaces some, meanwhile."""
    found = set()
    for where, _, names in os.walk(folder):
        for path in (Path(where) / name for name in names):
            with suppress(FileNotFoundError):
                found.add((str(path), path.stat().st_ino))
    return found


def test_each_day_that_is_over_is_archived_once(database_url: str, redis_url: str, tmp_path: Path) -> None:
    archived = Archived(database_url, redis_url, str(tmp_path / "archive"), back=60)
    expected = ledger(archived)
    done = archived.keep()
    assert done.events == len(expected) > 200
    assert sorted(in_archive(archived)) == sorted(expected), "each once"
    before = files_of(tmp_path / "archive")
    assert archived.keep() == Done(0, 0, 0, 0, waits_for_queue=False)
    assert files_of(tmp_path / "archive") == before
    found = archived.status()
    assert (found.last, found.events, found.partitions) == ("2026-11-18", len(expected), PARTITIONS)
    assert found.bytes == sum(len(body) for name, body in before.items() if name.endswith(".parquet"))
    for path in tmp_path.rglob("part-*"):
        numbers = {row["visitor_id"] % PARTITIONS for row in pq.ParquetFile(path).read().to_pylist()}
        assert numbers == {days.partition_of_file(path.name)}
    archived.keep(NOW + DAY)
    assert sorted(in_archive(archived)) == sorted(ledger(archived, (TODAY + 1) * DAY)), "and the next day's"
    archived.database.close()


def test_what_was_cut_off_is_made_whole(archived: Archived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(BaseException):
        """As kill -9 between two files."""

    put, puts = Place.put, 0

    def counted(place: Place, name: str, content: Any) -> None:
        nonlocal puts
        puts += 1
        if puts in (3, 30, 60, 65):
            Path(place._path(name)).parent.mkdir(parents=True, exist_ok=True)
            Path(place._path(name)).with_name(".unfinished-1-x").write_bytes(b"PAR1 half")
            raise Cut
        put(place, name, content)

    monkeypatch.setattr(Place, "put", counted)
    cuts = 0
    while True:
        try:
            archived.keep()
            break
        except Cut:
            cuts += 1
            held = days.find(archived.place)
            assert held is not None
            words = days.read_words(archived.place, held.days)
            names = [tmp_path / "archive" / name for files in held.days.values() for name in files]
            rows = sum(pq.ParquetFile(name).metadata.num_rows for name in names)
            assert sum(word.rows for word in words.values()) == rows, "what counts is whole"
    assert cuts == 4
    assert sorted(in_archive(archived)) == sorted(ledger(archived))


def test_killed_again_and_again_it_is_whole_in_the_end(archived: Archived, tmp_path: Path) -> None:
    """The process that cron starts, by ``kill -9``: while it writes days, and while it takes out who was erased."""
    settings = {"DATABASE_URL": archived.settings.database_url, "REDIS_URL": archived.redis_url, "ARCHIVE_URL": archived.url}
    settings |= {"DATA_DIR": str(tmp_path), "ARCHIVE_PARTITIONS": str(PARTITIONS), "RETENTION_DAYS": "20000"}
    environ = os.environ | {f"WARMTRAIL_{name}": str(value) for name, value in settings.items()}
    chance = random.Random(7)

    def kills_until_up_to_date() -> int:
        kills = 0
        for left in range(3, -1, -1):
            before, changes = written(tmp_path / "archive"), chance.randrange(1, 25)
            with redis.Redis.from_url(archived.redis_url) as control:
                control.delete("warmtrail:archive")  # the lock of who was killed: its time is up
            job = subprocess.Popen([sys.executable, "-m", "scorer.archive.job"], env=environ)
            while left and job.poll() is None:
                if len(written(tmp_path / "archive") - before) >= changes:
                    job.kill()
                time.sleep(0.001)
            kills += job.wait() == -signal.SIGKILL
        assert job.returncode == 0
        return kills

    assert kills_until_up_to_date() >= 2
    assert sorted(in_archive(archived)) == sorted(ledger(archived, END_OF_TIME)), "each once"
    gone = [f"v{number}" for number in range(5, 25)]
    for who in gone:  # so many that most files have to be written anew
        with archived.database.writing() as connection, suppress(NobodyFound):  # gone with a colleague's browser
            erase(connection, archived.site, Asked(anonymous_id=who), "ada", "asked", NOW)
    assert kills_until_up_to_date() >= 2
    assert sorted(in_archive(archived)) == sorted(ledger(archived, END_OF_TIME))
    assert archived.status().erasures_waiting == 0
    assert not {row["visitor_key"] for row in rows_of(archived)} & {key_hash(who) for who in gone}


def test_a_day_is_not_over_while_events_of_it_wait(archived: Archived) -> None:
    stream = archived.stream()
    since = (TODAY - 2) * DAY + HOUR
    stream.xadd(queue.stream_key(5), {queue.ENTRY_FIELD: b"x"}, id=f"{since}-0")
    assert archived.keep().waits_for_queue
    assert archived.status().last == days.day_name(TODAY - 3)
    with archived.database.writing() as connection:
        save_positions(connection, {5: f"{since}-0", 6: queue.FINISHED})
    assert not archived.keep().waits_for_queue
    assert archived.status().last == days.day_name(TODAY - 1)
    stream.close()


def test_two_do_not_work_on_it_at_once(archived: Archived) -> None:
    stream = archived.stream()
    stream.set("warmtrail:archive", "somebody", px=60_000)
    with pytest.raises(Busy):
        archived.keep()
    stream.close()


def test_what_is_folded_over_it_is_what_the_database_gives(
    migrated_sqlite_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived = Archived(migrated_sqlite_url, redis_url, str(tmp_path / "archive"))
    archived.keep()
    simulated = simulate(archived.database, archived.site, BODY, NOW, listed=1000)
    with archived.database.reading() as connection:
        snapshots = read_snapshots(connection, archived.site, NOW)
    scores = archived.scores()
    many = {lead for lead, count in browsers(archived).items() if len(count) > 1}
    assert len(many) > 3, "some have browsers in several partitions"

    def refuse(*_: Any) -> Any:
        raise AssertionError("the ledger was read")

    for module in (store, rescoring.store):
        monkeypatch.setattr(module, "load_histories", refuse)
    found = simulate(archived.database, archived.site, BODY, NOW, listed=1000, history=archived.history)
    assert found == simulated
    with archived.database.reading() as connection:
        others = read_snapshots(connection, archived.site, NOW, history=archived.history)
    for name in ("leads", "accounts", "at", "known_at", "won", "current", "last_at", "pages"):
        assert (getattr(others, name) == getattr(snapshots, name)).all(), name
    assert all((others.counts[days] == snapshots.counts[days]).all() for days in snapshots.counts)
    archived.forget_scores()
    told: list[tuple[int, int]] = []
    score_all(archived.database, archived.site, lambda: NOW, lambda *of: told.append(of), archived.history)
    assert archived.scores() == scores
    assert told[-1] == (len(scores), len(scores))
    assert not list(Path(archived.url).glob("runs/*/*")), "what it laid out is gone"


def browsers(archived: Archived) -> dict[str, set[int]]:
    """The partitions of each lead's browsers."""
    from scorer.models import lead_visitors

    found: dict[str, set[int]] = {}
    with archived.database.reading() as connection:
        for row in connection.execute(lead_visitors.select()):
            found.setdefault(row.lead_id, set()).add(row.visitor_id % PARTITIONS)
    return found


def test_leads_that_change_meanwhile_are_folded_once_more(archived: Archived) -> None:
    archived.keep()
    history = archived.history
    fold = history.fold

    def folded_then_more(*given: Any) -> Any:
        made = list(fold(*given))
        archived.world.now = NOW + MINUTE
        archived.world.feed([page("v3", "/pricing", NOW)])
        return iter(made)

    history.fold = folded_then_more  # type: ignore[method-assign]
    score_all(archived.database, archived.site, lambda: NOW, history=history)
    after = archived.scores()
    score_all(archived.database, archived.site, lambda: NOW)
    assert archived.scores() == after


def test_events_that_come_late_are_folded_at_once_and_archived_by_the_next_run(archived: Archived) -> None:
    archived.keep()
    long_ago = NOW - 20 * DAY
    with archived.database.writing() as connection:
        letter = {"site_id": archived.site.id, "received_at": long_ago, "reason": "processing_failed", "source": "worker"}
        letter |= {"trusted": True, "body": b"{}", "replayed_at": NOW}
        connection.execute(insert(dead_letters).values(letter))
    archived.replay(page("v3", "/pricing", long_ago - MINUTE, view="late"), long_ago)
    assert len(ledger(archived)) == archived.status().events + 1
    scores, before = archived.scores(), archived.status().events
    archived.forget_scores()
    score_all(archived.database, archived.site, lambda: NOW, history=archived.history)
    assert archived.scores() == scores
    assert archived.keep(NOW + 2 * HOUR).events == 1
    assert archived.status().events == before + 1
    assert sorted(in_archive(archived)) == sorted(ledger(archived)), "each once"
    assert archived.keep(NOW + 3 * HOUR).events == 0


def test_who_was_erased_is_in_no_file(archived: Archived, tmp_path: Path) -> None:
    archived.keep()
    with archived.database.reading() as connection:
        row = connection.execute(visitors.select().where(visitors.c.key == "v5")).one()
    mine = [one for one in rows_of(archived) if one["visitor_id"] == row.id]
    assert mine
    assert {one["visitor_key"] for one in mine} == {key_hash("v5")}
    others = in_archive(archived)
    with archived.database.writing() as connection:
        erase(connection, archived.site, Asked(anonymous_id="v5"), "ada", "asked", NOW)
    left = ledger(archived)
    assert archived.status().erasures_waiting >= 1
    before = files_of(tmp_path / "archive")
    done = archived.keep()
    assert done.erased_events == len(others) - len(left) >= len(mine)
    assert sorted(in_archive(archived)) == sorted(left)
    assert archived.status().erasures_waiting == 0
    assert archived.status().events == len(left)
    after = files_of(tmp_path / "archive")
    changed = [name for name in before if name.endswith(".parquet") and after.get(name) != before[name]]
    assert len(changed) < len([name for name in before if name.endswith(".parquet")]), "the other files stay as they were"
    assert not any(key_hash("v5") in content for content in after.values())


def test_a_number_given_to_another_does_not_give_it_the_events(archived: Archived) -> None:
    archived.keep()
    scores = archived.scores()
    with archived.database.writing() as connection:  # As SQLite does when the last visitor was deleted.
        connection.execute(visitors.update().where(visitors.c.key == "v5").values(key="somebody else"))
    archived.forget_scores()
    score_all(archived.database, archived.site, lambda: NOW, history=archived.history)
    other = {lead for lead, score in archived.scores().items() if score != scores[lead]}
    assert len(other) == 1


def test_old_days_are_cut_off_and_the_database_stands_in_for_them(archived: Archived) -> None:
    archived.keep()
    scores = archived.scores()
    done = archived.keep(archive_retention_days=30)
    assert done.cut_off_days > 20
    assert archived.status().first == days.day_name(TODAY - 30)
    assert {row["received_at"] // DAY for row in rows_of(archived)} <= set(range(TODAY - 30, TODAY))
    archived.forget_scores()
    score_all(archived.database, archived.site, lambda: NOW, history=archived.history)
    assert archived.scores() == scores
    assert archived.keep(archive_retention_days=30) == Done(0, 0, 0, 0, waits_for_queue=False)


@pytest.mark.parametrize("later", [0, 3, 11])
def test_who_is_too_old_for_the_database_is_in_no_file_either(archived: Archived, later: int) -> None:
    """Else nobody could find them any more, to erase them."""
    archived.keep()
    was, now = {row["visitor_key"] for row in rows_of(archived)}, NOW + later * DAY
    forget_old(archived.database, now - 30 * DAY, now)
    archived.keep(now, retention_days=30)
    with archived.database.reading() as connection:
        known = {key_hash(key) for key in connection.execute(select(visitors.c.key)).scalars()}
    assert {row["visitor_key"] for row in rows_of(archived)} <= known < was


def test_an_archive_of_a_newer_program_is_refused(archived: Archived) -> None:
    archived.keep()
    archived.place.put(days.INDEX, msgspec.json.encode(days.Index(99, 4)))
    with pytest.raises(ArchiveError, match="form 99"):
        archived.keep()
    with pytest.raises(ArchiveError, match="form 99"):
        score_all(archived.database, archived.site, lambda: NOW, history=archived.history)


def test_without_an_archive_it_says_how_to_make_one(archived: Archived) -> None:
    with pytest.raises(ArchiveError, match="warmtrail archive run"):
        simulate(archived.database, archived.site, BODY, NOW, history=archived.history)


def test_addresses_are_shown_without_what_is_secret() -> None:
    assert shown("s3://key:secret@bucket/folder?endpoint_override=x") == "s3://bucket/folder"
    with pytest.raises(ArchiveError, match="ftp://host/x can't be opened"):
        Place("ftp://me:secret@host/x")
