"""Every address of the page. A new page is a module in ``pages`` with its ``ROUTES``, and a line here."""

from __future__ import annotations

from typing import Final

from scorer.web.call import Route
from scorer.web.pages import (
    accounts,
    alerts,
    audit_log,
    classes,
    dead_letters,
    digests,
    health,
    hot,
    keys,
    lead,
    leads,
    learning,
    learning_fit,
    openid,
    person_data,
    profile,
    reports,
    scorecard,
    scorecard_edit,
    signing_in,
    sites,
    users,
    webhooks,
    welcome,
)

ROUTES: Final[tuple[Route, ...]] = (
    *signing_in.ROUTES,
    *openid.ROUTES,
    *hot.ROUTES,
    *lead.ROUTES,
    *person_data.ROUTES,
    *leads.ROUTES,
    *accounts.ROUTES,
    *classes.ROUTES,
    *reports.ROUTES,
    *scorecard.ROUTES,
    *scorecard_edit.ROUTES,
    *learning.ROUTES,
    *learning_fit.ROUTES,
    *sites.ROUTES,
    *profile.ROUTES,
    *welcome.ROUTES,
    *digests.ROUTES,
    *alerts.ROUTES,
    *webhooks.ROUTES,
    *users.ROUTES,
    *keys.ROUTES,
    *dead_letters.ROUTES,
    *health.ROUTES,
    *audit_log.ROUTES,
)
BY_NAME: Final = {route.name: route for route in ROUTES}
