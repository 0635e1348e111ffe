"""Decide what a collect request is answered and what of it goes into the queue. The same for every way it comes in."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from tracker.core.addresses import Network, client_address, is_within
from tracker.core.admission import OLDEST_MS, Admission, Body, Caller, Refused, Rejected, inflate, read_body
from tracker.core.agents import is_relay
from tracker.core.entries import RequestInfo, split, take_in
from tracker.core.events import CONSENT_WITHDRAWN
from tracker.core.identity_cookie import identity_cookie
from tracker.core.origins import origin_allowed
from tracker.core.pseudonyms import daily_pseudonym
from tracker.core.refusals import EXPLANATION, STATUS
from tracker.core.screening import is_opted_out
from tracker.quotas import OverQuota, Quotas
from tracker.sites import SiteSettings

ROUTES: Final[dict[str, str | None]] = {
    "batch": None,
    "page": "page",
    "track": "track",
    "identify": "identify",
    "group": "group",
    "alias": "alias",
}
"""The last part of each collect path, and the type of event it takes (``None``: a batch of any)."""

RETRY_AFTER_SECONDS: Final = 5
"""When to try again where nothing is known of how long it takes."""
MANY_EVENTS: Final = 20
"""In a batch of more, quotas are asked before the events are read; to read fewer costs no more than to ask twice."""


class Headers(Protocol):
    """Request headers by lower-case name."""

    def get(self, name: str, /) -> str | None: ...


class KnownKey(msgspec.Struct, frozen=True):
    """What a write or server key opens."""

    site_id: int
    trusted: bool
    settings: SiteSettings = SiteSettings()
    own_networks: tuple[Network, ...] = ()


class KeyRing(Protocol):
    """Knows the keys of all sites."""

    def find(self, key: str) -> KnownKey | None:
        """Return what *key* opens, ``None`` if nothing."""


class Answer(msgspec.Struct, frozen=True):
    """What the sender is told."""

    status: int
    body: bytes
    reason: str = ""
    """The refusal, empty for success."""
    cookie: str = ""
    """Value of ``Set-Cookie``; empty: none is set."""
    retry_after: int = RETRY_AFTER_SECONDS
    """Seconds after which to try again; told with 429 and 503 only."""


class Accepted(msgspec.Struct, frozen=True):
    """A request whose events are to be appended before *answer* is given."""

    site_id: int
    entries: list[tuple[int, int, bytes]]
    """Partition, number of events, packed entry."""
    answer: Answer
    received: int
    rejected: list[Rejected]


class Request(msgspec.Struct, frozen=True):
    """A collect request as read from the wire."""

    route: str
    headers: Headers
    body: bytes
    received_ms: int
    peer: str = ""
    """Address that the connection comes from."""


CompanyOf = Callable[[str], str]
"""Returns the company whose network an address is in, empty for none (see ``tracker.networks``)."""


class Limits(msgspec.Struct):
    """What the collector's settings say about events."""

    partitions: int
    """The layout in use (see ``tracker.core.layouts``), which may change at any time."""
    late_window_ms: int


_WITHDRAWN: Final = CONSENT_WITHDRAWN.encode()
_SUCCESS: Final = Answer(200, b'{"success":true}')
_encode = msgspec.json.encode


def refuse(reason: str) -> Answer:
    """Return the answer that tells a sender *reason*."""
    body = {"success": False, "reason": reason, "message": EXPLANATION[reason]}
    return Answer(STATUS.get(reason, 400), _encode(body), reason)


def answer_headers(answer: Answer, origin: str | None) -> list[tuple[str, str]]:
    """Return the headers that go with *answer* to a page of *origin*, or to a program (``None``)."""
    headers = [("content-type", "application/json"), *allow_origin(origin)]
    if answer.cookie:
        headers.append(("set-cookie", answer.cookie))
    if answer.status in (429, 503):
        headers += [("retry-after", str(answer.retry_after)), ("access-control-expose-headers", "Retry-After")]
    if answer.status == 401 and not origin:
        # Never to a page: its visitor would be asked for a name and a password.
        headers.append(("www-authenticate", 'Basic realm="warmtrail"'))
    return headers


def allow_origin(origin: str | None) -> list[tuple[str, str]]:
    """Return the headers that let a page of *origin* read an answer, a refusal with its reason as well.

    With credentials, because beacons always go with cookies, and browsers log an error for each answer that does not
    allow that. It opens nothing: what is sent is judged by the key in it and never by a cookie, so whoever may send may
    do so without; answers hold no word of the visitor; and ``Set-Cookie`` can't be read by any script.
    """
    if not origin:
        return []
    allowed = [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")]
    return [*allowed, ("vary", "Origin")]


def decide(
    request: Request,
    keys: KeyRing,
    limits: Limits,
    secret: bytes,
    company_of: CompanyOf | None = None,
    quotas: Quotas | None = None,
) -> Accepted | Answer:
    """Return the events to append with the answer to give afterwards, or the answer that refuses the request.

    *secret* keys the pseudonyms of visitors without an id. *company_of* is ``None`` where networks are not looked up,
    *quotas* where nobody counts what comes from whom.
    """
    try:
        return _decide(request, keys, limits, secret, company_of, quotas)
    except OverQuota as over:
        return msgspec.structs.replace(refuse(over.reason), retry_after=over.retry_after)
    except Refused as refused:
        return refuse(refused.reason)


def _decide(
    request: Request, keys: KeyRing, limits: Limits, secret: bytes, company_of: CompanyOf | None, quotas: Quotas | None
) -> Accepted:
    headers = request.headers
    kind = ROUTES[request.route]
    body = read_body(inflate(request.body, headers.get("content-encoding")), is_batch=kind is None)
    known = _known_key(headers.get("authorization"), body.write_key, keys)
    origin = headers.get("origin")
    if origin and not known.trusted and not origin_allowed(origin, known.settings.origins):
        raise Refused("origin_not_allowed")
    counted = quotas if not known.trusted else None
    sender = _address(request) if counted is not None and not known.settings.no_ip else ""
    if counted is not None and body.batch is not None and len(body.batch) > MANY_EVENTS:
        counted.look(known.site_id, sender, len(body.batch))
    oldest_ms = OLDEST_MS if known.trusted else request.received_ms - limits.late_window_ms
    info = request_info(request, known)
    if company_of is not None and _may_be_looked_up(info, known, body):
        info = msgspec.structs.replace(info, network=company_of(_address(request)))
    # A server speaks for many visitors from one address: they must not become one.
    nameless = body.cookieless and not known.trusted and not known.settings.no_ip
    pseudonym = _pseudonym(request, known, info, secret) if nameless else ""
    caller = Caller(known.site_id, known.trusted, oldest_ms, pseudonym, secret)
    admission, entries = take_in(body, kind, caller, request.received_ms, info, limits.partitions)
    received = len(admission.events) + len(admission.rejected)
    if counted is not None:
        visitors = [visitor for visitor, _ in admission.events]
        counted.take(known.site_id, sender, received, visitors)
        if held := counted.too_many(known.site_id, sender, visitors):
            entries = _hold(held, admission, known.site_id, request.received_ms, info, limits.partitions)
    answer = _answer(admission.rejected, single=kind is not None)
    if origin and admission.events and (cookie := _cookie(request, known, info, body, admission)):
        answer = msgspec.structs.replace(answer, cookie=cookie)
    return Accepted(known.site_id, entries, answer, received, admission.rejected)


def _hold(
    held: frozenset[str], admission: Admission, site_id: int, received_ms: int, info: RequestInfo, partitions: int
) -> list[tuple[int, int, bytes]]:
    """Return the entries of a request (see ``split``), what these visitors sent marked as a flood."""
    staying = Admission([one for one in admission.events if one[0] not in held], admission.rejected)
    flood = Admission([one for one in admission.events if one[0] in held], [])
    marked = msgspec.structs.replace(info, flood=True)
    return split(staying, site_id, received_ms, info, partitions) + split(flood, site_id, received_ms, marked, partitions)


def request_info(request: Request, known: KnownKey) -> RequestInfo:
    """Return what the request itself says about all of its events."""
    headers = request.headers
    # The older header Purpose, and Mozilla's, were never sent with what a script sends.
    purpose = headers.get("sec-purpose")
    own = bool(known.own_networks) and not known.trusted
    return RequestInfo(
        agent=(headers.get("user-agent") or "")[:512],
        trusted=known.trusted,
        gpc=headers.get("sec-gpc") == "1",
        dnt=headers.get("dnt") == "1",
        prefetch=purpose is not None and ("prefetch" in purpose or "prerender" in purpose),
        own_traffic=own and is_within(_address(request), known.own_networks),
    )


def _may_be_looked_up(info: RequestInfo, known: KnownKey, body: Body) -> bool:
    """Decide whether to ask whose network a request comes from.

    Not where that isn't the visitor's: a server, or a library that passes events on. Not for our own staff. And not for
    visitors who asked not to be tracked, or have not agreed to it yet. Nor where the site wants no address looked up.
    """
    not_a_visitor = known.trusted or info.own_traffic or is_relay(info.agent)
    no_ip = known.settings.no_ip
    return not (not_a_visitor or no_ip or body.cookieless or _is_opted_out(info, known))


def _is_opted_out(info: RequestInfo, known: KnownKey) -> bool:
    # Most browsers send no signal: then the site's rules need not be looked up.
    return (info.gpc or info.dnt) and is_opted_out(info, known.settings.rules)


def _address(request: Request) -> str:
    return client_address(request.peer, request.headers.get("x-forwarded-for"))


def _pseudonym(request: Request, known: KnownKey, info: RequestInfo, secret: bytes) -> str:
    return daily_pseudonym(secret, known.site_id, request.received_ms, _address(request), info.agent)


def _cookie(request: Request, known: KnownKey, info: RequestInfo, body: Body, admission: Admission) -> str:
    """Return the cookie that confirms the id of the last event; empty where the visitor or the site wants none.

    The page's script writes the same cookie: what is honoured there must be honoured here.
    """
    if known.trusted or body.cookieless or _is_opted_out(info, known):
        return ""
    # Looked for in the whole body: also where the event itself was refused, nothing is to be set again.
    if _WITHDRAWN in body.raw:
        return ""
    headers = request.headers
    # The answer to a fetch may arrive after reset() has made another id; a beacon goes when the page is left.
    if headers.get("sec-fetch-mode") == "cors":
        return ""
    visitor, _ = admission.events[-1]
    return identity_cookie(visitor, headers.get("origin"), headers.get("host"), headers.get("cookie"))


def _known_key(authorization: str | None, in_body: str | None, keys: KeyRing) -> KnownKey:
    key = _basic_user(authorization) or in_body
    if not key:
        raise Refused("write_key_missing")
    known = keys.find(key)
    if known is None:
        raise Refused("write_key_unknown")
    return known


def _basic_user(authorization: str | None) -> str | None:
    if not authorization or authorization[:6].lower() != "basic ":
        return None
    try:
        return base64.b64decode(authorization[6:], validate=True).decode().partition(":")[0] or None
    except ValueError:  # not base64, not ASCII, not UTF-8
        return None


def _answer(rejected: list[Rejected], *, single: bool) -> Answer:
    if not rejected:
        return _SUCCESS
    if single:
        return refuse(rejected[0].reason)
    named = [{"index": one.index, "reason": one.reason} for one in rejected]
    return Answer(200, _encode({"success": True, "rejected": named}))
