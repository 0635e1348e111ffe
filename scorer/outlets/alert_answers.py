"""What the sales API does and answers to requests about alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import UNSET

from scorer import alerts
from scorer.core.labels import pick
from scorer.core.quiet_hours import QuietHours, QuietHoursError, read_quiet_hours
from scorer.outlets import alert_requests as requests
from scorer.outlets import alert_shapes as shapes
from scorer.outlets.answers import Call, Reply
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, Refusal
from scorer.outlets.shapes import ParameterError, time_text


def all_alerts(call: Call) -> Reply:
    """The alerts of the site."""
    return Reply(shapes.AlertList([_alert(one) for one in alerts.list_alerts(call.connection, call.site_id)], None))


def add_alert(call: Call) -> Reply:
    """Somebody is subscribed."""
    body: requests.AddAlertRequest = call.body
    with _told(call):
        made = alerts.add_alert(
            call.connection,
            call.view.site,
            body.email,
            call.actor,
            call.view.now_ms,
            segment=body.segment,
            language=body.language or "",
            time_zone=body.time_zone,
            quiet=_quiet(body.quiet),
            max_per_day=body.max_per_day,
        )
    return Reply(_alert(made))


def change_alert(call: Call, alert_id: str) -> Reply:
    """A subscription is changed."""
    body: requests.ChangeAlertRequest = call.body
    found = _find(call, alert_id)
    with _told(call):
        changed = alerts.change_alert(
            call.connection,
            found,
            call.actor,
            call.view.now_ms,
            segment=None if body.segment is UNSET else body.segment,
            language=None if body.language is UNSET else body.language,
            time_zone=None if body.time_zone is UNSET else body.time_zone,
            quiet=None if body.quiet is UNSET else _quiet(body.quiet),
            max_per_day=None if body.max_per_day is UNSET else body.max_per_day,
        )
    return Reply(_alert(changed))


def remove_alert(call: Call, alert_id: str) -> Reply:
    """A subscription is removed."""
    alerts.remove_alert(call.connection, _find(call, alert_id), call.actor, call.view.now_ms)
    return Reply(shapes.RemovedAlert(alert_id))


@contextmanager
def _told(call: Call) -> Iterator[None]:
    """Turn what can't be subscribed to as asked into an answer that says which field is wrong, and why."""
    try:
        yield
    except alerts.AlertError as error:
        said = pick(error.label, call.view.language)
        raise Refusal(BODY_INVALID, f"{error.field}: {said}", errors=[ParameterError(error.field, said)]) from None


def _quiet(text: str) -> QuietHours:
    try:
        return read_quiet_hours(text)
    except QuietHoursError as error:
        raise alerts.AlertError("quiet", error.label.en, error.label.zh) from None


def _find(call: Call, alert_id: str) -> alerts.Alert:
    found = alerts.find_alert(call.connection, alert_id, call.site_id) if "\0" not in alert_id else None
    if found is None:
        raise Refusal(NOT_FOUND, "There is no such alert on the key's site.")
    return found


def _alert(one: alerts.Alert) -> shapes.Alert:
    return shapes.Alert(
        id=one.id,
        email=one.email,
        segment=one.segment or None,
        language=one.language,
        time_zone=one.time_zone,
        quiet=str(one.quiet) or None,
        max_per_day=one.max_per_day,
        created_at=time_text(one.created_at),
        unsubscribed_at=None if one.unsubscribed_at is None else time_text(one.unsubscribed_at),
    )
