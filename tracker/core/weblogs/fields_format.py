"""Logs that name their own columns: W3C extended (IIS, NetScaler, CloudFront, Incapsula, SHOUTcast and others)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tracker.core.weblogs.records import BadReason, LogHit, host_name, milliseconds, number, target_parts, text
from tracker.core.weblogs.times import apache_time, iso_time

_COLUMN = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"(?=\s|\Z)|(\S++)')
_INVISIBLE = str.maketrans("", "", "\ufeff\u200b")

_DATE = ("date", "date-local")
_TIME = ("time", "time-local")
_CLIENT = ("c-ip", "x-forwarded-for")
_METHOD = ("cs-method", "x-event")
_STEM = ("cs-uri-stem", "cs-uri")
_STATUS = ("sc-status", "c-status", "x-cf-status")
_REFERRER = ("cs(referer)", "cs(referrer)", "c-referrer")
_AGENT = ("cs(user-agent)", "c-user-agent")
_HOST = ("x-host-header", "cs-host", "cs(host)")
_USER = ("cs-username", "x-cf-client-id")
_BYTES = ("sc-bytes", "cs-bytes")
_SECONDS_SOFTWARE = ("cloudfront", "shoutcast")
"""Of these the duration is in seconds; IIS and the rest write milliseconds."""


class FieldsFormat:
    """A reader of one W3C extended file: it remembers the columns that the latest ``#Fields:`` line named.

    One instance reads one file, from its first line on.
    """

    def __init__(self) -> None:
        self.name = "w3c"
        self._columns: list[str] = []
        self._date = ""
        self._seconds = False

    def parse(self, line: str) -> LogHit | BadReason | None:
        """See ``Format.parse``; a directive is remembered and gives ``None``."""
        if not line or line.isspace():
            return None
        if line.lstrip("\ufeff ").startswith("#"):
            self._remember(line)
            return None
        if not self._columns:
            return "line_columns_unnamed"
        values = self._split(line)
        if len(values) != len(self._columns):
            return "line_wrong_columns"
        return self._hit(line, dict(zip(self._columns, values, strict=True)))

    def _remember(self, line: str) -> None:
        directive, _, value = line.lstrip("\ufeff #").partition(":")
        value = value.strip()
        match directive.lower():
            case "fields":
                self._columns = value.translate(_INVISIBLE).lower().split()
                self._seconds = self._seconds or "x-edge-location" in self._columns or "x-duration" in self._columns
            case "date" | "start-date":
                self._date = value.split()[0] if value else ""
            case "software":
                self._seconds = any(name in value.lower() for name in _SECONDS_SOFTWARE)

    def _split(self, line: str) -> list[str]:
        if "\t" in line:
            return [value.strip() for value in line.split("\t")]
        if '"' not in line:
            return line.split()
        return [quoted.replace('""', '"') or plain for quoted, plain in _COLUMN.findall(line)]

    def _hit(self, line: str, row: dict[str, str]) -> LogHit | BadReason:
        at = self._time(row)
        if at is None:
            return "line_bad_time"
        path, host = self._target(row)
        status = _first(row, _STATUS)
        return LogHit(
            line=line,
            at=at,
            client=_first(row, _CLIENT).partition(",")[0],
            method=_first(row, _METHOD).upper() if any(name in row for name in _METHOD) else "GET",
            path=path,
            status=200 if status == "OK" else number(status),
            bytes=number(_first(row, _BYTES)),
            referrer=_plain(_first(row, _REFERRER)),
            user_agent=_plain(_first(row, _AGENT)),
            host=host,
            user=_first(row, _USER),
            duration_ms=self._duration(row),
        )

    def _time(self, row: dict[str, str]) -> int | None:
        date, time = _first(row, _DATE) or self._date, _first(row, _TIME)
        if "/" in date:  # Incapsula's directive: 28/Jun/2017
            return apache_time(f"{date}:{time}")
        return iso_time(f"{date} {time}")

    def _target(self, row: dict[str, str]) -> tuple[str, str]:
        """Path with query, and host. A ``cs-uri`` may hold the host, and Incapsula calls it the computer's name."""
        stem, query = _first(row, _STEM).translate(_INVISIBLE), _first(row, ("cs-uri-query",))
        host = host_name(_first(row, _HOST))
        computer = _first(row, ("s-computername",))
        if not host and "." in computer:
            host = host_name(computer)
        if stem and not stem.startswith("/") and "://" not in stem:
            authority, _, path = stem.partition("/")
            stem, host = f"/{path}", host or host_name(authority)
        path, named_host = target_parts(stem)
        if query and path:
            path = f"{path}?{query.removeprefix('?')}"
        return path, named_host or host

    def _duration(self, row: dict[str, str]) -> float | None:
        factor = 1000.0 if self._seconds else 1.0
        for name in ("time-taken", "timetakenms", "x-duration"):
            if name in row:
                return milliseconds(row[name], 1.0 if name == "timetakenms" else factor)
        return None


def _first(row: dict[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if value := text(row.get(name)):
            return value
    return ""


def _plain(value: str) -> str:
    """Undo how spaces were hidden from a space-separated file: ``+`` (IIS), ``%20`` or ``%2520`` (CloudFront)."""
    if " " in value or value.startswith(("http://", "https://")):
        return value
    if "%20" in value or "%25" in value or "%2F" in value:
        return unquote(unquote(value))
    return value.replace("+", " ")
