"""Scorecards that training proposes: kept as numbered cards that nobody is scored by, until a person publishes or refuses
them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from scorer import calibrations
from scorer.auditing import note
from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.learned import Figure, Learned, ProposalState
from scorer.core.scorecard import parse
from scorer.labelled import LabelledError
from scorer.learning_models import trainings
from scorer.models import scorecards
from scorer.publishing import PublishingError, lock_cards, publish_proposed
from scorer.scorecards import StoredCard
from tracker.sites import Site

_UNKNOWN: Final = Label("No proposed scorecard of this number waits for a decision.", "没有待决定的这一编号的评分卡提案。")


class ProposalError(LabelledError):
    """There is no such proposal, or it is decided on already."""


class Shadow(msgspec.Struct, frozen=True):
    """How the current card and a proposal would have ranked the leads of the time since it was proposed."""

    since: int
    """Milliseconds since 1970 UTC."""
    leads: int
    """Leads that were open some time since, at least 14 days ago."""
    wins: int
    """Those of them that were won since then."""
    auc_current: Figure
    auc_proposal: Figure


class Proposal(msgspec.Struct, frozen=True):
    """A card that came of a training."""

    number: int
    created_at: int
    """Milliseconds since 1970 UTC."""
    state: ProposalState
    body: dict[str, Any]
    """As plain data, ready to be published."""
    learned: Learned
    shadow: Shadow | None
    """``None`` until it has been looked after once."""


class Watched(msgspec.Struct, frozen=True):
    """The part of ``trainings.detail`` that tells how a proposal has done since."""

    shadow: Shadow | None = None


def propose(connection: Connection, site: Site, body: dict[str, Any], learned: Learned, actor: str, now_ms: int) -> int:
    """Keep a card as the site's proposal, with its calibration; return its number. A proposal that waits is withdrawn.

    Nobody is scored by it. Raises ``ScorecardError`` for a body that ``scorecard.lint`` finds problems in.
    """
    parse(body)
    rows = lock_cards(connection, site.id)
    withdrawn = [row.number for row in rows if row.proposed]
    waiting = (scorecards.c.site_id == site.id) & scorecards.c.proposed
    connection.execute(update(scorecards).where(waiting).values(proposed=False))
    number = max((row.number for row in rows), default=0) + 1
    values = {
        "site_id": site.id,
        "number": number,
        "body": msgspec.json.encode(body).decode(),
        "landmark_ms": now_ms // DAY_MS * DAY_MS,
        "created_at": now_ms,
        "published_at": None,
        "is_current": False,
        "filling": False,
        "proposed": True,
        "learned": msgspec.json.encode(learned).decode(),
    }
    card_id = connection.execute(insert(scorecards).values(values).returning(scorecards.c.id)).scalar_one()
    if learned.calibration is not None:
        calibrations.keep(connection, card_id, learned.calibration)
    detail = {"base": learned.base, "verdict": learned.verdict, "withdrawn": withdrawn}
    note(connection, site.id, actor, "propose", f"scorecard {number}", "", detail, now_ms)
    return number


def find(connection: Connection, site_id: int, number: int) -> Proposal | None:
    """Return the proposal of this number, whatever has become of it; ``None`` where there is none."""
    return next(iter(_read(connection, site_id, number)), None)


def list_proposals(connection: Connection, site_id: int) -> list[Proposal]:
    """Return all proposals of a site, the latest first."""
    return _read(connection, site_id)


def promote(
    connection: Connection, site: Site, number: int, actor: str, why: str, now_ms: int, enter: float | None = None
) -> StoredCard:
    """Publish a proposal under its number: its scores are made in the background, then it becomes current.

    *enter* as for ``publishing.publish``. Raises as that does, and ``ProposalError`` for a proposal that isn't waiting.
    """
    try:
        return publish_proposed(connection, site, number, actor, why, now_ms, enter)
    except PublishingError as error:
        if error.reason != "scorecard_unknown":
            raise
        raise ProposalError(_UNKNOWN.en, _UNKNOWN.zh) from None


def refuse(connection: Connection, site: Site, number: int, actor: str, why: str, now_ms: int) -> None:
    """Refuse a proposal; it stays readable. Raises ``ProposalError`` for one that isn't waiting, ``PublishingError`` for an
    empty *why*."""
    if not why.strip():
        raise PublishingError("why_missing")
    row = next((row for row in lock_cards(connection, site.id) if row.number == number and row.proposed), None)
    if row is None:
        raise ProposalError(_UNKNOWN.en, _UNKNOWN.zh)
    connection.execute(update(scorecards).where(scorecards.c.id == row.id).values(proposed=False))
    note(connection, site.id, actor, "refuse", f"scorecard {number}", why, {}, now_ms)


def open_proposal(connection: Connection, site_id: int) -> Proposal | None:
    """Return the proposal that waits for a decision; ``None`` where none does."""
    return next((one for one in _read(connection, site_id) if one.state == "proposed"), None)


def _read(connection: Connection, site_id: int, number: int | None = None) -> list[Proposal]:
    wanted = (scorecards.c.site_id == site_id) & scorecards.c.learned.is_not(None)
    if number is not None:
        wanted &= scorecards.c.number == number
    rows = connection.execute(select(scorecards).where(wanted).order_by(scorecards.c.number.desc())).all()
    shadows = _shadows(connection, site_id, [row.id for row in rows])
    return [
        Proposal(
            row.number,
            row.created_at,
            _state(row),
            msgspec.json.decode(row.body),
            msgspec.json.decode(row.learned, type=Learned),
            shadows.get(row.id),
        )
        for row in rows
    ]


def _state(row: Any) -> ProposalState:
    if row.proposed:
        return "proposed"
    return "published" if row.is_current or row.filling or row.published_at is not None else "refused"


def _shadows(connection: Connection, site_id: int, card_ids: list[int]) -> dict[int, Shadow]:
    """The last judgement of each of these cards."""
    query = select(trainings.c.scorecard_id, trainings.c.detail).where(
        trainings.c.site_id == site_id, trainings.c.scorecard_id.in_(card_ids)
    )
    found: dict[int, Shadow] = {}
    for card_id, detail in connection.execute(query.order_by(trainings.c.id)):
        shadow = msgspec.json.decode(detail, type=Watched).shadow
        if shadow is not None:
            found[card_id] = shadow
    return found
