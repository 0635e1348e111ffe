"""The closed lists of reasons for which a request or an event is refused, and of labels that keep an event from counting."""

from __future__ import annotations

from typing import Final, Literal, get_args

RequestRefusal = Literal[
    "body_empty",
    "body_too_large",
    "body_too_slow",
    "too_many_events",
    "encoding_invalid",
    "encoding_unsupported",
    "json_invalid",
    "shape_invalid",
    "too_deep",
    "write_key_missing",
    "write_key_unknown",
    "origin_not_allowed",
    "method_not_allowed",
    "overloaded",
    "queue_unavailable",
    "key_quota_exceeded",
    "address_quota_exceeded",
    "visitor_quota_exceeded",
]

EventRefusal = Literal[
    "event_not_object",
    "field_invalid",
    "type_missing",
    "type_unknown",
    "event_name_missing",
    "identity_missing",
    "timestamp_invalid",
    "timestamp_in_future",
    "timestamp_too_old",
    "engaged_ms_invalid",
    "url_invalid",
    "text_invalid",
    "number_out_of_range",
    "event_too_deep",
    "event_too_large",
]

EntryRefusal = Literal["entry_unreadable", "site_unknown", "processing_failed"]
"""Reasons that are found only in the worker."""

ImportRefusal = Literal[
    "line_unparsable",
    "line_bad_time",
    "line_not_json",
    "line_not_event",
    "line_columns_unnamed",
    "line_wrong_columns",
    "line_too_long",
    "file_cut_short",
]
"""Reasons for which a line of an imported file can't become an event."""

RowRefusal = Literal[
    "identity_missing",  # neither id nor e-mail
    "email_invalid",
    "date_invalid",
    "date_ambiguous",  # 03/04/2025, and nobody said which of them is the month
    "date_future",
    "number_invalid",  # the value of a deal can't be read
    "row_short",  # fewer cells than the header
    "row_long",  # more
    "text_invalid",  # bytes that are not of the file's encoding
    "quote_unclosed",  # a quotation mark opens a cell that nothing closes
    "too_large",  # an id over 200 characters, a row over 60,000, an event over 32 kB
]
"""Reasons for which a row of an imported file of leads can't be taken. Two are events' as well, and explained as theirs."""

Refusal = RequestRefusal | EventRefusal

STATUS: Final[dict[str, int]] = {
    "body_empty": 400,
    "body_too_large": 413,
    "body_too_slow": 408,
    "too_many_events": 413,
    "encoding_invalid": 400,
    "encoding_unsupported": 415,
    "json_invalid": 400,
    "shape_invalid": 400,
    "too_deep": 400,
    "write_key_missing": 401,
    "write_key_unknown": 401,
    "origin_not_allowed": 403,
    "method_not_allowed": 405,
    "overloaded": 503,
    "queue_unavailable": 503,
    "key_quota_exceeded": 429,
    "address_quota_exceeded": 429,
    "visitor_quota_exceeded": 429,
    "event_too_large": 413,
}
"""HTTP status of each refusal; those not listed answer 400."""

EXPLANATION: Final[dict[str, str]] = {
    "body_empty": "The request has no body.",
    "body_too_large": "The body is over 500 kB; send smaller batches.",
    "body_too_slow": "The body did not arrive in time.",
    "too_many_events": "The batch holds over 5,000 events; send smaller batches.",
    "encoding_invalid": "The body is not what its Content-Encoding says.",
    "encoding_unsupported": "Only gzip and identity are understood as Content-Encoding.",
    "json_invalid": "The body is not valid JSON in UTF-8.",
    "shape_invalid": "The body must be one event, or an object with a list named batch.",
    "too_deep": "The body nests deeper than 32 levels.",
    "write_key_missing": "Give the site's key as user name of Basic authentication or as writeKey in the body.",
    "write_key_unknown": "No site has this key.",
    "origin_not_allowed": "The site does not list this origin.",
    "method_not_allowed": "Send events with POST.",
    "overloaded": "The queue is full, or more comes than can be taken; try again after the time in Retry-After.",
    "queue_unavailable": "The queue does not answer; try again after the time in Retry-After.",
    "key_quota_exceeded": "Too many events came with this write key; try again after the time in Retry-After.",
    "address_quota_exceeded": "Too many events came from this address; try again after the time in Retry-After.",
    "visitor_quota_exceeded": "Too many events came from this visitor; try again after the time in Retry-After.",
    "event_not_object": "An event must be a JSON object.",
    "field_invalid": "A field has the wrong type or is too long.",
    "type_missing": "An event in a batch needs a type.",
    "type_unknown": "The type must be page, track, identify, group or alias.",
    "event_name_missing": "A track event needs its name in the field event.",
    "identity_missing": "An event needs an anonymousId or a userId.",
    "timestamp_invalid": "A time must be written as in 2026-11-21T09:30:00.000Z.",
    "timestamp_in_future": "The event says it happened later than now.",
    "timestamp_too_old": "The public write key may not date events this far back; use the server key for history.",
    "engaged_ms_invalid": "engaged_ms must be a number from 0 to 86400000.",
    "url_invalid": "The url must be an http or https address or a path.",
    "text_invalid": "A text holds a NUL character.",
    "number_out_of_range": "A number does not fit in 64 bits.",
    "event_too_deep": "The event nests deeper than 32 levels.",
    "event_too_large": "The event is over 32 kB.",
    "entry_unreadable": "The queue entry could not be decoded.",
    "site_unknown": "The site was removed before its events were processed.",
    "processing_failed": "The event could not be processed; the log names the error.",
    "line_unparsable": "The line does not fit the log format.",
    "line_bad_time": "The line's time could not be read.",
    "line_not_json": "The line is not JSON.",
    "line_not_event": "The line is not a JSON object.",
    "line_columns_unnamed": "No #Fields line before it says what the columns are.",
    "line_wrong_columns": "The line has more or fewer columns than its #Fields line names.",
    "line_too_long": "The line is over 32 kB.",
    "file_cut_short": "The compressed file ends in the middle.",
    "email_invalid": "The cell is not one e-mail address of at most 200 characters.",
    "date_invalid": "The time in the cell can't be read, or is before 1990.",
    "date_ambiguous": "Day and month of the date could change places; say with --dates which comes first.",
    "date_future": "The time in the cell is later than now.",
    "number_invalid": "The sum in the cell can't be read, or could be two; write 1234 or 1.234,00.",
    "row_short": "The row has fewer cells than the header.",
    "row_long": "The row has more cells than the header, and something in them.",
    "quote_unclosed": "A quotation mark opens a cell, and nothing closes it.",
    "too_large": "The row is over 60,000 characters, its id over 200, or what it becomes over 32 kB.",
}

FilterLabel = Literal[
    "opt_out", "own_traffic", "prefetch", "automation", "bot", "mail_click", "unvouched", "unproven", "spam", "flood"
]
"""Why an event is kept out of visits and scores. ``opt_out`` events are counted but not kept; so are, where a
site demands one, events without a consent, which are seen only when the visitor is known (``tracker.batch``)."""


def all_refusals() -> frozenset[str]:
    """Every reason there is."""
    lists = (RequestRefusal, EventRefusal, EntryRefusal, ImportRefusal, RowRefusal)
    return frozenset(reason for each in lists for reason in get_args(each))
