"""The exact sum of a lead's score: its whole history folded again, every contribution written down."""

from __future__ import annotations

from math import fsum

from sqlalchemy import Connection, select

from scorer.core.phrases import pick
from scorer.core.rules import Language
from scorer.core.score import Contribution, fold
from scorer.models import leads, visitor_scores
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scorecards import current_cards
from scorer.scoring import facts_of
from tracker import store
from tracker.sites import load_sites


def explain(connection: Connection, lead_id: str, now_ms: int, language: Language = "en") -> shapes.Explanation | None:
    """Return how a lead's score comes about, contributions in the order of time; ``None`` for an unknown lead.

    The decayed points add up to ``points``, and ``heat`` equals the stored one, to 1e-9 of them. Costs a fold of the
    lead's whole history.
    """
    site_id = connection.execute(select(leads.c.site_id).where(leads.c.id == lead_id)).scalar_one_or_none()
    if site_id is None:
        return None
    site, card = load_sites(connection)[site_id], current_cards(connection)[site_id].card
    of_lead = select(visitor_scores.c.visitor_id).where(visitor_scores.c.lead_id == lead_id)
    histories = store.load_histories(connection, connection.execute(of_lead).scalars())
    trace: list[Contribution] = []
    heats = []
    for history in histories.values():
        contributions: list[Contribution] = []
        heats.append(fold(card, None, facts_of(history, site), contributions).heat)
        trace += contributions
    trace.sort(key=lambda contribution: contribution.at)
    heat = fsum(heats)
    return shapes.Explanation(
        lead=lead_id,
        as_of=time_text(now_ms),
        score=card.score(heat, now_ms),
        points=card.points(heat, now_ms),
        heat=heat,
        contributions=[
            shapes.Contribution(
                rule=one.rule,
                at=time_text(one.at),
                points=one.points,
                decayed_points=card.points(card.decay.heat(one.points, one.at), now_ms),
                text=pick(card.rules[one.rule].label, language),
                detail=one.detail,
            )
            for one in trace
        ],
    )
