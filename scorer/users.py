"""People who sign in to the web page, and what each is on which site."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from scorer.core.labels import Language
from scorer.labelled import LabelledError
from scorer.outlet_models import user_roles, users, web_sessions
from scorer.passwords import hash_password, is_password
from tracker import bulk

Role = Literal["viewer", "sales", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""From least to most: a role may do what all before it may. viewer reads, sales works with leads, admin also sets up."""

_EMAIL: Final = re.compile(r"[^@\s\"<>,;:\\()\[\]]{1,64}@[^@\s.,;:]+(\.[^@\s.,;:]+)*")
_LONGEST_EMAIL: Final = 320
_LONGEST_NAME: Final = 200


class UserError(LabelledError):
    """A user can't be made or changed as asked."""


class User(msgspec.Struct, frozen=True):
    """A person who signs in. Times in ms since 1970 UTC."""

    id: str
    email: str
    """In lower case; by it the person is known in claims, notes and the audit log."""
    name: str
    language: Language
    time_zone: str
    """Empty: whatever the browser says."""
    created_at: int
    disabled_at: int | None
    """``None`` while the user may sign in."""
    roles: dict[int, Role]
    """By site; nothing for sites that the user has no part in."""

    @property
    def shown_name(self) -> str:
        """The name, or the address of somebody without one."""
        return self.name or self.email

    def may(self, role: Role, site_id: int) -> bool:
        """Whether this user may do on a site what *role* is needed for."""
        own = self.roles.get(site_id)
        return own is not None and allows(own, role)


def allows(own: Role, needed: Role) -> bool:
    """Whether somebody who is *own* may do what *needed* is needed for.

    >>> allows("admin", "sales"), allows("viewer", "sales")
    (True, False)
    """
    return ROLES.index(own) >= ROLES.index(needed)


def add_user(
    connection: Connection,
    email: str,
    name: str,
    roles: Mapping[int, Role],
    now_ms: int,
    *,
    password: str | None = None,
    language: Language = "en",
    time_zone: str = "",
) -> User:
    """Make a user. Raises ``UserError`` for what makes no sense or an address that is taken, ``PasswordError``."""
    email = read_email(email)
    if find_user(connection, email) is not None:
        raise _taken(email)
    made = User(
        f"us_{secrets.token_hex(8)}",
        email,
        _name(name),
        _language(language),
        _time_zone(time_zone),
        now_ms,
        None,
        dict(roles),
    )
    kept = None if password is None else hash_password(password)
    row = {field: getattr(made, field) for field in _FIELDS} | {"password_hash": kept}
    try:
        connection.execute(insert(users).values(row))
    except IntegrityError:  # Somebody else made it at the same moment.
        raise _taken(email) from None
    for site_id, role in roles.items():
        set_role(connection, made.id, site_id, role)
    return made


def find_user(connection: Connection, email: str) -> User | None:
    """Return the user with this address, whatever its case; ``None`` for nobody."""
    return _one(connection, users.c.email == email.strip().lower())


def load_user(connection: Connection, user_id: str) -> User | None:
    """Return the user with this id; ``None`` for nobody."""
    return _one(connection, users.c.id == user_id)


def list_users(connection: Connection, site_id: int | None = None) -> list[User]:
    """Return all users by address, disabled ones too; those of a site if one is named."""
    roles: dict[str, dict[int, Role]] = {}
    for row in connection.execute(select(user_roles)):
        roles.setdefault(row.user_id, {})[row.site_id] = row.role
    found = [_user(row, roles.get(row.id, {})) for row in connection.execute(select(*_COLUMNS).order_by(users.c.email))]
    return [user for user in found if site_id is None or site_id in user.roles]


def owner_names(connection: Connection, site_id: int) -> dict[str, str]:
    """Return what those are called who may own leads of a site, by what stands in a claim."""
    return {user.email: user.shown_name for user in list_users(connection, site_id) if user.may("sales", site_id)}


def has_users(connection: Connection) -> bool:
    """Whether there is anybody who may sign in."""
    return connection.execute(select(users.c.id).where(users.c.disabled_at.is_(None)).limit(1)).first() is not None


def check_password(connection: Connection, email: str, password: str) -> User | None:
    """Return the user who signs in so; ``None`` for a wrong password, somebody disabled or nobody, after the same time."""
    row = connection.execute(
        select(users.c.id, users.c.password_hash).where(
            users.c.email == email.strip().lower(), users.c.disabled_at.is_(None)
        )
    ).one_or_none()
    right = is_password(row.password_hash if row else None, password)
    return load_user(connection, row.id) if row and right else None


def has_password(connection: Connection, user_id: str) -> bool:
    """Whether a user can sign in by a password; else only another service's word lets it in."""
    return connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar() is not None


def set_password(connection: Connection, user_id: str, password: str, *, but: str = "") -> None:
    """Give a user another password and sign it out everywhere, *but* in the session with that token's hash. Raises
    ``PasswordError``."""
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=hash_password(password)))
    connection.execute(delete(web_sessions).where(web_sessions.c.user_id == user_id, web_sessions.c.token_hash != but))


def set_role(connection: Connection, user_id: str, site_id: int, role: Role | None) -> None:
    """Make a user something on a site; ``None``: nothing any more. Raises ``UserError`` for a role that is none."""
    if role is None:
        mine = (user_roles.c.user_id == user_id) & (user_roles.c.site_id == site_id)
        connection.execute(delete(user_roles).where(mine))
        return
    if role not in ROLES:
        raise UserError(
            f"A role is one of {', '.join(ROLES)}, not {role!r}.", f"角色应为 {'、'.join(ROLES)} 之一，而不是 {role!r}。"
        )
    bulk.upsert(connection, user_roles, [(user_id, site_id, role)], columns=("user_id", "site_id", "role"))


def set_disabled(connection: Connection, user_id: str, now_ms: int | None) -> None:
    """Keep a user out from now on, signed out everywhere; ``None`` lets it in again."""
    connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=now_ms))
    if now_ms is not None:
        connection.execute(delete(web_sessions).where(web_sessions.c.user_id == user_id))


def set_profile(connection: Connection, user_id: str, *, name: str, language: str, time_zone: str) -> None:
    """Change what a user may change of itself. Raises ``UserError`` for what makes no sense."""
    values = {"name": _name(name), "language": _language(language), "time_zone": _time_zone(time_zone)}
    connection.execute(update(users).where(users.c.id == user_id).values(values))


def read_email(text: str) -> str:
    """Return an address as it is kept. Raises ``UserError`` for what is none."""
    email = text.strip().lower()
    if len(email) > _LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise UserError(
            f"An e-mail address is written like ada@example.com, not {text[:100]!r}.",
            f"邮箱地址应形如 ada@example.com，而不是 {text[:100]!r}。",
        )
    return email


def _taken(email: str) -> UserError:
    return UserError(f"There is a user {email} already.", f"用户 {email} 已存在。")


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise UserError(
            f"A name has at most {_LONGEST_NAME} characters, none of them invisible.",
            f"姓名最多 {_LONGEST_NAME} 个字符，且不能含有不可见字符。",
        )
    return name


def _language(text: str) -> Language:
    if text == "en":
        return "en"
    if text == "zh":
        return "zh"
    raise UserError(f"The language must be en or zh, not {text[:20]!r}.", f"语言应为 en 或 zh，而不是 {text[:20]!r}。")


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key if text else ""
    except (KeyError, ValueError, OSError):
        raise UserError(f"There is no time zone {text[:60]!r}.", f"没有名为 {text[:60]!r} 的时区。") from None


_FIELDS: Final[tuple[str, ...]] = User.__struct_fields__[:-1]
_COLUMNS: Final = tuple(users.c[name] for name in _FIELDS)


def _one(connection: Connection, wanted: Any) -> User | None:
    row = connection.execute(select(*_COLUMNS).where(wanted)).one_or_none()
    if row is None:
        return None
    roles = connection.execute(select(user_roles.c.site_id, user_roles.c.role).where(user_roles.c.user_id == row.id))
    return _user(row, {one.site_id: one.role for one in roles})


def _user(row: Any, roles: dict[int, Role]) -> User:
    return User(**dict(zip(_FIELDS, row, strict=True)), roles=roles)
