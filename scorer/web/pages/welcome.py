"""Choosing a password by a link that an administrator has handed over."""

from __future__ import annotations

from typing import Final

from flask import Response

from scorer.core.labels import pick
from scorer.passwords import PasswordError
from scorer.users import set_password
from scorer.web import cookies
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render
from scorer.web.sessions import open_session
from scorer.web.translations import translations
from scorer.web.welcome_links import invited


def show(call: Call, token: str) -> Response:
    """The form."""
    return _form(call, token)


def choose(call: Call, token: str) -> Response:
    """Give the person the password, and sign the browser in."""
    user = invited(call.connection, call.services.secret, token, call.now_ms)
    if user is None:
        return _form(call, token)
    try:
        set_password(call.connection, user.id, call.form.get("new", ""))
    except PasswordError as error:
        return _form(call, token, 422, pick(error.label, call.language))
    session = open_session(call.connection, user.id, call.agent, call.now_ms)
    response = redirect("/hot", toast=translations(user.language).gettext("The password is set. Welcome."))
    cookies.keep_session(response, session, call.services.is_secure)
    return response


def _form(call: Call, token: str, status: int = 200, problem: str = "") -> Response:
    user = invited(call.connection, call.services.secret, token, call.now_ms)
    if user is None:
        raise PageRefusal(404, call.gettext("The link is used up or too old. Ask your administrator for a new one."))
    return render(call, "welcome.html", status, invited=user, token=token, problem=problem)


ROUTES: Final = (
    Route("GET", "/welcome/<token>", "welcome", show, "nobody"),
    Route("POST", "/welcome/<token>", "welcome_choose", choose, "nobody"),
)
