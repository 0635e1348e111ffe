"""The routes of subscriptions to alerts."""

from __future__ import annotations

from typing import Final

from scorer.outlets import alert_answers, alert_requests, alert_shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route

ALERT_ROUTES: Final = (
    Route(
        path="/alerts",
        name="listAlerts",
        summary="Who is mailed when a lead becomes hot",
        description="Those who have unsubscribed are listed, too.",
        scope="admin",
        parameters=Parameters,
        answer=alert_shapes.AlertList,
        handle=alert_answers.all_alerts,
    ),
    Route(
        path="/alerts",
        name="addAlert",
        summary="Subscribe an address to alerts",
        description="It is told of what becomes hot from now on.",
        scope="admin",
        parameters=Parameters,
        answer=alert_shapes.Alert,
        handle=alert_answers.add_alert,
        method="POST",
        body=alert_requests.AddAlertRequest,
    ),
    Route(
        path="/alerts/{alert_id}/change",
        name="changeAlert",
        summary="Change an alert",
        description="What is left out stays. For another address, add another alert.",
        scope="admin",
        parameters=Parameters,
        answer=alert_shapes.Alert,
        handle=alert_answers.change_alert,
        method="POST",
        body=alert_requests.ChangeAlertRequest,
    ),
    Route(
        path="/alerts/{alert_id}/remove",
        name="removeAlert",
        summary="Remove an alert",
        description="With the record of what it told of. Nothing is sent any more.",
        scope="admin",
        parameters=Parameters,
        answer=alert_shapes.RemovedAlert,
        handle=alert_answers.remove_alert,
        method="POST",
        body=alert_requests.RemoveAlertRequest,
    ),
)
