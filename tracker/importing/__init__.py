"""Bringing history in: access logs and files of events, read, batched and delivered as live events are.

The same file twice changes nothing: every event carries an id made from its line.
"""

from tracker.importing.delivery import Deliver, DeliveryFailed, DeliveryResult, HttpDelivery
from tracker.importing.files import OpenLog, open_log
from tracker.importing.imports import import_events, import_log
from tracker.importing.report import ImportReport, KeepBad, Progress

__all__ = [
    "Deliver",
    "DeliveryFailed",
    "DeliveryResult",
    "HttpDelivery",
    "ImportReport",
    "KeepBad",
    "OpenLog",
    "Progress",
    "import_events",
    "import_log",
    "open_log",
]
