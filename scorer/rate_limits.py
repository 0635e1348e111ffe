"""How many requests an API key may make a minute. Counted in Redis, for all processes together; while that is away, in each.

A sliding window of two counters: what was counted in the minute before fades out as this one goes by.
"""

from __future__ import annotations

import math
import time
from typing import Any, Final, Literal

import msgspec
import redis
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from tracker.log import get_logger
from tracker.queue import connect

Kind = Literal["read", "write"]

REDIS_SECONDS: Final = 0.5
"""No request waits longer for Redis than this."""
AGAIN_SECONDS: Final = 5.0
"""After Redis failed, it is left alone for so long."""

log = get_logger(__name__)


class Allowance(msgspec.Struct, frozen=True):
    """What is left of a key's limit."""

    allowed: bool
    limit: int
    """Requests a minute."""
    remaining: int
    reset_seconds: int
    """Until there is more, 1 at least."""

    def headers(self) -> dict[str, str]:
        """The headers that tell of it."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }
        return told if self.allowed else {**told, "Retry-After": str(self.reset_seconds)}


class RateLimits:
    """Counts requests. *redis_url* ``None``: in this process only."""

    def __init__(self, reading: int, writing: int, redis_url: str | None) -> None:
        self._limits = {"read": RateLimitItemPerMinute(reading), "write": RateLimitItemPerMinute(writing)}
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else SlidingWindowCounterRateLimiter(_storage(redis_url))
        self._again_at = 0.0

    def count(self, key_id: str, kind: Kind) -> Allowance:
        """Count a request by a key, and return whether it may be carried out."""
        if self._shared is not None and time.monotonic() >= self._again_at:
            try:
                return self._count(self._shared, key_id, kind)
            except redis.RedisError as error:
                self._again_at = time.monotonic() + AGAIN_SECONDS
                log.warning("rate_limits_not_shared", error=type(error).__name__)
        return self._count(self._here, key_id, kind)

    def _count(self, limiter: SlidingWindowCounterRateLimiter, key_id: str, kind: Kind) -> Allowance:
        limit = self._limits[kind]
        allowed = limiter.hit(limit, "api", kind, key_id)
        reset_at, remaining = limiter.get_window_stats(limit, "api", kind, key_id)
        wait = max(1, math.ceil(reset_at - time.time()))
        return Allowance(allowed, limit.amount, remaining if allowed else 0, wait)


def _storage(url: str) -> RedisStorage:
    options: dict[str, Any] = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    client = connect(url, retry=Retry(NoBackoff(), 0), **options)
    # Its own reading of the URL counts for nothing beside the connections.
    return RedisStorage("redis://", connection_pool=client.connection_pool)
