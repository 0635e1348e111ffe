"""What leads have read, from the events of their browsers: some leads at a time, until it has been enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from scorer.core.attention import Reading
from scorer.core.rules import Card
from scorer.memberships import members
from tracker.core.events import FILE_DOWNLOADED, PAGE_ENGAGED
from tracker.models import events

EVENTS_AT_MOST: Final = 200_000
AT_ONCE: Final = 200


class Readers:
    """Reads what leads have read from *since_ms* until *until_ms*, of each only what came before its time in *before*.

    At most 200,000 events, but of any lead all or none: ``cut_off`` says whether leads were left out for that.
    """

    def __init__(
        self, connection: Connection, card: Card, before: Mapping[str, int | None], since_ms: int, until_ms: int
    ) -> None:
        self.connection = connection
        self.card = card
        self.before = before
        self.since_ms = since_ms
        self.until_ms = until_ms
        self.cut_off = False
        self._events = 0

    def read(self, lead_ids: Sequence[str]) -> Iterator[tuple[str, list[Reading]]]:
        """Yield each lead with what it read."""
        for start in range(0, len(lead_ids), AT_ONCE):
            if self._events >= EVENTS_AT_MOST:
                self.cut_off = True
                return
            part = lead_ids[start : start + AT_ONCE]
            visitors_of = members(self.connection, part)
            rows: dict[int, list[Any]] = {}
            for row in self._rows([number for some in visitors_of.values() for number in some]):
                rows.setdefault(row.visitor_id, []).append(row)
                self._events += 1
            for lead in part:
                mine = (rows.get(number, []) for number in visitors_of.get(lead, []))
                yield lead, [one for some in mine for one in readings_of(self.card, some, self.before.get(lead))]

    def _rows(self, visitor_ids: list[int]) -> Iterable[Any]:
        names = ("visitor_id", "at", "kind", "name", "url", "title", "view_id", "engaged_ms", "properties")
        query = select(*(events.c[name] for name in names)).where(
            events.c.visitor_id.in_(visitor_ids),
            events.c.at >= self.since_ms,
            events.c.at < self.until_ms,
            events.c.label.is_(None),
            (events.c.kind == "page") | events.c.name.in_((FILE_DOWNLOADED, PAGE_ENGAGED)),
        )
        return self.connection.execute(query.order_by(events.c.visitor_id, events.c.at))


def readings_of(card: Card, rows: list[Any], before_ms: int | None) -> Iterator[Reading]:
    """Yield what one browser read, from the rows of its events in the order of time; ``None``: to the last."""
    told = [row for row in rows if before_ms is None or row.at < before_ms]
    engaged: dict[str, int] = {}
    for row in told:
        if row.name == PAGE_ENGAGED and row.view_id:
            engaged[row.view_id] = max(row.engaged_ms, engaged.get(row.view_id, 0))
    for row in told:
        address = plain_address(row.url)
        if row.kind == "page":
            # The time is that of the view: of a page that was told twice with one view, it counts once.
            spent = engaged.pop(row.view_id, 0)
            yield Reading("page", address, row.title, card.match_page(row.url, row.title)[0], spent)
        elif row.name == FILE_DOWNLOADED:
            properties = msgspec.json.decode(row.properties) if row.properties else {}
            name = properties.get("file_name")
            file = name[:200] if isinstance(name, str) else ""
            topic = card.topic_told(properties) or card.match_file(row.url, file, "")[0]
            yield Reading("file", address, file, topic)


def plain_address(url: str) -> str:
    """Return an address without query and fragment.

    >>> plain_address("https://www.halden.example/prices?size=2#top")
    'https://www.halden.example/prices'
    """
    return url.partition("#")[0].partition("?")[0]
