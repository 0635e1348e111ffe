"""Sending requests: once each, or again where that is safe and of use."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3

from scorer.outlets.shapes import Problem

_PROBLEM: Final = "application/problem+json"
_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Answers after which the same request may succeed; 409 is one only where it says when (``Retry-After``)."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0


class Request(msgspec.Struct, frozen=True):
    """What is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    timeout_seconds: float


class Answer(msgspec.Struct, frozen=True):
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Kind = TypeVar("Kind")
Send = Callable[[Request], Answer]
"""Sends one request once. Raises ``OSError`` or ``urllib3.exceptions.HTTPError`` where no answer came."""


class WarmtrailError(Exception):
    """A request had no good end."""


class NotReachable(WarmtrailError):
    """No answer came, also not when asked again. Whether a request that changes something did so is not known; sent again
    with the same ``idempotency_key`` it does so once."""


class Refused(WarmtrailError):
    """The service refused; ``problem`` says why (RFC 9457)."""

    def __init__(self, problem: Problem, retry_after_seconds: float | None) -> None:
        named = "".join(f" ({one.parameter}: {one.detail})" for one in problem.errors)
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}{named}")
        self.problem = problem
        self.status = problem.status
        self.retry_after_seconds = retry_after_seconds
        """``None`` where the answer didn't say."""

    @property
    def kind(self) -> str:
        """The last part of the problem's type, as ``cursor-expired``."""
        return self.problem.type.rpartition("problem-")[2]


class CursorExpired(Refused):
    """The cursor is of a list that is gone (410): read it from its beginning."""


class Stale(Refused):
    """Somebody has changed the lead since it was read (412)."""


_KINDS: Final[dict[int, type[Refused]]] = {410: CursorExpired, 412: Stale}


def over_http(pool: urllib3.PoolManager | None = None) -> Send:
    """Return what sends over HTTP by a pool of connections. Redirects are not followed: they would get the key."""
    connections = pool or urllib3.PoolManager(maxsize=4)

    def send(request: Request) -> Answer:
        response = connections.request(
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            timeout=urllib3.Timeout(connect=10, read=request.timeout_seconds),
            retries=False,
            redirect=False,
        )
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, response.data)

    return send


class Transport:
    """Sends requests with a key, again where an answer says so, and turns refusals into exceptions.

    A request is sent at most *tries* times. Between two, the time is waited that the answer asks for (``Retry-After``), else
    half a second, doubled each time, with chance in it so that many clients don't come back at once.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        language: str | None = None,
        timeout_seconds: float = 30.0,
        tries: int = 5,
        send: Send | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if tries < 1:
            raise ValueError(f"a request is sent once at least, not {tries} times")
        self._base = url.rstrip("/") + "/api/v1"
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        if language:
            self._headers["Accept-Language"] = language
        self._timeout = timeout_seconds
        self._tries = tries
        self._send = send or over_http()
        self._sleep = sleep

    def get(self, path: str, query: Mapping[str, object], *, wait_seconds: float = 0, etag: str | None = None) -> Answer:
        """Return the answer to a question; one that is held back for *wait_seconds* has so much longer."""
        headers = self._headers | ({"If-None-Match": etag} if etag else {})
        request = Request("GET", self._url(path, query), headers, None, self._timeout + wait_seconds)
        return self._surely(request)

    def post(self, path: str, body: object, *, idempotency_key: str | None = None, if_match: str | None = None) -> Answer:
        """Do something once, however often it has to be sent. Without *idempotency_key* a new one is made."""
        headers = self._headers | {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key or secrets.token_urlsafe(18),
        }
        if if_match is not None:
            headers["If-Match"] = if_match
        return self._surely(Request("POST", self._url(path, {}), headers, msgspec.json.encode(body), self._timeout))

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        encoded = "?" + urlencode(given) if given else ""
        return self._base + path + encoded

    def _surely(self, request: Request) -> Answer:
        for number in range(1, self._tries + 1):
            try:
                answer = self._send(request)
            except (OSError, urllib3.exceptions.HTTPError) as error:
                if number == self._tries:
                    raise NotReachable(f"{request.method} {request.url.partition('?')[0]}: {error}") from error
                self._sleep(_pause(number))
                continue
            asked = retry_after(answer.headers.get("retry-after"), time.time())
            again = answer.status in _AGAIN or (answer.status == 409 and asked is not None)
            if again and number < self._tries:
                self._sleep(_pause(number) if asked is None else min(asked, LONGEST_PAUSE_SECONDS))
                continue
            if answer.status >= 400 or answer.status in (301, 302, 303, 307, 308):
                raise _refused(answer, asked)
            return answer
        raise AssertionError("unreachable: the last try returns or raises")


def retry_after(text: str | None, now_seconds: float) -> float | None:
    """Return the seconds that a ``Retry-After`` asks to wait, given in seconds or as a date (RFC 9110, 10.2.3); ``None``
    where there is none, or none that makes sense."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_seconds)
    except (ValueError, OverflowError):
        return None


def _pause(number: int) -> float:
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (number - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads clients out, keeps nothing secret


def _refused(answer: Answer, asked: float | None) -> Refused:
    try:
        if not answer.headers.get("content-type", "").startswith(_PROBLEM):
            raise msgspec.ValidationError("no problem")
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        # Something between us and the service has answered, a proxy perhaps.
        problem = Problem("about:blank", "No answer of Warmtrail", answer.status, answer.body[:200].decode(errors="replace"))
    return _KINDS.get(problem.status, Refused)(problem, asked)


def read(answer: Answer, kind: type[Kind]) -> Kind:
    """Return an answer's body as *kind*. Raises ``WarmtrailError`` for one that isn't: of another version, say."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:
        raise WarmtrailError(f"the answer is no {kind.__name__}: {error}") from error
