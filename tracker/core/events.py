"""The records of what visitors do: an event as it is kept, and a fact as the visit fold hands it on."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

EventKind = Literal["page", "track", "identify", "group", "alias"]

PAGE_ENGAGED = "Page Engaged"
FILE_DOWNLOADED = "File Downloaded"
LINK_CLICKED = "Link Clicked"
FORM_SUBMITTED = "Form Submitted"
LEAD_CREATED = "Lead Created"
"""A CRM's or an import's word of how somebody became known: properties ``source`` or ``channel``."""
MAIL_LINK_CLICKED = "Email Link Clicked"
"""Told by the collector of each request for a link in a mail, by a person or a mail scanner. See ``tracker.mail_clicks``."""
CONSENT_WITHDRAWN = "Consent Withdrawn"
"""The last word of a visitor who takes back a consent. It is kept, and counts for nothing: no visit, no points."""
CONSENT_GIVEN = "Consent Given"
"""Told by a page when its visitor agrees: properties ``version`` (of the text), ``source``, ``purpose``. Counts
for nothing, too."""
CONSENT_EVENTS: Final = frozenset((CONSENT_GIVEN, CONSENT_WITHDRAWN))
TRACKING = "tracking"
"""The purpose of a consent that names none: that visits are measured."""
SCORING_EVENTS: Final = {"scoring objected": True, "scoring allowed": False}
"""Names of ``track`` events (whatever their case) by which a site's server tells that somebody objects to being scored, and
does no longer."""


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One admitted event of one visitor, as it waits in the queue and stands in the ledger.

    ``(at, message_id)`` orders the events of a visitor; ``message_id`` alone tells two of them apart.
    Texts are empty, never ``None``, where the sender gave nothing.
    """

    message_id: bytes
    """16 bytes: a digest of the sender's ``messageId`` (or of the whole event where it gave none)."""
    at: int
    """When it happened: milliseconds since 1970 UTC, corrected for the sender's clock."""
    kind: EventKind
    name: str = ""
    """Name of a ``track`` event."""
    url: str = ""
    title: str = ""
    referrer: str = ""
    view_id: str = ""
    """Joins the engaged time and the downloads of one page view to it."""
    engaged_ms: int = 0
    """"Page Engaged" only: engaged time of the view so far (cumulative)."""
    scroll_percent: int = 0
    properties: dict[str, Any] | None = None
    """What else was sent: properties of a page or track, traits of an identify or group. ``None`` when nothing was."""
    context: dict[str, Any] | None = None
    """What is kept of the sender's context: campaign, locale, time zone, location; and ``received_at`` (ms) where the
    public key told it late. ``None`` when there is nothing of it."""
    user_id: str = ""
    """The sender's own id of the person, where it gave one."""
    agent: str = ""
    """Reading of the user agent: ``device|browser|system``, empty when there was none."""

    @property
    def order(self) -> tuple[int, bytes]:
        """Place of the event in its visitor's history."""
        return (self.at, self.message_id)


FactKind = Literal["visit", "page", "engaged", "track", "identify", "group", "mail_click"]


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One thing a visitor did, placed in its visit: what the visit fold tells the score.

    ``visit``: a visit began. ``page``: a page was viewed. ``engaged``: the visit's engaged time grew. ``track``: a named
    event other than "Page Engaged". ``identify``, ``group``: the visitor said who or whose it is.
    ``mail_click``: a page that a link in a mail had led to was read for long enough; told once for each link.
    """

    kind: FactKind
    at: int
    """Milliseconds since 1970 UTC; never falls from one fact to the next."""
    day: int
    """Proleptic ordinal of the date of ``at`` in the site's time zone."""
    visit: int
    """Number of the visit it belongs to, from 1. An ``engaged`` fact may speak of an earlier visit than the last. What
    happened away from the site is of no visit: 0."""
    event: Event | None = None
    """The event behind it; ``None`` for ``visit``. Of a ``mail_click`` the page view, as far as it matters for the score."""
    silence_ms: int = -1
    """``visit`` only: time since the visitor's last activity; -1 for the first visit."""
    engaged_ms: int = 0
    """``engaged`` only: engaged time of the whole visit so far; larger than any told before for that visit."""
    late_day: int = 0
    """Date of receipt, in the form of ``day``, of what a browser told over an hour late; 0 for anything else."""
