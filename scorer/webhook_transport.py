"""One request to a webhook's receiver, within bounds of place, time and size.

The name is resolved here and the address judged (``core/webhook_addresses``); the connection then goes to exactly that
address, while the header Host and the name in TLS stay the receiver's. No proxy of the environment is used, no redirect
followed.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from scorer.core.webhook_addresses import Address, Allowed, Target, UrlError, read_address, read_url, refusal
from scorer.core.webhook_backoff import Answer
from scorer.core.webhook_signing import Sealed
from scorer.core.webhook_troubles import MAX_DETAIL, Reason, Trouble

SECONDS: Final = 10.0
"""For all of it, from looking up the name to the end of the answer."""
CONNECT_SECONDS: Final = 5.0
MAX_ANSWER: Final = 4096
"""Bytes read of an answer's body. What is longer is not read: the connection is closed anyway."""
ADDRESSES_TRIED: Final = 3

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, in the order of preference. Raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Transport:
    """Sends requests. One for all threads: nothing is kept between two requests."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        seconds: float = SECONDS,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """*trust* is for certificates; without it the system's authorities count."""
        self._allowed = allowed
        self._seconds = seconds
        self._resolve = resolve
        self._trust = trust

    def post(self, request: Sealed) -> Answer:
        """Send *request* and return what came back; a failure of any kind is an ``Answer`` without status, too."""
        begun = time.monotonic()
        deadline = begun + self._seconds

        def failed(trouble: Trouble) -> Answer:
            return Answer(None, _passed_ms(begun), trouble)

        try:
            target = read_url(request.url)
            addresses = self._look_up(target)
            for place, address in enumerate(addresses, start=1):
                try:
                    return self._ask(target, address, request, begun, deadline)
                except _NotConnected as error:
                    if place == len(addresses) or time.monotonic() >= deadline:
                        return failed(error.trouble)
        except UrlError:
            return failed(Trouble("address_unreadable"))
        except _Unsendable as error:
            return failed(error.trouble)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            return failed(_told(error, late=time.monotonic() >= deadline, seconds=self._seconds))
        raise AssertionError("no address was tried")

    def _look_up(self, target: Target) -> list[Address]:
        """Return the addresses to try; raise ``_Unsendable`` when any is one that nothing may be sent to.

        Any and not all: a name that means something inside as well as something outside isn't to be trusted.
        """
        try:
            found = [read_address(text) for text in self._resolve(target.host, target.port)]
        except (OSError, UnicodeError):
            raise _Unsendable(Trouble("not_resolved", target.host[:MAX_DETAIL])) from None
        if not found:
            raise _Unsendable(Trouble("not_resolved", target.host[:MAX_DETAIL]))
        for address in found:
            if (why := refusal(target.host, address, self._allowed)) is not None:
                raise _Unsendable(why)
        return found[:ADDRESSES_TRIED]

    def _ask(self, target: Target, address: Address, request: Sealed, begun: float, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        with _Guard(left) as guard:
            connection = self._connection(target, str(address), guard, min(CONNECT_SECONDS, left))
            try:
                headers = {**request.headers, "Host": target.host_header, "Connection": "close"}
                # Unlike its pool, this class of urllib3 neither follows redirects nor tries again.
                connection.request("POST", target.path, body=request.body, headers=headers, preload_content=False)
                if connection.sock is not None:
                    connection.sock.settimeout(max(0.1, deadline - time.monotonic()))
                answer = connection.getresponse()
                if guard.ended:
                    raise TimeoutError  # Headers cut off look as if they were complete.
                body = b""
                with suppress(urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):  # The status has been told.
                    body = answer.read(MAX_ANSWER, decode_content=False)
                retry_after = answer.headers.get("Retry-After") or ""
                return Answer(answer.status, _passed_ms(begun), None, retry_after[:100], body[:MAX_ANSWER])
            finally:
                connection.close()

    def _connection(self, target: Target, address: str, guard: _Guard, seconds: float) -> HTTPConnection:
        kind = _HttpsConnection if target.scheme == "https" else _HttpConnection
        options: dict[str, Any] = {}
        if target.scheme == "https":
            trust = self._trust or ssl.create_default_context()
            options = {"ssl_context": trust, "server_hostname": target.host}
        connection: HTTPConnection = kind(address, target.port, timeout=seconds, **options)
        connection.guard = guard  # type: ignore[attr-defined]
        try:
            connection.connect()
        except (ssl.SSLError, urllib3.exceptions.SSLError):
            raise  # Another address of the name wouldn't have another certificate.
        except (urllib3.exceptions.HTTPError, OSError) as error:
            connection.close()
            raise _NotConnected(_told(error, late=False, seconds=seconds)) from None
        return connection


class _Failed(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


class _Unsendable(_Failed):
    """There is no address that it may be sent to."""


class _NotConnected(_Failed):
    """Nothing was sent: another address may be tried."""


class _Guard:
    """Ends a connection when its time is up, however slowly the other side drips: timeouts of sockets are per read."""

    def __init__(self, seconds: float) -> None:
        self.ended = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(max(0.0, seconds), self._end)
        self._timer.daemon = True

    def watch(self, connected: socket.socket) -> None:
        self._sockets.append(connected.dup())  # One of our own: TLS takes the first over.

    def __enter__(self) -> _Guard:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for one in self._sockets:
            one.close()

    def _end(self) -> None:
        self.ended = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _HttpConnection(HTTPConnection):
    guard: _Guard

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self.guard.watch(connected)
        return connected


class _HttpsConnection(HTTPSConnection):
    guard: _Guard

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self.guard.watch(connected)
        return connected


def _passed_ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _told(error: Exception, *, late: bool, seconds: float) -> Trouble:
    """Return what went wrong without the text of libraries, which may quote what the receiver sent."""
    # Before the timeouts: urllib3 has it as one of them.
    if isinstance(error, urllib3.exceptions.NewConnectionError) and isinstance(error.__cause__, OSError):
        number = error.__cause__.errno
        return Trouble(_NO_WAY[number]) if number in _NO_WAY else Trouble("no_connection", _name(error.__cause__))
    if late or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return Trouble("timeout", f"{seconds:.0f}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(_CERTIFICATE.get(error.verify_code, "certificate_untrusted"))
    if isinstance(error, ssl.SSLError):
        return Trouble("tls", (error.reason or type(error).__name__)[:MAX_DETAIL])
    if isinstance(error, OSError) and error.errno is not None:
        return Trouble("broken", _name(error))
    return Trouble("unreadable", type(error).__name__)


_NO_WAY: Final[dict[int | None, Reason]] = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
}
_CERTIFICATE: Final[dict[int, Reason]] = {
    10: "certificate_expired",
    62: "certificate_of_another",
    64: "certificate_of_another",
}
"""By X509_V_ERR of OpenSSL: CERT_HAS_EXPIRED, HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH."""


def _name(error: OSError) -> str:
    """Return the symbol of an error of the system, which is the same in every language: ECONNRESET."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
