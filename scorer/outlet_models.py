"""The tables of the outlets: who works with leads, and what is sent where."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from tracker.models import BigId, metadata

lead_words: Final = Table(
    "lead_words",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    # By code point on every database: what begins with a word is a stretch of the key.
    Column("word", String(40).with_variant(String(40, collation="C"), "postgresql"), primary_key=True),
    Column("lead_id", String(20), primary_key=True),
    Index(None, "lead_id"),
    sqlite_with_rowid=False,
)
"""The words by which leads are found (``scorer.core.search``). Written with the lead."""

account_words: Final = Table(
    "account_words",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("word", String(40).with_variant(String(40, collation="C"), "postgresql"), primary_key=True),
    Column("account_id", String(20), primary_key=True),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)
"""The same for companies: of their names and domains. Written with the account."""

notes: Final = Table(
    "notes",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("home_id", String(20), nullable=False),
    Column("lead_id", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "lead_id"),
    Index(None, "home_id"),
)
"""What salespeople have written about leads. ``home_id`` is the lead it was written about, ``lead_id`` the root of that
lead's tree, as with outcomes."""

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("actor", String(40), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer),
    Column("answer", LargeBinary),
    Column("etag", String(64)),
    Column("lead_id", String(20)),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
    Index(None, "lead_id"),
)
"""Requests that were given a key by whoever sent them (``actor``: an API key's id), and what was answered: sent again, the
same is answered. ``status`` is null while the first is being carried out, ``lead_id`` the lead that the answer tells of."""

users: Final = Table(
    "users",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(200)),
    Column("language", String(2), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
)
"""People who sign in. ``email`` in lower case. Without ``password_hash`` only another service's word lets them in; an empty
``time_zone`` is whatever the browser says."""

user_roles: Final = Table(
    "user_roles",
    metadata,
    Column("user_id", String(20), ForeignKey("users.id"), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("role", String(8), nullable=False),
)
"""What a user is on a site: viewer, sales or admin. Without a row: nothing."""

web_sessions: Final = Table(
    "web_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(20), ForeignKey("users.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("agent", String(200), nullable=False),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)
"""Browsers that are signed in, their tokens kept hashed. A deleted row is signed out."""

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("preset", String(20), nullable=False),
    Column("kinds", Text, nullable=False),
    Column("segment", String(100), nullable=False),
    Column("language", String(2), nullable=False),
    Column("secrets", Text, nullable=False),
    Column("contact", String(320), nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("failing_since", BigInteger),
    Column("disabled_at", BigInteger),
    Column("disabled_why", String(200), nullable=False),
    Column("tell_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "site_id"),
)
"""Addresses that are told of lead changes. ``kinds`` (JSON; empty: all) and ``segment`` (empty: all leads) choose which;
``secrets`` (JSON) are those to sign by, with the time each stops; ``last_sequence`` is the last change that has become
deliveries; ``contact`` is told when it is switched off, at ``tell_at``."""

webhook_deliveries: Final = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("webhook_id", String(20), ForeignKey("webhooks.id"), nullable=False),
    Column("lead_id", String(20), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Index(None, "webhook_id", "created_at"),
    Index(None, "lead_id"),
    Index(
        None,
        "webhook_id",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)
"""Messages to webhooks. The id is the same in every try. ``state``: waiting, sending, delivered, failed (given up),
stopped (its webhook was switched off, and on again without it). ``next_at`` is when to try, or, while one sender is at it,
when another may take over; null once it has come to an end."""

webhook_attempts: Final = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", String(40), ForeignKey("webhook_deliveries.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("status", Integer),
    Column("took_ms", Integer, nullable=False),
    Column("reason", String(30), nullable=False),
    Column("detail", String(300), nullable=False),
)
"""Each try of a delivery. ``status`` is null where nobody answered; ``reason`` (of ``core.webhook_troubles``) is empty where
it was a success."""

digests: Final = Table(
    "digests",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("email", String(320), nullable=False),
    Column("name", String(200), nullable=False),
    Column("segment", String(100), nullable=False),
    Column("language", String(2), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger),
    Column("unsubscribed_at", BigInteger),
    Index(None, "site_id"),
    Index(None, "next_at", sqlite_where=text("next_at IS NOT NULL"), postgresql_where=text("next_at IS NOT NULL")),
)
"""Who gets the weekly mail, of which leads (``segment``, empty: all), in which language, and when in their own time zone
(``weekday`` 0 is Monday). ``next_at`` is when the next is due; null after unsubscribing."""

digest_mails: Final = Table(
    "digest_mails",
    metadata,
    Column("digest_id", String(20), ForeignKey("digests.id"), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("message_id", String(200), nullable=False),
    Column("retry_at", BigInteger),
    Column("reason", String(30), nullable=False),
    Column("detail", String(300), nullable=False),
    Index(None, "retry_at", sqlite_where=text("retry_at IS NOT NULL"), postgresql_where=text("retry_at IS NOT NULL")),
)
"""The ledger: one row a digest and week (``period``: the local date of its first Monday), taken before anything is sent.
``state``: claimed, sent, delayed (the server wants it later: at ``retry_at``), empty (nothing to tell), skipped (who gets it
or what it is about is gone, or another digest tells the same person the same), late (its time was missed) or failed.
``reason`` is of ``core.mail_reasons``, or empty."""

alerts: Final = Table(
    "alerts",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("email", String(320), nullable=False),
    Column("segment", String(100), nullable=False),
    Column("language", String(2), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("quiet_from", Integer, nullable=False),
    Column("quiet_until", Integer, nullable=False),
    Column("max_per_day", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("hold_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("unsubscribed_at", BigInteger),
    Index(None, "site_id"),
)
"""Who gets a mail the moment a lead becomes hot. Quiet hours are minutes since local midnight, none where both are equal;
``last_sequence`` is the last change looked at; ``hold_until``: not before then, the mail server asked to wait."""

alert_mails: Final = Table(
    "alert_mails",
    metadata,
    Column("alert_id", String(20), ForeignKey("alerts.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("lead_id", String(20), nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "alert_id", "at"),
    Index(None, "lead_id"),
)
"""The ledger of alerts: one row an alert and change, taken before anything is sent. ``state``: waiting (for the end of the
quiet hours or of a day with enough mails), claimed, sent, cooled (no longer hot when it could be told), failed. Rows of one
mail have one ``at``."""
