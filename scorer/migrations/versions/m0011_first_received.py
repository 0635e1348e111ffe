"""When a visitor's browser was first heard, by the service's own clock."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the database forward. Of the visitors that are there it isn't known."""
    op.add_column("visitors", sa.Column("first_received_at", sa.BigInteger(), nullable=True))
