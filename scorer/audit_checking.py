"""Whether the audit log is as it was written: each site's chain followed, and its head told to the outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select, update

from scorer.auditing import extend_chain
from scorer.core.audit_chain import Break, Head, Line, before_first, compared, follow
from scorer.core.audit_words import told_break
from scorer.core.findings import Sign
from scorer.core.labels import Label
from scorer.models import audit, audit_heads
from scorer.resources import Resources
from tracker.sites import load_sites

LATEST: Final = 1000
"""Lines that are looked at where the whole log would take too long."""
_READ_AT_ONCE: Final = 1000


class Checked(msgspec.Struct, frozen=True):
    """What a look at a site's chain has found."""

    lines: int
    """How many there should be: the head's number."""
    followed: int
    """How many of them were looked at and found to be as they were written."""
    emptied: int
    """Among those: without their words, which were about people who are forgotten."""
    chain: str
    """Hash of the last line, as it is kept apart from the log."""
    broken: Break | None


def check(connection: Connection, site_id: int, latest: int | None = None, known: Head | None = None) -> Checked:
    """Return whether a site's log is as it was written: all of it, or its *latest* lines, those before taken for right.

    *known* is a line as it was noted elsewhere, which has to be there still. The transaction must see one moment.
    """
    kept = head_of(connection, site_id)
    past = _noted(connection, site_id, kept.number - latest) if latest is not None and kept.number > latest else None
    rows = chained_rows(connection, site_id, past.number if past else None)
    start = past or before_first(site_id)
    followed = compared(follow(map(line_of, rows), start), kept)
    broken = followed.broken
    if broken is None and known is not None:
        found = _noted(connection, site_id, known.number)
        if found != known:
            broken = Break(known.number, "missing" if found is None else "changed")
    if broken is None and connection.execute(select(_outside(site_id).exists())).scalar_one():
        broken = Break(0, "outside")
    return Checked(kept.number, followed.head.number - start.number, followed.emptied, kept.chain.hex(), broken)


def head_of(connection: Connection, site_id: int) -> Head:
    """Return the last line of a site's chain, as it is kept apart from the log."""
    row = connection.execute(select(audit_heads).where(audit_heads.c.site_id == site_id)).one_or_none()
    return before_first(site_id) if row is None else Head(row.number, row.chain)


def chained_rows(connection: Connection, site_id: int, after: int | None = None) -> Iterator[Row[Any]]:
    """Yield the rows of a site's chain in the order of their numbers, or those behind a number; a thousand at a time."""
    while True:
        mine = (audit.c.site_id == site_id) & (audit.c.number.is_not(None) if after is None else audit.c.number > after)
        rows = connection.execute(select(audit).where(mine).order_by(audit.c.number).limit(_READ_AT_ONCE)).all()
        yield from rows
        if len(rows) < _READ_AT_ONCE:
            return
        after = rows[-1].number


def outside_rows(connection: Connection, site_id: int) -> Iterable[Row[Any]]:
    """Return the rows of a site that aren't in its chain: those of a program of the version before, or put there by hand."""
    return connection.execute(_outside(site_id).order_by(audit.c.id))


def line_of(row: Row[Any]) -> Line:
    """Return a row as the chain has it."""
    return Line(*(getattr(row, name) for name in Line.__struct_fields__))


def take_in(connection: Connection, site_ids: Iterable[int]) -> int:
    """Put lines into the chain that have no number yet, at its end; return how many. The caller commits.

    A program of the version before writes such lines while the next one is being installed. Lines that somebody is just
    writing are left for the next time.
    """
    count = 0
    for site_id in sorted(site_ids):
        query = _outside(site_id).order_by(audit.c.id).limit(_READ_AT_ONCE).with_for_update(skip_locked=True)
        for row in connection.execute(query).all():
            made = extend_chain(connection, site_id, row.at, row.actor, row.action, row.subject, row.why, row.detail)
            connection.execute(update(audit).where(audit.c.id == row.id).values(msgspec.structs.asdict(made)))
            count += 1
    return count


def audit_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield a sign for each broken chain, of all sites or of those named, or one that there is none."""
    found, lines = False, 0
    with resources.database.reading() as connection:
        for site_id, site in load_sites(connection).items():
            if site_ids is not None and site_id not in site_ids:
                continue
            checked = check(connection, site_id, LATEST)
            lines += checked.followed
            if checked.broken is not None:
                found, told = True, told_break(checked.broken)
                what = Label(f"{site.name}: the audit log: {told.en}", f"{site.name}：审计日志：{told.zh}")
                yield Sign("wrong", what, _MEND_OUTSIDE if checked.broken.fault == "outside" else _MEND)
    if not found and lines:
        what = Label(f"Audit log: its last {lines:,} lines are as written.", f"审计日志：最近 {lines:,} 行未被改动。")
        yield Sign("good", what)


_MEND: Final = Label(
    "Somebody has written into the database itself. Compare with a backup and the exported log; see docs/operations.md.",
    "有人直接改动了数据库。请与备份及导出的日志比对；详见 docs/operations.md。",
)
_MEND_OUTSIDE: Final = Label(
    "After an update they are taken in within a day; otherwise somebody has written into the database itself.",
    "若刚完成升级，一天之内会自动并入；否则即有人直接改动了数据库。",
)


def _outside(site_id: int) -> Any:
    return select(audit).where(audit.c.site_id == site_id, audit.c.number.is_(None))


def _noted(connection: Connection, site_id: int, number: int) -> Head | None:
    """A line of the chain by its number; ``None`` where there is none."""
    mine = (audit.c.site_id == site_id) & (audit.c.number == number)
    row = connection.execute(select(audit.c.number, audit.c.chain).where(mine)).one_or_none()
    return None if row is None or row.chain is None else Head(row.number, row.chain)
