"""What every answer over HTTP carries, whichever part of the service gives it."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

STRICT_TRANSPORT: Final = "max-age=31536000"
"""A year, as RFC 6797 has it. Not for subdomains, of which nothing is known here."""
NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For what isn't a page. Opened as one all the same, it loads, runs and sends nothing."""
_OWN_POLICY: Final = ("demo",)
"""Parts whose pages stand for somebody else's website."""


def dress_answers(app: Flask, *, is_secure: bool) -> None:
    """Let every answer of *app* carry what browsers are to be told; what an answer says itself stays.

    *is_secure*: people come by https. Only then browsers are told to come by nothing else from now on.
    """

    @app.after_request
    def dress(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        if request.blueprint not in _OWN_POLICY:
            headers.setdefault("Content-Security-Policy", NOTHING)
        if is_secure:
            headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
        return response
