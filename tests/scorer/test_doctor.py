"""Each sign of ``warmtrail doctor`` is provoked by what it is a sign of, in both languages, and told of in the docs."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rq import Queue, SimpleWorker, Worker
from sqlalchemy import update

from scorer import (
    database_signs,
    doctor,
    front_signs,
    machine_signs,
    mail_signs,
    process_signs,
    queue_signs,
    scrubbing,
    site_signs,
    webhook_signs,
)
from scorer.alerts import add_alert
from scorer.core.disk_growth import days_until_full
from scorer.core.findings import Sign
from scorer.core.mounts import file_system_of
from scorer.models import api_keys
from scorer.outlet_models import webhooks
from scorer.resources import Resources, now_ms
from scorer.schedule import Timetable
from scorer.webhooks import add_webhook
from scorer.worker_names import new_worker_name, version_in
from tests.factories import DAY, World
from tests.mail_server import Kept, mail_server
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.erased import note_erased
from tracker.models import sites
from tracker.settings import Settings
from tracker.sites import load_sites

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
MODULES = tuple(
    import_module(f"scorer.{name}")
    for name in (
        *("doctor", "machine_signs", "front_signs", "queue_signs", "database_signs", "process_signs"),
        *("site_signs", "mail_signs", "webhook_signs"),
    )
)


def found(signs: Iterator[Sign]) -> list[tuple[str, str]]:
    """Verdict and English words of what isn't good, having looked that all of it is told in Chinese."""
    bad = [one for one in signs if one.verdict != "good"]
    for one in bad:
        assert re.search("[\u4e00-\u9fff]", one.what.zh), one
        assert one.mend.en
        assert one.mend.zh
        assert "{" not in one.what.en + one.what.zh + one.mend.en + one.mend.zh
    return [(one.verdict, one.what.en) for one in bad]


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url, made_at=now_ms() - 100 * DAY)
    yield made
    made.database.close()


@pytest.fixture
def here(world: World, redis_url: str, migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., Resources]]:
    """What a process has open, with these settings."""
    opened: list[Resources] = []

    def make(**settings: Any) -> Resources:
        opened.append(Resources(Settings(database_url=migrated_sqlite_url, data_dir=tmp_path, **settings), redis_url))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


# ------------------------------------------------------------ the machine


def test_a_data_folder_that_is_in_danger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    settings = Settings(data_dir=tmp_path)
    monkeypatch.setattr(machine_signs, "_MOUNTS", tmp_path / "mounts")
    assert found(machine_signs.machine_signs(settings)) == []
    (tmp_path / "mounts").write_text(f"disk / ext4 rw 0 0\nnas:/x {tmp_path.parent} nfs4 rw 0 0\n")
    (tmp_path / "secret_key").write_text("x")
    (tmp_path / "secret_key").chmod(0o644)
    monkeypatch.setattr(machine_signs, "LEAST_FREE_BYTES", 1 << 62)
    monkeypatch.setattr(machine_signs.os, "access", lambda *_: False)
    told = [re.sub(r"\d+ MB", "N MB", what) for _, what in found(machine_signs.machine_signs(settings))]
    assert told == [
        f"{tmp_path} can't be written to.",
        f"Only N MB are free for {tmp_path}.",
        f"Others can read {tmp_path}/secret_key.",
        f"{tmp_path} lies on a network disk (nfs4).",
    ]
    for database, is_there in (("postgresql://db/x", False), (f"sqlite:///{tmp_path}/x.db", True)):
        elsewhere = Settings(data_dir=tmp_path, database_url=database, redis_url="redis://queue")
        assert any("network disk" in what for _, what in found(machine_signs.machine_signs(elsewhere))) is is_there


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/data", "cifs"),
        ("/srv/data/a", "cifs"),
        ("/srv/database", "ext4"),
        ("/srv/my disk/x", "fuse.sshfs"),
        ("/", "ext4"),
    ],
)
def test_a_path_lies_on_the_innermost_mount(path: str, kind: str) -> None:
    mounts = "a / ext4 rw 0 0\nb /srv/data nfs rw 0 0\nc /srv/data cifs rw 0 0\nd /srv/my\\040disk fuse.sshfs rw 0 0\n"
    assert file_system_of(path, mounts) == kind
    assert file_system_of(path, "") == ""


def test_a_time_zone_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").touch()
    for zone, wrong in (("Europe/Berlin", False), ("Europe/Bonn", True), (":Europe/Bonn", True), ("CET-1CEST", False)):
        assert bool(found(machine_signs.time_zone_signs({"TZ": zone}, tmp_path))) is wrong


# ------------------------------------------------------------ how it is reached


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"bind": "0.0.0.0:8700"}, [("note", "The service is reachable from outside but knows no public address.")]),
        ({"public_url": "https://t.example.com"}, []),
        ({"public_url": "http://localhost:8700"}, []),
        ({"public_url": "http://127.0.0.2/"}, []),
        (
            {"public_url": "http://t.example.com/"},
            [("wrong", "http://t.example.com goes without TLS: passwords can be read on the way.")],
        ),
    ],
)
def test_the_address(settings: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert found(front_signs.address_signs(Settings(**settings))) == expected


@contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[str]:
    """A web server with these answers by path; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_collector_and_the_public_address() -> None:
    collector = {"/readyz": (200, "ready\n"), "/metrics": (200, "process_max_fds 1024.0\n")}
    public = {"/sign-in": (200, "<title>Warmtrail</title>"), "/metrics": (200, "warmtrail_events_total 1\n")}
    with answering(collector) as bind, answering(public) as outside:
        signs = lambda: found(front_signs.front_signs(asking(bind, f"http://{outside}")))  # noqa: E731
        assert signs() == [
            ("note", "The collector may open 1,024 files only."),
            ("note", f"http://{outside}/metrics can be read."),
        ]
        collector["/metrics"] = (200, "process_max_fds 65536.0\n")
        del public["/metrics"]
        assert signs() == []
        del public["/sign-in"]
        assert signs() == [("note", f"From here, http://{outside} doesn't lead to this service.")]
        public["/sign-in"] = (200, "Warmtrail")
        collector["/readyz"] = (503, "queue_full\n")
        assert signs() == [("wrong", "The collector refuses events: queue_full.")]
    assert signs() == [("note", f"Nothing answers on {bind}.")]


def asking(bind: str, public: str) -> Any:
    return SimpleNamespace(settings=Settings(bind=bind, public_url=public))


# ------------------------------------------------------------ the queue


SERVER = {"redis_version": "7.2.4", "aof_enabled": 1, "aof_last_write_status": "ok", "maxmemory": 100, "used_memory": 10}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"aof_enabled": 0}, [("wrong", "The queue's server keeps no append-only file.")]),
        ({"aof_last_write_status": "err"}, [("wrong", "The queue's server can't write its append-only file.")]),
        ({"maxmemory": 0}, [("note", "The queue's server has no maxmemory.")]),
        ({"used_memory": 90}, [("wrong", "The queue's server is nearly full; new events are refused.")]),
    ],
)
def test_a_server_of_the_queue(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(queue_signs._server_signs(SERVER | change)) == expected


def test_a_queue_that_is_not_on_the_disk_when_it_answers(
    here: Callable[..., Resources], monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = here()
    assert found(queue_signs.queue_signs(resources)) == []
    kept = resources.control.config_get("appendfsync")["appendfsync"]
    try:
        for value, verdict in (("no", "wrong"), ("everysec", "note")):
            resources.control.config_set("appendfsync", value)
            [(was, what)] = found(queue_signs.queue_signs(resources))
            assert (was, value in what) == (verdict, True)
    finally:
        resources.control.config_set("appendfsync", kept)
    monkeypatch.setattr(queue_signs, "LONGEST_CLOCK_GAP_S", -1)
    assert [what for _, what in found(queue_signs.queue_signs(resources))] == ["Its clock and this machine's differ by 0 s."]


def test_partitions_that_were_raised(here: Callable[..., Resources], monkeypatch: pytest.MonkeyPatch) -> None:
    resources = here(partitions=4)
    monkeypatch.setattr(queue_signs, "partition_count", lambda layout: 6)
    said = "There are 6 partitions; WARMTRAIL_PARTITIONS says 4."
    assert found(queue_signs.queue_signs(resources)) == [("note", said)]


# ------------------------------------------------------------ the database


def test_files_that_are_not_clean_an_hour_after_an_erasure(here: Callable[..., Resources], world: World) -> None:
    resources = here()
    hour = 3_600_000

    def erased(ago: int) -> None:
        with world.database.writing() as connection:
            note_erased(connection, world.nordwind.id, ["ada"], [], now_ms() - ago)

    assert found(database_signs.database_signs(resources)) == []
    erased(hour - 60_000)
    assert found(database_signs.database_signs(resources)) == []
    erased(3 * hour)
    said = "What was erased 3 h ago may still stand in the files of database and queue."
    assert found(database_signs.database_signs(resources)) == [("wrong", said)]
    while not scrubbing.scrub(resources.database, resources.streams, resources.control, 16, now_ms()):
        time.sleep(0.02)
    assert found(database_signs.database_signs(resources)) == []


POSTGRES = {"now": 0.0, "fsync": "on", "full_page_writes": "on", "used": 10, "most": 100}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"now": 60.0}, [("wrong", "The clocks of database and this machine differ.")]),
        ({"fsync": "off"}, [("wrong", "PostgreSQL runs with fsync off.")]),
        ({"full_page_writes": "off"}, [("wrong", "PostgreSQL runs with full_page_writes off.")]),
        ({"used": 90}, [("note", "90 of PostgreSQL's 100 connections are taken.")]),
    ],
)
def test_a_postgresql_server(
    change: dict[str, Any], expected: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_signs.time, "time", lambda: 0.0)
    assert found(database_signs._server_signs(SimpleNamespace(**(POSTGRES | change)))) == expected


def test_what_postgresql_tells_of_itself_is_understood(migrated_postgres_url: str, redis_url: str) -> None:
    resources = Resources(Settings(database_url=migrated_postgres_url), redis_url)
    with resources.database.reading() as connection:
        told = connection.execute(database_signs._ASKED).one()
    off = [name for name in ("fsync", "full_page_writes") if getattr(told, name) == "off"]
    assert found(database_signs.database_signs(resources)) == [("wrong", f"PostgreSQL runs with {one} off.") for one in off]
    resources.close()


def test_a_replica_that_is_away_or_none(migrated_postgres_url: str, redis_url: str) -> None:
    for url, said in (
        (migrated_postgres_url, "WARMTRAIL_READ_DATABASE_URL names a server that is no replica."),
        ("postgresql://127.0.0.1:1/x", "The replica can't be reached (OperationalError); all is read from the primary."),
    ):
        resources = Resources(Settings(database_url=migrated_postgres_url, read_database_url=url), redis_url)
        assert found(database_signs.replica_signs(resources)) == [("wrong", said)]
        resources.close()


def test_a_disk_that_is_too_small_for_what_is_to_be_kept(
    here: Callable[..., Resources], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = here(retention_days=730)
    assert found(database_signs.database_signs(resources)) == []
    gigabytes = 10**9
    monkeypatch.setattr(database_signs.Path, "stat", lambda _: SimpleNamespace(st_size=20 * gigabytes))
    monkeypatch.setattr(database_signs.shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * gigabytes))
    said = "If it goes on growing as it has, the database fills its disk in 50 days; events are kept for 730."
    assert found(database_signs.database_signs(resources)) == [("note", said)]
    assert days_until_full(20 * gigabytes, 10 * gigabytes, 100, 149) is None
    with world.database.writing() as connection:
        connection.execute(update(sites).values(created_at=now_ms() - DAY))
        save_dead_letters(connection, [DeadLetter(world.nordwind.id, 0, "url_invalid", "import", False, b"{}")])
    assert found(database_signs.database_signs(resources)) == [("note", "1 dead letters wait for a decision.")]


# ------------------------------------------------------------ the processes


def test_workers_that_are_missing_too_many_or_of_another_version(
    here: Callable[..., Resources], monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = here(workers=2, partitions=16)
    signs = lambda: found(process_signs.process_signs(resources))  # noqa: E731
    no_cron = "No cron runs: leads don't cool, mails and webhooks are late, nothing is forgotten."
    assert signs() == [("note", "No worker serves drain-0, drain-1, care."), ("note", no_cron)]
    for name in ("drain-0", "care"):
        Worker([name], name=new_worker_name(), connection=resources.control).register_birth()
    assert signs() == [("note", "No worker serves drain-1."), ("wrong", no_cron)]
    resources.streams.hset("warmtrail:{events:1}:appended", "1", "3")
    assert signs()[0] == ("wrong", "3 events wait and no worker serves drain-1.")
    Timetable(connection=resources.control, name="cron").register_birth()
    monkeypatch.setattr(process_signs, "present_version", lambda: "9.9.9")
    Worker(["drain-1"], name="a@9.9.9", connection=resources.control).register_birth()
    Worker(["drain-2"], name="b@0.0.9", connection=resources.control).register_birth()
    mine = [version_in(one.name) for one in Worker.all(connection=resources.control)]
    others = ", ".join(sorted({version for version in mine if version and version != "9.9.9"}))
    assert signs() == [
        ("wrong", "Workers elsewhere have 3 slots or more; here there are 2."),
        ("note", f"There are workers of version {others}; this is 9.9.9."),
    ]
    assert "0.0.9" in others


def test_jobs_that_failed(here: Callable[..., Resources]) -> None:
    resources = here()
    Timetable(connection=resources.control, name="cron").register_birth()
    for name in ("drain-0", "care"):
        Worker([name], connection=resources.control).register_birth()
    queue = Queue("care", connection=resources.control)
    queue.enqueue("math.sqrt", -1, failure_ttl=60)
    SimpleWorker([queue], connection=resources.control).work(burst=True, logging_level="CRITICAL")
    assert found(process_signs.process_signs(resources)) == [
        ("note", "1 jobs of care failed within a day, the last of them sqrt.")
    ]


# ------------------------------------------------------------ websites and who sees them


def test_sites_that_are_silent_open_or_seen_by_nobody(here: Callable[..., Resources], world: World) -> None:
    resources = here()
    told = [what for _, what in found(site_signs.site_signs(resources, [world.nordwind.id]))]
    assert told == [
        "Site 'nordwind' takes events from pages of any origin.",
        "Nothing was ever received from site 'nordwind'.",
    ]
    world.now = now_ms() - 5 * DAY
    world.feed([{"type": "page", "anonymousId": "a", "properties": {"url": "https://www.nordwind.example/"}}])
    told = [what for _, what in found(site_signs.site_signs(resources, [world.nordwind.id]))]
    assert told[-1] == "Site 'nordwind' was last heard of 5 days ago."
    assert found(site_signs.access_signs(resources)) == []
    with world.database.writing() as connection:
        connection.execute(update(api_keys).where(api_keys.c.site_id == world.huadong.id).values(revoked_at=1))
    assert found(site_signs.access_signs(resources)) == [
        ("note", "Nobody can see the leads of site 'huadong': no user, no key.")
    ]


def test_an_installation_without_a_site(migrated_sqlite_url: str, redis_url: str) -> None:
    resources = Resources(Settings(database_url=migrated_sqlite_url), redis_url)
    assert found(site_signs.site_signs(resources)) == [("note", "There is no site yet.")]
    resources.close()


# ------------------------------------------------------------ what goes out


def test_a_mail_server_that_is_away_or_refuses_us(here: Callable[..., Resources], world: World) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        add_alert(connection, site, "ada@nordwind.example", "ada", now_ms())
    assert found(mail_signs.alert_signs(here())) == [("wrong", "Alerts are subscribed to, but no mail server is set up.")]
    assert found(mail_signs.alert_signs(here(), [world.huadong.id])) == []
    assert found(mail_signs.mail_server_signs(here())) == []
    with mail_server(Kept()) as port:
        plain, tls, strict = f"smtp://127.0.0.1:{port}", f"smtps://127.0.0.1:{port}", f"smtp://u:p@127.0.0.1:{port}"
        for url, said in ((plain, ""), (tls, "SSL"), (strict, "STARTTLS")):
            resources = here(smtp_url=url, mail_from="leads@example.com")
            told = found(mail_signs.mail_server_signs(resources))
            assert found(mail_signs.alert_signs(resources)) == []
            assert (told == []) is (said == "")
            assert all(said in what and verdict == "wrong" for verdict, what in told), told
            assert "u:p" not in str(told)
    [(verdict, what)] = found(mail_signs.mail_server_signs(here(smtp_url=plain, mail_from="leads@example.com")))
    assert (verdict, what.startswith("The mail server can't be used: ")) == ("wrong", True)


def test_webhooks_that_do_not_get_through(here: Callable[..., Resources], world: World) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        hook = add_webhook(connection, site, "https://crm.example/hook", "ada", now_ms(), name="crm").webhook
    resources = here()
    for values, expected in (
        ({}, []),
        ({"failing_since": now_ms() - 60_000}, []),
        ({"failing_since": now_ms() - 3 * 3_600_000}, [("note", "Webhook 'crm' has not got through for 3 hours.")]),
        (
            {"disabled_at": 1, "disabled_why": "gone"},
            [("wrong", "Webhook 'crm' is switched off: the receiver says that it is gone (410).")],
        ),
        ({"disabled_why": "by_hand"}, []),
    ):
        with world.database.writing() as connection:
            if values:
                connection.execute(update(webhooks).where(webhooks.c.id == hook.id).values(**values))
        assert found(webhook_signs.webhook_signs(resources)) == expected
        assert found(webhook_signs.webhook_signs(resources, [world.huadong.id])) == []


# ------------------------------------------------------------ all of it


def test_what_can_not_be_looked_at_ends_the_examination(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", "redis://127.0.0.1:1")
    assert found(doctor.examine())[-1][1].startswith("Redis can't be used: ")
    monkeypatch.setenv("WARMTRAIL_DATABASE_URL", "postgresql://127.0.0.1:1/x?connect_timeout=1")
    assert found(doctor.examine())[-1][1].startswith("The database can't be used: ")
    monkeypatch.setenv("WARMTRAIL_DATABSE_URL", "x")
    assert found(doctor.examine())[-1][1].startswith("Settings: WARMTRAIL_DATABSE_URL is not a setting")


def test_the_docs_tell_of_every_sign_and_how_to_mend_it() -> None:
    table = OPERATIONS.read_text("utf-8").partition("## What doctor finds\n")[2].partition("\n## ")[0]
    rows = [re.sub("[`*]", "", line) for line in table.splitlines() if line.startswith("|")]
    for module in MODULES:
        for what, mend in module._TEXTS.values():
            if mend.en:
                words = [part.strip(" .") for part in re.split(r"\{[^}]*\}", what.en)]
                longest = max(words, key=len)
                assert any(longest in row for row in rows), what.en
