"""Growth: logs in parts, indexes for what else would read whole tables, and how eagerly PostgreSQL cleans up."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_PARTED = {"lead_changes": "sequence", "dead_letters": "id"}
"""Logs, and the column by which they are parted."""
_CHANGED = ("visitors", "visits", "leads", "lead_scores", "lead_visitors", "accounts", "partitions", "intake", "feed")
"""Tables whose rows are written again and again."""
_ADDED = ("events", "outcomes", "lead_words", "account_words")
"""Tables to which rows are added."""


def upgrade() -> None:
    """Bring the database forward. No row is moved: a log becomes the first part of its parted self."""
    _note_what_was_heard_last()
    # Computed, so that no row is written here on SQLite, and on PostgreSQL each is once, without leaving a dead one.
    kept = "STORED" if op.get_bind().dialect.name == "postgresql" else "VIRTUAL"
    op.execute(f"ALTER TABLE visitors ADD COLUMN heard_day BIGINT NOT NULL GENERATED ALWAYS AS (heard_at / 86400000) {kept}")
    op.create_index(op.f("ix_visitors_site_id_heard_day"), "visitors", ["site_id", "heard_day"])
    op.create_index(op.f("ix_leads_site_id_first_at"), "leads", ["site_id", "first_at"])
    known = sa.text("email <> ''")
    op.create_index(
        op.f("ix_leads_site_id_email"), "leads", ["site_id", "email"], sqlite_where=known, postgresql_where=known
    )
    op.create_index(op.f("ix_lead_changes_lead_id"), "lead_changes", ["lead_id"])
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, key in _PARTED.items():
        _part(table, key)
    # By default a table is cleaned when a fifth of it is dead: of ten million leads, two million.
    for table in _CHANGED:
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )
    for table in (*_ADDED, *(f"{table}_1" for table in _PARTED)):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
        )


def _note_what_was_heard_last() -> None:
    """Copy the time of a site's last event, and its visitor, to the accounts of the site's intake."""
    with op.batch_alter_table("intake") as batch:
        # The default stays: a worker of the version before, which knows nothing of the column, still adds rows.
        batch.add_column(sa.Column("heard_at", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("heard_of", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE intake SET heard_at = latest.heard_at, heard_of = latest.id FROM (SELECT site_id, id, heard_at, "
        "row_number() OVER (PARTITION BY site_id ORDER BY heard_at DESC) AS place FROM visitors) AS latest "
        "WHERE latest.site_id = intake.site_id AND latest.place = 1"
    )


def _part(table: str, key: str) -> None:
    """Make a log the first part of one that is parted by the numbers of its rows."""
    connection = op.get_bind()
    first = f"{table}_1"
    constraint = f"pk_{table}"
    indexes = [one["name"] for one in sa.inspect(connection).get_indexes(table)]
    definitions = [
        connection.execute(sa.text("SELECT pg_get_indexdef(to_regclass(:name))"), {"name": name}).scalar_one()
        for name in indexes
    ]
    sequence = connection.execute(
        sa.text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table, "key": key}
    ).scalar_one()
    last = connection.execute(sa.text(f"SELECT last_value, is_called FROM {sequence}")).one() if sequence else None  # noqa: S608
    if sequence:  # Tables in parts have identities since version 17 only.
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {key} DROP IDENTITY")
    op.execute(f"ALTER TABLE {table} RENAME TO {first}")
    op.execute(f"ALTER TABLE {first} RENAME CONSTRAINT {constraint} TO {constraint}_1")
    for name in indexes:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_1")
    op.execute(f"CREATE TABLE {table} (LIKE {first}) PARTITION BY RANGE ({key})")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} PRIMARY KEY ({key})")
    for definition in definitions:
        op.execute(definition)
    if last is not None:
        numbers = f"{table}_{key}_seq"
        op.execute(f"CREATE SEQUENCE {numbers} OWNED BY {table}.{key}")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {key} SET DEFAULT nextval('{numbers}')")
        op.execute(f"SELECT setval('{numbers}', {last.last_value}, {str(last.is_called).lower()})")
    # Its indexes become parts of those above: nothing is built, nothing is read.
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)")
