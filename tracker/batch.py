"""One transaction of the drain: screen, de-duplicate and fold a batch of queue entries, and store all that follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import redis
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from tracker import queue, store
from tracker.consents import Consent, add_consents, consenting
from tracker.core.consents import Declared, declared_by
from tracker.core.entries import Entry, unpack
from tracker.core.events import TRACKING, Event, Fact
from tracker.core.heard import Heard
from tracker.core.persons import NOBODY, Identity, identity_of, known_identity, separate_key
from tracker.core.refusals import FilterLabel
from tracker.core.screening import is_opted_out, screen
from tracker.core.visits import Folded, Visit, VisitorState, fold
from tracker.days import day_of
from tracker.db import Database
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.erased import erased_among, erased_at, load_erased
from tracker.log import get_logger
from tracker.progress import Counts, add_counts, lock_positions, save_positions
from tracker.sites import Site, load_sites
from tracker.store import KnownVisitor, VisitorKey

log = get_logger(__name__)

DEADLOCK_TRIES: Final = 5
_DEADLOCKS: Final = frozenset(("40P01", "40001"))
"""PostgreSQL's codes for deadlock_detected and serialization_failure."""

QueueEntry = tuple[int, str, bytes]
"""Partition, id in its stream, packed entry."""


class VisitorUpdate(msgspec.Struct, frozen=True):
    """What a batch changed about one visitor, for whatever follows in the same transaction."""

    visitor_id: int
    key: VisitorKey
    state: VisitorState
    heard: Heard
    facts: list[Fact]
    from_scratch: bool
    """Whether ``facts`` are all there ever were rather than those of this batch."""


class Outcome(msgspec.Struct):
    """What one transaction did."""

    counts: Counts
    positions: dict[int, str]
    announced: bool = False
    """Whether the follow-up has written something that others wait for."""


FollowUp = Callable[[Connection, dict[int, Site], list[VisitorUpdate], int], bool]
"""Called in the transaction with the updates and the time; tells whether it wrote lead changes."""


def process_surely(
    database: Database, batch: Sequence[QueueEntry], follow_up: FollowUp, *, now_ms: int | None = None
) -> list[Outcome]:
    """Process *batch*; where it can't be, halve it until the entry to blame is alone, and make a dead letter of that."""
    try:
        return [_process_again(database, batch, follow_up, now_ms)]
    except (OperationalError, InterfaceError, InternalError, redis.RedisError):
        raise  # The database or Redis is away, full or read-only: the entries are not to blame and wait.
    except Exception:
        if len(batch) == 1:
            log.exception("entry_failed", partition=batch[0][0], entry=batch[0][1])
            return [process(database, batch, follow_up, give_up="processing_failed", now_ms=now_ms)]
        middle = len(batch) // 2
        first = process_surely(database, batch[:middle], follow_up, now_ms=now_ms)
        return first + process_surely(database, batch[middle:], follow_up, now_ms=now_ms)


def _process_again(database: Database, batch: Sequence[QueueEntry], follow_up: FollowUp, now_ms: int | None) -> Outcome:
    """Process *batch*, once more where it and another transaction had waited for each other.

    All lock in one order, but a lead that was merged meanwhile leads to another: PostgreSQL then ends one of the two.
    """
    tries = 1
    while True:
        try:
            return process(database, batch, follow_up, now_ms=now_ms)
        except OperationalError as error:
            if tries == DEADLOCK_TRIES or getattr(error.orig, "sqlstate", None) not in _DEADLOCKS:
                raise
            log.info("batch_again", reason="deadlock")
            tries += 1


def process(
    database: Database,
    batch: Sequence[QueueEntry],
    follow_up: FollowUp,
    *,
    give_up: str | None = None,
    now_ms: int | None = None,
) -> Outcome:
    """Process *batch*, ordered by id within each partition, in one transaction; safe to call twice with the same entries.

    *give_up* names the reason for which all events of the batch become dead letters instead. *now_ms* is the time of
    processing, by default the present.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with database.writing() as connection:
        held = lock_positions(connection, sorted({partition for partition, _, _ in batch}))
        reached = {partition: queue.id_order(position) for partition, position in held.items()}
        fresh = [entry for entry in batch if entry[0] in held and queue.id_order(entry[1]) > reached[entry[0]]]
        work = _Batch(connection, load_sites(connection), now_ms)
        for partition, entry_id, packed in fresh:
            if entry_id != queue.CLOSED_ID:
                work.add(partition, packed, give_up)
        updates = work.write()
        announced = follow_up(connection, work.sites, updates, now_ms) if updates else False
        passed = {partition: entry_id for partition, entry_id, _ in fresh}
        positions = held | {number: queue.FINISHED if at == queue.CLOSED_ID else at for number, at in passed.items()}
        save_positions(connection, {number: at for number, at in positions.items() if at != held[number]})
    total = Counts()
    for counts in work.counts.values():
        total.add(counts)
    return Outcome(total, positions, announced)


class _Incoming(msgspec.Struct, frozen=True):
    partition: int
    key: VisitorKey
    event: Event
    label: FilterLabel | None
    received_at: int
    trusted: bool
    vouched: str = ""
    """The label under which the ledger has it, where somebody vouches for it."""
    kept_by: VisitorKey | None = None
    """Of what is vouched for, the visitor under whom it is kept; by what is known now it may be another's."""
    replaces: tuple[int, bytes] | None = None
    """Of what is vouched for, visitor and message of the row with the label."""


class _Batch:
    """The work of one transaction: gathered entry by entry, then read, decided and written as one."""

    def __init__(self, connection: Connection, sites: dict[int, Site], now_ms: int) -> None:
        self.connection = connection
        self.sites = sites
        self.now_ms = now_ms
        self.counts: dict[tuple[int, int], Counts] = {}
        self._incoming: list[_Incoming] = []
        self._letters: list[DeadLetter] = []
        self._erased: dict[int, dict[bytes, int]] = {}

    def add(self, partition: int, packed: bytes, give_up: str | None) -> None:
        """Take one entry of the queue: screen its events, lay aside what was refused."""
        try:
            entry = unpack(packed)
        except msgspec.DecodeError:
            # Not counted as received: what is no entry of ours was never acknowledged by us.
            log.error("entry_unreadable", partition=partition, bytes=len(packed))
            self._letters.append(DeadLetter(0, self.now_ms, "entry_unreadable", "worker", False, packed))
            return
        counts = self.counts.setdefault((partition, entry.site_id), Counts())
        counts.appended += entry.count
        counts.received += entry.count
        site = self.sites.get(entry.site_id)
        if site is not None and is_opted_out(entry.info, site.settings.rules):
            counts.filtered += entry.count  # Counted and forgotten, the refused ones too: this person asked us to.
            return
        for rejected in entry.rejected:
            if entry.received_ms <= erased_at(self._erased_of(entry.site_id), rejected.body):
                counts.filtered += 1  # Names somebody who was erased meanwhile.
                continue
            self._refuse(entry, rejected.reason, rejected.body, counts, "collector")
        for key, event in entry.events:
            if give_up is not None or site is None:
                # As an entry of its own, so that a replay can put it back into the queue as it was.
                alone = msgspec.structs.replace(entry, events=[(key, event)], rejected=[])
                self._refuse(entry, give_up or "site_unknown", msgspec.json.encode(alone), counts, "worker")
                continue
            screened = screen(event, entry.info, site.settings.rules)
            self._incoming.append(
                _Incoming(
                    partition,
                    (entry.site_id, key),
                    screened.event,
                    screened.label,
                    entry.received_ms,
                    entry.info.trusted,
                    entry.info.vouched,
                    (entry.site_id, key) if entry.info.vouched else None,
                )
            )

    def write(self) -> list[VisitorUpdate]:
        """Read what is known, decide, write; return what changed about visitors."""
        keys = self._keys()
        known = store.load_visitors(self.connection, keys)
        if self._forget_erased([key for key in keys if key not in known]):
            keys = self._keys()
        if self._tell_people_apart(known):
            keys = self._keys()
            known |= store.load_visitors(self.connection, [key for key in keys if key not in known])
        if self._find_vouched_for(known):
            keys = self._keys()
        if self._forget_without_consent(known):
            keys = self._keys()
        added = [key for key in keys if key not in known]
        for key, visitor_id in zip(added, store.new_visitor_ids(self.connection, len(added)), strict=True):
            known[key] = KnownVisitor(visitor_id, key, 0, None)
        fresh = self._drop_duplicates(known, set(added))

        counting: dict[VisitorKey, list[Event]] = {}
        for incoming in fresh:
            if incoming.label is None:
                counting.setdefault(incoming.key, []).append(incoming.event)
        folded = self._fold(known, counting)

        heard = self._heard(known, fresh)
        store.save_visitors(self.connection, self._visitor_rows(known, folded, set(added), fresh, heard))
        rows = [store.event_row(known[one.key].id, one.event, one.received_at, one.label) for one in fresh]
        store.take_out(self.connection, [one.replaces for one in fresh if one.replaces is not None])
        store.append_events(self.connection, rows)
        add_consents(self.connection, self._consents(known, fresh))
        touched: list[tuple[int, int, Visit]] = []
        for key, result in folded.items():
            touched += [(known[key].id, key[0], visit) for visit in result.visits]
        store.save_visits(self.connection, touched)
        store.drop_visits_beyond(self.connection, self._shrunk(known, folded))
        save_dead_letters(self.connection, self._letters)
        heard_of = {(one.partition, one.key[0]): known[one.key].id for one in self._incoming}
        add_counts(self.connection, self.counts, heard_of, self.now_ms)
        return [
            VisitorUpdate(known[key].id, key, result.state, heard[key], result.facts, result.from_scratch)
            for key, result in folded.items()
            # Of a browser that may be a mail scanner's nothing is told, not even that it is there.
            if result.facts or known[key].visits or not result.state.held
        ]

    def _keys(self) -> list[VisitorKey]:
        """Return who the events are of, each once."""
        return list(dict.fromkeys(incoming.key for incoming in self._incoming))

    def _forget_erased(self, unknown: list[VisitorKey]) -> bool:
        """Drop what was received of people before they were erased; return whether there was any.

        Such a visitor isn't stored any more: those that are need no looking up.
        """
        erased = erased_among(self.connection, unknown) if unknown else {}
        if not erased:
            return False
        staying = []
        for one in self._incoming:
            if one.received_at <= erased.get(one.key, -1):
                self.counts[one.partition, one.key[0]].filtered += 1  # Counted and forgotten, as with an opt-out.
            else:
                staying.append(one)
        self._incoming = staying
        return True

    def _erased_of(self, site_id: int) -> dict[bytes, int]:
        """Who of a site was erased lately; read once, and only where something was refused."""
        if site_id not in self._erased:
            self._erased[site_id] = load_erased(self.connection, site_id)
        return self._erased[site_id]

    def _forget_without_consent(self, known: dict[VisitorKey, KnownVisitor]) -> bool:
        """Drop what browsers sent of visitors without a consent, where the site demands one; return whether there was any.

        The last word counts, also one of this very batch: pages tell of it after the page that was agreed on.
        """
        demanding = {site_id for site_id, site in self.sites.items() if site.settings.requires_consent}
        asked = {one.key for one in self._incoming if one.key[0] in demanding and not one.trusted}
        if not asked:
            return False
        key_of = {known[key].id: key for key in asked if key in known}
        words = {key_of[number]: word for number, word in consenting(self.connection, key_of).items()}
        for one in self._incoming:
            told = declared_by(one.event)
            if told is not None and told.purpose == TRACKING:
                word = (one.event.at, not told.given)
                words[one.key] = max(words.get(one.key, word), word)
        staying = []
        for one in self._incoming:
            _, refuses = words.get(one.key, (0, True))
            if refuses and one.key in asked and not (one.trusted or declared_by(one.event)):
                self.counts[one.partition, one.key[0]].filtered += 1  # Counted and forgotten, as with an opt-out.
            else:
                staying.append(one)
        self._incoming, gone = staying, len(self._incoming) - len(staying)
        return gone > 0

    @staticmethod
    def _consents(known: dict[VisitorKey, KnownVisitor], fresh: list[_Incoming]) -> list[Consent]:
        told: list[tuple[_Incoming, Declared | None]] = [(one, declared_by(one.event)) for one in fresh]
        return [
            Consent(
                known[one.key].id,
                one.event.message_id,
                one.key[0],
                said.purpose,
                said.given,
                one.event.at,
                said.version,
                said.source,
            )
            for one, said in told
            if said is not None
        ]

    def _tell_people_apart(self, known: dict[VisitorKey, KnownVisitor]) -> bool:
        """Give events by a second person on one browser to a visitor of their own; return whether there were any."""
        owners: dict[VisitorKey, Identity] = {}
        moved = False
        for place, one in enumerate(self._incoming):
            told = identity_of(one.event)
            if told is NOBODY:
                continue
            owner = owners.get(one.key)
            if owner is None:
                owner = known_identity(known[one.key].state if one.key in known else None)
            if told.is_another_than(owner):
                site_id, key = one.key
                apart = separate_key(key, told)
                self._incoming[place] = msgspec.structs.replace(one, key=(site_id, apart))
                moved = True
            else:
                owners[one.key] = owner.completed_by(told)
        return moved

    def _find_vouched_for(self, known: dict[VisitorKey, KnownVisitor]) -> bool:
        """Find the rows that events replace for which somebody vouches; drop those events that have none with that label any
        more. Return whether there were any.
        """
        kept_by = {one.kept_by for one in self._incoming if one.kept_by is not None}
        if not kept_by:
            return False
        known.update(store.load_visitors(self.connection, kept_by - known.keys()))
        vouched = [one for one in self._incoming if one.kept_by is not None]
        places = {(key, one.event.message_id) for one in vouched for key in (one.kept_by, one.key) if key in known}
        labels = store.labels_of(self.connection, {(known[key].id, message_id) for key, message_id in places})
        taken: set[tuple[int, bytes]] = set()
        staying = []
        for one in self._incoming:
            if one.kept_by is None:
                staying.append(one)
                continue
            counts, message_id = self.counts[one.partition, one.key[0]], one.event.message_id
            row, place = ((known[key].id, message_id) if key in known else None for key in (one.kept_by, one.key))
            if row is None or row not in labels:
                counts.filtered += 1  # Erased or too old: forgotten, and this with it.
            elif labels[row] != one.vouched or row in taken or (place != row and place in labels):
                counts.duplicate += 1
            else:
                taken.add(row)
                staying.append(msgspec.structs.replace(one, replaces=row))
        self._incoming = staying
        return True

    def _drop_duplicates(self, known: dict[VisitorKey, KnownVisitor], added: set[VisitorKey]) -> list[_Incoming]:
        probes = [(known[one.key].id, one.event.message_id) for one in self._incoming if one.key not in added]
        seen = store.known_messages(self.connection, probes)
        fresh: list[_Incoming] = []
        for one in self._incoming:
            counts = self.counts[one.partition, one.key[0]]
            pair = (known[one.key].id, one.event.message_id)
            if pair in seen and pair != one.replaces:
                counts.duplicate += 1
                continue
            seen.add(pair)
            fresh.append(one)
            if one.label is None:
                counts.stored += 1
            else:
                counts.filtered += 1
        return fresh

    def _fold(
        self, known: dict[VisitorKey, KnownVisitor], counting: dict[VisitorKey, list[Event]]
    ) -> dict[VisitorKey, Folded]:
        folded: dict[VisitorKey, Folded] = {}
        again: dict[int, VisitorKey] = {}
        for key, events in counting.items():
            result = self._fold_one(key, events, known[key].state)
            if result is None:
                again[known[key].id] = key
            else:
                folded[key] = result
        for visitor_id, history in store.load_histories(self.connection, again).items():
            key = again[visitor_id]
            result = self._fold_one(key, history + counting[key], None)
            assert result is not None  # only a continued fold can fail
            folded[key] = result
        return folded

    def _fold_one(self, key: VisitorKey, events: list[Event], state: VisitorState | None) -> Folded | None:
        settings = self.sites[key[0]].settings
        return fold(events, state, day_of(settings.time_zone), settings.visit_gap_minutes * 60_000)

    @staticmethod
    def _heard(known: dict[VisitorKey, KnownVisitor], fresh: list[_Incoming]) -> dict[VisitorKey, Heard]:
        """Return when each visitor of *fresh* was heard by now."""
        found: dict[VisitorKey, Heard] = {}
        for one in fresh:
            before = found.get(one.key) or known[one.key].heard
            found[one.key] = (before.again if before else Heard.once)(one.received_at, trusted=one.trusted)
        return found

    @staticmethod
    def _visitor_rows(
        known: dict[VisitorKey, KnownVisitor],
        folded: dict[VisitorKey, Folded],
        added: set[VisitorKey],
        fresh: list[_Incoming],
        heard: dict[VisitorKey, Heard],
    ) -> list[tuple[int, VisitorKey, VisitorState | None, int, Heard]]:
        rows: list[tuple[int, VisitorKey, VisitorState | None, int, Heard]] = [
            (known[key].id, key, result.state, 0, heard[key]) for key, result in folded.items()
        ]
        first = {one.key: one.event.at for one in reversed(fresh) if one.key in added and one.key not in folded}
        return rows + [(known[key].id, key, None, at, heard[key]) for key, at in first.items()]

    @staticmethod
    def _shrunk(known: dict[VisitorKey, KnownVisitor], folded: dict[VisitorKey, Folded]) -> dict[int, int]:
        """Return the visitors that have fewer visits than before, with the number of visits they have now."""
        return {
            known[key].id: result.state.visits for key, result in folded.items() if result.state.visits < known[key].visits
        }

    def _refuse(self, entry: Entry, reason: str, body: bytes, counts: Counts, source: str) -> None:
        counts.dead_lettered += 1
        self._letters.append(DeadLetter(entry.site_id, entry.received_ms, reason, source, entry.info.trusted, body))
