"""Find all that is kept of one person, by whatever name they ask under."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select, text

from scorer.core.joining import EMAIL, LEAD, USER
from scorer.memberships import branch_of, members, surviving
from scorer.models import identities, lead_visitors, leads
from tracker import bulk
from tracker.core.labels import LabelledError
from tracker.mail_clicks import CLICKER
from tracker.models import dead_letters, visitors
from tracker.sites import Site

_LETTERS_AT_ONCE: Final = 500
_SHORTEST_NAME: Final = 5
"""Letters of a name that refused events are searched for: a shorter one stands in half of them by chance."""


class Asked(msgspec.Struct, frozen=True):
    """The name that a person is asked for by: one of these, the others empty."""

    lead: str = ""
    """A lead's id, also of one that was merged."""
    email: str = ""
    user_id: str = ""
    """The site's own id of the person."""
    anonymous_id: str = ""
    """The id that the snippet keeps in the browser."""


class PrivacyError(LabelledError):
    """What was asked for can't be done as asked."""


class NobodyFound(PrivacyError):
    """Nothing is kept of such a person."""

    def __init__(self) -> None:
        super().__init__("Nothing is kept under this name.", "没有以此名称保存的数据。")


class Subject(msgspec.Struct, frozen=True):
    """One person, as far as is known."""

    leads: tuple[str, ...]
    """The leads, as roots of what was merged."""
    branches: tuple[str, ...]
    """The same with all that was merged into them."""
    visitors: tuple[int, ...]
    """Their browsers, those without a lead too, and the clicks on links in mails to them."""
    keys: tuple[str, ...]
    """By which events name these visitors."""
    names: tuple[str, ...]
    """All that they go by: in refused events these are searched for."""


def find_subject(connection: Connection, site: Site, asked: Asked) -> Subject:
    """Return the person of a site that is asked for.

    Raises ``PrivacyError`` unless exactly one name is given, and ``NobodyFound`` where nothing is kept. An e-mail address
    may lead to several leads, where people were told apart by hand or share a mailbox: all of them are found.
    """
    given = [name for name in msgspec.structs.asdict(asked).values() if name.strip()]
    if len(given) != 1:
        raise PrivacyError(
            "Name the person by exactly one of: lead, e-mail address, user id, anonymous id.",
            "请用以下之一指明此人：线索、邮箱、用户 ID、匿名 ID。",
        )
    roots = sorted(_roots(connection, site, asked))
    branches = sorted({name for root in roots for name in branch_of(connection, root)})
    numbers = {number for some in members(connection, roots).values() for number in some}
    clickers = _visitors_called(connection, site.id, [CLICKER + name for name in branches])
    # Senders may use such a key for a visitor of theirs, who has a lead of its own.
    numbers |= {number for number in clickers if _lead_of(connection, number) is None}
    if asked.anonymous_id:
        numbers |= set(_visitors_called(connection, site.id, [asked.anonymous_id.strip()]))
    if not roots and not numbers:
        raise NobodyFound
    keys = sorted(row[0] for row in bulk.select_where_in(connection, visitors, ("key",), "id", sorted(numbers)))
    claims = [row[0] for row in bulk.select_where_in(connection, identities, ("claim",), "lead_id", branches)]
    emails = [row[0] for row in bulk.select_where_in(connection, leads, ("email",), "id", branches)]
    names = {claim.removeprefix(USER).removeprefix(EMAIL) for claim in claims if not claim.startswith(LEAD)}
    names |= {*emails, *(key for key in keys), *branches} - {""}
    return Subject(tuple(roots), tuple(branches), tuple(sorted(numbers)), tuple(keys), tuple(sorted(names)))


def searched_for(names: Iterable[str]) -> list[str]:
    """Return the names that are long enough to be searched for in what was refused."""
    return [name for name in names if len(name) >= _SHORTEST_NAME]


def letters_about(connection: Connection, site: Site, names: Iterable[str]) -> Iterator[Any]:
    """Yield the refused events of a site in which one of these names stands, whatever its case.

    Reads all refused events of the site: they are bytes as they came, and no index knows what is in them. Names shorter than
    5 letters aren't searched for.
    """
    needles = [name.encode().lower() for name in searched_for(names)]
    last = 0
    while needles:
        query = select(dead_letters).where(dead_letters.c.site_id == site.id, dead_letters.c.id > last)
        page = connection.execute(query.order_by(dead_letters.c.id).limit(_LETTERS_AT_ONCE)).all()
        if not page:
            return
        for row in page:
            body = bytes(row.body).lower()
            if any(needle in body for needle in needles):
                yield row
        last = page[-1].id


def _roots(connection: Connection, site: Site, asked: Asked) -> set[str]:
    if asked.lead:
        found = {asked.lead.strip()}
    elif asked.anonymous_id:
        return {
            root
            for number in _visitors_called(connection, site.id, [asked.anonymous_id.strip()])
            if (root := _lead_of(connection, number)) is not None
        }
    else:
        email = asked.email.strip().lower()
        claim = EMAIL + email if email else USER + asked.user_id.strip()
        known = select(identities.c.lead_id).where(identities.c.site_id == site.id, identities.c.claim == claim)
        found = set(connection.execute(known).scalars())
        if email:  # Also those who bear it without being joined by it, as with a mailbox of several people.
            # The last condition is that of the index, which knows of no lead without an address.
            bearing = select(leads.c.id).where(leads.c.site_id == site.id, leads.c.email == email, text("leads.email <> ''"))
            found |= set(connection.execute(bearing).scalars())
    return {root for one in found if (root := surviving(connection, site.id, one)) is not None}


def _lead_of(connection: Connection, visitor_id: int) -> str | None:
    query = select(lead_visitors.c.lead_id).where(lead_visitors.c.visitor_id == visitor_id)
    found: str | None = connection.execute(query).scalar()
    return found


def _visitors_called(connection: Connection, site_id: int, keys: Iterable[str]) -> list[int]:
    found = bulk.select_where_in(connection, visitors, ("id",), "key", keys, f"site_id = {site_id}")
    return [row[0] for row in found]
