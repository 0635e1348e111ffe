"""The audit log as a chain of hashes."""

import secrets

import sqlalchemy as sa
from alembic import op

from scorer.core.audit_chain import SALT_BYTES, Head, before_first, hash_words, link

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the database forward. Lines that there are become the chain's first, in the order in which they were written."""
    op.add_column("audit", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("salt", sa.LargeBinary(length=16), nullable=True))
    op.add_column("audit", sa.Column("words_hash", sa.LargeBinary(length=32), nullable=True))
    op.add_column("audit", sa.Column("chain", sa.LargeBinary(length=32), nullable=True))
    op.create_table(
        "audit_heads",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_audit_heads")),
    )
    _chain()
    op.create_index("uq_audit_site_id_number", "audit", ["site_id", "number"], unique=True)


def _chain() -> None:
    connection = op.get_bind()
    some = sa.text("SELECT * FROM audit WHERE id > :after ORDER BY id LIMIT 1000")
    write = sa.text(
        "UPDATE audit SET number = :number, salt = :salt, words_hash = :words_hash, chain = :chain WHERE id = :id"
    )
    heads: dict[int, Head] = {}
    after = 0
    while rows := connection.execute(some, {"after": after}).all():
        entries = []
        for row in rows:
            before = heads.get(row.site_id) or before_first(row.site_id)
            salt, number = secrets.token_bytes(SALT_BYTES), before.number + 1
            words_hash = hash_words(salt, row.why, row.detail)
            chain = link(before.chain, number, row.at, row.actor, row.action, row.subject, words_hash)
            heads[row.site_id] = Head(number, chain)
            entries.append({"id": row.id, "number": number, "salt": salt, "words_hash": words_hash, "chain": chain})
        connection.execute(write, entries)
        after = rows[-1].id
    keep = sa.text("INSERT INTO audit_heads (site_id, number, chain) VALUES (:site_id, :number, :chain)")
    if heads:
        values = [{"site_id": site_id, "number": one.number, "chain": one.chain} for site_id, one in heads.items()]
        connection.execute(keep, values)
