"""A site as the whole service needs it: with its keys and its first scorecard."""

from __future__ import annotations

from sqlalchemy import Connection

from scorer.scorecards import add_first_card
from tracker.sites import NewSite, SiteSettings, add_site


def found_site(connection: Connection, name: str, settings: SiteSettings, now_ms: int) -> NewSite:
    """Create a site with the shipped scorecard. Raises ``SiteError`` for what can't be."""
    made = add_site(connection, name, settings, now_ms)
    add_first_card(connection, made.id, now_ms)
    return made
