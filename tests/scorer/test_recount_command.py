"""`warmtrail recount`: what was filtered wrongly counts, and the log says who vouched for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scorer.auditing import read_log
from scorer.cli import cli
from scorer.scoring import score_visitors
from tests.factories import World
from tests.tracker.conftest import DAY, GOOGLEBOT, NOW, packed, page, totals
from tracker import queue
from tracker.batch import process_surely
from tracker.progress import Counts


def test_what_was_filtered_wrongly_counts_and_the_log_says_so(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    site_id = world.nordwind.id
    sent = [page("v", 1, NOW - 3 * DAY), page("v", 2), page("w", 3)]
    with queue.connect(redis_url) as streams:
        queue.append(streams, site_id, packed(site_id, sent, agent=GOOGLEBOT, partitions=16))
        waiting = queue.read_entries(streams, dict.fromkeys(range(16), "0-0"), count=9, block_ms=None)
    process_surely(world.database, waiting, score_visitors, now_ms=NOW)
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)

    def recount(*words: str) -> Any:
        asked = ["recount", "--site", "nordwind", "--label", "bot", "--json", *words]
        done = CliRunner().invoke(cli, asked, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    last_day = ("--visitor", "v", "--since", "2026-11-20")
    assert recount(*last_day, "--dry-run") == {"visitors": 1, "events": 1, "sent": 0, "waiting": 0}
    assert totals(world.database)[site_id] == Counts(appended=3, received=3, filtered=3)
    counted = recount(*last_day, "--by", "ada", "--why", "Our own monitor.")
    assert counted == {"visitors": 1, "events": 1, "sent": 1, "waiting": 0}
    assert recount("--by", "ada") == {"visitors": 2, "events": 2, "sent": 2, "waiting": 0}
    assert totals(world.database)[site_id] == Counts(appended=6, received=6, stored=3, filtered=3)
    with world.database.reading() as connection:
        lines = [line for line in read_log(connection, site_id, limit=9) if line.action == "recount"]
    assert [(line.actor, line.why, line.detail) for line in reversed(lines)] == [
        ("ada", "Our own monitor.", {"label": "bot", "visitors": 1, "events": 1, "since": "2026-11-20T00:00:00Z"}),
        ("ada", "", {"label": "bot", "visitors": 2, "events": 2}),
    ]
    world.database.close()
