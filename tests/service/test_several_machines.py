"""The parts of the service on machines of their own: addresses, passwords, a database and a cluster are all they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from scorer.intake import read_accounts
from scorer.resources import Resources, prepare_database
from tests import services
from tests.authority import make_certificates
from tests.conftest import give_up
from tests.service.running import CLI, Service, check_sums, page, wait_for
from tests.valkey_cluster import Node, ValkeyCluster
from tracker import queue
from tracker.core.layouts import numbers_of
from tracker.db import Database
from tracker.settings import Settings

PARTITIONS = 4
HOST, NAMELESS = "127.0.0.3", "127.0.0.4"
"""Where the database listens: its certificate has the first address only."""
VISITORS = 40


class Machines:
    """A collector, a worker and a cron, each with an address and a data directory of its own."""

    def __init__(self, folder: Path, database_url: str, control: Node, cluster: ValkeyCluster) -> None:
        control_url = f"redis://:secret@{control.host}:{control.port}"
        shared = {"REDIS_URL": control_url, "STREAM_URL": cluster.url, "SECRET_KEY": "the same on each"}
        shared |= {"PARTITIONS": str(PARTITIONS), "SLOTS": "2"}
        parts = (("collector", "--web"), ("worker",), ("cron",))
        self.collector, self.worker, self.cron = (
            Service(folder / part[0], database_url, dict(shared), (*CLI, *part)) for part in parts
        )
        settings = Settings(database_url=database_url, redis_url=control_url, stream_url=cluster.url, partitions=PARTITIONS)
        self.resources = Resources(settings, control_url)

    def __enter__(self) -> Machines:
        for one in (self.collector, self.worker, self.cron):
            one.data_dir.mkdir()
            one.launch()
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()
        for one in (self.collector, self.worker, self.cron):
            one.end()

    def await_all(self, count: int) -> None:
        """Wait until so many events are stored, and nothing waits."""
        wait_for(lambda: read_accounts(self.resources).stored == count, 40, f"not {count} events are stored")
        accounts = read_accounts(self.resources)
        check_sums(accounts)
        assert (accounts.waiting, accounts.duplicate, accounts.received) == (0, 0, count)


@pytest.fixture(scope="module")
def database_by_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """See ``postgres_by_tls``."""
    certificates = tmp_path_factory.mktemp("certificates")
    make_certificates(certificates, [HOST])
    with ExitStack() as stack:
        try:
            url = stack.enter_context(services.postgres_by_tls(certificates, HOST, NAMELESS))
        except services.Missing as missing:
            give_up(str(missing))
        yield url


@pytest.fixture
def machines(tmp_path: Path, database_by_tls: str) -> Iterator[Machines]:
    database = Database(database_by_tls)
    prepare_database(database)
    database.close()
    with ExitStack() as stack:
        control = Node(tmp_path / "control", ("--requirepass", "secret"), {"password": "secret"}, host="127.0.0.2").start()
        stack.callback(control.end)
        cluster = stack.enter_context(ValkeyCluster(tmp_path / "cluster", replicas=False))
        control.await_answer()
        yield stack.enter_context(Machines(tmp_path, database_by_tls, control, cluster))


def test_events_go_through_a_cluster_to_workers_elsewhere_before_and_after_a_raise(machines: Machines) -> None:
    from tracker.supervisor import wait_for_http

    collector = machines.collector
    assert wait_for_http(f"{collector.url}/readyz", 60), collector.log
    site = collector.cli_json("site", "add", "nordwind")
    events = [page(f"v{number % VISITORS}", f"/p{number}", messageId=f"m-{number}") for number in range(3 * VISITORS)]
    key = site["server_key"]
    collector.send(events[:VISITORS], key)
    machines.await_all(VISITORS)
    told = machines.worker.cli_json("partitions", "raise", "6")
    assert told["partitions"] == 6
    collector.send(events[VISITORS : 2 * VISITORS], key)
    machines.await_all(2 * VISITORS)
    collector.send(events[2 * VISITORS :], key)
    machines.await_all(3 * VISITORS)
    streams = machines.resources.streams
    known = queue.read_appended(streams, [*range(PARTITIONS), *numbers_of(told["layout"])])
    assert sum(sum(counts.values()) for counts in known.values()) == 3 * VISITORS
    assert sum(known[number] != {} for number in range(PARTITIONS)) > 1
    assert sum(known[number] != {} for number in numbers_of(told["layout"])) > 2
    findings = collector.cli("doctor", code=None)  # it may find that PostgreSQL runs without fsync here
    assert "There are 6 partitions; WARMTRAIL_PARTITIONS says 4." in findings


@pytest.mark.parametrize(
    ("right", "wrong", "trouble"),
    [
        ("ca.pem", "other-ca.pem", "SSL error"),
        (HOST, NAMELESS, "certificate.*does not match"),
        ("sslmode=verify-full", "sslmode=disable", "no encryption"),
        (":secret@", ":guessed@", "password authentication failed"),
    ],
)
def test_a_database_that_may_be_another_or_that_anybody_could_hear_is_not_spoken_to(
    database_by_tls: str, right: str, wrong: str, trouble: str
) -> None:
    for url, works in ((database_by_tls, True), (database_by_tls.replace(right, wrong), False)):
        database = Database(url)
        with nullcontext() if works else pytest.raises(OperationalError, match=trouble), database.reading() as connection:
            assert connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar_one()
        database.close()
