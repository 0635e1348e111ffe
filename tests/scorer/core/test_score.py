"""The fold's laws: exact sum, bit-identical continuation, caps, dwell, hysteresis, several browsers as one history."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.core.decay import DAY_MS
from scorer.core.labels import Label
from scorer.core.rules import Card
from scorer.core.score import MAX_TOPICS, Contribution, RefoldNeeded, ScoreState, fold
from scorer.core.scorecard import Hot, Match, Rule, Scorecard, Topic
from tracker.core.events import Event, Fact, FactKind

START = 1_750_636_800_000
FIRST_DAY = 739_425
MINUTE = 60_000


def rule(name: str, on: str, points: float = 0.0, **fields: object) -> Rule:
    """A rule with its id as label."""
    return msgspec.convert({"id": name, "label": {"en": name}, "on": on, "points": points, **fields}, Rule)


RULES = [
    rule("first", "first_visit", 1, cap_per_day=1),
    rule("day", "new_day", 3, cap_per_day=1),
    rule("return", "return", 2.5, match={"min_silence_days": 3}),
    rule("dwell", "dwell", buckets=[[10, 1], [60, 2.3], [180, 4]], cap_per_day=2),
    rule("decided_dwell", "dwell", buckets=[[30, 0.7], [90, 1.1]], stage="decision"),
    rule("product", "page_view", 2.1, match={"path": "/products/*"}, stage="consideration"),
    rule("pumps", "page_view", 0.3, match={"topic": "pumps"}, cap_total=5),
    rule("pricing", "page_view", 8, match={"path": "*/pricing*"}, cap_per_day=2, stage="decision"),
    rule("download", "download", 5.7, stage="consideration"),
    rule("pdf", "download", 1.9, match={"extension": "pdf", "file": "*price*"}, stage="decision"),
    rule("link", "link", 1, match={"url": "mailto:*"}),
    rule("form", "form", 11, match={"form": "quote*"}, cap_per_day=1, stage="decision"),
    rule("identify", "identify", 7, cap_total=1),
    rule("group", "group", 2, cap_total=1),
    rule("email", "event", 4, match={"event": "Email *", "properties": {"list": "News", "n": 2, "ok": True}}),
    rule("nothing", "page_view", 0),
]
TOPICS = [
    Topic(Match(path="/products/valves*"), id="valves", label=Label("Valves", "阀门")),
    Topic(Match(path="*/products/{topic}*")),
]


def card_of(
    rules: list[Rule], half_life_days: float = 14, enter: float = 30, landmark_ms: int = START, warm: float = 10
) -> Card:
    """A card of these rules."""
    body = Scorecard(1, Label("Test"), 20, Hot(enter), warm, rules, TOPICS, half_life_days=half_life_days)
    return Card(body, landmark_ms)


CARD = card_of(RULES)
PAGES = ["/", "/products/pumps", "/products/valves/v1.html", "/products/seals", "/pricing", "/en/pricing/eu", "/blog"]


@st.composite
def histories(draw: st.DrawFn, late: bool = True) -> list[Fact]:
    """What the visit fold might tell of one visitor; ``late``: engaged time also of visits closed long ago."""
    facts: list[Fact] = []
    engaged: dict[int, int] = {}
    at, last_at = START + draw(st.integers(-20 * DAY_MS, 20 * DAY_MS)), -1
    for visit in range(1, draw(st.integers(1, 7)) + 1):
        today = FIRST_DAY + (at - START) // DAY_MS
        silence = at - last_at if last_at >= 0 else -1
        facts.append(Fact("visit", at, today, visit, silence_ms=silence))
        for _ in range(draw(st.integers(0, 9))):
            day = FIRST_DAY + (at - START) // DAY_MS
            kind = draw(st.sampled_from(KINDS))
            url = draw(st.sampled_from(PAGES))
            if kind == "engaged":
                of = draw(st.integers(1, visit)) if late else visit
                engaged[of] = engaged.get(of, 0) + draw(st.sampled_from([1_000, 9_999, 10_000, 35_000, 61_000]))
                facts.append(Fact("engaged", at, day, of, _event(facts, at, "", url), engaged_ms=engaged[of]))
            elif kind == "track":
                name, detail = draw(st.sampled_from(DEEDS))
                facts.append(Fact("track", at, day, visit, _event(facts, at, name, url, detail)))
            else:
                facts.append(Fact(kind, at, day, visit, _event(facts, at, "", url)))
            last_at = at
            at += draw(st.sampled_from([0, 1, 1_000, 10 * MINUTE]))
        last_at, day = at, FIRST_DAY + (at - START) // DAY_MS
        at += draw(st.sampled_from([31 * MINUTE, 5 * 60 * MINUTE, DAY_MS, 4 * DAY_MS, 40 * DAY_MS]))
    told_late = draw(st.sampled_from([0, 0, 1, 2])) and draw(st.integers(0, 7))
    return [msgspec.structs.replace(fact, late_day=fact.day + told_late) if n % 3 else fact for n, fact in enumerate(facts)]


KINDS: list[FactKind] = ["page", "page", "engaged", "engaged", "track", "identify", "group"]
DEEDS: list[tuple[str, dict[str, object]]] = [
    ("File Downloaded", {"file_name": "Price list.pdf", "extension": "pdf"}),
    ("File Downloaded", {}),
    ("Form Submitted", {"form_id": "quote-1"}),
    ("Form Submitted", {"form_name": "search"}),
    ("Link Clicked", {}),
    ("Email Clicked", {"list": "news", "n": 2, "ok": True}),
    ("Email Clicked", {"list": "news", "n": 2, "ok": 1}),
    ("Anything", {}),
]


def _event(facts: list[Fact], at: int, name: str, url: str = "", detail: dict[str, object] | None = None) -> Event:
    return Event(b"%016d" % len(facts), at, "track", name, f"https://example.com{url}", properties=detail)


def pack(state: ScoreState) -> bytes:
    """The state as stored: equal bytes are equal bits."""
    return msgspec.msgpack.encode(state)


def stored(state: ScoreState) -> ScoreState:
    """The state after a trip through storage."""
    return msgspec.msgpack.decode(pack(state), type=ScoreState)


def heat_of(card: Card, trace: list[Contribution]) -> float:
    """Sum of the contributions' heats, by the formula."""
    landmark_ms, half_life_ms = card.decay.landmark_ms, card.decay.half_life_ms
    return sum(entry.points * math.pow(2.0, (entry.at - landmark_ms) / half_life_ms) for entry in trace)


@settings(max_examples=300)
@given(histories())
def test_the_score_is_the_sum_of_its_contributions(facts: list[Fact]) -> None:
    trace: list[Contribution] = []
    state = fold(CARD, None, {0: facts}, trace)
    assert pack(state) == pack(fold(CARD, None, {0: facts}))
    assert state.heat == pytest.approx(heat_of(CARD, trace), rel=1e-9)
    assert all(one.at <= other.at for one, other in pairwise(trace))
    for name, total in state.rules.items():
        of_rule = [entry for entry in trace if entry.rule == name]
        assert total.heat == pytest.approx(heat_of(CARD, of_rule), rel=1e-9)
        assert total.points == pytest.approx(sum(entry.points for entry in of_rule), rel=1e-9)
        assert (total.count, total.last_at) == (len(of_rule), max(entry.at for entry in of_rule))
    assert {entry.rule for entry in trace} == set(state.rules)
    for topic in {entry.topic for entry in trace if entry.topic}:
        expected = heat_of(CARD, [entry for entry in trace if entry.topic == topic])
        assert state.topics[topic] == pytest.approx(expected, rel=1e-9, abs=1e-12 * state.heat)
    for place, name in enumerate(("awareness", "consideration", "decision")):
        expected = heat_of(CARD, [entry for entry in trace if entry.stage == name])
        assert state.stages[place] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=300)
@given(histories(late=False), st.data())
def test_going_on_from_a_stored_state_gives_the_same_bits(facts: list[Fact], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(facts)), max_size=4)))
    state = None
    for begin, end in pairwise([0, *cuts, len(facts)]):
        state = stored(fold(CARD, state, {0: facts[begin:end]}))
    assert state is not None
    assert pack(state) == pack(fold(CARD, None, {0: facts}))


@settings(max_examples=300)
@given(histories(late=True), st.data())
def test_a_fold_with_late_engaged_time_can_be_gone_on_from(facts: list[Fact], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(facts)))
    whole = fold(CARD, None, {0: facts})
    state = stored(fold(CARD, None, {0: facts[:cut]}))
    known = range(state.open[0].visit if state.open else 0, 10)
    if all(fact.visit in known for fact in facts[cut:]):
        assert pack(fold(CARD, state, {0: facts[cut:]})) == pack(whole)
    else:
        with pytest.raises(RefoldNeeded):
            fold(CARD, state, {0: facts[cut:]})


@given(histories(), st.integers(0, 60))
def test_the_stored_state_is_never_changed(facts: list[Fact], cut: int) -> None:
    state = fold(CARD, None, {0: [fact for fact in facts[:cut] if fact.kind != "engaged"]})
    before = pack(state)
    fold(CARD, state, {0: [fact for fact in facts[cut:] if fact.kind != "engaged"]})
    assert pack(state) == before


@given(st.lists(histories(), min_size=1, max_size=3))
def test_caps_hold_on_every_day_whatever_browsers_it_is_spent_on(of_browsers: list[list[Fact]]) -> None:
    of_browsers = [[msgspec.structs.replace(fact, late_day=0) for fact in facts] for facts in of_browsers]  # told at once
    trace: list[Contribution] = []
    fold(CARD, None, dict(enumerate(of_browsers)), trace)
    of_day = visits_of_day(of_browsers)
    for known in RULES:
        of_rule = [entry for entry in trace if entry.rule == known.id]
        if known.on == "dwell":
            # A contribution doesn't tell its browser: of each there is one, so count those that could earn.
            earning = [place for place, number in of_day.items() if number <= known.cap_per_day]
            for number in {entry.visit for entry in of_rule}:
                made = [entry for entry in of_rule if entry.visit == number]
                assert len(made) <= sum(visit == number for _, visit in earning)
            continue
        days = [entry.day for entry in of_rule]
        assert all(days.count(day) <= known.cap_per_day for day in days)
        assert known.cap_total is None or len(of_rule) <= known.cap_total


def in_order(of_browsers: list[list[Fact]]) -> list[tuple[int, Fact]]:
    """The facts of several browsers as one history, each with its browser."""
    placed = [(fact.at, browser, place) for browser, facts in enumerate(of_browsers) for place, fact in enumerate(facts)]
    return [(browser, of_browsers[browser][place]) for _, browser, place in sorted(placed)]


def by_browser(history: list[tuple[int, Fact]]) -> dict[int, list[Fact]]:
    """A stretch of such a history as the fold takes it."""
    streams: dict[int, list[Fact]] = {}
    for browser, fact in history:
        streams.setdefault(browser, []).append(fact)
    return streams


def visits_of_day(of_browsers: list[list[Fact]]) -> dict[tuple[int, int], int]:
    """Which of its day each visit is, by browser and number."""
    days: list[int] = []
    found: dict[tuple[int, int], int] = {}
    for browser, fact in in_order(of_browsers):
        if fact.kind == "visit":
            days.append(fact.day)
            found[browser, fact.visit] = days.count(fact.day)
    return found


def visit(number: int, days: float, silence_days: float = -1) -> Fact:
    """The beginning of a visit."""
    silence = round(silence_days * DAY_MS) if silence_days >= 0 else -1
    return Fact("visit", START + round(days * DAY_MS), FIRST_DAY + int(days), number, None, silence)


def engaged(number: int, days: float, seconds: float, url: str = "") -> Fact:
    """A visit's engaged time."""
    at = START + round(days * DAY_MS)
    event = Event(b"e", at, "track", "Page Engaged", url)
    return Fact("engaged", at, FIRST_DAY + int(days), number, event, engaged_ms=round(seconds * 1000))


def page(days: float, path: str, number: int = 1) -> Fact:
    """A page view."""
    at = START + round(days * DAY_MS)
    return Fact("page", at, FIRST_DAY + int(days), number, Event(b"p", at, "page", url=f"https://example.com{path}"))


@pytest.mark.parametrize(
    ("seconds", "points"),
    [(0, 0), (9.999, 0), (10, 1), (59.999, 1), (60, 2.3), (179, 2.3), (180, 4), (1e7, 4)],
)
def test_dwell_earns_by_buckets(seconds: float, points: float) -> None:
    trace: list[Contribution] = []
    fold(CARD, None, {0: [visit(1, 0), engaged(1, 0.01, seconds)]}, trace)
    assert sum(entry.points for entry in trace if entry.rule == "dwell") == points


def test_a_higher_bucket_replaces_the_lower_and_brings_its_own_time_and_topic() -> None:
    trace: list[Contribution] = []
    first, second = engaged(1, 0.01, 12, "/products/pumps"), engaged(1, 0.02, 70, "/products/seals")
    state = fold(CARD, None, {0: [visit(1, 0), first, second, engaged(1, 0.03, 90)]}, trace)
    dwell = [entry for entry in trace if entry.rule == "dwell"]
    assert [(entry.points, entry.at, entry.topic) for entry in dwell] == [(2.3, second.at, "seals")]
    assert (state.rules["dwell"].count, state.rules["dwell"].points) == (1, 2.3)
    assert "pumps" not in state.topics


def test_visits_of_a_day_beyond_the_cap_earn_no_dwell() -> None:
    facts = [fact for n in (1, 2, 3) for fact in (visit(n, n / 10), engaged(n, n / 10 + 0.01, 200))]
    assert fold(CARD, None, {0: facts}).rules["dwell"].count == 2


@pytest.mark.parametrize(
    ("silence_days", "rules"),
    [
        (0.1, set()),
        (1, {"day"}),
        (2.99, {"day"}),
        (3, {"day", "return"}),
    ],
)
def test_what_coming_back_earns(silence_days: float, rules: set[str]) -> None:
    facts = [visit(1, 5.5 - silence_days), visit(2, 5.5, silence_days)]
    assert set(fold(CARD, None, {0: facts}).rules) == {"first"} | rules


def test_a_silence_is_as_long_as_nothing_was_heard() -> None:
    left = page(3.2, "/blog")
    assert "return" in fold(CARD, None, {0: [visit(1, 0), visit(2, 3.1, silence_days=3.1)]}).rules
    # The visit fold says 3.1 days, but another browser of the lead was seen since, or this one was.
    facts = [visit(1, 0), left, visit(2, 6.1, silence_days=6.1)]
    assert "return" not in fold(CARD, None, {0: facts}).rules
    assert "return" not in fold(CARD, None, {0: [visit(1, 0), visit(2, 4, silence_days=4)], 1: [visit(1, 2)]}).rules


def test_a_download_without_a_topic_is_about_the_page_it_was_made_from() -> None:
    at = START + MINUTE
    download = Fact("track", at, FIRST_DAY, 1, Event(b"d", at, "track", "File Downloaded", "https://cdn.example/a.pdf"))
    trace: list[Contribution] = []
    fold(CARD, None, {0: [visit(1, 0), page(0, "/products/pumps"), download]}, trace)
    assert [(entry.rule, entry.topic) for entry in trace][-1] == ("download", "pumps")


def test_topics_stay_bounded_and_the_warmest_are_kept() -> None:
    facts = [visit(1, 0)] + [page(n * 1.0, f"/products/p{n}") for n in range(3 * MAX_TOPICS)]
    topics = fold(CARD, None, {0: facts}).topics
    assert set(topics) == {f"p{n}" for n in range(2 * MAX_TOPICS, 3 * MAX_TOPICS)}


def test_dithering_around_the_threshold_is_one_hot_spell() -> None:
    card = card_of([rule("page", "page_view", 3, cap_per_day=9)], half_life_days=1, enter=10)
    state, spells = fold(card, None, {0: [visit(1, 0), page(0, "/"), page(0, "/"), page(0, "/"), page(0, "/")]}), set()
    for step in range(1, 25):
        # Falls to about 9.9, is lifted to 12.9 and so on, and at times waits until just above 7.
        days = step * 0.3
        state = fold(card, state, {0: [page(days, "/")]})
        spells.add(state.hot_since)
        assert card.points(state.heat, START + round(days * DAY_MS)) > 7
    assert spells == {START}


def test_a_spell_lapses_below_the_leaving_mark_and_begins_anew_at_entering() -> None:
    card = card_of([rule("page", "page_view", 10)], half_life_days=1, enter=20)
    state = fold(card, None, {0: [visit(1, 0), page(0, "/"), page(0, "/")]})
    assert state.hot_since == START
    assert card.tier(state.heat, state.hot_since, START + DAY_MS // 2) == "hot"  # 14.14, leaves at 14
    cools_at = card.cools_at(state.heat)
    assert cools_at is not None
    assert card.tier(state.heat, state.hot_since, cools_at - 1) == "hot"
    assert card.tier(state.heat, state.hot_since, cools_at + 1) == "warm"
    again = fold(card, state, {0: [page(1, "/")]})  # 10 before, 20 after: a new spell
    assert again.hot_since == START + DAY_MS
    not_enough = fold(card, state, {0: [page(2, "/")]})  # 5 before, 15 after: above leaving, below entering
    assert not_enough.hot_since is None


def test_late_engaged_time_of_a_visit_the_state_has_closed_asks_for_a_refold() -> None:
    state = fold(CARD, None, {0: [visit(1, 0), visit(2, 1, silence_days=1)]})
    with pytest.raises(RefoldNeeded, match="visit 1"):
        fold(CARD, state, {0: [engaged(1, 1.1, 30)]})


def test_a_trace_of_a_continuation_is_refused() -> None:
    with pytest.raises(ValueError, match="first fact"):
        fold(CARD, ScoreState(), {0: []}, [])


browsers = st.lists(histories(), min_size=2, max_size=4)


@given(browsers, st.randoms(use_true_random=False))
def test_a_lead_is_one_history_in_whatever_order_its_browsers_are_told(
    of_browsers: list[list[Fact]], random: Random
) -> None:
    trace: list[Contribution] = []
    whole = fold(CARD, None, dict(enumerate(of_browsers)), trace)
    shuffled = list(enumerate(of_browsers))
    random.shuffle(shuffled)
    told: list[Contribution] = []
    assert pack(fold(CARD, None, dict(shuffled), told)) == pack(whole)
    assert told == trace
    assert whole.heat == pytest.approx(heat_of(CARD, trace), rel=1e-9)
    assert sum(total.heat for total in whole.rules.values()) == pytest.approx(whole.heat, rel=1e-9)
    assert whole.last_at == max((entry.at for entry in trace), default=0)


@given(browsers)
def test_only_what_does_not_repeat_is_worth_the_same_on_several_browsers(of_browsers: list[list[Fact]]) -> None:
    together = fold(CARD, None, dict(enumerate(of_browsers)))
    alone = [fold(CARD, None, {0: facts}) for facts in of_browsers]
    # Coming at all is worth something once, whoever many browsers a person has.
    assert together.rules["first"].count == 1
    assert together.pages == sum(state.pages for state in alone)
    # Without caps nothing is lost: a plain sum.
    uncapped = card_of([rule("page", "page_view", 2.1, cap_per_day=10**6), rule("track", "event", 4, cap_per_day=10**6)])
    states = [fold(uncapped, None, {0: facts}) for facts in of_browsers]
    lead = fold(uncapped, None, dict(enumerate(of_browsers)))
    assert lead.heat == pytest.approx(math.fsum(state.heat for state in states), rel=1e-9)
    assert lead.last_at == max(state.last_at for state in states)


@given(st.lists(histories(late=False), min_size=2, max_size=3), st.data())
def test_going_on_with_several_browsers_gives_the_same_bits(of_browsers: list[list[Fact]], data: st.DataObject) -> None:
    history = in_order(of_browsers)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(history)), max_size=4)))
    state = None
    for begin, end in pairwise([0, *cuts, len(history)]):
        state = stored(fold(CARD, state, by_browser(history[begin:end])))
    assert state is not None
    assert pack(state) == pack(fold(CARD, None, dict(enumerate(of_browsers))))


@given(browsers, st.data())
def test_going_on_is_right_or_refused(of_browsers: list[list[Fact]], data: st.DataObject) -> None:
    """Browsers are told of in pieces of any length: what follows is folded to the same bits, or asks for a refold."""
    history = in_order(of_browsers)
    told = by_browser(history[: data.draw(st.integers(0, len(history)))])
    cuts = [max(0, len(told.get(browser, ())) + data.draw(st.integers(-2, 2))) for browser in range(len(of_browsers))]
    state = stored(fold(CARD, None, {browser: facts[: cuts[browser]] for browser, facts in enumerate(of_browsers)}))
    try:
        went_on = fold(CARD, state, {browser: facts[cuts[browser] :] for browser, facts in enumerate(of_browsers)})
    except RefoldNeeded:
        return
    assert pack(went_on) == pack(fold(CARD, None, dict(enumerate(of_browsers))))


@pytest.mark.parametrize(
    ("of_phone", "refused"),
    [
        (page(0.5, "/blog"), True),
        (page(1, "/blog"), False),  # the same moment: the browser with the greater number comes after
        (page(1.5, "/blog"), False),
    ],
)
def test_a_fact_before_the_last_of_the_state_asks_for_a_refold(of_phone: Fact, refused: bool) -> None:
    desk, phone = [visit(1, 0), page(1, "/pricing")], [visit(1, 0), of_phone]
    state = fold(CARD, None, {0: desk, 1: phone[:1]})
    if refused:
        with pytest.raises(RefoldNeeded, match="after one of"):
            fold(CARD, state, {1: phone[1:]})
    else:
        assert pack(fold(CARD, state, {1: phone[1:]})) == pack(fold(CARD, None, {0: desk, 1: phone}))


def test_of_the_same_moment_the_browser_with_the_lesser_number_comes_first() -> None:
    state = fold(CARD, None, {0: [visit(1, 0)], 1: [visit(1, 0), page(1, "/pricing")]})
    with pytest.raises(RefoldNeeded, match="after one of"):
        fold(CARD, state, {0: [page(1, "/pricing")]})


def test_a_cap_of_a_day_is_one_of_the_person() -> None:
    desk = [visit(1, 0.1), page(0.11, "/pricing"), page(0.3, "/en/pricing/eu")]
    phone = [visit(1, 0.2), page(0.21, "/pricing"), page(0.22, "/pricing"), page(1.2, "/pricing")]
    trace: list[Contribution] = []
    state = fold(CARD, None, {0: desk, 1: phone}, trace)
    assert [entry.at for entry in trace if entry.rule == "pricing"] == [desk[1].at, phone[1].at, phone[3].at]
    assert state.rules["pricing"].points == 24
    assert fold(CARD, None, {0: desk}).rules["pricing"].count + fold(CARD, None, {0: phone}).rules["pricing"].count == 5
    names = [
        [visit(1, days), Fact("identify", START + MINUTE, FIRST_DAY, 1, Event(b"i", START, "identify"))] for days in (0, 0)
    ]
    assert fold(CARD, None, dict(enumerate(names))).rules["identify"].count == 1


def test_what_is_told_late_counts_within_the_caps_of_the_day_on_which_it_came() -> None:
    def told(fact: Fact, late_day: int) -> Fact:
        return msgspec.structs.replace(fact, late_day=late_day)

    def days(late_days: list[int]) -> list[Fact]:
        """A visit with three looks at the prices and some reading on each day, told on the days given."""
        facts = []
        for day, late_day in enumerate(late_days):
            looks = [page(day + hours / 24, "/pricing") for hours in (1, 2, 3)]
            mine = [visit(day + 1, day), *looks, engaged(day + 1, day + 0.2, 200)]
            facts += [told(fact, late_day) for fact in mine]
        return facts

    def counts(late_days: list[int]) -> dict[str, int]:
        rules = fold(CARD, None, {0: days(late_days)}).rules
        return {name: rules[name].count for name in ("pricing", "day", "dwell") if name in rules}

    today = FIRST_DAY + 6
    assert counts([0] * 7) == {"pricing": 14, "day": 6, "dwell": 7}
    assert counts([today] * 7) == {"pricing": 2, "dwell": 2}, "a week told at once is one day"
    assert counts([today] * 6 + [0]) == {"pricing": 2, "dwell": 2}, "and that day is used up"
    assert counts([today, today - 1] * 3 + [0]) == {"pricing": 4, "day": 1, "dwell": 4}, "told in turns it is two days"


def test_visits_of_a_day_are_counted_over_all_browsers() -> None:
    streams = {n: [visit(1, n / 10), engaged(1, n / 10 + 0.01, 200)] for n in (1, 2, 3)}
    assert fold(CARD, None, streams).rules["dwell"].count == 2
    assert fold(CARD, None, streams).visits_today == 3


@pytest.mark.parametrize(("days", "rules"), [(0.1, set()), (1.0, {"day"}), (2.99, {"day"}), (3.0, {"day", "return"})])
def test_coming_by_phone_what_was_left_on_the_desk_is_coming_back(days: float, rules: set[str]) -> None:
    # To the phone's own visit fold this is a first visit.
    state = fold(CARD, None, {0: [visit(1, 5.2)], 1: [visit(1, 5.2 + days)]})
    assert set(state.rules) == {"first"} | rules
    assert state.rules["first"].count == 1


def test_engaged_time_of_one_browser_while_the_other_goes_on() -> None:
    desk = [visit(1, 0), page(0, "/products/pumps"), engaged(1, 0.1, 70, "/products/pumps"), engaged(1, 0.4, 200, "/blog")]
    phone = [visit(1, 0.2), page(0.2, "/products/seals"), engaged(1, 0.3, 15, "/products/seals"), visit(2, 0.35)]
    trace: list[Contribution] = []
    whole = fold(CARD, None, {0: desk, 1: phone}, trace)
    dwell = [(entry.visit, entry.points, entry.at, entry.topic) for entry in trace if entry.rule == "dwell"]
    assert dwell == [(1, 1.0, phone[2].at, "seals"), (1, 4.0, desk[3].at, None)]
    # The desk's visit is its latest still, so nothing has to be folded again, whatever the phone did meanwhile.
    state = stored(fold(CARD, None, {0: desk[:3], 1: phone}))
    assert pack(fold(CARD, state, {0: desk[3:]})) == pack(whole)
    # The phone's first visit has closed.
    with pytest.raises(RefoldNeeded, match="visit 1"):
        fold(CARD, state, {1: [engaged(1, 0.41, 30)]})


def test_late_engaged_time_counts_for_the_visit_of_its_own_browser() -> None:
    desk = [visit(1, 0), engaged(1, 0.01, 12), visit(2, 1, silence_days=1), engaged(1, 1.1, 70)]
    phone = [visit(1, 0.5), engaged(1, 0.51, 12)]
    trace: list[Contribution] = []
    fold(CARD, None, {0: desk, 1: phone}, trace)
    assert [(entry.points, entry.at) for entry in trace if entry.rule == "dwell"] == [(1, phone[1].at), (2.3, desk[3].at)]


def test_a_topic_is_that_of_the_browser_it_was_read_on() -> None:
    at = START + 10 * MINUTE
    download = Fact("track", at, FIRST_DAY, 1, Event(b"d", at, "track", "File Downloaded", "https://cdn.example/a.pdf"))
    trace: list[Contribution] = []
    desk, phone = [visit(1, 0), page(0, "/products/pumps"), download], [visit(1, 0), page(0.001, "/products/seals")]
    fold(CARD, None, {0: desk, 1: phone}, trace)
    assert [(entry.rule, entry.topic) for entry in trace][-1] == ("download", "pumps")


def test_two_browsers_that_are_hot_only_together() -> None:
    card = card_of([rule("page", "page_view", 10)], enter=20)
    desk, phone = ([visit(1, 0), page(days, "/")] for days in (0.0, 0.001))
    assert fold(card, None, {0: desk}).hot_since is None
    assert fold(card, None, {0: phone}).hot_since is None
    assert fold(card, None, {0: desk, 1: phone}).hot_since is None  # a shade has faded
    more = [*phone, page(0.002, "/")]
    assert fold(card, None, {0: desk, 1: more}).hot_since == START + round(0.002 * DAY_MS)


def test_a_hot_spell_that_one_browser_alone_would_have_lost_goes_on() -> None:
    card = card_of([rule("page", "page_view", 10, cap_per_day=2)], half_life_days=1, enter=20)
    desk, phone = [visit(1, 0), page(0, "/"), page(0, "/"), page(1, "/")], [visit(1, 0.3), page(0.3, "/")]
    # By itself: 20 at first, 20 again a day later having been down to 10: a new spell.
    assert fold(card, None, {0: desk}).hot_since == START + DAY_MS
    # The phone's ten points would have kept it up, but the day's cap keeps them out.
    assert fold(card, None, {0: desk, 1: phone}).hot_since == START + DAY_MS
    free = card_of([rule("page", "page_view", 10)], half_life_days=1, enter=20)
    # 20 falls to 16.2, rises to 26.2, falls to 16.2 and rises to 26.2: never below 14.
    assert fold(free, None, {0: desk, 1: phone}).hot_since == START


def test_five_hundred_rules_cost_a_page_seen_before_nothing_more() -> None:
    rules = [rule(f"r{n}", "page_view", 1, match={"path": [f"*/x{n}/*", f"/y{n}-*"]}) for n in range(500)]
    card = card_of(rules)
    assert set(fold(card, None, {0: [visit(1, 0), page(0, "/a/x7/b"), page(0, "/y7-a")]}).rules) == {"r7"}
    assert card.match_page("https://example.com/y12-a?utm_source=a", "")[1][0].rule == "r12"
    again = card.match_page("https://example.com/y12-a?utm_source=b", "")
    assert again is card.match_page("https://example.com/y12-a?utm_source=c", "other title")
