"""The funnel: of all who came, how many said who they are, became hot, were spoken with, were won."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from scorer.core.fates import Result
from scorer.core.proportions import Rate, rate
from scorer.core.scorecard import Stage

Step = Literal["visitors", "identified", "hot", "contacted", "won"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
_STAGES: Final[tuple[Stage | None, ...]] = ("awareness", "consideration", "decision", None)


class Counted(msgspec.Struct, frozen=True):
    """So many leads that are alike."""

    number: int
    identified: bool
    hot: bool
    """Whether sales have ever been told that it is hot."""
    contacted: bool
    result: Result | None
    stage: Stage | None


class FunnelStep(msgspec.Struct, frozen=True):
    """One step of the funnel."""

    step: Step
    count: Annotated[int, Meta(description="Leads of which just this is true, whatever came before.")]
    reached: Annotated[int, Meta(description="Leads that came this far or further. Never rises from step to step.")]
    of_step_before: Annotated[Rate, Meta(description="Share of those who reached the step before.")]
    of_all: Annotated[Rate, Meta(description="Share of all.")]


class StageResults(msgspec.Struct, frozen=True):
    """What became of the leads at one stage of their purchase."""

    stage: Annotated[Stage | None, Meta(description="As far as the lead's reading has come; null: nothing speaks of one.")]
    leads: int
    hot: int
    contacted: int
    won: int
    lost: int
    won_rate: Annotated[Rate, Meta(description="Won, of those won or lost.")]


class Funnel(msgspec.Struct, frozen=True):
    """How far leads came."""

    steps: list[FunnelStep]
    lost: Annotated[Rate, Meta(description="Of those contacted.")]
    junk: Annotated[int, Meta(description="Turned out to be no leads.")]
    stages: list[StageResults]


def funnel(counted: Iterable[Counted]) -> Funnel:
    """Return how far these leads came.

    A lead may skip steps: one that was won without ever having been hot has reached ``hot``, but isn't in its ``count``.
    """
    known = list(counted)
    whole = sum(one.number for one in known)
    reached = [sum(one.number for one in known if _furthest(one) >= place) for place in range(len(STEPS))]
    steps = [
        FunnelStep(
            step=step,
            count=sum(one.number for one in known if _is_at(one, step)),
            reached=reached[place],
            of_step_before=rate(reached[place], reached[max(0, place - 1)]),
            of_all=rate(reached[place], whole),
        )
        for place, step in enumerate(STEPS)
    ]
    contacted = sum(one.number for one in known if one.contacted)
    lost = sum(one.number for one in known if one.contacted and one.result == "lost")
    junk = sum(one.number for one in known if one.result == "junk")
    return Funnel(steps, rate(lost, contacted), junk, [_stage(stage, known) for stage in _STAGES])


def _furthest(one: Counted) -> int:
    return max(place for place, step in enumerate(STEPS) if _is_at(one, step))


def _is_at(one: Counted, step: Step) -> bool:
    at: dict[Step, bool] = {
        "visitors": True,
        "identified": one.identified,
        "hot": one.hot,
        "contacted": one.contacted,
        "won": one.result == "won",
    }
    return at[step]


def _stage(stage: Stage | None, known: list[Counted]) -> StageResults:
    mine = [one for one in known if one.stage == stage]
    won = sum(one.number for one in mine if one.result == "won")
    lost = sum(one.number for one in mine if one.result == "lost")
    return StageResults(
        stage=stage,
        leads=sum(one.number for one in mine),
        hot=sum(one.number for one in mine if one.hot),
        contacted=sum(one.number for one in mine if one.contacted),
        won=won,
        lost=lost,
        won_rate=rate(won, won + lost),
    )
