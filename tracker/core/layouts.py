"""Which partitions the queue has, and how their number is raised without losing the order of a visitor's events.

A layout is one whole number, epoch × 100,000 + partitions: a service begins with 16, and a raise to 32 makes it 100032.
The partitions of a layout are numbered epoch × 100,000 + index, so no two layouts share one.
"""

from __future__ import annotations

from math import gcd
from typing import Final

EPOCH: Final = 100_000
MOST_PARTITIONS: Final = 4096
"""Each costs its server some kilobytes, and each look at the queue two commands."""


def partition_count(layout: int) -> int:
    """Return how many partitions *layout* has.

    >>> partition_count(16), partition_count(100_032)
    (16, 32)
    """
    return layout % EPOCH


def numbers_of(layout: int) -> range:
    """Return the numbers of the partitions of *layout*.

    >>> numbers_of(3), numbers_of(200_003)
    (range(0, 3), range(200000, 200003))
    """
    first = layout - layout % EPOCH
    return range(first, layout)


def following(layout: int, partitions: int) -> int:
    """Return the layout after *layout* that has so many partitions.

    >>> following(16, 32), following(100_032, 48)
    (100032, 200048)
    """
    return (layout // EPOCH + 1) * EPOCH + partitions


def slot_of(partition: int, slots: int) -> int:
    """Return the slot that serves a partition, the same in every layout.

    >>> slot_of(5, 4), slot_of(100_005, 4)
    (1, 1)
    """
    return partition % EPOCH % slots


def predecessors(partition: int, before: int, after: int) -> list[int]:
    """Return the partitions of the layout *before* in which visitors of *partition*, of the layout *after*, may wait.

    A visitor is put by the remainder of one hash, so two partitions share visitors where their indexes agree modulo the
    greatest common divisor of the two numbers of partitions.

    >>> predecessors(100_005, 4, 100_008), predecessors(100_001, 4, 100_006)
    ([1], [1, 3])
    """
    divisor = gcd(partition_count(before), partition_count(after))
    return [number for number in numbers_of(before) if (number % EPOCH - partition % EPOCH) % divisor == 0]
