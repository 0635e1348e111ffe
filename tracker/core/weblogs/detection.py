"""Which format a log is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tracker.core.weblogs.fields_format import FieldsFormat
from tracker.core.weblogs.json_formats import json_formats
from tracker.core.weblogs.line_formats import line_formats
from tracker.core.weblogs.records import Format, LogHit, UnknownLogFormat

_LOOK_AT = 100
"""Lines with something to read that decide the format."""

_FORMATS: list[Format] = [*line_formats(), *json_formats()]
_STATELESS = {format.name: format for format in _FORMATS}

FORMATS = ("w3c", *_STATELESS)
"""Names of the supported formats."""

_ALSO_CALLED = {
    "ncsa_extended": "combined",
    "nginx": "combined",
    "apache": "combined",
    "combined_vhost": "common_complete",
    "vhost_combined": "common_complete",
    "iis": "w3c",
    "cloudfront": "w3c",
    "netscaler": "w3c",
    "incapsula": "w3c",
    "shoutcast": "w3c",
}


def format_named(name: str) -> Format:
    """Return a reader, to be used for one file, of the format called *name*. Raises ``UnknownLogFormat``."""
    name = _ALSO_CALLED.get(name, name)
    if name == "w3c":
        return FieldsFormat()
    try:
        return _STATELESS[name]
    except KeyError:
        formats = supported()
        raise UnknownLogFormat(
            f"{name!r} is not a log format; supported are: {formats}", f"{name!r} 不是日志格式；支持的格式：{formats}"
        ) from None


def detect(lines: Iterable[str]) -> Format:
    """Return a fresh reader of the format that fits most of the first hundred *lines*.

    Where two fit as many, the more particular one wins. Raises ``UnknownLogFormat`` where none fits any line.
    """
    sample = _sample(lines)
    best, most = "", 0
    for name in FORMATS:
        hits = _hits(format_named(name).parse, sample)
        if hits > most:
            best, most = name, hits
    if not best:
        formats = supported()
        raise UnknownLogFormat(
            f"none of the first {len(sample)} lines fits a supported format: {formats}",
            f"前 {len(sample)} 行不符合任何支持的格式：{formats}",
        )
    return format_named(best)


def supported() -> str:
    """Return the supported formats and their other names as one line."""
    return ", ".join([*FORMATS, *(f"{also} (= {name})" for also, name in _ALSO_CALLED.items())])


def _sample(lines: Iterable[str]) -> list[str]:
    sample: list[str] = []
    telling = 0
    for line in lines:
        sample.append(line)
        telling += bool(line) and not line.isspace() and not line.startswith("#")
        if telling == _LOOK_AT or len(sample) == 10 * _LOOK_AT:
            break
    return sample


def _hits(parse: Callable[[str], object], sample: list[str]) -> int:
    return sum(isinstance(parse(line), LogHit) for line in sample)
