"""Which pages and documents the leads decided in the period had read before anybody of sales spoke with them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from scorer.core.content import Decided, content_insight, to_send
from scorer.core.fates import RESULTS
from scorer.outlets.report_shapes import ContentReport
from scorer.reports.asking import Asked, leads_with_outcomes, read_fates
from scorer.reports.reading import Readers

LEADS_AT_MOST: Final = 1000
"""Won ones, and so many lost or junk."""
LISTED: Final = 50
SENT_AT_MOST: Final = 3


def read_content(connection: Connection, asked: Asked) -> ContentReport:
    """Return what goes before wins and what before losses, from leads of which a result was said in the period.

    How a lead ended is the last word on it. It counts what a lead had read, at any time, before the first word of sales
    about it: what comes later may be read because sales have sent it. Reads the outcomes of the period off their index, and
    the events of at most a thousand leads that were won and a thousand others, 200,000 events together.
    """
    won, all_won = leads_with_outcomes(connection, asked, ("won",), LEADS_AT_MOST)
    lost, all_lost = leads_with_outcomes(connection, asked, ("lost", "junk"), LEADS_AT_MOST)
    # Ids are hashes: in their order a part of them is a fair part, of those won and of the others.
    ids = sorted({*won, *lost})
    fates = {lead: told for lead, told in read_fates(connection, ids).items() if told.result in RESULTS}
    before = {lead: told.first_at for lead, told in fates.items()}
    readers = Readers(connection, asked.stored.card, before, 0, asked.now_ms + 1)
    decided = (Decided(fates[lead].result == "won", readings) for lead, readings in readers.read([*before]))
    found = content_insight(decided, LISTED)
    return ContentReport(
        decided=len(fates),
        won=found.won,
        lost=found.lost,
        complete=all_won and all_lost and not readers.cut_off,
        tested=found.tested,
        to_send=to_send(found, SENT_AT_MOST),
        pages=found.pages,
        documents=found.documents,
    )
