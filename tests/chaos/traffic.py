"""Traffic that goes on whatever happens: senders that repeat each batch until it is acknowledged, and know what was."""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from scorer.resources import now_ms
from tests import samples
from tests.service.running import AGENT, MINUTE, Event, basic, page, time_text

ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SENDERS = 3
PAUSE_SECONDS = 0.12
"""Between two batches of a sender, on average."""
PATIENCE_SECONDS = 3.0
"""How long a sender waits for an answer before it sends the batch again."""
AGAIN_SECONDS = 0.1
BUYER_EVERY, FIRST_BUYER = 400, 20
"""Who becomes hot: one after so many events of the recording, the first soon. Over a campaign of 500 faults that is less
than an alert's mails of a day."""
YOUNGEST_MS = 120 * MINUTE
"""Age of the latest event with a time of its own: a collector whose clock is set back by an hour refuses what seems to lie
in the future."""
REPEATED = 0.03
"""Share of batches that are sent once more though they were acknowledged."""


@dataclass
class Batch:
    """Events that are sent together."""

    events: list[Event]
    kept: list[str] = field(default_factory=list)
    """Ids of those that the ledger must hold once."""
    refused: list[str] = field(default_factory=list)
    """Ids of those that must become dead letters."""

    @property
    def body(self) -> bytes:
        return gzip.compress(json.dumps({"batch": self.events}).encode(), 1)


class Traffic:
    """Senders to the collector at *port*, and what they were told. *server_key* lets events be as old as they like."""

    def __init__(self, port: int, server_key: str, seed: int) -> None:
        self.port = port
        self.headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", **basic(server_key)}
        self.kept: set[str] = set()
        self.refused: set[str] = set()
        self.requests = self.retries = self.acknowledged = 0
        self.failure: BaseException | None = None
        self.recent: deque[Batch] = deque(maxlen=60)
        """Acknowledged lately."""
        self._chance = random.Random(seed)
        self._events = _events(self._chance)
        self._lock = threading.Lock()
        self._go = threading.Event()
        self._end = False
        self._idle = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._send_on, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begin."""
        self._go.set()
        for thread in self._threads:
            thread.start()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def pause(self, seconds: float = 60.0) -> None:
        """Return once every sender has been acknowledged what it was sending."""
        self._go.clear()
        for _ in self._threads:
            assert self._idle.acquire(timeout=seconds), f"a sender isn't answered: {self.failure!r}"
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """End for good."""
        self._end = True
        self._go.set()
        for thread in self._threads:
            thread.join(10)

    def next_batch(self) -> Batch:
        """Return the next events, up to twelve."""
        with self._lock:
            batch = Batch(list(itertools.islice(self._events, self._chance.randint(1, 12))))
            for event in batch.events:
                spoiled = self._chance.random()
                if spoiled < 0.01:
                    event["type"] = "nonsense"
                    batch.refused.append(event["messageId"])
                    continue
                if spoiled < 0.03:
                    event["context"] = {"userAgent": ROBOT}
                batch.kept.append(event["messageId"])
            return batch

    def send(self, batch: Batch, seconds: float = 90.0, *, counted: bool = True) -> None:
        """Send *batch* until it is acknowledged; *counted*: from then on the service answers for it."""
        body, until, connection = batch.body, time.monotonic() + seconds, None
        while True:
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
            try:
                connection.request("POST", "/v1/batch", body, self.headers)
                answer = connection.getresponse()
                status, told = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection, status, told = None, 0, repr(error).encode()
            with self._lock:
                self.requests += 1
                self.retries += status != 200
            if status == 200:
                break
            if status not in (0, 503):
                raise AssertionError(f"answered {status}: {told!r}")
            if time.monotonic() > until:
                raise AssertionError(f"not acknowledged within {seconds} s: {status} {told!r}")
            time.sleep(AGAIN_SECONDS)
        if connection is not None:
            connection.close()
        if counted:
            with self._lock:
                self.acknowledged += len(batch.events)
                self.kept.update(batch.kept)
                self.refused.update(batch.refused)
                self.recent.append(batch)

    def _send_on(self) -> None:
        chance = random.Random(threading.current_thread().name)
        try:
            while not self._end:
                if not self._go.is_set():
                    self._idle.release()
                    self._go.wait()
                    continue
                batch = self.next_batch()
                self.send(batch)
                if chance.random() < REPEATED:
                    self.send(batch)
                time.sleep(chance.uniform(0, 2 * PAUSE_SECONDS))
        except BaseException as error:
            self.failure = error
            while not self._end:
                self._go.wait()
                if not self._go.is_set():
                    self._idle.release()
                time.sleep(0.05)


def _events(chance: random.Random) -> Iterator[Event]:
    """Yield events without end: a recording that ended lately, where one is at hand, else made-up ones; among them
    views of now, visitors who say who they are, some of them on two devices, and some who become hot."""
    for turn in itertools.count():
        for number, event in enumerate(_recording() if _has_recording() else _made_up(chance)):
            event["anonymousId"] = who = f"{turn}-{event['anonymousId']}"
            event["messageId"] = f"{turn}-{number}"
            yield event
            if chance.random() < 0.15:
                path = chance.choice(("/pricing", "/products/pumps", "/contact", "/downloads/pumps.pdf"))
                yield page(who, path, messageId=f"{turn}-{number}-now")
            if chance.random() < 0.03:
                person = f"user-{turn}-{chance.randrange(400)}"
                traits = {"email": f"{person}@company{chance.randrange(50)}.example", "name": person}
                yield {
                    "type": "identify",
                    "messageId": f"{turn}-{number}-who",
                    "anonymousId": who,
                    "userId": person,
                    "traits": traits,
                    "context": {"userAgent": AGENT},
                }
            if number % BUYER_EVERY == FIRST_BUYER:
                yield from _buys(f"{turn}-buyer-{number}")


def _buys(who: str) -> Iterator[Event]:
    """Yield what makes a lead hot at once."""
    views = ("/products/pumps", "/pricing", "/pricing/pumps", "/request-a-quote", "/request-a-quote/pumps", "/contact")
    for number, path in enumerate(views):
        yield page(who, path, messageId=f"{who}-{number}")
    said = {"anonymousId": who, "userId": who, "context": {"userAgent": AGENT}}
    yield {"type": "identify", "messageId": f"{who}-who", "traits": {"email": f"{who}@{who}.example"}, **said}
    yield {"type": "track", "messageId": f"{who}-asked", "event": "Quote Requested", **said}


def _has_recording() -> bool:
    return (samples.FOLDER / "deskdrop-events-early").exists()


def _recording() -> Iterator[Event]:
    """The recording, ten times as fast, so that most of it is recent enough to make leads hot."""
    last, now = 1_475_277_802_000, now_ms() - YOUNGEST_MS
    for event in samples.deskdrop():
        at = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)
        yield event | {"timestamp": time_text(now - (last - at) // 10)}


def _made_up(chance: random.Random) -> Iterator[Event]:
    for number in range(20_000):
        at = now_ms() - YOUNGEST_MS - chance.randrange(48 * 60) * MINUTE
        yield page(f"v{chance.randrange(900)}", f"/p{number % 90}", at)
