"""Groups of leads that behave alike, as stored."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec
from sqlalchemy import Connection, case, func, select

from scorer.core.grouping import Group, GroupModel
from scorer.core.proportions import Rate, rate
from scorer.learning_models import group_models, lead_groups
from scorer.models import leads
from tracker import bulk


class GroupSize(msgspec.Struct, frozen=True):
    """A group of a site with the leads that are in it."""

    group: Group
    leads: int
    won: Rate


def list_groups(connection: Connection, site_id: int) -> list[GroupSize]:
    """Return the groups of a site, the largest first; empty where none were found, or none looked for."""
    model = load_groups(connection, site_id)
    if model is None:
        return []
    won = func.coalesce(func.sum(case((leads.c.status == "won", 1), else_=0)), 0)
    query = (
        select(lead_groups.c.group_id, func.count(), won)
        .select_from(lead_groups.join(leads, leads.c.id == lead_groups.c.lead_id))
        .where(lead_groups.c.site_id == site_id, leads.c.merged_into.is_(None))
        .group_by(lead_groups.c.group_id)
    )
    counted = {number: (count, bought) for number, count, bought in connection.execute(query)}
    found = []
    for group in model.groups:
        count, bought = counted.get(group.id, (0, 0))
        found.append(GroupSize(group, count, rate(bought, count)))
    return sorted(found, key=lambda one: (-one.leads, one.group.id))


def groups_of(connection: Connection, lead_ids: Iterable[str]) -> dict[str, int]:
    """Return the group of each of these leads that is in one."""
    rows = bulk.select_where_in(connection, lead_groups, ("lead_id", "group_id"), "lead_id", sorted(set(lead_ids)))
    return dict(map(tuple, rows))


def load_groups(connection: Connection, site_id: int) -> GroupModel | None:
    """Return what was found of a site; ``None`` where nobody has looked for groups yet."""
    body = connection.execute(select(group_models.c.body).where(group_models.c.site_id == site_id)).scalar()
    return _read(body) if body is not None else None


def keep_groups(connection: Connection, site_id: int, model: GroupModel) -> None:
    """Keep what was found of a site."""
    row = (site_id, model.made_at, msgspec.json.encode(model).decode())
    bulk.upsert(connection, group_models, [row], columns=("site_id", "at", "body"))


@lru_cache(maxsize=16)
def _read(body: str) -> GroupModel:
    return msgspec.json.decode(body, type=GroupModel)
