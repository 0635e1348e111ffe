"""The audit log as a file: every line with its hashes, so that it can be kept, and checked, elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from scorer.audit_checking import chained_rows, outside_rows
from scorer.outlets.shapes import time_text


class ExportedLine(msgspec.Struct, frozen=True):
    """A line as the file has it: what is hashed, character by character. Hashes and salt in hexadecimal digits."""

    site: int
    """The site's id, on which the hash before the first line depends."""
    number: int | None
    """``None`` for lines that aren't in the chain; they come last."""
    at: int
    """Milliseconds since 1970 UTC, as it is hashed."""
    time: str
    """The same for people."""
    actor: str
    action: str
    subject: str
    why: str
    detail: str
    """JSON as text, as it is hashed."""
    salt: str | None
    """``None``: the words were taken out."""
    words_hash: str | None
    chain: str | None


def exported(connection: Connection, site_id: int) -> Iterator[bytes]:
    """Yield the lines of a site's log in the order of the chain, as lines of JSON. The transaction must see one moment."""
    for row in chain(chained_rows(connection, site_id), outside_rows(connection, site_id)):
        yield msgspec.json.encode(_line(row)) + b"\n"


def _line(row: Row[Any]) -> ExportedLine:
    return ExportedLine(
        site=row.site_id,
        number=row.number,
        at=row.at,
        time=time_text(row.at),
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        why=row.why,
        detail=row.detail,
        salt=_hex(row.salt),
        words_hash=_hex(row.words_hash),
        chain=_hex(row.chain),
    )


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
