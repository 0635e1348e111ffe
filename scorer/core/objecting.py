"""Who doesn't want to be scored: what stands in place of a score, and of what would follow from one."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Label
from scorer.core.next_steps import NextStepRule

OBJECTION: Final = "objection"
"""The exclusion of a lead that objects to being scored. Only its own word sets it, and nobody's decision lifts it."""
UNSCORED_STEPS: Final = (
    NextStepRule(
        id="unscored",
        label=Label("Decide for yourself", "请自行判断"),
        action="wait",
        due="next_business_day",
        why=Label("It doesn't want to be judged by a program", "对方不希望由程序评判"),
    ),
)
"""In place of the scorecard's steps: what to do is for people to say."""
