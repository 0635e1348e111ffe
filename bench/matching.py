"""Matching: the score's fold by a card of 20 rules and by one of 500."""

from __future__ import annotations

import random
import statistics
import time

from bench.report import Section, spread
from scorer.core.labels import Label
from scorer.core.rules import Card
from scorer.core.score import fold
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, Topic
from tracker.core.events import Event, Fact

ROUNDS = 9
FACTS = 40_000
PAGES = 500
"""Pages that are viewed again and again."""
FEW, MANY = 20, 500
_DAY = 739_425


def run(smoke: bool) -> Section:
    """Measure the fold by both cards on the same facts, in turns."""
    rounds, count = (1, 2_000) if smoke else (ROUNDS, FACTS)
    section = Section(
        "matching",
        "Matching, as rules grow",
        f"The score of one visitor folded from {count:,} facts, in µs a fact: four of five are page views, most of them of "
        f"{PAGES} pages; the fifth is a named event with a property. Rules match paths, whole addresses, topics, and events "
        f"with properties, in equal parts; what happens matches the first {FEW}, so both cards earn the same. Each round "
        "begins with a card that has seen nothing. "
        f"Limit for usual traffic: {MANY} rules cost at most 1.5 times what {FEW} do.",
        ("traffic", f"{FEW} rules, µs", f"{MANY} rules, µs", "× slower"),
    )
    for name, fresh in (("pages seen before", 0.0), ("as usual: a tenth is new", 0.1), ("all addresses distinct", 1.0)):
        facts = _facts(count, fresh)
        few, many = [], []
        for _ in range(rounds):
            few.append(_microseconds(FEW, facts))
            many.append(_microseconds(MANY, facts))
        ratio = statistics.median(many) / statistics.median(few)
        section.rows.append((name, spread(few, 2), spread(many, 2), f"{ratio:.2f}"))
    return section


def _microseconds(rules: int, facts: list[Fact]) -> float:
    card = _card(rules)
    start = time.perf_counter()
    fold(card, None, {0: facts})
    return (time.perf_counter() - start) * 1_000_000 / len(facts)


def _card(count: int) -> Card:
    rules, topics = list[Rule](), list[Topic]()
    for number in range(count):
        kind, label = number % 4, Label("Rule")
        if kind == 0:
            match = Match(path=[f"*/area-{number}*", f"/section-{number}/*"], not_path="*/careers*")
            rules.append(Rule(f"path-{number}", label, "page_view", 1, match))
        elif kind == 1:
            rules.append(Rule(f"url-{number}", label, "page_view", 1, Match(url=f"*campaign={number}*")))
        elif kind == 2:
            topics.append(Topic(Match(path=f"/products/{number}-*"), f"topic-{number}", label))
            rules.append(Rule(f"about-{number}", label, "page_view", 1, Match(topic=f"topic-{number}")))
        else:
            match = Match(event=f"Step {number % 20} *", properties={"plan": f"plan {number}"})
            rules.append(Rule(f"event-{number}", label, "event", 1, match))
    return Card(Scorecard(1, Label("Card"), 40, Hot(60), 20, rules, topics), 0)


def _facts(count: int, fresh: float) -> list[Fact]:
    chance = random.Random(7)
    pages = [f"https://shop.example/products/{number % FEW}-pump/area-{number % 7}/{number}.html" for number in range(PAGES)]
    facts = [Fact("visit", 0, _DAY, 1)]
    for number in range(1, count):
        at, message_id = number * 60_000, number.to_bytes(16, "big")
        if number % 5 == 0:
            told = {"plan": f"plan {chance.randrange(FEW)}", "seats": 5}
            event = Event(message_id, at, "track", name=f"Step {chance.randrange(20)} done", properties=told)
            facts.append(Fact("track", at, _DAY + number // 1000, 1, event=event))
            continue
        url = chance.choice(pages)
        if chance.random() < fresh:
            url = f"https://shop.example/section-{chance.randrange(FEW)}/news/{number}?campaign={chance.randrange(FEW)}"
        facts.append(Fact("page", at, _DAY + number // 1000, 1, event=Event(message_id, at, "page", url=url)))
    return facts
