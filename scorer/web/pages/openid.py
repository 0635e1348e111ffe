"""Signing in through another service (OpenID Connect), for people who are users already."""

from __future__ import annotations

from typing import Final, Literal

from flask import Response, request

from scorer.users import find_user
from scorer.web import cookies
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.oidc_attempts import Attempt, NotSignedIn, Reason, attempt_of, begin, is_state
from scorer.web.oidc_setup import BACK
from scorer.web.pages.signing_in import HOME, admit, own_path, sign_in_page
from scorer.web.rendering import redirect
from tracker.log import get_logger

_LONGEST: Final = 4000
"""Characters of what a provider sends somebody back with."""
_COUNTED_AS: Final = "openid "
"""Before the address, where attempts are counted: who guesses at a password doesn't keep its owner from this way."""
log = get_logger(__name__)


def start(call: Call) -> Response:
    """Lead the browser to the provider."""
    if call.services.openid is None:
        raise PageRefusal(404)
    asked = own_path(call.query.get("next", ""))
    if call.user is not None:
        return redirect(asked)
    kept = begin(asked, call.now_ms)
    attempt = attempt_of(call.services.secret, kept, call.now_ms)
    assert attempt is not None
    call.connection.rollback()  # No transaction is held open while another service is asked.
    try:
        address = call.services.openid.address(attempt)
    except NotSignedIn as error:
        return _refused(call, error.reason, asked)
    response = Response(status=303, headers={"Location": address})
    cookies.keep_attempt(response, kept, call.services.is_secure)
    return response


def come_back(call: Call) -> Response:
    """Let in whom the provider knows by an address that is a user's, in the browser that has begun it, once."""
    if call.services.openid is None:
        raise PageRefusal(404)
    if call.user is not None:  # The address was opened once more.
        return redirect(HOME)
    services = call.services
    attempt = attempt_of(services.secret, request.cookies.get(cookies.attempt_cookie(services.is_secure), ""), call.now_ms)
    if attempt is None or not is_state(attempt, call.query.get("state", "")[:_LONGEST]):
        # What the browser keeps stays: another page may have sent it here while somebody is signing in.
        return _refused(call, "other attempt", "")
    response = _answer(call, attempt)
    cookies.forget_attempt(response, services.is_secure)
    return response


def _answer(call: Call, attempt: Attempt) -> Response:
    provider, throttle = call.services.openid, call.services.throttle
    assert provider is not None
    error, code = call.query.get("error", ""), call.query.get("code", "")
    if error or not 0 < len(code) <= _LONGEST:
        log.warning("openid_refused", reason="by the provider", error=error[:60])
        return _refused(call, "denied" if error == "access_denied" else "not set up", attempt.next_path)
    if not throttle.may_come(call.address):
        return _throttled(call, attempt.next_path)
    call.connection.rollback()
    try:
        email = provider.email(code, attempt, call.now_ms, issuer=call.query.get("iss", ""))
    except NotSignedIn as refusal:
        return _refused(call, refusal.reason, attempt.next_path)
    if not throttle.may_knock(_COUNTED_AS + email, call.address):
        return _throttled(call, attempt.next_path)
    user = find_user(call.connection, email)
    if user is None or user.disabled_at is not None:
        log.warning("openid_refused", reason="no user")
        problem = call.gettext("{email} is no user of Warmtrail who may sign in. Ask an administrator to invite you.")
        return sign_in_page(call, 403, problem.format(email=email), attempt.next_path)
    throttle.succeeded(_COUNTED_AS + email, call.address)
    return admit(call, user, attempt.next_path)


def _throttled(call: Call, asked: str) -> Response:
    log.warning("sign_in_throttled")
    return sign_in_page(call, 429, call.gettext("Too many attempts. Wait ten minutes, then try again."), asked)


def _refused(call: Call, reason: Reason | Literal["denied", "other attempt"], asked: str) -> Response:
    """Return the sign-in page with what is wrong in words."""
    status, text = {
        "away": (503, call.gettext("{name} doesn't answer at the moment. Try again in a minute, or use your password.")),
        "not set up": (
            502,
            call.gettext("Signing in with {name} isn't set up right. Tell whoever looks after Warmtrail: the log says why."),
        ),
        "not confirmed": (
            422,
            call.gettext("What {name} said of you is too old or wasn't meant for this sign-in. Start again."),
        ),
        "no address": (422, call.gettext("{name} doesn't say what your e-mail address is.")),
        "address not confirmed": (
            422,
            call.gettext("{name} hasn't confirmed that your e-mail address is yours. Confirm it there, then start again."),
        ),
        "denied": (422, call.gettext("{name} didn't sign you in: it was cancelled there, or you may not use Warmtrail.")),
        "other attempt": (
            422,
            call.gettext("This sign-in was begun in another browser, took too long or was used already. Start again."),
        ),
    }[reason]
    assert call.services.openid is not None
    return sign_in_page(call, status, text.format(name=call.services.openid.name), asked)


ROUTES: Final = (
    Route("GET", "/sign-in/openid", "openid", start, "nobody"),
    Route("GET", BACK, "openid_back", come_back, "nobody"),
)
