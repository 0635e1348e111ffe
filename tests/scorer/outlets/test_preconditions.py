"""What If-Match demands, told from tags; whatever comes in the header."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.outlets.preconditions import expected_version, lead_tag
from scorer.outlets.problems import Refusal

LEAD, OTHER = "ld_edsw5zo3x46rvona", "ld_aaaaaaaaaaaaaaaa"
TAG = lead_tag(LEAD, 5, "0f")


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (None, None),
        ("*", None),
        (" * ", None),
        (f'"{TAG}"', 5),
        (f'W/"{TAG}"', 5),
        (f'"x" , W/"{lead_tag(LEAD, 7, "a")}","{TAG}"', 7),
        (f'"{lead_tag(OTHER, 9, "a")}", "{TAG}"', 5),
    ],
)
def test_the_version_is_that_of_the_lead_s_tag(header: str | None, version: int | None) -> None:
    assert expected_version(header, LEAD) == version


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f'"{lead_tag(OTHER, 5, "0f")}"', 412),
        ('"0f"', 412),
        ('""', 412),
        (f'"{TAG}', 400),
        (TAG, 400),
        ("", 400),
        (",", 400),
        ('*, "x"', 400),
        (f'w/"{TAG}"', 400),
        (", ".join([f'"{TAG}"'] * 100), 400),
    ],
)
def test_what_is_no_tag_or_of_no_use_is_refused(header: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        expected_version(header, LEAD)
    assert refused.value.problem.status == status


@given(st.text(max_size=60) | st.lists(st.sampled_from(['"', "W/", TAG, ",", " ", "*", "x"]), max_size=9).map("".join))
def test_no_header_does_harm(header: str) -> None:
    with suppress(Refusal):
        found = expected_version(header, LEAD)
        assert found == 5 or (found is None and header.strip() == "*")


@given(st.integers(0, 999_999_999), st.binary(min_size=1, max_size=12))
def test_a_tag_is_read_as_it_was_made(version: int, digest: bytes) -> None:
    assert expected_version(f'W/"{lead_tag(LEAD, version, digest.hex())}"', LEAD) == version
