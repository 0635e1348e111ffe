"""Consents, objections to being scored, and which backups were made."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the database forward. Nothing was recorded of any of the three before."""
    op.create_table(
        "consents",
        sa.Column("visitor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("visitor_id", "message_id", name=op.f("pk_consents")),
    )
    op.create_table(
        "objections",
        sa.Column("home_id", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("objects", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "message_id", name=op.f("pk_objections")),
    )
    op.create_index(op.f("ix_objections_lead_id"), "objections", ["lead_id"])
    op.create_table(
        "backups",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("file", sa.String(length=1000), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("goes_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
