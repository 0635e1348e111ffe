"""Old rows go from the ledgers of mails, a bounded number at a time; what waits, and what is younger, stays."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

from scorer import mail_ledgers
from scorer.alerts import add_alert
from scorer.digests import subscribe
from scorer.mail_ledgers import clean_ledgers
from scorer.outlet_models import alert_mails, alerts, digest_mails
from tests.factories import DAY, NOW, World
from tracker.sites import load_sites


def test_what_is_old_goes_and_the_rest_stays(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_ledgers, "CLEANED_AT_ONCE", 2)
    world = World(database_url)
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        alert = add_alert(connection, site, "ada@nordwind.example", "", NOW).id
        left = add_alert(connection, site, "ben@nordwind.example", "", NOW).id
        connection.execute(update(alerts).where(alerts.c.id == left).values(unsubscribed_at=NOW))
        told = [
            (alert, 1, "sent", 91),
            (alert, 2, "waiting", 91),
            (alert, 3, "sent", 89),
            (alert, 4, "claimed", 91),
            (alert, 5, "cooled", 91),
            (left, 1, "waiting", 91),
        ]
        for name, sequence, state, days in told:
            row = {"alert_id": name, "sequence": sequence, "lead_id": "ld_a", "state": state, "at": NOW - days * DAY}
            connection.execute(insert(alert_mails).values(row))
        digest = subscribe(connection, site, "ada@nordwind.example", "", NOW).id
        for period, state, days, retry in (("2024-11-11", "sent", 731, None), ("2024-11-18", "delayed", 731, NOW)):
            kept = {"digest_id": digest, "period": period, "message_id": "<x>", "reason": "", "detail": ""}
            kept |= {"state": state, "at": NOW - days * DAY, "retry_at": retry}
            connection.execute(insert(digest_mails).values(kept))
        connection.execute(insert(digest_mails).values(kept | {"period": "2024-11-25", "at": NOW - 729 * DAY}))
    turns = 0
    while True:
        with world.database.writing() as connection:
            turns += 1
            if not clean_ledgers(connection, NOW):
                break
    with world.database.reading() as connection:
        sequences = connection.execute(select(alert_mails.c.sequence).order_by(alert_mails.c.sequence)).scalars().all()
        periods = connection.execute(select(digest_mails.c.period).order_by(digest_mails.c.period)).scalars().all()
    world.database.close()
    assert sequences == [2, 3]
    assert periods == ["2024-11-18", "2024-11-25"]
    assert turns == 3, "four rows, two a turn, and a turn that finds none"
