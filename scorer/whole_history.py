"""A site's leads with their whole history, from an archive by an engine: what the database gives, given faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from sqlalchemy import Connection

from scorer.archive.places import ArchiveError, Place
from scorer.archive.runs import Run, lay_out
from scorer.core.lead_folds import Work
from scorer.engines.folding import Result, fold_nothing, unpack_result
from scorer.engines.tasks import Task
from tracker.sites import Site


class Engine(Protocol):
    """Where the folding is done: in processes of this machine, or on Spark."""

    def run(self, tasks: tuple[Task, ...]) -> Iterator[tuple[str, bytes]]:
        """Yield the leads of all tasks, in no particular order, each once with what ``folding`` makes of it, packed."""


Progress = Callable[[int, int], None]
"""Told how many leads have been folded, and of how many."""
_TOLD_EVERY = 250


class WholeHistory:
    """An archive, and the engine that folds over it."""

    def __init__(self, place: Place, engine: Engine) -> None:
        self.place = place
        self.engine = engine

    def fold(
        self,
        connection: Connection,
        site: Site,
        lead_ids: Sequence[str],
        work: Work,
        now_ms: int,
        progress: Progress | None = None,
    ) -> Iterator[tuple[str, Result]]:
        """Return each of these leads of *site* once, in no particular order, with what *work* finds out about it.

        Whose browsers they are is read from the database by *connection*, before this returns and within one moment of it.
        Raises ``ArchiveError`` where there is no archive, or days of it have been deleted meanwhile.
        """
        run = lay_out(connection, self.place, site, lead_ids, work, now_ms)
        return self._results(run, lead_ids, progress)

    def _results(self, run: Run, lead_ids: Sequence[str], progress: Progress | None) -> Iterator[tuple[str, Result]]:
        missing, done = set(lead_ids), 0
        try:
            for lead, packed in self.engine.run(run.tasks):
                missing.discard(lead)
                yield lead, unpack_result(packed)
                done += 1
                if progress and done % _TOLD_EVERY == 0:
                    progress(done, len(lead_ids))
        except FileNotFoundError as error:
            raise ArchiveError(
                f"A file of the archive was deleted meanwhile ({error}); try again",
                f"归档中的文件在此期间被删除（{error}）；请重试",
            ) from error
        finally:
            self.place.delete_folder(run.folder)
        nothing = fold_nothing(run.work)
        for lead in sorted(missing):
            yield lead, nothing
        if progress:
            progress(len(lead_ids), len(lead_ids))
