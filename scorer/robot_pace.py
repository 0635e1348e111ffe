"""How fast the robots of chats are told, by all processes together: counted in Redis, and in each while that is away."""

from __future__ import annotations

import time
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from scorer.rate_limits import AGAIN_SECONDS, REDIS_SECONDS
from tracker.log import get_logger
from tracker.queue import connect

PACE_SECONDS: Final = 3.1
"""Between two messages to one chat: WeCom and DingTalk take 20 a minute."""

log = get_logger(__name__)


class RobotPace:
    """Keeps messages to one chat apart. *redis_url* ``None``: those of this process only. For one thread."""

    def __init__(self, redis_url: str | None = None) -> None:
        options: dict[str, Any] = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS, "protocol": 2}
        # Tried once: a Redis that is away must not hold up what is told to others.
        self._client = connect(redis_url, retry=Retry(NoBackoff(), 0), **options) if redis_url else None
        self._again_at = 0.0
        self._told: dict[str, float] = {}

    def may_send(self, webhook_id: str) -> bool:
        """Whether a message may go to this webhook's chat now; whoever is told so has the next three seconds."""
        now = time.monotonic()
        if now - self._told.get(webhook_id, -PACE_SECONDS) < PACE_SECONDS:
            return False
        if not self._is_mine(webhook_id, now):
            return False
        self._told[webhook_id] = now
        return True

    def _is_mine(self, webhook_id: str, now: float) -> bool:
        """Whether no other process has told this chat anything in the last seconds; if so, it is noted that we do."""
        if not self._client or now < self._again_at:
            return True
        try:
            taken = self._client.set(f"warmtrail:pace:{webhook_id}", b"1", nx=True, px=round(PACE_SECONDS * 1000))
        except redis.RedisError as error:
            self._again_at = now + AGAIN_SECONDS
            log.warning("robot_pace_not_shared", error=type(error).__name__)
            return True
        return bool(taken)
