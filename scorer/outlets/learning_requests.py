"""What requests about trainings and proposals say, as types."""

from __future__ import annotations

from scorer.outlets.request_shapes import By, Request, Why


class TrainRequest(Request, frozen=True, kw_only=True):
    """A card is to be learned from the leads that were won and lost."""

    by: By = None


class DecideRequest(Request, frozen=True, kw_only=True):
    """A proposal is to be published, or not to be taken."""

    why: Why
    by: By = None
