"""Which visitors are one person: the names they go by, and which of two leads survives when they are joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from scorer.core.people import lead_id, person_of
from tracker.core.visits import VisitorState

MAX_VISITORS: Final = 100
"""Visitors of one lead. A name that more go by is shared by many people (a test account), and joins no more."""

# fmt: off
ROLE_MAILBOXES: Final = frozenset(
    (
        "abuse", "accounting", "accounts", "admin", "administration", "anfrage", "billing", "bestellung", "buero",
        "business", "careers", "contact", "contato", "customerservice", "einkauf", "enquiries", "enquiry", "export",
        "finance", "hello", "help", "helpdesk", "hr", "import", "info", "information", "inquiries", "inquiry",
        "invoice", "invoices", "it", "jobs", "kontakt", "mail", "marketing", "noreply", "no-reply", "office", "order",
        "orders", "post", "postmaster", "press", "privacy", "procurement", "purchase", "purchasing", "recruiting",
        "reception", "sales", "secretary", "security", "service", "services", "shop", "support", "team", "test",
        "vendas", "verkauf", "vertrieb", "webmaster", "welcome", "zentrale",
    )
)
# fmt: on
"""Local parts of addresses that several people of an office read: they name a company, not a person."""

USER, EMAIL, LEAD = "user:", "email:", "lead:"
"""What kind of name a claim is: the site's own id of a person, an address, or (by ``alias``) a lead itself."""


class Known(msgspec.Struct, frozen=True):
    """What decides which of two leads survives."""

    id: str
    worked_on: bool
    """Sales have an owner, a status or an outcome for it: their CRM knows it."""
    identified: bool
    first_at: int


def claims_of(site_id: int, state: VisitorState) -> tuple[str, ...]:
    """Return the names by which a visitor has said to be known, sorted. Nobody is known by network address or device.

    Role mailboxes name no person. Who says nothing of themselves goes by the lead to which the mail was sent whose link they
    have followed and read, if all such mails were sent to one lead: a forwarded mail makes nobody who is known another, and
    who tries out the links in other people's mails is none of them.

    >>> from tracker.core.visits import STATE_VERSION
    >>> claims_of(1, VisitorState(STATE_VERSION, 0, 0, b"", user_id="7", traits={"email": "Ada@Halden.example"}))
    ('email:ada@halden.example', 'user:7')
    """
    claims = set()
    if state.user_id:
        claims.add(USER + state.user_id)
    for alias in state.aliases:
        claims |= {USER + alias, LEAD + lead_id(site_id, alias)}
    email = state.traits.get("email")
    if isinstance(email, str) and is_personal(email):
        claims.add(EMAIL + email.strip().lower()[:320])
    addressees = {lead for lead, _ in state.mail_links}
    if not claims and len(addressees) == 1 and not person_of(state.traits, state.company).identified:
        claims |= {LEAD + lead for lead in addressees}
    return tuple(sorted(claims))


def is_personal(email: str) -> bool:
    """Decide whether an e-mail address is one person's.

    >>> is_personal("ada@halden.example"), is_personal("info@halden.example"), is_personal("ada")
    (True, False, False)
    """
    local, at, domain = email.strip().lower().rpartition("@")
    return bool(local and at and domain) and local.partition("+")[0] not in ROLE_MAILBOXES


def survivor(one: Known, other: Known) -> Known:
    """Return the lead that stays: the one that sales work on, else the identified one, else the older; then the lesser id.

    Sales and their CRM keep the id of what they were shown: an anonymous visit on another device must not replace it.
    """
    return min(one, other, key=lambda lead: (not lead.worked_on, not lead.identified, lead.first_at, lead.id))


def may_join(claim: str, ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Decide whether *claim* joins two leads that go by these claims.

    An address in common doesn't, where the site itself has different ids for the two.

    >>> may_join("email:a@x.example", ["user:1"], ["user:2"]), may_join("email:a@x.example", ["user:1"], [])
    (False, True)
    """
    if not claim.startswith(EMAIL):
        return True
    users = [{name for name in claims if name.startswith(USER)} for claims in (ours, theirs)]
    return not users[0] or not users[1] or bool(users[0] & users[1])
