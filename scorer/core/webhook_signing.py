"""How a message to a webhook is sealed at the moment of an attempt: headers, signature, and the robots' own ways of signing.

Sources: Standard Webhooks 1.0.0, "Signature scheme" (github.com/standard-webhooks/standard-webhooks, spec); DingTalk,
"Custom robot security settings" (加签); Feishu, "Custom bot usage guide", signature verification (签名校验).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from scorer.core.webhook_types import SIGNED, Preset

PREFIX: Final = "whsec_"
RANDOM_BYTES: Final = 32
"""Of a secret; Standard Webhooks asks for 24 to 64."""
OVERLAP_MS: Final = 24 * 3_600_000
"""For how long a replaced secret goes on being signed by, unless asked otherwise."""
MAX_VALID: Final = 5
"""Secrets signed by at once: more would make a header that receivers refuse."""


class Secret(msgspec.Struct, frozen=True):
    """One secret. ``until`` in ms since 1970 UTC is when it stops; ``None`` for the one that stands."""

    secret: str
    until: int | None = None


class Sealed(msgspec.Struct, frozen=True):
    """A request ready to be sent."""

    url: str
    headers: dict[str, str]
    body: bytes


def write_secret(random: bytes) -> str:
    """Return random bytes as a secret of Standard Webhooks: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(random).decode()


def rotated(secrets: Sequence[Secret], new: str, now_ms: int, overlap_ms: int) -> list[Secret]:
    """Return *secrets* with *new* in front and standing; the others stop at the latest after *overlap_ms*."""
    end = now_ms + overlap_ms
    kept = [Secret(one.secret, end if one.until is None else min(one.until, end)) for one in secrets]
    return [Secret(new), *(one for one in kept if one.until is not None and one.until > now_ms)][:MAX_VALID]


def valid(secrets: Iterable[Secret], now_ms: int) -> list[str]:
    """Return the secrets to sign by now, the newest first."""
    return [one.secret for one in secrets if one.until is None or one.until > now_ms]


def signature(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """Return ``v1,`` and the base64 of HMAC-SHA256 over id, time (seconds) and body, joined by full stops.

    The key is what the secret's base64 stands for. Raises ``ValueError`` for a secret that is none.

    >>> secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    >>> signature(secret, message, 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret: it must be whsec_ and base64") from None
    return "v1," + _hmac(key, f"{message_id}.{at_s}.".encode() + body)


def dingtalk_signature(secret: str, at_ms: int) -> str:
    """Return DingTalk's signature: base64 of HMAC-SHA256 of time and secret, keyed by the secret."""
    return _hmac(secret.encode(), f"{at_ms}\n{secret}".encode())


def feishu_signature(secret: str, at_s: int) -> str:
    """Return Feishu's signature: base64 of HMAC-SHA256 of nothing, keyed by time and secret."""
    return _hmac(f"{at_s}\n{secret}".encode(), b"")


def seal(preset: Preset, url: str, message_id: str, body: bytes, secrets: Sequence[str], now_ms: int) -> Sealed:
    """Return the request of one attempt to deliver *body*. The id stays the same in every attempt, the time doesn't."""
    at_s = now_ms // 1000
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Warmtrail/1 (webhooks)",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
    }
    if preset in SIGNED:
        headers["webhook-signature"] = " ".join(signature(secret, message_id, at_s, body) for secret in secrets)
    elif preset == "dingtalk" and secrets:
        sign = urlencode({"timestamp": str(now_ms), "sign": dingtalk_signature(secrets[0], now_ms)})
        url = f"{url}{'&' if '?' in url else '?'}{sign}"
    elif preset == "feishu" and secrets:
        signed = {"timestamp": str(at_s), "sign": feishu_signature(secrets[0], at_s)}
        body = msgspec.json.encode({**signed, **msgspec.json.decode(body)})
    return Sealed(url, headers, body)


def _hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()
