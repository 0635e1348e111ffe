"""Settings: who gets the weekly mail, and what it says."""

from __future__ import annotations

from typing import Final

from flask import Response
from sqlalchemy import Connection, select

from scorer import digests
from scorer.core.digest_weeks import last_week
from scorer.core.digest_words import weekday_words
from scorer.core.labels import Label, pick
from scorer.digesting import Content, Writer
from scorer.mail.digest_mail import address_to
from scorer.mail.letters import Sender
from scorer.outlet_models import digests as digest_rows
from scorer.segments import list_segments
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.pages.profile import time_zones
from scorer.web.rendering import redirect, render

HERE: Final = "/settings/digests"
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox allow-popups"
)
"""For the mail in its frame: mails have their styles in themselves. It runs nothing and is of no origin."""
STATES: Final[dict[str, tuple[Label, str]]] = {
    "claimed": (Label("being sent", "发送中"), "info"),
    "sent": (Label("sent", "已发送"), "good"),
    "delayed": (Label("tried again later", "稍后重试"), "warm"),
    "empty": (Label("nothing to tell", "没有内容"), "plain"),
    "skipped": (Label("left out", "已略过"), "plain"),
    "late": (Label("its time was missed", "错过时间"), "warm"),
    "failed": (Label("failed", "失败"), "bad"),
}
"""What became of a week's mail, and the tone of its badge."""
_UNKNOWN: Final = (Label("sent or not: nobody knows", "是否已发送无法确定"), "warm")


def show(call: Call) -> Response:
    """One's own subscriptions; an administrator sees all."""
    return _page(call)


def subscribe(call: Call) -> Response:
    """Subscribe oneself; an administrator also somebody else."""
    form = call.form
    email = form.get("email", "") if call.may("admin") else call.me.email
    weekday, hour = (int(form.get(name, "")) if form.get(name, "").isdecimal() else -1 for name in ("weekday", "hour"))
    try:
        made = digests.subscribe(
            call.connection,
            call.here,
            email,
            call.me.email,
            call.now_ms,
            segment=form.get("segment", ""),
            language=form.get("language", ""),
            time_zone=form.get("time_zone", ""),
            weekday=weekday,
            hour=hour,
        )
    except digests.DigestError as error:
        return _page(call, 422, {error.field: pick(error.label, call.language)})
    return redirect(HERE, toast=call.gettext("{email} gets the weekly mail from now on.").format(email=made.email))


def show_one(call: Call, digest_id: str) -> Response:
    """The mail of last week, as it would be sent now, and what became of the weeks before."""
    found = _find(call, digest_id)
    content = _content(call, found)
    rows = [(row, *_state(call, row), row.why(call.language)) for row in digests.last_rows(call.connection, found.id, 12)]
    return render(
        call,
        "settings/digest.html",
        digest=found,
        weekday=weekday_words(found.weekday, call.language),
        content=content,
        week=last_week(call.now_ms, found.zone).name,
        rows=rows,
    )


def show_mail(call: Call, digest_id: str) -> Response:
    """The mail itself, for the frame in its page."""
    found = _find(call, digest_id)
    content = _content(call, found)
    if content is None:
        raise PageRefusal(404)
    sender = Sender(call.services.settings.url, call.services.secret)
    week = last_week(call.now_ms, found.zone)
    part = address_to(found, content.site_name, week, content.written, sender, call.now_ms).get_body(("html",))
    assert part is not None  # every digest has one
    response = Response(part.get_content(), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def remove(call: Call, digest_id: str) -> Response:
    """Unsubscribe."""
    found = _find(call, digest_id)
    digests.remove_digest(call.connection, found, call.me.email, call.now_ms)
    return redirect(HERE, toast=call.gettext("{email} no longer gets the weekly mail.").format(email=found.email))


def site_of_digest(connection: Connection, digest_id: str) -> int | None:
    """Return the site of a subscription; ``None`` if there is none."""
    return connection.execute(select(digest_rows.c.site_id).where(digest_rows.c.id == digest_id)).scalar_one_or_none()


def _find(call: Call, digest_id: str) -> digests.Digest:
    """The subscription, if it is the user's own or the user an administrator; else as if there were none."""
    found = digests.find_digest(call.connection, digest_id, call.here.id)
    if found is None or not (found.email == call.me.email or call.may("admin")):
        raise PageRefusal(404)
    return found


def _content(call: Call, found: digests.Digest) -> Content | None:
    week = last_week(call.now_ms, found.zone)
    return Writer(call.services.settings.url).read(call.connection, found, week, call.now_ms)


def _state(call: Call, row: digests.LedgerRow) -> tuple[str, str]:
    label, tone = _UNKNOWN if row.is_unknown(call.now_ms) else STATES[row.state]
    return pick(label, call.language), tone


def _page(call: Call, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    site, settings = call.here, call.services.settings
    mine = [one for one in digests.list_digests(call.connection, site.id) if call.may("admin") or one.email == call.me.email]
    last = digests.last_row_of_each(call.connection, site.id)
    rows = [
        (one, weekday_words(one.weekday, call.language), _state(call, last[one.id]) if one.id in last else None)
        for one in mine
    ]
    return render(
        call,
        "settings/digests.html",
        status,
        rows=rows,
        weekdays=[(str(day), weekday_words(day, call.language)) for day in range(7)],
        hours=[(str(hour), f"{hour:02}:00") for hour in range(24)],
        segments=[(one.name, one.name) for one in list_segments(call.connection, site.id)],
        zone_pairs=[(name, name.replace("_", " ")) for name in time_zones()],
        has_server=bool(settings.smtp_url and settings.mail_from),
        problems=problems or {},
    )


ROUTES: Final = (
    Route("GET", HERE, "digests", show),
    Route("POST", HERE, "digests_subscribe", subscribe),
    Route("GET", f"{HERE}/<digest_id>", "digest", show_one, site_of=site_of_digest),
    Route("GET", f"{HERE}/<digest_id>/mail", "digest_mail", show_mail, site_of=site_of_digest),
    Route("POST", f"{HERE}/<digest_id>/remove", "digest_remove", remove, site_of=site_of_digest),
)
