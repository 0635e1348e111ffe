"""A receiver of webhooks: a real server in a thread that remembers what came and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec


class Came(msgspec.Struct, frozen=True):
    """A request that came; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Reply(msgspec.Struct, frozen=True):
    """What to answer, after so many seconds."""

    status: int = 204
    headers: dict[str, str] = {}
    body: bytes = b""
    seconds: float = 0.0


class Receiver:
    """What came, and what is answered: ``answer`` is given each request."""

    def __init__(self, port: int, scheme: str) -> None:
        self.url = f"{scheme}://hook.test:{port}/in?x=1"
        self.port = port
        self.came: list[Came] = []
        self.answer: Callable[[Came], Reply] = lambda _: Reply()

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Came]:
        """Return what has come once it is *count* requests; fail if that takes too long."""
        until = time.monotonic() + seconds
        while len(self.came) < count:
            assert time.monotonic() < until, f"{len(self.came)} of {count} have come"
            time.sleep(0.005)
        return self.came


@contextmanager
def receiver(trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on a free port of this machine, over TLS with *trust*."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            came = Came(self.path, {name.lower(): value for name, value in self.headers.items()}, content)
            here.came.append(came)
            reply = here.answer(came)
            stop.wait(reply.seconds)
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # A sender that went away.

    stop = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    here = Receiver(server.server_address[1], "https" if trust else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        stop.set()
        server.shutdown()
        server.server_close()


@contextmanager
def raw_server(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Run a server on a free port that does with each connection what *serve* does; yield the port."""
    listening, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connected,), daemon=True).start()

    def handle(connected: socket.socket) -> None:
        with connected, suppress(OSError):
            serve(connected, stop)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        stop.set()
        listening.close()
