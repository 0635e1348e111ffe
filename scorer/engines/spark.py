"""Fold on Spark, from local processes to a cluster. Its machines need this program with the same extras, and must be able to
read the archive.

Nothing but DataFrames is used, so that it does over Spark Connect, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, Final

import pyarrow as pa

from scorer.archive.places import ArchiveError
from scorer.engines.folding import Piece, first_round, second_round
from scorer.engines.tasks import Task

_PIECES: Final = "bucket long, lead string, browser int, content binary"
_LEADS: Final = "lead string, content binary"
_ROWS_AT_ONCE: Final = 500


class Spark:
    """An engine on a session of Spark."""

    def __init__(self, master: str) -> None:
        """*master*: as Spark names it, ``local[4]``, ``spark://host:7077``, ``yarn``, or ``sc://host`` for Spark Connect.

        Raises ``ArchiveError`` where the extra isn't installed, or there is no Java for a master of one's own.
        """
        if find_spec("pyspark") is None:
            raise ArchiveError(
                "--engine spark needs the extra: pip install 'warmtrail[spark]'",
                "--engine spark 需要附加软件包：pip install 'warmtrail[spark]'",
            )
        from pyspark.sql import SparkSession

        builder: Any = SparkSession.builder
        if master.startswith("sc://"):
            self.session: Any = builder.remote(master).getOrCreate()
            return
        if master.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Otherwise whichever Python is found first.
        # Leads come back whole: what they come to is a few hundred bytes each.
        builder = builder.master(master).appName("warmtrail").config("spark.driver.maxResultSize", "0")
        try:
            self.session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
        except Exception as error:
            raise ArchiveError(
                f"Spark can't be started ({type(error).__name__}); it needs Java 17 or 21",
                f"无法启动 Spark（{type(error).__name__}）；它需要 Java 17 或 21",
            ) from error

    def run(self, tasks: tuple[Task, ...]) -> Iterator[tuple[str, bytes]]:
        """Yield the leads of all tasks: one job of two stages with a shuffle between."""
        if not tasks:
            return

        def first(batches: Iterable[Any]) -> Iterator[Any]:
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    yield from _batches(first_round(tasks[number]), ("bucket", "lead", "browser", "content"), _PIECE_TYPES)

        def second(batches: Iterable[Any]) -> Iterator[Any]:
            pieces = (Piece(*row) for batch in batches for row in _rows(batch))
            yield from _batches(second_round(tasks[0], pieces), ("lead", "content"), _PIECE_TYPES[1::2])

        numbers = self.session.range(0, len(tasks), 1, len(tasks))
        pieces = numbers.mapInArrow(first, _PIECES).repartition(len(tasks), "bucket")
        for batch in pieces.mapInArrow(second, _LEADS).toArrow().to_batches():
            yield from _rows(batch)


_PIECE_TYPES: Final = (pa.int64(), pa.string(), pa.int32(), pa.binary())


def _rows(batch: Any) -> Iterator[Any]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _batches(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...], types: tuple[Any, ...]) -> Iterator[Any]:
    some: list[tuple[Any, ...]] = []
    for row in rows:
        some.append(row)
        if len(some) == _ROWS_AT_ONCE:
            yield _batch(some, names, types)
            some = []
    if some:
        yield _batch(some, names, types)


def _batch(rows: list[tuple[Any, ...]], names: tuple[str, ...], types: tuple[Any, ...]) -> Any:
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
    return pa.RecordBatch.from_arrays(columns, list(names))
