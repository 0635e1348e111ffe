"""What whoever does a part of a fold is told."""

from __future__ import annotations

import msgspec

from scorer.core.lead_folds import Work


class Belonging(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whose browser a visitor is."""

    hash: bytes
    lead: str
    place: int
    """Among the lead's browsers."""
    of: int
    """Browsers of the lead that are in this partition; 0 where others are in another one."""


class Task(msgspec.Struct, frozen=True):
    """What is to be done of one partition, by whoever can read the archive."""

    url: str
    files: tuple[tuple[str, int], ...]
    """With their bytes."""
    belongings: str
    """File of a dictionary from visitors' numbers to ``Belonging``."""
    work: Work
    time_zone: str
    gap_ms: int
    buckets: int
    """Over how many tasks the leads are spread whose browsers are in several partitions."""
