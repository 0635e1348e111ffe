"""The scorer's tables: scorecards, leads and accounts, their scores and changes, API keys."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from tracker.models import BigId, metadata

scorecards: Final = Table(
    "scorecards",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("landmark_ms", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("published_at", BigInteger),
    Column("is_current", Boolean, nullable=False),
    Column("filling", Boolean, nullable=False),
    Column("proposed", Boolean, nullable=False, server_default=false()),
    Column("learned", Text),
    UniqueConstraint("site_id", "number"),
    Index(
        "uq_scorecards_current",
        "site_id",
        unique=True,
        sqlite_where=text("is_current"),
        postgresql_where=text("is_current"),
    ),
)
"""The numbered rules of a site's score; a row's body and landmark never change. One of a site's is current.

``filling``: scores by this card are being made in the background. For a card that isn't current, whoever changes what a
lead's score depends on deletes the lead's score by it, to be made again. ``proposed``: nobody has published or refused it
yet. ``learned`` is what training found out (``core.learned.Learned`` as JSON) of a card that came of it."""

accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("domain", String(255), nullable=False),
    Column("industry", String(100), nullable=False),
    Column("employees", Integer),
    Column("country", String(60), nullable=False),
    Column("region", String(100), nullable=False),
    Column("leads", Integer, nullable=False),
    Column("heat", Float(53), nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Index("ix_accounts_heat", "site_id", text("heat DESC"), "id"),
    postgresql_with={"fillfactor": 80},
)
"""A company with its leads. ``heat`` is (Σ √heatᵢ)² over its leads that aren't excluded, by the current scorecard."""

leads: Final = Table(
    "leads",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=False),
    Column("title", String(200), nullable=False),
    Column("phone", String(60), nullable=False),
    Column("company_name", String(200), nullable=False),
    Column("company_domain", String(255), nullable=False),
    Column("account_id", String(20)),
    Column("industry", String(100), nullable=False),
    Column("employees", Integer),
    Column("country", String(60), nullable=False),
    Column("region", String(100), nullable=False),
    Column("role", String(12), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("visitors", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("status", String(12), nullable=False),
    Column("owner", String(200)),
    Column("claimed_until", BigInteger),
    Column("snoozed_until", BigInteger),
    Column("exclusion", String(20)),
    Column("exclusion_by_hand", String(20)),
    Column("merged_into", String(20)),
    Column("version", Integer, nullable=False),
    Index(
        None,
        "account_id",
        sqlite_where=text("account_id IS NOT NULL"),
        postgresql_where=text("account_id IS NOT NULL"),
    ),
    Index(
        None,
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    Index(
        None,
        "claimed_until",
        sqlite_where=text("claimed_until IS NOT NULL"),
        postgresql_where=text("claimed_until IS NOT NULL"),
    ),
    Index(
        None,
        "snoozed_until",
        sqlite_where=text("snoozed_until IS NOT NULL"),
        postgresql_where=text("snoozed_until IS NOT NULL"),
    ),
    Index(None, "site_id", "first_at"),
    Index(None, "site_id", "email", sqlite_where=text("email <> ''"), postgresql_where=text("email <> ''")),
    postgresql_with={"fillfactor": 80},
)
"""A person who may buy, or a visitor still unknown: who, and how far sales have got. Written when that changes.

Every visitor founds a lead. ``merged_into`` names the lead of the same person that this one has become part of; the leads of
one person so form a tree whose root is shown. ``visitors`` counts the visitors of the tree. ``exclusion`` is the reason for
which the lead is kept off the hot list; ``exclusion_by_hand`` what a person has decided: a reason, empty for none ever."""

lead_visitors: Final = Table(
    "lead_visitors",
    metadata,
    Column("visitor_id", BigId, primary_key=True, autoincrement=False),
    Column("site_id", Integer, nullable=False),
    Column("lead_id", String(20), ForeignKey("leads.id"), nullable=False),
    Column("home_id", String(20), ForeignKey("leads.id"), nullable=False),
    Column("claims", Text, nullable=False),
    Index(None, "lead_id"),
    Index(None, "home_id"),
)
"""Whose browser a visitor is: the lead it founded (``home_id``), and the root of the tree in which that is now.
``claims`` are the names by which the visitor has said to be known, as JSON."""

identities: Final = Table(
    "identities",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("claim", String(330), primary_key=True),
    Column("lead_id", String(20), nullable=False),
    Index(None, "lead_id"),
)
"""The names by which people are known (``user:7``, ``email:ada@halden.example``), and the lead that first bore each.
Of two transactions with one new name the second waits for the first: that is what joins their leads."""

lead_pairs_apart: Final = Table(
    "lead_pairs_apart",
    metadata,
    Column("lead_id", String(20), primary_key=True),
    Column("other_id", String(20), primary_key=True),
)
"""Leads that a person has separated, the lesser id first: a name in common doesn't join them again."""

lead_scores: Final = Table(
    "lead_scores",
    metadata,
    Column("scorecard_id", Integer, ForeignKey("scorecards.id"), primary_key=True, autoincrement=False),
    Column("lead_id", String(20), ForeignKey("leads.id"), primary_key=True),
    Column("heat", Float(53), nullable=False),
    Column("priority", Float(53), nullable=False),
    Column("hot_since", BigInteger),
    Column("announced_score", Float(53)),
    Column("grade", String(1)),
    Column("stage", String(13)),
    Column("topics", Text, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("visits", Integer, nullable=False),
    Column("page_views", Integer, nullable=False),
    Column("downloads", Integer, nullable=False),
    Column("engaged_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index("ix_lead_scores_priority", "scorecard_id", text("priority DESC"), "lead_id"),
    Index(
        "ix_lead_scores_hot",
        "scorecard_id",
        text("priority DESC"),
        "lead_id",
        sqlite_where=text("hot_since IS NOT NULL"),
        postgresql_where=text("hot_since IS NOT NULL"),
    ),
    Index(
        "ix_lead_scores_cooling",
        "scorecard_id",
        "heat",
        sqlite_where=text("hot_since IS NOT NULL"),
        postgresql_where=text("hot_since IS NOT NULL"),
    ),
    Index(None, "lead_id"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 80},
)
"""The score of a lead by one scorecard; merged leads have none. ``heat`` is the forward-decayed sum of what its visitors
did and ``priority`` the heat times what its fit is worth: neither is touched by the passing of time. ``hot_since`` is set
while sales have been told that the lead is hot. ``topics`` are its interests, the greatest first, each between spaces.
``state`` is what the fold goes on from.

Readers of the indexes: ``…_priority`` all leads ranked, ``…_hot`` the hot list, ``…_cooling`` the tick that announces cooled
leads."""

outcomes: Final = Table(
    "outcomes",
    metadata,
    Column("home_id", String(20), primary_key=True),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("lead_id", String(20), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("value", Float(53)),
    Column("currency", String(10), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("by", String(200), nullable=False),
    Index(None, "lead_id"),
    Index(None, "site_id", "kind", "at"),
)
"""What became of leads: contacted, won, lost, disqualified, by events or people. ``home_id`` is the lead it was said of,
``lead_id`` the root of that lead's tree."""

objections: Final = Table(
    "objections",
    metadata,
    Column("home_id", String(20), primary_key=True),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("lead_id", String(20), nullable=False),
    Column("objects", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Index(None, "lead_id"),
)
"""Who doesn't want to be scored, and who does again: rows are added, never changed; the latest of a lead holds. Leads as in
``outcomes``. ``by`` is who recorded it by hand, empty for an event."""

backups: Final = Table(
    "backups",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("file", String(1000), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("goes_at", BigInteger),
)
"""Backups that ``warmtrail backup`` has made, so that the record of an erasure can name those that still hold the person.
``goes_at`` is when the file is to be deleted, null where nobody has said."""

audit: Final = Table(
    "audit",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("why", String(500), nullable=False),
    Column("detail", Text, nullable=False),
    Column("number", BigInteger),
    Column("salt", LargeBinary(16)),
    Column("words_hash", LargeBinary(32)),
    Column("chain", LargeBinary(32)),
    Index(None, "site_id", "subject", "id"),
    Index("uq_audit_site_id_number", "site_id", "number", unique=True),
)
"""What people did by hand, who and why. ``number`` counts a site's lines without a gap, in the order of commit; the hashes
are those of ``core.audit_chain``. ``salt`` is gone from lines whose words were taken out. A program of the version before
writes lines without number and hashes: ``auditing.take_in`` gives them theirs."""

audit_heads: Final = Table(
    "audit_heads",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
)
"""The last line of each site's audit log. The row's lock, held from the numbering of a line to commit, is what keeps a
site's chain in one piece."""

segments: Final = Table(
    "segments",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("site_id", "name"),
)
"""Saved filters over leads; ``body`` is JSON."""

lead_changes: Final = Table(
    "lead_changes",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("site_id", Integer, nullable=False),
    Column("lead_id", String(20), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "site_id", "sequence"),
    Index(None, "lead_id"),
)
"""What happened to leads, numbered in the order of commit: whoever has read up to a number has missed nothing. On PostgreSQL
in parts by number (``scorer.log_parts``)."""

feed: Final = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_sequence", BigInteger, nullable=False),
)
"""The one counter of ``lead_changes``. Its row lock, held from numbering to commit, is what puts numbers in commit order."""

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("scope", String(8), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""Keys of the sales API, kept hashed."""
