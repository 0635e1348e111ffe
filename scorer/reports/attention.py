"""What was read in the period, and whether those who bought later had read it more often than others."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from scorer.core.attention import Reader, TopicAttention, attention
from scorer.core.fates import OPEN
from scorer.core.interests import topic_label
from scorer.core.labels import Language
from scorer.lead_views import SCORED_LEADS
from scorer.models import lead_scores
from scorer.outlets.report_shapes import AttentionReport
from scorer.reports.asking import Asked, counting, leads_with_outcomes, read_fates
from scorer.reports.reading import Readers

LEADS_AT_MOST: Final = 2000
WINNERS_AT_MOST: Final = 1000
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
    fates = read_fates(connection, ids)
    before = {lead: told.won_at for lead, told in fates.items()}
    readers = Readers(connection, asked.stored.card, before, asked.period.start_ms, asked.period.end_ms)
    told = (Reader(fates.get(lead, OPEN).result == "won", readings) for lead, readings in readers.read(ids))
    found = attention(told, LISTED)
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
