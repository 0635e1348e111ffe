"""What an event says of a consent: that a visitor agrees, or doesn't any more, to what, by which text and where."""

from __future__ import annotations

import msgspec

from tracker.core.events import CONSENT_EVENTS, CONSENT_GIVEN, TRACKING, Event

LONGEST_PURPOSE = 60
LONGEST_VERSION = 100
LONGEST_SOURCE = 200


class Declared(msgspec.Struct, frozen=True):
    """A consent given or taken back."""

    purpose: str
    given: bool
    version: str
    """Of the text that was shown; empty where nobody said."""
    source: str
    """Where it was said: a banner, a form, a telephone call."""


def declared_by(event: Event) -> Declared | None:
    """Return the consent that *event* tells of; ``None`` for any other event.

    >>> declared_by(Event(b"", 0, "track", "Consent Given", properties={"version": 3, "source": "banner"}))
    Declared(purpose='tracking', given=True, version='3', source='banner')
    """
    if event.kind != "track" or event.name not in CONSENT_EVENTS:
        return None
    told = event.properties or {}
    return Declared(
        purpose=_text(told.get("purpose"), LONGEST_PURPOSE).lower() or TRACKING,
        given=event.name == CONSENT_GIVEN,
        version=_text(told.get("version"), LONGEST_VERSION),
        source=_text(told.get("source"), LONGEST_SOURCE),
    )


def _text(value: object, limit: int) -> str:
    return str(value).strip()[:limit] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
