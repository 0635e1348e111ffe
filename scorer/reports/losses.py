"""Why the leads were lost that were lost in the period."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from scorer.core.labels import Language
from scorer.core.lost_reasons import Lost, losses
from scorer.models import outcomes
from scorer.outlets.report_shapes import LossesReport
from scorer.reports.asking import Asked, leads_with_outcomes, read_fates
from tracker import bulk

LOSSES_AT_MOST: Final = 20_000


def read_losses(connection: Connection, asked: Asked, language: Language) -> LossesReport:
    """Return why the leads were lost whose last loss lies in the period, and that are lost still.

    Reads the outcomes of the period off their index, and those of the leads lost, 20,000 at most. No events.
    """
    ids, complete = leads_with_outcomes(connection, asked, ("lost",), LOSSES_AT_MOST)
    lost = sorted(lead for lead, told in read_fates(connection, ids).items() if told.result == "lost")
    latest: dict[str, Any] = {}
    columns = ("lead_id", "at", "message_id", "reason", "value", "currency")
    for lead, at, message_id, *told in bulk.select_where_in(connection, outcomes, columns, "lead_id", lost, "kind = 'lost'"):
        said = (at, bytes(message_id), Lost(*told))
        if lead not in latest or said[:2] > latest[lead][:2]:
            latest[lead] = said
    inside = [one for at, _, one in latest.values() if asked.period.start_ms <= at < asked.period.end_ms]
    return LossesReport(losses(inside, asked.site.settings.lost_reasons, language), complete)
