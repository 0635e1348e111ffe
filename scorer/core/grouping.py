"""Groups of leads that behave alike: to which a lead belongs, and in a sentence what makes each different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from scorer.core.labels import Label, Language, pick
from scorer.core.lead_features import BASICS, named
from scorer.core.rules import Card

CLUSTERED: Final = (
    "visits",
    "pages",
    "downloads",
    "minutes",
    "days",
    "gap",
    "devices",
    "stage:awareness",
    "stage:consideration",
    "stage:decision",
)
"""The features of behaviour that groups are made by: few, and the same on every site."""
MIN_LEADS: Final = 50
"""Leads that have been on the site, from which on groups are looked for."""

GroupsVerdict = Literal["groups", "too_few", "no_clear"]


class Difference(msgspec.Struct, frozen=True):
    """What the leads of a group do more, or less, than the others."""

    feature: str
    ratio: float
    """Their mean over that of the others, of the plain number or share; above 1: more."""


class Group(msgspec.Struct, frozen=True):
    """One group."""

    id: int
    """Stays with it from one time to the next, and is never another's."""
    centre: tuple[float, ...]
    """On the scale of the model, by its features."""
    differences: tuple[Difference, ...]
    """The most telling first; at most three."""


class GroupModel(msgspec.Struct, frozen=True):
    """What was found, and how a lead is placed: in the group whose centre is the nearest."""

    made_at: int
    """Milliseconds since 1970 UTC."""
    seed: int
    verdict: GroupsVerdict
    leads: int
    """That were looked at."""
    silhouette: float | None
    """From -1 to 1: how much nearer leads are to their own group than to the next; ``None`` where none were looked for."""
    chance_silhouette: float | None
    """The greatest of leads without groups that spread as these do."""
    stability: float | None
    """Share of agreement, above chance, of groups made from two halves (adjusted Rand index)."""
    next_id: int
    """The number that the next new group gets."""
    features: tuple[str, ...]
    centres: tuple[float, ...]
    """What is taken off a feature, and what it is divided by."""
    scales: tuple[float, ...]
    groups: tuple[Group, ...]
    """By id; empty unless the verdict is ``groups``."""


LIMIT: Final = 4.0
"""Scaled features are cut off here: somebody ten times as busy as the busiest others is no group."""


def scaled(model: GroupModel, features: Mapping[str, float]) -> tuple[float, ...]:
    """Return a lead's features on the scale of a model."""
    return tuple(
        max(-LIMIT, min(LIMIT, (features.get(name, 0.0) - centre) / scale))
        for name, centre, scale in zip(model.features, model.centres, model.scales, strict=True)
    )


def group_of(model: GroupModel, features: Mapping[str, float]) -> int | None:
    """Return the group that a lead belongs to; ``None`` where there are none, or it was never on the site."""
    if not model.groups or features.get("pages", 0.0) <= 0:
        return None
    place = scaled(model, features)

    def distance(group: Group) -> float:
        return sum((one - other) ** 2 for one, other in zip(place, group.centre, strict=True))

    return min(model.groups, key=lambda group: (distance(group), group.id)).id


_MORE: Final[Mapping[str, Label]] = {
    "visits": Label("come back often", "经常回访"),
    "pages": Label("look at many pages", "浏览页面多"),
    "downloads": Label("download much", "下载多"),
    "minutes": Label("read for long", "阅读时间长"),
    "days": Label("are active on many days", "活跃天数多"),
    "gap": Label("come at long intervals", "来访间隔长"),
    "span": Label("have been known for long", "出现时间长"),
    "devices": Label("use several devices", "使用多台设备"),
    "stage:awareness": Label("are at the beginning", "处于认知阶段"),
    "stage:consideration": Label("compare what there is", "处于考虑阶段"),
    "stage:decision": Label("are close to a decision", "接近决策"),
}
_LESS: Final[Mapping[str, Label]] = {
    "visits": Label("seldom come back", "很少回访"),
    "pages": Label("look at few pages", "浏览页面少"),
    "downloads": Label("download little", "很少下载"),
    "minutes": Label("hardly read", "阅读时间短"),
    "days": Label("are active on few days", "活跃天数少"),
    "gap": Label("come at short intervals", "来访间隔短"),
    "span": Label("have been known for a short time", "出现时间短"),
    "devices": Label("use one device", "只用一台设备"),
    "stage:awareness": Label("are past the beginning", "已过认知阶段"),
    "stage:consideration": Label("don't compare", "较少比较产品"),
    "stage:decision": Label("aren't close to a decision", "离决策尚远"),
}
_OF_KIND: Final[Mapping[str, tuple[Label, Label]]] = {
    "did": (Label("often “{name}”", "常“{name}”"), Label("seldom “{name}”", "很少“{name}”")),
    "topic": (Label("read about {name}", "关注{name}"), Label("don't read about {name}", "不关注{name}")),
}
_TIMES: Final = Label("{told} ({ratio} × the others)", "{told}（其他的 {ratio} 倍）")
_NEVER_ELSE: Final = Label("{told} (the others never)", "{told}（其他线索没有）")
_TYPICAL: Final = Label("like the average of all", "与总体平均水平相近")
MAX_RATIO: Final = 99.0
"""Greater ratios are of what the others as good as never do."""


def told_group(group: Group, card: Card, language: Language) -> str:
    """What makes a group different, in a few words.

    >>> from scorer.core.scorecard import Hot, Scorecard
    >>> card = Card(Scorecard(1, Label("Tiny"), 40, Hot(60), 20, []), 0)
    >>> told_group(Group(1, (), (Difference("visits", 4.2), Difference("downloads", 0.5))), card, "en")
    'come back often (4.2 × the others), download little (0.5 × the others)'
    """
    parts = [_told(one, card, language) for one in group.differences]
    return ("，" if language == "zh" else ", ").join(parts) or pick(_TYPICAL, language)


def _told(one: Difference, card: Card, language: Language) -> str:
    kind = one.feature.partition(":")[0]
    more = one.ratio >= 1
    if one.feature in _MORE:
        told = pick((_MORE if more else _LESS)[one.feature], language)
    elif kind in _OF_KIND:
        told = pick(_OF_KIND[kind][not more], language).replace("{name}", named(one.feature, card, language))
    else:
        told = one.feature
    pattern = _NEVER_ELSE if one.ratio >= MAX_RATIO else _TIMES
    ratio = f"{one.ratio:.0f}" if one.ratio >= 10 else f"{one.ratio:.1f}"
    return pick(pattern, language).replace("{ratio}", ratio).replace("{told}", told)


def can_differ(feature: str) -> bool:
    """Whether a feature may be told of as what makes a group different."""
    return feature in BASICS or feature in _MORE or feature.partition(":")[0] in _OF_KIND
