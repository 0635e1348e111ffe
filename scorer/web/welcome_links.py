"""Links by which somebody chooses a password: for a week, and once.

A link says who and until when, with a signature over both and over the password that there is now (or that there is none):
so with the password chosen it is used up, without anything being kept about links.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from sqlalchemy import Connection, select

from scorer.core.decay import DAY_MS
from scorer.outlet_models import users
from scorer.users import User, load_user

GOOD_FOR_MS: Final = 7 * DAY_MS
_LONGEST: Final = 200


def make_link(connection: Connection, secret: bytes, base_url: str, user_id: str, now_ms: int) -> str:
    """Return the link for a user that exists."""
    expires_at = now_ms + GOOD_FOR_MS
    kept = connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
    return f"{base_url}/welcome/{user_id}.{expires_at}.{_signature(secret, user_id, expires_at, kept)}"


def invited(connection: Connection, secret: bytes, token: str, now_ms: int) -> User | None:
    """Return who may choose a password by the *token* of a link; ``None`` for one that is forged, over or used up."""
    user_id, _, rest = token[:_LONGEST].partition(".")
    told, _, signature = rest.partition(".")
    if not (told.isascii() and told.isdigit() and len(told) < 16) or int(told) <= now_ms:
        return None
    good = (users.c.id == user_id) & users.c.disabled_at.is_(None)
    row = connection.execute(select(users.c.password_hash).where(good)).one_or_none()
    if row is None:
        return None
    expected = _signature(secret, user_id, int(told), row.password_hash)
    return load_user(connection, user_id) if hmac.compare_digest(signature.encode(), expected.encode()) else None


def _signature(secret: bytes, user_id: str, expires_at: int, password_hash: str | None) -> str:
    signed = f"welcome:{user_id}:{expires_at}:{password_hash or ''}"
    return hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()[:40]
