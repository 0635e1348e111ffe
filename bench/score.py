"""The score's own arithmetic: an event more, a whole history, an explanation, an order, beside reckoning it all anew."""

from __future__ import annotations

import heapq
import math
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.report import Section, spread
from scorer import cards
from scorer.core.rules import Card
from scorer.core.score import Contribution, ScoreState, fold
from scorer.core.scorecard import parse
from scorer.scoring import pack_score, unpack_score
from tracker.core.events import Event, Fact

ROUNDS = 9
HISTORIES = (10, 100, 1_000, 10_000)
LEADS = 100_000
SHOWN = 50
_NOW, _DAY_MS, _VISIT = 1_795_000_000_000, 86_400_000, 10
_PAGES = ("/", "/products/pumps", "/pricing", "/contact", "/products/seals", "/blog/how-to-seal", "/downloads")


def run(smoke: bool) -> Section:
    """Measure fold, explanation and order."""
    rounds, histories, leads = (1, HISTORIES[:2], 1_000) if smoke else (ROUNDS, HISTORIES, LEADS)
    section = Section(
        "score",
        "Score",
        f"One lead by the shipped card, in visits of {_VISIT} page views. An event more: stored state unpacked, folded on, "
        "packed again, as the drain does. Anew: the fold from the first event, which a score without a stored state must do "
        "for every event (its events are at hand; reading them is not counted). Explained: the same fold with every "
        "contribution written down and faded to now.",
        ("events of the lead", "an event more, µs", "anew, µs", "× faster", "anew, µs an event", "explained, µs an event"),
    )
    section.rows = [_history(count, rounds) for count in histories]
    section.notes.append(_order(leads, rounds))
    return section


def _history(count: int, rounds: int) -> tuple[str, ...]:
    card, facts = _card(), _facts(count)
    state = fold(card, None, {0: facts[:-1]})
    kept, last = pack_score(state), {0: facts[-1:]}
    whole = fold(card, None, {0: facts})
    if pack_score(fold(card, unpack_score(kept), last)) != pack_score(whole):
        raise RuntimeError("going on from a state and folding anew differ")

    more, anew, explained = _in_turn(
        rounds,
        lambda: pack_score(fold(card, unpack_score(kept), last)),
        lambda: fold(card, None, {0: facts}),
        lambda: _explained(card, facts),
    )
    ratio = statistics.median(anew) / statistics.median(more)
    each, told = ([value / count for value in values] for values in (anew, explained))
    return (f"{count:,}", spread(more, 1), spread(anew, 0), f"{ratio:,.1f}", spread(each, 2), spread(told, 2))


def _order(leads: int, rounds: int) -> str:
    chance, decay = random.Random(7), _card().decay
    made = [[(chance.randrange(1, 20), _NOW - chance.randrange(60 * _DAY_MS)) for _ in range(_VISIT)] for _ in range(leads)]
    heats = [sum(decay.heat(points, at) for points, at in some) for some in made]
    half_life = decay.half_life_ms

    def anew() -> list[int]:
        left = [math.fsum(points * 2.0 ** ((at - _NOW) / half_life) for points, at in some) for some in made]
        return heapq.nlargest(SHOWN, range(leads), key=left.__getitem__)

    def stored() -> list[int]:
        return heapq.nlargest(SHOWN, range(leads), key=heats.__getitem__)

    if stored() != anew():
        raise RuntimeError("the order by stored heat is another one")
    kept, reckoned = _in_turn(rounds, stored, anew)
    fast, slow = ([value / 1000 for value in values] for values in (kept, reckoned))
    return (
        f"Order: the first {SHOWN} of {leads:,} leads of {_VISIT} contributions each, without an index: "
        f"{spread(fast, 1)} ms by stored heat, {spread(slow, 1)} ms where every contribution is faded to now, "
        f"{statistics.median(slow) / statistics.median(fast):,.0f} × as much. Out of a database: `bench query`."
    )


def _explained(card: Card, facts: list[Fact]) -> tuple[ScoreState, list[float]]:
    trace: list[Contribution] = []
    state = fold(card, None, {0: facts}, trace)
    return state, [card.points(card.decay.heat(one.points, one.at), _NOW) for one in trace]


def _in_turn(rounds: int, *calls: Callable[[], object]) -> list[list[float]]:
    """Return the µs of each call in each round, the calls in turn; the first round warms up."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for times, call in zip(found, calls, strict=True):
            repeats, start = 0, time.perf_counter()
            while (took := time.perf_counter() - start) < 0.01 or repeats == 0:
                call()
                repeats += 1
            times.append(took / repeats * 1e6)
    return [times[1:] for times in found]


def _card() -> Card:
    data = msgspec.json.decode((Path(cards.__file__).parent / "default.json").read_bytes())
    return Card(parse(data), _NOW - 90 * _DAY_MS)


def _facts(count: int) -> list[Fact]:
    """Return *count* events of one browser with the beginnings of their visits, a visit every other day at most."""
    chance = random.Random(7)
    facts: list[Fact] = []
    step = min(2 * _DAY_MS, 80 * _DAY_MS * _VISIT // count)
    for number in range(count):
        visit, place = divmod(number, _VISIT)
        at = _NOW - 80 * _DAY_MS + visit * step + place * min(20_000, step // _VISIT)
        day = 719_163 + at // _DAY_MS
        if place == 0:
            facts.append(Fact("visit", at, day, visit + 1))
        event = Event(number.to_bytes(16, "big"), at, "page", url=f"https://shop.example{chance.choice(_PAGES)}")
        facts.append(Fact("page", at, day, visit + 1, event=event))
    return facts
