"""The part of the client for what is learned: trainings and proposed scorecards, classes and groups of leads."""

from __future__ import annotations

from scorer.outlets import class_shapes, learning_shapes, scorecard_shapes, shapes
from warmtrail.asking import Asking, given, path_of
from warmtrail.transport import read


class Learning(Asking):
    """Has scorecards learned and decides about proposals; labels leads."""

    def train(self, *, by: str | None = None, idempotency_key: str | None = None) -> learning_shapes.ScorecardTraining:
        """Have a scorecard learned from the leads that were won and lost; takes minutes, see ``training``."""
        path, kind = "/scorecards/train", learning_shapes.ScorecardTraining
        return self._post(path, kind, {"by": by}, idempotency_key=idempotency_key)

    def training(self) -> learning_shapes.LatestTraining:
        """Return how far the latest training is, or what came of it."""
        return self._get("/scorecards/training", learning_shapes.LatestTraining)

    def proposals(self) -> learning_shapes.ProposalList:
        """Return the proposed scorecards, the latest first."""
        return self._get("/scorecards/proposals", learning_shapes.ProposalList)

    def proposal(self, number: int) -> learning_shapes.ProposalDetail:
        """Return one proposal with its rules."""
        return self._get(path_of("/scorecards/proposals/{}", str(number)), learning_shapes.ProposalDetail)

    def promote_proposal(
        self, number: int, why: str, *, by: str | None = None, idempotency_key: str | None = None
    ) -> scorecard_shapes.Scorecard:
        """Make a proposal the current scorecard as soon as its scores are made."""
        path = path_of("/scorecards/proposals/{}/promote", str(number))
        return self._post(path, scorecard_shapes.Scorecard, {"why": why, "by": by}, idempotency_key=idempotency_key)

    def refuse_proposal(
        self, number: int, why: str, *, by: str | None = None, idempotency_key: str | None = None
    ) -> learning_shapes.RefusedProposal:
        """Decide that a proposal isn't taken."""
        path = path_of("/scorecards/proposals/{}/refuse", str(number))
        return self._post(path, learning_shapes.RefusedProposal, {"why": why, "by": by}, idempotency_key=idempotency_key)

    def classes(self) -> class_shapes.ClassList:
        """Return the company's own schemes with how far they can be learned, and the groups of like behaviour."""
        return self._get("/classes", class_shapes.ClassList)

    def label(
        self,
        lead_id: str,
        scheme: str,
        label: str | None,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Say what a lead is in a scheme; ``None`` takes back what was said."""
        path = path_of("/leads/{}/label", lead_id)
        # Null has to be said.
        body = given({"scheme": scheme, "by": by}) | {"label": label}
        return read(self._transport.post(path, body, if_match=if_match, idempotency_key=idempotency_key), shapes.Lead)
