"""The HTTP front: collect requests take the fast lane, everything else is answered by the Flask application.

An RSGI application (granian's own interface): a request whose body has not come yet holds no thread, so slow or half-sent
requests don't hold up others. Collect requests never leave the event loop; Flask runs in a small pool of threads and is
given whole bodies only. Choice and figures: ``docs/decisions/0001-http-front.md``.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final, Protocol

from tracker.collect import ROUTES, Accepted, Answer, CompanyOf, Headers, Limits, Request, answer_headers, decide, refuse
from tracker.commit import GroupCommit, QueueFull, QueueUnavailable
from tracker.core.admission import MAX_BODY_BYTES
from tracker.core.domains import registrable_domain
from tracker.deadlines import Deadlines
from tracker.keys import SiteKeys
from tracker.log import get_logger
from tracker.metrics import IntakeMetrics
from tracker.pressure import TurnBudget, weight_of
from tracker.quotas import Quotas
from tracker.watch import QueueWatch
from tracker.yielding import let_new_threads_wait

BODY_SECONDS: Final = 10.0
"""A body that takes longer to come is refused."""
MAX_DISCARDED_BYTES: Final = 16_000_000
"""How much of a body that is too large is read, so that its sender gets to see the refusal."""
MAX_APP_BODY_BYTES: Final = 2_000_000
LARGE_BODY_BYTES: Final = 65_536
"""Browsers send no larger ones from a page that is being left; servers do."""
MAX_LARGE_BYTES: Final = 64_000_000
"""What bodies larger than that may take in memory while they come in; beyond, further large ones are refused unread."""
MAX_APPENDING: Final = 4_500
"""Weight of the requests (``weight_of``) that may wait for the queue to have their events: 500 of a single event, at full
speed some 25 ms' worth. With more the queue's server is slow or away, and whoever comes then is told so at once."""
APP_THREADS: Final = 8
MAX_WAITING_FOR_KEYS: Final = 50
WAIT_ENVIRON: Final = "warmtrail.wait_seconds"
"""A Flask view that has nothing to tell yet puts the seconds it would wait here; it is asked again after a change."""
NEWS_ENVIRON: Final = "warmtrail.has_news"
"""And here, if it likes, what says after ``look`` whether there is something for it: else it isn't asked again."""
ASKED_AGAIN_AT_ONCE: Final = 2
"""Of those who wait. The other threads are for requests that are new: nobody queues behind a thousand who waited."""

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
log = get_logger(__name__)


class Scope(Protocol):
    """What granian tells of a request."""

    method: str
    path: str
    query_string: str
    http_version: str
    scheme: str
    client: str
    server: str

    @property
    def headers(self) -> Any: ...


class _BodyTooLarge(Exception):
    """The body has more bytes than its route takes."""


class Front:
    """The application that granian serves.

    *collect_prefix* is ``None`` in a process that does not collect. *changed* returns what is done at the next word of a
    commit (see ``tracker.notices``); *look* reads what ``NEWS_ENVIRON`` tells by, once for all who wait, in a thread, and
    doesn't raise. *company_of* is ``None`` where networks are not looked up.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        collect_prefix: str | None,
        keys: SiteKeys,
        limits: Limits,
        secret: bytes,
        commit: GroupCommit,
        watch: QueueWatch,
        metrics: IntakeMetrics,
        changed: Callable[[], asyncio.Future[None]],
        look: Callable[[], None] = lambda: None,
        company_of: CompanyOf | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self._app = app
        self._routes = {f"{collect_prefix}/{name}": name for name in ROUTES} if collect_prefix is not None else {}
        self._keys = keys
        self._limits = limits
        self._secret = secret
        self._commit = commit
        self._watch = watch
        self._metrics = metrics
        self._changed = changed
        self._look = look
        self._looked_after: asyncio.Future[None] | None = None
        self._looking: asyncio.Future[None] | None = None
        self._asking_again = asyncio.Semaphore(ASKED_AGAIN_AT_ONCE)
        self._company_of = company_of
        self._quotas = quotas
        self._budget = TurnBudget()
        self._bodies = Deadlines(BODY_SECONDS)
        self._appending = 0
        self._large_bytes = 0
        self._threads = ThreadPoolExecutor(APP_THREADS, thread_name_prefix="app")
        self._waiting_for_keys = 0
        self._leaving = asyncio.Event()
        registrable_domain("example.com")  # Reads the public suffix list: 70 ms that no request shall wait for.

    def leave(self) -> None:
        """Let those who wait for changes go: the server is about to stop."""
        self._leaving.set()
        self._budget.stop()
        self._bodies.stop()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called in the event loop just before the server's threads are made."""
        let_new_threads_wait(loop)

    async def __rsgi__(self, scope: Scope, proto: Any) -> None:
        """Answer one request."""
        if scope.method == "POST" and (route := self._routes.get(scope.path)) is not None:
            await self._collect(route, scope, proto)
        else:
            await self._ask_app(scope, proto)

    async def _collect(self, route: str, scope: Scope, proto: Any) -> None:
        headers = scope.headers
        large = _large(headers)
        if large and self._large_bytes + large > MAX_LARGE_BYTES:
            answer = self._refused("overloaded")
        else:
            self._large_bytes += large
            try:
                body = await self._read_body(headers, proto, MAX_BODY_BYTES)
            except _BodyTooLarge:
                answer = self._refused("body_too_large")
            except TimeoutError:
                answer = self._refused("body_too_slow")
            else:
                answer = await self._take(Request(route, headers, body, time.time_ns() // 1_000_000, _peer(scope.client)))
            finally:
                self._large_bytes -= large
        proto.response_bytes(answer.status, answer_headers(answer, headers.get("origin")), answer.body)

    async def _read_body(self, headers: Headers, proto: Any, limit: int) -> bytes:
        """Return the body; raise ``_BodyTooLarge`` or ``TimeoutError``."""
        length = headers.get("content-length")
        if length is not None and length.isascii() and length.isdigit() and int(length) <= limit:
            body: bytes = await self._bodies.keep(proto())
            return body
        if length is None and headers.get("transfer-encoding") is None:
            return b""
        return await self._bodies.keep(_read_chunks(proto, limit))

    async def _take(self, request: Request) -> Answer:
        if self._is_overloaded():
            return self._refused("overloaded")
        decision = self._decide(request)
        if isinstance(decision, Answer) and decision.reason == "write_key_unknown" and await self._look_again():
            decision = self._decide(request)
        if isinstance(decision, Answer):
            self._metrics.refused(decision.reason)
            return decision
        return await self._append(decision)

    def _is_overloaded(self) -> bool:
        return self._watch.full or self._budget.is_spent(self._appending / MAX_APPENDING)

    def _decide(self, request: Request) -> Accepted | Answer:
        return decide(request, self._keys, self._limits, self._secret, self._company_of, self._quotas)

    async def _append(self, accepted: Accepted) -> Answer:
        weight = weight_of(accepted.received)
        self._budget.spend(weight)
        self._appending += weight
        try:
            if accepted.entries:
                await self._commit.append(accepted.site_id, accepted.entries)
        except QueueFull:
            return self._refused("overloaded")
        except QueueUnavailable as error:
            log.warning("append_failed", error=str(error))
            return self._refused("queue_unavailable")
        finally:
            self._appending -= weight
        self._watch.touched([partition for partition, _, _ in accepted.entries])
        self._metrics.accepted(accepted)
        return accepted.answer

    async def _look_again(self) -> bool:
        """Read the keys again for the sake of an unknown one, perhaps made a moment ago; tell whether that was done.

        Senders take the refusal of a key as final, so it is worth a second's wait. Few may wait at once: whoever floods
        us with wrong keys is refused without.
        """
        if self._waiting_for_keys >= MAX_WAITING_FOR_KEYS:
            return False
        self._waiting_for_keys += 1
        try:
            await asyncio.sleep(self._keys.seconds_to_refresh)
            await asyncio.get_running_loop().run_in_executor(self._threads, self._keys.refresh)
        except Exception as error:
            log.warning("keys_not_refreshed", error=type(error).__name__)
            return False
        finally:
            self._waiting_for_keys -= 1
        return True

    def _refused(self, reason: str) -> Answer:
        self._metrics.refused(reason)
        return refuse(reason)

    async def _ask_app(self, scope: Scope, proto: Any) -> None:
        try:
            body = await self._read_body(scope.headers, proto, MAX_APP_BODY_BYTES)
        except _BodyTooLarge:
            _refuse(proto, 413, "The body is too large")
            return
        except TimeoutError:
            _refuse(proto, 408, "The body did not arrive in time")
            return
        loop = asyncio.get_running_loop()
        environ = _environ(scope, body)
        give_up_at: float | None = None
        while True:
            changed = self._changed()
            environ["wsgi.input"] = io.BytesIO(body)
            async with nullcontext() if give_up_at is None else self._asking_again:
                status, headers, content = await loop.run_in_executor(self._threads, _call, self._app, environ)
            wait, has_news = environ.pop(WAIT_ENVIRON, 0.0), environ.pop(NEWS_ENVIRON, None)
            if not wait:
                break
            give_up_at = give_up_at or loop.time() + wait
            if loop.time() >= give_up_at or not await self._until_news(changed, give_up_at, has_news):
                break
        proto.response_bytes(status, headers, content)

    async def _until_news(
        self, changed: asyncio.Future[None], give_up_at: float, has_news: Callable[[], bool] | None
    ) -> bool:
        """Wait until the application is to be asked again, at the latest when the time is up; ``False``: we are leaving."""
        loop = asyncio.get_running_loop()
        while not self._leaving.is_set():
            leaving = loop.create_task(self._leaving.wait())
            either: set[asyncio.Future[Any]] = {changed, leaving}
            await asyncio.wait(either, timeout=give_up_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if has_news is None or loop.time() >= give_up_at:
                return not self._leaving.is_set()
            if changed.done():
                # What is committed while we look is told by the next word.
                word, changed = changed, self._changed()
                await self._look_once_after(word)
                if has_news():
                    return True
        return False

    async def _look_once_after(self, word: asyncio.Future[None]) -> None:
        """Look after a word, once for all who heard it."""
        if self._looked_after is not word:
            self._looked_after = word
            self._looking = asyncio.get_running_loop().run_in_executor(self._threads, self._look)
        assert self._looking is not None
        await asyncio.shield(self._looking)


def _refuse(proto: Any, status: int, title: str) -> None:
    """Refuse a request before the application has seen it (RFC 9457)."""
    problem = f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{title}."}}'
    proto.response_str(status, [("content-type", "application/problem+json")], problem)


def _peer(client: str) -> str:
    """Return the address in an address and port: IPv6 without its brackets, and IPv4 as such where the socket serves both.

    >>> _peer("203.0.113.9:5"), _peer("[2001:db8::1]:5"), _peer("[::ffff:203.0.113.9]:5")
    ('203.0.113.9', '2001:db8::1', '203.0.113.9')
    """
    address = client.rpartition(":")[0]
    return address.strip("[]").removeprefix("::ffff:") if address[:1] == "[" else address


def _large(headers: Headers) -> int:
    """Return how much memory to set aside for a body; 0 for a small one, and for one that isn't there."""
    length = headers.get("content-length")
    if length is None:
        return MAX_BODY_BYTES if headers.get("transfer-encoding") is not None else 0
    if len(length) < 5:
        return 0
    claimed = int(length) if len(length) < 10 and length.isascii() and length.isdigit() else MAX_BODY_BYTES
    return min(claimed, MAX_BODY_BYTES) if claimed > LARGE_BODY_BYTES else 0


async def _read_chunks(proto: Any, limit: int) -> bytes:
    chunks: list[bytes] = []
    total = 0
    async for chunk in proto:
        total += len(chunk)
        if total <= limit:
            chunks.append(chunk)
        elif total > MAX_DISCARDED_BYTES:
            break
    if total > limit:
        raise _BodyTooLarge
    return b"".join(chunks)


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) of a request."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # Granian has undone the percent signs already; WSGI wants the bytes, each as one character.
        "PATH_INFO": scope.path.encode(errors="surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server or "localhost",
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": _peer(scope.client),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name != "content-length" and "_" not in name:
            # With an underscore a name could pass for one that only a proxy may set.
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _call(app: WSGIApp, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Run a WSGI application and return status, headers and content."""
    started: list[Any] = [500, []]

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started[:] = [int(status[:3]), [(name.lower(), value) for name, value in headers]]
        return io.BytesIO().write

    parts = app(environ, start_response)
    try:
        content = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return started[0], started[1], content
