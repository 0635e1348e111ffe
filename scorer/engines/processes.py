"""Fold in processes of this machine, as many as it has cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial

from scorer.engines.folding import DONE, Piece, first_round, second_round
from scorer.engines.tasks import Task


class Processes:
    """An engine of so many processes."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or os.cpu_count() or 1

    def run(self, tasks: tuple[Task, ...]) -> Iterator[tuple[str, bytes]]:
        """Yield the leads of all tasks. What goes into the second round is in memory until the first is over."""
        if not tasks:
            return
        # Not forked: database connections and threads don't survive that.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self.processes, len(tasks)), mp_context=context) as pool:
            buckets: dict[int, list[Piece]] = {}
            for done in as_completed([pool.submit(_first, task) for task in tasks]):
                for piece in done.result():
                    if piece.browser == DONE:
                        yield piece.lead, piece.content
                    else:
                        buckets.setdefault(piece.bucket, []).append(piece)
            for leads in pool.map(partial(_second, tasks[0]), buckets.values()):
                yield from leads


def _first(task: Task) -> list[Piece]:
    return list(first_round(task))


def _second(task: Task, pieces: list[Piece]) -> list[tuple[str, bytes]]:
    return list(second_round(task, pieces))
