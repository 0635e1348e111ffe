"""The quotas of a collector process: what each write key, visitor and client address has sent of late. In memory only.

Each process counts for itself, so several let through as many times the quota. Nothing is stored: addresses stay in memory
for as long as others push them out, and are never those of sites that want no address looked at.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Mapping
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
        # Two generations are nearly as good as an order of last use, and cost a look-up instead of a linked list.
        self._young: dict[Sender, float] = {}
        self._old: dict[Sender, float] = {}

    def wait(self, sender: Sender, events: int, now: float) -> float:
        """Return the seconds until *events* would be taken; 0 when they are at once."""
        full_at = self._young.get(sender) or self._old.get(sender, 0.0)
        return wait_for(full_at, now, events, self._quota) if full_at > now else 0.0

    def take(self, counts: Mapping[Sender, int], now: float) -> float:
        """Take so many events out of each sender's bucket and return 0; or take none, and return the seconds to wait."""
        young, old, quota, longest = self._young, self._old, self._quota, 0.0
        after: dict[Sender, float] = {}
        for sender, events in counts.items():
            full_at = young.get(sender) or old.get(sender, 0.0)
            if full_at > now and (seconds := wait_for(full_at, now, events, quota)):
                longest = max(longest, seconds)
                young[sender] = full_at  # Whoever goes on sending isn't forgotten.
            after[sender] = taken_from(full_at, now, events, quota)
        if longest:
            return longest
        young.update(after)
        if len(young) >= self._size:
            self._young, self._old = {}, young
        return 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class OverQuota(Refused):
    """A sender has sent too much of late."""

    def __init__(self, reason: RequestRefusal, seconds: float) -> None:
        super().__init__(reason)
        self.retry_after = min(LONGEST_WAIT, int(seconds) + 1)


class Quotas:
    """The quotas in force; ``None`` for one that is off. Server keys are never asked."""

    def __init__(self, *, key: Quota | None, visitor: Quota | None, address: Quota | None) -> None:
        self._keys: Buckets[int] | None = Buckets(key) if key else None
        self._visitors: Buckets[tuple[int, str]] | None = Buckets(visitor) if visitor else None
        self._addresses: Buckets[str] | None = Buckets(address) if address else None

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

    def take(self, site_id: int, address: str, events: int, visitors: Iterable[str]) -> None:
        """Count what was read: *events* in all, and one of each of *visitors*; raise ``OverQuota`` where that is too many.

        From the narrowest quota to the widest: a visitor's flood uses up nobody else's share, nor an address's the site's.
        """
        now = time.monotonic()
        if self._visitors is not None:
            counts: dict[tuple[int, str], int] = {}
            for visitor in visitors:
                sender = (site_id, visitor)
                counts[sender] = counts.get(sender, 0) + 1
            if seconds := self._visitors.take(counts, now):
                raise OverQuota("visitor_quota_exceeded", seconds)
        if self._addresses is not None and (network := _network_of(address)):
            seconds = self._addresses.take({network: events}, now)
            if seconds:
                raise OverQuota("address_quota_exceeded", seconds)
        if self._keys is not None and (seconds := self._keys.take({site_id: events}, now)):
            raise OverQuota("key_quota_exceeded", seconds)


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
