"""Change a site's scorecard: publish a new one, go back to the one before. Both begin here and are finished by
``rescoring``."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from scorer.auditing import note
from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.scorecard import parse
from scorer.labelled import LabelledError
from scorer.models import lead_scores, scorecards
from scorer.scorecards import FIRST_LANDMARK_MS, StoredCard, load_card
from scorer.simulating import proposal
from tracker.sites import Site

PublishingReason = Literal["scorecard_unknown", "nothing_before", "why_missing"]
EXPLANATION: Final[dict[PublishingReason, Label]] = {
    "scorecard_unknown": Label(
        "The site has no scorecard of this number that has been current.", "站点没有曾为当前评分卡的这一编号。"
    ),
    "nothing_before": Label(
        "No other scorecard has been current before this one.", "在此之前没有其他评分卡曾为当前评分卡。"
    ),
    "why_missing": Label("Say why: it is noted beside who did it and when.", "请说明原因：它会与操作人和时间一并记录。"),
}


class PublishingError(LabelledError):
    """What was asked for can't be done; ``reason`` says why."""

    def __init__(self, reason: PublishingReason) -> None:
        super().__init__(EXPLANATION[reason].en, EXPLANATION[reason].zh)
        self.reason = reason


def publish(
    connection: Connection, site: Site, body: object, actor: str, why: str, now_ms: int, enter: float | None = None
) -> StoredCard:
    """Add a card to a site and return it; its scores are made in the background, then it becomes current.

    A card that is still being filled is dropped: the last one published counts. Its landmark is the day on which it is
    published, so that heats stay far from the end of their range.

    Parameters
    ----------
    connection
        In a transaction that is to commit.
    site
        Whose card.
    body
        The card as plain data (what ``json.loads`` gives).
    actor, why
        For the audit log.
    now_ms
        The time of publishing: milliseconds since 1970 UTC.
    enter
        For a card with ``hot.per_week`` the points found by ``simulating.proposal`` before this transaction; ``None``: they
        are looked for in it, which takes as long as folding the leads of the last four weeks. Of other cards it isn't looked
        at.

    Raises
    ------
    ScorecardError
        For a body that ``scorecard.lint`` finds problems in.
    PublishingError
        For an empty *why*.
    """
    _check(why)
    parse(body)
    rows = lock_cards(connection, site.id)
    landmark_ms = now_ms // DAY_MS * DAY_MS if rows else FIRST_LANDMARK_MS
    told = proposal(connection, site, body, now_ms, enter)
    number = max((row.number for row in rows), default=0) + 1
    _drop_filling(connection, site.id)
    values = {
        "site_id": site.id,
        "number": number,
        "body": msgspec.json.encode(told).decode(),
        "landmark_ms": landmark_ms,
        "created_at": now_ms,
        "published_at": None,
        "is_current": False,
        "filling": True,
    }
    card_id = connection.execute(insert(scorecards).values(values).returning(scorecards.c.id)).scalar_one()
    before = next((row.number for row in rows if row.is_current), None)
    note(connection, site.id, actor, "publish", f"scorecard {number}", why, {"before": before}, now_ms)
    return load_card(connection, card_id)


def publish_proposed(
    connection: Connection, site: Site, number: int, actor: str, why: str, now_ms: int, enter: float | None = None
) -> StoredCard:
    """Publish the proposed card of this number as ``publish`` does with a new one; return it.

    It keeps its number. Only now its landmark is set, and its ``hot.enter`` where the card leaves that to be found.

    Raises as ``publish`` does, and ``PublishingError`` where no proposal of this number waits.
    """
    _check(why)
    rows = lock_cards(connection, site.id)
    row = next((row for row in rows if row.number == number and row.proposed), None)
    if row is None:
        raise PublishingError("scorecard_unknown")
    told = proposal(connection, site, msgspec.json.decode(row.body), now_ms, enter)
    _drop_filling(connection, site.id)
    values = {
        "body": msgspec.json.encode(told).decode(),
        "landmark_ms": now_ms // DAY_MS * DAY_MS,
        "proposed": False,
        "filling": True,
    }
    connection.execute(update(scorecards).where(scorecards.c.id == row.id).values(values))
    before = next((one.number for one in rows if one.is_current), None)
    note(connection, site.id, actor, "publish", f"scorecard {number}", why, {"before": before, "proposed": True}, now_ms)
    return load_card(connection, row.id)


def rollback(connection: Connection, site: Site, actor: str, why: str, now_ms: int, number: int | None = None) -> StoredCard:
    """Go back to the card that was current before, or to that of a number; return it.

    It keeps its number and landmark, so that the same events give the same scores as they did, bit for bit. They are made in
    the background like those of a new card. If another card is still being filled, it is dropped, and without *number* that
    is all: the current card was never replaced.

    Raises ``PublishingError`` where there is no such card, and for an empty *why*.
    """
    _check(why)
    rows = lock_cards(connection, site.id)
    current = next(row for row in rows if row.is_current)
    dropped = [row.number for row in rows if row.filling and not row.is_current]
    wanted = current if dropped and number is None else _before(rows, number)
    _drop_filling(connection, site.id)
    if wanted.id != current.id:
        # Scores by it may be left from its time, and nobody has kept them right since.
        connection.execute(delete(lead_scores).where(lead_scores.c.scorecard_id == wanted.id))
        connection.execute(update(scorecards).where(scorecards.c.id == wanted.id).values(filling=True))
    detail = {"before": current.number, "dropped": dropped}
    note(connection, site.id, actor, "rollback", f"scorecard {wanted.number}", why, detail, now_ms)
    return load_card(connection, wanted.id)


def _check(why: str) -> None:
    if not why.strip():
        raise PublishingError("why_missing")


def lock_cards(connection: Connection, site_id: int) -> list[Any]:
    """Return the rows of all cards of a site, kept from others who publish until the transaction ends."""
    query = select(scorecards).where(scorecards.c.site_id == site_id).order_by(scorecards.c.id)
    return list(connection.execute(query.with_for_update()))


def _before(rows: list[Any], number: int | None) -> Any:
    """The card to go back to."""
    past = [row for row in rows if row.published_at is not None and (number is None or row.number == number)]
    past = [row for row in past if number is not None or not row.is_current]
    if not past:
        raise PublishingError("nothing_before" if number is None else "scorecard_unknown")
    return max(past, key=lambda row: (row.published_at, row.number))


def _drop_filling(connection: Connection, site_id: int) -> None:
    others = (scorecards.c.site_id == site_id) & scorecards.c.filling & ~scorecards.c.is_current
    connection.execute(update(scorecards).where(others).values(filling=False))
