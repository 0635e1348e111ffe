"""What people say a lead is, in the company's own terms: one label in each scheme (product line, kind of buyer, …).

A scheme exists as soon as a label in it does. Labels go with the lead when it is merged, separated or erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update

from scorer.auditing import note
from scorer.decision_errors import DecisionError
from scorer.handling import check_version, checked_name, lock_root
from scorer.learning_models import class_models, lead_classes, lead_labels
from scorer.memberships import lock_leads
from scorer.models import leads
from tracker import bulk
from tracker.sites import Site

LONGEST: Final = 60
"""Characters of a scheme's or a label's name."""
MAX_SCHEMES: Final = 20
MAX_LABELS: Final = 50
"""Labels of one scheme."""
_IN_ONE_QUERY: Final = 2_000
_COLUMNS: Final = ("site_id", "scheme", "home_id", "lead_id", "label", "by", "at")


class Labelled(msgspec.Struct, frozen=True):
    """What somebody has said of a lead. ``at`` in ms since 1970 UTC."""

    scheme: str
    label: str
    by: str
    at: int


class Asked(msgspec.Struct, frozen=True):
    """That a lead is to have a label, or none any more (``None``)."""

    lead: str
    scheme: str
    label: str | None


def set_label(
    connection: Connection,
    site: Site,
    lead: str,
    scheme: str,
    label: str | None,
    actor: str,
    now_ms: int,
    *,
    version: int | None = None,
) -> None:
    """Say what a lead is in a scheme, or take back what was said (``None``), also of the leads merged into it.

    Raises ``Stale`` where *version* is given and isn't the lead's, else ``DecisionError``.
    """
    asked = Asked(lead, checked_label(scheme), None if label is None else checked_label(label))
    by = checked_name(actor)
    row = lock_root(connection, site, lead)
    check_version(row, version)
    _check_room(connection, site.id, [asked])
    root: str = row["id"]
    before = labels_of(connection, [root]).get(root, {}).get(asked.scheme)
    if (before.label if before else None) == asked.label:
        return
    _write(connection, site.id, [msgspec.structs.replace(asked, lead=root)], by, now_ms)
    detail = {asked.scheme: {"from": before.label if before else None, "to": asked.label}}
    note(connection, site.id, by, "label", root, "", detail, now_ms)


def set_labels(connection: Connection, site: Site, asked: Sequence[Asked], actor: str, now_ms: int) -> int:
    """Say of many leads at once what they are; of several about one lead in one scheme the last counts. Return how many of
    them have a label now that they hadn't before, or none any more. One line in the log.

    Raises ``DecisionError``, and writes nothing then.
    """
    by = checked_name(actor)
    told = {(one.lead, checked_label(one.scheme)): one for one in asked}
    clean = [
        Asked(lead, scheme, None if one.label is None else checked_label(one.label)) for (lead, scheme), one in told.items()
    ]
    rows = lock_leads(connection, {one.lead for one in clean})
    for one in clean:
        if one.lead not in rows or rows[one.lead]["site_id"] != site.id or rows[one.lead]["merged_into"] is not None:
            raise DecisionError(f"There is no lead {one.lead!r}.", f"没有线索 {one.lead!r}。")
    _check_room(connection, site.id, clean)
    before = labels_of(connection, {one.lead for one in clean})
    changed = []
    for one in clean:
        known = before.get(one.lead, {}).get(one.scheme)
        if (known.label if known else None) != one.label:
            changed.append(one)
    _write(connection, site.id, changed, by, now_ms)
    if changed:
        note(connection, site.id, by, "labels", "classes", "", {"leads": len({one.lead for one in changed})}, now_ms)
    return len(changed)


def labels_of(connection: Connection, lead_ids: Iterable[str]) -> dict[str, dict[str, Labelled]]:
    """Return the labels of each of these leads that has any, by scheme."""
    found: dict[str, dict[str, Labelled]] = {}
    columns = ("lead_id", "home_id", "scheme", "label", "by", "at")
    rows = bulk.select_where_in(connection, lead_labels, columns, "lead_id", sorted(set(lead_ids)))
    for lead, _, scheme, label, by, at in sorted(rows, key=lambda row: (row[5], row[1])):
        found.setdefault(lead, {})[scheme] = Labelled(scheme, label, by, at)
    return found


def labelled_leads(connection: Connection, site_id: int, scheme: str) -> dict[str, str]:
    """Return the label of each lead of a site that has one in this scheme."""
    query = select(lead_labels.c.lead_id, lead_labels.c.label)
    mine = (lead_labels.c.site_id == site_id, lead_labels.c.scheme == scheme, counts())
    return {row.lead_id: row.label for row in connection.execute(query.where(*mine).order_by(lead_labels.c.lead_id))}


def count_labels(connection: Connection, site_id: int) -> dict[str, dict[str, int]]:
    """Return how many leads have each label of each scheme of a site; schemes by name, their commonest label first."""
    number = func.count()
    query = (
        select(lead_labels.c.scheme, lead_labels.c.label, number)
        .where(lead_labels.c.site_id == site_id, counts())
        .group_by(lead_labels.c.scheme, lead_labels.c.label)
    )
    found: dict[str, dict[str, int]] = {}
    for scheme, label, count in sorted(connection.execute(query), key=lambda row: (row[0], -row[2], row[1])):
        found.setdefault(scheme, {})[label] = count
    return found


def counts() -> ColumnElement[bool]:
    """Which rows of ``lead_labels`` count: of those of leads that have become one, the latest."""
    mine, later = lead_labels.c, lead_labels.alias("later")
    newer = or_(later.c.at > mine.at, and_(later.c.at == mine.at, later.c.home_id > mine.home_id))
    same = (later.c.lead_id == mine.lead_id, later.c.site_id == mine.site_id, later.c.scheme == mine.scheme)
    return ~exists().where(*same, newer).correlate(lead_labels)


def checked_label(name: str) -> str:
    """Return the name of a scheme or label, on one line with single spaces; raise ``DecisionError`` for what is none."""
    name = name.strip()
    if name.isprintable():
        name = " ".join(name.split())
    if not name or len(name) > LONGEST or not name.isprintable():
        raise DecisionError(
            f"The name of a scheme or label has 1 to {LONGEST} printable characters.",
            f"分类体系和标签的名称须为 1 至 {LONGEST} 个可见字符。",
        )
    return name


def _check_room(connection: Connection, site_id: int, asked: Sequence[Asked]) -> None:
    known = count_labels(connection, site_id)
    labels = {scheme: set(counted) for scheme, counted in known.items()}
    for one in asked:
        if one.label is not None:
            labels.setdefault(one.scheme, set()).add(one.label)
    if len(labels) > max(MAX_SCHEMES, len(known)):
        raise DecisionError(f"A site has {MAX_SCHEMES} schemes at most.", f"每个站点最多 {MAX_SCHEMES} 个分类体系。")
    for scheme, names in labels.items():
        if len(names) > max(MAX_LABELS, len(known.get(scheme, ()))):
            raise DecisionError(f"A scheme has {MAX_LABELS} labels at most.", f"每个分类体系最多 {MAX_LABELS} 个标签。")


def _write(connection: Connection, site_id: int, asked: Sequence[Asked], by: str, now_ms: int) -> None:
    """Write labels of roots that are locked. What was learned of these leads is told no longer."""
    latest = func.max(lead_labels.c.at)
    for scheme in sorted({one.scheme for one in asked}):
        of_scheme = [one for one in asked if one.scheme == scheme]
        mine = (lead_labels.c.site_id == site_id, lead_labels.c.scheme == scheme)
        for some in _parts([one.lead for one in of_scheme if one.label is None]):
            connection.execute(delete(lead_labels).where(*mine, lead_labels.c.lead_id.in_(some)))
        # Whatever was said before of leads merged into these, this is the last word.
        at = max(now_ms, (connection.execute(select(latest).where(*mine)).scalar() or 0) + 1)
        rows = [(site_id, scheme, one.lead, one.lead, one.label, by, at) for one in of_scheme if one.label is not None]
        bulk.upsert(connection, lead_labels, sorted(rows), columns=_COLUMNS)
        learned = (lead_classes.c.site_id == site_id, lead_classes.c.scheme == scheme)
        for some in _parts([one.lead for one in of_scheme]):
            connection.execute(delete(lead_classes).where(*learned, lead_classes.c.lead_id.in_(some)))
        if connection.execute(select(lead_labels.c.lead_id).where(*mine).limit(1)).first() is None:
            connection.execute(delete(lead_classes).where(*learned))
            model = (class_models.c.site_id == site_id, class_models.c.scheme == scheme)
            connection.execute(delete(class_models).where(*model))
    for some in _parts(sorted({one.lead for one in asked})):
        connection.execute(update(leads).where(leads.c.id.in_(some)).values(version=leads.c.version + 1))


def _parts(lead_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(lead_ids), _IN_ONE_QUERY):
        yield lead_ids[start : start + _IN_ONE_QUERY]
