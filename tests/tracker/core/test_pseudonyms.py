"""The name of a day: the same for what was seen alike, another for everything else, and nothing to be read from it."""

from __future__ import annotations

from tracker.core.pseudonyms import daily_pseudonym

DAY = 86_400_000


def test_each_part_makes_another_visitor() -> None:
    one = daily_pseudonym(b"s", 1, 5 * DAY, "203.0.113.9", "A")
    assert one == daily_pseudonym(b"s", 1, 6 * DAY - 1, "203.0.113.9", "A")
    others = [
        daily_pseudonym(b"t", 1, 5 * DAY, "203.0.113.9", "A"),
        daily_pseudonym(b"s", 2, 5 * DAY, "203.0.113.9", "A"),
        daily_pseudonym(b"s", 1, 6 * DAY, "203.0.113.9", "A"),
        daily_pseudonym(b"s", 1, 5 * DAY, "203.0.113.10", "A"),
        daily_pseudonym(b"s", 1, 5 * DAY, "203.0.113.9", "B"),
    ]
    assert len({one, *others}) == 6


def test_an_agent_in_no_encoding_is_no_obstacle() -> None:
    assert daily_pseudonym(b"s", 1, 0, "", "\udcff").startswith("day-")
