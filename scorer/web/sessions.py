"""Browsers that are signed in. A session is a random token in a cookie; the database keeps its hash."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from scorer.core.decay import DAY_MS
from scorer.outlet_models import users, web_sessions
from tracker.sites import hash_key

IDLE_MS: Final = 14 * DAY_MS
"""A session that is not used for so long is over."""
LONGEST_MS: Final = 90 * DAY_MS
"""Then everybody has to sign in anew."""
_TOUCHED_EVERY_MS: Final = DAY_MS // 24
"""How often the use of a session is written down: not at every page."""
_RANDOM_BYTES: Final = 32
_LONGEST_AGENT: Final = 200


class Session(msgspec.Struct, frozen=True):
    """A browser that is signed in. Times in ms since 1970 UTC."""

    token_hash: str
    """Names the session; doesn't open it."""
    user_id: str
    created_at: int
    seen_at: int
    """To the hour."""
    expires_at: int
    agent: str
    """The browser's User-Agent."""


def open_session(connection: Connection, user_id: str, agent: str, now_ms: int) -> str:
    """Sign a browser in and return its token, the only time that it can be seen. Sessions that are over are cleared away."""
    connection.execute(delete(web_sessions).where(web_sessions.c.expires_at <= now_ms))
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    made = Session(hash_key(token), user_id, now_ms, now_ms, now_ms + IDLE_MS, agent[:_LONGEST_AGENT])
    connection.execute(insert(web_sessions).values(msgspec.structs.asdict(made)))
    return token


def find_session(connection: Connection, token: str, now_ms: int) -> Session | None:
    """Return the session of a token; ``None`` for one that never was, is over or was ended, or whose user is disabled."""
    good = (web_sessions.c.token_hash == hash_key(token)) & (web_sessions.c.expires_at > now_ms)
    joined = web_sessions.join(users, users.c.id == web_sessions.c.user_id)
    row = connection.execute(select(*_COLUMNS).select_from(joined).where(good, users.c.disabled_at.is_(None))).one_or_none()
    return Session(*row) if row else None


def is_due(session: Session, now_ms: int) -> bool:
    """Decide whether the use of a session is to be written down again."""
    return now_ms - session.seen_at >= _TOUCHED_EVERY_MS


def touch(connection: Connection, session: Session, now_ms: int) -> None:
    """Write down that a session was used, which prolongs it."""
    expires_at = min(now_ms + IDLE_MS, session.created_at + LONGEST_MS)
    values = {"seen_at": now_ms, "expires_at": expires_at}
    connection.execute(update(web_sessions).where(web_sessions.c.token_hash == session.token_hash).values(values))


def list_sessions(connection: Connection, user_id: str, now_ms: int) -> list[Session]:
    """Return a user's sessions, the last used first."""
    mine = (web_sessions.c.user_id == user_id) & (web_sessions.c.expires_at > now_ms)
    order = (web_sessions.c.seen_at.desc(), web_sessions.c.created_at.desc(), web_sessions.c.token_hash)
    return [Session(*row) for row in connection.execute(select(*_COLUMNS).where(mine).order_by(*order))]


def end_session(connection: Connection, user_id: str, token_hash: str) -> bool:
    """Sign one of a user's browsers out, at once; return whether there was such a session."""
    mine = (web_sessions.c.user_id == user_id) & (web_sessions.c.token_hash == token_hash)
    return connection.execute(delete(web_sessions).where(mine)).rowcount > 0


def end_all(connection: Connection, user_id: str) -> int:
    """Sign a user out everywhere; return in how many browsers that was."""
    return connection.execute(delete(web_sessions).where(web_sessions.c.user_id == user_id)).rowcount


_COLUMNS: Final = tuple(web_sessions.c[name] for name in Session.__struct_fields__)
