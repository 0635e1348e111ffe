"""What the page's navigation leads to. An entry is shown once its route exists and the user may open it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from scorer.web.call import Call, Needs, Route
from scorer.web.translations import N_


class Entry(msgspec.Struct, frozen=True):
    """One entry."""

    route: str
    """Name of the route that it leads to."""
    label: str
    icon: str = ""


class Shown(msgspec.Struct, frozen=True):
    """An entry as a reader sees it."""

    url: str
    label: str
    icon: str
    is_current: bool


MAIN: Final = (
    Entry("hot", N_("Hot leads"), "flame"),
    Entry("leads", N_("Leads"), "people"),
    Entry("accounts", N_("Accounts"), "building"),
    Entry("reports", N_("Reports"), "chart"),
    Entry("classes", N_("Classes"), "tag"),
    Entry("scorecard", N_("Scorecard"), "sliders"),
    Entry("learning", N_("Learning"), "school"),
    Entry("sites", N_("Sites"), "globe"),
    Entry("settings", N_("Settings"), "gear"),
)
SETTINGS: Final = (
    Entry("settings", N_("You")),
    Entry("digests", N_("Weekly mail")),
    Entry("alerts", N_("Alerts")),
    Entry("webhooks", N_("Webhooks")),
    Entry("users", N_("Users")),
    Entry("keys", N_("Keys")),
    Entry("dead_letters", N_("Dead letters")),
    Entry("health", N_("Data health")),
    Entry("audit", N_("Audit log")),
)
"""The tabs of the settings."""


def shown(entries: tuple[Entry, ...], routes: Mapping[str, Route], call: Call) -> list[Shown]:
    """Return those entries that lead somewhere for this user. Current is the one whose address this page's begins with."""
    found = []
    for entry in entries:
        route = routes.get(entry.route)
        if route is not None and opens(call, route.needs):
            current = call.path == route.path or call.path.startswith(f"{route.path}/")
            found.append((route.path, entry, current))
    # Of "/settings" and "/settings/keys" the longer one is the page; in the main navigation the shorter stands for both.
    best = max((len(path) for path, _, current in found if current), default=0)
    return [
        Shown(path, call.gettext(entry.label), entry.icon, current and len(path) == best) for path, entry, current in found
    ]


def opens(call: Call, needs: Needs) -> bool:
    """Whether the user may open what needs this."""
    if needs == "nobody":
        return True
    if needs == "user":
        return call.user is not None
    return call.may(needs)
