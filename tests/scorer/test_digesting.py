"""Digests are sent once a week and reader, by a real mail server: whatever is missed, refused, delayed or killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, update

from scorer import digesting
from scorer.core.digest_weeks import week_of
from scorer.core.segment_reading import parse
from scorer.digesting import RETRY_AFTER_MS, Tally, due_digests, send_again, send_due
from scorer.digests import Digest, DigestError, last_rows, list_digests, remove_digest, subscribe
from scorer.mail.digest_mail import Sender, Written, write
from scorer.mailing import Mailer
from scorer.models import segments
from scorer.outlet_models import digests
from scorer.segments import add_segment
from scorer.unsubscribing import unsubscribe
from scorer.users import add_user, set_disabled
from tests.factories import DAY, HOUR, NOW, World, buyer
from tests.mail_server import Kept, mail_server
from tracker.settings import Settings
from tracker.sites import load_sites

SENDER = Sender("https://leads.example.com", b"a secret")
MONDAY_8 = int(datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp() * 1000)
"""When the week of NOW, a Thursday, is told of."""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Kept, int]]:
    kept = Kept()
    with mail_server(kept) as port:
        yield kept, port


@pytest.fixture
def kept(server: tuple[Kept, int]) -> Kept:
    kept, _ = server
    kept.__init__()  # type: ignore[misc]  # as new, and the server goes on with it
    return kept


@pytest.fixture
def mailer(server: tuple[Kept, int]) -> Iterator[Mailer]:
    with Mailer(Settings(smtp_url=f"smtp://127.0.0.1:{server[1]}", mail_from="leads@example.com")) as mailer:
        yield mailer


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """With one new hot lead in the week of NOW."""
    made = World(database_url)
    made.feed(buyer("ada", name="Ada Halden", email="ada@halden.example"))
    yield made
    made.database.close()


def subscribed(world: World, email: str = "ben@nordwind.example", now: int = NOW, **options: Any) -> Digest:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        return subscribe(connection, site, email, "chen", now, **options)


def run(world: World, mailer: Mailer, now: int = MONDAY_8) -> Tally:
    return send_due(world.database, mailer, SENDER, lambda: now)


def ledger(world: World, digest: Digest) -> dict[str, tuple[str, str]]:
    with world.database.reading() as connection:
        return {row.period: (row.state, row.why("en")) for row in last_rows(connection, digest.id, 100)}


def subscriptions(world: World) -> list[Digest]:
    with world.database.reading() as connection:
        return list_digests(connection)


def test_it_comes_when_it_is_due_and_once(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world, name="Ben")
    assert run(world, mailer, MONDAY_8 - 1) == Tally()
    assert run(world, mailer) == Tally(sent=1)
    assert run(world, mailer, MONDAY_8 + HOUR) == Tally()
    [(to, mail)] = kept.mails
    assert to == ["ben@nordwind.example"]
    assert mail["Subject"] == "1 new hot lead · nordwind, 16–22 November 2026"
    assert mail["Message-ID"] == f"<digest.{digest.id}.2026-11-16@leads.example.com>"
    assert ledger(world, digest) == {"2026-11-16": ("sent", "")}


def test_headers(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world, name="Ben", time_zone="Asia/Kolkata")
    run(world, mailer, MONDAY_8)
    [(_, mail)] = kept.mails
    assert mail["To"] == "Ben <ben@nordwind.example>"
    assert mail["From"] == "leads@example.com"
    assert mail["Date"] == "Mon, 23 Nov 2026 13:30:00 +0530"
    assert mail["List-Id"] == f"<digest.site-{world.nordwind.id}.leads.example.com>"
    link = f"<https://leads.example.com/unsubscribe/digest.{digest.id}."
    assert mail["List-Unsubscribe"].startswith(link)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] is None
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    for part in mail.iter_parts():
        assert mail["List-Unsubscribe"][1:-1] in part.get_content()


@pytest.mark.parametrize(("days", "state"), [(2, "sent"), (3, "sent"), (3.1, "late"), (6, "late")])
def test_a_missed_time_is_caught_up_within_three_days(
    world: World, mailer: Mailer, kept: Kept, days: float, state: str
) -> None:
    digest = subscribed(world)
    run(world, mailer, MONDAY_8 + round(days * DAY))
    assert ledger(world, digest) == {"2026-11-16": (state, "")}
    assert len(kept.contents) == (state == "sent")
    with world.database.reading() as connection:
        assert list_digests(connection)[0].next_at == MONDAY_8 + 7 * DAY


def test_after_a_long_outage_the_last_week_is_told_and_the_others_are_recorded(
    world: World, mailer: Mailer, kept: Kept
) -> None:
    digest = subscribed(world, now=NOW - 14 * DAY)
    assert run(world, mailer, MONDAY_8) == Tally(sent=1, late=2)
    assert {week: state for week, (state, _) in ledger(world, digest).items()} == {
        "2026-11-02": "late",
        "2026-11-09": "late",
        "2026-11-16": "sent",
    }


def test_weeks_without_news_are_recorded_and_the_fourth_brings_a_line(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world, now=MONDAY_8 + DAY)
    for week in range(1, 7):
        run(world, mailer, MONDAY_8 + week * 7 * DAY)
    # The lead has cooled meanwhile, without anybody having been told: there is nothing to tell but that.
    states = [state for _, (state, _) in sorted(ledger(world, digest).items())]
    assert states == ["empty", "empty", "empty", "sent", "empty", "empty"]
    [(_, mail)] = kept.mails
    assert mail["Subject"] == "A quiet month · nordwind"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Nothing new about the leads of nordwind in four weeks." in text.get_content()


def test_a_delayed_mail_is_tried_again_with_the_same_id_and_within_the_day(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)
    kept.answer["ben@nordwind.example"] = "450 4.2.0 mailbox busy"
    assert run(world, mailer) == Tally(delayed=1)
    assert ledger(world, digest)["2026-11-16"] == ("delayed", "the mail server said: 450 4.2.0 mailbox busy")
    assert run(world, mailer, MONDAY_8 + RETRY_AFTER_MS - 1) == Tally()
    kept.answer.clear()
    assert run(world, mailer, MONDAY_8 + RETRY_AFTER_MS) == Tally(sent=1)
    assert kept.ids == [f"<digest.{digest.id}.2026-11-16@leads.example.com>"]
    assert ledger(world, digest)["2026-11-16"] == ("sent", "")


def test_a_delayed_mail_whose_next_try_comes_days_late_is_not_sent(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)
    kept.answer["ben@nordwind.example"] = "450 4.2.0 mailbox busy"
    run(world, mailer)
    kept.answer.clear()
    assert run(world, mailer, MONDAY_8 + 3 * DAY + 1) == Tally(late=1)
    assert run(world, mailer, MONDAY_8 + 3 * DAY + HOUR) == Tally()
    assert kept.mails == []
    assert ledger(world, digest)["2026-11-16"] == ("late", "")


def test_a_digest_can_be_removed_while_it_is_being_taken(world: World) -> None:
    """Whoever takes it writes into a ledger that goes with it: the removal waits for that row."""
    digest = subscribed(world)
    begun = threading.Event()

    def remove() -> None:
        with world.database.writing() as connection:
            begun.set()
            remove_digest(connection, digest, "chen", NOW)

    remover = threading.Thread(target=remove)
    with world.database.writing() as connection:
        assert isinstance(digesting._take_due(connection, SENDER, MONDAY_8, Tally()), digesting._Taken)
        remover.start()
        begun.wait(0.3)  # On SQLite it can't begin before this is committed.
        time.sleep(0.1)
    remover.join(5)
    assert (ledger(world, digest), subscriptions(world)) == ({}, [])


def test_a_mailbox_that_stays_busy_is_given_up_after_a_day(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)
    kept.answer["ben@nordwind.example"] = "450 4.2.0 mailbox busy"
    for hours in range(30):
        run(world, mailer, MONDAY_8 + hours * HOUR)
    assert ledger(world, digest)["2026-11-16"] == ("failed", "the mail server said: 450 4.2.0 mailbox busy")


def test_a_server_that_is_away_is_asked_once_and_all_get_their_mails_later(world: World, mailer: Mailer, kept: Kept) -> None:
    for name in "abcd":
        subscribed(world, f"{name}@nordwind.example")
    kept.at["MAIL"] = lambda server: "421 4.3.2 shutting down"
    assert run(world, mailer) == Tally(delayed=1, server_away=True)
    kept.at.clear()
    assert run(world, mailer, MONDAY_8 + HOUR) == Tally(sent=4)
    assert len(set(kept.ids)) == len(kept.ids) == 4


def test_a_rejected_address_fails_alone(world: World, mailer: Mailer, kept: Kept) -> None:
    gone, here = subscribed(world, "a@gone.example"), subscribed(world)
    kept.answer["a@gone.example"] = "550 5.1.1 no such user"
    assert run(world, mailer) == Tally(sent=1, failed=1)
    assert ledger(world, gone)["2026-11-16"] == ("failed", "the mail server said: 550 5.1.1 no such user")
    assert ledger(world, here)["2026-11-16"] == ("sent", "")


def test_a_mail_that_may_have_arrived_is_not_sent_again(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)
    kept.at["DATA"] = lambda server: server.transport.abort()
    run(world, mailer)
    state, why = ledger(world, digest)["2026-11-16"]
    assert state == "failed"
    assert why.startswith("it may have arrived: ")
    kept.at.clear()
    run(world, mailer, MONDAY_8 + HOUR)
    assert len(kept.ids) == 1, "it had arrived, and doesn't come twice"


def test_what_was_claimed_and_never_marked_is_not_sent_again_but_by_hand(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)

    class Killed(BaseException):
        pass

    def killed() -> int:
        raise Killed

    times = iter([MONDAY_8])
    with pytest.raises(Killed):
        send_due(world.database, mailer, SENDER, lambda: next(times, None) or killed())
    assert ledger(world, digest)["2026-11-16"] == ("claimed", "")
    for hours in range(1, 40):
        run(world, mailer, MONDAY_8 + hours * HOUR)
    assert kept.contents == []
    with world.database.reading() as connection:
        [row] = last_rows(connection, digest.id, 1)
    assert not row.is_unknown(MONDAY_8 + HOUR // 4)
    assert row.is_unknown(MONDAY_8 + HOUR)
    week = week_of(datetime(2026, 11, 16, tzinfo=UTC).date(), digest.zone)
    send_again(world.database, mailer, SENDER, digest, week, lambda: MONDAY_8 + 40 * HOUR)
    assert kept.ids == [f"<digest.{digest.id}.2026-11-16@leads.example.com>"]
    assert ledger(world, digest)["2026-11-16"] == ("sent", "")


def test_who_has_unsubscribed_gets_nothing(world: World, mailer: Mailer, kept: Kept) -> None:
    gone, delayed = subscribed(world, "gone@nordwind.example"), subscribed(world)
    kept.answer["ben@nordwind.example"] = "450 4.2.0 mailbox busy"
    with world.database.writing() as connection:
        unsubscribe(connection, "digest", gone.id, MONDAY_8 - 1)
    run(world, mailer)
    assert ledger(world, gone) == {}
    with world.database.writing() as connection:
        unsubscribe(connection, "digest", delayed.id, MONDAY_8 + 1)
    kept.answer.clear()
    run(world, mailer, MONDAY_8 + HOUR)
    assert ledger(world, delayed) == {"2026-11-16": ("skipped", "unsubscribed")}
    assert kept.contents == []


def test_who_may_not_see_the_site_any_more_gets_nothing(world: World, mailer: Mailer, kept: Kept) -> None:
    site = world.nordwind.id
    with world.database.writing() as connection:
        out = add_user(connection, "out@nordwind.example", "Out", {site: "sales"}, NOW)
        set_disabled(connection, out.id, NOW)
        add_user(connection, "elsewhere@nordwind.example", "Else", {world.huadong.id: "admin"}, NOW)
        add_user(connection, "in@nordwind.example", "In", {site: "viewer"}, NOW)
    found = {name: subscribed(world, f"{name}@nordwind.example") for name in ("out", "elsewhere", "in")}
    assert run(world, mailer) == Tally(sent=1, skipped=2)
    assert kept.contents[0][0] == ["in@nordwind.example"]
    assert ledger(world, found["out"])["2026-11-16"] == ("skipped", "the user may not see the site any more")


def test_one_address_gets_one_mail_about_the_same(world: World, mailer: Mailer, kept: Kept) -> None:
    first = subscribed(world)
    with pytest.raises(DigestError, match="gets this digest already"):
        subscribed(world, "Ben@Nordwind.example")
    # Of two who subscribe the same address at one moment, neither sees the other.
    with world.database.writing() as connection:
        connection.execute(update(digests).values(email="other@nordwind.example"))
    second = subscribed(world, now=NOW + 1, language="zh")
    with world.database.writing() as connection:
        connection.execute(update(digests).values(email="ben@nordwind.example"))
    assert run(world, mailer) == Tally(sent=1, skipped=1)
    assert ledger(world, first)["2026-11-16"] == ("sent", "")
    assert ledger(world, second)["2026-11-16"] == ("skipped", f"{first.id} tells the same address the same")


def test_a_segment_that_is_gone_is_not_taken_for_all_leads(world: World, mailer: Mailer, kept: Kept) -> None:
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "Water", parse({"field": "industry", "is": "Water"}), NOW)
    digest = subscribed(world, segment="Water")
    with world.database.writing() as connection:
        connection.execute(delete(segments))
    assert run(world, mailer) == Tally(skipped=1)
    assert ledger(world, digest)["2026-11-16"] == ("skipped", "there is no segment “Water” any more")
    assert kept.contents == []


def test_without_a_mail_server_nothing_is_taken(world: World, mailer: Mailer, kept: Kept) -> None:
    digest = subscribed(world)
    assert run(world, Mailer(Settings())) == Tally()
    with world.database.reading() as connection:
        [(due, slot)] = due_digests(connection, MONDAY_8)
    assert (due, slot.week.name) == (digest, "2026-11-16")
    assert run(world, mailer, MONDAY_8 + DAY) == Tally(sent=1)


def test_it_comes_by_the_clock_on_the_reader_s_wall(world: World, mailer: Mailer, kept: Kept) -> None:
    """New York's clocks went back on 1 November; half past in London is the full hour in Kolkata."""
    for zone in ("Asia/Kolkata", "America/New_York", "Europe/London"):
        subscribed(world, f"{zone.partition('/')[2]}@nordwind.example", time_zone=zone)
    sent = {}
    for half_hours in range(-24, 24):
        now = MONDAY_8 + half_hours * HOUR // 2
        if run(world, mailer, now).sent:
            sent[half_hours / 2] = kept.contents[-1][0][0].partition("@")[0]
    assert sent == {-5.5: "kolkata", 0: "london", 5: "new_york"}


def test_a_digest_that_can_t_be_written_is_recorded_and_the_others_are_sent(
    world: World, mailer: Mailer, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, fine = subscribed(world, "a@nordwind.example", language="zh"), subscribed(world)

    def failing(digest: Digest, *rest: Any) -> Written:
        if digest.language == "zh":
            raise KeyError(digest.email)
        return write(digest, *rest)

    monkeypatch.setattr(digesting, "write", failing)
    assert run(world, mailer) == Tally(sent=1, failed=1)
    assert ledger(world, fine)["2026-11-16"][0] == "sent"
    why = "a fault of ours (KeyError); the service's log has the details"
    assert ledger(world, broken)["2026-11-16"] == ("failed", why)


def test_a_zone_that_this_machine_doesn_t_know_holds_up_nobody(world: World, mailer: Mailer, kept: Kept) -> None:
    lost = subscribed(world, "a@nordwind.example")
    subscribed(world)
    with world.database.writing() as connection:
        connection.execute(update(digests).where(digests.c.id == lost.id).values(time_zone="Mars/Olympus"))
    assert run(world, mailer) == Tally(sent=2)
