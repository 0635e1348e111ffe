"""Alerts as the sales API answers them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from scorer.core.labels import Language
from scorer.outlets.shapes import Time

ALERT_ID_PATTERN: Final = "^al_[0-9a-f]{16}$"


class Alert(msgspec.Struct, frozen=True):
    """Somebody who gets a mail when a lead becomes hot."""

    id: str
    email: str
    segment: Annotated[str | None, Meta(description="Name of the segment whose leads it tells of; null: all leads.")]
    language: Language
    time_zone: str
    quiet: Annotated[str | None, Meta(description="Hours of the day without mails, like 19:00-08:00; null: none.")]
    max_per_day: Annotated[int, Meta(ge=1, le=100, description="Mails a local day.")]
    created_at: Time
    unsubscribed_at: Annotated[Time | None, Meta(description="Null while mails come.")]


class AlertList(msgspec.Struct, frozen=True):
    """The alerts of a site, by address."""

    data: list[Alert]
    next_cursor: None


class RemovedAlert(msgspec.Struct, frozen=True):
    """An alert that is gone."""

    id: str
