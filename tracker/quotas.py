"""The quotas of a collector process: what each write key, visitor and client address has sent of late. In memory only.

Each process counts for itself, so several let through as many times the quota. Nothing is stored: addresses stay in memory
for as long as others push them out, and are never those of sites that want no address looked at.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Mapping
from ipaddress import ip_address
from typing import Final, Generic, TypeVar

from tracker.core.addresses import is_private
from tracker.core.admission import Refused
from tracker.core.quotas import Quota, taken_from, wait_for
from tracker.core.refusals import RequestRefusal

MAX_BUCKETS: Final = 20_000
"""Senders of one kind that are remembered at least; at most twice as many. Some 10 MB when somebody invents ids all day.
Whoever is forgotten has a full bucket."""
LONGEST_WAIT: Final = 3600
"""Seconds that a sender is asked to wait at most."""

Sender = TypeVar("Sender", bound=Hashable)


class Buckets(Generic[Sender]):
    """The buckets of all senders of one kind."""

    def __init__(self, quota: Quota, size: int = MAX_BUCKETS) -> None:
        self._quota = quota
        self._size = size
        self._room = quota.burst / quota.per_second
        # Two generations are nearly as good as an order of last use, and cost a look-up instead of a linked list.
        self._young: dict[Sender, float] = {}
        self._old: dict[Sender, float] = {}

    def wait(self, sender: Sender, events: int, now: float) -> float:
        """Return the seconds until *events* would be taken; 0 when they are at once."""
        full_at = self._young.get(sender) or self._old.get(sender, 0.0)
        return wait_for(full_at, now, events, self._quota) if full_at > now else 0.0

    def take(self, sender: Sender, events: int, now: float) -> float:
        """Take *events* out of a sender's bucket and return 0; or take none, and return the seconds to wait."""
        young = self._young
        full_at = young.get(sender) or self._old.get(sender, 0.0)
        if full_at > now and (seconds := wait_for(full_at, now, events, self._quota)):
            young[sender] = full_at  # Whoever goes on sending isn't forgotten.
            return seconds
        young[sender] = taken_from(full_at, now, events, self._quota)
        if len(young) >= self._size:
            self._grow_old()
        return 0.0

    def take_each(self, counts: Mapping[Sender, int], now: float) -> float:
        """Take so many events out of each sender's bucket and return 0; or take none, and return the seconds to wait."""
        young, old, per_second = self._young, self._old, self._quota.per_second
        after: dict[Sender, float] = {}
        for sender, events in counts.items():  # ``taken_from``, without a call for each
            full_at = young.get(sender) or old.get(sender, 0.0)
            after[sender] = (full_at if full_at > now else now) + events / per_second
        # Where even the fullest has room afterwards, nobody has to wait.
        if after and max(after.values()) > now + self._room:
            waits = {sender: seconds for sender, events in counts.items() if (seconds := self.wait(sender, events, now))}
            if waits:
                young.update((sender, young.get(sender) or old[sender]) for sender in waits)
                return max(waits.values())
        young.update(after)
        if len(young) >= self._size:
            self._grow_old()
        return 0.0

    def _grow_old(self) -> None:
        self._young, self._old = {}, self._young

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class Met:
    """Visitors of whom something came lately."""

    def __init__(self, size: int = MAX_BUCKETS) -> None:
        self._size = size
        self._young: set[tuple[int, str]] = set()
        self._old: set[tuple[int, str]] = set()

    def __contains__(self, visitor: tuple[int, str]) -> bool:
        if visitor in self._young:
            return True
        if visitor in self._old:
            self.add(visitor)  # Whoever comes back isn't forgotten.
            return True
        return False

    def add(self, visitor: tuple[int, str]) -> None:
        """Remember a visitor."""
        self._young.add(visitor)
        if len(self._young) >= self._size:
            self._young, self._old = set(), self._young


class OverQuota(Refused):
    """A sender has sent too much of late."""

    def __init__(self, reason: RequestRefusal, seconds: float) -> None:
        super().__init__(reason)
        self.retry_after = min(LONGEST_WAIT, int(seconds) + 1)


class Quotas:
    """The quotas in force; ``None`` for one that is off. Server keys are never asked."""

    def __init__(
        self, *, key: Quota | None, visitor: Quota | None, address: Quota | None, newcomers: Quota | None = None
    ) -> None:
        self._keys: Buckets[int] | None = Buckets(key) if key else None
        self._visitors: Buckets[tuple[int, str]] | None = Buckets(visitor) if visitor else None
        self._addresses: Buckets[str] | None = Buckets(address) if address else None
        self._newcomers: Buckets[str] | None = Buckets(newcomers) if newcomers else None
        self._met = Met()

    def look(self, site_id: int, address: str, events: int) -> None:
        """Raise ``OverQuota`` where *events* from this address for this site would be too many, before they are read.

        *address* is that of the client; empty, or private, it is nobody's in particular and isn't counted.
        """
        now = time.monotonic()
        if self._keys is not None and (seconds := self._keys.wait(site_id, events, now)):
            raise OverQuota("key_quota_exceeded", seconds)
        if self._addresses is not None and (sender := _network_of(address)):
            seconds = self._addresses.wait(sender, events, now)
            if seconds:
                raise OverQuota("address_quota_exceeded", seconds)

    def take(self, site_id: int, address: str, events: int, visitors: list[str]) -> None:
        """Count what was read: *events* in all, and one of each of *visitors*; raise ``OverQuota`` where that is too many.

        From the narrowest quota to the widest: a visitor's flood uses up nobody else's share, nor an address's the site's.
        """
        now = time.monotonic()
        if self._visitors is not None and (seconds := _take_visitors(self._visitors, site_id, visitors, now)):
            raise OverQuota("visitor_quota_exceeded", seconds)
        if self._addresses is not None and (network := _network_of(address)):
            seconds = self._addresses.take(network, events, now)
            if seconds:
                raise OverQuota("address_quota_exceeded", seconds)
        if self._keys is not None and (seconds := self._keys.take(site_id, events, now)):
            raise OverQuota("key_quota_exceeded", seconds)

    def too_many(self, site_id: int, address: str, visitors: list[str]) -> frozenset[str]:
        """Return the visitors of one address that are new ones beyond its share; the others are known from now on."""
        if self._newcomers is None or not (network := _network_of(address)):
            return frozenset()
        now = time.monotonic()
        held: set[str] = set()
        for visitor in visitors:
            if (site_id, visitor) in self._met or visitor in held:
                continue
            if self._newcomers.take(network, 1, now):
                held.add(visitor)
            else:
                self._met.add((site_id, visitor))
        return frozenset(held)


def _take_visitors(buckets: Buckets[tuple[int, str]], site_id: int, visitors: list[str], now: float) -> float:
    """Take one event for each time that a visitor is named."""
    if len(visitors) == 1:
        return buckets.take((site_id, visitors[0]), 1, now)
    senders = [(site_id, visitor) for visitor in visitors]
    counts = dict.fromkeys(senders, 1)
    return buckets.take_each(counts if len(counts) == len(senders) else Counter(senders), now)


def _network_of(address: str) -> str:
    """Return who an address stands for: of IPv6 the /64, which one customer has whole. Empty where it is nobody's.

    Behind a proxy that doesn't tell who asks, everybody has its private address.
    """
    if not address or is_private(address):
        return ""
    if ":" not in address:
        return address[:64]
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    return f"{parsed.exploded[:19]}::"
