"""Whose browser a visitor is: founding leads, joining those of one person, separating them again.

Every visitor founds a lead, its home. Names that visitors go by join leads to trees; the root of a tree is the lead that
sales see, and every visitor of the tree is its. To separate is to cut one branch: both sides then have exactly the visitors
they would have had. Nothing is ever added up or subtracted here; what depends on the visitors is folded again.

Order of locks, the same for everybody: names, then leads by id. Two workers who learn of one person at once meet at the
name: the second waits, and finds the lead of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from scorer.core.handling import Handling, heir
from scorer.core.joining import EMAIL, LEAD, MAX_VISITORS, USER, Known, claims_of, may_join, survivor
from scorer.core.people import lead_id
from scorer.learning_models import lead_classes, lead_groups, lead_labels
from scorer.models import identities, lead_pairs_apart, lead_scores, lead_visitors, leads, objections, outcomes
from scorer.outlet_models import notes
from tracker import bulk
from tracker.batch import VisitorUpdate

_VISITOR_COLUMNS: Final = tuple(column.name for column in lead_visitors.columns)
_LEAD_COLUMNS: Final = tuple(column.name for column in leads.columns)
_CLAIM: Final = ("owner", "claimed_until")
_NO_LEAD: Final[dict[str, Any]] = {
    column.name: None if column.nullable else (0 if column.name in ("visitors", "first_at", "version") else "")
    for column in leads.columns
}

_SPOKEN_OF: Final = (
    select(identities.c.claim)
    .where(identities.c.site_id == bindparam("site_id"), identities.c.claim >= LEAD, identities.c.claim < LEAD + "~")
    .limit(1)
)


class Merge(msgspec.Struct, frozen=True):
    """A lead that sales may have seen has become part of another."""

    site_id: int
    lead_id: str
    into: str


class Memberships(msgspec.Struct):
    """Where the visitors of some updates belong, and which leads have others' visitors, too."""

    root_of: dict[int, str]
    """The lead of each visitor."""
    home_of: dict[int, str]
    """The lead that each visitor founded."""
    changed: set[str]
    """Leads that have gained visitors: to be folded from their first fact."""
    leads: dict[str, Any]
    """The stored row of each lead that existed, locked; of merged ones as they were before."""
    visitors: dict[str, int]
    """How many visitors each lead has now."""
    merges: list[Merge]
    shrunk: set[str]
    """Leads that have lost visitors to others: to be folded from their first fact, too."""
    alone: list[tuple[Any, ...]]
    """Rows of ``lead_visitors`` of new visitors whose lead is new and nobody else's: for ``keep_alone``."""


def settle(connection: Connection, updates: Sequence[VisitorUpdate]) -> Memberships:
    """Find the lead of each updated visitor, founding and joining leads as its names demand.

    Locks these leads until the transaction ends. Rows of new leads that stay roots are left to the caller to write, and
    after them, by ``keep_alone``, who is alone in one.
    """
    return _Settling(connection, updates).run()


def keep_alone(connection: Connection, settled: Memberships) -> None:
    """Store the new visitors that are alone in their new leads, whose rows have been written."""
    bulk.append(connection, lead_visitors, settled.alone, columns=_VISITOR_COLUMNS)


class _Settling:
    def __init__(self, connection: Connection, updates: Sequence[VisitorUpdate]) -> None:
        self.connection = connection
        self.updates = updates
        ids = [update.visitor_id for update in updates]
        rows = bulk.select_where_in(connection, lead_visitors, _VISITOR_COLUMNS, "visitor_id", ids)
        self.present = {row[0]: row for row in rows}
        self.home = {
            one.visitor_id: self.present[one.visitor_id][3] if one.visitor_id in self.present else lead_id(*one.key)
            for one in updates
        }
        self.site_of = {self.home[one.visitor_id]: one.key[0] for one in updates}
        self.claims = {one.visitor_id: claims_of(one.key[0], one.state) for one in updates}
        self.packed = {number: msgspec.json.encode(claims).decode() for number, claims in self.claims.items()}
        self.rows: dict[str, Any] = {}
        """Leads as stored, by id."""
        self.parent: dict[str, str] = {}
        """What each lead has been merged into here."""
        self.size: dict[str, int] = {}
        self.first_at: dict[str, int] = {}
        self.parted: set[str] = set()

    def run(self) -> Memberships:
        new = [one for one in self.updates if one.visitor_id not in self.present]
        told = [
            one
            for one in self.updates
            if one.visitor_id in self.present and self.present[one.visitor_id][4] != self.packed[one.visitor_id]
        ]
        bearers = self._take_names([*(one for one in new if self.claims[one.visitor_id]), *told])
        expected = self._expected(new)
        wanted = {row[2] for row in self.present.values()} | set(self.home.values())
        named = {claim.removeprefix(LEAD) for _, claim in bearers if claim.startswith(LEAD)}
        self._lock(wanted | set(bearers.values()) | set(expected.values()) | named)
        for one in self.updates:
            home = self.home[one.visitor_id]
            self.size.setdefault(self._root(home), 1)
            self.first_at.setdefault(home, one.state.first_at)
        for one in told:
            self._part(one)
        for one in [*new, *told]:
            home = self.home[one.visitor_id]
            for claim in self.claims[one.visitor_id]:
                meant = claim.removeprefix(LEAD)
                is_here = meant != claim and (meant in self.rows or meant in self.site_of)
                self._join(claim, home, meant if is_here else bearers[one.key[0], claim])
        for home, bearer in expected.items():
            self._join(LEAD, home, bearer)
        return self._write(new, told)

    def _take_names(self, updates: Sequence[VisitorUpdate]) -> dict[tuple[int, str], str]:
        """Note names that nobody bore, and return the first bearer of each of the updates' names."""
        wanted = {
            (one.key[0], claim): self.home[one.visitor_id]
            for one in reversed(updates)
            for claim in self.claims[one.visitor_id]
        }
        rows = [(site_id, claim, home) for (site_id, claim), home in sorted(wanted.items())]
        bulk.upsert(self.connection, identities, rows, columns=("site_id", "claim", "lead_id"), keep=("lead_id",))
        found: dict[tuple[int, str], str] = {}
        for site_id in {site_id for site_id, _ in wanted}:
            names = [claim for site, claim in wanted if site == site_id]
            columns = ("claim", "lead_id")
            for claim, bearer in bulk.select_where_in(
                self.connection, identities, columns, "claim", names, f"site_id = {site_id}"
            ):
                found[site_id, claim] = bearer
        return found

    def _expected(self, new: Sequence[VisitorUpdate]) -> dict[str, str]:
        """Return new homes of which somebody has said before that they are one with another lead."""
        found: dict[str, str] = {}
        for site_id in {one.key[0] for one in new}:
            if self.connection.execute(_SPOKEN_OF, {"site_id": site_id}).first() is None:
                continue
            names = [LEAD + self.home[one.visitor_id] for one in new if one.key[0] == site_id]
            columns = ("claim", "lead_id")
            for claim, bearer in bulk.select_where_in(
                self.connection, identities, columns, "claim", names, f"site_id = {site_id}"
            ):
                found[claim.removeprefix(LEAD)] = bearer
        return found

    def _lock(self, wanted: Iterable[str]) -> None:
        """Load leads and what they have been merged into, locked."""
        missing = set(wanted)
        while missing:
            self.rows |= lock_leads(self.connection, missing)
            missing = {row["merged_into"] for row in self.rows.values() if row["merged_into"]} - self.rows.keys()
        for one in self.rows.values():
            if not one["merged_into"]:
                self.size[one["id"]] = one["visitors"]

    def _root(self, lead: str) -> str:
        while True:
            above = self.parent.get(lead) or (self.rows[lead]["merged_into"] if lead in self.rows else None)
            if not above:
                return lead
            lead = above

    def _part(self, update: VisitorUpdate) -> None:
        """Take a visitor out of a lead that it belonged to by a link only, now that it says to be somebody else."""
        before = msgspec.json.decode(self.present[update.visitor_id][4])
        now = self.claims[update.visitor_id]
        home = self.home[update.visitor_id]
        root = self._root(home)
        by_link = {claim for claim in before if claim.startswith(LEAD)} - set(now)
        if not by_link or root == home or home not in self.rows:
            return
        branch = branch_of(self.connection, home)
        others = self._names(self._nodes(root) - branch)
        if not any(name.startswith((USER, EMAIL)) for name in others) or others.intersection(now):
            return
        separate(self.connection, home, root)
        self.rows |= lock_leads(self.connection, [home, root])
        self.size[home], self.size[root] = self.rows[home]["visitors"], self.rows[root]["visitors"]
        self.parted |= {home, root}

    def _join(self, claim: str, ours: str, theirs: str) -> None:
        """Make one lead of two that bear one name, unless something speaks against it."""
        one, other = self._root(ours), self._root(theirs)
        if one == other or self.size.get(one, 1) + self.size.get(other, 1) > MAX_VISITORS:
            return
        nodes = self._nodes(one), self._nodes(other)
        if not may_join(claim, self._names(nodes[0]), self._names(nodes[1])) or self._are_apart(*nodes):
            return
        kept = survivor(self._known(one), self._known(other)).id
        lost = other if kept == one else one
        self.parent[lost] = kept
        self.size[kept] = self.size.get(kept, 1) + self.size.pop(lost, 1)

    def _known(self, lead: str) -> Known:
        row = self.rows.get(lead)
        if row is None:
            return Known(lead, False, False, self.first_at.get(lead, 0))
        worked_on = row["owner"] is not None or row["status"] != "open"
        first_at = min(row["first_at"], self.first_at.get(lead, row["first_at"]))
        return Known(lead, worked_on, row["kind"] == "person", first_at)

    def _nodes(self, root: str) -> set[str]:
        """All leads of a tree."""
        within = {lead for lead in (*self.rows, *self.home.values(), *self.parent) if self._root(lead) == root}
        stored = [lead for lead in within if lead in self.rows]
        query = select(lead_visitors.c.home_id).where(lead_visitors.c.lead_id.in_(stored))
        return within | {root} | set(self.connection.execute(query).scalars())

    def _names(self, nodes: set[str]) -> set[str]:
        query = select(identities.c.claim).where(identities.c.lead_id.in_(nodes))
        own = {claim for number, home in self.home.items() if home in nodes for claim in self.claims[number]}
        return own | set(self.connection.execute(query).scalars())

    def _are_apart(self, ours: set[str], theirs: set[str]) -> bool:
        pairs = lead_pairs_apart.c
        query = select(pairs.lead_id).where(
            or_(
                and_(pairs.lead_id.in_(ours), pairs.other_id.in_(theirs)),
                and_(pairs.lead_id.in_(theirs), pairs.other_id.in_(ours)),
            )
        )
        return self.connection.execute(query.limit(1)).first() is not None

    def _write(self, new: Sequence[VisitorUpdate], told: Sequence[VisitorUpdate]) -> Memberships:
        merges: list[Merge] = []
        changed = {self._root(kept) for kept in (*self.parent.values(), *self.parted)}
        founded: list[tuple[Any, ...]] = []
        for lost, kept in self.parent.items():
            row = self.rows.get(lost)
            if row is None:
                values = _NO_LEAD | {
                    "id": lost,
                    "site_id": self.site_of[lost],
                    "kind": "visitor",
                    "first_at": self.first_at[lost],
                    "status": "open",
                    "merged_into": kept,
                    "version": 1,
                }
                founded.append(tuple(values[name] for name in _LEAD_COLUMNS))
                continue
            merges.append(Merge(row["site_id"], lost, self._root(lost)))
            merge_lead(self.connection, lost, kept, self._root(lost))
        roots = {one.visitor_id: self._root(self.home[one.visitor_id]) for one in self.updates}
        rows = {
            (number := one.visitor_id): (number, one.key[0], roots[number], self.home[number], self.packed[number])
            for one in [*new, *told]
        }
        # Most are of nobody else: their lead is written once, when it is known what to write.
        alone = {
            one.visitor_id
            for one in new
            if (root := roots[one.visitor_id]) not in self.rows and root not in changed and self.size.get(root, 1) == 1
        }
        self._found_roots({roots[one.visitor_id] for one in new if one.visitor_id not in alone})
        bulk.upsert(self.connection, leads, founded, columns=_LEAD_COLUMNS)
        joined = [row for visitor_id, row in rows.items() if visitor_id not in alone]
        bulk.upsert(self.connection, lead_visitors, joined, columns=_VISITOR_COLUMNS)
        return Memberships(
            root_of=roots,
            home_of=self.home,
            changed=changed,
            leads=self.rows,
            visitors={root: self.size.get(root, 1) for root in roots.values()},
            merges=merges,
            shrunk={self._root(lead) for lead in self.parted} - set(roots.values()),
            alone=[row for visitor_id, row in rows.items() if visitor_id in alone],
        )

    def _found_roots(self, roots: set[str]) -> None:
        """Write a first row of each new lead of several visitors, so that others may point at it."""
        rows = []
        for root in sorted(roots - self.rows.keys()):
            values = _NO_LEAD | {
                "id": root,
                "site_id": self.site_of[root],
                "kind": "visitor",
                "first_at": self.first_at[root],
                "status": "open",
                "visitors": self.size.get(root, 1),
                "version": 0,
            }
            rows.append(tuple(values[name] for name in _LEAD_COLUMNS))
        bulk.append(self.connection, leads, rows, columns=_LEAD_COLUMNS)


def lock_leads(connection: Connection, lead_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of these leads, kept from other writers until the transaction ends."""
    rows = bulk.select_where_in(connection, leads, _LEAD_COLUMNS, "id", sorted(set(lead_ids)), lock=True)
    return {row[0]: dict(zip(_LEAD_COLUMNS, row, strict=True)) for row in rows}


def merge_lead(connection: Connection, lost: str, kept: str, root: str) -> None:
    """Make the root *lost* a branch of *kept*, in the tree of *root*: its visitors, outcomes, notes, labels and claim
    become the root's."""
    _pass_on_claim(connection, lost, root)
    values = {
        **{"merged_into": kept, "visitors": 0, "account_id": None, "version": leads.c.version + 1},
        **dict.fromkeys(_CLAIM, None),
        "snoozed_until": None,
    }
    connection.execute(update(leads).where(leads.c.id == lost).values(values))
    for table in (lead_visitors, outcomes, objections, notes, lead_labels):
        connection.execute(update(table).where(table.c.lead_id == lost).values(lead_id=root))
    for of_lost in (lead_scores, lead_classes, lead_groups):
        connection.execute(delete(of_lost).where(of_lost.c.lead_id == lost))


def _pass_on_claim(connection: Connection, lost: str, root: str) -> None:
    query = select(leads.c.id, *(leads.c[name] for name in _CLAIM)).where(leads.c.id.in_((lost, root)))
    claims = {row.id: Handling(owner=row.owner, claimed_until=row.claimed_until) for row in connection.execute(query)}
    if root not in claims:
        return  # A lead that is being founded: of two that become one, it stays only where nobody works on the other.
    after = heir(claims[root], claims[lost])
    if after != claims[root]:
        values = {name: getattr(after, name) for name in _CLAIM}
        connection.execute(update(leads).where(leads.c.id == root).values(version=leads.c.version + 1, **values))


def branch_of(connection: Connection, lead: str) -> set[str]:
    """Return a lead and all that was merged into it."""
    layer = branch = {lead}
    while layer:
        layer = set(connection.execute(select(leads.c.id).where(leads.c.merged_into.in_(layer))).scalars()) - branch
        branch = branch | layer
    return branch


def separate(connection: Connection, lost: str, root: str) -> None:
    """Make *lost*, merged into the tree of *root*, a root again: the visitors, outcomes, notes and labels of its branch
    become its own. A claim stays with the root."""
    branch = branch_of(connection, lost)
    for table in (lead_visitors, outcomes, objections, notes, lead_labels):
        connection.execute(update(table).where(table.c.home_id.in_(branch)).values(lead_id=lost))
    count = select(func.count()).select_from(lead_visitors)
    for lead in (lost, root):
        values = {
            "merged_into": None,
            "visitors": connection.execute(count.where(lead_visitors.c.lead_id == lead)).scalar_one(),
            "version": leads.c.version + 1,
        }
        connection.execute(update(leads).where(leads.c.id == lead).values(values))


def members(connection: Connection, lead_ids: Iterable[str]) -> dict[str, list[int]]:
    """Return the visitors of each lead, in the order that the score fold numbers them by: that of their homes."""
    found: dict[str, list[tuple[str, int]]] = {}
    columns = ("lead_id", "home_id", "visitor_id")
    for root, home, visitor_id in bulk.select_where_in(connection, lead_visitors, columns, "lead_id", lead_ids):
        found.setdefault(root, []).append((home, visitor_id))
    return {root: [visitor_id for _, visitor_id in sorted(pairs)] for root, pairs in found.items()}


def surviving(connection: Connection, site_id: int, lead_id: str) -> str | None:
    """Return the lead that this one is part of now, itself if it wasn't merged; ``None`` where the site has no such lead."""
    lead: str | None = lead_id
    while lead is not None:
        query = select(leads.c.merged_into).where(leads.c.id == lead, leads.c.site_id == site_id)
        row = connection.execute(query).first()
        if row is None:
            return None
        if row.merged_into is None:
            return lead
        lead = row.merged_into
    return None
