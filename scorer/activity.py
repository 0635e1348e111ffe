"""Whether anything has happened on a site, told without looking at its leads."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from scorer.models import audit_heads, lead_changes, scorecards
from tracker.models import intake

_BY_TIME: Final = ("left", "released", "woken")
"""Changes that the passing of time brings about."""


def activity(connection: Connection, site_id: int) -> str:
    """Return what stands for all that has happened on a site: the same text as long as nothing has.

    How many events were stored, how often people decided anything, the last change that time alone hasn't made, and the
    card by which leads are scored. Costs a few rows by their keys.
    """
    change = lead_changes.c
    parts = (
        select(func.sum(intake.c.stored + intake.c.filtered)).where(intake.c.site_id == site_id),
        select(audit_heads.c.number).where(audit_heads.c.site_id == site_id),
        # Looks past what has cooled since, which is no more than was hot.
        select(change.sequence)
        .where(change.site_id == site_id, change.kind.not_in(_BY_TIME))
        .order_by(change.sequence.desc())
        .limit(1),
        select(scorecards.c.id).where(scorecards.c.site_id == site_id, scorecards.c.is_current),
    )
    return ":".join(str(connection.execute(part).scalar() or 0) for part in parts)
