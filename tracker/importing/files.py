"""Opening a log that may be compressed, and reading it line by line within bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from tracker.core.weblogs import MAX_LINE_LENGTH

_BUFFER = 1 << 18

_OPENERS: dict[bytes, Callable[[Any], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class OpenLog:
    """An open file of lines. Iterate it once; close it, or use it in a ``with``."""

    def __init__(self, raw: BinaryIO, size: int | None, longest_line: int = MAX_LINE_LENGTH) -> None:
        """*size* is that of the file as it is stored, ``None`` for a pipe."""
        self.size = size
        self.cut_short = ""
        """Why reading stopped before the file's end; empty while all is well. Set when the iteration is over."""
        self._longest_line = longest_line
        self._counter = _Pieces(raw.read)
        self._lines = io.BufferedReader(self._counter, _BUFFER)
        head = self._lines.peek(6)
        opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
        if opener:
            # Piece by piece, so that a file that breaks off gives all that comes before the break.
            self._lines = io.BufferedReader(_Pieces(opener(self._lines).read1), _BUFFER)
        self._raw = raw

    @property
    def position(self) -> int:
        """Stored bytes read so far: of a compressed file, compressed ones."""
        return self._counter.read_so_far

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines with their ends; of one longer than *longest_line* only a start that is one byte longer."""
        read, limit = self._lines.readline, self._longest_line + 1
        try:
            while line := read(limit):
                yield line
                while len(line) == limit and not line.endswith(b"\n"):
                    line = read(limit)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            self.cut_short = str(error) or type(error).__name__

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._raw is not sys.stdin.buffer:
            self._raw.close()

    def __enter__(self) -> OpenLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_log(path: str | Path, longest_line: int = MAX_LINE_LENGTH) -> OpenLog:
    """Return the open log at *path* (``-`` is standard input), unpacked if it is gzip, bzip2 or xz.

    The packing is known by the content, not by the name. Raises ``OSError`` where the file can't be opened.
    """
    if str(path) == "-":
        return OpenLog(sys.stdin.buffer, None, longest_line)
    file = Path(path)
    raw = file.open("rb", buffering=0)
    return OpenLog(cast(BinaryIO, raw), file.stat().st_size if file.is_file() else None, longest_line)


class _Pieces(io.RawIOBase):
    """What *read* gives, counted: neither a pipe nor an unpacker has a position to ask for."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read_so_far = 0
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self.read_so_far += len(data)
        return len(data)
