"""The three imports: an access log, a file of events, and a file of leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from tracker.core.lead_rows import LeadPlan, RefusedRow, RowEvents, map_columns, row_events
from tracker.core.weblogs import (
    MAX_LINE_LENGTH,
    BadReason,
    LogHit,
    Skipped,
    decode_line,
    detect,
    format_named,
    to_event,
)
from tracker.importing.delivery import MAX_EVENT_BYTES, Batches, Deliver
from tracker.importing.files import OpenLog, open_log
from tracker.importing.lead_files import LONGEST_LINE, UNDECODED, LeadFile, Row
from tracker.importing.report import ImportReport, KeepBad, LeadReport, Progress

_DETECT_LINES = 1000
_PROGRESS_EVERY = 500
_KEPT_TEXT = 2000
_FIRST_BAD = 5
_SAMPLES = 3
_LONGEST_EXAMPLE = 60
_MOST_NAMES = 1000
"""Names of events and states told apart; a column mapped by mistake may have a million."""
_REMEMBERED_LINES = 200_000
_LONGEST_EVENT_LINE = 200_000
"""Six bytes a letter, as JSON may escape it, of the longest event."""


def import_log(
    path: str | Path,
    site_salt: bytes,
    origin: str,
    format: str,
    deliver: Deliver,
    progress: Progress | None = None,
    keep_bad: KeepBad | None = None,
) -> ImportReport:
    """Deliver the page views and downloads of the access log at *path* (``-``: standard input) and return the counts.

    *site_salt* (1 to 64 bytes) must stay the same for a site, so that a visitor of two logs is one visitor and the same
    log twice changes nothing. *origin* is the site's, as in ``https://www.example.com``. *format* is a name out of
    ``FORMATS`` or ``auto``. *keep_bad* is told of every line that can't be read, so that it can be stored.

    Raises ``OSError`` for a file that can't be opened, ``UnknownLogFormat``, and ``DeliveryFailed`` when the service
    can't be reached: run it again, nothing is counted twice.
    """
    with open_log(path) as log:
        lines = iter(log)
        if format == "auto":
            head = list(islice(lines, _DETECT_LINES))
            reader = detect(decode_line(raw) for raw in head) if head else format_named("combined")
            lines = chain(head, lines)
        else:
            reader = format_named(format)
        report = ImportReport(reader.name)
        batches = Batches(deliver, report)
        occurrences = _Occurrences()
        origin = origin.rstrip("/")
        for raw in _counted(lines, log, report, progress):
            line = decode_line(raw)
            if report.lines == 1:
                line = line.removeprefix("\ufeff")
            hit: LogHit | BadReason | None = "line_too_long" if len(raw) > MAX_LINE_LENGTH else reader.parse(line)
            if hit is None:
                report.silent += 1
            elif not isinstance(hit, LogHit):
                _keep(hit, line, report, keep_bad)
            else:
                event = to_event(hit, origin=origin, salt=site_salt, occurrence=occurrences.of(_digest(line.encode())))
                if isinstance(event, Skipped):
                    report.skipped[event.reason] += 1
                elif not batches.add(event):
                    report.skipped["url_too_long"] += 1  # written out, its odd letters take too much room
        return _finish(log, batches, report, progress, keep_bad)


def import_events(
    path: str | Path, deliver: Deliver, progress: Progress | None = None, keep_bad: KeepBad | None = None
) -> ImportReport:
    """Deliver the Segment events of the file at *path*, one JSON object a line, and return the counts.

    An event without a ``messageId`` gets one made from its line, so that the same file twice changes nothing. What is
    wrong inside an event is for the collector to say. Raises as ``import_log`` does.
    """
    with open_log(path, _LONGEST_EVENT_LINE) as log:
        report = ImportReport("events")
        batches = Batches(deliver, report)
        occurrences = _Occurrences()
        for raw in _counted(iter(log), log, report, progress):
            event = _event(raw.removeprefix(b"\xef\xbb\xbf") if report.lines == 1 else raw)
            if event is None:
                report.silent += 1
            elif isinstance(event, str):
                _keep(event, decode_line(raw), report, keep_bad)
            else:
                if not event.get("messageId"):
                    digest = _digest(raw.rstrip(b"\r\n"))
                    event["messageId"] = f"file-{digest.hex()}-{occurrences.of(digest)}"
                if not batches.add(event):
                    _keep("line_too_long", decode_line(raw), report, keep_bad)
        return _finish(log, batches, report, progress, keep_bad)


def import_leads(
    path: str | Path,
    site_salt: bytes,
    plan: LeadPlan,
    deliver: Deliver | None,
    progress: Progress | None = None,
    keep_bad: KeepBad | None = None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> LeadReport:
    """Deliver the leads, touches and outcomes of the rows at *path* (``-``: standard input) and return the counts.

    *plan* says what the file doesn't; *encoding* and *delimiter* are found out where they aren't given. Without
    *deliver* it is a dry run: everything is read and counted, nothing is sent or kept, and the report has samples.
    *site_salt* and *keep_bad* are as for ``import_log``.

    Raises as ``import_log`` does, ``UnreadableFile`` and ``MappingError``, both before anything is delivered (the
    first also for a line over 4 MB in UTF-16).
    """
    with open_log(path, LONGEST_LINE) as log:
        file = LeadFile(log, encoding, delimiter)
        report = LeadReport("leads", columns=map_columns(file.header, plan), delimiter=file.delimiter)
        report.is_dry = deliver is None
        batches = Batches(deliver, report) if deliver else None
        for row in file:
            report.lines += 1
            report.encoding = file.encoding
            if isinstance(row.cells, list) and not any(cell.strip() for cell in row.cells):
                report.silent += 1
                continue
            found = _lead(row, site_salt, plan, report)
            if isinstance(found, RefusedRow):
                _keep_row(row, found, report, keep_bad if deliver else None)
            else:
                _take_row(found, batches, report)
            if progress and report.lines % _PROGRESS_EVERY == 0:
                progress(log.position, log.size, report)
        report.encoding = file.encoding
        _finish(log, batches, report, progress, keep_bad if deliver else None)
        return report


def _lead(row: Row, site_salt: bytes, plan: LeadPlan, report: LeadReport) -> RowEvents | RefusedRow:
    """The events of a row, small enough each to be sent, or why it is refused."""
    if not isinstance(row.cells, list):
        return RefusedRow(row.cells)
    for column, cell in zip(report.columns, row.cells, strict=False):
        if cell.strip():
            report.examples.setdefault(column.name, cell.strip()[:_LONGEST_EXAMPLE])
    found = row_events(row.cells, report.columns, plan, site_salt)
    if isinstance(found, RowEvents) and any(len(msgspec.json.encode(event)) >= MAX_EVENT_BYTES for event in found.events):
        return RefusedRow("too_large")
    return found


def _take_row(found: RowEvents, batches: Batches | None, report: LeadReport) -> None:
    report.taken += 1
    for event in found.events:
        name = event.get("event", event["type"])
        report.events[name if name in report.events or len(report.events) < _MOST_NAMES else event["type"]] += 1
    report.undated += found.undated
    if found.unknown_status and (
        found.unknown_status in report.unknown_statuses or len(report.unknown_statuses) < _MOST_NAMES
    ):
        report.unknown_statuses[found.unknown_status] += 1
    if batches is None:
        if len(report.samples) < _SAMPLES:
            report.samples.append(found.events)
    else:
        for event in found.events:
            batches.add(event)


def _keep_row(row: Row, refused: RefusedRow, report: LeadReport, keep_bad: KeepBad | None) -> None:
    report.bad[refused.reason] += 1
    first = report.first_bad.setdefault(refused.reason, [])
    if len(first) < _FIRST_BAD:
        first.append((row.number, refused.column))
    if keep_bad:
        keep_bad(refused.reason, row.number, row.text[:_KEPT_TEXT].replace(UNDECODED, "\ufffd"))


def _event(raw: bytes) -> dict[str, Any] | BadReason | None:
    """The event of a line, the reason why it is none, or ``None`` for an empty line."""
    if len(raw) > _LONGEST_EVENT_LINE:
        return "line_too_long"
    if not raw.strip():
        return None
    try:
        event = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return "line_not_json"
    if not isinstance(event, dict):
        return "line_not_event"
    return event


def _counted(lines: Iterable[bytes], log: OpenLog, report: ImportReport, progress: Progress | None) -> Iterator[bytes]:
    for report.lines, raw in enumerate(lines, start=1):
        yield raw
        if progress and report.lines % _PROGRESS_EVERY == 0:
            progress(log.position, log.size, report)


def _keep(reason: BadReason, line: str, report: ImportReport, keep_bad: KeepBad | None) -> None:
    report.bad[reason] += 1
    if keep_bad:
        keep_bad(reason, report.lines, line[:_KEPT_TEXT])


def _finish(
    log: OpenLog, batches: Batches | None, report: ImportReport, progress: Progress | None, keep_bad: KeepBad | None
) -> ImportReport:
    if batches:
        batches.flush()
    if log.cut_short:
        report.lines += 1
        _keep("file_cut_short", log.cut_short, report, keep_bad)
    if progress:
        progress(log.position, log.size, report)
    return report


def _digest(line: bytes) -> bytes:
    return blake2b(line, digest_size=16).digest()


class _Occurrences:
    """Counts equal lines. Equal lines of a log bear the same second, so they stand close together: only the last few
    hundred thousand lines are remembered, and a log of any length fits into memory."""

    def __init__(self) -> None:
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}

    def of(self, digest: bytes) -> int:
        """Return how many lines of this *digest* were asked about before."""
        before = self._recent.get(digest)
        if before is None:
            before = self._older.get(digest, 0)
            if len(self._recent) == _REMEMBERED_LINES:
                self._older, self._recent = self._recent, {}
        self._recent[digest] = before + 1
        return before
