"""What the person behind a lead agreed to: read of all its browsers, and recorded by hand where it was said elsewhere."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from sqlalchemy import Connection

from scorer.auditing import note
from scorer.decision_errors import DecisionError
from scorer.handling import checked_name, lock_root
from scorer.memberships import members
from tracker.consents import Consent, add_consents, read_consents
from tracker.core.consents import LONGEST_PURPOSE, LONGEST_SOURCE, LONGEST_VERSION, Declared
from tracker.sites import Site

_LIMITS: Final = {"purpose": LONGEST_PURPOSE, "version": LONGEST_VERSION, "source": LONGEST_SOURCE}


def record_consent(
    connection: Connection, site: Site, lead: str, declared: Declared, actor: str, why: str, now_ms: int
) -> None:
    """Record that a lead agreed to something, or doesn't any more; for each of its browsers, since each is asked.

    Raises ``DecisionError`` for what has no purpose or is too long. The caller commits.
    """
    by = checked_name(actor)
    for name, longest in _LIMITS.items():
        value = getattr(declared, name)
        if len(value) > longest or not (value or name != "purpose") or not (value.isprintable() or not value):
            raise DecisionError(
                f"A {name} has at most {longest} printable characters, and a consent needs a purpose.",
                f"{name} 最多 {longest} 个可见字符，且同意须有目的（purpose）。",
            )
    root = lock_root(connection, site, lead)["id"]
    known = consents_of(connection, root)
    # The last word, whatever a browser says at this very moment.
    at = max([now_ms, *(one.at + 1 for one in known if one.purpose == declared.purpose)])
    message_id = secrets.token_bytes(16)
    told = (declared.purpose, declared.given, at, declared.version, declared.source, by)
    mine = members(connection, [root]).get(root, [])
    add_consents(connection, [Consent(number, message_id, site.id, *told) for number in mine])
    note(connection, site.id, actor, "consent", root, why, msgspec.structs.asdict(declared), now_ms)


def consents_of(connection: Connection, lead: str) -> list[Consent]:
    """Return what a lead's browsers agreed to and took back, in the order of time; what was recorded by hand once."""
    rows = read_consents(connection, members(connection, [lead]).get(lead, []))
    return list({(one.message_id, one.by or one.visitor_id): one for one in rows}.values())
