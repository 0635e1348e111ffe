"""A person who asks is given all that is kept of them; one who wants to be forgotten is, wherever something is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from scorer.audit_checking import check
from scorer.auditing import read_log
from scorer.by_hand import merge
from scorer.cli import cli
from scorer.core.data_purposes import PURPOSES
from scorer.core.personal_data import KEPT
from scorer.data_subjects import Asked, NobodyFound, PrivacyError, find_subject
from scorer.erasing import erase
from scorer.models import lead_changes, lead_scores, leads
from scorer.notes import add_note
from scorer.outcomes import record
from scorer.outlets.privacy_shapes import Certificate, PersonExport
from scorer.person_export import export_person
from scorer.retention import ERASED_KEPT_MS, forget_old
from scorer.scoring import score_visitors
from tests import factories
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, page
from tests.scorer.test_forgetting import speaks_of
from tests.scorer.test_mail_clicks import Mailing
from tracker.batch import process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.models import dead_letters, erased_visitors, metadata
from tracker.progress import read_counts
from tracker.sites import Site, load_sites

EMAIL = "ada@halden.example"
PHONE = "ada's phone"


@pytest.fixture
def mailing(database_url: str) -> Iterator[Mailing]:
    """Ada with two devices, of whom much is written, who was mailed to and some of whose events were refused; and Ben."""
    made = Mailing(database_url)
    world, ada = made.world, made.ada
    world.feed([page(PHONE, "/pricing?seen=ada", NOW - 8 * DAY), *buyer("ben", email="ben@voss.example", name="Ben")])
    phone = world.nordwind.lead(PHONE)
    with world.database.writing() as connection:
        site = site_of(made)
        merge(connection, site, ada, phone, "chen", "Ada said so", NOW - 5 * DAY)
        add_note(connection, site, ada, "Ada likes pumps", "chen", NOW - 4 * DAY)
        record(connection, site, ada, "lost", "chen", NOW - 3 * DAY, reason="Ada left Halden")
        refused = [
            DeadLetter(made.site_id, NOW, "timestamp_invalid", "collector", False, body)
            for body in (b'{"anonymousId":"ada\'s desk","timestamp":7}', b'{"email":"ADA@Halden.example"}', b'{"to":"ben"}')
        ]
        save_dead_letters(connection, refused)
    made.click(made.link(), NOW - 2 * DAY)
    made.click(made.link(lead=phone), NOW - 2 * DAY)
    yield made
    world.database.close()


def site_of(mailing: Mailing) -> Site:
    with mailing.world.database.reading() as connection:
        return load_sites(connection)[mailing.site_id]


def exported(mailing: Mailing, asked: Asked) -> PersonExport:
    with mailing.world.database.reading() as connection:
        return export_person(connection, site_of(mailing), asked, NOW)


def erased(mailing: Mailing, asked: Asked, at: int = NOW, why: str = "asked for by mail") -> Certificate:
    with mailing.world.database.writing() as connection:
        return erase(connection, site_of(mailing), asked, "chen", why, at)


def waiting(mailing: Mailing, events: list[dict[str, Any]], received_at: int) -> list[tuple[int, str, bytes]]:
    """Events as they wait in the queue."""
    body = read_body(json.dumps({"batch": events}).encode(), is_batch=True)
    admission = admit(body, None, Caller(mailing.site_id, True, OLDEST_MS), received_at)
    entries = split(admission, mailing.site_id, received_at, RequestInfo(trusted=True), 16)
    # Behind all that was fed before.
    return [(partition, f"{NOW + DAY}-{next(factories._numbers)}", packed) for partition, _, packed in entries]


WAYS = {
    "by lead": lambda one: Asked(lead=one.ada),
    "by a lead that was merged": lambda one: Asked(lead=one.world.nordwind.lead(PHONE)),
    "by address": lambda one: Asked(email=" ADA@halden.example "),
    "by the browser's id": lambda one: Asked(anonymous_id=PHONE),
}


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
def test_whatever_name_is_asked_by_it_is_the_whole_person(mailing: Mailing, ask: Any) -> None:
    with mailing.world.database.reading() as connection:
        found = find_subject(connection, site_of(mailing), ask(mailing))
    assert found.leads == (mailing.ada,)
    assert set(found.branches) == {mailing.ada, mailing.world.nordwind.lead(PHONE)}
    assert {"ada's desk", PHONE} <= set(found.keys)
    assert {EMAIL, "ada's desk", PHONE} <= set(found.names)


def test_an_export_has_every_row_that_speaks_of_the_person_and_no_other(mailing: Mailing) -> None:
    found = exported(mailing, Asked(email=EMAIL))
    with mailing.world.database.reading() as connection:
        for table in metadata.sorted_tables:
            mine = speaks_of(mailing, EMAIL, "ada", mailing.ada).get(table.name, [])
            if table.name not in ("dead_letters", "erased_visitors", "accounts"):
                assert len(found.tables.get(table.name, [])) >= len(mine), table.name
        assert len(connection.execute(select(dead_letters)).all()) == 3
    assert [one["body"] for one in found.refused_events] == [
        '{"anonymousId":"ada\'s desk","timestamp":7}',
        '{"email":"ADA@Halden.example"}',
    ]
    written = msgspec.json.encode(found).decode()
    assert "ben@" not in written
    assert "voss" not in written
    assert "/pricing?seen=ada" in written
    assert "Ada likes pumps" in written
    assert found.explanations[0].lead == mailing.ada
    [note] = found.tables["notes"]
    assert (note["at"], note["by"], note["text"]) == ("2026-11-15T10:30:00.000Z", "chen", "Ada likes pumps")
    traits = [one["state"]["traits"] for one in found.tables["visitors"] if one["state"]]
    assert {"email": EMAIL, "name": "Ada"} in traits


def test_of_an_erased_person_nothing_stays_in_any_table(mailing: Mailing) -> None:
    ada, phone = mailing.ada, mailing.world.nordwind.lead(PHONE)
    made = erased(mailing, Asked(lead=ada))
    assert speaks_of(mailing, "ada", "halden") == {}
    left = speaks_of(mailing, ada, phone)
    assert left.keys() == {"audit", "lead_changes"}
    with mailing.world.database.reading() as connection:
        feed = connection.execute(select(lead_changes.c.kind, lead_changes.c.detail).where(lead_changes.c.lead_id == ada))
        assert [tuple(row) for row in feed] == [("erased", "{}")]
        log = read_log(connection, mailing.site_id)
    assert {(one.why, str(one.detail)) for one in log if one.subject in (ada, phone)} == {("", "{}")}
    assert (log[0].action, log[0].subject, log[0].actor, log[0].why) == ("erase", made.id, "chen", "asked for by mail")
    assert made.leads == [ada]
    assert made.refused_events == 2
    assert made.removed["visitors"] == 4  # two browsers, and the clicks on links in mails to both leads
    assert made.removed["leads"] == 2
    assert made.emptied.keys() == {"audit", "lead_changes"}
    with mailing.world.database.reading() as connection:
        checked = check(connection, mailing.site_id)
    assert (checked.emptied, checked.broken) == (made.emptied["audit"], None)


def test_of_others_everything_stays(mailing: Mailing) -> None:
    def of_ben() -> dict[str, list[Any]]:
        return speaks_of(mailing, mailing.world.nordwind.lead("ben"), "ben@voss.example")

    before = of_ben()
    erased(mailing, Asked(email=EMAIL))
    after = of_ben()
    assert after == before
    with mailing.world.database.reading() as connection:
        assert connection.execute(select(dead_letters.c.body)).scalars().all() == [b'{"to":"ben"}']


def test_what_waits_of_an_erased_person_is_counted_and_forgotten(mailing: Mailing) -> None:
    before = [page("ada's desk", "/", NOW - HOUR), page("ben", "/prices", NOW - HOUR)]
    batch = waiting(mailing, before, NOW - MINUTE)
    erased(mailing, Asked(email=EMAIL))
    [done] = process_surely(mailing.world.database, batch, score_visitors, now_ms=NOW + MINUTE)
    assert (done.counts.received, done.counts.stored, done.counts.filtered) == (2, 1, 1)
    assert speaks_of(mailing, "ada") == {}


def test_what_waits_refused_and_names_an_erased_person_is_forgotten_too(mailing: Mailing) -> None:
    def refused(at: int, **fields: Any) -> list[tuple[int, str, bytes]]:
        return waiting(mailing, [{"type": "nonsense", **fields}], at)

    speaking = [
        refused(NOW - MINUTE, anonymousId="ada's desk"),
        refused(NOW - MINUTE, anonymousId="x", traits={"note": f"write to <{EMAIL.upper()}>"}),
    ]
    others = [refused(NOW - MINUTE, anonymousId="ben"), refused(NOW + MINUTE, anonymousId="ada's desk")]
    with mailing.world.database.reading() as connection:
        before = len(connection.execute(select(dead_letters)).all())
    made = erased(mailing, Asked(email=EMAIL))
    batch = [entry for some in (*speaking, *others) for entry in some]
    [done] = process_surely(mailing.world.database, batch, score_visitors, now_ms=NOW + HOUR)
    assert (done.counts.received, done.counts.filtered, done.counts.dead_lettered) == (4, 2, 2)
    with mailing.world.database.reading() as connection:
        left = connection.execute(select(dead_letters.c.body).order_by(dead_letters.c.id)).scalars().all()
    assert len(left) == before - made.refused_events + 2
    assert [b"ben" in body for body in left[-2:]] == [True, False]  # what came after the erasure is somebody new's


def test_who_comes_again_afterwards_is_somebody_new(mailing: Mailing) -> None:
    erased(mailing, Asked(email=EMAIL))
    process_surely(
        mailing.world.database,
        waiting(mailing, [page("ada's desk", "/", NOW + HOUR)], NOW + HOUR),
        score_visitors,
        now_ms=NOW + HOUR,
    )
    found = exported(mailing, Asked(anonymous_id="ada's desk"))
    assert len(found.tables["events"]) == 1
    assert found.tables["leads"][0]["email"] == ""


def test_the_accounts_of_the_intake_still_close(mailing: Mailing) -> None:
    batch = waiting(mailing, [page("ada's desk", "/", NOW - HOUR)], NOW)
    erased(mailing, Asked(email=EMAIL))
    process_surely(mailing.world.database, batch, score_visitors, now_ms=NOW + MINUTE)
    with mailing.world.database.reading() as connection:
        for one in read_counts(connection).values():
            assert one.received == one.stored + one.duplicate + one.filtered + one.dead_lettered


def test_who_was_erased_is_itself_forgotten_when_nothing_can_wait_any_more(mailing: Mailing) -> None:
    erased(mailing, Asked(email=EMAIL), at=NOW)

    def kept(at: int) -> int:
        forget_old(mailing.world.database, 0, at)
        with mailing.world.database.reading() as connection:
            return len(connection.execute(select(erased_visitors)).all())

    assert kept(NOW + ERASED_KEPT_MS) == 11  # four keys; and of names the same four, two leads and an e-mail address
    assert kept(NOW + ERASED_KEPT_MS + 1) == 0


def test_a_browser_without_a_lead_is_erased_too(mailing: Mailing) -> None:
    bot = page("crawler-7", "/", NOW - HOUR)
    bot["context"] = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    mailing.world.feed([bot])
    assert erased(mailing, Asked(anonymous_id="crawler-7")).removed == {"visitors": 1, "events": 1}


REFUSED = {
    "nobody of that name": (Asked(email="nobody@halden.example"), "why", NobodyFound),
    "another site's": (Asked(lead="ld_0000000000000000"), "why", NobodyFound),
    "no name": (Asked(), "why", PrivacyError),
    "two names": (Asked(lead="a", email="b@c.example"), "why", PrivacyError),
    "no reason": (Asked(email=EMAIL), " ", PrivacyError),
    "too much of a reason": (Asked(email=EMAIL), "x" * 501, PrivacyError),
}


@pytest.mark.parametrize(("asked", "why", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing(mailing: Mailing, asked: Asked, why: str, kind: type[Exception]) -> None:
    before = speaks_of(mailing, "ada")
    with pytest.raises(kind):
        erased(mailing, asked, why=why)
    assert speaks_of(mailing, "ada") == before


def test_every_table_that_names_a_lead_or_a_visitor_is_in_the_list() -> None:
    links = {"lead_id", "home_id", "visitor_id"}
    named = {table.name for table in metadata.sorted_tables if links & {column.name for column in table.columns}}
    assert named <= {kept.table for kept in KEPT} | {name for name, told in PURPOSES.items() if told.apart}
    assert all(kept.column in metadata.tables[kept.table].c for kept in KEPT)
    assert all(text.zh for kept in KEPT for text in (kept.title, kept.purpose, kept.ends))


def test_the_record_says_where_no_service_reaches(mailing: Mailing) -> None:
    named = erased(mailing, Asked(email=EMAIL)).outside
    assert any("backups made by other means" in place for place in named)
    assert any("files of PostgreSQL" in place for place in named) is not mailing.world.database.is_sqlite


def test_over_the_api_with_a_key_of_the_site_that_may(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    world.feed(buyer("ada", name="Ada", email=EMAIL))
    world.feed(buyer("ben", name="Ben", email="ben@voss.example"))
    for who in (None, "ada", "ben"):  # nobody, a reader, a salesperson
        for path in ("export", "erase"):
            answer = world.client(who).post(f"/api/v1/privacy/{path}", json={"email": EMAIL, "why": "x"})
            assert answer.status_code == (401 if who is None else 403)
    other = world.client("chen", world.huadong).post("/api/v1/privacy/export", json={"email": EMAIL})
    assert other.status_code == 404
    chen = world.client("chen")
    found = chen.post("/api/v1/privacy/export", json={"email": EMAIL}).get_json()
    assert found["tables"]["leads"][0]["email"] == EMAIL
    assert chen.post("/api/v1/privacy/erase", json={"email": EMAIL}).status_code == 400  # without saying why
    body = {"email": EMAIL, "why": "asked for"}
    first = chen.post("/api/v1/privacy/erase", json=body, headers={"Idempotency-Key": "k1"})
    again = chen.post("/api/v1/privacy/erase", json=body, headers={"Idempotency-Key": "k1"})
    assert first.status_code == 200
    assert again.get_json() == first.get_json()
    assert first.get_json()["removed"]["leads"] == 1
    assert chen.post("/api/v1/privacy/export", json={"email": EMAIL}).status_code == 404
    hot = chen.get("/api/v1/hot-leads").get_json()["data"]
    assert [one["email"] for one in hot] == ["ben@voss.example"]
    changes = chen.get("/api/v1/changes").get_json()["data"]
    assert [one["kind"] for one in changes if one["lead_id"] == found["tables"]["leads"][0]["id"]] == ["erased"]
    world.database.close()


def test_on_the_command_line(
    migrated_sqlite_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(migrated_sqlite_url)
    world.feed(buyer("ada", name="Ada", email=EMAIL))
    settings = {"DATABASE_URL": migrated_sqlite_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path / "var")}
    for name, value in settings.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    run = CliRunner().invoke
    file = tmp_path / "ada.json"
    told = run(cli, ["export", EMAIL, "--site", "nordwind", "--output", str(file)])
    assert told.exit_code == 0, told.output
    assert json.loads(file.read_bytes())["names"] == sorted([EMAIL, "ada", world.nordwind.lead("ada")])
    assert file.stat().st_mode & 0o077 == 0
    common = ["erase", EMAIL, "--site", "nordwind", "--why", "asked for"]
    assert run(cli, common, input="n\n").exit_code == 1
    assert run(cli, ["export", EMAIL, "--site", "nordwind"]).exit_code == 0  # still there
    told = run(cli, [*common, "--lang", "zh"], input="y\n")
    assert told.exit_code == 0, told.output
    assert "确定永久抹除 1 条线索与 1 个浏览器的数据？" in told.output
    assert "已于" in told.output
    gone = run(cli, [*common, "--yes", "--json"])
    assert gone.exit_code == 1
    assert "Nothing is kept under this name." in gone.output
    with world.database.reading() as connection:
        for table in (leads, lead_scores):
            assert connection.execute(select(table)).all() == []
    with world.database.writing() as connection:
        connection.execute(delete(lead_changes))
    world.database.close()
