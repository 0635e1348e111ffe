"""The score as a fold: what a visitor did, in order, goes in; heat, and what it is made of, comes out.

A contribution earns its points once, at the time it happened, and fades from then on (see ``decay``). The state holds
sums of heat that never need touching as time passes, and just enough of the open visit and the current day to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum

import msgspec

from scorer.core.rules import Card, Earning, Matched
from scorer.core.scorecard import STAGES, Stage
from tracker.core.events import FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED, Event, Fact

MAX_TOPICS = 40
"""Topics kept for one visitor; the one with the least heat gives way to a new one."""


class RefoldNeeded(ValueError):
    """A fact speaks of a visit that closed before the stored state: fold this visitor again from its first fact."""


class RuleTotal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one rule has contributed so far."""

    heat: float
    count: int
    points: float
    """Points as earned, before any fading."""
    last_at: int


class Dwell(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a dwell rule gives for one visit so far; replaced when the visit reaches a higher bucket."""

    points: float
    heat: float
    at: int
    topic: str | None


class Totals(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Sums of heat: what every reading of a lead (score, tier, stage, interests, reasons) is made from.

    Heats are at least 0 and on the scale of the card's landmark. ``heat`` is the whole; ``rules`` splits it by rule
    exactly, ``topics`` and ``stages`` split the part of it that has a topic or a stage.
    """

    heat: float = 0.0
    rules: dict[str, RuleTotal] = {}
    topics: dict[str, float] = {}
    stages: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the order of ``scorecard.STAGES``."""
    hot_since: int | None = None
    """When the present hot spell began. ``None`` when there was none as of the last contribution."""
    last_at: int = 0
    """Time of the last contribution; 0 when there was none."""


class ScoreState(Totals, frozen=True, array_like=True, gc=False):
    """Where the fold stands for one visitor: its totals, and what the next fact is judged by. Stored as msgpack."""

    day: int = 0
    """Date (as in ``Fact.day``) that ``counts`` speak of."""
    counts: dict[str, int] = {}
    """Contributions of each rule on that day: the caps are kept while writing."""
    visit: int = 0
    """Number of the open visit; 0 before the first."""
    visit_of_day: int = 0
    visit_topic: str | None = None
    """Topic of the last page with one in the open visit: what its downloads and forms are about, if they don't say."""
    dwell: dict[str, Dwell] = {}
    """What the open visit's engaged time gives, by rule; already part of the totals."""


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """Points earned once: one line of an explanation. Its heat is ``points * 2^((at - L) / h)``."""

    rule: str
    at: int
    """Milliseconds since 1970 UTC; for dwell, when the visit reached the bucket."""
    points: float
    day: int
    visit: int
    topic: str | None = None
    stage: Stage | None = None
    detail: str = ""
    """For display: the page's address, the file's, form's or event's name."""
    message_id: bytes = b""
    """The event behind it; empty for the beginning of a visit."""


def fold(
    card: Card,
    state: ScoreState | None,
    facts: Iterable[Fact],
    trace: list[Contribution] | None = None,
) -> ScoreState:
    """Score of a visitor after these facts.

    Going on from a stored state gives the same bits as folding all facts from the first, however they are split.

    Parameters
    ----------
    card
        The scorecard with its landmark. The same for every fact of a state.
    state
        Where the fold stood before; ``None`` to fold from the first fact. Not changed.
    facts
        What happened since, in time order, as the visit fold tells it.
    trace
        When given (only with ``state=None``), receives every contribution in time order; the sum of their heats is the
        state's ``heat`` but for rounding (below 1e-9 of it).

    Returns
    -------
    ScoreState
        The new state; store it, or read it as ``Totals``.

    Raises
    ------
    RefoldNeeded
        For engaged time of a visit that closed before ``state``, which the state no longer knows.
    LandmarkError
        For a fact more than 1,000 half-lives past the landmark.
    ValueError
        For a trace wanted of a continuation.

    Examples
    --------
    >>> from scorer.core.scorecard import Hot, Label, Rule, Scorecard
    >>> rule = Rule("visit", Label("Visited"), on="first_visit", points=8)
    >>> card = Card(Scorecard(1, Label("Tiny"), p50=40, hot=Hot(60), warm=20, rules=[rule]), landmark_ms=0)
    >>> fold(card, None, [Fact("visit", at=0, day=719163, visit=1, visit_of_day=1)]).heat
    8.0
    """
    if trace is not None and state is not None:
        raise ValueError("a trace is written by a fold from the first fact only")
    folding = _Folding(card, state or ScoreState(), trace)
    for fact in facts:
        folding.take(fact)
    if trace is not None:
        trace.sort(key=lambda contribution: contribution.at)
    return folding.state()


def combine(card: Card, parts: Sequence[Totals]) -> Totals:
    """Totals of a lead from those of its visitors, in any order with the same result.

    Sums anew (``fsum``), never by difference, so that un-merging restores the bits. Judged as of the lead's last
    contribution, its hot spell is the longest of those visitors still hot by themselves; where there are none, but
    together they reach ``enter``, it begins with that contribution.
    """
    if len(parts) == 1:
        return parts[0]
    rules: dict[str, list[RuleTotal]] = {}
    topics: dict[str, list[float]] = {}
    for part in parts:
        for rule, total in part.rules.items():
            rules.setdefault(rule, []).append(total)
        for topic, heat in part.topics.items():
            topics.setdefault(topic, []).append(heat)
    heat = fsum(part.heat for part in parts)
    last_at = max((part.last_at for part in parts), default=0)
    weight = card.decay.weight(last_at)
    spells = [part.hot_since for part in parts if part.hot_since is not None and part.heat >= card.leave * weight]
    return Totals(
        heat=heat,
        rules={
            rule: RuleTotal(
                heat=fsum(total.heat for total in totals),
                count=sum(total.count for total in totals),
                points=fsum(total.points for total in totals),
                last_at=max(total.last_at for total in totals),
            )
            for rule, totals in sorted(rules.items())
        },
        topics={topic: fsum(heats) for topic, heats in sorted(topics.items())},
        stages=(
            fsum(part.stages[0] for part in parts),
            fsum(part.stages[1] for part in parts),
            fsum(part.stages[2] for part in parts),
        ),
        hot_since=min(spells) if spells else card.hot_since(None, heat, heat, last_at),
        last_at=last_at,
    )


class _Folding:
    """The fold at work: the state's fields as variables, and a copy of each table that is written to."""

    __slots__ = (
        "at",
        "card",
        "counts",
        "day",
        "dwell",
        "earlier",
        "heat",
        "hot_since",
        "last_at",
        "rules",
        "stages",
        "topics",
        "trace",
        "traced_dwell",
        "visit",
        "visit_of_day",
        "visit_topic",
        "weight",
    )

    def __init__(self, card: Card, state: ScoreState, trace: list[Contribution] | None) -> None:
        self.card = card
        self.heat = state.heat
        self.rules = state.rules.copy()
        self.topics = state.topics.copy()
        self.stages = list(state.stages)
        self.hot_since = state.hot_since
        self.last_at = state.last_at
        self.day = state.day
        self.counts = state.counts.copy()
        self.visit = state.visit
        self.visit_of_day = state.visit_of_day
        self.visit_topic = state.visit_topic
        self.dwell = state.dwell.copy()
        self.earlier: dict[int, tuple[int, dict[str, Dwell]]] = {}
        """Visits that closed during this fold: late engaged time may still speak of them."""
        self.trace = trace
        self.traced_dwell: dict[tuple[int, str], int] = {}
        self.at: int | None = None
        self.weight = 0.0

    def state(self) -> ScoreState:
        """What to store."""
        return ScoreState(
            self.heat,
            self.rules,
            self.topics,
            (self.stages[0], self.stages[1], self.stages[2]),
            self.hot_since,
            self.last_at,
            self.day,
            self.counts,
            self.visit,
            self.visit_of_day,
            self.visit_topic,
            self.dwell,
        )

    def take(self, fact: Fact) -> None:
        """Add what one fact earns."""
        kind, event = fact.kind, fact.event
        if kind == "engaged":
            self.take_engaged(fact, event.url if event else "")
        elif kind == "visit":
            self.take_visit(fact)
        elif event is None:
            return
        elif kind == "page":
            topic, earnings = self.card.match_page(event.url, event.title)
            if topic is not None:
                self.visit_topic = topic
            if earnings:
                self.earn(fact, earnings, topic, event.url)
        elif kind == "track":
            self.take_track(fact, event)
        elif kind == "identify":
            self.earn(fact, self.card.on_identify)
        else:
            self.earn(fact, self.card.on_group)

    def take_visit(self, fact: Fact) -> None:
        """Close the visit before, and earn what coming at all, again, or after a silence is worth."""
        if self.visit:
            self.earlier[self.visit] = (self.visit_of_day, self.dwell)
        self.visit, self.visit_of_day, self.visit_topic, self.dwell = fact.visit, fact.visit_of_day, None, {}
        card = self.card
        if fact.silence_ms < 0:
            self.earn(fact, card.on_first_visit)
            return
        earnings = card.on_new_day if fact.visit_of_day == 1 else ()
        for silence_ms, earning in card.on_return:
            if fact.silence_ms >= silence_ms:
                earnings = (*earnings, earning)
        self.earn(fact, earnings)

    def take_track(self, fact: Fact, event: Event) -> None:
        """Earn what a download, a click, a form or another named event is worth."""
        properties = event.properties or {}
        name = event.name
        if name == FILE_DOWNLOADED:
            file = _text(properties, "file_name")
            matched: Matched = self.card.match_file(event.url, file, _text(properties, "extension"))
            detail = file or event.url
        elif name == LINK_CLICKED:
            matched, detail = self.card.match_link(event.url), event.url
        elif name == FORM_SUBMITTED:
            form_id, form_name = _text(properties, "form_id"), _text(properties, "form_name")
            matched, detail = self.card.match_form(event.url, form_id, form_name), form_name or form_id
        else:
            self.earn(fact, self.card.match_event(name, event.properties), None, name)
            return
        topic, earnings = matched
        self.earn(fact, earnings, topic if topic is not None else self.visit_topic, detail)

    def take_engaged(self, fact: Fact, url: str) -> None:
        """Replace what a visit's engaged time gives when it has reached a higher bucket.

        The new contribution has more points and is later, so the totals gain a positive difference and lose no digits.
        """
        if fact.visit == self.visit:
            visit_of_day, dwell = self.visit_of_day, self.dwell
        elif fact.visit in self.earlier:
            visit_of_day, dwell = self.earlier[fact.visit]
        else:
            raise RefoldNeeded(f"engaged time of visit {fact.visit}, which closed before visit {self.visit}")
        for dwelling in self.card.on_dwell:
            points = dwelling.points_for(fact.engaged_ms) if visit_of_day <= dwelling.cap_per_day else 0.0
            rule, stage = dwelling.rule, dwelling.stage
            old = dwell.get(rule)
            if points <= (old.points if old is not None else 0.0):
                continue
            topic = self.card.topic_of(url)
            new = Dwell(points, points * self.weigh(fact.at), fact.at, topic)
            dwell[rule] = new
            total = self.rules.get(rule)
            if old is None:
                gain, count, more = new.heat, 1, points
            else:
                gain, count, more = new.heat - old.heat, 0, points - old.points
                if old.topic is not None:
                    self.take_from_topic(old.topic, old.heat)
            if total is None:
                self.rules[rule] = RuleTotal(gain, count, more, fact.at)
            else:
                self.rules[rule] = RuleTotal(total.heat + gain, total.count + count, total.points + more, fact.at)
            if topic is not None:
                self.add_topic(topic, new.heat)
            if stage >= 0:
                self.stages[stage] += gain
            self.add_heat(self.heat + gain, fact.at)
            if self.trace is not None:
                contribution = _contribution(fact, rule, points, topic, stage, url)
                place = self.traced_dwell.setdefault((fact.visit, rule), len(self.trace))
                self.trace[place : place + 1] = [contribution]

    def earn(self, fact: Fact, earnings: tuple[Earning, ...], topic: str | None = None, detail: str = "") -> None:
        """Add the points of each rule that hasn't reached its cap."""
        if not earnings:
            return
        if fact.day != self.day:
            self.day, self.counts = fact.day, {}
        at, counts, rules = fact.at, self.counts, self.rules
        heat, weight = self.heat, self.weigh(at)
        earned = False
        for rule, points, cap_per_day, cap_total, stage in earnings:
            count = counts.get(rule, 0)
            total = rules.get(rule)
            if count >= cap_per_day or (cap_total and total is not None and total.count >= cap_total):
                continue
            counts[rule] = count + 1
            gain = points * weight
            heat += gain
            if total is None:
                rules[rule] = RuleTotal(gain, 1, points, at)
            else:
                rules[rule] = RuleTotal(total.heat + gain, total.count + 1, total.points + points, at)
            if topic is not None:
                self.add_topic(topic, gain)
            if stage >= 0:
                self.stages[stage] += gain
            earned = True
            if self.trace is not None:
                self.trace.append(_contribution(fact, rule, points, topic, stage, detail))
        if earned:
            self.add_heat(heat, at)

    def add_heat(self, heat: float, at: int) -> None:
        """Set the heat after contributions at ``at``, and judge the hot spell by it: ``Card.hot_since``, unrolled."""
        weight = self.weight
        if self.hot_since is not None and self.heat < self.card.leave * weight:
            self.hot_since = None
        if self.hot_since is None and heat >= self.card.enter * weight > 0:
            self.hot_since = at
        self.heat = heat
        self.last_at = at

    def add_topic(self, topic: str, heat: float) -> None:
        """Add heat to a topic; when there are too many, drop the coldest."""
        topics = self.topics
        if topic not in topics and len(topics) >= MAX_TOPICS:
            del topics[min(topics, key=lambda known: (topics[known], known))]
        topics[topic] = topics.get(topic, 0.0) + heat

    def take_from_topic(self, topic: str, heat: float) -> None:
        """Take back what a replaced contribution gave a topic that is still kept."""
        left = self.topics.get(topic, 0.0) - heat
        if left > 0:
            self.topics[topic] = left
        else:
            self.topics.pop(topic, None)

    def weigh(self, at: int) -> float:
        """``Decay.weight``, remembered for facts of the same moment."""
        if at != self.at:
            self.weight = self.card.decay.weight(at)
            self.at = at
        return self.weight


def _contribution(fact: Fact, rule: str, points: float, topic: str | None, stage: int, detail: str) -> Contribution:
    return Contribution(
        rule=rule,
        at=fact.at,
        points=points,
        day=fact.day,
        visit=fact.visit,
        topic=topic,
        stage=STAGES[stage] if stage >= 0 else None,
        detail=detail,
        message_id=fact.event.message_id if fact.event else b"",
    )


def _text(properties: dict[str, object], key: str) -> str:
    value = properties.get(key)
    return value[:500] if isinstance(value, str) else ""
