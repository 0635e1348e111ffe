"""What to show to a lead next: what leads like it had read before they bought, and it has not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import product
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from scorer.core.attention import Reading
from scorer.core.content import Item, Kind, read_by
from scorer.core.one_line import one_line

MIN_SUPPORT: Final = 3
"""Leads like this one that must have read something, so that it is shown."""
WEIGHT: Final = 5.0
"""Leads that read as all leads do, added to those like this one: a share of few is drawn towards that of all."""
LEAST_LIFT: Final = 1.1
"""What all read anyway is no news."""
SHOWN: Final = 3
TOPICS_AT_MOST: Final = 3
"""Interests of a lead by which others are like it, its greatest."""
CONTEXTS_AT_MOST: Final = 300
ITEMS_AT_MOST: Final = 40
"""Of one context, those read most."""

Who = Literal["winners", "further_on"]
"""Those like this one: leads that were won, or, while there are none, leads that are about to decide."""


class Likeness(msgspec.Struct, frozen=True):
    """By what leads are like each other; empty where it isn't known."""

    topics: tuple[str, ...] = ()
    """Its interests, the greatest first."""
    stage: str = ""
    industry: str = ""
    """In small letters."""


class LeadRead(msgspec.Struct, frozen=True):
    """A lead and what it had read."""

    like: Likeness
    won: bool
    readings: Sequence[Reading]
    """Of a lead that was won, those before sales spoke with it."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A page or document as it is shown."""

    kind: Kind
    url: str
    title: str


class Context(msgspec.Struct, frozen=True, array_like=True):
    """Leads that have something in common: how many, and how many of them had read each page or document."""

    leads: int
    read: dict[int, int]
    """By place in ``Shelf.items``."""


class Shelf(msgspec.Struct, frozen=True):
    """What a site's leads have read, so far as recommending needs it: counts, and no lead by itself."""

    who: Who
    leads: int
    """All leads looked at that had read anything."""
    items: tuple[Kept, ...]
    readers: tuple[int, ...]
    """Of each item, among all leads."""
    contexts: dict[str, Context]
    """By ``name_of``; those with ``MIN_SUPPORT`` leads."""


class Recommendation(msgspec.Struct, frozen=True):
    """Something to show to a lead."""

    kind: Annotated[Kind, Meta(description="file: a download.")]
    url: Annotated[str, Meta(description="Without query and fragment.")]
    title: Annotated[str, Meta(description="As last seen; of a document the file's name. May be empty.")]
    who: Annotated[
        Who, Meta(description="winners: leads that bought. further_on: none has yet, so leads in the stage of decision.")
    ]
    readers: Annotated[int, Meta(description="So many of those like this lead had read it.")]
    of: Annotated[int, Meta(description="So many are like this lead.")]
    lift: Annotated[float, Meta(description="Their share, smoothed, over the share among all leads; 1.1 or more.")]
    alike_in: Annotated[
        tuple[str, ...],
        Meta(description="In what they are like this lead: topic, stage, industry. Empty: in nothing known."),
    ]
    topic: Annotated[str | None, Meta(description="The topic in common; null without one.")]


def shelf(leads: Iterable[LeadRead]) -> Shelf:
    """Return what is kept of what these leads have read. Leads that had read nothing don't count."""
    some = [(lead, read_by(lead.readings)) for lead in leads if lead.readings]
    who: Who = "winners" if any(lead.won for lead, _ in some) else "further_on"
    readers: Counter[Item] = Counter()
    titles: dict[Item, str] = {}
    groups: Counter[str] = Counter()
    read: dict[str, Counter[Item]] = defaultdict(Counter)
    for lead, items in some:
        readers.update(items.keys())
        for item, reading in items.items():
            titles[item] = reading.title or titles.get(item, "")
        if lead.won if who == "winners" else lead.like.stage == "decision":
            # Who is about to decide is further on than most that it is shown to: the stage is no likeness then.
            like = lead.like if who == "winners" else msgspec.structs.replace(lead.like, stage="")
            for name in {name_of(*one) for one in _likenesses(like)}:
                groups[name] += 1
                read[name].update(items.keys())
    contexts = {}
    for name, number in sorted(groups.items(), key=lambda one: (-one[1], one[0]))[:CONTEXTS_AT_MOST]:
        ranked = sorted(read[name].items(), key=lambda one: (-one[1], one[0]))[:ITEMS_AT_MOST]
        enough = {item: count for item, count in ranked if count >= MIN_SUPPORT}
        if number >= MIN_SUPPORT:
            contexts[name] = (number, enough)
    wanted = sorted({item for _, enough in contexts.values() for item in enough})
    place = {item: number for number, item in enumerate(wanted)}
    return Shelf(
        who=who,
        leads=len(some),
        items=tuple(Kept(kind, url, one_line(titles[kind, url], 200)) for kind, url in wanted),
        readers=tuple(readers[item] for item in wanted),
        contexts={
            name: Context(number, {place[item]: count for item, count in enough.items()})
            for name, (number, enough) in contexts.items()
        },
    )


def recommend(kept: Shelf, like: Likeness, seen: Collection[Item], at_most: int = SHOWN) -> list[Recommendation]:
    """Return what to show to a lead, the greatest lift first: what is read more often by those like it than by all.

    Those like it are the narrowest group that it is in and that is kept: first those with a topic, a stage and an industry
    in common, at last all. Of equally narrow groups the one of its greater interest. Where that has nothing left to show,
    the next.
    """
    found: list[Recommendation] = []
    shown = set(seen)
    mine = like if kept.who == "winners" else msgspec.structs.replace(like, stage="")
    for topic, stage, industry in _likenesses(mine):
        context = kept.contexts.get(name_of(topic, stage, industry))
        if context is None:
            continue
        alike_in = tuple(name for name, value in (("topic", topic), ("stage", stage), ("industry", industry)) if value)
        told = []
        for place, count in context.read.items():
            item = kept.items[place]
            overall = kept.readers[place] / kept.leads
            lift = (count + WEIGHT * overall) / (context.leads + WEIGHT) / overall
            if lift >= LEAST_LIFT and (item.kind, item.url) not in shown:
                like_these = (count, context.leads, round(lift, 4), alike_in, topic or None)
                told.append(Recommendation(item.kind, item.url, item.title, kept.who, *like_these))
        told.sort(key=lambda one: (-one.lift, -one.readers, one.url))
        found += told[: at_most - len(found)]
        shown.update((one.kind, one.url) for one in found)
        if len(found) == at_most:
            break
    return found


def name_of(topic: str, stage: str, industry: str) -> str:
    """Return the name of those who have this in common; what is empty doesn't matter."""
    return "\n".join((topic, stage, industry))


def _likenesses(like: Likeness) -> list[tuple[str, str, str]]:
    """Return the groups that a lead is in, the narrowest first."""
    topics = (*like.topics[:TOPICS_AT_MOST], "")
    stages: tuple[str, ...] = (like.stage, "") if like.stage else ("",)
    industries: tuple[str, ...] = (like.industry, "") if like.industry else ("",)
    every = dict.fromkeys(product(topics, stages, industries))
    # By how much they have in common; of the same, what they read about says more than where they work.
    return sorted(every, key=lambda one: (-sum(map(bool, one)), not one[0], not one[1]))
