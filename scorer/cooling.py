"""Tell sales of leads that have cooled. Time changes no stored number: the leads to tell of are an index range."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select, update

from scorer.announcing import Change, announce
from scorer.models import lead_scores
from scorer.scorecards import current_cards

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
            select(lead_scores.c.lead_id, lead_scores.c.heat)
            .where(
                lead_scores.c.scorecard_id == stored.id,
                lead_scores.c.hot_since.is_not(None),
                lead_scores.c.heat < faded,
            )
            .order_by(lead_scores.c.heat)
            .limit(COOLED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = connection.execute(cooled).all()
        if rows:
            mine = lead_scores.c.lead_id.in_([row.lead_id for row in rows])
            gone = update(lead_scores).where(lead_scores.c.scorecard_id == stored.id, mine)
            values = {"hot_since": None, "announced_score": None, "revision": lead_scores.c.revision + 1}
            connection.execute(gone.values(values))
        for row in rows:
            detail = {"score": round(card.score(row.heat, now_ms), 1), "cooled_at": card.cools_at(row.heat)}
            news.append(Change(site_id, row.lead_id, "left", now_ms, detail))
    announce(connection, news)
    return len(news)
