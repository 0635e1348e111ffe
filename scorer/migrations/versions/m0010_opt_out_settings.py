"""One setting of a site became two: whether Global Privacy Control and whether Do Not Track is honoured."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the database forward. Sites that chose keep what they chose, for both."""
    connection = op.get_bind()
    for site_id, text in connection.execute(sa.text("SELECT id, settings FROM sites ORDER BY id")).all():
        settings = json.loads(text)
        if "respect_opt_out" not in settings:
            continue
        honoured = settings.pop("respect_opt_out")
        settings = {"respect_gpc": honoured, "respect_dnt": honoured} | settings
        changed = {"id": site_id, "settings": json.dumps(settings, ensure_ascii=False)}
        connection.execute(sa.text("UPDATE sites SET settings = :settings WHERE id = :id"), changed)
