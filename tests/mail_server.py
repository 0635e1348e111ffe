"""A real mail server for tests: keeps what it is sent, and refuses, delays or breaks off as it is told."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.conftest import give_up

USER, PASSWORD = "leads", "p@ss:word/1"


_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<.*>)", re.MULTILINE)


def _parsed(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


class Kept:
    """What has arrived, and what the server answers."""

    def __init__(self) -> None:
        self.contents: list[tuple[list[str], bytes]] = []
        self.sessions: list[Any] = []
        """Of each mail, its connection: several mails over one have the same."""
        self.answer: dict[str, str] = {}
        """By address: what its RCPT is answered."""
        self.at: dict[str, Callable[[Any], str | None]] = {}
        """By command (``MAIL``, ``DATA``): what is done instead; ``None`` for what would be done anyhow."""

    @property
    def mails(self) -> list[tuple[list[str], EmailMessage]]:
        """Recipients and mail, in the order of arrival."""
        return [(to, _parsed(content)) for to, content in self.contents]

    @property
    def ids(self) -> list[str]:
        return [match[1].decode() for _, content in self.contents for match in _MESSAGE_ID.finditer(content)]

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if "MAIL" in self.at and (said := self.at["MAIL"](server)):
            return said
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.answer:
            return self.answer[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if "DATA" in self.at and (said := self.at["DATA"](server)):
            return said
        self.contents.append((envelope.rcpt_tos, envelope.content))
        self.sessions.append(session)
        return "250 kept"


@contextmanager
def mail_server(
    kept: Kept, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, auth: bool = False
) -> Iterator[int]:
    """Run a server and yield its port."""

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)

    options: dict[str, Any] = {"tls_context": starttls, "hostname": "127.0.0.1"}
    if auth:
        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = loop.create_server(lambda: SMTP(kept, loop=loop, **options), "127.0.0.1", 0, ssl=tls)
    server = asyncio.run_coroutine_threadsafe(made, loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def make_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of a certificate for 127.0.0.1 and localhost, and a server's context with it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        give_up("openssl is not installed")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context
