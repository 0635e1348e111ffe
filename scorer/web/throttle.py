"""How often somebody may try to sign in. Counted in Redis, for all processes together; where that is away, in this one."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

import redis
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from tracker.log import get_logger
from tracker.sites import hash_key

FROM_ONE_PLACE: Final = parse("8/10minutes")
"""Attempts at one account from one network."""
FROM_ONE_NETWORK: Final = parse("60/10minutes")
"""Attempts from one network: an office behind one address still gets in on Monday morning."""
AT_ONE_ACCOUNT: Final = parse("50/hour")
"""Attempts at one account from anywhere. High: whoever wants to lock somebody out needs many networks."""
log = get_logger(__name__)


class Throttle:
    """Counts attempts to sign in. *redis_url* ``None``: in this process only."""

    def __init__(self, redis_url: str | None) -> None:
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else SlidingWindowCounterRateLimiter(_storage(redis_url))

    def may_try(self, email: str, address: str) -> bool:
        """Count an attempt at *email* from a client's *address*; return whether it may be made."""
        # All are counted, so that what one limit refuses still counts for the others.
        allowed = [self.may_come(address), self.may_knock(email, address)]
        return all(allowed)

    def may_come(self, address: str) -> bool:
        """Count an attempt from a client's *address* of which the account isn't known yet."""
        return self._hit(FROM_ONE_NETWORK, ("network", network_of(address)))

    def may_knock(self, email: str, address: str) -> bool:
        """Count an attempt at *email* whose coming has been counted."""
        place, account = network_of(address), hash_key(email.strip().lower())[:20]
        allowed = [
            self._hit(AT_ONE_ACCOUNT, ("account", account)),
            self._hit(FROM_ONE_PLACE, ("both", account, place)),
        ]
        return all(allowed)

    def succeeded(self, email: str, address: str) -> None:
        """Forget the attempts of somebody who has got in."""
        names = ("both", hash_key(email.strip().lower())[:20], network_of(address))
        self._here.clear(FROM_ONE_PLACE, "sign-in", *names)
        if self._shared is not None:
            try:
                self._shared.clear(FROM_ONE_PLACE, "sign-in", *names)
            except redis.RedisError as error:
                log.warning("throttle_not_shared", error=type(error).__name__)

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
    # It keeps the scheme of Unix sockets under another name.
    named = url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url
    made = storage_from_string(named)
    assert isinstance(made, Storage)  # only async+ schemes give the other kind
    return made
