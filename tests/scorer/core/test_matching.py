"""Many rules are matched by an index: it finds what trying rule by rule would find, and takes no longer for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.globs import GlobIndex, Globs, TopicCapture, file_name, folded, page_path
from scorer.core.labels import Label, listed
from scorer.core.rules import Card
from scorer.core.scorecard import STAGES, Hot, Match, Rule, Scorecard, Topic

WORDS = ["", "a", "pump", "pumps", "price", "/price", "/pumps/", "%41", "价格表", "{topic}", "x=1"]
TOPIC_PATHS = ["/pumps/{topic}*", "*/{topic}", "*/pumps/{topic}", "/price/{topic}"]
patterns = st.lists(st.sampled_from([*WORDS, "*", "*"]), min_size=1, max_size=4).map("".join).filter(bool)
texts = st.lists(st.sampled_from(WORDS), max_size=5).map("".join)
some = st.none() | patterns | st.lists(patterns, min_size=1, max_size=3)
values = st.sampled_from([0, 1, 1.0, True, False, "Gold", "gold", "1"])
properties = st.none() | st.dictionaries(
    st.sampled_from(["plan", "n"]), values | st.sampled_from([None, [1], {}]), max_size=2
)

stages = st.none() | st.sampled_from(STAGES) | st.lists(st.sampled_from(STAGES), min_size=1, max_size=2)
page_matches = st.builds(Match, path=some, not_path=some, url=some, title=some, topic=some, stage=stages)
file_matches = st.builds(Match, path=some, url=some, topic=some, stage=stages, file=some, extension=some)
form_matches = st.builds(Match, path=some, topic=some, form=some, not_form=some)
event_matches = st.builds(
    Match,
    event=patterns | st.lists(patterns, min_size=1, max_size=3),
    properties=st.none() | st.dictionaries(st.sampled_from(["plan", "n"]), values, max_size=2),
)
topics = st.builds(Match, path=some, not_path=some, url=some) | st.sampled_from(TOPIC_PATHS).map(
    lambda path: Match(path=path)
)


@given(st.lists(st.lists(patterns, max_size=4), max_size=6), texts)
def test_an_index_of_lists_is_each_list_by_itself(lists: list[list[str]], text: str) -> None:
    text = folded(text)
    assert GlobIndex(lists)(text) == {place for place, one in enumerate(lists) if Globs(one)(text)}


@given(st.lists(st.text("ab*", max_size=9), max_size=6), st.text("ab", max_size=14))
def test_an_index_of_short_and_overlapping_pieces(some_patterns: list[str], text: str) -> None:
    index = GlobIndex([pattern] for pattern in some_patterns)
    assert index(text) == {place for place, one in enumerate(some_patterns) if Globs([one])(text)}


def test_an_index_of_nothing_finds_nothing() -> None:
    assert GlobIndex([])("/a") == set()
    assert GlobIndex([[]])("") == set()


def test_a_hostile_address_takes_no_time() -> None:
    index = GlobIndex([["*" + "aaaa*" * 20 + str(number)] for number in range(500)])
    began = time.perf_counter()
    assert index("a" * 2000) == set()
    assert time.perf_counter() - began < 0.2


def holds(match: Match, subject: dict[str, Any]) -> bool:
    """Whether a subject fulfils every key of a match: the meaning, key by key."""
    tests: dict[str, Callable[[list[str]], bool]] = {
        "path": lambda told: Globs(told)(subject["path"]),
        "not_path": lambda told: not Globs(told)(subject["path"]),
        "url": lambda told: Globs(told)(subject["url"]),
        "title": lambda told: any(one.lower() in subject["title"] for one in told),
        "topic": lambda told: subject["topic"] in {one.lower() for one in told},
        "stage": lambda told: subject["stage"] in told,
        "extension": lambda told: subject["extension"] in {one.lower().lstrip(".") for one in told},
        "file": lambda told: Globs(told)(subject["file"]),
        "form": lambda told: any(Globs(told)(one) for one in subject["form"]),
        "not_form": lambda told: not any(Globs(told)(one) for one in subject["form"]),
    }
    return all(test(listed(getattr(match, key))) for key, test in tests.items() if getattr(match, key) is not None)


def topic_of(all_topics: list[Topic], subject: dict[str, Any]) -> tuple[str | None, str | None]:
    """The topic, and the stage of the purchase that it is of."""
    for topic in all_topics:
        if topic.id:
            if holds(topic.match, subject):
                return topic.id, topic.stage
        elif (found := TopicCapture(str(topic.match.path))(subject["path"])) is not None:
            return found, topic.stage
    return None, None


def card_of(on: str, matches: list[Match], topic_matches: list[Match]) -> tuple[Card, list[Topic]]:
    rules = [Rule(f"r{place}", Label("R"), on, points=1, match=match) for place, match in enumerate(matches)]  # type: ignore[arg-type]
    captures = [Match(path=path) for path in TOPIC_PATHS]
    all_topics = [
        Topic(match, "" if match in captures else f"t{place}", stage=(*STAGES, None)[place % 4])
        for place, match in enumerate(topic_matches)
    ]
    return Card(Scorecard(1, Label("T"), 40, Hot(60), 20, rules, all_topics), 0), all_topics


def expected(matches: list[Match], all_topics: list[Topic], subject: dict[str, Any]) -> tuple[str | None, list[str]]:
    nothing: dict[str, Any] = {"title": "", "topic": None, "extension": "", "file": "", "form": ("", "")}
    subject = nothing | subject
    topic, stage = topic_of(all_topics, subject)
    subject |= {"topic": topic, "stage": stage}
    return topic, [f"r{place}" for place, match in enumerate(matches) if holds(match, subject)]


@given(st.lists(page_matches, max_size=6), st.lists(topics, max_size=3), texts, texts)
def test_pages(matches: list[Match], topic_matches: list[Match], path: str, title: str) -> None:
    card, all_topics = card_of("page_view", matches, topic_matches)
    url = f"https://shop.example/{path}"
    topic, earnings, _ = card.match_page(url, title)
    subject = {"path": page_path(url), "url": folded(url), "title": title.lower()}
    if not any(match.url for match in matches + topic_matches):
        subject["url"] = folded(url.partition("?")[0])
    assert (topic, [one.rule for one in earnings]) == expected(matches, all_topics, subject)


@given(st.lists(file_matches, max_size=6), st.lists(topics, max_size=3), texts, texts, st.sampled_from(["", "pdf", ".PDF"]))
def test_files(matches: list[Match], topic_matches: list[Match], path: str, name: str, extension: str) -> None:
    card, all_topics = card_of("download", matches, topic_matches)
    url = f"https://shop.example/{path}"
    topic, earnings = card.match_file(url, name, extension)
    name = folded(name) or file_name(url)
    ending = extension.lower().lstrip(".") or (name.rpartition(".")[2] if "." in name else "")
    subject = {"path": page_path(url), "url": folded(url), "file": name, "extension": ending}
    assert (topic, [one.rule for one in earnings]) == expected(matches, all_topics, subject)


@given(st.lists(form_matches, max_size=6), texts, texts)
def test_forms(matches: list[Match], form_id: str, form_name: str) -> None:
    card, _ = card_of("form", matches, [])
    _, earnings = card.match_form("https://shop.example/pumps/a", form_id, form_name)
    subject = {"path": "/pumps/a", "url": "https://shop.example/pumps/a", "form": (folded(form_id), folded(form_name))}
    assert [one.rule for one in earnings] == expected(matches, [], subject)[1]


@given(st.lists(event_matches, max_size=6), texts, properties)
def test_events(matches: list[Match], name: str, told: dict[str, Any] | None) -> None:
    card, _ = card_of("event", matches, [])

    def same(actual: object, wanted: object) -> bool:
        if isinstance(wanted, str):
            return isinstance(actual, str) and actual.lower() == wanted.lower()
        return type(actual) in (int, float) and actual == wanted if not isinstance(wanted, bool) else actual is wanted

    def carries(wanted: dict[str, Any] | None) -> bool:
        return wanted is None or (told is not None and all(same(told.get(key), value) for key, value in wanted.items()))

    wanted = [
        f"r{place}"
        for place, match in enumerate(matches)
        if Globs(listed(match.event))(folded(name)) and carries(match.properties)
    ]
    assert [one.rule for one in card.match_event(name, told)[0]] == wanted


@pytest.mark.parametrize("text", ["/a{topic}", "{topic}", "/a*/{topic}/b"])
def test_in_a_rule_the_word_topic_is_plain_text(text: str) -> None:
    card, _ = card_of("page_view", [Match(path=text)], [])
    assert [one.rule for one in card.match_page(f"https://shop.example/{text.lstrip('/')}", "")[1]] == (
        ["r0"] if text.startswith("/") else []
    )
