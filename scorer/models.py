"""The scorer's tables: scorecards, leads, their changes, API keys."""

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
    UniqueConstraint("site_id", "number"),
    Index(
        "uq_scorecards_current",
        "site_id",
        unique=True,
        sqlite_where=text("is_current"),
        postgresql_where=text("is_current"),
    ),
)
"""The numbered rules of a site's score; a row's body and landmark never change. One of a site's is current."""

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
    Column("heat", Float(53), nullable=False),
    Column("hot_since", BigInteger),
    Column("announced_score", Float(53)),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("status", String(12), nullable=False),
    Column("owner", String(200)),
    Column("version", Integer, nullable=False),
    Index("ix_leads_heat", "site_id", text("heat DESC"), "id"),
    Index(
        "ix_leads_hot",
        "site_id",
        text("heat DESC"),
        "id",
        sqlite_where=text("hot_since IS NOT NULL"),
        postgresql_where=text("hot_since IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": 80},
)
"""A person who may buy, or a visitor still unknown. ``heat`` is the forward-decayed sum of the visitors' heats and is
never touched by the passing of time. ``hot_since`` is set while sales have been told that the lead is hot.

Readers of the indexes: ``ix_leads_heat`` all leads ranked, ``ix_leads_hot`` the hot list and, backwards, the tick that
announces cooled leads."""

visitor_scores: Final = Table(
    "visitor_scores",
    metadata,
    Column("visitor_id", BigId, primary_key=True, autoincrement=False),
    Column("site_id", Integer, nullable=False),
    Column("lead_id", String(20), ForeignKey("leads.id"), nullable=False),
    Column("scorecard_id", Integer, ForeignKey("scorecards.id"), nullable=False),
    Column("heat", Float(53), nullable=False),
    Column("state", LargeBinary, nullable=False),
    Index(None, "lead_id"),
    postgresql_with={"fillfactor": 80},
)
"""The score of one visitor under the current scorecard. ``state`` is what the score fold goes on from."""

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
)
"""What happened to leads, numbered in the order of commit: whoever has read up to a number has missed nothing."""

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
