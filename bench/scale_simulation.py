"""The queue over time: visitors of uneven weight on partitions, workers that take batches, and what goes wrong meanwhile.

A discrete-event simulation without chance. Events arrive as a steady flow into each partition; a worker takes what waits in
its partitions, at most ``BATCH`` of each, and is busy for as long as such a batch takes. Nothing here reads a clock or file.
"""

from __future__ import annotations

import bisect
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

BATCH: Final = 2_000
"""Entries of a partition in one batch, as ``tracker.drain`` reads them."""
SETTLING_S: Final = 5.0
"""What is looked at begins then, so that it doesn't depend on how the simulation began."""
_ONE: Final = 0.999
"""An event, but for rounding."""
_HEAD: Final = 50_000
"""Visitors who are put on partitions one by one; the rest is spread evenly."""


class Interval(msgspec.Struct, frozen=True):
    """From when until when something holds, in seconds, and how much it changes."""

    begin: float
    end: float
    factor: float = 1.0


class Setup(msgspec.Struct, frozen=True):
    """A service, its load, and what happens to it."""

    rate: float
    """Events/s."""
    workers: int
    shares: tuple[float, ...]
    """Part of the load by partition; adds up to 1."""
    worker_rate: float
    """Events/s of one worker with full batches."""
    batch_s: float
    """Seconds that every batch takes on top."""
    burst: Interval = Interval(0, 0)
    """More events: times the factor."""
    slow: Interval = Interval(0, 0)
    """The database takes the factor times as long."""
    away: Interval = Interval(0, 0)
    """There is no database."""
    lost: Interval = Interval(0, 0)
    """The worker with the most to do is gone, and its partitions wait until another has taken them over."""
    seconds: float = 240.0


class Outcome(msgspec.Struct, frozen=True):
    """What came of it. Delays are seconds from arrival to commit, of all events after ``SETTLING_S``."""

    load: float
    """Of the worker with the most to do, in ordinary times: 1 is all it can."""
    median_s: float
    p99_s: float
    longest_s: float
    waiting: float
    """Events waiting at most."""
    behind_s: float
    """For how long some worker had more waiting than it takes at once; infinite if it never caught up."""


def shares_of(partitions: int, visitors: int, exponent: float, heaviest: float = 0.0) -> tuple[float, ...]:
    """Return the part of the load on each partition, visitors being put there as ``tracker.core.entries`` does.

    The k-th of *visitors* has a weight of ``k ** -exponent`` (Zipf); *heaviest* is the part of all load that one visitor
    more sends, a robot say.
    """
    found = [0.0] * partitions
    head = min(visitors, _HEAD)
    for number in range(1, head + 1):
        found[zlib.crc32(b"visitor-%d" % number, 1) % partitions] += number**-exponent
    tail = _power_sum(head, visitors, exponent) / partitions
    total = sum(found) + tail * partitions
    usual = [(share + tail) / total * (1 - heaviest) for share in found]
    usual[zlib.crc32(b"robot", 1) % partitions] += heaviest
    return tuple(usual)


def simulate(setup: Setup) -> Outcome:
    """Return what becomes of *setup*."""
    flow = _Flow(setup)
    mine = [setup.shares[worker :: setup.workers] for worker in range(setup.workers)]
    busiest = max(range(setup.workers), key=lambda worker: sum(mine[worker]))
    delays: list[tuple[float, float]] = []
    waiting = [0.0] * (math.ceil(setup.seconds) + 1)
    behind = 0.0
    for worker, shares in enumerate(mine):
        idle = (setup.away, setup.lost) if worker == busiest else (setup.away,)
        behind = max(behind, _Worker(setup, flow, shares, idle).run(delays, waiting))
    delays.sort()
    return Outcome(
        load=setup.rate * sum(mine[busiest]) / setup.worker_rate,
        median_s=_quantile(delays, 0.5),
        p99_s=_quantile(delays, 0.99),
        longest_s=delays[-1][0] if delays else 0.0,
        waiting=max(waiting),
        behind_s=behind,
    )


class _Flow:
    """How many events have arrived by when, of all partitions, and the reverse."""

    def __init__(self, setup: Setup) -> None:
        self.times, self.counts, self.rates = [0.0], [0.0], [setup.rate]
        if setup.burst.end > setup.burst.begin:
            self._turn(setup.burst.begin, setup.rate * setup.burst.factor)
            self._turn(setup.burst.end, setup.rate)

    def by(self, at: float) -> float:
        """Return how many have arrived at a time."""
        place = bisect.bisect_right(self.times, at) - 1
        return self.counts[place] + (at - self.times[place]) * self.rates[place]

    def when(self, count: float) -> float:
        """Return when so many had arrived."""
        place = bisect.bisect_right(self.counts, count) - 1
        return self.times[place] + (count - self.counts[place]) / self.rates[place]

    def _turn(self, at: float, rate: float) -> None:
        count = self.by(at)
        self.times.append(at)
        self.counts.append(count)
        self.rates.append(rate)


class _Worker:
    """One worker: its partitions, and how far it is in each."""

    def __init__(self, setup: Setup, flow: _Flow, shares: Sequence[float], idle: Sequence[Interval]) -> None:
        self.setup, self.flow, self.idle = setup, flow, idle
        self.shares = [share for share in shares if share > 0]
        self.whole, self.largest = sum(self.shares), max(self.shares, default=0.0)
        self.level = 0.0
        """Of all that ever arrived anywhere, the count up to which this worker has taken its part, in all partitions."""
        self.taken: list[float] | None = None
        """The same by partition, while it is behind; ``None`` while the last batch took all there was."""

    def run(self, delays: list[tuple[float, float]], waiting: list[float]) -> float:
        """Work until the time is up; add to *delays* and, second by second, to *waiting*. Return how long it was behind."""
        at, behind = 0.0, 0.0
        peaks = [0.0] * len(waiting)
        while self.whole and at < self.setup.seconds:
            arrived = self.flow.by(at)
            left = self.whole * arrived - self._sum()
            if left < _ONE:
                at = max(self.flow.when(arrived + (1 - left) / self.whole), at + 1e-6)
            elif idle := next((some for some in self.idle if some.begin <= at < some.end), None):
                self._note(peaks, at, idle.end, self._sum())
                at = idle.end
            else:
                level, taken, before = self.level, self.taken, self._sum()
                self._take(arrived)
                done = self._finish(at, self._sum() - before)
                self._note(peaks, at, done, before)
                if done > SETTLING_S:
                    self._tell(level, taken, done, delays)
                behind += 0 if self.taken is None else done - at
                at = done
        for second, peak in enumerate(peaks):
            waiting[second] += peak
        return behind if self.taken is None else math.inf

    def _sum(self) -> float:
        if self.taken is None:
            return self.whole * self.level
        return sum(share * taken for share, taken in zip(self.shares, self.taken, strict=True))

    def _take(self, arrived: float) -> None:
        if self.taken is None and self.largest * (arrived - self.level) < BATCH:
            self.level = arrived
            return
        taken = self.taken or [self.level] * len(self.shares)
        until = [min(arrived, begin + BATCH / share) for begin, share in zip(taken, self.shares, strict=True)]
        self.level, self.taken = arrived, None if all(end == arrived for end in until) else until

    def _finish(self, at: float, count: float) -> float:
        """Return when a batch of so many events is done that was begun at a time."""
        work, slow = self.setup.batch_s + count / self.setup.worker_rate, self.setup.slow
        if at >= slow.end or at + work <= slow.begin:
            return at + work
        begin = max(at, slow.begin)
        work -= begin - at
        slowly = (slow.end - begin) / slow.factor
        return begin + work * slow.factor if work <= slowly else slow.end + work - slowly

    def _tell(self, level: float, taken: list[float] | None, done: float, delays: list[tuple[float, float]]) -> None:
        """Write down how long the first and the last event of a batch took, each standing for half of it."""
        if taken is None and self.taken is None:
            batch = [(level, self.level, self.whole)]
        else:
            count = len(self.shares)
            batch = list(zip(taken or [level] * count, self.taken or [self.level] * count, self.shares, strict=True))
        for begin, end, share in batch:
            half = share * (end - begin) / 2
            delays.append((done - self.flow.when(min(begin + 1 / self.whole, end)), half))
            delays.append((done - self.flow.when(end), half))

    def _note(self, peaks: list[float], begin: float, end: float, taken: float) -> None:
        """Write down how many wait at the end of each second from *begin* to *end*, and at *end* itself."""
        for second in range(math.floor(begin), min(math.floor(end), len(peaks) - 1) + 1):
            peaks[second] = max(peaks[second], self.whole * self.flow.by(min(end, second + 1.0)) - taken)


def _quantile(delays: Sequence[tuple[float, float]], part: float) -> float:
    wanted, sum_so_far = sum(weight for _, weight in delays) * part, 0.0
    for delay, weight in delays:
        sum_so_far += weight
        if sum_so_far >= wanted:
            return delay
    return 0.0


def _power_sum(begin: int, end: int, exponent: float) -> float:
    """Return about ``sum(k ** -exponent)`` for *begin* < k <= *end*."""
    primitive: Callable[[float], float] = math.log if exponent == 1 else lambda x: x ** (1 - exponent) / (1 - exponent)
    return primitive(end + 0.5) - primitive(begin + 0.5) if end > begin else 0.0
