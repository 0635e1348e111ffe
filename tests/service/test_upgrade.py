"""What an earlier version wrote, a database and a queue with events that wait, is taken over with the same scores.

``versions/first.tar.xz`` is the data directory of the first version: 40 people of the sample story whom it had counted, and
65 events that its collector had accepted and nobody had drained (5 of them twice). ``first.json`` is what it made of
all of them in the end.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, insert, select

import scorer.migrations
from scorer.explaining import explain
from scorer.resources import now_ms
from tests.service.conftest import MakeService
from tests.service.running import Service, page
from tracker.db import Database

VERSIONS = Path(__file__).with_name("versions")
KEEP: dict[str, Any] = {"RETENTION_DAYS": "36500", "PARTITIONS": "4"}
"""Also when the tests run in years to come; and as many partitions as the first version was set to."""


def written_by(version: str, data_dir: Path) -> dict[str, Any]:
    """Put the data directory of *version* at *data_dir*; return what it said of itself."""
    with tarfile.open(VERSIONS / f"{version}.tar.xz") as archive:
        archive.extractall(data_dir, filter="data")
    told: dict[str, Any] = json.loads((VERSIONS / f"{version}.json").read_text(encoding="utf-8"))
    return told


def copy_to(target: Database, source: Path, revision: str) -> None:
    """Fill the empty *target* with the tables of the SQLite file *source*, at the same revision of the schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(str(scorer.migrations.__file__)).parent))
    old = create_engine(f"sqlite:///{source}")
    with target.writing() as connection, old.connect() as reading:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        theirs, ours = MetaData(), MetaData()
        theirs.reflect(reading)
        ours.reflect(connection)
        for table in ours.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(select(theirs.tables[table.name]))]
            connection.execute(table.delete())
            if rows:
                connection.execute(insert(table), rows)
            for column in table.columns:
                if column.identity is not None:
                    top = f"(SELECT coalesce(max({column.name}), 0) + 1 FROM {table.name})"
                    sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                    connection.exec_driver_sql(f"SELECT setval({sequence}, {top}, false)")
    old.dispose()


def assert_scores_are(told: dict[str, Any], service: Service) -> None:
    with service.resources.database.reading() as connection:
        for lead, was in told["leads"].items():
            found = explain(connection, lead, now_ms())
            assert found is not None, lead
            assert found.heat == pytest.approx(was["heat"], rel=1e-9), lead
            assert [[one.rule, one.at, one.points] for one in found.contributions] == was["contributions"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_the_first_version_wrote_counts_as_it_did(kind: str, make_service: MakeService) -> None:
    service = make_service(kind, **KEEP)
    told = written_by("first", service.data_dir)
    if service.database_url is not None:
        database = Database(service.database_url)
        copy_to(database, service.data_dir / "warmtrail.db", "0001")
        database.close()
        (service.data_dir / "warmtrail.db").unlink()
    service.start()
    accounts = service.processed()
    assert {name: getattr(accounts, name) for name in told["status"]} == told["status"]
    assert_scores_are(told, service)
    shown = {lead["id"]: lead for lead in service.cli_json("hot", "--min-score", "0", "--limit", "100")["data"]}
    for lead, was in told["leads"].items():
        assert {name: shown[lead][name] for name in ("email", "visits", "page_views", "downloads")} == {
            name: was[name] for name in ("email", "visits", "page_views", "downloads")
        }

    # It goes on from there: who comes back is known, and what comes is counted.
    site = service.cli_json("site", "list")[0]
    service.send([page("somebody-new", "/nordwind/pricing.html")], site["write_key"])
    assert service.processed().stored == accounts.stored + 1
