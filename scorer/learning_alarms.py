"""Alarms that a published card no longer tells chances, or no longer ranks, as it promised."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from scorer import calibrations, proposals
from scorer.auditing import note
from scorer.core.drift import Drift, Kind, Stood, drifted
from scorer.core.findings import Sign
from scorer.core.labels import Label
from scorer.core.learned import Calibration
from scorer.labelled import LabelledError
from scorer.learning_models import learning_alarms
from scorer.models import scorecards
from scorer.proving import stood_since
from scorer.resources import Resources
from scorer.scorecards import StoredCard, current_cards
from scorer.trainings import latest
from tracker.log import get_logger
from tracker.sites import Site, load_sites

log = get_logger(__name__)


class AlarmError(LabelledError):
    """There is no such alarm that is open."""


class Alarm(msgspec.Struct, frozen=True):
    """An alarm that nobody has put away, and that is still so."""

    id: int
    kind: Kind
    at: int
    """When it was raised: milliseconds since 1970 UTC."""
    told: Label


class _Raised(msgspec.Struct, frozen=True):
    """What is kept of an alarm, as JSON."""

    card: int
    """Number of the card."""
    drift: Drift


_UNKNOWN: Final = Label("There is no open alarm of this number.", "没有这一编号的未清除告警。")


def open_alarms(connection: Connection, site_id: int) -> list[Alarm]:
    """Return a site's alarms that stand, the latest first."""
    return [Alarm(row.id, row.kind, row.at, _told(_read(row.detail))) for row in _open(connection, site_id)]


def clear(connection: Connection, site: Site, alarm_id: int, actor: str, now_ms: int) -> None:
    """Put an alarm away. That of a calibration is judged from now on by what is known now.

    Raises ``AlarmError`` for one that isn't open.
    """
    row = next((row for row in _open(connection, site.id) if row.id == alarm_id), None)
    if row is None:
        raise AlarmError(_UNKNOWN.en, _UNKNOWN.zh)
    _put_away(connection, [alarm_id], now_ms)
    if row.kind == "calibration":
        calibrations.promise_anew(connection, current_cards(connection)[site.id].id)
    note(connection, site.id, actor, "clear alarm", f"alarm {alarm_id}", "", {"kind": row.kind}, now_ms)


def promises(connection: Connection, stored: StoredCard) -> tuple[Calibration | None, float | None, int]:
    """Return what the current card has promised: its chances, its area under the curve at least (``None`` where it has
    promised none), and from which time on it is judged."""
    calibration = calibrations.promise_of(connection, stored.id)
    published_at = connection.execute(select(scorecards.c.published_at).where(scorecards.c.id == stored.id)).scalar_one()
    proposal = proposals.find(connection, stored.site_id, stored.number)
    judgement = proposal.learned.judgement if proposal else None
    mine = (one.auc.low for one in judgement.by_time if one.name == "proposal") if judgement else iter(())
    since = max(published_at or 0, calibration.made_at if calibration else 0)
    return calibration, next(mine, None), since


def look(connection: Connection, site: Site, now_ms: int) -> list[Drift]:
    """Return in what the site's current card no longer keeps its promise. Folds the leads of the time since; writes nothing.

    Each lead counts once, as it stood when it was first looked at since then, when its horizon is over.
    """
    stored = current_cards(connection)[site.id]
    calibration, least_auc, since = promises(connection, stored)
    if calibration is None and least_auc is None:
        return []
    horizon = calibration.horizon_days if calibration else site.settings.learning_horizon_days
    some: list[Stood] = stood_since(connection, site, [stored.card], since, horizon, now_ms)[0]
    return drifted(some, calibration, least_auc)


def settle(connection: Connection, site: Site, drifts: Collection[Drift], now_ms: int) -> None:
    """Raise an alarm for each drift that has none yet, and put those away that are over. Run again it changes nothing."""
    number = current_cards(connection)[site.id].number
    kinds = {one.kind for one in drifts}
    standing = {row.kind for row in _open(connection, site.id) if _read(row.detail).card == number}
    over = [row.id for row in _open(connection, site.id) if row.kind not in kinds or _read(row.detail).card != number]
    _put_away(connection, over, now_ms)
    for one in drifts:
        if one.kind in standing:
            continue
        detail = msgspec.json.encode(_Raised(number, one)).decode()
        values = {"site_id": site.id, "kind": one.kind, "at": now_ms, "cleared_at": None, "detail": detail}
        connection.execute(insert(learning_alarms).values(values))
        log.warning("learning_alarm", site=site.id, scorecard=number, kind=one.kind, leads=one.leads, wins=one.wins)


def alarm_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield a sign for each open alarm, and for learning that has failed, of all sites or of those named."""
    with resources.database.reading() as connection:
        for site_id, site in load_sites(connection).items():
            if site_ids is not None and site_id not in site_ids:
                continue
            for alarm in open_alarms(connection, site_id):
                yield Sign("note", Label(f"{site.name}: {alarm.told.en}", f"{site.name}：{alarm.told.zh}"), _MEND)
            last = latest(connection, site_id)
            if last is not None and last.state == "failed" and last.trouble is not None:
                what = Label(f"{site.name}: the last training failed.", f"{site.name}：最近一次训练失败。")
                yield Sign("note", what, last.trouble)


_MEND: Final = Label(
    "Train anew (warmtrail scorecard train), look at what has changed, and publish another card or put the alarm away.",
    "请重新训练（warmtrail scorecard train），查看变化原因，然后发布新的评分卡或清除告警。",
)


def _open(connection: Connection, site_id: int) -> list[Any]:
    query = select(learning_alarms).where(learning_alarms.c.site_id == site_id, learning_alarms.c.cleared_at.is_(None))
    return list(connection.execute(query.order_by(learning_alarms.c.id.desc())))


def _put_away(connection: Connection, ids: list[int], now_ms: int) -> None:
    connection.execute(update(learning_alarms).where(learning_alarms.c.id.in_(ids)).values(cleared_at=now_ms))


def _read(detail: str) -> _Raised:
    return msgspec.json.decode(detail, type=_Raised)


def _told(raised: _Raised) -> Label:
    one, card = raised.drift, raised.card
    if one.kind == "calibration":
        return Label(
            f"Scorecard {card} told chances that add up to {one.promised:.0f} wins among {one.leads:,} leads; "
            f"there were {one.wins:,}.",
            f"评分卡 {card} 给出的概率合计应在 {one.leads:,} 条线索中成交 {one.promised:.0f} 条，实际成交 {one.wins:,} 条。",
        )
    return Label(
        f"Scorecard {card} ranks worse than its backtest promised: an AUC of {one.found:.2f} at most on {one.leads:,} leads "
        f"({one.wins:,} won), where {one.promised:.2f} was the least to be expected.",
        f"评分卡 {card} 的排序效果低于回测承诺：在 {one.leads:,} 条线索（成交 {one.wins:,} 条）上 "
        f"AUC 至多为 {one.found:.2f}，而回测预期至少为 {one.promised:.2f}。",
    )
