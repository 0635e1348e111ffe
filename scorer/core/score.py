"""The score as a fold: what a lead did, in order, goes in; heat, and what it is made of, comes out.

A contribution earns its points once, at the time it happened, and fades from then on (see ``decay``). The state holds
sums of heat that never need touching as time passes, and just enough of the open visits and the current day to go on.

A lead may have several browsers. Their facts are one history, told in the order of time: a cap of three a day is three a day
whatever they are done on, and coming by phone what was left on the desk is coming back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from typing import Final

import msgspec

from scorer.core.rules import Card, Earning, Matched
from scorer.core.scorecard import STAGES, Stage
from tracker.core.events import FILE_DOWNLOADED, FORM_SUBMITTED, LINK_CLICKED, Event, Fact
from tracker.core.mail_links import followed_click
from tracker.core.urls import campaign_of

MAX_TOPICS = 40
"""Topics kept for one visitor; the one with the least heat gives way to a new one."""


MAX_DAYS: Final = 28
"""Days of which the points earned are kept: what tells whether a lead, or its company, is getting keener."""


MAX_MAIL_LINKS: Final = 50
"""Links in mails of which is remembered that they have earned."""


class RefoldNeeded(ValueError):
    """A fact comes before the stored state, or speaks of a visit that closed before it: fold this lead again from its first
    fact."""


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
    days: dict[int, float] = {}
    """Points earned on each of the last days on which there were any, as earned."""
    pages: int = 0
    """Pages viewed."""
    marks: dict[str, int] = {}
    """How often each thing happened that the card's exclusions ask for: see ``Card.marks_of``."""


class OpenVisit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The latest visit of one browser."""

    visit: int
    """Its number among that browser's."""
    visit_of_day: int
    """Its number among the lead's visits of that day, from 1."""
    topic: str | None = None
    """Topic of the last page with one: what its downloads and forms are about, if they don't say."""
    dwell: dict[str, Dwell] = {}
    """What its engaged time gives, by rule; already part of the totals."""
    arrived: bool = False
    """Whether its first page has been judged by how the visit came; kept only for cards that ask."""


class ScoreState(Totals, frozen=True, array_like=True, gc=False):
    """Where the fold stands for one lead: its totals, and what the next fact is judged by. Stored as msgpack."""

    day: int = 0
    """Date (as in ``Fact.day``) that ``counts`` speak of."""
    counts: dict[str, int] = {}
    """Contributions of each rule on that day: the caps are kept while writing."""
    visits_today: int = 0
    """Visits of ``visits_day``: begun on it, or told late on it before."""
    visits_day: int = 0
    seen_at: int = 0
    """Time of the last fact, and its browser: facts before these can't follow."""
    seen_on: int = 0
    open: dict[int, OpenVisit] = {}
    """The latest visit of each browser."""
    mail_links: tuple[str, ...] = ()
    """Ids of the last links in mails that have earned: on whichever browser, each does once."""
    ahead: dict[int, dict[str, int]] = {}
    """``counts`` of days to come, by what was told late: a browser's word about the past counts within the caps of the day
    on which it came, so that nobody can make up a history in a minute. Visits have the empty name."""


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


class Replaced(msgspec.Struct, frozen=True, gc=False):
    """A contribution of a dwell rule that held until the visit reached a higher bucket."""

    contribution: Contribution
    until: int
    """When it was replaced: milliseconds since 1970 UTC."""


Streams = Mapping[int, Iterable[Fact]]
"""Facts of each browser of a lead, in time order. Browsers go by their place among the lead's, which never changes while a
state is gone on from."""


def fold(
    card: Card,
    state: ScoreState | None,
    streams: Streams,
    trace: list[Contribution] | None = None,
    replaced: list[Replaced] | None = None,
) -> ScoreState:
    """Score of a lead after these facts of its browsers.

    Going on from a stored state gives the same bits as folding all facts from the first, however they are split.

    Parameters
    ----------
    card
        The scorecard with its landmark. The same for every fact of a state.
    state
        Where the fold stood before; ``None`` to fold from the first fact. Not changed.
    streams
        What happened since, as the visit fold tells it.
    trace
        When given (only with ``state=None``), receives every contribution in time order; the sum of their heats is the
        state's ``heat`` but for rounding (below 1e-9 of it).
    replaced
        When given (only with a trace), receives the contributions that are no longer in the trace: with them it tells the
        points at every time that has passed.

    Returns
    -------
    ScoreState
        The new state; store it, or read it as ``Totals``.

    Raises
    ------
    RefoldNeeded
        For a fact that comes before the last of ``state``, or engaged time of a visit that ``state`` no longer knows.
    LandmarkError
        For a fact more than 1,000 half-lives past the landmark.
    ValueError
        For a trace wanted of a continuation.

    Examples
    --------
    >>> from scorer.core.labels import Label
    >>> from scorer.core.scorecard import Hot, Rule, Scorecard
    >>> rule = Rule("visit", Label("Visited"), on="first_visit", points=8)
    >>> card = Card(Scorecard(1, Label("Tiny"), p50=40, hot=Hot(60), warm=20, rules=[rule]), landmark_ms=0)
    >>> fold(card, None, {0: [Fact("visit", at=0, day=719163, visit=1)]}).heat
    8.0
    """
    if trace is not None and state is not None:
        raise ValueError("a trace is written by a fold from the first fact only")
    folding = _Folding(card, state or ScoreState(), trace, replaced)
    if len(streams) == 1:
        for browser, facts in streams.items():
            for fact in facts:
                folding.take(browser, fact)
    else:
        for _, browser, _, fact in merge(*(_placed(browser, facts) for browser, facts in streams.items())):
            folding.take(browser, fact)
    if trace is not None:
        trace.sort(key=lambda contribution: contribution.at)
    return folding.state()


class _Folding:
    """The fold at work: the state's fields as variables, and a copy of each table that is written to."""

    __slots__ = (
        "ahead",
        "at",
        "card",
        "counts",
        "day",
        "days",
        "earlier",
        "heat",
        "hot_since",
        "last_at",
        "mail_links",
        "marks",
        "open",
        "pages",
        "replaced",
        "rules",
        "seen_at",
        "seen_on",
        "stages",
        "topics",
        "trace",
        "traced_dwell",
        "visits_day",
        "visits_today",
        "weight",
    )

    def __init__(
        self, card: Card, state: ScoreState, trace: list[Contribution] | None, replaced: list[Replaced] | None
    ) -> None:
        self.card = card
        self.heat = state.heat
        self.rules = state.rules.copy()
        self.topics = state.topics.copy()
        self.stages = list(state.stages)
        self.hot_since = state.hot_since
        self.last_at = state.last_at
        self.days = state.days.copy()
        self.pages = state.pages
        self.marks = state.marks.copy()
        self.day = state.day
        self.counts = state.counts.copy()
        self.visits_today = state.visits_today
        self.visits_day = state.visits_day
        self.seen_at = state.seen_at
        self.seen_on = state.seen_on
        self.open = state.open.copy()
        self.mail_links = state.mail_links
        self.ahead = {day: counts.copy() for day, counts in state.ahead.items()}
        self.earlier: dict[tuple[int, int], OpenVisit] = {}
        """Visits that closed during this fold: late engaged time may still speak of them."""
        self.trace = trace
        self.replaced = replaced
        self.traced_dwell: dict[tuple[int, int, str], int] = {}
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
            self.days,
            self.pages,
            self.marks,
            self.day,
            self.counts,
            self.visits_today,
            self.visits_day,
            self.seen_at,
            self.seen_on,
            self.open,
            self.mail_links,
            self.ahead,
        )

    def take(self, browser: int, fact: Fact) -> None:
        """Add what one fact earns."""
        at = fact.at
        if at < self.seen_at or (at == self.seen_at and browser < self.seen_on):
            raise RefoldNeeded(f"a fact of {at} after one of {self.seen_at}")
        kind, event = fact.kind, fact.event
        if kind == "engaged":
            self.take_engaged(browser, fact, event.url if event else "")
        elif kind == "visit":
            self.take_visit(browser, fact)
        elif event is None:
            pass
        elif kind == "page":
            topic, earnings, marks = self.card.match_page(event.url, event.title)
            self.pages += 1
            for mark in marks:
                self.marks[mark] = self.marks.get(mark, 0) + 1
            if topic is not None and browser in self.open:
                self.open[browser] = msgspec.structs.replace(self.open[browser], topic=topic)
            if self.card.looks_at_arrivals:
                self.take_arrival(browser, fact, event)
            if earnings:
                self.earn(fact, earnings, topic, event.url)
        elif kind == "track":
            self.take_track(browser, fact, event)
        elif kind == "mail_click":
            self.take_mail_click(fact, event)
        elif kind == "identify":
            self.earn(fact, self.card.on_identify)
        else:
            self.earn(fact, self.card.on_group)
        self.seen_at, self.seen_on = at, browser

    def take_visit(self, browser: int, fact: Fact) -> None:
        """Close the browser's visit before, and earn what coming at all, again, or after a silence is worth."""
        before = self.open.get(browser)
        if before is not None:
            self.earlier[browser, before.visit] = before
        if fact.late_day > fact.day:
            counts = self.counts_ahead(fact)
            number = counts[""] = counts.get("", 0) + 1
        else:
            if fact.day != self.visits_day:
                self.visits_day, self.visits_today = fact.day, self.ahead.get(fact.day, {}).get("", 0)
            number = self.visits_today = self.visits_today + 1
        first = not self.open
        self.open[browser] = OpenVisit(fact.visit, number)
        card = self.card
        if first:
            self.earn(fact, card.on_first_visit)
            return
        # Nothing is seen of a lead with several browsers while it is at none of them.
        silence_ms = fact.at - self.seen_at if fact.silence_ms < 0 else min(fact.silence_ms, fact.at - self.seen_at)
        earnings = card.on_new_day if number == 1 else ()
        for at_least_ms, earning in card.on_return:
            if silence_ms >= at_least_ms:
                earnings = (*earnings, earning)
        self.earn(fact, earnings)

    def take_track(self, browser: int, fact: Fact, event: Event) -> None:
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
            earnings, marks = self.card.match_event(name, event.properties)
            for mark in marks:
                self.marks[mark] = self.marks.get(mark, 0) + 1
            self.earn(fact, earnings, self.card.topic_told(properties), name)
            return
        topic, earnings = matched
        topic = self.card.topic_told(properties) or topic
        if topic is None and browser in self.open:
            topic = self.open[browser].topic
        self.earn(fact, earnings, topic, detail)

    def take_arrival(self, browser: int, fact: Fact, event: Event) -> None:
        """Earn what coming in that way is worth, with the first page of a visit."""
        visit = self.open.get(browser)
        if visit is None or visit.arrived:
            return
        self.open[browser] = msgspec.structs.replace(visit, arrived=True)
        told = (event.context or {}).get("campaign")
        campaign = dict(campaign_of(event.url)) or (told if isinstance(told, dict) else None)
        self.earn(fact, self.card.match_arrival(event.referrer, campaign, event.url), None, event.referrer)

    def take_mail_click(self, fact: Fact, event: Event) -> None:
        """Earn what reading the page behind a link in a mail is worth, once for each link."""
        click = followed_click(event.properties)
        if click is None or click.link_id in self.mail_links:
            return
        self.mail_links = (*self.mail_links[1 - MAX_MAIL_LINKS :], click.link_id)
        topic, earnings = self.card.match_mail_click(event.url, click.campaign)
        self.earn(fact, earnings, topic, event.url)

    def take_engaged(self, browser: int, fact: Fact, url: str) -> None:
        """Replace what a visit's engaged time gives when it has reached a higher bucket.

        The new contribution has more points and is later, so the totals gain a positive difference and lose no digits.
        """
        last = self.open.get(browser)
        visit = last if last is not None and fact.visit == last.visit else self.earlier.get((browser, fact.visit))
        if visit is None:
            raise RefoldNeeded(f"engaged time of visit {fact.visit}, which closed before the state")
        visit_of_day, dwell = visit.visit_of_day, visit.dwell.copy()
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
            self.add_day(fact.day, more)
            if self.trace is not None:
                contribution = _contribution(fact, rule, points, topic, stage, url)
                place = self.traced_dwell.setdefault((browser, fact.visit, rule), len(self.trace))
                if self.replaced is not None and place < len(self.trace):
                    self.replaced.append(Replaced(self.trace[place], fact.at))
                self.trace[place : place + 1] = [contribution]
        if len(dwell) != len(visit.dwell) or dwell != visit.dwell:
            changed = msgspec.structs.replace(visit, dwell=dwell)
            if visit is last:
                self.open[browser] = changed
            else:
                self.earlier[browser, fact.visit] = changed

    def earn(self, fact: Fact, earnings: tuple[Earning, ...], topic: str | None = None, detail: str = "") -> None:
        """Add the points of each rule that hasn't reached its cap."""
        if not earnings:
            return
        if fact.late_day > fact.day:
            counts = self.counts_ahead(fact)
        else:
            if fact.day != self.day:
                self.day, self.counts = fact.day, self.ahead.get(fact.day, {}).copy()
            counts = self.counts
        at, rules = fact.at, self.rules
        heat, weight = self.heat, self.weigh(at)
        earned = 0.0
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
            earned += points
            if self.trace is not None:
                self.trace.append(_contribution(fact, rule, points, topic, stage, detail))
        if earned:
            self.add_heat(heat, at)
            self.add_day(fact.day, earned)

    def counts_ahead(self, fact: Fact) -> dict[str, int]:
        """The counts of the day on which a late fact was received, which the fold has yet to reach."""
        if fact.late_day not in self.ahead:
            self.ahead = {day: counts for day, counts in self.ahead.items() if day >= fact.day}
            self.ahead[fact.late_day] = {}
        return self.ahead[fact.late_day]

    def add_day(self, day: int, points: float) -> None:
        """Note what a day has brought."""
        days = self.days
        days[day] = days.get(day, 0.0) + points
        if len(days) > MAX_DAYS:
            del days[min(days)]

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


def _placed(browser: int, facts: Iterable[Fact]) -> Iterator[tuple[int, int, int, Fact]]:
    """Facts with their place in the history of all browsers."""
    for place, fact in enumerate(facts):
        yield fact.at, browser, place, fact


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
