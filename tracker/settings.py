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

from tracker.core.labels import LabelledError
from tracker.core.layouts import MOST_PARTITIONS
from tracker.core.mail_server import read_mailbox, read_smtp_url
from tracker.core.quotas import read_quota
from tracker.core.shape_words import shape_in_chinese
from tracker.endpoints import CONTROL_SCHEMES, STREAM_SCHEMES, read_endpoint


class SettingError(LabelledError):
    """A setting has a value the service can't run with; the message names the setting and says what it wants."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one process. See ``docs/settings.md`` for what each does and when to change it."""

    database_url: str | None = None
    """SQLAlchemy URL; ``None`` means SQLite in ``data_dir``."""
    read_database_url: str | None = None
    """SQLAlchemy URL of a replica of the PostgreSQL database, for reads of page and API; ``None``: there is none."""
    read_lag_seconds: float = 5.0
    """How old what is read from the replica may be."""
    database_pool: str = "10,20"
    """Connections to PostgreSQL that a process keeps open, and how many more it opens when all are busy."""
    database_pooled: bool = False
    """Whether a pooler that gives each transaction another connection stands in front of PostgreSQL."""
    redis_url: str | None = None
    """Redis or Valkey (7.0 or newer) for RQ, locks and limits, one server or what Sentinel names; ``None`` means the private
    server in ``data_dir``."""
    stream_url: str | None = None
    """Server or cluster of the event streams; ``None`` means the same as ``redis_url``."""
    stream_replicas: int = 0
    """Replicas that must have confirmed events before they are acknowledged."""
    data_dir: Path = Path("var")
    bind: str = "127.0.0.1:8700"
    public_url: str | None = None
    """Address at which browsers and salespeople reach the service; ``None`` means ``http://`` + ``bind``."""
    partitions: int = 16
    """Streams that events are spread over by visitor, until they are raised (see ``tracker.layouts``)."""
    workers: int = 1
    """Drain workers that ``warmtrail up`` and ``warmtrail worker`` start, unless ``slots`` asks for another number."""
    slots: int | None = None
    """Groups of partitions, each with a worker of its own on every machine; ``None`` means as many as ``workers``. All
    machines must have the same."""
    collect_prefix: str = "/v1"
    secret_key: str | None = None
    smtp_url: str | None = None
    """Mail server, ``smtp://`` or ``smtps://`` (see ``tracker.core.mail_server``); ``None``: no mail is sent."""
    mail_from: str | None = None
    """Sender of mails, an address or ``Name <address>``."""
    smtp_ca_file: Path | None = None
    """Certificates that a mail server's is checked against; ``None`` means those of the system."""
    oidc_issuer: str | None = None
    """Address of the OpenID Connect provider that people may sign in through; ``None``: through none."""
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    """What the provider knows this service by. Both are needed with ``oidc_issuer``."""
    oidc_name: str | None = None
    """How people call the provider; ``None`` means its host."""
    api_rate: str = "600,120"
    """Requests that a key of the sales API may make a minute: reading, writing."""
    log_format: str = "text"
    language: str = "en"
    """In which commands speak that aren't told another with ``--lang``: ``en`` or ``zh``."""
    retention_days: int = 730
    dead_letter_days: int | None = None
    """Days for which refused events are kept; ``None`` means ``retention_days``."""
    """Days for which raw events are kept."""
    archive_url: str | None = None
    """Folder or ``s3://`` URL that raw events are archived to; ``None``: there is no archive."""
    archive_partitions: int = 8
    """Files a day of a new archive: as many processes or machines can fold over it at once."""
    archive_retention_days: int | None = None
    """Days for which the archive keeps events, by when they were received; ``None`` means ``retention_days``."""
    spark_master: str = "local[*]"
    """Spark that ``--engine spark`` runs on, as Spark names it."""
    late_window_days: float = 7.0
    """How far back the public write key may date an event."""
    key_quota: str = "2000,20000"
    """Events a second, and at once, that may come with one write key; ``off``: any number. Of each collector process."""
    address_quota: str = "200,20000"
    """The same from one client address."""
    visitor_quota: str = "20,2000"
    """The same of one visitor."""
    newcomer_quota: str = "0.02,2000"
    """New visitors a second, and at once, from one client address, whose events count; ``off``: any number."""
    max_waiting_entries: int = 2_000_000
    """Queue entries (one for each request and partition that it touches) above which the collector answers 503."""
    webhook_allow: str | None = None
    """Hosts and networks of our own that webhooks may send to, separated by commas; ``None``: none."""
    network_file: Path | None = None
    """MMDB file that names the owners of networks; ``None``: nobody is looked up."""

    @property
    def effective_database_url(self) -> str:
        """The URL to open: the one given, or SQLite in the data directory."""
        if self.database_url is None:
            return f"sqlite:///{(self.data_dir / 'warmtrail.db').absolute()}"
        return _with_driver(self.database_url)

    @property
    def effective_read_database_url(self) -> str | None:
        """The URL of the replica to open; ``None`` where there is none."""
        return None if self.read_database_url is None else _with_driver(self.read_database_url)

    @property
    def database_pool_sizes(self) -> tuple[int, int]:
        """Connections kept open, and how many more at most."""
        kept, more = self.database_pool.split(",")
        return int(kept), int(more)

    @property
    def slot_count(self) -> int:
        """Number of slots in use; never more than there are partitions."""
        return min(self.slots or self.workers, self.partitions)

    @property
    def api_rates(self) -> tuple[int, int]:
        """Reading and writing requests that an API key may make a minute."""
        reading, writing = self.api_rate.split(",")
        return int(reading), int(writing)

    @property
    def url(self) -> str:
        """Base URL of the service without a trailing slash."""
        return (self.public_url or f"http://{self.bind}").rstrip("/")

    @property
    def bind_address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.bind.rpartition(":")
        return host.strip("[]"), int(port)


def _with_driver(url: str) -> str:
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


_PREFIX = "WARMTRAIL_"
_AT_LEAST_ONE = (
    *("partitions", "workers", "slots", "retention_days", "dead_letter_days", "max_waiting_entries"),
    *("archive_partitions", "archive_retention_days"),
)


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
            raise SettingError(
                f"{variable} is not a setting; see docs/settings.md for the list",
                f"{variable} 不是设置项；列表见 docs/settings.md",
            )
        raw[name] = value
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        variable = f"{_PREFIX}{path.rstrip('`').upper()}"
        raise SettingError(f"{variable}: {message}", f"{variable}：{shape_in_chinese(message)}") from None
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
        raise SettingError(
            f"{variable}: cannot read {path}: {error.strerror}", f"{variable}：无法读取 {path}：{error.strerror}"
        ) from None


def _check(settings: Settings) -> None:
    for name in _AT_LEAST_ONE:
        value = getattr(settings, name)
        if value is not None and value < 1:
            variable = f"{_PREFIX}{name.upper()}"
            raise SettingError(f"{variable} must be at least 1, not {value}", f"{variable} 须至少为 1，而不是 {value}")
    if settings.partitions > MOST_PARTITIONS:
        variable = f"{_PREFIX}PARTITIONS"
        raise SettingError(f"{variable} must be at most {MOST_PARTITIONS}", f"{variable} 至多为 {MOST_PARTITIONS}")
    if settings.stream_replicas < 0:
        variable = f"{_PREFIX}STREAM_REPLICAS"
        raise SettingError(f"{variable} must not be negative", f"{variable} 不能为负数")
    if settings.late_window_days < 0:
        variable = f"{_PREFIX}LATE_WINDOW_DAYS"
        raise SettingError(f"{variable} must not be negative", f"{variable} 不能为负数")
    if (settings.archive_retention_days or 0) > settings.retention_days:
        # Who is asked for by name is looked up in the database. Beyond it nobody could be erased.
        longer, variable = f"{_PREFIX}ARCHIVE_RETENTION_DAYS", f"{_PREFIX}RETENTION_DAYS"
        raise SettingError(
            f"{longer} must not be above {variable} ({settings.retention_days}): nobody could be erased from the archive "
            "who is no longer in the database",
            f"{longer} 不得大于 {variable}（{settings.retention_days}）：否则数据库中已不存在的人将无法从归档中删除",
        )
    host, colon, port = settings.bind.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise _looks_wrong("BIND", "127.0.0.1:8700", settings.bind)
    if not settings.collect_prefix.startswith("/") or settings.collect_prefix.endswith("/"):
        variable = f"{_PREFIX}COLLECT_PREFIX"
        raise SettingError(
            f"{variable} must start with a slash and not end with one", f"{variable} 须以斜杠开头，且不以斜杠结尾"
        )
    rates = [part.strip() for part in settings.api_rate.split(",")]
    if len(rates) != 2 or not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**9 for part in rates):
        raise _looks_wrong("API_RATE", "600,120", settings.api_rate)
    for name in ("key_quota", "address_quota", "visitor_quota", "newcomer_quota"):
        try:
            read_quota(getattr(settings, name))
        except ValueError:
            raise _looks_wrong(name.upper(), f"{getattr(Settings(), name)} or off", getattr(settings, name)) from None
    if settings.log_format not in ("text", "json"):
        raise _neither("LOG_FORMAT", "text", "json", settings.log_format)
    if settings.language not in ("en", "zh"):
        raise _neither("LANGUAGE", "en", "zh", settings.language)
    _check_endpoint("REDIS_URL", settings.redis_url, CONTROL_SCHEMES)
    _check_endpoint("STREAM_URL", settings.stream_url, STREAM_SCHEMES)
    if settings.public_url is not None and urlsplit(settings.public_url).scheme not in ("http", "https"):
        raise _other_scheme("PUBLIC_URL", "an http:// or https:// URL", "http:// 或 https:// 网址")
    _check_database(settings)
    _check_mail(settings)
    _check_oidc(settings)


def _check_database(settings: Settings) -> None:
    sizes = [part.strip() for part in settings.database_pool.split(",")]
    if len(sizes) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in sizes) or sizes[0] == "0":
        raise _looks_wrong("DATABASE_POOL", "10,20", settings.database_pool)
    if settings.read_lag_seconds <= 0:
        variable = f"{_PREFIX}READ_LAG_SECONDS"
        raise SettingError(f"{variable} must be above 0", f"{variable} 须大于 0")
    if settings.read_database_url is not None:
        for name in ("DATABASE_URL", "READ_DATABASE_URL"):
            url = getattr(settings, name.lower())
            if url is None or not url.startswith(("postgresql", "postgres://")):
                raise SettingError(
                    f"{_PREFIX}READ_DATABASE_URL: replicas are PostgreSQL's; {_PREFIX}{name} is not one",
                    f"{_PREFIX}READ_DATABASE_URL：只有 PostgreSQL 才有副本；{_PREFIX}{name} 不是 PostgreSQL",
                )


def _check_endpoint(name: str, url: str | None, schemes: tuple[str, ...]) -> None:
    if url is None:
        return
    if url.partition("://")[0] not in schemes:
        named = [f"{scheme}://" for scheme in schemes]
        raise _other_scheme(
            name, f"a {', '.join(named[:-1])} or {named[-1]} URL", f"{'、'.join(named[:-1])} 或 {named[-1]} 网址"
        )
    try:
        read_endpoint(url).ssl_context  # noqa: B018  (reads the files of certificates)
    except (ValueError, OSError) as error:
        variable = f"{_PREFIX}{name}"
        # Without the URL: there is a password in it.
        raise SettingError(f"{variable} can't be used: {error}", f"{variable} 无法使用：{error}") from None


def _looks_wrong(name: str, example: str, value: str) -> SettingError:
    variable = f"{_PREFIX}{name}"
    return SettingError(
        f"{variable} must look like {example}, not {value!r}", f"{variable} 须形如 {example}，而不是 {value!r}"
    )


def _neither(name: str, one: str, other: str, value: str) -> SettingError:
    variable = f"{_PREFIX}{name}"
    return SettingError(
        f"{variable} must be {one} or {other}, not {value!r}", f"{variable} 须为 {one} 或 {other}，而不是 {value!r}"
    )


def _other_scheme(name: str, wanted: str, wanted_zh: str) -> SettingError:
    return SettingError(f"{_PREFIX}{name} must be {wanted}", f"{_PREFIX}{name} 须为 {wanted_zh}")


def _check_mail(settings: Settings) -> None:
    for name, value, read in (
        ("SMTP_URL", settings.smtp_url, read_smtp_url),
        ("MAIL_FROM", settings.mail_from, read_mailbox),
    ):
        try:
            if value is not None:
                read(value)
        except LabelledError as error:
            raise SettingError(f"{_PREFIX}{name} {error}", f"{_PREFIX}{name} {error.label.zh}") from None
    if settings.smtp_url is not None and settings.mail_from is None:
        raise SettingError(
            f"{_PREFIX}SMTP_URL needs {_PREFIX}MAIL_FROM as well: the address that mails come from",
            f"设置 {_PREFIX}SMTP_URL 时还须设置 {_PREFIX}MAIL_FROM，即邮件的发件地址",
        )
    if settings.smtp_ca_file is not None and not settings.smtp_ca_file.is_file():
        variable, path = f"{_PREFIX}SMTP_CA_FILE", settings.smtp_ca_file
        raise SettingError(f"{variable}: there is no file {path}", f"{variable}：没有文件 {path}")


_LONGEST_OIDC_NAME = 40
"""Characters: it stands on a button."""


def _check_oidc(settings: Settings) -> None:
    needed = ("issuer", "client_id", "client_secret")
    given = [name for name in (*needed, "name") if getattr(settings, f"oidc_{name}") is not None]
    missing = [f"{_PREFIX}OIDC_{name.upper()}" for name in needed if name not in given]
    if given and missing:
        variable = f"{_PREFIX}OIDC_{given[0].upper()}"
        raise SettingError(
            f"{variable} needs {' and '.join(missing)} as well", f"设置 {variable} 时还须设置 {' 和 '.join(missing)}"
        )
    if settings.oidc_issuer is not None and not _is_issuer(settings.oidc_issuer):
        raise SettingError(
            f"{_PREFIX}OIDC_ISSUER must be an https:// URL without a query, such as https://login.example.com",
            f"{_PREFIX}OIDC_ISSUER 须为不带查询参数的 https:// 网址，例如 https://login.example.com",
        )
    name = settings.oidc_name
    if name is not None and (not name.isprintable() or not 0 < len(name.strip()) <= _LONGEST_OIDC_NAME):
        raise SettingError(
            f"{_PREFIX}OIDC_NAME must be a name of at most {_LONGEST_OIDC_NAME} visible characters",
            f"{_PREFIX}OIDC_NAME 须为名称，最多 {_LONGEST_OIDC_NAME} 个可见字符",
        )


def _is_issuer(url: str) -> bool:
    """Whether *url* can be a provider's: only on this machine without TLS, for trying things out."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or not url.isprintable() or " " in url or "?" in url or "#" in url or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))
