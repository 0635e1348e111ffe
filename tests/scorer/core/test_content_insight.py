"""What goes before wins and losses: odds ratios by hand, verdicts that bear in mind how many were compared."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.attention import Reading
from scorer.core.content import (
    MIN_DECIDED,
    MIN_READERS,
    ContentItem,
    Decided,
    Insight,
    content_insight,
    discoveries,
    odds_ratio,
    read_by,
    to_send,
)
from scorer.core.plotting import ratio_axis, ratio_place


def view(url: str, seconds: float = 20, title: str = "") -> Reading:
    return Reading("page", url, title, None, round(seconds * 1000))


def file(url: str) -> Reading:
    return Reading("file", url, url.strip("/"))


def told(found: Insight) -> dict[str, ContentItem]:
    return {one.url: one for one in [*found.pages, *found.documents]}


def test_an_odds_ratio_by_hand() -> None:
    found = odds_ratio(8, 10, 3, 15)
    ratio = (8.5 * 12.5) / (3.5 * 2.5)
    error = math.sqrt(1 / 8.5 + 1 / 12.5 + 1 / 3.5 + 1 / 2.5)
    assert found.value == pytest.approx(ratio)
    assert found.low == pytest.approx(ratio / math.exp(1.959964 * error))
    assert found.high == pytest.approx(ratio * math.exp(1.959964 * error))
    assert found.p_value == pytest.approx(math.erfc(math.log(ratio) / error / math.sqrt(2)))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_to_turn_winners_and_others_round_inverts_the_ratio(a: int, b: int, c: int, d: int) -> None:
    one, other = odds_ratio(a, a + b, c, c + d), odds_ratio(c, c + d, a, a + b)
    assert one.value * other.value == pytest.approx(1)
    assert one.low * other.high == pytest.approx(1)
    assert one.p_value == pytest.approx(other.p_value)
    assert 0 < one.low <= one.value <= one.high
    # Said to differ by itself exactly where its interval leaves out 1.
    assert (one.p_value < 0.05) == (not one.low <= 1 <= one.high)


def test_more_readers_than_leads_are_refused() -> None:
    with pytest.raises(ValueError, match="no shares"):
        odds_ratio(3, 2, 0, 5)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.01, 0.5))
def test_discoveries_are_those_of_benjamini_and_hochberg(p_values: list[float], share: float) -> None:
    named = {("page", str(n)): p for n, p in enumerate(p_values)}
    found = discoveries(named, share)  # type: ignore[arg-type]
    # As it is defined: the greatest number k of which k have a p value of at most share · k / n.
    number = max(
        (k for k in range(len(p_values) + 1) if sorted(p_values)[:k][-1:] <= [share * k / len(named or [0])]), default=0
    )
    assert len(found) == number
    assert all(named[item] <= rest for item in found for rest in [p for name, p in named.items() if name not in found])


@pytest.mark.parametrize(
    ("readings", "read"),
    [
        ([view("/a", 9.999)], set()),
        ([view("/a", 10)], {"/a"}),
        ([view("/a", 6), view("/b", 6), view("/a", 4)], {"/a"}),
        ([file("/a.pdf")], {"/a.pdf"}),
        ([], set()),
    ],
    ids=["a glance", "ten seconds", "ten seconds in two views", "a download", "nothing"],
)
def test_what_was_really_read(readings: list[Reading], read: set[str]) -> None:
    assert {url for _, url in read_by(readings)} == read


def test_the_latest_title_is_shown_and_none_never_hides_one() -> None:
    (found,) = read_by([view("/a", 9, "Old"), view("/a", 9, "New"), view("/a", 9)]).values()
    assert found.title == "New"


def planted(number: int = 12) -> list[Decided]:
    """Winners who had read the guide, losers who had read of jobs; all had read the front page."""
    won = [Decided(True, [view("/"), view("/guide"), file("/guide.pdf")]) for _ in range(number)]
    return won + [Decided(False, [view("/"), view("/jobs")]) for _ in range(number)]


def test_a_planted_difference_is_found_in_both_directions() -> None:
    found = content_insight(planted(), 50)
    assert {url: one.verdict for url, one in told(found).items()} == {
        "/": "no_difference",
        "/guide": "wins",
        "/jobs": "losses",
        "/guide.pdf": "wins",
    }
    assert (found.won, found.lost, found.tested) == (12, 12, 4)
    assert [one.url for one in found.pages] == ["/guide", "/jobs", "/"]  # the surest first, then by readers, then name
    guide = told(found)["/guide"]
    assert (guide.won.count, guide.won.of, guide.lost.count, guide.lost.of) == (12, 12, 0, 12)
    assert [one.url for one in to_send(found, 3)] == ["/guide.pdf"]


def test_too_few_readers_or_decided_leads_say_nothing() -> None:
    few = [*planted(), *[Decided(True, [view("/rare")])] * (MIN_READERS - 1)]
    rare = told(content_insight(few, 50))["/rare"]
    assert (rare.verdict, rare.odds_ratio, rare.low, rare.p_value) == ("too_few", None, None, None)
    assert rare.won.count == MIN_READERS - 1
    found = content_insight(planted(MIN_DECIDED - 1), 50)
    assert (found.tested, {one.verdict for one in told(found).values()}) == (0, {"too_few"})


def test_who_read_nothing_says_nothing() -> None:
    assert content_insight([*planted(), *[Decided(False, [])] * 500], 50) == content_insight(planted(), 50)


def test_who_only_glanced_counts_as_a_lead_that_had_not_read_it() -> None:
    glances = [Decided(False, [view("/guide", 3)])] * 10
    guide = told(content_insight([*planted(), *glances], 50))["/guide"]
    assert (guide.lost.count, guide.lost.of) == (0, 22)


def test_what_is_listed_is_cut_but_all_is_compared() -> None:
    found = content_insight(planted(), 1)
    assert (len(found.pages), len(found.documents), found.tested) == (1, 1, 4)


def test_labels_by_chance_are_seldom_taken_for_a_difference() -> None:
    drawn = random.Random(6)
    false = 0
    for _ in range(40):
        leads = [
            Decided(drawn.random() < 0.4, [view(f"/{n}") for n in range(20) if drawn.random() < 0.3]) for _ in range(60)
        ]
        false += any(one.verdict in ("wins", "losses") for one in told(content_insight(leads, 50)).values())
    assert false <= 5  # 2 are to be expected, with a share of 0.05


@given(st.lists(st.floats(1e-6, 1e6), max_size=9), st.floats(1e-9, 1e9))
def test_an_axis_of_ratios_has_1_in_its_middle(ratios: list[float], shown: float) -> None:
    across = ratio_axis(ratios)
    assert ratio_place(1.0, across) == 50
    assert across.low * across.high == 1
    assert across.high <= 32
    assert 0 <= ratio_place(shown, across) <= 100
    assert ratio_place(2.0, across) - 50 == pytest.approx(50 - ratio_place(0.5, across))
