"""Reading web server access logs: lines in, hits out, and hits into the events a browser would have sent.

``detect`` names the format, ``Format.parse`` reads a line, ``to_event`` makes the event. Nothing here opens a file.
"""

from tracker.core.weblogs.detection import FORMATS, detect, format_named
from tracker.core.weblogs.hit_events import ASSET_EXTENSIONS, DOWNLOAD_EXTENSIONS, Skipped, SkipReason, to_event
from tracker.core.weblogs.records import (
    MAX_LINE_LENGTH,
    BadReason,
    Format,
    LogHit,
    UnknownLogFormat,
    decode_line,
)

__all__ = [
    "ASSET_EXTENSIONS",
    "DOWNLOAD_EXTENSIONS",
    "FORMATS",
    "MAX_LINE_LENGTH",
    "BadReason",
    "Format",
    "LogHit",
    "SkipReason",
    "Skipped",
    "UnknownLogFormat",
    "decode_line",
    "detect",
    "format_named",
    "to_event",
]
