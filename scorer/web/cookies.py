"""The page's cookies: who somebody is, and what a browser prefers to see."""

from __future__ import annotations

from typing import Final

from flask import Response

from scorer.core.decay import DAY_MS
from scorer.web.oidc_attempts import GOOD_FOR_MS
from scorer.web.sessions import IDLE_MS

LANGUAGE: Final = "warmtrail_language"
"""Before anybody has signed in."""
SITE: Final = "warmtrail_site"
THEME: Final = "warmtrail_theme"
ZONE: Final = "warmtrail_zone"
"""The browser's time zone; a script of ours sets it."""
FORM: Final = "warmtrail_form"
"""What the forms of a browser are bound to that isn't signed in."""
_ATTEMPT_SECONDS: Final = GOOD_FOR_MS // 1000
_PREFERRED_SECONDS: Final = 365 * 24 * 3600


def session_cookie(secure: bool) -> str:
    """Return the name of the cookie with a session's token. The prefix makes browsers refuse one from another host."""
    return "__Host-warmtrail_session" if secure else "warmtrail_session"


def keep_session(response: Response, token: str, secure: bool) -> None:
    """Give a browser its token."""
    response.set_cookie(session_cookie(secure), token, max_age=IDLE_MS // 1000, httponly=True, samesite="Lax", secure=secure)


def forget_session(response: Response, secure: bool) -> None:
    """Take a browser's token away."""
    response.delete_cookie(session_cookie(secure), httponly=True, samesite="Lax", secure=secure)


def attempt_cookie(secure: bool) -> str:
    """Return the name of the cookie with what a browser keeps that signs in through another service."""
    return "__Host-warmtrail_openid" if secure else "warmtrail_openid"


def keep_attempt(response: Response, value: str, secure: bool) -> None:
    """Let a browser keep what it has begun. Not SameSite=Strict: it comes back from another site."""
    response.set_cookie(
        attempt_cookie(secure), value, max_age=_ATTEMPT_SECONDS, httponly=True, samesite="Lax", secure=secure
    )


def forget_attempt(response: Response, secure: bool) -> None:
    """Let a browser forget what is over."""
    response.delete_cookie(attempt_cookie(secure), httponly=True, samesite="Lax", secure=secure)


def keep(response: Response, name: str, value: str, secure: bool) -> None:
    """Remember what a browser prefers."""
    response.set_cookie(name, value, max_age=_PREFERRED_SECONDS, httponly=True, samesite="Lax", secure=secure)


def keep_form(response: Response, value: str, secure: bool) -> None:
    """Bind the forms of a browser that isn't signed in, for as long as it runs or a day."""
    response.set_cookie(FORM, value, max_age=DAY_MS // 1000, httponly=True, samesite="Lax", secure=secure)
