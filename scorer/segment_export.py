"""A segment's leads as a table, for spreadsheets and mail programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection

from scorer.core.labels import Label
from scorer.core.phrases import MINUTE_MS
from scorer.core.segment import FIELDS, Segment
from scorer.deal_values import Valuation, valuation
from scorer.hot_list import Place
from scorer.lead_views import POINT_DIGITS
from scorer.models import lead_scores, leads
from scorer.outlets.shapes import time_text
from scorer.scorecards import StoredCard
from scorer.segments import members_query

_EXPORTED_AT_ONCE: Final = 1000

_PLAIN: Final = ("kind", "name", "email", "title", "role", "company", "company_domain", "industry", "employees", "country")
EXPORTED: Final[dict[str, Label]] = {
    "id": Label("Lead", "线索编号"),
    **{name: FIELDS[name].label for name in _PLAIN[:4]},
    "phone": Label("Phone", "电话"),
    **{name: FIELDS[name].label for name in _PLAIN[4:]},
    **{name: FIELDS[name].label for name in ("region", "channel", "status", "owner", "exclusion")},
    **{name: FIELDS[name].label for name in ("score", "points", "priority", "tier", "grade", "stage")},
    "topics": Label("Interests", "关注主题"),
    "expected_value": Label("Expected value", "预期价值"),
    "if_won": Label("Value if won", "成交价值"),
    "currency": Label("Currency", "币种"),
    **{name: FIELDS[name].label for name in ("visits", "page_views", "downloads", "engaged_minutes", "visitors")},
    "first_seen": Label("First seen", "首次出现"),
    "last_seen": Label("Last seen", "最近出现"),
    "url": Label("Link", "链接"),
}
"""The columns of an exported segment and their headings."""


def export(
    connection: Connection, stored: StoredCard, where: Segment, now_ms: int, base_url: str
) -> Iterator[tuple[str | float | None, ...]]:
    """Yield the leads of a segment in their ranking, as rows of ``EXPORTED``. The transaction must see one moment."""
    after: Place | None = None
    values = valuation(connection, stored.site_id, stored.id)
    while True:
        query = members_query(stored, where, after, _EXPORTED_AT_ONCE, now_ms, _EXPORT_COLUMNS)
        rows = list(connection.execute(query))
        yield from (_cells(stored, row, values, now_ms, base_url) for row in rows)
        if len(rows) < _EXPORTED_AT_ONCE:
            return
        after = Place(rows[-1].priority, rows[-1].id)


_EXPORT_COLUMNS: Final = (
    *(leads.c[name] for name in ("id", "kind", "name", "email", "title", "phone", "role", "company_name", "company_domain")),
    *(leads.c[name] for name in ("industry", "employees", "country", "region", "channel", "status", "owner", "exclusion")),
    *(lead_scores.c[name] for name in ("heat", "priority", "hot_since", "grade", "stage", "topics")),
    *(lead_scores.c[name] for name in ("visits", "page_views", "downloads", "engaged_ms")),
    *(leads.c.visitors, leads.c.first_at, lead_scores.c.last_at),
)


def _cells(stored: StoredCard, row: Any, values: Valuation, now_ms: int, base_url: str) -> tuple[str | float | None, ...]:
    card, told = stored.card, row._asdict()
    worth = values.of(row, card, now_ms)
    told |= {
        "company": row.company_name,
        "score": round(card.score(row.heat, now_ms), 1),
        "points": round(card.points(row.heat, now_ms), POINT_DIGITS),
        "priority": round(card.points(row.priority, now_ms), POINT_DIGITS),
        "tier": card.tier(row.heat, row.hot_since, now_ms),
        "topics": row.topics.strip(),
        "expected_value": worth.amount if worth else None,
        "if_won": worth.if_won if worth else None,
        "currency": worth.currency if worth else None,
        "engaged_minutes": round(row.engaged_ms / MINUTE_MS, 1),
        "first_seen": time_text(row.first_at),
        "last_seen": time_text(row.last_at),
        "url": f"{base_url}/leads/{row.id}",
    }
    return tuple(told[name] for name in EXPORTED)
