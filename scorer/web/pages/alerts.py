"""Settings: who gets a mail the moment a lead becomes hot."""

from __future__ import annotations

from typing import Final

from flask import Response
from sqlalchemy import Connection, select

from scorer import alerts
from scorer.core.labels import Label, pick
from scorer.core.quiet_hours import QuietHoursError, read_quiet_hours
from scorer.models import leads
from scorer.outlet_models import alerts as alert_rows
from scorer.segments import list_segments
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.pages.profile import time_zones
from scorer.web.rendering import redirect, render

HERE: Final = "/settings/alerts"
STATES: Final[dict[str, tuple[Label, str]]] = {
    "waiting": (Label("waiting", "等待中"), "info"),
    "claimed": (Label("being sent", "发送中"), "info"),
    "sent": (Label("sent", "已发送"), "good"),
    "cooled": (Label("cooled before it could be told", "通知前已冷却"), "plain"),
    "failed": (Label("failed", "失败"), "bad"),
}
"""What became of a lead's becoming hot, and the tone of its badge."""


def show(call: Call) -> Response:
    """One's own subscriptions; an administrator sees all."""
    return _page(call)


def subscribe(call: Call) -> Response:
    """Subscribe oneself; an administrator also somebody else."""
    form = call.form
    email = form.get("email", "") if call.may("admin") else call.me.email
    told = form.get("max_per_day", "")
    try:
        quiet = read_quiet_hours(form.get("quiet", "")[:20])
    except QuietHoursError as error:
        return _page(call, 422, {"quiet": pick(error.label, call.language)})
    try:
        made = alerts.add_alert(
            call.connection,
            call.here,
            email,
            call.me.email,
            call.now_ms,
            segment=form.get("segment", ""),
            language=form.get("language", ""),
            time_zone=form.get("time_zone", ""),
            quiet=quiet,
            max_per_day=int(told) if told.isascii() and told.isdigit() and len(told) < 5 else 0,
        )
    except alerts.AlertError as error:
        return _page(call, 422, {error.field: pick(error.label, call.language)})
    return redirect(HERE, toast=call.gettext("{email} is told from now on.").format(email=made.email))


def show_one(call: Call, alert_id: str) -> Response:
    """What was told last."""
    found = _find(call, alert_id)
    told = alerts.read_ledger(call.connection, found.id, 50)
    wanted = leads.c.id.in_({one.lead_id for one in told})
    rows = call.connection.execute(select(leads.c.id, leads.c.name, leads.c.email).where(wanted))
    return render(
        call,
        "settings/alert.html",
        alert=found,
        rows=[(one, pick(STATES[one.state][0], call.language), STATES[one.state][1]) for one in told],
        names={row.id: row.name or row.email for row in rows},
    )


def remove(call: Call, alert_id: str) -> Response:
    """Unsubscribe."""
    found = _find(call, alert_id)
    alerts.remove_alert(call.connection, found, call.me.email, call.now_ms)
    return redirect(HERE, toast=call.gettext("{email} is told no more.").format(email=found.email))


def site_of_alert(connection: Connection, alert_id: str) -> int | None:
    """Return the site of a subscription; ``None`` if there is none."""
    return connection.execute(select(alert_rows.c.site_id).where(alert_rows.c.id == alert_id)).scalar_one_or_none()


def _find(call: Call, alert_id: str) -> alerts.Alert:
    """The subscription, if it is the user's own or the user an administrator; else as if there were none."""
    found = alerts.find_alert(call.connection, alert_id, call.here.id)
    if found is None or not (found.email == call.me.email or call.may("admin")):
        raise PageRefusal(404)
    return found


def _page(call: Call, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    site, settings = call.here, call.services.settings
    found = alerts.list_alerts(call.connection, site.id)
    return render(
        call,
        "settings/alerts.html",
        status,
        rows=[one for one in found if call.may("admin") or one.email == call.me.email],
        segments=[(one.name, one.name) for one in list_segments(call.connection, site.id)],
        zone_pairs=[(name, name.replace("_", " ")) for name in time_zones()],
        most=alerts.MAX_PER_DAY,
        usual=alerts.DEFAULT_PER_DAY,
        has_server=bool(settings.smtp_url and settings.mail_from),
        problems=problems or {},
    )


ROUTES: Final = (
    Route("GET", HERE, "alerts", show),
    Route("POST", HERE, "alerts_subscribe", subscribe),
    Route("GET", f"{HERE}/<alert_id>", "alert", show_one, site_of=site_of_alert),
    Route("POST", f"{HERE}/<alert_id>/remove", "alert_remove", remove, site_of=site_of_alert),
)
