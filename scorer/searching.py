"""Finding leads by words: kept beside each lead when it is written, so that a search reads a stretch of an index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from scorer.core.search import AFTER_ALL, sought, words_of
from scorer.memberships import surviving
from scorer.outlet_models import lead_words
from tracker import bulk

CANDIDATES_AT_MOST: Final = 1000
"""Entries read of a word. One that begins more isn't looked up, but looked for along the ranking, where it is soon found."""
TEXTS: Final = ("name", "email", "company_name", "company_domain")
"""Columns of ``leads`` whose words are kept."""
_COLUMNS: Final = ("site_id", "word", "lead_id")
_LEAD_ID: Final = re.compile("ld_[a-z2-7]{16}")


class Found(msgspec.Struct, frozen=True):
    """Where to look for what a search wants."""

    among: frozenset[str] | None
    """Only these leads can be meant; ``None``: any."""
    wanted: tuple[str, ...]
    """The words that are still to be looked for in each."""


def look_up(connection: Connection, site_id: int, search: str) -> Found:
    """Return where to look for a search: a lead's id, or words of its name, address, company.

    Reads at most a thousand entries for each word.
    """
    words = sought(search)
    if len(words) == 1 and _LEAD_ID.fullmatch(words[0]):
        meant = lead_meant(connection, site_id, search)
        return Found(frozenset([meant] if meant else []), ())
    among: frozenset[str] | None = None
    common = []
    for word in words:
        stretch = (lead_words.c.word >= word) & (lead_words.c.word < word + AFTER_ALL)
        query = select(lead_words.c.lead_id).where(lead_words.c.site_id == site_id, stretch)
        entries = list(connection.execute(query.limit(CANDIDATES_AT_MOST + 1)).scalars())
        if len(entries) > CANDIDATES_AT_MOST:
            common.append(word)
            continue
        among = frozenset(entries) if among is None else among & frozenset(entries)
        if not among:
            return Found(among, ())
    return Found(among, tuple(common))


def lead_meant(connection: Connection, site_id: int, search: str) -> str | None:
    """Return the lead of which a search is the id; ``None`` where it is none of this site's."""
    words = sought(search)
    return surviving(connection, site_id, words[0]) if len(words) == 1 and _LEAD_ID.fullmatch(words[0]) else None


def keep_words(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring the words of leads up to date, given as stored rows; for their writer, in the same transaction."""
    wanted = {row["id"]: (row["site_id"], words_of(row[name] for name in TEXTS)) for row in rows}
    kept: dict[str, set[str]] = {lead: set() for lead in wanted}
    for lead, word in bulk.select_where_in(connection, lead_words, ("lead_id", "word"), "lead_id", wanted):
        kept[lead].add(word)
    anew = [lead for lead, (_, words) in wanted.items() if kept[lead] - words]
    bulk.delete_where_in(connection, lead_words, "lead_id", anew)
    entries = [
        (site_id, word, lead)
        for lead, (site_id, words) in wanted.items()
        for word in (words if lead in anew else words - kept[lead])
    ]
    bulk.upsert(connection, lead_words, sorted(entries), columns=_COLUMNS)


def has_words(row: Mapping[str, Any]) -> bool:
    """Whether a lead is to be found by any word: strangers aren't."""
    return any(row[name] for name in TEXTS)


def words_of_row(row: Any) -> Iterable[str]:
    """Return the words of a lead given as a record."""
    return words_of(getattr(row, name) for name in TEXTS)
