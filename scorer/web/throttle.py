"""How often somebody may try to sign in. Counted in Redis, for all processes together; where that is away, in this one."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address, ip_network
from typing import Final

import redis
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from tracker.log import get_logger
from tracker.queue import connect
from tracker.sites import hash_key

FROM_ONE_PLACE: Final = parse("8/10minutes")
"""Attempts at one account from one network."""
FROM_ONE_NETWORK: Final = parse("60/10minutes")
"""Attempts from one network: an office behind one address still gets in on Monday morning."""
AT_ONE_ACCOUNT: Final = parse("50/hour")
"""Attempts at one account from anywhere. High: whoever wants to lock somebody out needs many networks."""
log = get_logger(__name__)


class Throttle:
    """Counts attempts to sign in. *redis_url* ``None``: in this process only.

    Redis is told of networks by digests that *secret* keys: it writes what it is told into a file.
    """

    def __init__(self, redis_url: str | None, secret: bytes) -> None:
        self._secret = hashlib.sha256(secret).digest()
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else SlidingWindowCounterRateLimiter(_storage(redis_url))

    def may_try(self, email: str, address: str) -> bool:
        """Count an attempt at *email* from a client's *address*; return whether it may be made."""
        # All are counted, so that what one limit refuses still counts for the others.
        allowed = [self.may_come(address), self.may_knock(email, address)]
        return all(allowed)

    def may_come(self, address: str) -> bool:
        """Count an attempt from a client's *address* of which the account isn't known yet."""
        return self._hit(FROM_ONE_NETWORK, ("network", self._place(address)))

    def may_knock(self, email: str, address: str) -> bool:
        """Count an attempt at *email* whose coming has been counted."""
        place, account = self._place(address), hash_key(email.strip().lower())[:20]
        allowed = [
            self._hit(AT_ONE_ACCOUNT, ("account", account)),
            self._hit(FROM_ONE_PLACE, ("both", account, place)),
        ]
        return all(allowed)

    def succeeded(self, email: str, address: str) -> None:
        """Forget the attempts of somebody who has got in."""
        names = ("both", hash_key(email.strip().lower())[:20], self._place(address))
        self._here.clear(FROM_ONE_PLACE, "sign-in", *names)
        if self._shared is not None:
            try:
                self._shared.clear(FROM_ONE_PLACE, "sign-in", *names)
            except redis.RedisError as error:
                log.warning("throttle_not_shared", error=type(error).__name__)

    def _place(self, address: str) -> str:
        return hashlib.blake2b(network_of(address).encode(), digest_size=12, key=self._secret).hexdigest()

    def _hit(self, limit: RateLimitItem, names: tuple[str, ...]) -> bool:
        if self._shared is not None:
            try:
                return self._shared.hit(limit, "sign-in", *names)
            except redis.RedisError as error:
                log.warning("throttle_not_shared", error=type(error).__name__)
        return self._here.hit(limit, "sign-in", *names)


def network_of(address: str) -> str:
    """Return the network that an address counts for: itself in IPv4, in IPv6 the /64 that one customer has.

    >>> network_of("203.0.113.9"), network_of("2001:db8::1:2:3:4")
    ('203.0.113.9', '2001:db8::/64')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    return str(parsed) if parsed.version == 4 else str(ip_network(f"{parsed}/64", strict=False))


def _storage(url: str) -> Storage:
    # Its own reading of the URL counts for nothing beside the connections.
    return RedisStorage("redis://", connection_pool=connect(url).connection_pool)
