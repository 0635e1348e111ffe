"""The accounts of the intake: where every event that was received is now. They close exactly, at all times."""

from __future__ import annotations

import msgspec

from scorer.resources import Resources
from tracker import queue
from tracker.core.layouts import numbers_of
from tracker.progress import Counts, read_counts
from tracker.sites import load_sites


class Account(msgspec.Struct):
    """received = stored + duplicate + filtered + dead_lettered + waiting."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    filtered: int = 0
    dead_lettered: int = 0
    waiting: int = 0


class Accounts(Account):
    """Totals, and the same by site name."""

    sites: dict[str, Account] = {}


def read_accounts(resources: Resources) -> Accounts:
    """Return the accounts of all sites as of one moment.

    The queue is read first: what is drained in between counts as waiting in neither, never as both.
    """
    numbers = [number for layout in resources.layouts() for number in numbers_of(layout)]
    by_partition = queue.read_appended(resources.streams, numbers)
    appended = {(number, site): count for number, known in by_partition.items() for site, count in known.items()}
    with resources.database.reading() as connection:
        counts = read_counts(connection)
        sites = load_sites(connection)
    accounts = Accounts(sites={site.name: Account() for site in sites.values()})
    for partition, site_id in sorted(appended.keys() | counts.keys()):
        known = counts.get((partition, site_id), Counts())
        waiting = max(0, appended.get((partition, site_id), 0) - known.appended)
        parts: list[Account] = [accounts]
        if site_id in sites:
            parts.append(accounts.sites[sites[site_id].name])
        for part in parts:
            part.received += known.received + waiting
            part.stored += known.stored
            part.duplicate += known.duplicate
            part.filtered += known.filtered
            part.dead_lettered += known.dead_lettered
            part.waiting += waiting
    return accounts
