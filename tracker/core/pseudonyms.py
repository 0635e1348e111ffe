"""What stands in for the id of a visitor whose browser keeps none."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_DAY_MS: Final = 86_400_000


def daily_pseudonym(secret: bytes, site_id: int, received_ms: int, address: str, agent: str) -> str:
    """Return the key of a visitor for one day (UTC) and one site, from network address and user agent.

    Neither can be told from it without *secret*, and neither is kept. On another day, and on another site, the same
    visitor has another: nothing joins the two.

    >>> one = daily_pseudonym(b"secret", 1, 0, "203.0.113.9", "Mozilla/5.0")
    >>> one[:4], len(one), one == daily_pseudonym(b"secret", 1, 86_400_000, "203.0.113.9", "Mozilla/5.0")
    ('day-', 28, False)
    """
    seen = f"{received_ms // _DAY_MS}|{site_id}|{address}|{agent}"
    return "day-" + hmac.new(secret, seen.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:24]
