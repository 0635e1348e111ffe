"""The archive's one table."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from tracker.models import metadata

archive_erasures: Final = Table(
    "archive_erasures",
    metadata,
    Column("visitor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key_hash", LargeBinary(16), primary_key=True),
    Column("site_id", Integer, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
)
"""Visitors who were erased, until the archive's files are rewritten without them. Of the key only a hash is kept."""
