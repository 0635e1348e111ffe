"""Which site something in an address belongs to, for ``Route.site_of``."""

from __future__ import annotations

from sqlalchemy import Connection, select

from scorer.models import accounts, leads


def site_of_lead(connection: Connection, lead_id: str) -> int | None:
    """Return the site of a lead, also of one that has become part of another; ``None`` if there is none."""
    return connection.execute(select(leads.c.site_id).where(leads.c.id == lead_id)).scalar_one_or_none()


def site_of_account(connection: Connection, account_id: str) -> int | None:
    """Return the site of an account; ``None`` if there is none."""
    return connection.execute(select(accounts.c.site_id).where(accounts.c.id == account_id)).scalar_one_or_none()
