"""The tracker's tables. Times are milliseconds since 1970 UTC in BIGINT columns, on both databases the same."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite fills only an INTEGER PRIMARY KEY by itself.
BigId: Final = BigInteger().with_variant(Integer, "sqlite")

sites: Final = Table(
    "sites",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("settings", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("write_key", String(60), nullable=False, unique=True),
    Column("server_key_hash", String(64), nullable=False, unique=True),
)
"""A website. ``settings`` is JSON (see ``tracker.sites``); ``write_key`` is public, the server key is kept hashed."""

partitions: Final = Table(
    "partitions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", String(40), nullable=False),
)
"""How far each partition of the queue has been processed: the stream id of the last entry whose results are stored.

Written in the transaction that stores those results, which is what makes every entry count exactly once."""

intake: Final = Table(
    "intake",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("appended", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("filtered", BigInteger, nullable=False),
    Column("dead_lettered", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("heard_of", BigInteger),
)
"""The accounts of the intake: received = stored + duplicate + filtered + dead_lettered. ``appended`` is the value that
the queue's own counter had when these events were appended; the difference to its present value is waiting. ``heard_at`` is
when something was last received, ``heard_of`` the visitor who sent it, unless there is none any more: so that nobody has
to look through all visitors for that."""

visitors: Final = Table(
    "visitors",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("key", String(210), nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("visits", Integer, nullable=False),
    Column("page_views", Integer, nullable=False),
    Column("downloads", Integer, nullable=False),
    Column("engaged_ms", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("state", LargeBinary),
    Column("first_received_at", BigInteger),
    Column("heard_day", BigInteger, Computed("heard_at / 86400000", persisted=True), nullable=False),
    UniqueConstraint("site_id", "key"),
    Index(None, "site_id", "heard_day"),
    postgresql_with={"fillfactor": 80},
)
"""A browser (or a person known to a server only). ``state`` is what the visit fold goes on from; null while all of the
visitor's events were filtered. ``heard_at`` is when something was last received: retention counts from there, so that
imported history is kept as long as any other. ``heard_day`` is its day since 1970 UTC, for an index: with an index on
``heard_at`` itself, which changes with every event, PostgreSQL would have to write all indexes each time.
``first_received_at`` is when a browser first sent something of it, by this service's clock; null where a server told of it,
and of those stored before it was written down."""

visits: Final = Table(
    "visits",
    metadata,
    Column("visitor_id", BigId, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("site_id", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("page_views", Integer, nullable=False),
    Column("downloads", Integer, nullable=False),
    Column("engaged_ms", BigInteger, nullable=False),
    Column("entry_url", Text, nullable=False),
    Column("exit_url", Text, nullable=False),
    Column("referrer", Text, nullable=False),
    Column("campaign", Text),
    Column("agent", String(120), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("locale", String(60), nullable=False),
    Column("country", String(60), nullable=False),
    Column("network", String(120), nullable=False),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 80},
)
"""A visit of a visitor, numbered from 1."""

events: Final = Table(
    "events",
    metadata,
    Column("visitor_id", BigId, primary_key=True, autoincrement=False),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("name", String(200), nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("referrer", Text, nullable=False),
    Column("view_id", String(64), nullable=False),
    Column("engaged_ms", Integer, nullable=False),
    Column("scroll_percent", SmallInteger, nullable=False),
    Column("properties", Text),
    Column("context", Text),
    Column("user_id", String(200), nullable=False),
    Column("agent", String(120), nullable=False),
    Column("label", String(12)),
    sqlite_with_rowid=False,
)
"""The ledger: every event of every visitor, once. ``label`` says why an event is filtered, null when it counts; a row with
one is replaced by the drain when somebody vouches for the event (``tracker.recounting``).

The primary key is the de-duplication; it begins with the visitor so that one visitor's events lie together, which is
what a fold from scratch reads."""

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("reason", String(30), nullable=False),
    Column("source", String(10), nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("replayed_at", BigInteger),
    Index(None, "site_id", "id"),
)
"""Events (and lines of imported files) that were refused, with the reason and as they came. ``source``: collector,
worker or import. On PostgreSQL in parts by number (``scorer.log_parts``)."""

erased_visitors: Final = Table(
    "erased_visitors",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("key_hash", LargeBinary(16), primary_key=True),
    Column("erased_at", BigInteger, nullable=False),
    Index(None, "erased_at"),
)
"""Visitors who were erased: what was received of them before that, and waits in the queue still, is forgotten, too. Of the
key only a hash is kept, and that for as long as events may wait."""

consents: Final = Table(
    "consents",
    metadata,
    Column("visitor_id", BigId, primary_key=True, autoincrement=False),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("given", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("version", String(100), nullable=False),
    Column("source", String(200), nullable=False),
    Column("by", String(200), nullable=False),
    sqlite_with_rowid=False,
)
"""What visitors agreed to and took back: rows are added, never changed. ``version`` is that of the text that was agreed to,
``source`` where (a banner, a form), ``by`` who recorded it by hand, empty for an event. The latest of a purpose holds."""
