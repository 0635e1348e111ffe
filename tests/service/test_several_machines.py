"""The parts of the service on machines of their own: addresses, a password and a cluster are all that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scorer.intake import read_accounts
from scorer.resources import Resources
from tests.service.running import CLI, Service, check_sums, page, wait_for
from tests.valkey_cluster import Node, ValkeyCluster
from tracker import queue
from tracker.core.layouts import numbers_of
from tracker.settings import Settings

PARTITIONS = 4
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


@pytest.fixture
def machines(tmp_path: Path, migrated_postgres_url: str) -> Iterator[Machines]:
    with ExitStack() as stack:
        control = Node(tmp_path / "control", ("--requirepass", "secret"), {"password": "secret"}, host="127.0.0.2").start()
        stack.callback(control.end)
        cluster = stack.enter_context(ValkeyCluster(tmp_path / "cluster", replicas=False))
        control.await_answer()
        yield stack.enter_context(Machines(tmp_path, migrated_postgres_url, control, cluster))


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
