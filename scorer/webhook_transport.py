"""One request to a webhook's receiver, within bounds of place, time and size.

The name is resolved here and the address judged (``core/webhook_addresses``); the connection then goes to exactly that
address, while the header Host and the name in TLS stay the receiver's. No proxy of the environment is used, no redirect
followed.
"""

from __future__ import annotations

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

        def failed(error: str) -> Answer:
            return Answer(None, _passed_ms(begun), error)

        try:
            target = read_url(request.url)
            addresses = self._look_up(target)
            for place, address in enumerate(addresses, start=1):
                try:
                    return self._ask(target, address, request, begun, deadline)
                except _NotConnected as error:
                    if place == len(addresses) or time.monotonic() >= deadline:
                        return failed(str(error))
        except (UrlError, _Unsendable) as error:
            return failed(str(error))
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
            raise _Unsendable(f"the name {target.host} can't be resolved") from None
        if not found:
            raise _Unsendable(f"the name {target.host} has no address")
        for address in found:
            if (why := refusal(target.host, address, self._allowed)) is not None:
                raise _Unsendable(f"not sent: {why}")
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
                return Answer(answer.status, _passed_ms(begun), "", retry_after[:100], body[:MAX_ANSWER])
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


class _Unsendable(Exception):
    """There is no address that it may be sent to."""


class _NotConnected(Exception):
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


def _told(error: Exception, *, late: bool, seconds: float) -> str:
    """Return what went wrong without the text of libraries, which may quote what the receiver sent."""
    # Before the timeouts: urllib3 has it as one of them.
    if isinstance(error, urllib3.exceptions.NewConnectionError) and isinstance(error.__cause__, OSError):
        return f"no connection: {error.__cause__.strerror or type(error.__cause__).__name__}"
    if late or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return f"no answer within {seconds:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return f"the connection broke: {error.strerror}"
    return f"no answer that can be read ({type(error).__name__})"
