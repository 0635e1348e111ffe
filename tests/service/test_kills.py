"""Whatever is killed while events come in: each that was acknowledged is stored, once."""

from __future__ import annotations

import threading
import time
from collections import deque
from hashlib import blake2b
from itertools import islice

import pytest
from sqlalchemy import select

from scorer.resources import now_ms
from tests import samples
from tests.service.conftest import MakeService
from tests.service.running import MINUTE, Event, Sender, batches, page, wait_for
from tracker.models import events as ledger

EVENTS = 6000
VICTIMS = ("worker drain-0", "collector", "valkey") * 2


def replayed() -> list[Event]:
    """Events of a recording, moved to the present where it is at hand, and made-up ones where it isn't."""
    if (samples.FOLDER / "deskdrop-events-early").exists():
        first = 1_457_964_163_000  # when the recording begins
        return list(islice(samples.deskdrop(now_ms() - first - 200 * 24 * 60 * MINUTE), EVENTS))
    start = now_ms() - EVENTS * MINUTE
    return [page(f"v{n % 400}", f"/p{n % 90}", start + n * MINUTE, messageId=f"made-{n}") for n in range(EVENTS)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_was_acknowledged_is_stored_once_though_worker_collector_and_queue_are_killed_twice(
    make_service: MakeService, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service = make_service(database).start()
    site = service.add_site()
    waiting = deque(batches(replayed(), 10))
    acknowledged: set[str] = set()
    retries: list[int] = []
    failures: list[BaseException] = []
    hurry = threading.Event()

    def send() -> None:
        with Sender(service.port, site.server_key) as sender:
            try:
                while True:
                    try:
                        batch = waiting.popleft()
                    except IndexError:
                        break
                    assert sender.send(batch) == {"success": True}
                    acknowledged.update(event["messageId"] for event in batch)
                    hurry.wait(0.04)  # spread over the kills
            except BaseException as error:
                failures.append(error)
            retries.append(sender.retries)

    senders = [threading.Thread(target=send) for _ in range(3)]
    for thread in senders:
        thread.start()
    back_after: dict[str, list[float]] = {}
    sent_before = []
    for victim in VICTIMS:
        # In the midst of things: some have gone through since the last kill.
        goal = len(acknowledged) + 250
        wait_for(lambda goal=goal: len(acknowledged) > goal or failures, 30, f"nothing is taken before {victim} is killed")
        sent_before.append(len(acknowledged))
        back_after.setdefault(victim, []).append(round(service.kill(victim), 2))
    hurry.set()
    for thread in senders:
        thread.join(90)
    assert failures == []
    started = time.monotonic()
    accounts = service.processed()
    with capsys.disabled():
        print(
            f"\n    killed after {sent_before} of {EVENTS} events; new process after {back_after} s; "
            f"{sum(retries)} retries, {accounts.duplicate} duplicates; the rest drained in "
            f"{time.monotonic() - started:.1f} s",
            end=" ",
        )
    # Who only lost the connection waits for it and goes on.
    assert service.log.count("process_died") == 4, service.log
    assert sent_before[0] > 0
    assert sent_before[-1] < EVENTS, "all was sent before the last was killed"
    assert len(acknowledged) == EVENTS
    assert accounts.stored + accounts.filtered == EVENTS
    assert (accounts.dead_lettered, accounts.received) == (0, EVENTS + accounts.duplicate)
    with service.resources.database.reading() as connection:
        stored = [bytes(one) for one in connection.execute(select(ledger.c.message_id)).scalars()]
    assert len(stored) == EVENTS
    assert set(stored) == {blake2b(one.encode(), digest_size=16).digest() for one in acknowledged}
