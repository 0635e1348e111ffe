"""The routes of training and of the scorecards that it proposes."""

from __future__ import annotations

from typing import Final

from scorer.outlets import learning_answers, learning_requests, learning_shapes, scorecard_shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route

LEARNING_ROUTES: Final = (
    Route(
        path="/scorecards/training",
        name="getTraining",
        summary="The latest training, and how far it is",
        description="Asked for by somebody, or once a week by itself. What came of it is a proposal.",
        scope="read",
        parameters=Parameters,
        answer=learning_shapes.LatestTraining,
        handle=learning_answers.latest_training,
    ),
    Route(
        path="/scorecards/train",
        name="trainScorecard",
        summary="Learn a scorecard from the leads that were won and lost",
        description="A worker does it, in minutes; GET /scorecards/training tells how far it is. 409 while one is under "
        "way, and where the extra for learning isn't installed. Nothing changes before the proposal is promoted.",
        scope="admin",
        parameters=Parameters,
        answer=learning_shapes.ScorecardTraining,
        handle=learning_answers.start_training,
        method="POST",
        body=learning_requests.TrainRequest,
        status=202,
    ),
    Route(
        path="/scorecards/proposals",
        name="listProposals",
        summary="The scorecards that training has proposed, the latest first",
        description="With how each was judged against the card that was current then. One at a time waits for a decision.",
        scope="read",
        parameters=Parameters,
        answer=learning_shapes.ProposalList,
        handle=learning_answers.all_proposals,
    ),
    Route(
        path="/scorecards/proposals/{number}",
        name="getProposal",
        summary="One proposal with its rules",
        description="Whatever has become of it. Its number is that of the scorecard.",
        scope="read",
        parameters=Parameters,
        answer=learning_shapes.ProposalDetail,
        handle=learning_answers.one_proposal,
    ),
    Route(
        path="/scorecards/proposals/{number}/promote",
        name="promoteProposal",
        summary="Make a proposal the current scorecard",
        description="As publishing does: its scores are made in the background, then it becomes current at once. 409 for "
        "one that doesn't wait for a decision.",
        scope="admin",
        parameters=Parameters,
        answer=scorecard_shapes.Scorecard,
        handle=learning_answers.promote_proposal,
        method="POST",
        body=learning_requests.DecideRequest,
        prepare=learning_answers.found_threshold,
    ),
    Route(
        path="/scorecards/proposals/{number}/refuse",
        name="refuseProposal",
        summary="Decide that a proposal isn't taken",
        description="It stays readable. 409 for one that doesn't wait for a decision.",
        scope="admin",
        parameters=Parameters,
        answer=learning_shapes.RefusedProposal,
        handle=learning_answers.refuse_proposal,
        method="POST",
        body=learning_requests.DecideRequest,
    ),
)
