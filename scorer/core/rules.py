"""A scorecard made ready to score: rules by behaviour, patterns compiled, and what a page matches remembered."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from scorer.core.decay import DAY_MS, Decay, score
from scorer.core.exclusions import Exclusion, path_counters
from scorer.core.globs import TOPIC, GlobIndex, Globs, TopicCapture, address_key, file_name, folded, page_path
from scorer.core.labels import listed
from scorer.core.scorecard import STAGES, Behaviour, Match, Rule, Scorecard
from tracker.core.channels import channel_of

Tier = Literal["hot", "warm", "cold"]

REMEMBERED = 2048
"""Pages, files, forms and names whose matches a card remembers, each."""


class Earning(NamedTuple):
    """A rule as the fold applies it: only what is needed to earn points."""

    rule: str
    points: float
    cap_per_day: int
    cap_total: int
    """0 for no limit."""
    stage: int
    """Place in ``STAGES``, or -1."""


class Dwelling(NamedTuple):
    """A dwell rule as the fold applies it."""

    rule: str
    from_ms: tuple[float, ...]
    """Engaged time from which each bucket begins, rising."""
    points: tuple[float, ...]
    cap_per_day: int
    stage: int

    def points_for(self, engaged_ms: int) -> float:
        """Points of a visit with so much engaged time: those of the highest bucket reached, 0 below the first."""
        reached = bisect_right(self.from_ms, engaged_ms)
        return self.points[reached - 1] if reached else 0.0


class Subject(NamedTuple):
    """What a behaviour was about, in the form in which patterns are compared."""

    path: str = ""
    url: str = ""
    title: str = ""
    topic: str | None = None
    stage: str | None = None
    """That of the topic, on the card."""
    file: str = ""
    extension: str = ""
    form_id: str = ""
    form_name: str = ""
    campaign: str = ""
    channel: str = ""
    source: str = ""


Test = Callable[[Subject], bool]
Matched = tuple[str | None, tuple[Earning, ...]]
"""Topic (``None`` when it has none) and the rules that match."""
Marks = tuple[str, ...]
"""What the card's exclusions want counted of a page or an event."""
_EVENT_MARK = "event:"


class Card:
    """A scorecard and a landmark, ready to score.

    Unchanging but for what it remembers of addresses seen, which changes speed and nothing else. Safe to share
    between threads.

    Parameters
    ----------
    scorecard
        What ``scorecard.parse`` returned.
    landmark_ms
        Time at which one point is one unit of heat: milliseconds since 1970 UTC.

    Examples
    --------
    >>> from scorer.core.labels import Label
    >>> from scorer.core.scorecard import Hot
    >>> rule = Rule("visit", Label("Visited"), on="first_visit", points=1)
    >>> card = Card(Scorecard(1, Label("Tiny"), p50=40, hot=Hot(60), warm=20, rules=[rule]), landmark_ms=0)
    >>> card.tier(heat=25.0, hot_since=None, now_ms=0)
    'warm'
    """

    def __init__(self, scorecard: Scorecard, landmark_ms: int) -> None:
        self.scorecard = scorecard
        self.decay = Decay(scorecard.half_life_days, landmark_ms)
        self.enter = scorecard.hot.enter
        self.leave = scorecard.hot.enter * scorecard.hot.leave_ratio
        self.warm = scorecard.warm
        self.rules: Mapping[str, Rule] = {rule.id: rule for rule in scorecard.rules}

        earning = [rule for rule in scorecard.rules if rule.points > 0]
        self._by: dict[Behaviour, tuple[tuple[Test, Earning], ...]] = {}
        self._likely: dict[Behaviour, _Likely] = {}
        for on in {rule.on for rule in earning}:
            self._by[on] = tuple((_test(rule.match), _earning(rule)) for rule in earning if rule.on == on)
            self._likely[on] = _Likely([rule.match for rule in earning if rule.on == on])
        self.on_first_visit = self._all("first_visit")
        self.on_new_day = self._all("new_day")
        self.on_identify = self._all("identify")
        self.on_group = self._all("group")
        self.on_return = tuple(
            (round((rule.match.min_silence_days or 0) * DAY_MS), _earning(rule)) for rule in earning if rule.on == "return"
        )
        self.on_dwell = tuple(
            Dwelling(
                rule.id,
                tuple(seconds * 1000.0 for seconds, _ in rule.buckets),
                tuple(float(points) for _, points in rule.buckets),
                rule.cap_per_day,
                _stage(rule),
            )
            for rule in scorecard.rules
            if rule.on == "dwell"
        )
        events = [rule for rule in earning if rule.on == "event"]
        self._events = tuple((rule.match.properties, _earning(rule)) for rule in events)
        self._event_names = GlobIndex(listed(rule.match.event) for rule in events)
        self.exclusions: Sequence[Exclusion] = scorecard.exclusions
        self._counters = path_counters(scorecard.exclusions)
        self._marked_events = Globs(name for rule in scorecard.exclusions for name in listed(rule.match.event))
        self._topic_properties = tuple(scorecard.topic_properties)
        self._topics = tuple(
            (topic.id, _test(topic.match), topic.stage) if topic.id else (None, _captures(topic.match), topic.stage)
            for topic in scorecard.topics
        )
        self._likely_topics = _Likely([topic.match if topic.id else _likely(topic.match) for topic in scorecard.topics])
        matches = [rule.match for rule in scorecard.rules] + [topic.match for topic in scorecard.topics]
        self._whole_url = any(match.url for match in matches)
        self._titles = any(match.title for match in matches)

        self._page = lru_cache(REMEMBERED)(self._match_page)
        self._file = lru_cache(REMEMBERED)(self._match_file)
        self._link = lru_cache(REMEMBERED)(self._match_link)
        self._form = lru_cache(REMEMBERED)(self._match_form)
        self._event = lru_cache(REMEMBERED)(self._match_event)

    # What a heat means.

    def points(self, heat: float, now_ms: int) -> float:
        """Points left of a heat at ``now_ms``; at least 0."""
        return self.decay.points(heat, now_ms)

    def score(self, heat: float, now_ms: int) -> float:
        """Score of a heat at ``now_ms``, from 0 to 100."""
        return score(self.decay.points(heat, now_ms), self.scorecard.p50)

    def tier(self, heat: float, hot_since: int | None, now_ms: int) -> Tier:
        """``hot`` in a hot spell and not faded below ``leave``; else ``warm`` or ``cold`` by points."""
        points = self.decay.points(heat, now_ms)
        if hot_since is not None and points >= self.leave:
            return "hot"
        return "warm" if points >= self.warm else "cold"

    def cools_at(self, heat: float) -> int | None:
        """When this heat fades to where a hot lead leaves: milliseconds since 1970 UTC. ``None`` for no heat."""
        return self.decay.falls_to(heat, self.leave)

    def hot_since(self, since: int | None, before: float, after: float, at_ms: int) -> int | None:
        """Start of the hot spell after heat went from ``before`` to ``after`` at ``at_ms``; ``None`` when not hot.

        ``since`` is the start of the spell known so far. It lapses when the points had fallen below ``leave`` before
        this event, and starts with the event that lifts them to ``enter``: dithering around ``enter`` enters once.
        """
        weight = self.decay.weight(at_ms)
        if since is not None and before < self.leave * weight:
            since = None
        if since is None and after >= self.enter * weight > 0:
            since = at_ms
        return since

    # What a behaviour earns.

    def match_page(self, url: str, title: str) -> tuple[str | None, tuple[Earning, ...], Marks]:
        """Topic of the page, the rules that its view fulfils, and what to count of it."""
        return self._page(url if self._whole_url else address_key(url), title if self._titles else "")

    def match_file(self, url: str, name: str, extension: str) -> Matched:
        """Topic of the file by its address, and the rules that its download fulfils."""
        return self._file(url, name, extension)

    def match_link(self, url: str) -> Matched:
        """Topic of the link's target, and the rules that a click on it fulfils."""
        return self._link(url)

    def match_form(self, url: str, form_id: str, form_name: str) -> Matched:
        """Topic of the form's page, and the rules that sending it fulfils."""
        return self._form(url if self._whole_url else address_key(url), form_id, form_name)

    def match_event(self, name: str, properties: Mapping[str, Any] | None) -> tuple[tuple[Earning, ...], Marks]:
        """The rules that a ``track`` event of this name and these properties fulfils, and what to count of it."""
        candidates, marks = self._event(name)
        return candidates(properties), marks

    def match_mail_click(self, url: str, campaign: str) -> Matched:
        """Topic of the page that a link in a mail has led to, and the rules that reading it fulfils."""
        subject = Subject(campaign=folded(campaign))
        return self.topic_of(url), tuple(earning for test, earning in self._by.get("mail_click", ()) if test(subject))

    def match_arrival(self, referrer: str, campaign: Mapping[str, str] | None, url: str) -> tuple[Earning, ...]:
        """The rules that a visit fulfils by how it came, judged by its first page."""
        origin = channel_of(referrer, campaign, url)
        name = folded((campaign or {}).get("name", ""))
        subject = Subject(campaign=name, channel=origin.channel, source=folded(origin.name))
        return tuple(earning for test, earning in self._by.get("arrival", ()) if test(subject))

    @property
    def looks_at_arrivals(self) -> bool:
        """Whether any rule asks how a visit came."""
        return "arrival" in self._by

    @staticmethod
    def events_marked(marks: Mapping[str, int]) -> frozenset[str]:
        """The names, folded, of the events that were counted for exclusions."""
        return frozenset(mark.removeprefix(_EVENT_MARK) for mark in marks if mark.startswith(_EVENT_MARK))

    def topic_of(self, url: str) -> str | None:
        """Topic of the page at this address; ``None`` when it has none."""
        return self._page(url if self._whole_url else address_key(url), "")[0] if url else None

    def topic_told(self, properties: Mapping[str, Any]) -> str | None:
        """Topic that an event names itself, in the form of one read off an address; ``None`` when it names none."""
        for name in self._topic_properties:
            told = properties.get(name)
            if isinstance(told, str) and told.strip():
                return "-".join(folded(told).split())[:60]
        return None

    def _all(self, on: Behaviour) -> tuple[Earning, ...]:
        return tuple(earning for _, earning in self._by.get(on, ()))

    def _matching(self, on: Behaviour, subject: Subject) -> Matched:
        topic = stage = None
        for place in self._likely_topics(subject):
            name, test, speaks_of = self._topics[place]
            found = test(subject)
            if found:
                topic, stage = name or str(found), speaks_of
                break
        rules = self._by.get(on)
        if rules is None:
            return topic, ()
        subject = subject._replace(topic=topic, stage=stage)
        likely = (rules[place] for place in self._likely[on](subject))
        return topic, tuple(earning for test, earning in likely if test(subject))

    def _match_page(self, url: str, title: str) -> tuple[str | None, tuple[Earning, ...], Marks]:
        path = page_path(url)
        topic, earnings = self._matching("page_view", Subject(path, folded(url), title.lower()))
        return topic, earnings, tuple(rule for rule, globs in self._counters if globs(path))

    def _match_file(self, url: str, name: str, extension: str) -> Matched:
        name = folded(name) or file_name(url)
        extension = extension.lower().lstrip(".") or (name.rpartition(".")[2] if "." in name else "")
        return self._matching("download", Subject(page_path(url), folded(url), file=name, extension=extension))

    def _match_link(self, url: str) -> Matched:
        return self._matching("link", Subject(page_path(url), folded(url)))

    def _match_form(self, url: str, form_id: str, form_name: str) -> Matched:
        subject = Subject(page_path(url), folded(url), form_id=folded(form_id), form_name=folded(form_name))
        return self._matching("form", subject)

    def _match_event(self, name: str) -> tuple[_ByProperties, Marks]:
        name = folded(name)
        marks = (_EVENT_MARK + name,) if self._marked_events(name) else ()
        return _ByProperties([self._events[place] for place in sorted(self._event_names(name))]), marks


class _Likely:
    """Which of many matches a subject may fulfil, told without testing each: never too few, rarely many.

    Each match is found by one of its keys, that which tells most; those that have none are always likely.
    """

    __slots__ = ("_always", "_by_value", "_by_word", "_indexes")

    def __init__(self, matches: Sequence[Match]) -> None:
        self._always: list[int] = []
        self._by_value: dict[tuple[str, str | None], list[int]] = {}
        self._by_word: list[tuple[str, int]] = []
        patterns: dict[str, list[tuple[int, list[str]]]] = {}
        for place, match in enumerate(matches):
            key = next((key for key in ("path", "url", "file", "form") if getattr(match, key) is not None), None)
            if key is not None:
                patterns.setdefault(key, []).append((place, listed(getattr(match, key))))
            elif match.topic is not None:
                for topic in {text.lower() for text in listed(match.topic)}:
                    self._by_value.setdefault(("topic", topic), []).append(place)
            elif match.stage is not None:
                for stage in listed(match.stage):
                    self._by_value.setdefault(("stage", stage), []).append(place)
            elif match.extension is not None:
                for extension in {text.lower().lstrip(".") for text in listed(match.extension)}:
                    self._by_value.setdefault(("extension", extension), []).append(place)
            elif match.title is not None:
                self._by_word += [(text.lower(), place) for text in listed(match.title)]
            else:
                self._always.append(place)
        self._indexes = {
            key: ([place for place, _ in some], GlobIndex(told for _, told in some)) for key, some in patterns.items()
        }

    def __call__(self, subject: Subject) -> list[int]:
        """Places of the matches that may hold, in order."""
        found = set(self._always)
        for key, (places, index) in self._indexes.items():
            for text in _TEXTS[key](subject):
                found.update(places[owner] for owner in index(text))
        if self._by_value:
            found.update(self._by_value.get(("topic", subject.topic), ()))
            found.update(self._by_value.get(("stage", subject.stage), ()))
            found.update(self._by_value.get(("extension", subject.extension), ()))
        found.update(place for word, place in self._by_word if word in subject.title)
        return sorted(found)


_TEXTS: Mapping[str, Callable[[Subject], tuple[str, ...]]] = {
    "path": lambda subject: (subject.path,),
    "url": lambda subject: (subject.url,),
    "file": lambda subject: (subject.file,),
    "form": lambda subject: (subject.form_id, subject.form_name),
}


class _ByProperties:
    """The rules for events of one name; which of them an event's properties fulfil."""

    __slots__ = ("_always", "_by_value", "_rules")

    def __init__(self, rules: Sequence[tuple[Mapping[str, Any] | None, Earning]]) -> None:
        self._rules = rules
        self._always = [place for place, (wanted, _) in enumerate(rules) if not wanted]
        self._by_value: dict[str, dict[object, list[int]]] = {}
        for place, (wanted, _) in enumerate(rules):
            for key, value in list((wanted or {}).items())[:1]:
                self._by_value.setdefault(key, {}).setdefault(_comparable(value), []).append(place)

    def __call__(self, properties: Mapping[str, Any] | None) -> tuple[Earning, ...]:
        rules = self._rules
        if properties is None:
            return tuple(earning for wanted, earning in rules if wanted is None)
        found = list(self._always)
        for key, places in self._by_value.items():
            for place in places.get(_comparable(properties.get(key)), ()):
                wanted = rules[place][0] or {}
                if all(_same(properties.get(name), value) for name, value in wanted.items()):
                    found.append(place)
        return tuple(rules[place][1] for place in sorted(found))


def _comparable(value: object) -> object:
    """What values that are the same to ``_same`` have in common; ``None`` for those that are the same as none."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, bool):
        return ("bool", value)
    return value if isinstance(value, int | float) else None


def _earning(rule: Rule) -> Earning:
    return Earning(rule.id, float(rule.points), rule.cap_per_day, rule.cap_total or 0, _stage(rule))


def _stage(rule: Rule) -> int:
    return STAGES.index(rule.stage) if rule.stage else -1


def _test(match: Match) -> Test:
    """One function that tells whether a subject fulfils every key of the match."""
    tests: list[Test] = []
    if match.path is not None:
        path = Globs(listed(match.path))
        tests.append(lambda subject: path(subject.path))
    if match.not_path is not None:
        not_path = Globs(listed(match.not_path))
        tests.append(lambda subject: not not_path(subject.path))
    if match.url is not None:
        url = Globs(listed(match.url))
        tests.append(lambda subject: url(subject.url))
    if match.title is not None:
        titles = tuple(text.lower() for text in listed(match.title))
        tests.append(lambda subject: any(text in subject.title for text in titles))
    if match.topic is not None:
        topics = frozenset(text.lower() for text in listed(match.topic))
        tests.append(lambda subject: subject.topic in topics)
    if match.stage is not None:
        stages = frozenset(listed(match.stage))
        tests.append(lambda subject: subject.stage in stages)
    if match.extension is not None:
        extensions = frozenset(text.lower().lstrip(".") for text in listed(match.extension))
        tests.append(lambda subject: subject.extension in extensions)
    if match.file is not None:
        file = Globs(listed(match.file))
        tests.append(lambda subject: file(subject.file))
    if match.form is not None:
        form = Globs(listed(match.form))
        tests.append(lambda subject: form(subject.form_id) or form(subject.form_name))
    if match.not_form is not None:
        not_form = Globs(listed(match.not_form))
        tests.append(lambda subject: not (not_form(subject.form_id) or not_form(subject.form_name)))
    if match.campaign is not None:
        campaign = Globs(listed(match.campaign))
        tests.append(lambda subject: campaign(subject.campaign))
    if match.channel is not None:
        channels = frozenset(listed(match.channel))
        tests.append(lambda subject: subject.channel in channels)
    if match.source is not None:
        source = Globs(listed(match.source))
        tests.append(lambda subject: source(subject.source))
    if len(tests) == 1:
        return tests[0]
    return lambda subject: all(test(subject) for test in tests)


def _captures(match: Match) -> Callable[[Subject], str | None]:
    """A function that tells the topic which a path pattern with ``{topic}`` reads off the subject's path."""
    captures = tuple(TopicCapture(pattern) for pattern in listed(match.path) if TOPIC in pattern)
    rest = _test(Match(not_path=match.not_path, url=match.url, title=match.title))

    def capture(subject: Subject) -> str | None:
        for read in captures:
            topic = read(subject.path)
            if topic:
                return topic if rest(subject) else None
        return None

    return capture


def _likely(match: Match) -> Match:
    """The match of a topic that paths name, with patterns that match every path of which a topic is read."""
    return msgspec.structs.replace(match, path=[TopicCapture(one).glob for one in listed(match.path) if TOPIC in one])


def _same(actual: object, wanted: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(actual, str) and actual.lower() == wanted.lower()
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return actual is wanted
    return actual == wanted
