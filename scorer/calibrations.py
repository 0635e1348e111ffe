"""The chance of a win that a card's points stand for, as stored: by the latest outcomes, and as it was first told."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from scorer.core.learned import Calibration
from scorer.learning_models import calibrations


class _Kept(msgspec.Struct, frozen=True):
    latest: Calibration
    promised: Calibration


def keep(connection: Connection, scorecard_id: int, calibration: Calibration) -> None:
    """Keep how sure a card's points make of a win, in the place of what was kept before. The promise stays the first."""
    before = _read(connection, scorecard_id)
    _write(connection, scorecard_id, _Kept(calibration, before.promised if before else calibration))


def calibration_of(connection: Connection, scorecard_id: int) -> Calibration | None:
    """Return the latest calibration of a card; ``None`` where too little is known for any."""
    kept = _read(connection, scorecard_id)
    return kept.latest if kept else None


def promise_of(connection: Connection, scorecard_id: int) -> Calibration | None:
    """Return what the card was first said to tell, by which it is judged whether it still does; ``None`` as above."""
    kept = _read(connection, scorecard_id)
    return kept.promised if kept else None


def promise_anew(connection: Connection, scorecard_id: int) -> None:
    """Take the latest calibration for the promise: somebody has seen that it isn't what it was."""
    kept = _read(connection, scorecard_id)
    if kept is not None:
        _write(connection, scorecard_id, _Kept(kept.latest, kept.latest))


def _read(connection: Connection, scorecard_id: int) -> _Kept | None:
    body = connection.execute(select(calibrations.c.body).where(calibrations.c.scorecard_id == scorecard_id)).scalar()
    return msgspec.json.decode(body, type=_Kept) if body is not None else None


def _write(connection: Connection, scorecard_id: int, kept: _Kept) -> None:
    connection.execute(delete(calibrations).where(calibrations.c.scorecard_id == scorecard_id))
    values = {"scorecard_id": scorecard_id, "made_at": kept.latest.made_at, "body": msgspec.json.encode(kept).decode()}
    connection.execute(insert(calibrations).values(values))
