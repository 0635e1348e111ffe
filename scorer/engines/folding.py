"""What an engine does: fold the leads of a partition; put those together whose browsers are in several; fold them, too.

Runs wherever the engine runs it: all that it needs is in the task and in the archive.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from scorer.archive.format import events_of, visitors_in
from scorer.archive.places import Place
from scorer.core.lead_folds import Folded, FoldedPast, FoldedScore, Work, folder
from scorer.engines.tasks import Belonging, Task
from tracker.core import visits
from tracker.core.events import Event, Fact
from tracker.days import day_of

DONE: Final = -1
"""Stands for the browser of a lead that is folded."""

_pack: Final = msgspec.msgpack.Encoder(enc_hook=list).encode
"""Arrays of numbers as lists."""
_unpack_events: Final = msgspec.msgpack.Decoder(list[Event]).decode
_unpack_belongings: Final = msgspec.msgpack.Decoder(dict[int, Belonging]).decode


class Piece(NamedTuple):
    """What comes of the first round, and goes into the second."""

    bucket: int
    lead: str
    browser: int
    """``DONE``: the lead is folded, and its number of events in the content, too."""
    content: bytes


class Result(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a lead."""

    events: int
    scores: list[FoldedScore] = []
    past: FoldedPast | None = None


unpack_result: Callable[[bytes], Result] = msgspec.msgpack.Decoder(Result).decode


def first_round(task: Task) -> Iterator[Piece]:
    """Yield the leads of a partition: folded, where all their browsers are in it, else the events of each browser."""
    place = Place(task.url)
    belongings = _unpack_belongings(bytes(place.read(task.belongings)))
    fold = _folding(task)
    gathered: dict[str, dict[int, list[Event]]] = {}
    seen: dict[str, int] = {}
    for number, _, hashed, rows in visitors_in(place, task.files, frozenset(belongings)):
        mine = belongings[number]
        if mine.hash != hashed:
            continue  # Somebody else, who had the number before.
        events = events_of(rows)
        if mine.of == 0:
            if events:
                yield Piece(zlib.crc32(mine.lead.encode()) % task.buckets, mine.lead, mine.place, _pack(events))
            continue
        browsers = gathered.setdefault(mine.lead, {})
        if events:
            browsers[mine.place] = events
        seen[mine.lead] = seen.get(mine.lead, 0) + 1
        if seen[mine.lead] == mine.of:
            yield _done(mine.lead, fold(gathered.pop(mine.lead)))
    for lead, browsers in gathered.items():  # Of a browser nothing may be left but that it was there.
        yield _done(lead, fold(browsers))


def second_round(task: Task, pieces: Iterable[Piece]) -> Iterator[tuple[str, bytes]]:
    """Yield the leads of which these are all pieces. *task* is any of the tasks."""
    fold = _folding(task)
    gathered: dict[str, dict[int, bytes]] = {}
    for piece in pieces:
        if piece.browser == DONE:
            yield piece.lead, piece.content
        else:
            gathered.setdefault(piece.lead, {})[piece.browser] = piece.content
    for lead in list(gathered):
        browsers = {place: _unpack_events(packed) for place, packed in sorted(gathered.pop(lead).items())}
        yield lead, fold(browsers)


def fold_nothing(work: Work) -> Result:
    """Return what comes of a lead of which no event is left."""
    return unpack_result(_packed(folder(work)({}), 0))


def _done(lead: str, content: bytes) -> Piece:
    return Piece(zlib.crc32(lead.encode()), lead, DONE, content)


def _folding(task: Task) -> Callable[[dict[int, list[Event]]], bytes]:
    fold, day = folder(task.work), day_of(task.time_zone)
    until_ms = getattr(task.work, "until_ms", None)

    def streams(browsers: dict[int, list[Event]]) -> dict[int, list[Fact]]:
        found = {}
        for place, events in sorted(browsers.items()):
            counted = events if until_ms is None else [event for event in events if event.at <= until_ms]
            if counted:
                folded = visits.fold(counted, None, day, task.gap_ms)
                assert folded is not None  # only a continued fold can fail
                found[place] = folded.facts
        return found

    def result(browsers: dict[int, list[Event]]) -> bytes:
        return _packed(fold(streams(browsers)), sum(map(len, browsers.values())))

    return result


def _packed(folded: Folded, events: int) -> bytes:
    return _pack(Result(events, past=folded) if isinstance(folded, FoldedPast) else Result(events, scores=folded))
