"""Keys of the sales API: each belongs to one site and may do so much. A key is shown once and kept hashed."""

from __future__ import annotations

import secrets
from typing import Final, Literal, get_args

import msgspec
from sqlalchemy import Connection, insert, select, update

from scorer.auditing import note
from scorer.models import api_keys
from tracker.sites import hash_key

Scope = Literal["read", "sales", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""From least to most; a key may do what its scope and all before it may."""

PREFIX: Final = "wt_"
_RANDOM_BYTES: Final = 20


class NewKey(msgspec.Struct, frozen=True):
    """A key just made; ``key`` can't be shown again."""

    id: str
    key: str


class ApiKey(msgspec.Struct, frozen=True):
    """What a presented key opens."""

    id: str
    site_id: int
    scope: Scope

    def allows(self, scope: Scope) -> bool:
        """Whether this key may do what *scope* is needed for."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


class KnownKey(msgspec.Struct, frozen=True):
    """A key as listed: all but the key itself. Times in ms since 1970 UTC."""

    id: str
    site_id: int
    scope: Scope
    created_at: int
    revoked_at: int | None
    """``None`` while the key is good."""


def add_key(connection: Connection, site_id: int, scope: Scope, now_ms: int, *, actor: str = "") -> NewKey:
    """Make a key for a site and return it, the only time that it can be seen. The audit log has its id and scope.

    *actor* is empty for a program: nothing was done by hand then, and nothing is noted.
    """
    made = NewKey(f"key_{secrets.token_hex(6)}", PREFIX + secrets.token_urlsafe(_RANDOM_BYTES))
    row = {"id": made.id, "site_id": site_id, "scope": scope, "key_hash": hash_key(made.key), "created_at": now_ms}
    connection.execute(insert(api_keys).values(row))
    if actor:
        note(connection, site_id, actor, "key add", made.id, "", {"scope": scope}, now_ms)
    return made


def list_keys(connection: Connection, site_id: int | None = None) -> list[KnownKey]:
    """Return the keys of a site (``None``: of all sites), oldest first, revoked ones too."""
    columns = [api_keys.c[name] for name in KnownKey.__struct_fields__]
    query = select(*columns).order_by(api_keys.c.created_at, api_keys.c.id)
    if site_id is not None:
        query = query.where(api_keys.c.site_id == site_id)
    return [KnownKey(*row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key_id: str, now_ms: int, *, actor: str = "") -> bool:
    """Close a key for good; return whether there was such a key that was still good."""
    still_good = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    revoked = update(api_keys).where(still_good).values(revoked_at=now_ms).returning(api_keys.c.site_id)
    site_id = connection.execute(revoked).scalar_one_or_none()
    if site_id is not None and actor:
        note(connection, site_id, actor, "key revoke", key_id, "", {}, now_ms)
    return site_id is not None


def find_key(connection: Connection, key: str) -> ApiKey | None:
    """Return what *key* opens; ``None`` for one that was never made or is revoked.

    Found by its hash: how long that takes tells nothing about keys, only about hashes of guesses.
    """
    if not key.startswith(PREFIX) or not key.isascii():
        return None
    query = select(api_keys.c.id, api_keys.c.site_id, api_keys.c.scope).where(
        api_keys.c.key_hash == hash_key(key), api_keys.c.revoked_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return ApiKey(*row) if row else None
