"""What administrators of a site do about people: invite, give roles, keep out. Each leaves a line in the audit log.

A role belongs to one site; password, sessions and being kept out belong to the person. So the latter may be done only by
somebody who is administrator of every site that the person has a part in. Nobody changes the own part: then a site always
has an administrator left.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.auditing import note
from scorer.core.labels import Language
from scorer.labelled import LabelledError
from scorer.users import Role, User, add_user, find_user, load_user, set_disabled, set_role
from scorer.web.sessions import end_all
from tracker.sites import Site

NONE: Final = "none"
"""In the audit log the role of whoever has none."""


class StaffError(LabelledError):
    """What was asked for can't be done to this person, or not by this administrator."""


def invite(
    connection: Connection, site: Site, admin: User, email: str, name: str, role: Role, language: Language, now_ms: int
) -> tuple[User, bool]:
    """Give somebody a role on a site; return the person, and whether it is new and still needs a password.

    Raises ``UserError`` for what makes no sense, ``StaffError`` for somebody who has a part in the site already.
    """
    known = find_user(connection, email)
    if known is None:
        made = add_user(connection, email, name, {site.id: role}, now_ms, language=language)
        note(connection, site.id, admin.email, "user add", made.email, "", {"role": role}, now_ms)
        return made, True
    if site.id in known.roles:
        raise StaffError(f"{known.email} has a part in this site already.", f"{known.email} 已加入该站点。")
    set_role(connection, known.id, site.id, role)
    note(connection, site.id, admin.email, "user add", known.email, "", {"role": role}, now_ms)
    return known, False


def change_role(connection: Connection, site: Site, admin: User, user_id: str, role: Role | None, now_ms: int) -> User:
    """Make somebody something else on a site; ``None``: nothing any more. Raises ``StaffError``."""
    found = _somebody_else(connection, site, admin, user_id)
    before = found.roles[site.id]
    if before != role:
        set_role(connection, found.id, site.id, role)
        detail = {"role": {"from": before, "to": role or NONE}}
        note(connection, site.id, admin.email, "user role", found.email, "", detail, now_ms)
    return found


def keep_out(connection: Connection, site: Site, admin: User, user_id: str, now_ms: int) -> User:
    """Sign somebody out everywhere and refuse the person from now on. Raises ``StaffError``."""
    found = _whole_person(connection, site, admin, user_id)
    set_disabled(connection, found.id, now_ms)
    note(connection, site.id, admin.email, "user disable", found.email, "", {}, now_ms)
    return found


def let_in(connection: Connection, site: Site, admin: User, user_id: str, now_ms: int) -> User:
    """Let somebody in again who was kept out. Raises ``StaffError``."""
    found = _whole_person(connection, site, admin, user_id)
    set_disabled(connection, found.id, None)
    note(connection, site.id, admin.email, "user enable", found.email, "", {}, now_ms)
    return found


def sign_out(connection: Connection, site: Site, admin: User, user_id: str, now_ms: int) -> User:
    """End all sessions of somebody. Raises ``StaffError``."""
    found = _whole_person(connection, site, admin, user_id)
    end_all(connection, found.id)
    note(connection, site.id, admin.email, "user sign-out", found.email, "", {}, now_ms)
    return found


def new_link(connection: Connection, site: Site, admin: User, user_id: str, now_ms: int) -> User:
    """Note that somebody gets a link to choose a password by, and return the person. Raises ``StaffError``."""
    found = _whole_person(connection, site, admin, user_id)
    note(connection, site.id, admin.email, "user link", found.email, "", {}, now_ms)
    return found


def is_in_the_hands_of(admin: User, user: User) -> bool:
    """Whether *admin* may decide about the whole person, not only about its part in one site."""
    return user.id != admin.id and all(admin.may("admin", site_id) for site_id in user.roles)


def _somebody_else(connection: Connection, site: Site, admin: User, user_id: str) -> User:
    found = load_user(connection, user_id)
    if found is None or site.id not in found.roles:
        raise StaffError("There is nobody like that on this site.", "该站点没有此用户。")
    if found.id == admin.id:
        raise StaffError("Nobody changes the own part: ask another administrator.", "不能更改自己的权限，请联系其他管理员。")
    return found


def _whole_person(connection: Connection, site: Site, admin: User, user_id: str) -> User:
    found = _somebody_else(connection, site, admin, user_id)
    if not is_in_the_hands_of(admin, found):
        raise StaffError(
            f"{found.email} also has a part in sites of which you aren't an administrator.",
            f"{found.email} 还属于您未担任管理员的站点。",
        )
    return found
