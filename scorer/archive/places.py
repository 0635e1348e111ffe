"""Where an archive is: a local folder or a bucket that speaks S3. Files appear whole, or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tracker.core.labels import LabelledError

try:
    import pyarrow as pa
    from pyarrow import fs

    HAS_EXTRA: Final = True
except ImportError:
    HAS_EXTRA = False  # type: ignore[misc]

UNFINISHED: Final = ".unfinished-"
"""Begins the name of a local file that is being written."""


class ArchiveError(LabelledError):
    """The archive can't be used as asked."""

    def __reduce__(self) -> tuple[Any, ...]:
        return ArchiveError, (self.label.en, self.label.zh)  # It may come from another process.


class Place:
    """A folder for files, under whatever it was opened by. Names are relative to it, with slashes."""

    def __init__(self, url: str) -> None:
        """Open *url*: a path, ``file:///path``, or ``s3://bucket/folder`` with ``region``, ``endpoint_override`` and
        ``scheme`` in its query as pyarrow takes them.

        Raises ``ArchiveError`` for another URL, and where the extra isn't installed.
        """
        if not HAS_EXTRA:
            raise ArchiveError(
                "The archive needs the extra: pip install 'warmtrail[archive]'",
                "归档需要附加软件包：pip install 'warmtrail[archive]'",
            )
        self.url = url
        try:
            if urlsplit(url).scheme:
                self.files, root = fs.FileSystem.from_uri(url)
            else:
                self.files, root = fs.LocalFileSystem(), str(Path(url).absolute())
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ArchiveError(
                f"{shown(url)} can't be opened as an archive ({type(error).__name__}); a folder or s3:// is wanted",
                f"无法将 {shown(url)} 作为归档打开（{type(error).__name__}）；须为文件夹或 s3:// 网址",
            ) from None
        self.is_local = isinstance(self.files, fs.LocalFileSystem)
        self.root = root.rstrip("/")

    def read(self, name: str) -> Any:
        """Return the content of a file as a buffer; raises ``FileNotFoundError``."""
        with self.files.open_input_stream(self._path(name)) as stream:
            return stream.read_buffer()

    def open(self, name: str) -> Any:
        """Return a file to be read here and there; the caller closes it."""
        return self.files.open_input_file(self._path(name))

    def put(self, name: str, content: bytes | Any) -> None:
        """Write a file in place of what has its name. Who reads meanwhile sees the one or the other, and what is there when
        this returns outlives a loss of power, as far as the place can promise that."""
        if not self.is_local:  # A bucket shows an object when it is whole.
            with self.files.open_output_stream(self._path(name)) as stream:
                stream.write(content)
            return
        path = Path(self._path(name))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{UNFINISHED}{os.getpid()}-{path.name}")
        opened = os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _reach_the_disk(path.parent)

    def list(self, folder: str) -> dict[str, int]:
        """Return the names and bytes of all finished files under a folder, in the order of names; of none, nothing."""
        found = self.files.get_file_info(fs.FileSelector(self._path(folder), recursive=True, allow_not_found=True))
        names = {one.path.removeprefix(self.root).lstrip("/"): one.size for one in found if one.type == fs.FileType.File}
        return {name: names[name] for name in sorted(names) if UNFINISHED not in name}

    def delete_file(self, name: str) -> None:
        """Delete a file that may be gone already."""
        with suppress(FileNotFoundError):
            self.files.delete_file(self._path(name))

    def delete_folder(self, name: str) -> None:
        """Delete a folder that may be gone already, with all that is in it, unfinished files too."""
        with suppress(FileNotFoundError):
            self.files.delete_dir(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"


def shown(url: str) -> str:
    """Return *url* without what may be secret in it, for people and logs."""
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reach_the_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
