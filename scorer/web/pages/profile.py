"""What users choose for themselves: name, language, time zone, light or dark, password; and where they are signed in."""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from flask import Response

from scorer.core.labels import Language, pick
from scorer.labelled import LabelledError
from scorer.users import check_password, has_password, load_user, set_password, set_profile
from scorer.web import cookies
from scorer.web.call import THEMES, Call, Route
from scorer.web.rendering import redirect, render
from scorer.web.sessions import end_all, end_session, list_sessions
from scorer.web.translations import translations

HERE: Final = "/settings"


def show(call: Call) -> Response:
    """The page."""
    return _page(call)


def save(call: Call) -> Response:
    """Change name, language, zone and theme."""
    form, me = call.form, call.me
    try:
        set_profile(
            call.connection,
            me.id,
            name=form.get("name", ""),
            language=form.get("language", me.language),
            time_zone=form.get("time_zone", ""),
        )
    except LabelledError as error:
        return _page(call, 422, profile_problem=pick(error.label, call.language))
    changed = load_user(call.connection, me.id) or me
    response = redirect(HERE, toast=translations(changed.language).gettext("Saved."))
    if form.get("theme") in THEMES:
        cookies.keep(response, cookies.THEME, form["theme"], call.services.is_secure)
    return response


def change_password(call: Call) -> Response:
    """Change the password, which signs out all other browsers."""
    me, throttle = call.me, call.services.throttle
    if not throttle.may_try(me.email, call.address):
        return _page(call, 429, password_problem=call.gettext("Too many attempts. Wait ten minutes, then try again."))
    if check_password(call.connection, me.email, call.form.get("old", "")) is None:
        return _page(call, 422, password_problem=call.gettext("The old password isn't right."))
    throttle.succeeded(me.email, call.address)
    try:
        with call.services.database.writing() as connection:
            set_password(connection, me.id, call.form.get("new", ""), but=call.session.token_hash if call.session else "")
    except LabelledError as error:
        return _page(call, 422, password_problem=pick(error.label, call.language))
    return redirect(HERE, toast=call.gettext("The password is changed; other browsers are signed out."))


def end_one(call: Call) -> Response:
    """Sign one browser out."""
    end_session(call.connection, call.me.id, call.form.get("session", ""))
    return redirect(HERE, toast=call.gettext("That browser is signed out."))


def end_everywhere(call: Call) -> Response:
    """Sign all browsers out, this one too."""
    end_all(call.connection, call.me.id)
    response = redirect("/sign-in", toast=call.gettext("You are signed out everywhere."))
    cookies.forget_session(response, call.services.is_secure)
    return response


def device_words(agent: str, language: Language) -> str:
    """Return browser and system behind a User-Agent, in words."""
    # The parser takes a fifth of a second to load, and only this page needs it.
    from user_agents import parse

    read = parse(agent)
    if read.browser.family == "Other":
        return translations(language).gettext("Unknown browser")
    return f"{read.browser.family}, {read.os.family}"


@cache
def time_zones() -> tuple[str, ...]:
    """Return the zones to choose from: those of places, and UTC."""
    return (
        "UTC",
        *sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc", "SystemV"))),
    )


def _page(call: Call, status: int = 200, *, profile_problem: str = "", password_problem: str = "") -> Response:
    sessions = [
        (one, device_words(one.agent, call.language), call.session is not None and one.token_hash == call.session.token_hash)
        for one in list_sessions(call.connection, call.me.id, call.now_ms)
    ]
    return render(
        call,
        "settings/profile.html",
        status,
        sessions=sessions,
        zone_pairs=[(name, name.replace("_", " ")) for name in time_zones()],
        profile_problem=profile_problem,
        password_problem=password_problem,
        has_password=has_password(call.connection, call.me.id),
    )


ROUTES: Final = (
    Route("GET", HERE, "settings", show, "user"),
    Route("POST", HERE, "settings_save", save, "user"),
    Route("POST", "/settings/password", "settings_password", change_password, "user", own_transaction=True),
    Route("POST", "/settings/sessions/end", "settings_end_session", end_one, "user"),
    Route("POST", "/settings/sessions/end-all", "settings_end_all", end_everywhere, "user"),
)
