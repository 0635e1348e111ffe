"""Finding leads and companies by words, kept beside each when it is written: a search reads a stretch of an index."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, select

from scorer.core.domain_names import readable
from scorer.core.search import AFTER_ALL, sought, words_of
from scorer.memberships import surviving
from scorer.outlet_models import account_words, lead_words
from tracker import bulk

CANDIDATES_AT_MOST: Final = 1000
"""Entries read of a word. One that begins more isn't looked up, but looked for along the ranking, where it is soon found."""
TEXTS: Final = ("name", "email", "company_name", "company_domain")
"""Columns of ``leads`` whose words are kept."""
_LEAD_ID: Final = re.compile("ld_[a-z2-7]{16}")


class Found(msgspec.Struct, frozen=True):
    """Where to look for what a search wants."""

    among: frozenset[str] | None
    """Only these leads, or companies, can be meant; ``None``: any."""
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
    return _look_up(connection, lead_words, site_id, words)


def look_up_accounts(connection: Connection, site_id: int, search: str) -> Found:
    """Return where to look for companies: words of the name or the domain. Reads at most a thousand entries for each."""
    return _look_up(connection, account_words, site_id, sought(search))


def _look_up(connection: Connection, table: Table, site_id: int, words: Iterable[str]) -> Found:
    among: frozenset[str] | None = None
    common = []
    for word in words:
        query = select(table.c[_key(table)]).where(beginning(table, site_id, word))
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


def beginning(table: Table, site_id: int, word: str) -> ColumnElement[bool]:
    """The condition on a table of words that a row's word begins with *word*: a stretch of the table's key."""
    return (table.c.site_id == site_id) & (table.c.word >= word) & (table.c.word < word + AFTER_ALL)


def keep_words(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring the words of leads up to date, given as stored rows; for their writer, in the same transaction."""
    _keep(connection, lead_words, {row["id"]: (row["site_id"], words_of(_texts(row))) for row in rows})


def keep_account_words(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring the words of accounts up to date, given as stored rows; for their writer, in the same transaction."""
    texts = {row["id"]: (row["name"], row["domain"], readable(row["domain"])) for row in rows}
    _keep(connection, account_words, {row["id"]: (row["site_id"], words_of(texts[row["id"]])) for row in rows})


def forget_account_words(connection: Connection, account_ids: Collection[str]) -> None:
    """Delete the words of accounts that are deleted."""
    bulk.delete_where_in(connection, account_words, "account_id", sorted(account_ids))


def has_words(row: Mapping[str, Any]) -> bool:
    """Whether a lead is to be found by any word: strangers aren't."""
    return any(row[name] for name in TEXTS)


def words_of_row(row: Any) -> Iterable[str]:
    """Return the words of a lead given as a record."""
    return words_of(_texts({name: getattr(row, name) for name in TEXTS}))


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    """What a lead's words are of. A domain can be looked for by its own letters, too."""
    yield from (row[name] for name in TEXTS)
    yield readable(row["company_domain"])


def _key(table: Table) -> str:
    """Name of the column that says whose words a table keeps: the last of its key."""
    return table.primary_key.columns.keys()[-1]


def _keep(connection: Connection, table: Table, wanted: Mapping[str, tuple[int, frozenset[str]]]) -> None:
    """Bring a table of words up to date; *wanted* has the site and the words of each id."""
    key = _key(table)
    kept: dict[str, set[str]] = {name: set() for name in wanted}
    for name, word in bulk.select_where_in(connection, table, (key, "word"), key, wanted):
        kept[name].add(word)
    anew = [name for name, (_, words) in wanted.items() if kept[name] - words]
    bulk.delete_where_in(connection, table, key, anew)
    entries = [
        (site_id, word, name)
        for name, (site_id, words) in wanted.items()
        for word in (words if name in anew else words - kept[name])
    ]
    bulk.upsert(connection, table, sorted(entries), columns=("site_id", "word", key))
