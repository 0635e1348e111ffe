"""Mail server and sender, as the settings write them: ``smtp://user:password@mail.example.com:587``, ``Name <address>``."""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from tracker.core.labels import LabelledError

Security = Literal["tls", "required", "offered", "never"]
"""``tls``: from the first byte. The others by STARTTLS: always, where the server offers it, or not at all."""

_DEFAULT_PORTS: Final = {"smtp": 587, "smtps": 465}
"""Of submission (RFC 6409) and of submission over TLS (RFC 8314)."""


class MailSettingError(LabelledError):
    """A mail server or sender that can't be meant; the label goes on from the name of what holds it."""


class SmtpServer(msgspec.Struct, frozen=True):
    """Where mails are handed over, and how."""

    host: str
    port: int
    user: str
    """Empty: without authentication."""
    password: str
    security: Security


def read_smtp_url(url: str) -> SmtpServer:
    """Return the mail server that *url* names. Raises ``MailSettingError``, without the password.

    User and password may be percent-encoded. ``?starttls=required`` or ``?starttls=never`` go with ``smtp://`` only.

    >>> read_smtp_url("smtp://leads:p%40ss@mail.example.com")
    SmtpServer(host='mail.example.com', port=587, user='leads', password='p@ss', security='offered')
    >>> read_smtp_url("smtps://mail.example.com").port
    465
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        example = "smtp://user:password@mail.example.com:587"
        raise MailSettingError(f"must look like {example}", f"须形如 {example}") from None
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.path not in ("", "/") or parts.fragment or port == 0:
        raise MailSettingError(
            "must look like smtp://user:password@mail.example.com:587, or smtps://…",
            "须形如 smtp://user:password@mail.example.com:587，或 smtps://…",
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise MailSettingError("must have both user and password, or neither", "须同时有用户名和密码，或两者都没有")
    return SmtpServer(host, port or _DEFAULT_PORTS[parts.scheme], user, password, _security(parts.scheme, parts.query))


def _security(scheme: str, query: str) -> Security:
    options = parse_qsl(query, keep_blank_values=True)
    if scheme == "smtps" and not options:
        return "tls"
    if not options:
        return "offered"
    [(name, value), *more] = options
    if scheme == "smtps" or name != "starttls" or more:
        raise MailSettingError(
            "may have starttls=required or starttls=never after a question mark, with smtp:// only",
            "问号之后可有 starttls=required 或 starttls=never，且只用于 smtp://",
        )
    if value == "required":
        return "required"
    if value == "never":
        return "never"
    raise MailSettingError(
        "has starttls=required or starttls=never, nothing else", "只能有 starttls=required 或 starttls=never"
    )


def read_mailbox(text: str) -> Address:
    """Return the sender that *text* names: an address, or a name and an address. Raises ``MailSettingError`` else.

    >>> str(read_mailbox("Warmtrail <leads@example.com>"))
    'Warmtrail <leads@example.com>'
    """
    refusal = MailSettingError(
        "must be an address like leads@example.com or Warmtrail <leads@example.com>",
        "须为邮箱地址，形如 leads@example.com 或 Warmtrail <leads@example.com>",
    )
    name, address = parseaddr(text)
    if not text.isprintable() or address.count("@") != 1 or not address.partition("@")[0].isascii():
        raise refusal
    try:
        return Address(name, addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        raise refusal from None
