"""Bringing history in: access logs, files of events and of leads, read, batched and delivered as live events are.

The same file twice changes nothing: every event carries an id made from its line.
"""

from tracker.importing.delivery import Deliver, DeliveryFailed, DeliveryResult, HttpDelivery
from tracker.importing.files import OpenLog, open_log
from tracker.importing.imports import import_events, import_leads, import_log
from tracker.importing.lead_files import UnreadableFile
from tracker.importing.report import ImportReport, KeepBad, LeadReport, Progress

__all__ = [
    "Deliver",
    "DeliveryFailed",
    "DeliveryResult",
    "HttpDelivery",
    "ImportReport",
    "KeepBad",
    "LeadReport",
    "OpenLog",
    "Progress",
    "UnreadableFile",
    "import_events",
    "import_leads",
    "import_log",
    "open_log",
]
