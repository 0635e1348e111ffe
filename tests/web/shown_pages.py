"""The pages as somebody sees them who opens them one after the other: for the accessibility test and the screenshots.

A new page is a line in ``PAGES``. A placeholder stands for the first thing of its kind that a list leads to.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec


class ShownPage(msgspec.Struct, frozen=True):
    """One page."""

    name: str
    """Of the picture's file."""
    path: str
    """With ``{lead}``, ``{account}`` or ``{site}`` for the id of one."""
    signed_in: bool = True
    status: int = 200
    in_every_world: bool = True
    """Whether the tests' world has what is shown; else only the demonstration has."""


PAGES: Final = (
    ShownPage("sign-in", "/sign-in", signed_in=False),
    ShownPage("hot", "/hot"),
    ShownPage("hot-empty", "/hot?q=nobody-is-called-so"),
    ShownPage("lead", "/leads/{lead}"),
    ShownPage("lead-data", "/leads/{lead}/data"),
    ShownPage("leads", "/leads"),
    ShownPage("leads-found", "/leads?q=halden"),
    ShownPage("leads-empty", "/leads?q=nobody-is-called-so"),
    ShownPage("accounts", "/accounts"),
    ShownPage("account", "/accounts/{account}"),
    ShownPage("classes", "/classes"),
    ShownPage("report-funnel", "/reports"),
    ShownPage("report-sources", "/reports/sources"),
    ShownPage("report-cycle", "/reports/cycle"),
    ShownPage("report-attention", "/reports/attention"),
    ShownPage("report-content", "/reports/content"),
    ShownPage("report-losses", "/reports/losses"),
    ShownPage("report-scores", "/reports/scores"),
    ShownPage("report-contact", "/reports/contact"),
    ShownPage("report-wrong-days", "/reports?from=2026-11-30&until=2026-11-01", status=422),
    ShownPage("settings", "/settings"),
    ShownPage("settings-digests", "/settings/digests"),
    ShownPage("settings-digest", "/settings/digests/{digest}"),
    ShownPage("settings-alerts", "/settings/alerts"),
    ShownPage("settings-webhooks", "/settings/webhooks"),
    ShownPage("settings-webhook", "/settings/webhooks/{webhook}"),
    ShownPage("settings-users", "/settings/users"),
    ShownPage("settings-keys", "/settings/keys"),
    ShownPage("settings-dead-letters", "/settings/dead-letters?reason=url_invalid"),
    ShownPage("settings-health", "/settings/health"),
    ShownPage("settings-audit", "/settings/audit"),
    ShownPage("sites", "/sites"),
    ShownPage("site", "/sites/{site}"),
    ShownPage("scorecard", "/scorecard"),
    ShownPage("scorecard-edit", "/scorecard/edit"),
    ShownPage("scorecard-json", "/scorecard/edit/json"),
    ShownPage("learning", "/learning"),
    ShownPage("learning-report", "/learning/{proposal}"),
    ShownPage("learning-fit", "/learning/fit"),
    ShownPage("not-there", "/not-there", status=404),
)

FIRST_OF: Final[dict[str, tuple[str, re.Pattern[str]]]] = {
    "lead": ("/hot", re.compile(r'href="/leads/(ld_[a-z2-7]+)"')),
    "account": ("/accounts", re.compile(r'href="/accounts/(co_[0-9a-f]+)"')),
    "webhook": ("/settings/webhooks", re.compile(r'href="/settings/webhooks/(wh_[0-9a-f]+)"')),
    "digest": ("/settings/digests", re.compile(r'href="/settings/digests/(dg_[0-9a-f]+)"')),
    "proposal": ("/learning", re.compile(r'href="/learning/(\d+)"')),
    "site": ("/sites", re.compile(r'href="/sites/(\d+)"')),
}
"""On which page the first of a kind is found, and how it is named there."""


def placeholder_of(path: str) -> str | None:
    """Return the kind of thing that a path needs the id of; ``None``: of nothing."""
    found = re.search(r"\{(\w+)\}", path)
    return found[1] if found else None
