"""What training proposes, as the sales API answers it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from scorer.core.learned import Bin, Figure, HalfLife, Judged, ProposalState, Suspect, Verdict, Weight
from scorer.outlets.shapes import Time


class ProposalJudgement(msgspec.Struct, frozen=True):
    """A backtest: for each origin, learned from what was known before and judged on what came after."""

    origins: list[Time]
    leads: int
    snapshots: int
    wins: Annotated[int, Meta(description="Snapshots that were followed by a win.")]
    base_rate: Annotated[float, Meta(description="Share of snapshots that were followed by a win.")]
    capacity: Annotated[int, Meta(description="Leads that the team can call in a week.")]
    by_time: list[Judged]
    by_account: Annotated[list[Judged], Meta(description="With no company on both sides; empty where leads have none.")]
    gain: Annotated[Figure, Meta(description="Area under the curve of the proposal less that of the current card.")]
    bins: list[Bin]
    calibration_error: Annotated[Figure, Meta(description="Mean distance of chance told and share bought.")]


class ProposalCalibration(msgspec.Struct, frozen=True):
    """From points to the chance of a win: 1 / (1 + exp(-(intercept + slope · points)))."""

    intercept: float
    slope: float
    var_intercept: float
    covariance: float
    var_slope: float
    wins: int
    losses: int
    horizon_days: int
    made_at: Time
    advice: Annotated[bool, Meta(description="Fitted on too few won or lost leads to be relied on.")]


class ProposalShadow(msgspec.Struct, frozen=True):
    """How both cards would have ranked the leads that were decided since it was proposed."""

    since: Time
    leads: int
    wins: int
    auc_current: Figure
    auc_proposal: Figure


class ScorecardProposal(msgspec.Struct, frozen=True):
    """A scorecard that training proposes, and how it was judged."""

    number: int
    state: Annotated[ProposalState, Meta(description="proposed: it waits for a decision.")]
    created_at: Time
    verdict: Annotated[
        Verdict,
        Meta(
            description="advice: too few won or lost leads to judge by. better: chance alone doesn't explain that it ranks "
            "buyers higher than the current card."
        ),
    ]
    base: Annotated[int, Meta(description="Number of the card that it started from.")]
    trained_at: Time
    seed: int
    horizon_days: int
    half_life_days: float
    half_lives: Annotated[list[HalfLife], Meta(description="Those that were tried.")]
    leads: int
    snapshots: int
    wins: int
    losses: int
    censored: Annotated[int, Meta(description="Leads too young to tell.")]
    points_to_double: Annotated[float, Meta(description="Points that double the odds of a win.")]
    calibration: Annotated[ProposalCalibration | None, Meta(description="Null without a win and a loss.")]
    judgement: Annotated[ProposalJudgement | None, Meta(description="Null where there was too little to split.")]
    weights: list[Weight]
    suspects: Annotated[list[Suspect], Meta(description="Features that may have been written after the fact.")]
    shadow: Annotated[ProposalShadow | None, Meta(description="Null until it has been looked at once since.")]


class ProposalList(msgspec.Struct, frozen=True):
    """What training has proposed, the latest first."""

    data: list[ScorecardProposal]
    next_cursor: None


class ProposalDetail(msgspec.Struct, frozen=True):
    """A proposal with its rules."""

    proposal: ScorecardProposal
    body: Annotated[dict[str, Any], Meta(description="The rules, as `warmtrail scorecard show` prints them.")]


class RefusedProposal(msgspec.Struct, frozen=True):
    """A proposal that isn't taken."""

    number: int
    state: ProposalState


class ScorecardTraining(msgspec.Struct, frozen=True):
    """A training, and how far it is."""

    id: int
    at: Time
    by: str
    state: Literal["waiting", "running", "done", "failed"]
    done: Annotated[float, Meta(ge=0, le=1, description="Share that is done.")]
    proposal: Annotated[int | None, Meta(description="Number of what came of it; null: nothing did, or not yet.")]
    trouble: Annotated[str | None, Meta(description="Why it came to nothing, in the language asked for.")]


class LatestTraining(msgspec.Struct, frozen=True):
    """The latest training of a site."""

    training: Annotated[ScorecardTraining | None, Meta(description="Null: there was none yet.")]
