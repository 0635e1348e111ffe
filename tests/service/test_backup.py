"""The drill: a backup is made while events come in, the database is lost, the backup is put back."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from scorer.resources import now_ms
from tests.service.conftest import MakeService
from tests.service.running import MINUTE, Event, Service, page


def hot(service: Service) -> list[tuple[str, int]]:
    """Leads and page views, the hottest first, whose browsers were there before the backup."""
    found: list[dict[str, Any]] = service.cli_json("hot", "--min-score", "0", "--limit", "100")["data"]
    return [(lead["id"], lead["page_views"]) for lead in found]


def test_after_a_restore_the_hot_list_is_that_of_the_backup_and_new_events_count(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service().start()
    site = service.add_site()
    start, copy = now_ms() - 60 * MINUTE, tmp_path / "copy.db"
    buyers = [page(f"buyer-{n}", f"/pricing/{k}", start + k * MINUTE) for n in range(12) for k in range(n + 1)]
    service.send(buyers, site.server_key)
    service.processed()
    before = hot(service)
    assert len(before) == 12

    stop, sent = threading.Event(), threading.Semaphore(0)

    def visit() -> None:
        number = 0
        while not stop.is_set():
            events: list[Event] = [page(f"later-{number}", "/pricing") for _ in range(5)]
            service.send(events, site.server_key)
            number += 1
            sent.release()
            stop.wait(0.02)

    visitors = threading.Thread(target=visit)
    visitors.start()
    try:
        for _ in range(3):
            assert sent.acquire(timeout=20)
        service.cli("backup", str(copy))
        for _ in range(3):
            assert sent.acquire(timeout=20)
    finally:
        stop.set()
        visitors.join(20)
    service.processed()
    assert len(hot(service)) > 12
    assert "another warmtrail up is running" in service.cli("restore", str(copy), "--yes", code=1)

    service.end()
    (service.data_dir / "warmtrail.db").write_bytes(b"")
    service.cli("restore", str(copy), "--yes")
    service.start()
    accounts = service.processed()
    restored = hot(service)
    assert [one for one in restored if one in before] == before
    assert accounts.stored >= len(buyers)

    service.send([page("buyer-0", f"/pricing/again/{n}") for n in range(2)], site.server_key)
    assert service.processed().stored == accounts.stored + 2
