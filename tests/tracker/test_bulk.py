"""Many rows at once: the same result on both databases."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from scorer.models import accounts, api_keys, leads
from tracker import bulk
from tracker.db import Database
from tracker.models import dead_letters, events, intake, partitions, sites, visitors

PARTITION = ("number", "position")


def rows(database: Database, table: Any) -> list[tuple[Any, ...]]:
    with database.reading() as connection:
        return sorted((tuple(row) for row in connection.execute(table.select())), key=repr)


def test_rows_are_added_replaced_and_where_told_so_kept(database: Database) -> None:
    with database.writing() as connection:
        bulk.upsert(connection, partitions, [(1, "a"), (2, "b")], columns=PARTITION)
        bulk.upsert(connection, partitions, [(2, "c"), (3, "d")], columns=PARTITION)
        bulk.upsert(connection, partitions, [(3, "kept?"), (4, "e")], columns=PARTITION, keep=("position",))
        bulk.upsert(connection, partitions, [], columns=PARTITION)
    assert rows(database, partitions) == [(1, "a"), (2, "c"), (3, "d"), (4, "e")]


def test_some_columns_are_replaced_some_kept_and_some_added_to(database: Database) -> None:
    names = tuple(column.name for column in intake.columns)
    with database.writing() as connection:
        bulk.upsert(connection, intake, [(1, 1, *[1] * 8)], columns=names)
        more = [(1, 1, *[2] * 8), (1, 2, *[3] * 8)]
        bulk.upsert(connection, intake, more, columns=names, keep=("stored", "filtered"), add=("received",))
    assert rows(database, intake) == [(1, 1, 2, 3, 1, 2, 1, 2, 2, 2), (1, 2, *[3] * 8)]


ODD_LETTERS = [
    (1, 2**53, "url_invalid", "collector", True, b""),
    (1, -1, "url_invalid", "import", False, bytes(range(256))),
    (2**31 - 1, 0, "text_invalid", "worker", False, b"\\N\t\n%s"),
]


def test_rows_of_all_types_come_back_as_they_went(database: Database) -> None:
    columns = ("site_id", "received_at", "reason", "source", "trusted", "body")
    with database.writing() as connection:
        bulk.append(connection, dead_letters, ODD_LETTERS, columns=columns)
        bulk.append(connection, dead_letters, [], columns=columns)
    with database.reading() as connection:
        query = select(*(dead_letters.c[name] for name in columns)).order_by(dead_letters.c.id)
        assert [tuple(row) for row in connection.execute(query)] == ODD_LETTERS


def test_texts_and_empty_values_come_back_as_they_went(database: Database) -> None:
    names = tuple(column.name for column in events.columns)
    row = (
        1,
        b"\0" * 16,
        1,
        2,
        "page",
        "%s 'x' \\ 春 \t",
        "",
        "\u202e",
        "",
        "",
        86_400_000,
        100,
        '{"a":"\\u0000"}',
        None,
        "",
        "",
        None,
    )
    with database.writing() as connection:
        bulk.append(connection, events, [row], columns=names)
    assert rows(database, events) == [row]


def test_pairs_that_are_there_are_told_from_those_that_are_not(database: Database) -> None:
    names = tuple(column.name for column in events.columns)
    there = [(visitor, bytes([number]) * 16) for visitor in (1, 2**40) for number in (0, 255)]
    with database.writing() as connection:
        bulk.append(
            connection,
            events,
            [(*pair, 1, 1, "page", "", "", "", "", "", 0, 0, None, None, "", "", None) for pair in there],
            columns=names,
        )
        asked = [*there, (1, b"\1" * 16), (2, bytes(16)), there[0]]
        assert bulk.existing_pairs(connection, events, ("visitor_id", "message_id"), asked) == set(there)
        assert bulk.existing_pairs(connection, events, ("visitor_id", "message_id"), []) == set()


@pytest.mark.parametrize("count", [0, 1, 4999, 5000, 5001, 12_000])
def test_any_number_of_values_can_be_asked_for(database: Database, count: int) -> None:
    with database.writing() as connection:
        bulk.upsert(connection, partitions, [(number, str(number)) for number in range(0, 12_000, 1000)], columns=PARTITION)
        found = bulk.select_where_in(connection, partitions, PARTITION, "number", range(count))
        also = bulk.select_where_in(connection, partitions, PARTITION, "number", range(count), "position <> '0'")
        locked = bulk.select_where_in(connection, partitions, PARTITION, "number", range(count), lock=True)
    expected = [(number, str(number)) for number in range(0, count, 1000)]
    assert sorted(map(tuple, found)) == sorted(map(tuple, locked)) == expected
    assert sorted(map(tuple, also)) == expected[1:]


def test_texts_with_quotes_can_be_asked_for(database: Database) -> None:
    names = ["a'b", 'a"b', "a\\", "{a,b}", "NULL", "", "%s", "?", "春"]
    with database.writing() as connection:
        bulk.upsert(connection, partitions, list(enumerate(names)), columns=PARTITION)
        found = bulk.select_where_in(connection, partitions, PARTITION, "position", [*names, "missing"])
    assert sorted(map(tuple, found)) == list(enumerate(names))


def test_bytes_numbers_and_nothing_can_be_replaced_and_asked_for(database: Database) -> None:
    names = tuple(column.name for column in events.columns)
    tail = (-1, 2**53, "page", "\"\\\n'", "NULL", "", "{}", "", -(2**31), 100, None, ',"', "", "", None)
    odd = [(number, bytes([number]) * 16, *tail) for number in (0, 34, 92, 255)]
    with database.writing() as connection:
        for _ in range(2):
            bulk.upsert(connection, events, odd, columns=names)
        found = bulk.select_where_in(connection, events, names, "message_id", [row[1] for row in odd])
        assert sorted(map(tuple, found)) == odd
        bulk.delete_where_in(connection, events, "message_id", [odd[0][1], odd[1][1]])
        assert bulk.existing_pairs(connection, events, names[:2], [row[:2] for row in odd]) == {row[:2] for row in odd[2:]}


@pytest.mark.parametrize("heat", [0.1, 1e-300, 2.0**60, 1 / 3])
def test_fractions_come_back_to_the_last_bit(database: Database, heat: float) -> None:
    names = tuple(column.name for column in accounts.columns)
    with database.writing() as connection:
        site_id = connection.execute(
            insert(sites).values(name="one", settings="{}", created_at=0, write_key="w", server_key_hash="h")
        ).inserted_primary_key[0]
        values = {"id": "ac_1", "site_id": site_id, "leads": 1, "heat": heat, "first_at": 1, "last_at": 2, "employees": None}
        bulk.upsert(connection, accounts, [tuple(values.get(name, "") for name in names)], columns=names)
        assert connection.execute(select(accounts.c.heat)).scalar_one() == heat


def add_visitors(database: Database, count: int, taken: list[int]) -> None:
    with database.writing() as connection:
        ids = bulk.reserve_ids(connection, visitors, count)
        if ids:
            counts = dict.fromkeys(("first_at", "last_at", "visits", "page_views", "downloads", "engaged_ms", "heard_at"), 0)
            connection.execute(insert(visitors), [{"id": one, "site_id": 1, "key": f"v{one}"} | counts for one in ids])
        taken.extend(ids)


def test_reserved_ids_are_nobody_else_s(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            insert(sites).values(id=1, name="x", settings="{}", created_at=1, write_key="w", server_key_hash="h")
        )
        assert bulk.reserve_ids(connection, visitors, 0) == []
    taken: list[int] = []
    threads = [threading.Thread(target=add_visitors, args=(database, 50, taken)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 200


def test_locked_rows_wait_for_each_other(postgres_database: Database) -> None:
    with postgres_database.writing() as connection:
        bulk.upsert(connection, partitions, [(1, "a"), (2, "b")], columns=PARTITION)
    order: list[str] = []
    begun = threading.Event()

    def second() -> None:
        with postgres_database.writing() as connection:
            begun.set()
            found = bulk.select_where_in(connection, partitions, PARTITION, "number", [2, 1], lock=True)
            order.append(str([tuple(row) for row in found]))

    thread = threading.Thread(target=second)
    with postgres_database.writing() as connection:
        bulk.select_where_in(connection, partitions, PARTITION, "number", [1, 2], lock=True)
        thread.start()
        begun.wait(5)
        time.sleep(0.1)
        order.append("first")
        bulk.upsert(connection, partitions, [(1, "new")], columns=PARTITION)
    thread.join()
    assert order == ["first", "[(1, 'new'), (2, 'b')]"]


def test_every_column_has_a_type_for_its_arrays(postgres_database: Database) -> None:
    # The types are derived by hand: PostgreSQL must agree for every column of every table that is written in bulk.
    with postgres_database.reading() as connection:
        for table in (leads, events, visitors, intake, dead_letters, partitions, api_keys):
            for column in table.columns:
                kind = bulk._postgresql_type(column)
                told = connection.exec_driver_sql(f"SELECT {column.name} = ANY(%s::{kind}[]) FROM {table.name}", ([],)).all()
                assert told == []


def fail_in_the_driver(database: Database) -> None:
    with database.writing() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("DROP TABLE events")
            bulk.existing_pairs(connection, events, ("visitor_id", "message_id"), [(1, b"1" * 16)])
        else:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 1")
            with database.writing() as other:
                other.exec_driver_sql("LOCK TABLE partitions")
                bulk.append(connection, partitions, [(1, "0")], columns=("number", "position"))


def test_an_outage_is_an_outage_also_where_the_driver_is_spoken_to_directly(database: Database) -> None:
    # What is none is blamed on the data (tracker/batch.py), which then becomes a dead letter.
    with pytest.raises(OperationalError):
        fail_in_the_driver(database)
