"""A company's tier is that of a person who can be called."""

from __future__ import annotations

import pytest

from scorer.core.account import account_tier
from scorer.core.rules import Tier


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (["cold", "hot", "warm"], "hot"),
        (["warm", "cold", "cold"], "warm"),
        (["cold"] * 30, "cold"),
        ([], "cold"),
    ],
)
def test_a_company_is_as_warm_as_its_warmest_person(tiers: list[Tier], expected: Tier) -> None:
    assert account_tier(tiers) == expected
