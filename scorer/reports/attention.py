"""What was read in the period, and whether those who bought later had read it more often than others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from scorer.core.attention import Reader, Reading, TopicAttention, attention
from scorer.core.fates import OPEN, Fate
from scorer.core.interests import topic_label
from scorer.core.labels import Language
from scorer.core.rules import Card
from scorer.lead_views import SCORED_LEADS
from scorer.memberships import members
from scorer.models import lead_scores
from scorer.outlets.report_shapes import AttentionReport
from scorer.reports.asking import Asked, counting, leads_with_outcomes, read_fates
from tracker.core.events import FILE_DOWNLOADED, PAGE_ENGAGED
from tracker.models import events

LEADS_AT_MOST: Final = 2000
WINNERS_AT_MOST: Final = 1000
EVENTS_AT_MOST: Final = 200_000
AT_ONCE: Final = 200
LISTED: Final = 50


def read_attention(connection: Connection, asked: Asked, language: Language) -> AttentionReport:
    """Return what leads read in the period. Of a lead that was won, what it read before that.

    The events of at most 2,000 leads are read, and of as many of them as have 200,000 events together; besides, the leads
    active since then are counted in a pass over the site's scores.
    """
    active = (counting(asked), lead_scores.c.last_at >= asked.period.start_ms)
    query = select(lead_scores.c.lead_id).select_from(SCORED_LEADS).where(*active)
    whole = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    winners, _ = leads_with_outcomes(connection, _until_now(asked), ("won",), WINNERS_AT_MOST)
    # Ids are hashes: the first of them are a fair sample, and the primary key has them in this order.
    sample = list(connection.execute(query.order_by(lead_scores.c.lead_id).limit(LEADS_AT_MOST)).scalars())
    ids = list(dict.fromkeys([*winners, *sample]))[:LEADS_AT_MOST]
    readers = _Readers(connection, asked, read_fates(connection, ids))
    found = attention(readers.read(ids), LISTED)
    return AttentionReport(
        winners=found.winners,
        others=found.others,
        leads=whole,
        complete=whole <= len(ids) and not readers.cut_off,
        topics=[TopicAttention(topic, topic_label(asked.stored.card, topic, language), one) for topic, one in found.topics],
        pages=found.pages,
        documents=found.documents,
    )


def _until_now(asked: Asked) -> Asked:
    """The same question, of a period that goes on until now: whoever read in it may have been won after it."""
    end_ms = max(asked.period.end_ms, asked.now_ms + 1)
    return msgspec.structs.replace(asked, period=msgspec.structs.replace(asked.period, end_ms=end_ms))


class _Readers:
    """Reads what leads have read, some at a time, until it has been enough."""

    def __init__(self, connection: Connection, asked: Asked, fates: dict[str, Fate]) -> None:
        self.connection = connection
        self.asked = asked
        self.fates = fates
        self.cut_off = False
        self._events = 0

    def read(self, lead_ids: list[str]) -> Iterator[Reader]:
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
                told = self.fates.get(lead, OPEN)
                mine = (rows.get(number, []) for number in visitors_of.get(lead, []))
                readings = [one for some in mine for one in readings_of(self.asked.stored.card, some, told.won_at)]
                yield Reader(told.result == "won", readings)

    def _rows(self, visitor_ids: list[int]) -> Iterable[Any]:
        names = ("visitor_id", "at", "kind", "name", "url", "title", "view_id", "engaged_ms", "properties")
        query = select(*(events.c[name] for name in names)).where(
            events.c.visitor_id.in_(visitor_ids),
            events.c.at >= self.asked.period.start_ms,
            events.c.at < self.asked.period.end_ms,
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
        address = row.url.partition("#")[0].partition("?")[0]
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
