"""What ``doctor`` finds about the machine: the data folder, its disk, and the time zone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.core.mounts import OVER_THE_NETWORK, file_system_of
from tracker.settings import Settings

LEAST_FREE_BYTES: Final = 1_000_000_000
_MOUNTS: Final = Path("/proc/mounts")
_ZONES: Final = Path("/usr/share/zoneinfo")


def machine_signs(settings: Settings) -> Iterator[Sign]:
    """Yield what is wrong with the data folder, and what is odd about the machine."""
    folder = settings.data_dir.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        yield sign(_TEXTS, "wrong", "not writable", folder=folder)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield sign(_TEXTS, "wrong", "disk full", folder=folder, megabytes=free // 1_000_000)
    secret = folder / "secret_key"
    if secret.exists() and secret.stat().st_mode & 0o077:
        yield sign(_TEXTS, "wrong", "secret readable", secret=secret)
    mounts = _mounts()
    for kept in _written_to(settings, folder):
        kind = file_system_of(os.path.realpath(kept), mounts)
        if kind in OVER_THE_NETWORK:
            yield sign(_TEXTS, "wrong", "network disk", folder=kept, kind=kind)
    yield from time_zone_signs(os.environ, _ZONES)


def time_zone_signs(environ: Mapping[str, str], zones: Path) -> Iterator[Sign]:
    """Yield a sign where TZ names a zone that the system doesn't have: then its times are UTC, and nothing says so."""
    wanted = environ.get("TZ", "").removeprefix(":")
    if "/" in wanted and not (Path(environ.get("TZDIR") or zones) / wanted).exists():
        yield sign(_TEXTS, "note", "time zone", zone=wanted)


def _written_to(settings: Settings, folder: Path) -> set[Path]:
    """The folders of this machine that hold the queue or the database."""
    url = settings.effective_database_url
    own = {folder} if settings.redis_url is None else set()
    return own | {Path(url.removeprefix("sqlite:///")).absolute().parent} if url.startswith("sqlite:///") else own


def _mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # not Linux


_TEXTS: Final[Texts] = {
    "not writable": (
        Label("{folder} can't be written to.", "无法写入 {folder}。"),
        Label("Change its owner, or set WARMTRAIL_DATA_DIR.", "请更改其所有者，或设置 WARMTRAIL_DATA_DIR。"),
    ),
    "disk full": (
        Label("Only {megabytes} MB are free for {folder}.", "{folder} 仅剩 {megabytes} MB 可用空间。"),
        Label("Make room: a full disk stops intake.", "请腾出空间：磁盘写满后将停止接收事件。"),
    ),
    "secret readable": (
        Label("Others can read {secret}.", "其他用户可以读取 {secret}。"),
        Label("chmod 600 {secret}", "chmod 600 {secret}"),
    ),
    "network disk": (
        Label("{folder} lies on a network disk ({kind}).", "{folder} 位于网络磁盘（{kind}）上。"),
        Label(
            "Put it on a disk of this machine: databases need locks and writes that such a disk doesn't promise.",
            "请改放在本机磁盘上：数据库所需的文件锁和落盘保证，网络磁盘无法提供。",
        ),
    ),
    "time zone": (
        Label(
            "TZ is {zone}, which this system doesn't know: its times are UTC.", "TZ 为 {zone}，系统不认识：时间按 UTC 显示。"
        ),
        Label("Install tzdata, or correct TZ.", "请安装 tzdata，或更正 TZ。"),
    ),
}
