"""Looks up whose network an address belongs to, in a file that whoever runs the service supplies.

The one place where an address becomes a name. Addresses are kept nowhere but in a small memory of the latest answers,
which is emptied with the first question after a minute; what leaves this module is the name of a company, or nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, cast

from tracker.core.network_owners import is_company, owner_of
from tracker.log import get_logger
from tracker.settings import SettingError

try:
    import maxminddb
except ModuleNotFoundError:  # An extra: most services run without.
    maxminddb = None  # type: ignore[assignment]

log = get_logger(__name__)

LOOK_SECONDS: Final = 60.0
"""How often the file is looked at, and how long an answer is remembered."""
ANSWERS_AT_MOST: Final = 10_000
_LONGEST: Final = 45
"""Characters of the longest address. What is longer is not even remembered: a header can be very long."""
_SETTING: Final = "WARMTRAIL_NETWORK_FILE"
_MAPPED: Final = "::ffff:"
"""In front of an IPv4 address where a socket takes both kinds."""

_Stamp = tuple[int, int, int]


class _Reader(Protocol):
    def get(self, address: str, /) -> object: ...


class NetworkFile:
    """An open MMDB file. *clock* counts seconds.

    Raises ``SettingError`` naming the setting if the file can't be read or is none.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._companies: dict[str, str] = {}
        self._damage_told = False
        try:
            self._stamp = _stamp_of(path)
            self._reader = _open(path)
        except OSError as error:
            why = error.strerror or error
            raise SettingError(f"{_SETTING}: cannot read {path}: {why}", f"{_SETTING}：无法读取 {path}：{why}") from None
        except ValueError:
            raise SettingError(
                f"{_SETTING}: {path} is not an MMDB file; if it is an archive, unpack it first",
                f"{_SETTING}：{path} 不是 MMDB 文件；如果是压缩包，请先解压",
            ) from None
        self._look_at = clock() + LOOK_SECONDS

    def company(self, address: str) -> str:
        """Return the company whose network *address* is in; empty where that is a provider, unknown, or no address."""
        if len(address) > _LONGEST:
            return ""
        if self._clock() >= self._look_at:
            self._look()
        companies = self._companies
        known = companies.get(address)
        if known is None:
            known = self._read(address)
            if len(companies) >= ANSWERS_AT_MOST:
                companies.clear()
            companies[address] = known
        return known

    def _read(self, address: str) -> str:
        try:
            record = self._reader.get(address.removeprefix(_MAPPED))
        except (ValueError, TypeError):
            return ""  # No address, not even characters of one; or of IPv6, and the file has none of these.
        except maxminddb.InvalidDatabaseError:
            if not self._damage_told:
                log.warning("network_file_damaged")
                self._damage_told = True
            return ""
        if not isinstance(record, Mapping):
            return ""
        owner = owner_of(record)
        return owner if owner and is_company(owner, record) else ""

    def _look(self) -> None:
        """Forget the answers, and open the file anew if it has been replaced; a broken one leaves the old one in use."""
        with self._lock:
            now = self._clock()
            if now < self._look_at:
                return  # Another thread was faster.
            self._look_at = now + LOOK_SECONDS
            try:
                stamp = _stamp_of(self._path)
                if stamp != self._stamp:
                    self._reader = _open(self._path)
                    self._stamp = stamp
                    self._damage_told = False
                    log.info("network_file_opened")
            except OSError as error:
                log.warning("network_file_not_opened", error=error.strerror)
            except ValueError as error:
                log.warning("network_file_not_opened", error=str(error))
            # Anew rather than emptied: another thread may be about to enter what the old file says.
            self._companies = {}


def _stamp_of(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _open(path: Path) -> _Reader:
    """Return a reader of the file as it is now; raise ``OSError``, or ``ValueError`` if it is no MMDB file.

    It reads a copy that has no name any more. The library maps its file into memory, and whoever then writes over the
    original instead of replacing it would make the process read nonsense, or end it.
    """
    try:
        with path.open("rb") as original, tempfile.NamedTemporaryFile(prefix="warmtrail-networks-") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            return cast(_Reader, maxminddb.open_database(copy.name))
    except maxminddb.InvalidDatabaseError:
        raise ValueError("not an MMDB file") from None


def open_networks(path: Path | None) -> Callable[[str], str] | None:
    """Return the lookup of companies by address in the file at *path*; ``None`` where no file is set.

    Raises ``SettingError`` for a missing or broken file, and where the library that reads it isn't installed.
    """
    if path is None:
        return None
    if maxminddb is None:
        command = "pip install 'warmtrail[networks]'"
        raise SettingError(f"{_SETTING} needs one more package: {command}", f"{_SETTING} 还需要一个软件包：{command}")
    return NetworkFile(path).company
