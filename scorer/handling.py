"""How far sales have got with leads, as stored: read and locked, decided by ``core.handling``, written, told in the feed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select, update

from scorer.announcing import Change
from scorer.core.handling import SETTLED, Handling, Obstacle, Outcome, decide, status
from scorer.decision_errors import DecisionError, NoSuchLead, Stale, Taken, obstructed
from scorer.memberships import lock_leads, surviving
from scorer.models import leads, outcomes
from tracker import bulk
from tracker.sites import Site

LONGEST_NAME: Final = 200


class Worked(msgspec.Struct, frozen=True):
    """A lead that is locked for a decision about it."""

    id: str
    version: int
    handling: Handling


class Word(msgspec.Struct, frozen=True):
    """The last that was said of what became of a lead."""

    at: int
    kind: Outcome
    value: float | None
    currency: str
    reason: str
    by: str

    def told(self) -> dict[str, Any]:
        """The detail of the change that tells of it."""
        detail = {"kind": self.kind, "value": self.value, "currency": self.currency, "reason": self.reason, "by": self.by}
        return {name: value for name, value in detail.items() if value not in (None, "")}


def lock_root(connection: Connection, site: Site, lead: str) -> dict[str, Any]:
    """Return the row of the lead that *lead* is part of, locked; raise ``DecisionError`` where the site has no such lead."""
    while True:
        root = surviving(connection, site.id, lead)
        if root is None:
            raise NoSuchLead(lead)
        row = lock_leads(connection, [root]).get(root)
        # It may have been merged or erased between the two: then once more.
        if row is not None and row["merged_into"] is None:
            return row


def check_version(row: dict[str, Any], version: int | None) -> None:
    """Raise ``Stale`` unless *version* is that of the locked *row*; ``None`` is any."""
    if version is not None and row["version"] != version:
        raise Stale(row["version"])


def take_up(connection: Connection, site: Site, lead: str, version: int | None) -> Worked:
    """Lock a lead for a decision. Raises ``DecisionError``, and ``Stale`` where *version* is given and isn't the lead's."""
    row = lock_root(connection, site, lead)
    check_version(row, version)
    word = last_words(connection, [row["id"]]).get(row["id"])
    handling = Handling(word.kind if word else "open", row["owner"], row["claimed_until"], row["snoozed_until"])
    return Worked(row["id"], row["version"], handling)


def put(connection: Connection, worked: Worked, after: Handling) -> None:
    """Write how far sales have got with a locked lead.

    On the condition that nobody has written it since it was read: of any number at once, one gets through.
    """
    as_read = (leads.c.id == worked.id) & (leads.c.version == worked.version)
    if connection.execute(update(leads).where(as_read).values(_values(after))).rowcount != 1:
        raise Stale(worked.version)


def settled(worked: Worked, after: Handling | Obstacle) -> Handling:
    """Return *after*; raise ``DecisionError`` for an obstacle."""
    if isinstance(after, Handling):
        return after
    if after == "taken":
        assert worked.handling.owner is not None
        raise Taken(worked.handling.owner, worked.handling.claimed_until or 0)
    raise obstructed(after)


def checked_name(name: str) -> str:
    """Return the name of somebody who decides, without space around it; raise ``DecisionError`` for what is no name."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise DecisionError(
            f"A name has 1 to {LONGEST_NAME} printable characters.", f"名称须为 1 至 {LONGEST_NAME} 个可见字符。"
        )
    return name


def last_words(connection: Connection, lead_ids: Iterable[str]) -> dict[str, Word]:
    """Return the last word on each of these leads, where there is any; of several at one moment, the greatest id's."""
    columns = ("lead_id", "message_id", *Word.__struct_fields__)
    found: dict[str, tuple[int, bytes, Word]] = {}
    for lead, message_id, *told in bulk.select_where_in(connection, outcomes, columns, "lead_id", sorted(set(lead_ids))):
        word = Word(*told)
        said = (word.at, bytes(message_id), word)
        if lead not in found or said[:2] > found[lead][:2]:
            found[lead] = said
    return {lead: word for lead, (_, _, word) in found.items()}


def restate(connection: Connection, lead_ids: Iterable[str], now_ms: int) -> list[Change]:
    """Bring these locked leads in line with the last word on each, which may be a new one; return what is news.

    For when outcomes were told by events, or leads were joined or separated. Where the word is the one the lead stands
    by, nothing changes: a rest once ended isn't begun again.
    """
    wanted = sorted(set(lead_ids))
    words = last_words(connection, wanted)
    columns = ("id", "site_id", "status", "owner", "claimed_until", "snoozed_until", "merged_into")
    news: list[Change] = []
    for lead, site_id, stated, owner, claimed_until, snoozed_until, merged in bulk.select_where_in(
        connection, leads, columns, "id", wanted
    ):
        word = words.get(lead)
        kind: Outcome = word.kind if word else "open"
        after = Handling(kind, owner, claimed_until, snoozed_until)
        if kind != stated and (kind in SETTLED or stated in SETTLED):
            after = decide(after, kind, word.at if word else now_ms, now_ms)
        if merged is not None or status(after) == stated:
            continue
        connection.execute(update(leads).where(leads.c.id == lead).values(_values(after)))
        if status(after) == kind or stated in SETTLED:
            news.append(Change(site_id, lead, "outcome", now_ms, word.told() if word else {"kind": kind}))
    return news


def clear(
    connection: Connection, site_id: int, lead: str, kind: str, detail: dict[str, Any], after: Handling, now_ms: int
) -> Change:
    """Write a locked lead whose time is up, and return what is news."""
    connection.execute(update(leads).where(leads.c.id == lead).values(_values(after)))
    return Change(site_id, lead, kind, now_ms, detail)


def due(connection: Connection, column: str, now_ms: int, limit: int) -> Sequence[tuple[int, str, Handling]]:
    """Return site, id and handling of leads whose time by *column* is up, the longest first, locked; those that somebody
    is just writing are left for the next time."""
    time = leads.c[column]
    query = select(leads.c.site_id, leads.c.id, leads.c.owner, leads.c.claimed_until, leads.c.snoozed_until)
    query = query.where(time.is_not(None), time <= now_ms, leads.c.merged_into.is_(None)).order_by(time).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    words = last_words(connection, [row.id for row in rows])
    return [
        (
            row.site_id,
            row.id,
            Handling(words[row.id].kind if row.id in words else "open", row.owner, row.claimed_until, row.snoozed_until),
        )
        for row in rows
    ]


def _values(after: Handling) -> dict[str, Any]:
    return {
        "status": status(after),
        "owner": after.owner,
        "claimed_until": after.claimed_until,
        "snoozed_until": after.snoozed_until,
        "version": leads.c.version + 1,
    }
