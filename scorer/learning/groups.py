"""Find groups of leads that behave alike, or that there are none; and keep their numbers from one time to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final
from zlib import crc32

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from scorer.core.grouping import (
    CLUSTERED,
    LIMIT,
    MAX_RATIO,
    MIN_LEADS,
    Difference,
    Group,
    GroupModel,
    GroupsVerdict,
    can_differ,
)
from scorer.core.lead_features import BASICS
from scorer.learning.lead_features import Told, chosen_features, table
from scorer.learning.snapshots import Floats, Integers, Truths

MAX_SAMPLE: Final = 20_000
"""Leads that groups are made from; of more, as many drawn."""
MOST: Final = 8
"""Groups at most."""
SMALLEST_SHARE: Final = 0.02
"""Of the leads; a group of fewer is a few odd ones."""
_SMALLEST: Final = 10
CLEAR: Final = 0.25
"""Silhouette below which there is no structure worth a name (Kaufman and Rousseeuw, Finding Groups in Data, 1990)."""
STABLE: Final = 0.7
_JUDGED: Final = 1_500
"""Leads at most that silhouettes are computed of: they take every pair."""
_DRAWS: Final = 5
"""Of leads without groups, that the real ones are compared with."""
_CLEARLY: Final = 0.05
"""By how much the silhouette must be above that of leads without groups."""
_AS_GOOD: Final = 0.02
"""A silhouette by so much less is as good, if the number of groups then stays what it was."""
_SAME: Final = 1 / 3
"""Leads in common over leads of either, from which a group is taken for the one before."""
_TOLD: Final = 3
_MIN_DIFFERENCE: Final = 0.3
"""Distance of means in standard deviations, below which nothing is told of it."""


@dataclass(frozen=True)
class Grouped:
    """What was found, and the group of each lead that was looked at, by id of the lead."""

    model: GroupModel
    members: dict[str, int]


def make(
    leads: Mapping[str, Told],
    *,
    seed: int,
    now_ms: int,
    before: GroupModel | None = None,
    members_before: Mapping[str, int] | None = None,
) -> Grouped:
    """Return the groups of these leads: k-means on robustly scaled features, for 2 to 8 groups the number with the greatest
    silhouette among those that come out the same from two halves.

    That is an answer only if it is clearly greater than any of ``_DRAWS`` samples of a normal distribution with the same
    covariance (after Liu et al., "Statistical Significance of Clustering", Journal of the American Statistical Association
    103, 2008):
    k-means cuts what is one cloud, too. Otherwise there are no clear groups.

    Parameters
    ----------
    leads
        Features by id of the lead. Those that were never on the site don't count.
    seed
        The same gives the same groups.
    before, members_before
        The last model and who was in which group: groups that have most leads in common keep their number, matched as a
        whole (Kuhn, "The Hungarian Method", 1955). Numbers of groups that are gone are never given again.
    """
    with threadpool_limits(limits=1):
        return _make(leads, seed, now_ms, before, members_before or {})


def _make(
    leads: Mapping[str, Told], seed: int, now_ms: int, before: GroupModel | None, members_before: Mapping[str, int]
) -> Grouped:
    ids = drawn(lead for lead, told in leads.items() if told.get("pages", 0.0) > 0)
    next_id = before.next_id if before else 1
    if len(ids) < MIN_LEADS:
        return Grouped(_none("too_few", len(ids), seed, now_ms, next_id), {})
    told = [leads[lead] for lead in ids]
    plain = table(told, CLUSTERED)
    centres, scales = _scales(plain)
    x = np.clip((plain - centres) / scales, -LIMIT, LIMIT)
    found = _best(x, seed, len(before.groups) if before else 0)
    if found is None:
        return Grouped(_none("no_clear", len(ids), seed, now_ms, next_id), {})
    clusters, middles, silhouette, stability = found
    reference = _by_chance(x, len(middles), seed)
    if silhouette <= reference + _CLEARLY:
        none = _none("no_clear", len(ids), seed, now_ms, next_id, silhouette, reference, stability)
        return Grouped(none, {})
    numbers, next_id = _numbered(ids, clusters, len(middles), members_before, next_id)
    groups = [
        Group(numbers[place], tuple(float(one) for one in middle), _differences(told, clusters == place))
        for place, middle in enumerate(middles)
    ]
    model = GroupModel(
        made_at=now_ms,
        seed=seed,
        verdict="groups",
        leads=len(ids),
        silhouette=silhouette,
        chance_silhouette=reference,
        stability=stability,
        next_id=next_id,
        features=CLUSTERED,
        centres=tuple(float(one) for one in centres),
        scales=tuple(float(one) for one in scales),
        groups=tuple(sorted(groups, key=lambda group: group.id)),
    )
    return Grouped(model, {lead: numbers[int(place)] for lead, place in zip(ids, clusters, strict=True)})


def _none(
    verdict: GroupsVerdict,
    leads: int,
    seed: int,
    now_ms: int,
    next_id: int,
    silhouette: float | None = None,
    reference: float | None = None,
    stability: float | None = None,
) -> GroupModel:
    return GroupModel(now_ms, seed, verdict, leads, silhouette, reference, stability, next_id, (), (), (), ())


def drawn(ids: Iterable[str]) -> list[str]:
    """Return ``MAX_SAMPLE`` leads of these, or all where they are fewer, by id. Of the same leads and some more, mostly the
    same: or groups would change from one time to the next by the draw alone."""
    return sorted(nsmallest(MAX_SAMPLE, ids, key=lambda lead: (crc32(lead.encode()), lead)))


def _scales(plain: Floats) -> tuple[Floats, Floats]:
    """Median and quartile distance; where half of the leads are alike, the standard deviation."""
    lower, middle, upper = np.percentile(plain, (25, 50, 75), axis=0)
    spread, deviation = upper - lower, plain.std(axis=0)
    # A quartile distance far below the deviation would blow up the few that differ.
    scales = np.maximum(spread / 1.349, deviation)
    return middle, np.where(scales > 1e-9, scales, 1.0)


def _best(x: Floats, seed: int, before: int) -> tuple[Integers, Floats, float, float] | None:
    """Clusters, their middles, silhouette and stability; ``None`` where no number of them is clear and stable."""
    found: dict[int, tuple[Integers, Floats, float, float]] = {}
    smallest = max(_SMALLEST, SMALLEST_SHARE * len(x))
    for k in range(2, min(MOST, len(np.unique(x, axis=0)) - 1) + 1):
        fitted = KMeans(k, n_init=4, random_state=seed).fit(x)
        clusters: Integers = fitted.labels_.astype(np.int64)
        if np.bincount(clusters, minlength=k).min() < smallest:
            continue
        silhouette = _silhouette(x, clusters, seed)
        if silhouette < CLEAR:
            continue
        stability = _stability(x, k, seed)
        if stability >= STABLE:
            found[k] = clusters, fitted.cluster_centers_, silhouette, stability
    if not found:
        return None
    best = max(found, key=lambda k: (found[k][2], -k))
    if before in found and found[before][2] >= found[best][2] - _AS_GOOD:
        best = before
    return found[best]


def _silhouette(x: Floats, clusters: Integers, seed: int) -> float:
    if len(x) > _JUDGED:
        some = np.random.default_rng(seed).choice(len(x), _JUDGED, replace=False)
        x, clusters = x[some], clusters[some]
    return float(silhouette_score(x, clusters)) if len(np.unique(clusters)) > 1 else -1.0


def _stability(x: Floats, k: int, seed: int) -> float:
    """How far groups made from two halves agree on all leads."""
    order = np.random.default_rng(seed).permutation(len(x))
    halves = (order[: len(x) // 2], order[len(x) // 2 :])
    if any(len(np.unique(x[half], axis=0)) < k for half in halves):
        return 0.0
    first, second = (KMeans(k, n_init=4, random_state=seed).fit(x[half]).predict(x) for half in halves)
    return float(adjusted_rand_score(first, second))


def _by_chance(x: Floats, k: int, seed: int) -> float:
    """The greatest silhouette of leads that spread as these do, but in one cloud."""
    random = np.random.default_rng(seed)
    size = min(len(x), _JUDGED)
    covariance = np.cov(x, rowvar=False)
    found = []
    for _ in range(_DRAWS):
        cloud = random.multivariate_normal(x.mean(axis=0), covariance, size=size, method="eigh")
        clusters: Integers = KMeans(k, n_init=2, random_state=seed).fit_predict(cloud).astype(np.int64)
        found.append(_silhouette(cloud, clusters, seed))
    return max(found)


def _numbered(
    ids: Sequence[str], clusters: Integers, count: int, before: Mapping[str, int], next_id: int
) -> tuple[list[int], int]:
    """The number of each cluster, and the next new one."""
    known = sorted(set(before.values()))
    shared = np.zeros((count, len(known)))
    place_of = {number: place for place, number in enumerate(known)}
    both = 0
    for lead, cluster in zip(ids, clusters, strict=True):
        number = before.get(lead)
        if number is not None:
            shared[cluster, place_of[number]] += 1
            both += 1
    # Of leads that are in both: who is new or gone says nothing of whether a group is the same.
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
    likeness = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
    rows, columns = linear_sum_assignment(-likeness)
    kept = {int(row): known[column] for row, column in zip(rows, columns, strict=True) if likeness[row, column] >= _SAME}
    numbers = []
    # The greater of new groups get the lesser numbers.
    sizes = np.bincount(clusters, minlength=count)
    fresh = sorted((place for place in range(count) if place not in kept), key=lambda place: (-sizes[place], place))
    given = {place: next_id + offset for offset, place in enumerate(fresh)}
    numbers = [kept[place] if place in kept else given[place] for place in range(count)]
    return numbers, next_id + len(fresh)


def _differences(told: Sequence[Told], inside: Truths) -> tuple[Difference, ...]:
    """The features in which a group's leads differ most from the others, in standard deviations."""
    names = [name for name in chosen_features(told, at_least=_SMALLEST, at_most=300) if can_differ(name)]
    values = table(told, names)
    spread = values.std(axis=0)
    distance = np.divide(
        values[inside].mean(axis=0) - values[~inside].mean(axis=0), spread, out=np.zeros(len(names)), where=spread > 1e-9
    )
    found: list[Difference] = []
    for place in sorted(range(len(names)), key=lambda place: (-abs(distance[place]), names[place])):
        name = names[place]
        if abs(distance[place]) < _MIN_DIFFERENCE or len(found) == _TOLD:
            break
        counts = np.expm1(values[:, place]) if name in BASICS or name.startswith("did:") else values[:, place]
        here, elsewhere = float(counts[inside].mean()), float(counts[~inside].mean())
        ratio = min(MAX_RATIO, here / elsewhere) if elsewhere > 0 else MAX_RATIO
        # The mean of a log may be greater where the plain mean is less; that would be told the wrong way round.
        if (ratio >= 1) == (distance[place] > 0):
            found.append(Difference(name, ratio))
    return tuple(found)
