"""Notes as the sales API answers them."""

from __future__ import annotations

import msgspec

from scorer.outlets.shapes import Time


class Note(msgspec.Struct, frozen=True):
    """What somebody has written about a lead."""

    id: int
    lead_id: str
    at: Time
    by: str
    text: str


class NoteList(msgspec.Struct, frozen=True):
    """The notes about a lead, newest first; all of them."""

    data: list[Note]
    next_cursor: None
