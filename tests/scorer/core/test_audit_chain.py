"""Whatever is done to a chained log is found, but for taking the words out of a line as erasure does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.audit_chain import (
    NO_WORDS,
    Break,
    Followed,
    Head,
    Line,
    before_first,
    compared,
    follow,
    hash_words,
    link,
)

SITE = 3
TEXT = st.text(max_size=8)
WRITTEN = st.tuples(st.integers(0, 2**42), TEXT, TEXT, TEXT, TEXT, TEXT, st.binary(min_size=16, max_size=16))
LOGS = st.lists(WRITTEN, min_size=1, max_size=8)


def chained(written: Sequence[tuple[Any, ...]], site: int = SITE) -> list[Line]:
    """A log in which this was written."""
    head, lines = before_first(site), []
    for at, actor, action, subject, why, detail, salt in written:
        words_hash = hash_words(salt, why, detail)
        number = head.number + 1
        chain = link(head.chain, number, at, actor, action, subject, words_hash)
        lines.append(Line(number, at, actor, action, subject, why, detail, salt, words_hash, chain))
        head = Head(number, chain)
    return lines


def looked_at(lines: Sequence[Line], whole: Sequence[Line]) -> Followed:
    """What is found of a log whose head was kept when it was *whole*."""
    last = whole[-1]
    assert last.chain is not None
    return compared(follow(lines, before_first(SITE)), Head(last.number, last.chain))


def emptied(line: Line) -> Line:
    return msgspec.structs.replace(line, why=NO_WORDS[0], detail=NO_WORDS[1], salt=None)


@given(LOGS, st.data())
def test_a_log_that_nobody_has_touched_holds_whatever_was_erased(written: list[Any], data: st.DataObject) -> None:
    lines = chained(written)
    erased = data.draw(st.sets(st.sampled_from(range(len(lines)))))
    after = [emptied(line) if place in erased else line for place, line in enumerate(lines)]
    assert lines[-1].chain is not None
    assert looked_at(after, lines) == Followed(Head(len(lines), lines[-1].chain), len(erased))


@given(LOGS, st.data())
def test_it_is_all_the_same_in_how_many_parts_it_is_followed(written: list[Any], data: st.DataObject) -> None:
    lines = chained(written)
    cut = data.draw(st.integers(0, len(lines)))
    first = follow(lines[:cut], before_first(SITE))
    assert follow(lines[cut:], first.head).head == follow(lines, before_first(SITE)).head


FIELDS = [name for name in Line.__struct_fields__ if name != "salt"]


@given(LOGS, st.data(), st.sampled_from(FIELDS))
def test_a_changed_field_is_found_where_it_is(written: list[Any], data: st.DataObject, field: str) -> None:
    lines = chained(written)
    place = data.draw(st.integers(0, len(lines) - 1))
    before = getattr(lines[place], field)
    other: st.SearchStrategy[Any] = {int: st.integers(0, 2**42), str: TEXT, bytes: st.binary(min_size=32, max_size=32)}[
        type(before)
    ]
    lines[place] = msgspec.structs.replace(lines[place], **{field: data.draw(other.filter(lambda value: value != before))})
    broken = looked_at(lines, chained(written)).broken
    assert broken is not None
    if field != "number":
        assert broken == Break(place + 1, "changed")


@given(LOGS, st.data())
def test_text_moved_into_the_next_field_is_found(written: list[Any], data: st.DataObject) -> None:
    lines = chained(written)
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines[place]
    pair = data.draw(st.sampled_from([("actor", "action"), ("action", "subject"), ("why", "detail")]))
    joined = getattr(line, pair[0]) + getattr(line, pair[1])
    cut = data.draw(st.integers(0, len(joined)))
    if (joined[:cut], joined[cut:]) == tuple(getattr(line, name) for name in pair):
        return
    lines[place] = msgspec.structs.replace(line, **dict(zip(pair, (joined[:cut], joined[cut:]), strict=True)))
    assert looked_at(lines, chained(written)).broken == Break(place + 1, "changed")


@given(LOGS, st.data())
def test_missing_lines_are_found_at_the_end_too(written: list[Any], data: st.DataObject) -> None:
    lines = chained(written)
    gone = data.draw(st.sets(st.sampled_from(range(len(lines))), min_size=1))
    left = [line for place, line in enumerate(lines) if place not in gone]
    tail = min(gone) >= len(left)
    assert looked_at(left, lines).broken == Break(min(gone) + 1, "cut" if tail else "missing")


@given(LOGS, LOGS, st.data())
def test_a_line_put_in_is_found(written: list[Any], strange: list[Any], data: st.DataObject) -> None:
    lines, place = chained(written), data.draw(st.integers(0, len(written)))
    forged = chained([*written[:place], strange[0], *written[place:]])
    # As well made as whoever doesn't rewrite all that follows can make it.
    later = [msgspec.structs.replace(line, number=line.number + 1) for line in lines[place:]]
    broken = looked_at([*lines[:place], forged[place], *later], lines).broken
    assert broken is not None
    assert broken.number == place + (1 if place == len(lines) else 2)


@given(LOGS, st.randoms(use_true_random=False))
def test_another_order_is_found(written: list[Any], chance: Any) -> None:
    lines = chained(written)
    other = list(lines)
    chance.shuffle(other)
    renumbered = [msgspec.structs.replace(line, number=place) for place, line in enumerate(other, start=1)]
    assert (looked_at(other, lines).broken is None) == (other == lines)
    assert (looked_at(renumbered, lines).broken is None) == (other == lines)


@given(LOGS)
def test_a_log_made_anew_is_found_by_a_head_kept_elsewhere(written: list[Any]) -> None:
    (at, *rest), *others = written
    assert looked_at(chained([(at + 1, *rest), *others]), chained(written)).broken == Break(len(written), "cut")


def test_a_log_is_no_good_as_that_of_another_site() -> None:
    lines = chained([(1, "ada", "claim", "ld_a", "", "{}", bytes(16))])
    assert follow(lines, before_first(SITE)).broken is None
    assert follow(lines, before_first(SITE + 1)).broken == Break(1, "changed")


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": None},  # the words are there still
        {"salt": None, "why": "", "detail": '{"a":1}'},
        {"why": "", "detail": "{}"},  # the salt is there still
        {"words_hash": None},
        {"chain": None},
        {"salt": b""},
    ],
)
def test_only_words_and_salt_together_can_be_taken_out(changes: dict[str, Any]) -> None:
    (line,) = chained([(1, "ada", "exclude", "ld_a", "a cousin", "{}", bytes(16))])
    assert follow([msgspec.structs.replace(line, **changes)], before_first(SITE)).broken == Break(1, "changed")


def test_lines_without_a_head_and_a_head_without_lines_are_found() -> None:
    lines = chained([(1, "ada", "claim", "ld_a", "", "{}", bytes(16))] * 2)
    start = before_first(SITE)
    assert compared(follow(lines, start), start).broken == Break(1, "cut")
    assert looked_at([], lines).broken == Break(1, "cut")
    assert compared(follow([], start), start) == Followed(start, 0)


def test_the_hashes_are_those_of_the_documentation() -> None:
    """They never change: logs kept elsewhere are compared with them."""
    words_hash = hash_words(bytes(16), "why", "{}")
    assert words_hash.hex() == "cf33d1036ee6747cb43df30b4347e7e6974c0e125f9b3fe5bca1a28be76e4d40"
    assert (
        link(before_first(1).chain, 1, 1_795_000_000_000, "ada", "claim", "ld_a", words_hash).hex()
        == "f89fb989ea2973be016cb972ed62f9933c53f99efb5e8495fbe9745849820b40"
    )
