"""Tell sales of leads that have cooled. Time changes no stored number: the leads to tell of are an index range."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from scorer.models import leads
from scorer.scorecards import current_cards
from scorer.scoring import Change, announce

COOLED_AT_ONCE: Final = 1000


def announce_cooled(connection: Connection, now_ms: int) -> int:
    """Write a ``left`` change for each lead that was announced as hot and has faded below; return how many.

    Enqueued by cron every few seconds. Run twice, the second time finds nothing. At most ``COOLED_AT_ONCE`` a site: the
    next tick tells the rest.
    """
    news: list[Change] = []
    for site_id, stored in sorted(current_cards(connection).items()):
        card = stored.card
        faded = card.decay.threshold_heat(card.leave, now_ms)
        cooled = (
            select(leads.c.id, leads.c.heat)
            .where(leads.c.site_id == site_id, leads.c.hot_since.is_not(None), leads.c.heat < faded)
            .order_by(leads.c.heat)
            .limit(COOLED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = connection.execute(cooled).all()
        if rows:
            gone = update(leads).where(leads.c.id.in_([row.id for row in rows]))
            connection.execute(gone.values(hot_since=None, announced_score=None, version=leads.c.version + 1))
        for row in rows:
            detail = {"score": round(card.score(row.heat, now_ms), 1), "cooled_at": card.cools_at(row.heat)}
            news.append(Change(site_id, row.id, "left", now_ms, detail))
    announce(connection, news)
    return len(news)
