"""The form of an archive's files: one row an event, sorted by visitor, so that a visitor is found without the rest."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.archive.places import ArchiveError, Place
from tracker.core.events import Event
from tracker.store import HISTORY_COLUMNS, event_from

VERSION: Final = 1
"""Of the form. A file of a later one is refused; columns that are not known are passed over."""
_VERSION_KEY: Final = b"warmtrail.format"
ROWS_IN_GROUP: Final = 4096
"""What is read of a file for one visitor, and what is held of a large file at a time."""
_SMALL: Final = 1 << 20
"""Bytes up to which a file is read at once: hundreds of days are open together, and a process may not open so many files."""

SCHEMA: Final = pa.schema(
    [
        pa.field("visitor_id", pa.int64(), nullable=False),
        pa.field("site_id", pa.int32(), nullable=False),
        pa.field("visitor_key", pa.binary(16), nullable=False),
        pa.field("message_id", pa.binary(16), nullable=False),
        pa.field("at", pa.int64(), nullable=False),
        pa.field("received_at", pa.int64(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in ("kind", "name", "url", "title", "referrer", "view_id")),
        pa.field("engaged_ms", pa.int32(), nullable=False),
        pa.field("scroll_percent", pa.int16(), nullable=False),
        pa.field("properties", pa.string()),
        pa.field("context", pa.string()),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("agent", pa.string(), nullable=False),
        pa.field("label", pa.string()),
    ]
)
"""The columns of the ledger, and whose event it is beside the visitor's number: site and hash of its key. Numbers alone
would not do, since SQLite gives that of a deleted visitor to another. Times are milliseconds since 1970 UTC."""

Row = tuple[Any, ...]
"""Values in the order of ``SCHEMA``."""
_NAMES: Final = tuple(SCHEMA.names)
_MESSAGE_ID: Final = _NAMES.index("message_id")
_LABEL: Final = _NAMES.index("label")
_history: Final = itemgetter(*(_NAMES.index(name) for name in HISTORY_COLUMNS))
_ORDER: Final = itemgetter(*(_NAMES.index(name) for name in ("visitor_id", "site_id", "visitor_key", "at", "message_id")))
_MESSAGE: Final = itemgetter(*(_NAMES.index(name) for name in ("visitor_id", "visitor_key", "message_id")))

# What says nothing about where a row is, or is never the same twice, isn't worth a dictionary or statistics.
_DICTIONARIES: Final = [name for name in _NAMES if name not in ("message_id", "at", "received_at", "view_id", "visitor_key")]


def archived_row(ledger_row: Sequence[Any], site_id: int, hashed: bytes) -> Row:
    """Return the row of the archive for one of the ledger's (in the order of ``store.EVENT_COLUMNS``)."""
    return (ledger_row[0], site_id, hashed, bytes(ledger_row[1]), *ledger_row[2:])


def events_of(rows: Iterable[Row]) -> list[Event]:
    """Return the events of one visitor that count, each once."""
    once = {row[_MESSAGE_ID]: row for row in rows if row[_LABEL] is None}
    return [event_from(_history(row)) for row in once.values()]


def merged(*parts: Iterable[Row]) -> list[Row]:
    """Return the rows of all parts in the order of a file, each event once."""
    once = {_MESSAGE(row): row for part in parts for row in part}
    return sorted(once.values(), key=_ORDER)


class PartWriter:
    """A file in the making, in memory and compressed. Rows are added in the order of a file."""

    def __init__(self) -> None:
        self.rows = 0
        """Added so far."""
        self._waiting: list[Row] = []
        self._sink = pa.BufferOutputStream()
        self._file = pq.ParquetWriter(
            self._sink,
            SCHEMA,
            compression="zstd",
            use_dictionary=_DICTIONARIES,
            write_statistics=["visitor_id"],
            data_page_size=64 << 10,
            store_schema=False,
        )
        self._file.add_key_value_metadata({_VERSION_KEY: str(VERSION).encode()})

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows behind those that are there."""
        before = len(self._waiting)
        self._waiting += rows
        self.rows += len(self._waiting) - before
        while len(self._waiting) >= ROWS_IN_GROUP:
            self._write(self._waiting[:ROWS_IN_GROUP])
            del self._waiting[:ROWS_IN_GROUP]

    def finish(self) -> Any:
        """Return the whole file as a buffer."""
        if self._waiting:
            self._write(self._waiting)
        self._file.close()
        return self._sink.getvalue()

    def _write(self, rows: Sequence[Row]) -> None:
        columns = zip(zip(*rows, strict=True), SCHEMA, strict=True)
        self._file.write_table(pa.table([pa.array(values, field.type) for values, field in columns], SCHEMA))


def pack(rows: Iterable[Row]) -> Any:
    """Return a file of *rows*, which are in order, as a buffer."""
    writer = PartWriter()
    writer.add(rows)
    return writer.finish()


def read_rows(place: Place, name: str) -> list[Row]:
    """Return all rows of a file."""
    with _opened(place, name, 0) as file:
        return [row for batch in file.iter_batches(columns=list(_NAMES)) for row in _rows(batch)]


def holds_one_of(place: Place, name: str, size: int, visitors: Sequence[int]) -> bool:
    """Return whether a file has rows of any of these visitors, of whom it reads as little as it can. *visitors* rise."""
    with _opened(place, name, size) as file:
        for group in range(file.metadata.num_row_groups):
            told = file.metadata.row_group(group).column(0).statistics
            some = [one for one in visitors if told is None or told.min <= one <= told.max]
            if some and not set(some).isdisjoint(file.read_row_group(group, ["visitor_id"])[0].to_pylist()):
                return True
    return False


def visitors_in(
    place: Place, files: Sequence[tuple[str, int]], wanted: frozenset[int]
) -> Iterator[tuple[int, int, bytes, list[Row]]]:
    """Yield the visitors of several files, in the order of their numbers: number, site, hash of the key and rows, which may
    be in there twice. Those that aren't *wanted* are passed over.

    In memory is one visitor, and of each file the compressed bytes of a small one and a stretch of rows.
    """
    stretch = max(128, min(ROWS_IN_GROUP, 400_000 // max(1, len(files))))
    runs = [_runs(place, name, size, stretch, wanted) for name, size in files]
    for (number, site_id, hashed), some in groupby(heapq.merge(*runs, key=itemgetter(0)), key=itemgetter(0)):
        yield number, site_id, hashed, [row for _, rows in some for row in rows]


def _runs(
    place: Place, name: str, size: int, stretch: int, wanted: frozenset[int]
) -> Iterator[tuple[tuple[int, int, bytes], list[Row]]]:
    """The rows of a file, some of one visitor at a time."""
    with _opened(place, name, size) as file:
        for batch in file.iter_batches(batch_size=stretch, columns=list(_NAMES), use_threads=False):
            numbers = batch.column(0).to_pylist()
            mine = [place for place, number in enumerate(numbers) if number in wanted]
            if not mine:
                continue
            rows = _rows(batch if len(mine) == len(numbers) else batch.take(pa.array(mine)))
            for identity, some in groupby(rows, key=itemgetter(0, 1, 2)):
                yield identity, list(some)


def _opened(place: Place, name: str, size: int) -> Any:
    source = pa.BufferReader(place.read(name)) if size <= _SMALL else place.open(name)
    file = pq.ParquetFile(source)
    version = int((file.metadata.metadata or {}).get(_VERSION_KEY, b"0"))
    if version != VERSION:
        raise ArchiveError(
            f"{name} has form {version} of the archive; this program reads {VERSION}.",
            f"{name} 的归档格式为 {version}，本程序只能读取 {VERSION}。",
        )
    return file


def _rows(batch: Any) -> list[Row]:
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
