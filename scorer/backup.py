"""A copy of the SQLite database while the service runs, and putting one back. PostgreSQL has tools of its own for both."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
from sqlalchemy.engine import make_url

from scorer.resources import prepare_database
from scorer.service import alone
from tracker.core.labels import LabelledError
from tracker.db import Database
from tracker.settings import Settings

_WAIT_SECONDS = 1.0
"""For those who have the database open: a service that is stopping."""


class BackupError(LabelledError):
    """There is no copy, or it wasn't put back; the message says why. What was there before is still there."""


class Restored(msgspec.Struct, frozen=True):
    """A database that was put back."""

    database: str
    former: str | None
    """Where the database went that was there before; ``None`` if there was none."""


def back_up(settings: Settings, to: Path) -> int:
    """Write the database as it is at one moment to the new file *to* and return its size in bytes.

    Others may read and write meanwhile (https://www.sqlite.org/backup.html; all pages in one step, or every write of another
    process would begin it anew). The file appears under its name only when it is whole, checked and on the disk. Raises
    ``BackupError`` where the database is PostgreSQL or isn't there, and where *to* exists.
    """
    source = _sqlite_file(settings, "pg_dump --format=custom --file=warmtrail.dump …")
    if not source.is_file():
        raise BackupError(f"There is no database at {source}.", f"{source} 处没有数据库。")
    if to.exists():
        raise BackupError(f"{to} exists; a backup is not written over.", f"{to} 已存在；不会覆盖已有的备份。")
    unfinished = _unfinished(to)
    try:
        with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(unfinished)) as copy:
            database.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, which can be read where nothing may be written
            _check(copy, to)
        _reach_the_disk(unfinished)
        unfinished.rename(to)
    except sqlite3.Error as error:
        raise BackupError(f"{source} can't be copied: {error}", f"无法复制 {source}：{error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return to.stat().st_size


def restore(settings: Settings, source: Path) -> Restored:
    """Put the backup *source* in place of the database, which is kept beside it, and migrate it if it is older.

    The queue is left alone: what waits in it is drained into the restored database. Raises ``BackupError`` for PostgreSQL,
    a file that is no backup, and while anything has the database open; ``SettingError`` while ``warmtrail up`` runs;
    ``WrongVersion`` for a backup of a newer program.
    """
    place = _sqlite_file(settings, "dropdb warmtrail; createdb warmtrail; pg_restore --dbname=warmtrail warmtrail.dump")
    if not source.is_file():
        raise BackupError(f"There is no file {source}.", f"没有文件 {source}。")
    for folder in (settings.data_dir, place.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(settings.data_dir):
        unfinished = _unfinished(place)
        try:
            shutil.copyfile(source, unfinished)
            _look_at(unfinished, source)
            database = Database(f"sqlite:///{unfinished.absolute()}")
            try:
                prepare_database(database)
            finally:
                database.close()
            _reach_the_disk(unfinished)
            former = _set_aside(place)
            unfinished.rename(place)
        finally:
            for path in _files(unfinished):
                path.unlink(missing_ok=True)
    return Restored(str(place), str(former) if former else None)


def _sqlite_file(settings: Settings, instead: str) -> Path:
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise BackupError(
            f"This is for SQLite; the database is another. Use its own tools: {instead}",
            f"此命令用于 SQLite，而当前数据库不是。请使用其自带工具：{instead}",
        )
    return Path(url.database)


def _unfinished(beside: Path) -> Path:
    """Return a new empty file that only its owner can read, on the same disk as *beside*."""
    path = beside.with_name(f".{beside.name}.{os.getpid()}")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror}", f"无法写入 {path}：{error.strerror}") from error
    return path


def _look_at(file: Path, source: Path) -> None:
    """Raise ``BackupError`` unless *file*, a copy of *source*, is a whole database of Warmtrail's."""
    try:
        with closing(sqlite3.connect(file)) as copy:
            _check(copy, source)
            is_ours = copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone() == (1,)
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{source} is no database: {error}", f"{source} 不是数据库：{error}") from error
    if not is_ours:
        raise BackupError(f"{source} is no database of Warmtrail.", f"{source} 不是 Warmtrail 的数据库。")


def _check(database: sqlite3.Connection, path: Path) -> None:
    said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise BackupError(f"{path} is damaged: {said}", f"{path} 已损坏：{said}")


def _set_aside(place: Path) -> Path | None:
    """Give the database at *place* another name, with its log; raise ``BackupError`` if anything has it open."""
    if not place.exists():
        return None
    try:
        with closing(sqlite3.connect(place, timeout=_WAIT_SECONDS)) as present:
            # Leaving the write-ahead log needs the file for oneself, so this fails where somebody else has it.
            present.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(
                f"Something has {place} open. Stop the service first.", f"{place} 正被使用。请先停止服务。"
            ) from error
    except sqlite3.DatabaseError:
        pass  # Damaged: that may be why a backup is put back.
    number = 1
    while (former := place.with_name(f"{place.name}.before-restore-{number}")).exists():
        number += 1
    for path, aside in zip(_files(place), _files(former), strict=True):
        if path.exists():
            path.rename(aside)
    return former


def _files(database: Path) -> list[Path]:
    """The file of a database and those that belong to it while it is open."""
    return [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))]


def _reach_the_disk(path: Path) -> None:
    for one, flags in ((path, os.O_RDWR), (path.parent, os.O_RDONLY)):
        opened = os.open(one, flags)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
