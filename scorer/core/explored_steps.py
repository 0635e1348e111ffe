"""What to do next with an exploratory lead: call it all the same. The scorecard's own steps would leave it alone."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Label
from scorer.core.next_steps import NextStepRule, When

_WHY: Final = Label(
    "Not hot, drawn by lot: what it says teaches the score whom it has overlooked",
    "尚未热门，随机抽取：其反馈能让评分学到忽略了谁",
)
EXPLORED_STEPS: Final = (
    NextStepRule(
        id="explored",
        label=Label("Call to learn", "致电了解"),
        action="call",
        when=When(identified=True),
        due="next_business_day",
        why=_WHY,
    ),
    NextStepRule(
        id="explored",
        label=Label("Find out who it is", "弄清对方是谁"),
        action="identify",
        due="next_business_day",
        why=_WHY,
    ),
)
"""In place of the scorecard's steps while nobody has spoken with an exploratory lead."""
