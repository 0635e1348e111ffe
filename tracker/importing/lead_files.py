"""Reading a file of rows as spreadsheets and CRMs write them: its encoding, its delimiter, its quoted line ends."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from tracker.core.labels import Label, LabelledError
from tracker.core.refusals import RowRefusal
from tracker.importing.files import OpenLog

LONGEST_LINE: Final = 4_000_000
"""Bytes of a line; of a longer one only a start is read. Wide enough for files that end their lines with a CR."""
DELIMITERS: Final = ",;\t|"

_LONGEST_ROW: Final = 60_000
_SAMPLE: Final = 1_000_000
_SNIFFED: Final = 60_000
_HIGH_BYTES: Final = re.compile(rb"[\x80-\xff]+")
UNDECODED: Final = "\udcff"
"""Stands for bytes that the encoding doesn't have; half of a surrogate pair, so no text holds it."""

_SIGNATURES: Final = (
    (b"PK\x03\x04", Label("an Excel workbook (or another zip archive)", "Excel 工作簿（或其他 zip 压缩文件）")),
    (b"\xd0\xcf\x11\xe0", Label("an old Excel workbook", "旧版 Excel 工作簿")),
    (b"%PDF", Label("a PDF", "PDF 文件")),
    (b"\xff\xfe\0\0", Label("UTF-32", "UTF-32 编码")),
    (b"\0\0\xfe\xff", Label("UTF-32", "UTF-32 编码")),
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

codecs.register_error(
    "warmtrail-mark", lambda error: (UNDECODED, error.end) if isinstance(error, UnicodeDecodeError) else ("", 0)
)


class UnreadableFile(LabelledError):
    """The file is no table of text, or can't be read without being told how; it says what would do."""


class Row(msgspec.Struct, frozen=True):
    """One row."""

    number: int
    """As a spreadsheet counts: the header is 1, and a quoted line end begins no row."""
    cells: list[str] | RowRefusal
    """Its cells, or why they can't be told."""
    text: str
    """The row as it stands in the file."""


class LeadFile:
    """A file of rows under a header. Iterate it once, for the rows under the header."""

    def __init__(self, log: OpenLog, encoding: str | None = None, delimiter: str | None = None) -> None:
        """Read the header of *log*, which was opened with ``LONGEST_LINE``. What isn't given is found out.

        Raises ``UnreadableFile``.
        """
        self.encoding = known_encoding(encoding) if encoding else ""
        """Name of the encoding; while only ASCII was read, ``ascii``."""
        lines = self._lines(iter(log))
        sample: list[str] = []
        for line in lines:
            sample.append(line)
            if sum(map(len, sample)) > _SNIFFED or len(sample) == 200:
                break
        if sample and (told := re.fullmatch(r"sep=(.)\s*", sample[0])):
            # Excel's own way to say it.
            delimiter = delimiter or told[1]
            del sample[0]
        self.delimiter = delimiter or sniff_delimiter(sample)
        self._rows = self._read(chain(sample, lines))
        first = next((row for row in self._rows if row.text.strip()), None)
        if first is None:
            raise UnreadableFile("The file is empty: its first row must name the columns.", "文件为空：第一行须为列名。")
        if not isinstance(first.cells, list):
            raise UnreadableFile(
                f"The first row must name the columns, and can't be read ({first.cells}).",
                f"第一行须为列名，但无法读取（{first.cells}）。",
            )
        self.header = first.cells

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def _lines(self, raw_lines: Iterator[bytes]) -> Iterator[str]:
        """Yield the lines of text, each with a newline at its end however the file ends them."""
        head = next(raw_lines, b"")
        for signature, what in _SIGNATURES:
            if head.startswith(signature):
                raise UnreadableFile(
                    f"The file is {what.en}. Save it as CSV in UTF-8.", f"该文件是 {what.zh}。请另存为 UTF-8 编码的 CSV。"
                )
        mark, decided = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", self.encoding))
        raw_lines = chain([head[len(mark) :]], raw_lines)
        decided = decided or _utf_16(head)
        if not decided:
            self.encoding = "ascii"
            for raw in raw_lines:
                if not raw.isascii():
                    # Only now is there something to tell the encoding by.
                    window = list(_window(raw, raw_lines))
                    raw_lines, decided = chain(window, raw_lines), guess_encoding(b"".join(window))
                    break
                yield from _decoded([raw], "ascii")
        if decided:
            self.encoding = decided
            yield from _decoded(raw_lines, decided)

    def _read(self, lines: Iterator[str]) -> Iterator[Row]:
        number = 0
        again: list[str] = []
        while True:
            line = again.pop() if again else next(lines, None)
            if line is None:
                return
            number += 1
            parts, length = [line], len(line)
            is_open = _opens(line, self.delimiter, False)
            while is_open and length <= _LONGEST_ROW:
                more = again.pop() if again else next(lines, None)
                if more is None:
                    break
                parts.append(more)
                length += len(more)
                is_open = _opens(more, self.delimiter, True)
            cells: list[str] | RowRefusal
            if is_open:
                # A stray quotation mark must not swallow the rows below: they are read again, each as its own.
                again.extend(reversed(parts[1:]))
                parts, cells = parts[:1], "quote_unclosed"
            elif length > _LONGEST_ROW:
                cells = "too_large"
            else:
                cells = next(csv.reader(parts, delimiter=self.delimiter), [])
            yield Row(number, cells, "".join(parts).removesuffix("\n"))


def sniff_delimiter(lines: Iterable[str]) -> str:
    """Return the delimiter that divides most rows of *lines* into as many cells as the first; a comma for one column.

    >>> sniff_delimiter(["name;price\\n", "pump;1,5\\n", "valve;2,5\\n"])
    ';'
    """
    text = list(lines)
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(text, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (round(sum(width == widths[0] for width in widths) / len(widths), 1), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def guess_encoding(sample: bytes) -> str:
    """Return ``utf-8``, ``gb18030`` or ``windows-1252``, whichever *sample* (whole lines) is written in.

    UTF-8 gives itself away; a few bad bytes in it are the file's fault. Chinese text in GB18030 has its high bytes in
    pairs, Western text mostly one by one between plain letters. Raises ``UnreadableFile`` where neither prevails.
    """
    text = sample.decode("utf-8", "warmtrail-mark")
    good = sum(letter > "\x7f" and letter != UNDECODED for letter in text)
    bad = text.count(UNDECODED)
    if bad * 20 <= good:
        return "utf-8"
    runs = [len(run) for run in _HIGH_BYTES.findall(sample)]
    single = sum(length == 1 for length in runs)
    paired = sum(runs) - single
    is_chinese = sample.decode("gb18030", "warmtrail-mark").count(UNDECODED) * 20 <= paired
    if is_chinese and paired >= 9 * single:
        return "gb18030"
    if single >= 9 * paired:
        return "windows-1252"
    raise UnreadableFile(
        "The file is not in UTF-8. Say what it is with --encoding, such as gb18030 or windows-1252.",
        "文件不是 UTF-8 编码。请用 --encoding 指定，如 gb18030 或 windows-1252。",
    )


def known_encoding(name: str) -> str:
    """Return *name* as the encoding is called here. Raises ``UnreadableFile`` for one that is not known.

    >>> known_encoding("GBK"), known_encoding("UTF8")
    ('gb18030', 'utf-8')
    """
    try:
        found = codecs.lookup(name).name
        if found.startswith("utf-16"):
            return found if found != "utf-16" else "utf-16-le"
        if b"id,x".decode(found) == "id,x":
            # The older Chinese encodings are parts of the last.
            return "gb18030" if found in ("gbk", "gb2312") else found
    except (LookupError, UnicodeError):
        pass
    raise UnreadableFile(f"There is no encoding {name!r}.", f"没有编码 {name!r}。")


def _utf_16(head: bytes) -> str:
    """The byte order of UTF-16 without a mark, told by the zeros of plain letters; empty where it is none."""
    low, high = head[0::2].count(0), head[1::2].count(0)
    if low + high <= len(head) // 8:
        return ""
    return "utf-16-le" if high > low else "utf-16-be"


def _window(first: bytes, raw_lines: Iterator[bytes]) -> Iterator[bytes]:
    size = len(first)
    yield first
    while size < _SAMPLE and (raw := next(raw_lines, None)) is not None:
        size += len(raw)
        yield raw


def _decoded(raw_lines: Iterable[bytes], encoding: str) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("warmtrail-mark"), translate=True)
    rest = ""
    for raw in raw_lines:
        if len(raw) > LONGEST_LINE:
            if encoding.startswith("utf-16"):
                raise UnreadableFile(
                    "A line is over 4 MB. Save the file as CSV in UTF-8.",
                    "有一行超过 4 MB。请将文件另存为 UTF-8 编码的 CSV。",
                )
            raw += b"\n"  # its end was not read
        *lines, rest = (rest + decoder.decode(raw)).split("\n")
        yield from (line + "\n" for line in lines)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _opens(line: str, delimiter: str, is_open: bool) -> bool:
    """Whether a quoted cell is open at the end of *line*, where one was at its start or not; as ``csv`` reads it."""
    if '"' not in line:
        return is_open
    at_start, place = not is_open, 0
    while place < len(line):
        if is_open:
            place = line.find('"', place)
            if place < 0:
                return True
            if line.startswith('""', place):
                place += 2
                continue
            is_open, at_start = False, False
            place += 1
        elif at_start and line[place] == '"':
            is_open = True
            place += 1
        else:
            # A quotation mark within a cell is a letter like any other.
            place = line.find(delimiter, place)
            if place < 0:
                return False
            at_start = True
            place += 1
    return is_open
