"""One row of the sales API's table: what a route takes, answers and needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from scorer.keys import Scope
from scorer.outlets import shapes
from scorer.outlets.answers import Reply
from scorer.outlets.parameters import Parameters
from scorer.outlets.request_shapes import Request


class Route(msgspec.Struct, frozen=True):
    """One row of the table."""

    path: str
    """Below ``/api/v1``, with names in braces."""
    name: str
    summary: str
    description: str
    scope: Scope
    parameters: type[Parameters]
    answer: type
    handle: Callable[..., Reply]
    """Takes the call and what the braces stand for."""
    method: str = "GET"
    conditional: bool = False
    """Whether the answer has an ETag."""
    body: type[Request] | None = None
    """What a writing request says; ``None`` for one that only reads."""
    prepare: Callable[..., Any] | None = None
    """Looks, before the transaction that writes, for what takes long to find; ``Call.prepared`` is what it returns. Given
    what ``handle`` is."""
    changes: bool = True
    """Whether a request with a body writes anything."""
    status: int = 200
    """Of an answer to a request with a body; 202: it is done later."""


def on_lead(
    verb: str,
    name: str,
    summary: str,
    description: str,
    body: type[Request],
    handle: Callable[..., Reply],
    *,
    answer: type = shapes.Lead,
) -> Route:
    """Return the route that does something to a lead."""
    return Route(
        path=f"/leads/{{lead_id}}/{verb}",
        name=name,
        summary=summary,
        description=description,
        scope="sales",
        parameters=Parameters,
        answer=answer,
        handle=handle,
        method="POST",
        conditional=True,
        body=body,
    )
