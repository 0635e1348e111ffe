"""Logs of one JSON object a line: Caddy, Traefik, and nginx with a JSON ``log_format``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tracker.core.weblogs.records import BadReason, LogHit, host_name, milliseconds, number, request_parts, target_parts
from tracker.core.weblogs.times import apache_time, epoch_time, iso_time

_Reader = Callable[[str, dict[str, Any]], LogHit | BadReason | None]


class JsonFormat:
    """A format whose lines are JSON objects with names of its own."""

    def __init__(self, name: str, read: _Reader) -> None:
        self.name = name
        self._read = read

    def parse(self, line: str) -> LogHit | BadReason | None:
        """See ``Format.parse``."""
        if not line or line.isspace():
            return None
        if line.lstrip("\ufeff ")[:1] != "{":
            return "line_not_json"
        try:
            record = msgspec.json.decode(line.lstrip("\ufeff "))
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return "line_not_json"
        return self._read(line, record)


def json_formats() -> list[JsonFormat]:
    """Return the formats; no line fits two of them."""
    return [
        JsonFormat("caddy_json", _caddy),
        JsonFormat("traefik_json", _traefik),
        JsonFormat("nginx_json", _nginx),
    ]


def _caddy(line: str, record: dict[str, Any]) -> LogHit | BadReason | None:
    """Caddy 2; lines of its other loggers hold no request and are passed over."""
    request = record.get("request")
    if not isinstance(request, dict):
        return None if isinstance(record.get("logger"), str) else "line_unparsable"
    at = _time(record.get("ts"))
    if at is None:
        return "line_bad_time"
    path, host = target_parts(_text(request, "uri"))
    return LogHit(
        line=line,
        at=at,
        client=_text(request, "client_ip", "remote_ip") or _text(request, "remote_addr").rpartition(":")[0],
        method=_text(request, "method"),
        path=path,
        status=number(_text(record, "status")),
        bytes=number(_text(record, "size")),
        referrer=_header(request, "referer"),
        user_agent=_header(request, "user-agent"),
        host=host or host_name(_text(request, "host")),
        user=_text(record, "user_id"),
        duration_ms=milliseconds(_text(record, "duration"), 1000),
    )


def _traefik(line: str, record: dict[str, Any]) -> LogHit | BadReason | None:
    if "RequestPath" not in record:
        return "line_unparsable"
    at = _time(record.get("StartUTC") or record.get("StartLocal") or record.get("time"))
    if at is None:
        return "line_bad_time"
    path, host = target_parts(_text(record, "RequestPath"))
    return LogHit(
        line=line,
        at=at,
        client=_text(record, "ClientHost") or _text(record, "ClientAddr").rpartition(":")[0],
        method=_text(record, "RequestMethod"),
        path=path,
        status=number(_text(record, "DownstreamStatus", "OriginStatus")),
        bytes=number(_text(record, "DownstreamContentSize")),
        referrer=_text(record, "request_Referer"),
        user_agent=_text(record, "request_User-Agent"),
        host=host or host_name(_text(record, "RequestHost", "RequestAddr")),
        user=_text(record, "ClientUsername"),
        duration_ms=milliseconds(_text(record, "Duration"), 1e-6),
    )


def _nginx(line: str, record: dict[str, Any]) -> LogHit | BadReason | None:
    """nginx has no JSON of its own: the names are those of its variables, and the short ones many recipes use."""
    request = record.get("request")
    if isinstance(request, str):
        method, path, host = request_parts(request)
    elif target := _text(record, "request_uri", "path", "uri", "url"):
        path, host = target_parts(target)
        query = _text(record, "args", "query_string")
        path = f"{path}?{query}" if query and "?" not in path else path
        method = _text(record, "request_method", "method") or "GET"
    else:
        return "line_unparsable"
    at = _time(_value(record, "time_iso8601", "date", "timestamp", "@timestamp", "msec", "time_local", "time"))
    if at is None:
        return "line_bad_time"
    seconds = _text(record, "request_time")
    return LogHit(
        line=line,
        at=at,
        client=_text(record, "remote_addr", "ip", "client_ip", "client", "remote_ip"),
        method=method,
        path=path,
        status=number(_text(record, "status")),
        bytes=number(_text(record, "body_bytes_sent", "bytes_sent", "length", "bytes", "size")),
        referrer=_text(record, "http_referer", "http_referrer", "referrer", "referer"),
        user_agent=_text(record, "http_user_agent", "user_agent", "agent"),
        host=host or host_name(_text(record, "host", "http_host", "server_name", "vhost")),
        user=_text(record, "remote_user", "user"),
        duration_ms=milliseconds(seconds or _text(record, "generation_time_milli"), 1000 if seconds else 1),
    )


def _value(record: dict[str, Any], *names: str) -> object:
    return next((record[name] for name in names if record.get(name)), None)


def _text(record: dict[str, Any], *names: str) -> str:
    """The first of *names* that says something, as text."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value not in ("", "-"):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return repr(value) if abs(value) < 1e15 else ""
    return ""


def _header(request: dict[str, Any], name: str) -> str:
    headers = request.get("headers")
    for key, values in headers.items() if isinstance(headers, dict) else ():
        if key.lower() == name and isinstance(values, list) and values and isinstance(values[0], str):
            return values[0]
    return ""


def _time(value: object) -> int | None:
    if not isinstance(value, str):
        return epoch_time(value)
    return iso_time(value) or apache_time(value) or epoch_time(value)
