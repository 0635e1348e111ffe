"""The audit log as it is stored: one chain a site, whoever writes at once; what is done to it behind its back is found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, select, text

import scorer.migrations
from scorer import jobs
from scorer.audit_checking import Checked, audit_signs, chained_rows, check, head_of, take_in
from scorer.audit_export import ExportedLine, exported
from scorer.auditing import note, read_log
from scorer.claims import claim, release
from scorer.core.audit_chain import Break, Head, Line, before_first, follow
from scorer.forgetting import _silence_log
from scorer.models import audit, audit_heads
from tests.factories import NOW, World, buyer
from tracker.db import Database
from tracker.migrate import migrate
from tracker.sites import load_sites

SITE, OTHER = 71, 72
SCRIPTS = Path(str(scorer.migrations.__file__)).parent


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The logs of two sites; one has five lines."""
    made = Database(database_url)
    with made.writing() as connection:
        for number in range(5):
            say(connection, f"reason {number}", subject=f"ld_{number}")
        say(connection, "of the other", site=OTHER)
    yield made
    made.close()


def say(connection: Connection, why: str, site: int = SITE, subject: str = "ld_a") -> None:
    note(connection, site, "ada@nordwind.example", "exclude", subject, why, {"from": None, "to": "staff"}, NOW)


def looked_at(database: Database, site: int = SITE, **options: Any) -> Checked:
    with database.reading() as connection:
        return check(connection, site, **options)


def write(database: Database, *statements: str) -> None:
    with database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement.format(site=SITE, other=OTHER)))


def test_each_site_has_a_chain_of_its_own_without_gaps(database: Database) -> None:
    with database.reading() as connection:
        numbers = {site: [row.number for row in chained_rows(connection, site)] for site in (SITE, OTHER, 73)}
        log = read_log(connection, SITE)
        head = head_of(connection, SITE)
    assert numbers == {SITE: [1, 2, 3, 4, 5], OTHER: [1], 73: []}
    assert [(line.number, line.emptied) for line in log] == [(number, False) for number in (5, 4, 3, 2, 1)]
    assert log[0].chain == head.chain.hex()
    assert looked_at(database) == Checked(5, 5, 0, head.chain.hex(), None)
    assert looked_at(database, 73) == Checked(0, 0, 0, before_first(73).chain.hex(), None)


class TakenBack(Exception):
    """Ends a transaction without effect."""


def test_what_is_taken_back_leaves_no_gap(database: Database) -> None:
    with suppress(TakenBack), database.writing() as connection:
        say(connection, "never")
        raise TakenBack
    with database.writing() as connection:
        with connection.begin_nested() as part:
            say(connection, "not this one")
            part.rollback()
        say(connection, "but this one")
    found = looked_at(database)
    assert (found.lines, found.broken) == (6, None)


LINE = "UPDATE audit SET {what} WHERE site_id = {{site}} AND number = 3"
COPY = (
    "INSERT INTO audit (site_id, at, actor, action, subject, why, detail, number, salt, words_hash, chain) "
    "SELECT {site}, at, actor, action, subject, why, detail, {number}, salt, words_hash, chain FROM audit "
    "WHERE site_id = {{site}} AND number = 3"
)
TAMPERED = {
    "another actor": ([LINE.format(what="actor = 'ben'")], Break(3, "changed")),
    "another action": ([LINE.format(what="action = 'claim'")], Break(3, "changed")),
    "another subject": ([LINE.format(what="subject = 'ld_9'")], Break(3, "changed")),
    "another time": ([LINE.format(what="at = at + 1")], Break(3, "changed")),
    "other words": ([LINE.format(what="why = 'a lie'")], Break(3, "changed")),
    "another detail": ([LINE.format(what="detail = '{{}}'")], Break(3, "changed")),
    "no words, but the salt": ([LINE.format(what="why = '', detail = '{{}}'")], Break(3, "changed")),
    "a number of its own": ([LINE.format(what="number = 9")], Break(3, "missing")),
    "out of the chain": ([LINE.format(what="number = NULL")], Break(3, "missing")),
    "moved to another site": ([LINE.format(what="site_id = {other}, number = 2")], Break(3, "missing")),
    "deleted": (["DELETE FROM audit WHERE site_id = {site} AND number = 3"], Break(3, "missing")),
    "the first one deleted": (["DELETE FROM audit WHERE site_id = {site} AND number = 1"], Break(1, "missing")),
    "the last ones deleted": (["DELETE FROM audit WHERE site_id = {site} AND number > 3"], Break(4, "cut")),
    "all deleted": (["DELETE FROM audit WHERE site_id = {site}"], Break(1, "cut")),
    "swapped": (
        [
            "UPDATE audit SET number = -number WHERE site_id = {site} AND number IN (3, 4)",
            "UPDATE audit SET number = number + 7 WHERE site_id = {site} AND number < 0",
        ],
        Break(3, "changed"),
    ),
    "put in at the end": ([COPY.format(site="{site}", number=6)], Break(6, "changed")),
    "put in ahead of all": ([COPY.format(site="{site}", number=0)], Break(0, "changed")),
    "put in beside the chain": ([COPY.format(site="{site}", number="NULL")], Break(0, "outside")),
    "head put back": (["UPDATE audit_heads SET number = 4 WHERE site_id = {site}"], Break(5, "cut")),
    "head deleted": (["DELETE FROM audit_heads WHERE site_id = {site}"], Break(1, "cut")),
    "another head": (
        ["UPDATE audit_heads SET chain = (SELECT chain FROM audit WHERE site_id = {other}) WHERE site_id = {site}"],
        Break(5, "cut"),
    ),
}


@pytest.mark.parametrize(("statements", "expected"), TAMPERED.values(), ids=TAMPERED)
def test_what_is_done_behind_its_back_is_found(database: Database, statements: list[str], expected: Break) -> None:
    write(database, *statements)
    assert looked_at(database).broken == expected
    assert looked_at(database, latest=3).broken is not None or expected.number == 0 or "number = 1" in statements[0]


def test_of_a_long_log_the_latest_lines_are_looked_at(database: Database) -> None:
    found = looked_at(database, latest=3)
    assert (found.lines, found.followed, found.broken) == (5, 3, None)
    write(database, "UPDATE audit SET why = 'x' WHERE site_id = {site} AND number = 2")
    assert looked_at(database, latest=3).broken is None
    assert looked_at(database, latest=4).broken == Break(2, "changed")
    write(database, "DELETE FROM audit WHERE site_id = {site} AND number = 1")
    assert looked_at(database, latest=4).broken is not None


def test_a_log_that_was_cut_together_with_its_head_is_found_by_a_line_noted_elsewhere(database: Database) -> None:
    with database.reading() as connection:
        head = head_of(connection, SITE)
    assert looked_at(database, known=head).broken is None
    assert looked_at(database, known=Head(4, head.chain)).broken == Break(4, "changed")
    write(
        database,
        "DELETE FROM audit WHERE site_id = {site} AND number = 5",
        "UPDATE audit_heads SET number = 4, chain = (SELECT chain FROM audit WHERE site_id = {site} AND number = 4) "
        "WHERE site_id = {site}",
    )
    assert looked_at(database).broken is None
    assert looked_at(database, known=head).broken == Break(5, "missing")


def test_lines_lose_their_words_with_the_person_and_the_chain_holds(database: Database) -> None:
    with database.writing() as connection:
        _silence_log(connection, [SITE], ["ld_1", "ld_3"])
    found = looked_at(database)
    assert (found.followed, found.emptied, found.broken) == (5, 2, None)
    with database.reading() as connection:
        log = read_log(connection, SITE)
        rows = [row for row in connection.execute(select(audit)) if row.subject in ("ld_1", "ld_3")]
    assert [line.emptied for line in log] == [False, True, False, True, False]
    assert {(row.why, row.detail, row.salt) for row in rows} == {("", "{}", None)}
    write(database, "UPDATE audit SET why = 'something else' WHERE site_id = {site} AND number = 2")
    assert looked_at(database).broken == Break(2, "changed")


def test_equal_words_have_unequal_hashes(database: Database) -> None:
    with database.writing() as connection:
        for _ in range(2):
            say(connection, "the same")
    with database.reading() as connection:
        rows = connection.execute(select(audit.c.salt, audit.c.words_hash).where(audit.c.why == "the same")).all()
    assert len({row.words_hash for row in rows}) == len({row.salt for row in rows}) == 2
    assert {len(row.salt) for row in rows} == {16}


def test_lines_of_many_at_once_make_one_chain_a_site(database: Database) -> None:
    ready = threading.Barrier(4)

    def write_some(writer: int) -> None:
        ready.wait(10)
        for number in range(12):
            with suppress(TakenBack), database.writing() as connection:
                say(connection, f"{writer} {number}", site=(SITE, OTHER)[writer % 2])
                if number % 4 == 3:
                    raise TakenBack

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write_some, range(4)))
    for site, before in ((SITE, 5), (OTHER, 1)):
        found = looked_at(database, site)
        assert (found.lines, found.followed, found.broken) == (before + 2 * 9, before + 2 * 9, None)
    with database.reading() as connection:
        ids = [row.id for row in chained_rows(connection, SITE)]
    assert ids == sorted(ids)


def test_two_who_decide_at_once_both_stand_in_the_log(database_url: str) -> None:
    world = World(database_url)
    world.feed([*buyer("anna"), *buyer("cleo")])
    anna, cleo = world.nordwind.lead("anna"), world.nordwind.lead("cleo")
    with world.database.reading() as connection:
        site = load_sites(connection)[world.nordwind.id]
    ready = threading.Barrier(2)

    def decide(mine: str) -> None:
        ready.wait(10)
        for _ in range(10):
            for step in (lambda at: claim(at, site, mine, mine, mine, NOW), lambda at: release(at, site, mine, mine, NOW)):
                with world.database.writing() as connection:
                    step(connection)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(decide, (anna, cleo)))
    found = looked_at(world.database, site.id)
    assert (found.lines, found.broken) == (40, None)
    world.database.close()


OLD_LINE = {"at": NOW, "actor": "ben", "action": "claim", "subject": "ld_b", "why": "", "detail": "{}"}


def test_lines_of_the_program_before_are_taken_in_at_the_end(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(insert(audit), [{**OLD_LINE, "site_id": site} for site in (SITE, SITE, OTHER)])
        say(connection, "meanwhile")
    assert looked_at(database).broken == Break(0, "outside")
    with database.reading() as connection:
        assert [(line.number, line.chain, line.emptied) for line in read_log(connection, SITE, "ld_b")] == [
            (None, None, False)
        ] * 2
    for taken in (3, 0):
        with database.writing() as connection:
            assert take_in(connection, [OTHER, SITE]) == taken
    assert [(looked_at(database, site).lines, looked_at(database, site).broken) for site in (SITE, OTHER)] == [
        (8, None),
        (2, None),
    ]


def test_lines_that_were_there_are_chained_by_the_migration(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        write_old = text(
            "INSERT INTO audit (site_id, at, actor, action, subject, why, detail) "
            "VALUES (:site_id, :at, :actor, :action, :subject, :why, :detail)"
        )
        lines = [{**OLD_LINE, "site_id": (SITE, OTHER)[n % 3 == 0], "why": f"n {n} 为何", "at": n} for n in range(1100)]
        connection.execute(write_old, lines)
    assert migrate(database, SCRIPTS) is True
    with database.writing() as connection:
        say(connection, "by the new program")
        assert [row.at for row in chained_rows(connection, OTHER)] == list(range(0, 1100, 3))
        connection.execute(write_old, {**OLD_LINE, "site_id": OTHER})  # the program before goes on
    assert (looked_at(database).lines, looked_at(database).broken) == (734, None)
    assert (looked_at(database, OTHER).lines, looked_at(database, OTHER).broken) == (367, Break(0, "outside"))
    database.close()


def test_an_export_can_be_checked_without_the_database(database: Database) -> None:
    with database.writing() as connection:
        _silence_log(connection, [SITE], ["ld_2"])
        connection.execute(insert(audit), {**OLD_LINE, "site_id": SITE})
    with database.reading() as connection:
        found = [msgspec.json.decode(line, type=ExportedLine) for line in exported(connection, SITE)]
        head = head_of(connection, SITE)
    assert [(one.number, one.site) for one in found] == [(number, SITE) for number in (1, 2, 3, 4, 5, None)]
    lines = [
        Line(one.number, one.at, one.actor, one.action, one.subject, one.why, one.detail, *map(_bytes, hashes))
        for one in found
        if one.number is not None
        for hashes in [(one.salt, one.words_hash, one.chain)]
    ]
    assert follow(lines, before_first(SITE)).head == head
    assert follow(lines, before_first(SITE)).emptied == 1
    assert found[0].time == "2026-11-19T10:30:00.000Z"


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


class Here:
    """What a job and the doctor need of a process's connections."""

    def __init__(self, database: Database) -> None:
        self.database = database


class Log:
    """What was logged: event, fields."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = error = info


def test_once_a_day_each_head_is_logged_with_what_is_wrong(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(database_url)
    north, east, database = world.nordwind.id, world.huadong.id, world.database
    log = Log()
    monkeypatch.setattr(jobs, "resources", lambda: Here(database))
    monkeypatch.setattr(jobs, "log", log)
    with database.writing() as connection:
        for site in (north, north, east):
            say(connection, "x", site=site)
        connection.execute(insert(audit), {**OLD_LINE, "site_id": east})
    jobs.log_audit_heads()
    with database.reading() as connection:
        heads = {row.site_id: row for row in connection.execute(select(audit_heads))}
    told = [("audit_head", {"site": site, "number": 2, "chain": heads[site].chain.hex()}) for site in (north, east)]
    assert log.lines == [("audit_lines_taken_in", {"count": 1}), *told]
    assert [sign.verdict for sign in audit_signs(Here(database))] == ["good"]  # type: ignore[arg-type]
    with database.writing() as connection:
        connection.execute(text(f"UPDATE audit SET actor = 'eve' WHERE site_id = {east} AND number = 2"))
    log.lines.clear()
    jobs.log_audit_heads()
    assert log.lines == [*told, ("audit_log_broken", {"site": east, "number": 2, "fault": "changed"})]
    (sign,) = audit_signs(Here(database))  # type: ignore[arg-type]
    assert (sign.verdict, sign.what.en) == ("wrong", "huadong: the audit log: line 2 is not as it was written.")
    assert [one.verdict for one in audit_signs(Here(database), [north])] == ["good"]  # type: ignore[arg-type]
    world.database.close()
