"""The exact sum of a lead's score: its whole history folded again, every contribution written down."""

from __future__ import annotations

from sqlalchemy import Connection, select

from scorer.core.labels import Language, pick
from scorer.core.objecting import OBJECTION
from scorer.core.score import Contribution
from scorer.memberships import members
from scorer.models import leads
from scorer.outlets import shapes
from scorer.outlets.shapes import time_text
from scorer.scorecards import current_cards
from scorer.scoring import refold
from tracker.sites import load_sites


def explain(connection: Connection, lead_id: str, now_ms: int, language: Language = "en") -> shapes.Explanation | None:
    """Return how a lead's score comes about, contributions in the order of time; ``None`` for an unknown or merged lead.

    The decayed points add up to ``points``, and ``heat`` equals the stored one, to 1e-9 of them. Costs a fold of the
    lead's whole history.
    """
    of_root = (leads.c.id == lead_id) & leads.c.merged_into.is_(None)
    row = connection.execute(select(leads.c.site_id, leads.c.exclusion).where(of_root)).one_or_none()
    if row is None:
        return None
    site_id = row.site_id
    site, card = load_sites(connection)[site_id], current_cards(connection)[site_id].card
    trace: list[Contribution] = []
    scored = members(connection, [lead_id]).get(lead_id, []) if row.exclusion != OBJECTION else []
    heat = refold(connection, card, site, scored, trace).heat
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
