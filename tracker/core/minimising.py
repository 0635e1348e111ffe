"""What is taken out of events before they are stored: what nobody needs to tell who is about to buy.

Addresses lose parameters that carry secrets, those that a site hasn't listed, and e-mail addresses; properties lose what
is called like a password, a card or a network address, and numbers that are a payment card's or an identity card's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from tracker.core.channels import CLICK_PARAMETERS

REMOVED: Final = "(removed)"
"""Stands where something was taken out of a text."""

_SECRET_PARTS: Final = (
    *("password", "passwd", "passwort", "passphrase", "motdepasse", "contraseña", "密码", "口令"),
    *("creditcard", "cardnumber", "cardno", "ccnum", "cardcvc", "cardcvv", "securitycode", "银行卡", "信用卡"),
    *("accesstoken", "refreshtoken", "idtoken", "authtoken", "apikey", "clientsecret", "privatekey", "sessionid"),
    *("socialsecurity", "passportn", "身份证", "护照"),
)
_SECRET_NAMES: Final = frozenset(
    (
        *("pass", "pwd", "pin", "otp", "secret", "token", "jwt", "auth", "authorization", "phpsessid"),
        *("cvv", "cvv2", "cvc", "cvc2", "iban", "ssn"),
        *("ip", "ipaddress", "clientip", "remoteaddr", "remoteip", "userip"),
    )
)
_NOT_LETTERS: Final = re.compile(r"[\W_]+")
# Begun only where a word begins, so that long texts without an address cost no more than a look at each letter.
_EMAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,500}(?:@|%40)[a-z0-9.-]{1,190}\.[a-z]{2,24}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"(?<![\d+])(?:\d[ -]?){14,18}[\dXx](?!\d)")
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MAX_DEPTH: Final = 8

_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMED_TEXT: Final = re.compile(rb'"([^"\\]{1,60})"(\s*:\s*)("(?:[^"\\]|\\.)*"|\d[\d.]*)')
_IPV4: Final = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_MAYBE_IPV6: Final = re.compile(rb"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![\w:])")


class Kept(msgspec.Struct, frozen=True):
    """Which parameters of addresses a site keeps."""

    only: frozenset[str] = frozenset()
    """These, beside those of campaigns and clicks on advertisements. Empty: all but ``never``."""
    never: frozenset[str] = frozenset()


def minimal_url(url: str, kept: Kept) -> str:
    """Return an address without the parameters that aren't to be kept and without e-mail addresses.

    Of a link only that of a page is changed: to ``mailto:`` belongs an address, and it is the site's own.

    >>> minimal_url("https://a.example/x?token=1&utm_source=b&q=ada@b.example", Kept())
    'https://a.example/x?utm_source=b&q=(removed)'
    >>> minimal_url("/x?q=1&page=2", Kept(only=frozenset(["page"])))
    '/x?page=2'
    """
    if "?" not in url and "@" not in url and "%40" not in url:
        return url
    if not url.startswith(("https://", "http://", "/")):
        return url
    page, mark, query = url.partition("?")
    if mark:
        query, hash_, route = query.partition("#")
        query = "&".join(one for one in query.split("&") if _is_kept(one.partition("=")[0], kept))
        page += f"?{query}" * bool(query) + hash_ + route.partition("?")[0]
    return _EMAIL.sub(REMOVED, page) if "@" in page or "%40" in page else page


def minimal_properties(given: dict[str, Any] | None, kept: Kept) -> dict[str, Any] | None:
    """Return properties or traits without what is named like a secret or a network address, at whatever depth.

    Numbers of payment and identity cards go from texts, whatever they are called, and addresses of pages are treated as
    ``minimal_url`` does.

    >>> minimal_properties({"Password": "x", "plan": "pro", "fields": {"card_number": 4}}, Kept())
    {'plan': 'pro', 'fields': {}}
    """
    return _minimal(given, kept, 0) if given else given


def minimal_body(body: bytes) -> bytes:
    """Return a refused event or line, as it came, without network addresses and without values named like a secret.

    It needn't be JSON. What stands for an address keeps its form, so that a line of a log can still be read.

    >>> minimal_body(b'{"context":{"ip":"203.0.113.9"},"password":"x","at":"10:30:00"}')
    b'{"context":{"ip":""},"password":"","at":"10:30:00"}'
    """
    body = _NAMED_TEXT.sub(_blank, body)
    body = _IPV4.sub(b"0.0.0.0", body)
    return _MAYBE_IPV6.sub(_no_ipv6, body)


def words_of(body: bytes) -> set[str]:
    """Return what in a refused event may be somebody's name: its texts, and the e-mail addresses in it.

    >>> sorted(words_of(b'{"to": "Ada <ada@b.example>"}'))
    ['Ada <ada@b.example>', 'ada@b.example', 'to']
    """
    text = body.decode(errors="replace")
    return {_unescaped(one) for one in _TEXT.findall(text)} | set(_EMAIL.findall(text))


def _unescaped(text: str) -> str:
    try:
        return msgspec.json.decode(text, type=str).strip()
    except (msgspec.DecodeError, UnicodeError):
        return text[1:-1]


def _is_kept(name: str, kept: Kept) -> bool:
    name = unquote_plus(name) if "%" in name or "+" in name else name
    if name in kept.never or is_secret(name):
        return False
    return not kept.only or name in kept.only or name in CLICK_PARAMETERS or name.startswith("utm_")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Decide by its name whether a value is never to be kept.

    >>> is_secret("user[password]"), is_secret("accessToken"), is_secret("tokens_used"), is_secret("shipping")
    (True, True, False, False)
    """
    letters = _NOT_LETTERS.sub("", name).lower()
    return letters in _SECRET_NAMES or any(part in letters for part in _SECRET_PARTS)


def _minimal(value: Any, kept: Kept, depth: int) -> Any:
    if isinstance(value, str):
        return _minimal_text(value, kept)
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {key: _minimal(one, kept, depth + 1) for key, one in value.items() if not is_secret(key)}
    if isinstance(value, list):
        return [_minimal(one, kept, depth + 1) for one in value]
    return value


def _minimal_text(text: str, kept: Kept) -> str:
    if text.startswith(("https://", "http://", "/")):
        return minimal_url(text, kept)
    return _NUMBER.sub(_removed_number, text) if len(text) >= 15 else text


def _removed_number(found: re.Match[str]) -> str:
    digits = found[0].replace(" ", "").replace("-", "").upper()
    return REMOVED if _is_payment_card(digits) or _is_identity_card(digits) else found[0]


def _is_payment_card(digits: str) -> bool:
    """Decide by the check digit (ISO/IEC 7812) and by what issuers' numbers begin with."""
    if not digits.isdigit() or digits[0] not in "23456" or not 15 <= len(digits) <= 19:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _is_identity_card(digits: str) -> bool:
    """Decide by the check digit of Chinese identity numbers (GB 11643-1999)."""
    if len(digits) != 18 or not digits[:17].isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits, strict=False))
    return "10X98765432"[total % 11] == digits[17]


def _no_ipv6(found: re.Match[bytes]) -> bytes:
    text = found[0]  # The time of a day looks alike.
    return b"::" if text.count(b"::") == 1 or text.count(b":") == 7 else text


def _blank(found: re.Match[bytes]) -> bytes:
    if not is_secret(found[1].decode(errors="replace")):
        return found[0]
    return b'"' + found[1] + b'"' + found[2] + b'""'
