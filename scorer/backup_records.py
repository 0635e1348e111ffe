"""Which backups were made, so that the record of an erasure can name those that hold the person still."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, or_, select

from scorer.core.decay import DAY_MS
from scorer.models import backups
from scorer.outlets.privacy_shapes import HeldBackup
from scorer.outlets.shapes import time_text

_LONGEST_NAME: Final = 1000


def note_backup(connection: Connection, file: Path, now_ms: int, keep_days: int | None) -> None:
    """Note that a backup was made, to be deleted after *keep_days*; ``None``: nobody has said when."""
    goes_at = None if keep_days is None else now_ms + keep_days * DAY_MS
    # A file of this name is this one now.
    connection.execute(delete(backups).where(backups.c.file == str(file.absolute())[:_LONGEST_NAME]))
    connection.execute(insert(backups).values(file=str(file.absolute())[:_LONGEST_NAME], made_at=now_ms, goes_at=goes_at))


def backups_holding(connection: Connection, now_ms: int) -> list[HeldBackup]:
    """Return the backups made up to *now_ms* that aren't due to be gone, the oldest first.

    Whether a file was deleted or carried elsewhere before isn't known here: it is named until it is due.
    """
    due = or_(backups.c.goes_at.is_(None), backups.c.goes_at > now_ms)
    query = select(backups).where(backups.c.made_at <= now_ms, due).order_by(backups.c.made_at, backups.c.id)
    return [
        HeldBackup(row.file, time_text(row.made_at), time_text(row.goes_at) if row.goes_at is not None else None)
        for row in connection.execute(query)
    ]


def forget_backups(connection: Connection, now_ms: int) -> None:
    """Forget backups that are due to be gone."""
    connection.execute(delete(backups).where(backups.c.goes_at <= now_ms))
