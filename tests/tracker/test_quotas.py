"""The quotas of a process: who is counted together, who isn't counted, and how many are remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.quotas import Quota
from tracker.quotas import Buckets, Met, OverQuota, Quotas


def flood(quotas: Quotas, site: int, address: str, visitors: list[str]) -> list[str]:
    """What becomes of one event of each of *visitors*: empty, or the reason for refusing it."""
    found = []
    for visitor in visitors:
        try:
            quotas.look(site, address, 1)
            quotas.take(site, address, 1, [visitor])
            found.append("")
        except OverQuota as over:
            found.append(over.reason)
    return found


def make(key: int = 10**6, visitor: int = 10**6, address: int = 10**6) -> Quotas:
    """Quotas with these bursts, and next to nothing afterwards."""
    return Quotas(key=Quota(0.001, key), visitor=Quota(0.001, visitor), address=Quota(0.001, address))


def test_a_flooding_visitor_is_refused_and_uses_up_nobody_else_s_share() -> None:
    quotas = make(key=30, visitor=10, address=20)
    assert flood(quotas, 1, "203.0.113.1", ["a"] * 100) == [""] * 10 + ["visitor_quota_exceeded"] * 90
    assert flood(quotas, 1, "203.0.113.1", ["b"] * 10) == [""] * 10
    assert flood(quotas, 2, "203.0.113.9", ["a"] * 10) == [""] * 10, "another site's visitor of the same id"


def test_a_flood_of_forged_ids_is_its_address_s() -> None:
    quotas = make(address=20)
    forged = [str(number) for number in range(100)]
    assert flood(quotas, 1, "203.0.113.1", forged).count("") == 20
    assert flood(quotas, 1, "203.0.113.2", ["mine"]) == [""]
    assert flood(quotas, 2, "203.0.113.1", ["mine"]) == ["address_quota_exceeded"]


def test_a_flood_from_everywhere_is_its_key_s() -> None:
    quotas = make(key=20)
    found = [flood(quotas, 1, f"203.0.113.{number}", [str(number)])[0] for number in range(100)]
    assert found == [""] * 20 + ["key_quota_exceeded"] * 80
    assert flood(quotas, 2, "203.0.113.1", ["mine"]) == [""]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
        ("", "", False),
        ("no address: at all", "no address: at all", True),
    ],
)
def test_who_is_counted_together(one: str, other: str, together: bool) -> None:
    quotas = make(address=1)
    assert flood(quotas, 1, one, ["a"]) == [""]
    assert flood(quotas, 1, other, ["b"]) == (["address_quota_exceeded"] if together else [""])


def test_a_batch_with_one_flooding_visitor_is_refused_whole_and_counted_for_nobody() -> None:
    quotas = make(key=11, visitor=10)
    quotas.take(1, "", 10, ["a"] * 10)
    with pytest.raises(OverQuota) as refused:
        quotas.take(1, "", 2, ["a", "b"])
    assert refused.value.reason == "visitor_quota_exceeded"
    assert refused.value.retry_after == pytest.approx(1000, abs=2)
    assert flood(quotas, 1, "", ["b"]) == [""], "the last of the key's eleven"


def test_what_is_off_is_not_counted() -> None:
    quotas = Quotas(key=None, visitor=None, address=None)
    assert set(flood(quotas, 1, "203.0.113.1", ["a"] * 1000)) == {""}


def test_nobody_is_told_to_wait_for_days() -> None:
    assert OverQuota("key_quota_exceeded", 1e9).retry_after == 3600
    assert OverQuota("key_quota_exceeded", 0.01).retry_after == 1


def test_memory_stays_bounded_and_whoever_goes_on_sending_is_remembered() -> None:
    buckets: Buckets[str] = Buckets(Quota(0.001, 10), size=100)
    for number in range(10_000):
        buckets.take(str(number), 1, 1000.0)
        if number < 10 or number % 50 == 0:
            buckets.take("flooder", 1, 1000.0)
    assert len(buckets) <= 200
    assert buckets.wait("flooder", 1, 1000.0) > 0
    assert buckets.wait("1", 1, 1000.0) == 0


@given(st.lists(st.tuples(st.integers(0, 12), st.dictionaries(st.sampled_from("abc"), st.integers(1, 8))), max_size=30))
def test_several_buckets_at_once_are_each_what_one_alone_is(steps: list[tuple[int, dict[str, int]]]) -> None:
    at_once: Buckets[str] = Buckets(Quota(2, 10))
    alone: dict[str, Buckets[str]] = {sender: Buckets(Quota(2, 10)) for sender in "abc"}
    now = 1000.0
    for quarters, counts in steps:
        now += quarters / 4  # exact, as all that follows from it
        longest = max((alone[sender].wait(sender, events, now) for sender, events in counts.items()), default=0.0)
        assert at_once.take_each(counts, now) == longest
        if not longest:
            for sender, events in counts.items():
                alone[sender].take(sender, events, now)


def test_an_address_brings_so_many_new_visitors_and_no_more() -> None:
    quotas = Quotas(key=None, visitor=None, address=None, newcomers=Quota(0.001, 3))
    assert quotas.too_many(1, "203.0.113.1", ["a", "b", "a", "a"]) == set()
    assert quotas.too_many(1, "203.0.113.1", ["c", "d", "e", "a"]) == {"d", "e"}
    assert quotas.too_many(1, "203.0.113.1", ["d", "a", "c"]) == {"d"}, "who was held is new still, who was met isn't"
    assert quotas.too_many(1, "203.0.113.2", ["d"]) == set(), "another address"
    many = [str(number) for number in range(9)]
    for exempt in ("", "10.0.0.1", "::1"):
        assert quotas.too_many(1, exempt, many) == set()
    assert Quotas(key=None, visitor=None, address=None).too_many(1, "203.0.113.1", many) == set()


def test_visitors_that_were_met_are_forgotten_after_many_others_unless_they_come_back() -> None:
    met = Met(size=10)
    met.add((1, "gone"))
    met.add((1, "back"))
    for number in range(20):
        met.add((1, str(number)))
        assert (1, "back") in met
    assert (1, "gone") not in met
    assert (2, "back") not in met
