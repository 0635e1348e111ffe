"""Bring the database to the present form: once, however many processes start together."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from tracker.core.labels import LabelledError
from tracker.db import Database

_ADVISORY_LOCK = 0x5741524D
"""PostgreSQL: the number of the lock that only the migrating process holds."""


class WrongVersion(LabelledError):
    """The database was made by a newer program than this."""


def migrate(database: Database, scripts: Path) -> bool:
    """Apply what is missing of the migrations in *scripts*; return whether there was anything to do.

    Runs in one transaction under a lock, so that of several processes one migrates and the others find it done.
    Raises ``WrongVersion`` when the database is ahead of the program.
    """
    # Here rather than above: every command opens the database, and few of them have anything to migrate.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    directory = ScriptDirectory.from_config(config)
    with database.writing() as connection:
        if not database.is_sqlite:  # SQLite: the transaction itself is the lock.
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        present = MigrationContext.configure(connection).get_current_revision()
        if present == directory.get_current_head():
            return False
        if present is not None and present not in {script.revision for script in directory.walk_revisions()}:
            raise WrongVersion(
                f"The database has version {present}, which this program doesn't know; update the program.",
                f"数据库的版本为 {present}，本程序不认识；请更新程序。",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True
