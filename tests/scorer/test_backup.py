"""Copies of the database: whole, of one moment, put back without losing what was there."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scorer.backup import BackupError, back_up, restore
from scorer.cli import cli
from scorer.service import alone
from tracker.db import Database
from tracker.migrate import WrongVersion
from tracker.settings import SettingError, Settings

POSTGRES = "postgresql://warmtrail:hidden@db/warmtrail"


@pytest.fixture
def here(migrated_sqlite: Path, tmp_path: Path) -> Settings:
    """Settings of a service with an empty database."""
    settings = Settings(data_dir=tmp_path / "var")
    settings.data_dir.mkdir()
    shutil.copyfile(migrated_sqlite, settings.data_dir / "warmtrail.db")
    return settings


def note(database: Path, text: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS noted (text)")
        connection.execute("INSERT INTO noted VALUES (?)", [text])
        connection.commit()


def noted(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM noted ORDER BY rowid")]


def run(settings: Settings, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, words, env={"WARMTRAIL_DATA_DIR": str(settings.data_dir), **environment})


def test_a_backup_is_one_closed_file_of_what_was_committed(here: Settings, tmp_path: Path) -> None:
    place, copy = here.data_dir / "warmtrail.db", tmp_path / "copy.db"
    note(place, "before")
    with closing(sqlite3.connect(place, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO noted VALUES ('under way')")
        assert back_up(here, copy) == copy.stat().st_size
        writer.execute("COMMIT")
    assert noted(copy) == ["before"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "var"]


def test_what_is_put_back_is_the_backup_and_the_former_is_kept(here: Settings, tmp_path: Path) -> None:
    place, copy = here.data_dir / "warmtrail.db", tmp_path / "copy.db"
    note(place, "before")
    back_up(here, copy)
    note(place, "after")
    done = restore(here, copy)
    assert (noted(place), done.former) == (["before"], f"{place}.before-restore-1")
    assert noted(Path(f"{place}.before-restore-1")) == ["before", "after"]
    assert restore(here, copy).former == f"{place}.before-restore-2"
    assert not [path for path in here.data_dir.iterdir() if path.name.endswith(("-wal", "-shm")) or path.name[0] == "."]
    assert place.stat().st_mode & 0o777 == 0o600


def test_a_damaged_or_missing_database_does_not_keep_a_backup_from_being_put_back(here: Settings, tmp_path: Path) -> None:
    place, copy = here.data_dir / "warmtrail.db", tmp_path / "copy.db"
    note(place, "before")
    back_up(here, copy)
    place.write_bytes(b"not a database any more " * 500)
    assert restore(here, copy).former is not None
    assert noted(place) == ["before"]
    place.unlink()
    assert restore(here, copy).former is None
    assert noted(place) == ["before"]


def test_nothing_is_put_back_while_the_database_is_open_or_the_service_runs(here: Settings, tmp_path: Path) -> None:
    place, copy = here.data_dir / "warmtrail.db", tmp_path / "copy.db"
    note(place, "before")
    back_up(here, copy)
    note(place, "after")
    with closing(sqlite3.connect(place)) as other:
        assert other.execute("SELECT count(*) FROM noted").fetchone() == (2,)
        with pytest.raises(BackupError, match="Stop the service first"):
            restore(here, copy)
    with alone(here.data_dir), pytest.raises(SettingError, match="another warmtrail up is running"):
        restore(here, copy)
    assert noted(place) == ["before", "after"]
    assert not [path for path in here.data_dir.iterdir() if "before-restore" in path.name]


@pytest.mark.parametrize("what", ["another database", "no database", "a newer one", "nothing"])
def test_what_is_no_backup_is_refused_and_changes_nothing(here: Settings, tmp_path: Path, what: str) -> None:
    place, copy = here.data_dir / "warmtrail.db", tmp_path / "copy.db"
    note(place, "before")
    if what == "another database":
        note(copy, "elsewhere")
    elif what == "no database":
        copy.write_bytes(b"x" * 8192)
    elif what == "a newer one":
        back_up(here, copy)
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
    with pytest.raises((BackupError, WrongVersion)):
        restore(here, copy)
    assert {path.name for path in here.data_dir.iterdir()} <= {"up.lock", "warmtrail.db"}
    assert noted(place) == ["before"]


def test_a_backup_is_not_written_over_nor_made_of_nothing(here: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    with pytest.raises(BackupError, match="exists"):
        back_up(here, copy)
    assert copy.read_text() == "precious"
    with pytest.raises(BackupError, match="There is no database"):
        back_up(Settings(data_dir=tmp_path / "empty"), tmp_path / "other.db")
    with pytest.raises(BackupError, match="can't be written"):
        back_up(here, tmp_path / "no such folder" / "copy.db")


def test_a_backup_of_an_older_version_is_migrated(here: Settings, tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from scorer import migrations

    old = tmp_path / "old.db"
    database = Database(f"sqlite:///{old}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    database.close()
    restore(here, old)
    with closing(sqlite3.connect(here.data_dir / "warmtrail.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() != ("0001",)


def test_postgresql_is_refused_with_the_command_to_use(here: Settings, tmp_path: Path) -> None:
    for words, told in (("backup", "pg_dump --format=custom"), ("restore --yes", "pg_restore --dbname")):
        done = run(here, *words.split(), str(tmp_path / "copy.db"), WARMTRAIL_DATABASE_URL=POSTGRES)
        assert (done.exit_code, told in done.stderr, "hidden" in done.stderr) == (1, True, False)


def test_the_commands_say_what_they_did(here: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    done = run(here, "backup", str(copy), "--json")
    assert json.loads(done.stdout) == {"file": str(copy), "bytes": copy.stat().st_size}
    asked = CliRunner().invoke(cli, ["restore", str(copy)], env={"WARMTRAIL_DATA_DIR": str(here.data_dir)}, input="n\n")
    assert asked.exit_code == 1
    assert not list(here.data_dir.glob("*.before-restore-*"))
    told = run(here, "restore", str(copy), "--yes", "--lang", "zh").stdout
    assert "已恢复为备份内容" in told
    assert f"{here.data_dir}/warmtrail.db.before-restore-1" in told
