"""Who was erased lately, as hashes: what still waits of them is forgotten when it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from sqlalchemy import Connection, func, select

from tracker import bulk
from tracker.core.minimising import words_of
from tracker.models import erased_visitors
from tracker.store import VisitorKey

_PRIME: Final = 1_000_003


def note_erased(connection: Connection, site_id: int, keys: Iterable[str], names: Iterable[str], now_ms: int) -> None:
    """Note that visitors were erased, so that what waits of them in the queue isn't stored.

    *names* are what refused events are searched for: none that may stand in anybody's by chance.
    """
    hashes = {_key_hash(key) for key in keys} | {_name_hash(name) for name in names}
    rows = [(site_id, one, now_ms) for one in sorted(hashes)]
    bulk.upsert(connection, erased_visitors, rows, columns=("site_id", "key_hash", "erased_at"))


def erased_among(connection: Connection, keys: Iterable[VisitorKey]) -> dict[VisitorKey, int]:
    """Return when those of *keys* were erased that were, lately."""
    by_site: dict[int, dict[bytes, VisitorKey]] = {}
    for key in keys:
        by_site.setdefault(key[0], {})[_key_hash(key[1])] = key
    found: dict[VisitorKey, int] = {}
    for site_id, names in by_site.items():
        rows = bulk.select_where_in(
            connection, erased_visitors, ("key_hash", "erased_at"), "key_hash", names, f"site_id = {site_id}"
        )
        found |= {names[bytes(key_hash)]: erased_at for key_hash, erased_at in rows}
    return found


def load_erased(connection: Connection, site_id: int) -> dict[bytes, int]:
    """Return who of a site was erased lately, as hashes of ids and names, and when."""
    rows = select(erased_visitors.c.key_hash, erased_visitors.c.erased_at).where(erased_visitors.c.site_id == site_id)
    return {bytes(row.key_hash): row.erased_at for row in connection.execute(rows)}


def erased_at(erased: Mapping[bytes, int], body: bytes) -> int:
    """Return when somebody whom a refused event names was erased, by ``load_erased``; -1 for nobody."""
    if not erased:
        return -1
    return max((at for word in words_of(body) if (at := erased.get(_name_hash(word))) is not None), default=-1)


def erasures(connection: Connection) -> tuple[str, int]:
    """Return a text that is another one after every erasure, and when the last was, in ms since 1970 UTC; 0: none lately.

    The text changes also when old ones are forgotten.
    """
    at = erased_visitors.c.erased_at
    # Where clocks differ the last one needn't have the latest time. The remainder keeps the sum within 64 bits.
    told = connection.execute(select(func.count(), func.max(at), func.sum(at % _PRIME))).one()
    return "-".join(str(int(number or 0)) for number in told), int(told[1] or 0)


def forget_erased(connection: Connection, before_ms: int) -> int:
    """Forget who was erased before *before_ms*: nothing of theirs can wait any more; return how many."""
    return connection.execute(erased_visitors.delete().where(erased_visitors.c.erased_at < before_ms)).rowcount


def _name_hash(name: str) -> bytes:
    """The hash of a name, whatever its case; never that of a visitor's key."""
    return blake2b(name.lower().encode(errors="surrogatepass"), digest_size=16, person=b"name").digest()


def _key_hash(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()
