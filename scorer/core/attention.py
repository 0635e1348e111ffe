"""What was read: by topic, page and document, and whether those who bought later had read it more often than others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from scorer.core.proportions import Rate, rate


class Reading(msgspec.Struct, frozen=True):
    """One page view or download of a lead."""

    kind: Literal["page", "file"]
    url: str
    """Without query and fragment."""
    title: str = ""
    """Of the page, or the file's name."""
    topic: str | None = None
    engaged_ms: int = 0
    """Time spent on it; 0 for files."""


class Reader(msgspec.Struct, frozen=True):
    """A lead and all that it read."""

    won: bool
    """Whether it was won later. Its readings are those before that."""
    readings: list[Reading]


class Attention(msgspec.Struct, frozen=True):
    """What something got of attention."""

    views: int
    readers: Annotated[int, Meta(description="Leads.")]
    engaged_seconds: float
    downloads: int
    winners: Annotated[Rate, Meta(description="Readers, of the leads that were won later.")]
    others: Annotated[Rate, Meta(description="Readers, of all other leads.")]


class TopicAttention(msgspec.Struct, frozen=True):
    """Attention to a topic: to its pages and documents."""

    topic: str
    label: str
    attention: Attention


class ItemAttention(msgspec.Struct, frozen=True):
    """Attention to a page or a document."""

    url: Annotated[str, Meta(description="Without query and fragment.")]
    title: Annotated[str, Meta(description="As last seen; of a document the file's name.")]
    topic: str | None
    attention: Attention


class Summary(msgspec.Struct, frozen=True):
    """What was read, most readers first."""

    winners: int
    others: int
    topics: list[tuple[str, Attention]]
    pages: list[ItemAttention]
    documents: list[ItemAttention]


class _Sums:
    def __init__(self) -> None:
        self.views = self.downloads = self.engaged_ms = self.winners = self.others = 0
        self.title = ""
        self.topic: str | None = None


def attention(readers: Iterable[Reader], listed: int) -> Summary:
    """Return what these leads read; of each list the first *listed*, by readers, then views, then name.

    Leads that read nothing are left out: they say nothing about what readers do.
    """
    topics: dict[str, _Sums] = defaultdict(_Sums)
    items: dict[tuple[str, str], _Sums] = defaultdict(_Sums)
    counts = {True: 0, False: 0}
    for reader in readers:
        if not reader.readings:
            continue
        counts[reader.won] += 1
        seen: dict[int, _Sums] = {}
        for one in reader.readings:
            item = items[one.kind, one.url]
            item.title, item.topic = one.title or item.title, one.topic
            for sums in (item, topics[one.topic]) if one.topic else (item,):
                sums.views += one.kind == "page"
                sums.downloads += one.kind == "file"
                sums.engaged_ms += one.engaged_ms
                seen[id(sums)] = sums
        for sums in seen.values():
            sums.winners += reader.won
            sums.others += not reader.won

    def shape(sums: _Sums) -> Attention:
        return Attention(
            views=sums.views,
            readers=sums.winners + sums.others,
            engaged_seconds=sums.engaged_ms / 1000,
            downloads=sums.downloads,
            winners=rate(sums.winners, counts[True]),
            others=rate(sums.others, counts[False]),
        )

    def first(some: Iterable[tuple[str, _Sums]]) -> list[tuple[str, _Sums]]:
        order = sorted(some, key=lambda one: (-one[1].winners - one[1].others, -one[1].views - one[1].downloads, one[0]))
        return order[:listed]

    def of(kind: str) -> list[ItemAttention]:
        mine = ((url, sums) for (what, url), sums in items.items() if what == kind)
        return [ItemAttention(url, sums.title, sums.topic, shape(sums)) for url, sums in first(mine)]

    ranked = [(topic, shape(sums)) for topic, sums in first(topics.items())]
    return Summary(counts[True], counts[False], ranked, of("page"), of("file"))
