"""Process what waits in the queue: read a batch of entries, fold, store everything and the position in one transaction.

A crash at any instant loses nothing and counts nothing twice: the results of an entry and the fact that it is done are
one commit. Two drains of one partition do no harm: the second finds the partition's row taken and goes on without it.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import redis

from tracker import queue
from tracker.batch import FollowUp, Outcome, QueueEntry, process_surely
from tracker.db import Database
from tracker.endpoints import Client
from tracker.layouts import may_begin
from tracker.log import get_logger
from tracker.progress import Counts, lock_positions, read_counts, read_positions, save_positions

BATCH_ENTRIES: Final = 2000
"""Entries processed in one transaction: measured, larger batches gain nothing and smaller ones pay more a row."""
BATCH_BYTES: Final = 2_000_000
"""Bytes of entries processed in one transaction, or one entry: an entry may hold one event or some thousands."""
READ_BYTES: Final = 8_000_000
"""Bytes of entries that one read aims at, so that memory stays bounded whatever waits."""
FIRST_READ: Final = 50
DRY_MS: Final = 1000
"""How long one wait for new entries lasts; also how long a stop takes to be noticed."""
HELD_BACK_MS: Final = 20
"""The same while some partitions wait for others to be finished, which no stream tells."""
LINGER_SECONDS: Final = 5.0
"""How long a drain that has run dry keeps waiting before it lets go of its slot."""
LONGEST_REST: Final = 0.025
"""Seconds for which a drain that keeps up rests after a transaction at most. It rests for as long as that took: the next one
then does more at once, and most of what a small transaction costs is the same for one event and for fifty."""
UPKEEP_SECONDS: Final = 0.5
"""How often a drain at work prolongs its hold on the slot and removes from the streams what it has stored."""
MAX_SECONDS: Final = 300.0
"""After this a drain hands its slot to a fresh job, so that no job outlives its time limit."""

log = get_logger(__name__)


def drain(
    database: Database,
    streams: Client,
    control: redis.Redis,
    lease: queue.Lease,
    partitions: Sequence[int],
    follow_up: FollowUp,
    should_stop: Callable[[], bool],
) -> bool:
    """Process the entries of *partitions* until they are dry for a while; return whether the slot needs another drain.

    Returns ``True`` when it stopped early: asked to, or out of time, or because one of its partitions has been closed, so
    that there are others now. A partition of a new layout waits until all is processed that its visitors have in the one
    before (see ``tracker.layouts``). Raises what the database or Redis raises when they
    can't be reached; nothing is lost by that, the entries wait.
    """
    if not lease.take():
        return False
    positions: dict[int, str] = {}
    held_back = list(partitions)
    upkeep = _Upkeep(streams, lease)
    started = last_work = time.monotonic()
    appetite = FIRST_READ
    while True:
        now = time.monotonic()
        if should_stop() or now - started > MAX_SECONDS:
            upkeep.end()
            return True
        dry = now - last_work > LINGER_SECONDS
        if dry:
            # Let go first and look afterwards: whoever appended before has not been told to wake us.
            upkeep.end()
        elif not upkeep.keep():
            return False
        if held_back:
            begun = _those_that_may_begin(database, held_back)
            held_back = [number for number in held_back if number not in begun]
            positions |= _start_positions(database, streams, begun)
        block_ms = HELD_BACK_MS if held_back else DRY_MS
        batch = queue.read_entries(streams, positions, count=appetite, block_ms=None if dry else block_ms)
        if not batch and dry:
            return bool(held_back)
        if dry and not lease.take():
            return False
        keeps_up = max(Counter(number for number, _, _ in batch).values(), default=0) < appetite
        if batch:
            appetite = _next_appetite(batch)
            last_work = now
        else:
            upkeep.trim()
        working_since = time.monotonic()
        for part in _parts(batch):
            done = _process(database, part, follow_up)
            if all(positions[number] == position for number, position in done.positions.items()):
                time.sleep(DRY_MS / 1000)  # Another drain holds these partitions: let it.
            positions |= done.positions
            upkeep.stored |= done.positions
            if done.announced:
                control.publish(queue.COMMITTED_CHANNEL, b"1")
            last_work = time.monotonic()
            if should_stop() or not upkeep.keep():
                break
        if batch and keeps_up:
            time.sleep(min(time.monotonic() - working_since, LONGEST_REST))
        if queue.FINISHED in positions.values():
            upkeep.end()
            return True


class _Upkeep:
    """What a drain at work owes the queue, done now and then rather than with each transaction."""

    def __init__(self, streams: Client, lease: queue.Lease) -> None:
        self._streams = streams
        self._lease = lease
        self._due = time.monotonic() + UPKEEP_SECONDS
        self.stored: dict[int, str] = {}
        """Positions up to which the results are stored, but the entries not yet removed."""

    def keep(self) -> bool:
        """Do what is due; ``False`` when the slot was lost to another drain."""
        if time.monotonic() < self._due:
            return True
        self._due = time.monotonic() + UPKEEP_SECONDS
        self.trim()
        return self._lease.keep()

    def trim(self) -> None:
        """Remove the entries whose results are stored."""
        if self.stored:
            queue.trim(self._streams, self.stored)
            self.stored = {}

    def end(self) -> None:
        """Leave a tidy queue and a free slot."""
        self.trim()
        self._lease.leave()


def spare_what_is_loaded() -> None:
    """Keep all that this process has loaded so far out of garbage collection; to be called once, before it drains.

    Programs and patterns stay for good. To look through them again and again was a tenth of a drain's CPU time.
    """
    gc.collect()
    gc.freeze()


def _those_that_may_begin(database: Database, partitions: Sequence[int]) -> list[int]:
    """Return those of *partitions* whose predecessors are finished, or that have none."""
    with database.reading() as connection:
        known = read_positions(connection)
    return [number for number in partitions if may_begin(number, known)]


def _start_positions(database: Database, client: Client, partitions: Sequence[int]) -> dict[int, str]:
    """Return where to go on reading each partition, after making sure that queue and database agree.

    Those that are finished for good are left out.
    """
    with database.reading() as connection:
        known = read_positions(connection)
        counts = read_counts(connection)
    unfinished = {number: known.get(number, "0-0") for number in partitions if known.get(number) != queue.FINISHED}
    positions = _believable(client, unfinished)
    restarted = [number for number, position in positions.items() if position != unfinished[number]]
    if restarted:
        _set_back(database, client, restarted)
    emptied = [number for number in positions if _is_closed_and_empty(client, number)]
    if emptied:
        _finish(database, emptied)
        positions = {number: position for number, position in positions.items() if number not in emptied}
    # Also of finished ones: a drain that was killed after its last commit has not come to it, and nobody reads them again.
    finished = {number: position for number, position in known.items() if position == queue.FINISHED}
    queue.trim(client, positions | finished)
    doubtful = queue.doubtful_accounts(client, {number: _drained(counts, number) for number in positions})
    if doubtful:
        _settle_accounts(database, client, doubtful)
    return positions


def _set_back(database: Database, client: Client, partitions: Sequence[int]) -> None:
    """Note that these streams are read from their start: else what is in them would be taken for processed."""
    with database.writing() as connection:
        held = lock_positions(connection, partitions)
        believable = _believable(client, held)
        save_positions(connection, {number: at for number, at in believable.items() if at != held[number]})


def _finish(database: Database, partitions: Sequence[int]) -> None:
    """Note that nothing is left of partitions whose end was processed before, as a database restored from a backup finds."""
    with database.writing() as connection:
        held = lock_positions(connection, partitions)
        save_positions(connection, dict.fromkeys(held, queue.FINISHED))


def _is_closed_and_empty(client: Client, partition: int) -> bool:
    try:
        info = client.xinfo_stream(queue.stream_key(partition))
    except redis.ResponseError:
        return False  # Nothing was ever appended.
    return bool(info["length"] == 0 and info["last-generated-id"].decode() == queue.CLOSED_ID)


def _settle_accounts(database: Database, client: Client, doubtful: Sequence[int]) -> None:
    # Under the partitions' locks, so that no other drain moves the counts meanwhile.
    with database.writing() as connection:
        held = _believable(client, lock_positions(connection, doubtful))
        counts = read_counts(connection)
        for number, position in held.items():
            if queue.settle_accounts(client, number, position, _drained(counts, number)):
                log.warning("queue_counts_settled", partition=number)


def _drained(counts: dict[tuple[int, int], Counts], number: int) -> dict[int, int]:
    """Return how many events of each site the database has had from a partition."""
    return {site: count.appended for (partition, site), count in counts.items() if partition == number}


def _believable(client: Client, positions: dict[int, str]) -> dict[int, str]:
    """Return *positions*, set back to the start where the stream has never reached them.

    That happens when the queue's server was replaced by an empty one whose clock is behind. Reading again from the start
    does no harm: the ledger knows what it has.
    """
    believable = dict(positions)
    for number, position in positions.items():
        try:
            info = client.xinfo_stream(queue.stream_key(number))
        except redis.ResponseError:
            continue  # Nothing was ever appended.
        last = info["last-generated-id"].decode()
        if queue.id_order(last) < queue.id_order(position):
            log.warning("stream_restarted", partition=number, position=position, last=last)
            believable[number] = "0-0"
    return believable


def _next_appetite(batch: Sequence[QueueEntry]) -> int:
    """Return how many entries of each partition to read next, from what the last read found."""
    active = len({partition for partition, _, _ in batch})
    size = max(1, sum(len(packed) for _, _, packed in batch))
    return max(1, min(BATCH_ENTRIES // active, READ_BYTES * len(batch) // size // active))


def _parts(batch: Sequence[QueueEntry]) -> Iterator[list[QueueEntry]]:
    """Yield *batch*, the oldest entries first, in parts for one transaction each."""
    part: list[QueueEntry] = []
    size = 0
    for entry in sorted(batch, key=lambda entry: queue.id_order(entry[1])):
        if part and (len(part) == BATCH_ENTRIES or size + len(entry[2]) > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry[2])
    if part:
        yield part


def _process(database: Database, part: Sequence[QueueEntry], follow_up: FollowUp) -> Outcome:
    """Process *part*; return the sum of what its transactions did."""
    total = Outcome(Counts(), {})
    for outcome in process_surely(database, part, follow_up):
        total.counts.add(outcome.counts)
        total.positions |= outcome.positions
        total.announced |= outcome.announced
    return total
