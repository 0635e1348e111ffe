"""What webhooks, alerts and digests have in common: a segment, a language, a time zone. Each refuses by its own error."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from scorer.core.labels import Language
from scorer.labelled import FieldError
from scorer.segments import find_segment


def checked_segment(connection: Connection, site_id: int, segment: str, refuse: type[FieldError]) -> str:
    """Return the name of a site's segment; empty for an empty one."""
    if not segment:
        return ""
    found = find_segment(connection, site_id, segment) if "\0" not in segment else None
    if found is None:
        raise refuse("segment", f"There is no segment {segment[:100]!r}.", f"没有名为 {segment[:100]!r} 的分组。")
    return found.name


def checked_language(text: str, refuse: type[FieldError]) -> Language:
    """Return the language that *text* names."""
    if text == "en":
        return "en"
    if text == "zh":
        return "zh"
    raise refuse(
        "language", f"The language must be en or zh, not {text[:20]!r}.", f"语言应为 en 或 zh，而不是 {text[:20]!r}。"
    )


def checked_zone(text: str, refuse: type[FieldError]) -> ZoneInfo:
    """Return the time zone that *text* names."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise refuse("time_zone", f"There is no time zone {text[:60]!r}.", f"没有名为 {text[:60]!r} 的时区。") from None
