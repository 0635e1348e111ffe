"""The routes of the sales API. Served and described from this one table."""

from __future__ import annotations

from typing import Final

from scorer.outlets.alert_routes import ALERT_ROUTES
from scorer.outlets.decision_routes import DECISION_ROUTES
from scorer.outlets.digest_routes import DIGEST_ROUTES
from scorer.outlets.grouping_routes import GROUPING_ROUTES
from scorer.outlets.lead_routes import LEAD_ROUTES
from scorer.outlets.learning_routes import LEARNING_ROUTES
from scorer.outlets.privacy_routes import PRIVACY_ROUTES
from scorer.outlets.report_routes import REPORT_ROUTES
from scorer.outlets.scorecard_routes import SCORECARD_ROUTES
from scorer.outlets.webhook_routes import WEBHOOK_ROUTES

ROUTES: Final = (
    *LEAD_ROUTES,
    *DECISION_ROUTES,
    *PRIVACY_ROUTES,
    *GROUPING_ROUTES,
    *REPORT_ROUTES,
    *SCORECARD_ROUTES,
    *LEARNING_ROUTES,
    *WEBHOOK_ROUTES,
    *DIGEST_ROUTES,
    *ALERT_ROUTES,
)
