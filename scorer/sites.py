"""A site as the whole service needs it: with its keys, its first scorecard, and a log of who changed what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from scorer.auditing import note
from scorer.scorecards import add_first_card
from tracker.site_changes import changed_settings
from tracker.sites import NewSite, Site, SiteSettings, add_site, change_site

SUBJECT: Final = "site"
"""What lines of the audit log are about that tell of a site itself."""


def found_site(connection: Connection, name: str, settings: SiteSettings, now_ms: int, *, actor: str = "") -> NewSite:
    """Create a site with the shipped scorecard. Raises ``SiteError`` for what can't be.

    The audit log has the settings that aren't the usual ones, and no keys. *actor* is empty for a program: nothing was done
    by hand then, and nothing is noted.
    """
    made = add_site(connection, name, settings, now_ms)
    add_first_card(connection, made.id, now_ms)
    if actor:
        detail = {"name": made.name} | changes_between(SiteSettings(), settings)
        note(connection, made.id, actor, "site add", SUBJECT, "", detail, now_ms)
    return made


def set_site(
    connection: Connection, site: Site, assignments: Iterable[str], actor: str, why: str, now_ms: int
) -> SiteSettings:
    """Change settings of a site as *assignments* say, each written ``setting=value``; return all of them.

    What changed is in the audit log, from what to what; nothing if nothing did. Raises ``SiteError`` for what can't be.
    """
    settings = changed_settings(site.settings, assignments)
    changes = changes_between(site.settings, settings)
    if changes:
        change_site(connection, site.id, settings)
        note(connection, site.id, actor, "site set", SUBJECT, why, changes, now_ms)
    return settings


def changes_between(before: SiteSettings, after: SiteSettings) -> dict[str, Any]:
    """Return the settings that differ, each with what it was and what it is.

    >>> changes_between(SiteSettings(), SiteSettings(hash_routes=True))
    {'hash_routes': {'from': False, 'to': True}}
    """
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return {name: {"from": old[name], "to": new[name]} for name in new if new[name] != old[name]}
