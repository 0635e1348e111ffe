"""What a line of an access log says, in one shape for all formats, and the small readers the formats share."""

from __future__ import annotations

import re
from typing import Literal, Protocol

import msgspec

from tracker.core.labels import LabelledError

MAX_LINE_LENGTH = 32_768
"""Bytes of the longest line that is read; web servers cut requests at some 8,000."""

BadReason = Literal[
    "line_unparsable",  # not of the file's format
    "line_bad_time",  # its time isn't one
    "line_not_json",  # a JSON format, and the line isn't JSON
    "line_columns_unnamed",  # a W3C file whose columns were never named
    "line_wrong_columns",  # more or fewer columns than the "#Fields:" line names
    "line_too_long",
    "line_not_event",  # a file of events, and the line is no JSON object
    "file_cut_short",  # the compressed file ends or breaks in the middle
]
"""Why a line of a file can't be read."""


class LogHit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One request as a server logged it. Texts are empty, never ``None``, where the log says nothing (or ``-``)."""

    line: str
    """The line itself: its keyed digest names the event."""
    at: int
    """Milliseconds since 1970 UTC. A log that names no zone is taken to be in UTC."""
    client: str
    """Address or name of the client. Never leaves the import: see ``to_event``."""
    method: str = ""
    """Empty where the log holds no HTTP request (a connection that timed out, a TLS greeting on a plain port)."""
    path: str = ""
    """Path with its query."""
    status: int = 0
    bytes: int = 0
    referrer: str = ""
    user_agent: str = ""
    host: str = ""
    """Site asked for, lower case, without port."""
    user: str = ""
    duration_ms: float | None = None
    """Time the server took; ``None`` where the format doesn't tell."""


class Format(Protocol):
    """How one kind of server writes a request down."""

    @property
    def name(self) -> str:
        """The name ``--format`` takes."""

    def parse(self, line: str) -> LogHit | BadReason | None:
        """Return the hit of *line*, why it can't be read, or ``None`` for a line that is no request by design
        (empty, a comment, a directive, a plain TCP connection)."""


class UnknownLogFormat(LabelledError):
    """No supported format fits; the message lists those that are supported."""


def decode_line(raw: bytes) -> str:
    """Return *raw* as text without its line end: UTF-8, or Latin-1 where that isn't valid. Never fails."""
    return _decoded(raw.rstrip(b"\r\n"))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text(value: str | None) -> str:
    """Return *value*, or the empty text for the ``-`` that logs write for nothing."""
    return "" if value is None or value == "-" else value


def number(value: str | None) -> int:
    """Return *value* as a whole number, 0 where it isn't one."""
    return int(value) if value and len(value) < 16 and value.isascii() and value.isdigit() else 0


def milliseconds(value: str | None, factor: float = 1.0) -> float | None:
    """Return *value* times *factor*, ``None`` where it is no non-negative number."""
    if not value or len(value) > 24:
        return None
    try:
        result = float(value) * factor
    except ValueError:
        return None
    return round(result, 3) if 0 <= result < 1e12 else None


def host_name(value: str | None) -> str:
    """Return the host of a ``host`` or ``host:port`` in lower case."""
    host = text(value).lower()
    if host.startswith("["):
        return host[1 : host.find("]")] if "]" in host else ""
    return host.partition(":")[0] if host.count(":") == 1 else host


def without_port(value: str) -> str:
    """Return the address of an ``address:port``; works for IPv6 with and without brackets."""
    return value.rpartition(":")[0].strip("[]") if ":" in value else value


_METHOD = re.compile(r"[A-Z][A-Z_-]{1,31}", re.ASCII)


def request_parts(request: str) -> tuple[str, str, str]:
    """Return method, path with query and host of a request line; three empty texts where it is none.

    The host is empty unless the request names it in full, as proxies and load balancers write it. Spaces inside the
    path are kept: some servers write them as they came.
    """
    method, _, rest = request.partition(" ")
    if not _METHOD.fullmatch(method):
        return "", "", ""
    target, _, protocol = rest.rpartition(" ")
    if not protocol.startswith("HTTP/"):
        target = rest
    path, host = target_parts(target.strip())
    return (method, path, host) if path else ("", "", "")


def target_parts(target: str) -> tuple[str, str]:
    """Return path with query, and host, of a request target: ``/a?b`` or ``https://host/a?b``."""
    if target.startswith("/") or "://" not in target[:8]:
        return target, ""
    authority, slash, path = target.partition("://")[2].partition("/")
    authority, mark, query = authority.partition("?")
    return (f"/{path}" if slash else f"/{mark}{query}"), host_name(authority)


_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_NAMED_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v"}


def unescape(value: str) -> str:
    r"""Return *value* with the escapes of Apache and nginx (``\"``, ``\\``, ``\x22``) undone."""
    if "\\" not in value:
        return value
    return _decoded(_ESCAPE.sub(_unescaped, value.encode("utf-8", "surrogatepass")))


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if len(code) == 3:
        return bytes((int(code[1:], 16),))
    return _NAMED_ESCAPES.get(code, code)
