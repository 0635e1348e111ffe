"""The routes of scorecards, and of the log of who changed what."""

from __future__ import annotations

from typing import Final

from scorer.outlets import scorecard_answers, scorecard_requests, scorecard_shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route

SCORECARD_ROUTES: Final = (
    Route(
        path="/scorecards",
        name="listScorecards",
        summary="The site's scorecards, the latest first",
        description="One is current; one may be filling: its scores are being made, then it becomes current.",
        scope="read",
        parameters=Parameters,
        answer=scorecard_shapes.ScorecardList,
        handle=scorecard_answers.all_scorecards,
    ),
    Route(
        path="/scorecards/{number}",
        name="getScorecard",
        summary="One scorecard with its rules",
        description="A scorecard never changes.",
        scope="read",
        parameters=Parameters,
        answer=scorecard_shapes.ScorecardDetail,
        handle=scorecard_answers.one_scorecard,
    ),
    Route(
        path="/scorecards/simulate",
        name="simulateScorecard",
        summary="What publishing a scorecard would change: who comes onto the hot list and who drops off it",
        description="Writes nothing. Both cards are tried on the same history, of 20,000 leads at most: 409 for more.",
        scope="admin",
        parameters=Parameters,
        answer=scorecard_shapes.Simulated,
        handle=scorecard_answers.simulated,
        method="POST",
        body=scorecard_requests.SimulateRequest,
        changes=False,
    ),
    Route(
        path="/scorecards/publish",
        name="publishScorecard",
        summary="Add a scorecard and make it the current one",
        description="Its scores are made in the background, then it becomes current at once. One that is still being filled "
        "is dropped.",
        scope="admin",
        parameters=Parameters,
        answer=scorecard_shapes.Scorecard,
        handle=scorecard_answers.publish_scorecard,
        method="POST",
        body=scorecard_requests.PublishRequest,
        prepare=scorecard_answers.found_threshold,
    ),
    Route(
        path="/scorecards/rollback",
        name="rollbackScorecard",
        summary="Go back to a scorecard that has been current",
        description="With exactly the scores that it gives. Without a number to the one before; while another is being "
        "filled, that is dropped and nothing else happens.",
        scope="admin",
        parameters=Parameters,
        answer=scorecard_shapes.Scorecard,
        handle=scorecard_answers.rollback_scorecard,
        method="POST",
        body=scorecard_requests.RollbackRequest,
    ),
    Route(
        path="/audit",
        name="listDecisions",
        summary="What people did by hand: who, what, when and why, newest first",
        description="Claims, notes and outcomes among it, and every change of a scorecard.",
        scope="admin",
        parameters=scorecard_requests.AuditParameters,
        answer=scorecard_shapes.AuditPage,
        handle=scorecard_answers.audit_log,
    ),
)
