"""Privacy: who was erased while something of theirs was still waiting."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the database forward. Nobody has been erased yet."""
    op.create_table(
        "erased_visitors",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "key_hash", name=op.f("pk_erased_visitors")),
    )
    op.create_index(op.f("ix_erased_visitors_erased_at"), "erased_visitors", ["erased_at"])
