"""Handing mails to the mail server: what it refuses for good is told apart from what may be tried again.

A server that answers 4xx has not taken the mail, one that answers 5xx never will. If the connection breaks after the whole
mail was sent and before the answer, nobody can tell: that counts as final, since a mail that comes twice is worse than
one that is missing.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from types import TracebackType
from typing import Final

from scorer.core.mail_reasons import MailReason, told
from tracker.core.mail_server import SmtpServer, read_mailbox, read_smtp_url
from tracker.settings import Settings

TIMEOUT_SECONDS: Final = 10.0
"""For each answer of the server."""
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")
"""Not every server passes on letters beyond ASCII."""
_MAX_REPLY: Final = 200
_LINE_BEGINS_WITH_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


class MailError(Exception):
    """A mail was not sent; ``reason`` and ``detail`` say why, the message does so in English."""

    def __init__(self, detail: str = "", reason: MailReason = "answer") -> None:
        super().__init__(told(reason, detail, "en"))
        self.reason: MailReason = reason
        self.detail = detail


class MailRefused(MailError):
    """Final: the address or the mail was rejected. Trying again is of no use."""


class MailUncertain(MailRefused):
    """The connection broke after the mail had been handed over: it may have arrived, so it must not be sent again."""


class MailDelayed(MailError):
    """The server didn't take the mail now, and certainly doesn't have it: try again later."""


class ServerAway(MailDelayed):
    """The server takes no mail at all now: away, busy, or it doesn't let us in. Other mails won't fare better."""


class Mailer:
    """Sends mails over one connection, opened when the first is sent. For one thread; close it, or use it in ``with``."""

    def __init__(self, settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._server = read_smtp_url(settings.smtp_url) if settings.smtp_url else None
        self._sender = read_mailbox(settings.mail_from) if settings.mail_from else None
        self._ca_file = settings.smtp_ca_file
        self._connection: smtplib.SMTP | None = None

    @property
    def available(self) -> bool:
        """Whether a mail server and a sender are set up."""
        return self._server is not None and self._sender is not None

    def send(self, message: EmailMessage) -> None:
        """Hand *message* to the server for the addresses of its ``To``; ``From`` is set to the service's own.

        Raises ``MailRefused`` (final; ``MailUncertain`` is one) or ``MailDelayed`` (``ServerAway`` is one).
        """
        if self._server is None or self._sender is None:
            raise ServerAway(reason="no_server")
        del message["From"]
        message["From"] = Address(self._sender.display_name, addr_spec=_ascii(self._sender.addr_spec))
        recipients = [_ascii(one.addr_spec) for one in message["To"].addresses]
        content = _LINE_BEGINS_WITH_DOT.sub(b"..", message.as_bytes(policy=_POLICY)) + b".\r\n"
        kept = self._connection is not None
        try:
            self._hand_over(self._sender.addr_spec, recipients, content)
        except ServerAway:
            if not kept:
                raise
            # An idle connection may have been closed meanwhile, or its server wants no more mails over one.
            self._hand_over(self._sender.addr_spec, recipients, content)

    def open(self) -> None:
        """Connect to the server and sign in, where that hasn't been done. Raises ``ServerAway``."""
        if self._server is None:
            raise ServerAway(reason="no_server")
        try:
            self._connection = self._connection or self._connect()
        except (smtplib.SMTPException, OSError) as error:
            raise ServerAway(_said(error), _reason(error)) from None

    def close(self) -> None:
        """Take leave of the server."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except (smtplib.SMTPException, OSError):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> Mailer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _hand_over(self, sender: str, recipients: list[str], content: bytes) -> None:
        sent = False
        try:
            connection = self._connection = self._connection or self._connect()
            _expect(connection.mail(_ascii(sender)), 250, of_server=True)
            for recipient in recipients:
                _expect(connection.rcpt(recipient), 250, 251)
            _expect(connection.docmd("DATA"), 354)
            sent = True
            connection.send(content)
            _expect(connection.getreply(), 250)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            if sent:
                raise MailUncertain(_said(error), "broke") from None
            raise ServerAway(_said(error), _reason(error)) from None
        except ServerAway:
            self._drop()
            raise
        except MailError:
            self._reset()
            raise

    def _connect(self) -> smtplib.SMTP:
        assert self._server is not None
        server, seconds = self._server, self._timeout_seconds
        trust = ssl.create_default_context(cafile=self._ca_file)
        connection = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=trust)
            if server.security == "tls"
            else smtplib.SMTP(server.host, server.port, timeout=seconds)
        )
        try:
            _greet(connection, server, trust)
        except BaseException:
            connection.close()
            raise
        return connection

    def _reset(self) -> None:
        """Make the connection ready for the next mail."""
        try:
            if self._connection is not None:
                self._connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _greet(connection: smtplib.SMTP, server: SmtpServer, trust: ssl.SSLContext) -> None:
    """Say who we are, over TLS where that is wanted or to be had. A password never goes over a plain connection unasked."""
    connection.ehlo()
    offered = connection.has_extn("starttls")
    if server.security == "required" or (server.security == "offered" and (offered or server.user)):
        if not offered:
            raise ServerAway(reason="no_starttls")
        connection.starttls(context=trust)
        connection.ehlo()
    if server.user:
        connection.login(server.user, server.password)


def _expect(reply: tuple[int, bytes], *wanted: int, of_server: bool = False) -> None:
    """Raise what an answer other than *wanted* means. *of_server*: what is refused here is refused of every mail."""
    code, text = reply
    if code in wanted:
        return
    said = f"{code} {text.decode('ascii', 'replace')}"[:_MAX_REPLY]
    if code < 0:
        raise smtplib.SMTPServerDisconnected("The server's answer can't be read")
    if code == 421 or (of_server and code >= 500):
        raise ServerAway(said)
    raise MailDelayed(said) if 400 <= code < 500 else MailRefused(said)


def _ascii(address: str) -> str:
    """Return an address as it goes over the wire, its domain in IDNA. Raises ``MailRefused`` for one that can't."""
    name, _, domain = address.rpartition("@")
    try:
        encoded = domain.encode("idna").decode()
    except UnicodeError:
        raise MailRefused(domain[:100], "no_domain") from None
    if not name.isascii():
        raise MailRefused(reason="letters")
    return f"{name}@{encoded}"


def _reason(error: Exception) -> MailReason:
    return "answer" if isinstance(error, smtplib.SMTPResponseException) else "no_connection"


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return f"{error.smtp_code} {reply.decode('ascii', 'replace') if isinstance(reply, bytes) else reply}"[:_MAX_REPLY]
    return (str(error) or type(error).__name__)[:_MAX_REPLY]
