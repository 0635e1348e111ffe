"""A sign-in through another service that a browser has begun: what it is recognised by when it comes back.

The browser keeps a random text with the time and the page to go on to, in a cookie that no script can read. State, nonce and
PKCE's verifier are worked out of that text with the service's secret, so nothing is kept here, any process can go on, and
a text that somebody has changed gives another state.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final, Literal
from urllib.parse import quote, unquote

import msgspec

Reason = Literal["away", "not set up", "not confirmed", "no address", "address not confirmed"]
"""Why somebody isn't signed in: the provider doesn't answer; provider and service don't fit; what the provider says of the
person is wrong, old or meant for somebody else; it tells no e-mail address; it doesn't vouch for the address."""

GOOD_FOR_MS: Final = 10 * 60_000
"""Time to sign in at the other service."""
_RANDOM_BYTES: Final = 32
_LONGEST_PATH: Final = 1000
_LONGEST: Final = 1200


class NotSignedIn(Exception):
    """Somebody can't be signed in through the provider."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Attempt(msgspec.Struct, frozen=True):
    """The secrets of one attempt, 43 characters each."""

    state: str
    """Comes back with the browser: it is the one that was sent."""
    nonce: str
    """Comes back in the ID token: it was made for this attempt."""
    verifier: str
    """Told to the provider with the code (RFC 7636): whoever else has seen the code can't use it."""
    next_path: str
    """Where to go on."""


def begin(next_path: str, now_ms: int) -> str:
    """Return what the browser keeps of a new attempt. A path that is too long for a cookie is forgotten."""
    path = quote(next_path, safe="")
    return f"{now_ms}.{secrets.token_urlsafe(_RANDOM_BYTES)}.{path if len(path) <= _LONGEST_PATH else ''}"


def attempt_of(secret: bytes, kept: str, now_ms: int) -> Attempt | None:
    """Return the attempt that a browser has *kept*; ``None`` where it is over or makes no sense.

    Only ``state`` proves that the text is one of ours: compare it before anything else is done with the attempt.
    """
    began, _, rest = kept.partition(".")
    if len(kept) > _LONGEST or not (began.isascii() and began.isdigit() and len(began) < 16):
        return None
    if not int(began) <= now_ms < int(began) + GOOD_FOR_MS:
        return None
    state, nonce, verifier = (_derive(secret, purpose, kept) for purpose in ("state", "nonce", "verifier"))
    return Attempt(state, nonce, verifier, unquote(rest.rpartition(".")[2]))


def is_state(attempt: Attempt, state: str) -> bool:
    """Decide whether a browser that comes back with *state* is the one that has begun the attempt."""
    return hmac.compare_digest(attempt.state.encode(), state.encode())


def _derive(secret: bytes, purpose: str, kept: str) -> str:
    digest = hmac.new(secret, f"openid {purpose}:{kept}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
