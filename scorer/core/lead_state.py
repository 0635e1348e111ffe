"""When to tell the salespeople: a lead became hot, rose, cooled, or said who it is. Nothing is announced twice."""

from __future__ import annotations

from typing import Literal

import msgspec

from scorer.core.rules import Card

ChangeKind = Literal["identified", "entered", "rose", "left"]

ROSE_BY = 10.0
"""Score above the last announced one from which a hot lead is news again."""


class LeadSnapshot(msgspec.Struct, frozen=True):
    """What announcements depend on: where the lead stands, and what was last said about it."""

    heat: float = 0.0
    hot_since: int | None = None
    """As the totals have it; ``None`` when not in a hot spell."""
    identified: bool = False
    """Name or e-mail known."""
    hot: bool = False
    """As last announced."""
    announced_score: float = 0.0
    """Score when it last entered or rose; 0 when it isn't hot."""


class LeadChange(msgspec.Struct, frozen=True):
    """One announcement, with the lead's score at the time it is made."""

    kind: ChangeKind
    at: int
    score: float


def changes(card: Card, before: LeadSnapshot | None, after: LeadSnapshot, now_ms: int) -> list[LeadChange]:
    """What has to be announced at ``now_ms``, in the order in which it should be read.

    Also to be called when nothing happened but time passed: then ``after`` is ``before``, and it may have ``left``.

    Parameters
    ----------
    card
        The card on whose scale ``after.heat`` is.
    before
        The snapshot last stored; ``None`` for a lead not seen before. Only what it announced and whether it was
        identified counts, so it may come from another card.
    after
        Heat, hot spell and identity as they are now; its ``hot`` and ``announced_score`` are ignored.

    Returns
    -------
    list of LeadChange
        At most ``identified`` and one of ``entered``, ``rose`` and ``left``; empty for no news. Store
        ``announced(after, …)`` together with them.

    Examples
    --------
    >>> from scorer.core.labels import Label
    >>> from scorer.core.scorecard import Hot, Scorecard
    >>> card = Card(Scorecard(1, Label("Tiny"), p50=40, hot=Hot(60), warm=20, rules=[]), landmark_ms=0)
    >>> changes(card, None, LeadSnapshot(heat=80.0, hot_since=0), now_ms=0)
    [LeadChange(kind='entered', at=0, score=75.0)]
    """
    was = before or LeadSnapshot()
    score = card.score(after.heat, now_ms)
    hot = card.tier(after.heat, after.hot_since, now_ms) == "hot"
    kinds: list[ChangeKind] = []
    if after.identified and not was.identified:
        kinds.append("identified")
    if hot and not was.hot:
        kinds.append("entered")
    elif was.hot and not hot:
        kinds.append("left")
    elif hot and score >= was.announced_score + ROSE_BY:
        kinds.append("rose")
    return [LeadChange(kind, now_ms, score) for kind in kinds]


def announced(before: LeadSnapshot | None, after: LeadSnapshot, made: list[LeadChange]) -> LeadSnapshot:
    """The snapshot to store once the changes are made: ``after``, with what was last said about the lead."""
    was = before or LeadSnapshot()
    hot, score = was.hot, was.announced_score
    for change in made:
        if change.kind in ("entered", "rose"):
            hot, score = True, change.score
        elif change.kind == "left":
            hot, score = False, 0.0
    return msgspec.structs.replace(after, hot=hot, announced_score=score)
