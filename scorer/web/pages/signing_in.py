"""Signing in and out."""

from __future__ import annotations

from typing import Final

from flask import Response

from scorer.users import User, check_password, has_users
from scorer.web import cookies
from scorer.web.call import Call, Route
from scorer.web.rendering import redirect, render
from scorer.web.sessions import end_session, open_session
from tracker.log import get_logger

HOME: Final = "/hot"
log = get_logger(__name__)


def show(call: Call) -> Response:
    """The form; whoever is signed in already is led on."""
    if call.user is not None:
        return redirect(own_path(call.query.get("next", "")))
    return sign_in_page(call)


def sign_in(call: Call) -> Response:
    """Let somebody in who knows the password, unless too many have been tried."""
    email, password = call.form.get("email", "")[:400], call.form.get("password", "")
    throttle = call.services.throttle
    if not throttle.may_try(email, call.address):
        log.warning("sign_in_throttled")
        return sign_in_page(call, 429, call.gettext("Too many attempts. Wait ten minutes, then try again."))
    user = check_password(call.connection, email, password)
    if user is None:
        return sign_in_page(call, 422, call.gettext("E-mail address and password don't match."))
    throttle.succeeded(email, call.address)
    return admit(call, user, call.form.get("next", ""))


def admit(call: Call, user: User, asked: str) -> Response:
    """Begin a session for *user*, whoever has proved to be it, and go on to the path *asked*."""
    with call.services.database.writing() as connection:
        if call.session is not None:
            end_session(connection, call.session.user_id, call.session.token_hash)
        token = open_session(connection, user.id, call.agent, call.now_ms)
    response = redirect(own_path(asked))
    cookies.keep_session(response, token, call.services.is_secure)
    return response


def sign_out(call: Call) -> Response:
    """End this browser's session."""
    if call.session is not None:
        end_session(call.connection, call.session.user_id, call.session.token_hash)
    response = redirect("/sign-in", toast=call.gettext("You are signed out."))
    cookies.forget_session(response, call.services.is_secure)
    return response


def own_path(asked: str) -> str:
    r"""Return the path on this service that *asked* names, or the first page for anything that leads elsewhere.

    >>> own_path("/leads?q=x"), own_path("//evil.example"), own_path("/\\evil.example")
    ('/leads?q=x', '/hot', '/hot')
    """
    is_path = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if is_path and not asked.startswith("/sign-in") else HOME


def sign_in_page(call: Call, status: int = 200, problem: str = "", asked: str = "") -> Response:
    """The form, with what went wrong; *asked* is the path to go on to, unless the call itself names one."""
    asked = call.form.get("next") or call.query.get("next") or asked
    return render(
        call,
        "sign_in.html",
        status,
        problem=problem,
        email=call.form.get("email", "")[:400],
        next_path=own_path(asked),
        nobody=not has_users(call.connection),
    )


ROUTES: Final = (
    Route("GET", "/sign-in", "sign_in", show, "nobody"),
    Route("POST", "/sign-in", "sign_in_send", sign_in, "nobody", own_transaction=True),
    Route("POST", "/sign-out", "sign_out", sign_out, "nobody"),
)
