"""The archive in a bucket: a server that speaks S3, and processes that read from it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from scorer.archive import days
from scorer.archive.places import Place
from scorer.data_subjects import Asked
from scorer.engines.processes import Processes
from scorer.erasing import erase
from scorer.rescoring import score_all
from scorer.whole_history import WholeHistory
from tests.archive_samples import Archived
from tests.factories import NOW


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of a folder in a bucket of this test's own."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    where = f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    made, _ = fs.FileSystem.from_uri(f"s3://warmtrail?{where}&allow_bucket_creation=true")
    made.create_dir("warmtrail")
    yield f"s3://warmtrail/some/archive?{where}"
    server.stop()


def test_a_bucket_is_kept_and_folded_over_by_processes(migrated_sqlite_url: str, redis_url: str, bucket: str) -> None:
    archived = Archived(migrated_sqlite_url, redis_url, bucket, people=30, back=40)
    done = archived.keep()
    assert done.days > 30
    found = archived.status()
    assert found.events == done.events > 100
    with archived.database.writing() as connection:
        erase(connection, archived.site, Asked(anonymous_id="v5"), "ada", "asked", NOW)
    assert archived.keep().erased_events > 0
    scores = archived.scores()
    archived.forget_scores()
    score_all(archived.database, archived.site, lambda: NOW, history=WholeHistory(Place(bucket), Processes(2)))
    assert archived.scores() == scores
    assert archived.keep(archive_retention_days=30).cut_off_days > 5
    held = days.find(Place(bucket))
    assert held is not None
    assert min(held.days) == NOW // days.DAY_MS - 30
    assert not Place(bucket).list("runs")
    archived.database.close()
    assert "AWS_ACCESS_KEY_ID" in os.environ, "credentials come from there, and are in no URL"
