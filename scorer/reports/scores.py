"""Whether the score keeps its word: the scores that leads had before their outcome was known, against the outcome."""

from __future__ import annotations

import math
from typing import Final

from sqlalchemy import Connection

from scorer.core.fates import CONTACT, RESULTS
from scorer.core.score import Contribution, fold
from scorer.core.score_bands import Scored, score_bands
from scorer.models import leads
from scorer.outlets.report_shapes import Moment, ScoresReport
from scorer.reports.asking import Asked, lead_rows, leads_with_outcomes, read_fates
from scorer.rescoring import read_histories

LEADS_AT_MOST: Final = 1000
AT_ONCE: Final = 250
"""Leads whose histories are in memory."""

_LEAD_COLUMNS: Final = ("id", *(column.name for column in leads.columns if column.name != "id"))


def read_scores(connection: Connection, asked: Asked, moment: Moment) -> ScoresReport:
    """Return the leads that were contacted or decided in the period, by the score they had at a moment, by the current card.

    That of the contact is the time of the first outcome, ``junk`` included. Folds the history of each lead, 1,000 at most,
    in chunks: about as long as simulating a card on as many.
    """
    kinds = tuple(sorted(CONTACT | RESULTS))
    ids, complete = leads_with_outcomes(connection, asked, kinds, LEADS_AT_MOST)
    fates = read_fates(connection, ids)
    end_ms = min(asked.period.end_ms, asked.now_ms + 1)
    judged = []
    for start in range(0, len(ids), AT_ONCE):
        rows = lead_rows(connection, ids[start : start + AT_ONCE], _LEAD_COLUMNS)
        for lead, history in read_histories(connection, asked.site, rows).items():
            told = fates[lead]
            if told.first_at is None:
                continue  # All was taken back.
            trace: list[Contribution] = []
            fold(asked.stored.card, None, history.streams, trace)
            at = min(told.first_at, end_ms) if moment == "contact" else end_ms
            judged.append(Scored(_score(asked, trace, at), told.result))
    return ScoresReport(len(judged), score_bands(judged), complete)


def _score(asked: Asked, trace: list[Contribution], before_ms: int) -> float:
    """The score right before a moment."""
    card = asked.stored.card
    return card.score(math.fsum(card.decay.heat(one.points, one.at) for one in trace if one.at < before_ms), before_ms)
