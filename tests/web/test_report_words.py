"""What reports say in words: the whole sentence, for much, for little, and for chance."""

from __future__ import annotations

import re

import pytest

from scorer.core.attention import Attention, TopicAttention
from scorer.core.contact_speed import HotLead, contact_speed
from scorer.core.durations import histogram, spread
from scorer.core.funnel import Counted, funnel
from scorer.core.proportions import rate
from scorer.core.score_bands import Scored, score_bands
from scorer.outlets.report_shapes import AttentionReport, ChannelCount, CycleReport
from scorer.web import report_words
from tests.factories import DAY, HOUR, MINUTE, NOW


def counted(number: int, *, hot: bool = False, contacted: bool = False, won: bool = False) -> Counted:
    return Counted(number, True, hot, contacted, "won" if won else None, None)


def test_the_funnel_points_to_where_most_is_lost() -> None:
    ignored = funnel([counted(1200), counted(30, hot=True), counted(8, hot=True, contacted=True)])
    assert report_words.funnel_words(ignored, "en") == (
        "Of 1,238 leads first seen in these days, 1,238 said who they are, 38 became hot and 0 were won. "
        "30 of the 38 hot ones were never spoken with: most is to be gained there."
    )
    served = funnel([counted(3, hot=True, contacted=True), counted(1, hot=True, contacted=True, won=True)])
    assert report_words.funnel_words(served, "zh") == (
        "这段时间首次出现的 4 条线索中，4 条表明了身份，4 条成为热门，1 条成交。已联系的 4 条中，1 条成交。"
    )


SOURCES = {
    "hot and won": (
        [ChannelCount("search", 50, 4, 3), ChannelCount("mail", 10, 6, 2), ChannelCount(None, 90, 9, 9)],
        "Mail brought the most hot leads: 6 of 19. Most customers came by Search: 3 of 14.",
    ),
    "few won": (
        [ChannelCount("search", 5, 1, 1)],
        "Search brought the most hot leads: 1 of 1. Won so far: 1, too few to tell which channel sells.",
    ),
    "none hot": (
        [ChannelCount("search", 5, 0, 0), ChannelCount("direct", 7, 0, 0)],
        "Direct brought the most leads, 7 of 12; none of them has become hot yet. "
        "Won so far: 0, too few to tell which channel sells.",
    ),
    "nobody knows how any came": (
        [ChannelCount(None, 2, 0, 0)],
        "Not known brought the most leads, 2 of 2; none of them has become hot yet. "
        "Won so far: 0, too few to tell which channel sells.",
    ),
}


@pytest.mark.parametrize(("channels", "said"), SOURCES.values(), ids=SOURCES)
def test_sources(channels: list[ChannelCount], said: str) -> None:
    assert report_words.sources_words(channels, "en") == said


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([1.0, 2.0, 3.0, 40.0], "Deals whose duration is known: 4. From five on there is a usual time to tell."),
        (
            [2.0, 4.0, 6.5, 20.0, 40.0],
            "Half of these 5 deals were won within 6.5 days of the first touch, the middle half within 4 to 20.",
        ),
    ],
)
def test_the_decision_cycle(days: list[float], said: str) -> None:
    report = CycleReport(len(days), 0, spread(days), histogram(days, (0, 7)), [], True)
    assert report_words.cycle_words(report, "en") == said


def topic(name: str, winners: tuple[int, int], others: tuple[int, int]) -> TopicAttention:
    read = Attention(10, winners[0] + others[0], 60.0, 0, rate(*winners), rate(*others))
    return TopicAttention(name, name, read)


ATTENTION = {
    "few winners": (4, [topic("pumps", (4, 4), (1, 90))], "Pumps got the most readers: 5 leads. Won later: 4 of these "
    "leads, too few to say what winners read."),
    "apart": (
        20,
        [topic("pumps", (10, 20), (50, 90)), topic("valves", (18, 20), (9, 90))],
        "Pumps got the most readers: 60 leads. Later winners read about valves far more often than others: 90% against 10%.",
    ),
    "alike": (
        20,
        [topic("pumps", (10, 20), (50, 90))],
        "Pumps got the most readers: 60 leads. No topic sets later winners apart from the others by more than chance may.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("winners", "topics", "said"), ATTENTION.values(), ids=ATTENTION)
def test_attention(winners: int, topics: list[TopicAttention], said: str) -> None:
    assert report_words.attention_words(AttentionReport(winners, 90, 110, True, topics, [], []), "en") == said


def scored(high: tuple[int, int], low: tuple[int, int]) -> list[Scored]:
    """Won and lost at a score of 80, and at one of 30."""
    both = ((80.0, high), (30.0, low))
    return [Scored(score, kind) for score, numbers in both for kind, n in zip(("won", "lost"), numbers, strict=True)
            for _ in range(n)]  # fmt: skip


@pytest.mark.parametrize(
    ("high", "low", "verdict"),
    [
        ((18, 2), (2, 18), "The score keeps its word."),
        ((2, 18), (18, 2), "High scores were won more seldom than low ones: the scorecard needs work."),
        ((2, 1), (1, 2), "The difference may still be chance: more outcomes will tell."),
        ((0, 0), (0, 0), "The difference may still be chance: more outcomes will tell."),
    ],
)
def test_the_score_is_judged_only_beyond_chance(high: tuple[int, int], low: tuple[int, int], verdict: str) -> None:
    said = report_words.scores_words(score_bands(scored(high, low)), "en")
    assert said == (
        f"With a score of 60 or more, {high[0]} of {sum(high)} decided leads were won; "
        f"below it, {low[0]} of {sum(low)}. {verdict}"
    )


def test_the_speed_of_first_contact() -> None:
    quick = [HotLead(NOW - DAY, NOW - DAY + wait * MINUTE, None) for wait in (2, 10, 30, 90, 300)]
    waiting = HotLead(NOW - 2 * HOUR, None, None)
    assert report_words.contact_words(contact_speed([*quick, waiting], NOW), "en") == (
        "Half of those spoken with waited 30 min or less. 50% of hot leads were spoken with within the hour. "
        "Still waiting for a first word: 1."
    )
    assert report_words.contact_words(contact_speed(quick[:1], NOW), "zh") == (
        "成为热门后已联系的线索有 1 条，达到五条后才能说明通常的等待时间。"
    )


def test_every_sentence_has_the_same_gaps_in_both_languages() -> None:
    for name, label in report_words.WORDS.items():
        assert set(re.findall(r"{\w+}", label.en)) == set(re.findall(r"{\w+}", label.zh)), name
