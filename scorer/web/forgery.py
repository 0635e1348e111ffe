"""Whether a form was sent from a page of ours: by what the browser says of its origin, and by a token in the form."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

FIELD = "form_token"
"""Name of the hidden field."""


def form_token(secret: bytes, binding: str) -> str:
    """Return the token for the forms of a browser. *binding* is what only that browser has: the secret of its cookie."""
    return hmac.new(secret, b"form:" + binding.encode(), hashlib.sha256).hexdigest()[:40]


def is_own_form(headers: Headers, own_url: str, host_url: str, token: str, expected: str) -> bool:
    """Decide whether a POST comes from a page of ours.

    *own_url* is the address people know the service by, *host_url* the one this request was sent to: behind a proxy
    they differ. A browser that names neither origin nor site is an old one; then the token alone decides.
    """
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("Origin")
    if origin is not None and _place(origin) not in (_place(own_url), _place(host_url)):
        return False
    return hmac.compare_digest(token.encode(), expected.encode())


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # An address in brackets that is none: nobody's place.
        return "", url
    return parts.scheme, parts.netloc.lower()
