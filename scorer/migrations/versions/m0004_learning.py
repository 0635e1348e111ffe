"""Learning: proposed scorecards, calibrations, labels, classes, groups, and leads shown to learn from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the database forward. Nothing has been learned yet."""
    # Without batch mode, which makes the table anew: others refer to it, and SQLite adds such columns in place.
    op.add_column("scorecards", sa.Column("proposed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("scorecards", sa.Column("learned", sa.Text(), nullable=True))
    op.create_table(
        "calibrations",
        sa.Column("scorecard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["scorecard_id"], ["scorecards.id"], name=op.f("fk_calibrations_scorecard_id_scorecards")),
        sa.PrimaryKeyConstraint("scorecard_id", name=op.f("pk_calibrations")),
    )
    op.create_table(
        "trainings",
        sa.Column("id", _ID, sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done", sa.Float(53), nullable=False),
        sa.Column("scorecard_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["scorecard_id"], ["scorecards.id"], name=op.f("fk_trainings_scorecard_id_scorecards")),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_trainings_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainings")),
    )
    op.create_index(op.f("ix_trainings_site_id_id"), "trainings", ["site_id", "id"])
    op.create_table(
        "learning_alarms",
        sa.Column("id", _ID, sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_learning_alarms_site_id_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learning_alarms")),
    )
    uncleared = sa.text("cleared_at IS NULL")
    op.create_index(
        op.f("ix_learning_alarms_site_id"),
        "learning_alarms",
        ["site_id"],
        sqlite_where=uncleared,
        postgresql_where=uncleared,
    )
    op.create_table(
        "lead_labels",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scheme", sa.String(length=60), nullable=False),
        sa.Column("home_id", sa.String(length=20), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "scheme", "home_id", name=op.f("pk_lead_labels")),
    )
    op.create_index(op.f("ix_lead_labels_lead_id"), "lead_labels", ["lead_id"])
    op.create_table(
        "class_models",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scheme", sa.String(length=60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "scheme", name=op.f("pk_class_models")),
    )
    op.create_table(
        "lead_classes",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scheme", sa.String(length=60), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=True),
        sa.Column("guess", sa.String(length=60), nullable=False),
        sa.Column("confidence", sa.Float(53), nullable=False),
        sa.Column("margin", sa.Float(53), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "scheme", "lead_id", name=op.f("pk_lead_classes")),
    )
    op.create_index(op.f("ix_lead_classes_lead_id"), "lead_classes", ["lead_id"])
    op.create_index(op.f("ix_lead_classes_site_id_scheme_label"), "lead_classes", ["site_id", "scheme", "label"])
    op.create_index(op.f("ix_lead_classes_site_id_scheme_margin"), "lead_classes", ["site_id", "scheme", "margin"])
    op.create_table(
        "lead_groups",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "lead_id", name=op.f("pk_lead_groups")),
    )
    op.create_index(op.f("ix_lead_groups_site_id_group_id"), "lead_groups", ["site_id", "group_id"])
    op.create_index(op.f("ix_lead_groups_lead_id"), "lead_groups", ["lead_id"])
    op.create_table(
        "group_models",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_group_models")),
    )
    op.create_table(
        "explored_leads",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "lead_id", "since", name=op.f("pk_explored_leads")),
    )
    op.create_index(op.f("ix_explored_leads_lead_id"), "explored_leads", ["lead_id"])
    op.create_index(op.f("ix_explored_leads_site_id_until"), "explored_leads", ["site_id", "until"])
    op.create_table(
        "site_insights",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "kind", name=op.f("pk_site_insights")),
    )
