"""Queue entries: what is split, packed and read again is the same, and what is no entry of ours is told as such."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.admission import Admission, Rejected
from tracker.core.entries import Entry, RequestInfo, count_of, partition_of, split, unpack
from tracker.core.events import Event

INFO = RequestInfo("Mozilla/5.0", trusted=False, gpc=True, dnt=False, prefetch=False)
pack = msgspec.msgpack.encode


def event(number: int) -> Event:
    return Event(message_id=number.to_bytes(16, "big"), at=number, kind="page", properties={"a": [1, {"b": None}]})


@given(st.lists(st.sampled_from("abcdefghij")), st.integers(0, 3), st.integers(1, 64))
def test_a_request_is_split_by_visitor_without_loss(keys: list[str], refused: int, partitions: int) -> None:
    events = [(key, event(number)) for number, key in enumerate(keys)]
    rejected = [Rejected(number, "url_invalid", b"{}") for number in range(refused)]
    packed = split(Admission(events, rejected), 7, 1000, INFO, partitions)
    entries = [(partition, count, unpack(entry)) for partition, count, entry in packed]
    assert len({partition for partition, _, _ in entries}) == len(entries)
    assert all((entry.site_id, entry.received_ms, entry.info) == (7, 1000, INFO) for _, _, entry in entries)
    assert all(count == entry.count == len(entry.events) + len(entry.rejected) for _, count, entry in entries)
    assert all(partition_of(7, key, partitions) == partition for partition, _, entry in entries for key, _ in entry.events)
    told = [keyed for _, _, entry in entries for keyed in entry.events]
    assert Counter(told_event.message_id for _, told_event in told) == Counter(one.message_id for _, one in events)
    assert [one for _, _, entry in entries for one in entry.rejected] == rejected
    assert [count_of(entry) for _, _, entry in packed] == [(7, count) for _, count, _ in packed]


def test_one_visitor_s_events_keep_their_order() -> None:
    events = [(key, event(number)) for number, key in enumerate("aabbaba")]
    entries = [unpack(entry) for _, _, entry in split(Admission(events, []), 1, 1, INFO, 4)]
    mine = [one.at for entry in entries for key, one in entry.events if key == "a"]
    assert mine == [0, 1, 4, 6]


def test_a_request_without_events_needs_no_entry() -> None:
    assert split(Admission([], []), 1, 1, INFO, 16) == []


def test_visitors_are_spread_evenly_and_differently_by_site() -> None:
    places = [partition_of(1, f"visitor-{number}", 16) for number in range(4000)]
    assert min(Counter(places).values()) > 150  # expected: 250
    assert places != [partition_of(2, f"visitor-{number}", 16) for number in range(4000)]


GARBAGE = {
    "empty": b"",
    "text": b"hello",
    "zeros": bytes(100),
    "not UTF-8": pack([1, 1, [b"x", False, False, False], [], []]).replace(b"\xc4\x01x", b"\xa1\xff"),
    "a map": pack({"site_id": 1}),
    "too short": pack([1]),
    "wrong types": pack(["1", "2", [], [], []]),
    "an unknown reason": pack([1, 1, ["", False, False, False], [], [[0, "made_up", b""]]]),
    "an unknown kind": pack([1, 1, ["", False, False, False], [["a", [bytes(16), 1, "made_up"]]], []]),
    "a site number beyond the column": pack([2**40, 1, ["", False, False, False], [], []]),
    "a negative site number": pack([-1, 1, ["", False, False, False], [], []]),
    "a time beyond the column": pack([1, 2**63, ["", False, False, False], [], []]),
    "cut in the middle": split(Admission([("a", event(1))], []), 1, 1, INFO, 1)[0][2][:-3],
    "something after it": split(Admission([("a", event(1))], []), 1, 1, INFO, 1)[0][2] + b"x",
    "endless nesting": pack([1, 1, ["", False, False, False]])[:-3] + b"\x91" * 100_000,
    "endless nesting in the properties": (
        b"\x95\x01\x01\x94\xa0\xc2\xc2\xc2\x91\x92\xa1a\x9c\xc4\x10" + bytes(16) + b"\x01\xa4page"
        b"\xa0\xa0\xa0\xa0\xa0\x00\x00\x81\xa1a" + b"\x91" * 100_000
    ),
}


@pytest.mark.parametrize("packed", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_entry_is_told_by_one_kind_of_error(packed: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack(packed)
    assert count_of(packed) == (0, 0)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(packed: bytes) -> None:
    try:
        assert isinstance(unpack(packed), Entry)
    except msgspec.DecodeError:
        assert count_of(packed) == (0, 0)
