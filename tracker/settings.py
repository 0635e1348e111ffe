"""The service's settings, read once from the environment into a frozen record.

Every setting is an environment variable ``WARMTRAIL_<NAME>``; a secret may instead be given as ``WARMTRAIL_<NAME>_FILE``,
the path of a file that holds it. A wrong value stops start-up and is named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec


class SettingError(ValueError):
    """A setting has a value the service can't run with; the message names the setting and says what it wants."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one process. See ``docs/settings.md`` for what each does and when to change it."""

    database_url: str | None = None
    """SQLAlchemy URL; ``None`` means SQLite in ``data_dir``."""
    redis_url: str | None = None
    """Redis or Valkey (7.0 or newer) for RQ, locks and limits; ``None`` means the private server in ``data_dir``."""
    stream_url: str | None = None
    """Server of the event streams; ``None`` means the same as ``redis_url``."""
    data_dir: Path = Path("var")
    bind: str = "127.0.0.1:8700"
    public_url: str | None = None
    """Address at which browsers and salespeople reach the service; ``None`` means ``http://`` + ``bind``."""
    partitions: int = 16
    """Streams that events are spread over by visitor. May only be raised while nothing is waiting."""
    workers: int = 1
    """Drain workers that ``warmtrail up`` and ``warmtrail worker`` start, unless ``slots`` asks for another number."""
    slots: int | None = None
    """Groups of partitions, each with a worker of its own on every machine; ``None`` means as many as ``workers``. All
    machines must have the same."""
    collect_prefix: str = "/v1"
    secret_key: str | None = None
    smtp_url: str | None = None
    mail_from: str | None = None
    log_format: str = "text"
    retention_days: int = 730
    """Days for which raw events are kept."""
    late_window_days: float = 7.0
    """How far back the public write key may date an event."""
    max_waiting_entries: int = 2_000_000
    """Queue entries (one for each request and partition that it touches) above which the collector answers 503."""
    network_file: Path | None = None
    """MMDB file that names the owners of networks; ``None``: nobody is looked up."""

    @property
    def effective_database_url(self) -> str:
        """The URL to open: the one given, or SQLite in the data directory."""
        if self.database_url is None:
            return f"sqlite:///{(self.data_dir / 'warmtrail.db').absolute()}"
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url.removeprefix(plain)
        return self.database_url

    @property
    def slot_count(self) -> int:
        """Number of slots in use; never more than there are partitions."""
        return min(self.slots or self.workers, self.partitions)

    @property
    def url(self) -> str:
        """Base URL of the service without a trailing slash."""
        return (self.public_url or f"http://{self.bind}").rstrip("/")

    @property
    def bind_address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.bind.rpartition(":")
        return host.strip("[]"), int(port)


_PREFIX = "WARMTRAIL_"
_AT_LEAST_ONE = ("partitions", "workers", "slots", "retention_days", "max_waiting_entries")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings found in *environ* (default: the process's own).

    Raises ``SettingError`` naming the variable for an unknown name, an unreadable secret file or a wrong value.
    """
    environ = os.environ if environ is None else environ
    raw: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or value == "":
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in Settings.__struct_fields__ and name.endswith("_file"):
            name, value = name.removesuffix("_file"), _read_secret(variable, value)
        if name not in Settings.__struct_fields__:
            raise SettingError(f"{variable} is not a setting; see docs/settings.md for the list")
        raw[name] = value
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise SettingError(f"{_PREFIX}{path.rstrip('`').upper()}: {message}") from None
    _check(settings)
    return settings


def _to_path(kind: type, value: object) -> Path:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{variable}: cannot read {path}: {error.strerror}") from None


def _check(settings: Settings) -> None:
    for name in _AT_LEAST_ONE:
        value = getattr(settings, name)
        if value is not None and value < 1:
            raise SettingError(f"{_PREFIX}{name.upper()} must be at least 1, not {value}")
    if settings.late_window_days < 0:
        raise SettingError(f"{_PREFIX}LATE_WINDOW_DAYS must not be negative")
    host, colon, port = settings.bind.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise SettingError(f"{_PREFIX}BIND must look like 127.0.0.1:8700, not {settings.bind!r}")
    if not settings.collect_prefix.startswith("/") or settings.collect_prefix.endswith("/"):
        raise SettingError(f"{_PREFIX}COLLECT_PREFIX must start with a slash and not end with one")
    if settings.log_format not in ("text", "json"):
        raise SettingError(f"{_PREFIX}LOG_FORMAT must be text or json, not {settings.log_format!r}")
    for name in ("redis_url", "stream_url"):
        url = getattr(settings, name)
        if url is not None and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            raise SettingError(f"{_PREFIX}{name.upper()} must be a redis://, rediss:// or unix:// URL")
    if settings.public_url is not None and urlsplit(settings.public_url).scheme not in ("http", "https"):
        raise SettingError(f"{_PREFIX}PUBLIC_URL must be an http:// or https:// URL")
