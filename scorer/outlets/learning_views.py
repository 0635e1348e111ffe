"""Trainings and proposals in the shapes that the sales API answers them in."""

from __future__ import annotations

from scorer.core.learned import Calibration, Judgement
from scorer.outlets.learning_shapes import (
    ProposalCalibration,
    ProposalDetail,
    ProposalJudgement,
    ProposalShadow,
    ScorecardProposal,
    ScorecardTraining,
)
from scorer.outlets.shapes import time_text
from scorer.proposals import Proposal, Shadow
from scorer.trainings import Training


def proposal_detail(found: Proposal) -> ProposalDetail:
    """Return a proposal with its rules, as the API has it."""
    return ProposalDetail(proposal_shape(found), found.body)


def proposal_shape(found: Proposal) -> ScorecardProposal:
    """Return a proposal as the API has it."""
    learned = found.learned
    return ScorecardProposal(
        number=found.number,
        state=found.state,
        created_at=time_text(found.created_at),
        verdict=learned.verdict,
        base=learned.base,
        trained_at=time_text(learned.trained_at),
        seed=learned.seed,
        horizon_days=learned.horizon_days,
        half_life_days=learned.half_life_days,
        half_lives=list(learned.half_lives),
        leads=learned.leads,
        snapshots=learned.snapshots,
        wins=learned.wins,
        losses=learned.losses,
        censored=learned.censored,
        points_to_double=learned.points_to_double,
        calibration=_calibration(learned.calibration) if learned.calibration is not None else None,
        judgement=_judgement(learned.judgement) if learned.judgement is not None else None,
        weights=list(learned.weights),
        suspects=list(learned.suspects),
        shadow=_shadow(found.shadow) if found.shadow is not None else None,
    )


def _judgement(told: Judgement) -> ProposalJudgement:
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    lists = {name: list(values[name]) for name in ("by_time", "by_account", "bins")}
    return ProposalJudgement(**values | lists | {"origins": [time_text(at) for at in told.origins]})


def _calibration(told: Calibration) -> ProposalCalibration:
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    return ProposalCalibration(**values | {"made_at": time_text(told.made_at)})


def _shadow(told: Shadow) -> ProposalShadow:
    return ProposalShadow(time_text(told.since), told.leads, told.wins, told.auc_current, told.auc_proposal)


def training_shape(told: Training, trouble: str | None) -> ScorecardTraining:
    """Return a training as the API has it; *trouble* in the reader's language."""
    return ScorecardTraining(told.id, time_text(told.at), told.by, told.state, told.done, told.proposal, trouble)
