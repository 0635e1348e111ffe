"""What requests about scorecards and the log of decisions say, as types."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from scorer.outlets.parameters import CursorText, Limit, Parameters, Text
from scorer.outlets.request_shapes import By, Request, Why

Body = Annotated[dict[str, Any], Meta(description="The rules, as `warmtrail scorecard schema` describes them.")]


class SimulateRequest(Request, frozen=True, kw_only=True):
    """A scorecard is to be tried on what has happened."""

    scorecard: Body
    days: Annotated[int, Meta(ge=1, le=366, description="Alerts and wins of so many days.")] = 90
    listed: Annotated[int, Meta(ge=0, le=200, description="Leads of each list at most.")] = 50


class PublishRequest(Request, frozen=True, kw_only=True):
    """A scorecard is to become the current one."""

    scorecard: Body
    why: Why
    by: By = None


class RollbackRequest(Request, frozen=True, kw_only=True):
    """A scorecard that has been current is to be so again."""

    number: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None, Meta(description="Which one; left out: the one before.")
    ] = None
    why: Why
    by: By = None


class AuditParameters(Parameters, frozen=True, kw_only=True):
    """What a request for the log of decisions may say."""

    limit: Limit = 50
    cursor: Annotated[CursorText | UnsetType, Meta(description="next_cursor of the page before.")] = UNSET
    subject: Annotated[Text | UnsetType, Meta(description="Only of a lead's id, or of `scorecard 3`.")] = UNSET
