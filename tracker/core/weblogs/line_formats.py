"""The formats in which each line speaks for itself: Apache and nginx and their relatives, load balancers, S3.

Every pattern is anchored, its parts exclude the character that ends them, and repeats are possessive: a hostile line
is refused in the time it takes to read it once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tracker.core.weblogs.records import (
    BadReason,
    LogHit,
    host_name,
    milliseconds,
    number,
    request_parts,
    text,
    unescape,
    without_port,
)
from tracker.core.weblogs.times import apache_time, iso_time

_QUOTED = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_CLIENT = r"(?P<client>[^\s\"\[]++)"
_HOST = r"(?P<host>[^\s\"\[]++)"
_DOTTED_HOST = r"(?P<host>[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*\.[A-Za-z][A-Za-z0-9-]++(?::\d{1,5})?)"
_IDENT_AND_USER = r"(?:-|[^\s\[]++(?= [^\s\[]++ \[)) (?P<user>[^\s\[]++(?: [^\s\[]++){0,4})"
"""A user's name may hold spaces, but only behind an empty identity: else a virtual host in front would fit too."""
_TIME = r"\[(?P<time>[^\]]{17,40})\]"
_REQUEST = rf'"(?P<request>{_QUOTED})"'
_ANSWER = r"(?P<status>\d{3}|-|0{1,3}) (?P<bytes>\d{1,18}|-)"
_SOURCE = rf'"(?P<referrer>{_QUOTED})" "(?P<user_agent>{_QUOTED})"'


class LineFormat:
    """A format whose lines fit one pattern with the names of ``LogHit``'s fields as groups."""

    def __init__(
        self,
        name: str,
        pattern: str,
        *,
        time: Callable[[str], int | None] = apache_time,
        duration_factor: float = 1.0,
        client_has_port: bool = False,
    ) -> None:
        """*duration_factor* turns the log's duration into milliseconds."""
        self.name = name
        self._pattern = re.compile(pattern + r"\s*+\Z", re.ASCII | re.DOTALL)
        self._time = time
        self._duration_factor = duration_factor
        self._client_has_port = client_has_port

    def parse(self, line: str) -> LogHit | BadReason | None:
        """See ``Format.parse``."""
        match = self._pattern.match(line)
        if match is None:
            return None if not line or line.isspace() or line.startswith("#") else "line_unparsable"
        found = match.groupdict()
        request = unescape(found["request"] or "")
        if request == "- - - ":  # what Amazon's balancers write for a plain TCP connection
            return None
        at = self._time(found["time"])
        if at is None:
            return "line_bad_time"
        method, path, host = request_parts(request)
        client = text(found["client"])
        return LogHit(
            line=line,
            at=at,
            client=without_port(client) if self._client_has_port else client,
            method=method,
            path=path,
            status=number(found["status"]),
            bytes=number(found["bytes"]),
            referrer=unescape(text(found.get("referrer"))),
            user_agent=unescape(text(found.get("user_agent"))),
            host=host or host_name(found.get("host")),
            user=text(found.get("user")),
            duration_ms=milliseconds(found.get("duration"), self._duration_factor),
        )


_COMMON = rf"{_CLIENT} {_IDENT_AND_USER} {_TIME} {_REQUEST} {_ANSWER}"
_FULL = rf"{_COMMON} {_SOURCE}"
_BALANCER_TIMES = r"(?:-?[\d.]{1,20} ){3}"
_BALANCER_ANSWER = r"(?P<status>\d{3}|-) (?:\d{1,3}|-) \d{1,18} (?P<bytes>\d{1,18})"


def line_formats() -> list[LineFormat]:
    """Return the formats, the more particular before the more general that would fit the same line."""
    return [
        LineFormat("icecast2", rf"{_FULL} (?P<duration>\d{{1,12}})", duration_factor=1000),
        LineFormat("ovh", rf"{_CLIENT} {_DOTTED_HOST} (?P<user>[^\s\[]++) {_TIME} {_REQUEST} {_ANSWER} {_SOURCE}"),
        LineFormat("combined", rf"{_FULL}(?: .*+)?+"),
        LineFormat("common", _COMMON),
        LineFormat("gandi", _gandi(), duration_factor=1000),
        LineFormat("common_complete", rf"{_HOST} {_FULL}(?: .*+)?+"),
        LineFormat("common_vhost", rf"{_HOST} {_COMMON}"),
        LineFormat("haproxy", _haproxy(), client_has_port=True),
        LineFormat("s3", _s3()),
        LineFormat(
            "elb",
            rf"(?P<time>\S{{20,40}}) \S++ {_CLIENT} \S++ {_BALANCER_TIMES}{_BALANCER_ANSWER} {_REQUEST}"
            rf' "(?P<user_agent>{_QUOTED})"(?: .*+)?+',
            time=iso_time,
            client_has_port=True,
        ),
        LineFormat(
            "alb",
            rf"(?:https?|h2|grpcs|wss?) (?P<time>\S{{20,40}}) \S++ {_CLIENT} \S++ {_BALANCER_TIMES}{_BALANCER_ANSWER}"
            rf' {_REQUEST} "(?P<user_agent>{_QUOTED})"(?: .*+)?+',
            time=iso_time,
            client_has_port=True,
        ),
    ]


def _gandi() -> str:
    return rf"{_HOST} {_CLIENT} {_IDENT_AND_USER} {_TIME} \((?P<duration>[\d.]{{1,12}}) s\) {_REQUEST} {_ANSWER} {_SOURCE}"


def _haproxy() -> str:
    """HAProxy's HTTP log, with or without what syslog puts in front; captured headers have no names: passed over."""
    return (
        rf"(?:[^\[\]]{{1,200}}\[\d{{1,10}}\]: )?+(?P<client>\S++) {_TIME} \S++ \S++ "
        r"(?:[+-]?\d{1,12}/){4}\+?(?P<duration>\d{1,12}) (?P<status>\d{3}|-1) \+?(?P<bytes>\d{1,18}) \S++ \S++ \S{4} "
        rf"(?:\d{{1,9}}/){{4}}\+?\d{{1,9}} \d{{1,9}}/\d{{1,9}} (?:\{{[^}}]*+\}} ){{0,2}}+{_REQUEST}"
    )


def _s3() -> str:
    """Amazon S3: only a bucket served as a website is named like its site."""
    return (
        rf"[0-9a-zA-Z]{{16,128}} (?:(?P<host>[a-z0-9-]++(?:\.[a-z0-9-]++)++)|\S++) {_TIME} {_CLIENT} "
        r"\S++ \S++ \S++ \S++ "
        r'(?:"(?P<request>' + _QUOTED + r')"|-) (?P<status>\d{3}|-) \S++ (?P<bytes>\d{1,18}|-) (?:\d{1,18}|-) '
        rf"(?P<duration>\d{{1,12}}|-) (?:\d{{1,12}}|-) (?:{_SOURCE}|- -|- \"(?P<only_agent>{_QUOTED})\")(?: .*+)?+"
    )
