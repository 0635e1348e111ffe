"""What became of the links in mails to a lead: every click on them, and whether a person was behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from scorer.core.labels import Language
from scorer.core.mail_clicks import Click, Reading, why
from scorer.memberships import branch_of
from tracker import bulk
from tracker.core.events import MAIL_LINK_CLICKED, PAGE_ENGAGED, Event
from tracker.core.mail_links import MailClick, followed_click
from tracker.mail_clicks import CLICKER
from tracker.models import events, visitors


class ToldClick(msgspec.Struct, frozen=True):
    """A click, judged."""

    visitor_id: int
    """The visitor under whom the clicks of this addressee are kept."""
    at: int
    url: str
    confirmed: bool
    why: str
    """The reason for that, in words."""
    click: MailClick
    method: str
    agent: str


def clicks_of(
    connection: Connection, site_id: int, lead_id: str, history: Iterable[Event], language: Language
) -> list[ToldClick]:
    """Return the clicks on links in mails to a lead, and to those merged into it, in the order in which they came.

    *history* are all events of the lead's visitors.
    """
    keys = {CLICKER + name for name in branch_of(connection, lead_id)}
    found = bulk.select_where_in(connection, visitors, ("id",), "key", keys, f"site_id = {site_id}")
    ids = [row[0] for row in found]
    if not ids:
        return []
    columns = ("visitor_id", "at", "url", "label", "properties")
    rows = bulk.select_where_in(connection, events, columns, "visitor_id", ids, f"name = '{MAIL_LINK_CLICKED}'")
    readings = _readings(list(history))
    told = [one for row in rows if (one := _judged(row, readings, language)) is not None]
    return sorted(told, key=lambda one: (one.at, one.click.link_id, one.method))


def _judged(row: Sequence[object], readings: dict[MailClick, Reading], language: Language) -> ToldClick | None:
    visitor_id, at, url, label, packed = row
    properties = msgspec.json.decode(packed) if isinstance(packed, str) else {}
    click = followed_click(properties)
    # Senders may use the name of the event, and even the visitor's key; the property is ours alone.
    if click is None or not (isinstance(visitor_id, int) and isinstance(at, int) and isinstance(url, str)):
        return None
    method, agent = str(properties.get("method", "")), str(properties.get("agent", ""))
    judged = Click(method, label if isinstance(label, str) else "", readings.get(click))
    return ToldClick(visitor_id, at, url, judged.confirmed, why(judged, language), click, method, agent)


def _readings(history: Sequence[Event]) -> dict[MailClick, Reading]:
    """Return how long the pages were read that clicks have led to."""
    engaged: dict[str, int] = {}
    for event in history:
        if event.kind == "track" and event.name == PAGE_ENGAGED and event.view_id:
            engaged[event.view_id] = max(event.engaged_ms, engaged.get(event.view_id, 0))
    readings: dict[MailClick, Reading] = {}
    for event in history:
        click = followed_click(event.properties) if event.kind == "page" else None
        if click is not None:
            before = readings.get(click, Reading(0))
            readings[click] = Reading(max(before.engaged_ms, engaged.get(event.view_id, 0)))
    return readings
