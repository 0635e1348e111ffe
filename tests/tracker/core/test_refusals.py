"""The closed lists of reasons: every reason is explained, fits its column, and is answered with a status that is meant."""

from __future__ import annotations

from typing import get_args

import pytest

from tracker.core.refusals import EXPLANATION, STATUS, EntryRefusal, EventRefusal, FilterLabel, RequestRefusal, all_refusals
from tracker.models import dead_letters, events


def test_every_reason_is_explained_and_nothing_else_is() -> None:
    assert set(EXPLANATION) == all_refusals()


def test_explanations_end_as_sentences_do() -> None:
    assert [reason for reason, text in EXPLANATION.items() if not text.endswith(".")] == []


def test_a_status_is_given_only_for_reasons_that_a_request_can_meet() -> None:
    assert set(STATUS) - set(get_args(RequestRefusal)) - set(get_args(EventRefusal)) == set()
    assert set(get_args(RequestRefusal)) - set(STATUS) == set()


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("overloaded", 503),
        ("queue_unavailable", 503),
        ("key_quota_exceeded", 429),
        ("address_quota_exceeded", 429),
        ("visitor_quota_exceeded", 429),
        ("body_too_slow", 408),
        ("body_too_large", 413),
        ("json_invalid", 400),
    ],
)
def test_a_sender_can_tell_by_the_status_whether_to_try_again(reason: str, status: int) -> None:
    assert STATUS[reason] == status


def test_every_reason_and_label_fits_its_column() -> None:
    reasons, labels = dead_letters.c.reason.type.length, events.c.label.type.length  # type: ignore[attr-defined]
    assert max(map(len, all_refusals())) <= reasons
    assert max(map(len, get_args(FilterLabel))) <= labels


def test_the_lists_do_not_overlap() -> None:
    lists = [set(get_args(each)) for each in (RequestRefusal, EventRefusal, EntryRefusal)]
    assert sum(map(len, lists)) == len(set.union(*lists))
