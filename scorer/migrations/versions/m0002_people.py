"""People, companies and generations of scores: what a lead is, apart from how it stands by a scorecard."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the database forward. Scores keep their heat, and what they are made of is folded again in the background."""
    op.execute("CREATE TABLE old_leads AS SELECT * FROM leads")
    op.execute("CREATE TABLE old_scores AS SELECT visitor_id, site_id, lead_id, scorecard_id, heat FROM visitor_scores")
    op.drop_table("visitor_scores")
    op.drop_table("leads")
    with op.batch_alter_table("scorecards") as batch:
        batch.add_column(sa.Column("filling", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("visits") as batch:
        batch.add_column(sa.Column("network", sa.String(length=120), nullable=False, server_default=""))
    # At once: SQLite makes the table anew for it, which it refuses when others refer to its rows.
    with op.batch_alter_table("scorecards") as batch:
        batch.alter_column("filling", server_default=None)
    with op.batch_alter_table("visits") as batch:
        batch.alter_column("network", server_default=None)

    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_site_id_subject_id"), "audit", ["site_id", "subject", "id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("site_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim", sa.String(length=330), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "claim", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_lead_id"), "identities", ["lead_id"], unique=False)
    op.create_table(
        "lead_pairs_apart",
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("other_id", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", "other_id", name=op.f("pk_lead_pairs_apart")),
    )
    op.create_table(
        "outcomes",
        sa.Column("home_id", sa.String(length=20), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("currency", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "message_id", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_lead_id"), "outcomes", ["lead_id"], unique=False)
    op.create_index(op.f("ix_outcomes_site_id_kind_at"), "outcomes", ["site_id", "kind", "at"], unique=False)
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("industry", sa.String(length=100), nullable=False),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("country", sa.String(length=60), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("heat", sa.Float(precision=53), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_accounts_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_accounts_heat", "accounts", ["site_id", sa.text("heat DESC"), "id"])
    op.create_table(
        "leads",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=60), nullable=False),
        sa.Column("company_name", sa.String(length=200), nullable=False),
        sa.Column("company_domain", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=20), nullable=True),
        sa.Column("industry", sa.String(length=100), nullable=False),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("country", sa.String(length=60), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("visitors", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("exclusion", sa.String(length=20), nullable=True),
        sa.Column("exclusion_by_hand", sa.String(length=20), nullable=True),
        sa.Column("merged_into", sa.String(length=20), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_leads_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        op.f("ix_leads_account_id"),
        "leads",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_leads_merged_into"),
        "leads",
        ["merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_segments_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("site_id", "name", name=op.f("uq_segments_site_id_name")),
    )
    op.create_table(
        "lead_scores",
        sa.Column("scorecard_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("heat", sa.Float(precision=53), nullable=False),
        sa.Column("priority", sa.Float(precision=53), nullable=False),
        sa.Column("hot_since", sa.BigInteger(), nullable=True),
        sa.Column("announced_score", sa.Float(precision=53), nullable=True),
        sa.Column("grade", sa.String(length=1), nullable=True),
        sa.Column("stage", sa.String(length=13), nullable=True),
        sa.Column("topics", sa.Text(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("page_views", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("engaged_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_scores_lead_id")),
        sa.ForeignKeyConstraint(["scorecard_id"], ["scorecards.id"], name=op.f("fk_lead_scores_scorecard_id")),
        sa.PrimaryKeyConstraint("scorecard_id", "lead_id", name=op.f("pk_lead_scores")),
        postgresql_with={"fillfactor": 80},
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_lead_scores_cooling",
        "lead_scores",
        ["scorecard_id", "heat"],
        unique=False,
        sqlite_where=sa.text("hot_since IS NOT NULL"),
        postgresql_where=sa.text("hot_since IS NOT NULL"),
    )
    op.create_index(op.f("ix_lead_scores_lead_id"), "lead_scores", ["lead_id"], unique=False)
    op.create_index("ix_lead_scores_priority", "lead_scores", ["scorecard_id", sa.text("priority DESC"), "lead_id"])
    op.create_index(
        "ix_lead_scores_hot",
        "lead_scores",
        ["scorecard_id", sa.text("priority DESC"), "lead_id"],
        sqlite_where=sa.text("hot_since IS NOT NULL"),
        postgresql_where=sa.text("hot_since IS NOT NULL"),
    )
    op.create_table(
        "lead_visitors",
        sa.Column("visitor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.String(length=20), nullable=False),
        sa.Column("home_id", sa.String(length=20), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["home_id"], ["leads.id"], name=op.f("fk_lead_visitors_home_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_visitors_lead_id")),
        sa.PrimaryKeyConstraint("visitor_id", name=op.f("pk_lead_visitors")),
    )
    op.create_index(op.f("ix_lead_visitors_home_id"), "lead_visitors", ["home_id"], unique=False)
    op.create_index(op.f("ix_lead_visitors_lead_id"), "lead_visitors", ["lead_id"], unique=False)
    op.execute(
        "INSERT INTO leads (id, site_id, kind, name, email, title, phone, company_name, company_domain, industry, country,"
        " region, role, channel, visitors, first_at, status, owner, version)"
        " SELECT id, site_id, kind, name, email, title, phone, company_name, company_domain, '', '', '', 'unknown',"
        " 'direct',"
        " (SELECT count(*) FROM old_scores WHERE lead_id = old_leads.id), first_at, status, owner, version FROM old_leads"
    )
    op.execute(
        "INSERT INTO lead_visitors (visitor_id, site_id, lead_id, home_id, claims)"
        " SELECT visitor_id, site_id, lead_id, lead_id, '[]' FROM old_scores"
    )
    empty = sa.bindparam("empty", b"", sa.LargeBinary())
    op.get_bind().execute(
        sa.text(
            "INSERT INTO lead_scores (scorecard_id, lead_id, heat, priority, hot_since, announced_score, topics, last_at,"
            " visits, page_views, downloads, engaged_ms, revision, state)"
            " SELECT scorecards.id, old_leads.id, heat, heat, hot_since, announced_score, ' ', last_at, 0, 0, 0, 0,"
            " version, :empty FROM old_leads JOIN scorecards ON scorecards.site_id = old_leads.site_id AND is_current"
        ).bindparams(empty)
    )
    op.drop_table("old_leads")
    op.drop_table("old_scores")
