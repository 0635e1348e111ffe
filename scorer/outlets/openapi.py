"""The OpenAPI 3.1 description of the sales API, made from the routes and the types that serve it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from scorer.outlets import problems
from scorer.outlets.account_shapes import ACCOUNT_ID_PATTERN
from scorer.outlets.alert_shapes import ALERT_ID_PATTERN
from scorer.outlets.bodies import JSON
from scorer.outlets.digest_shapes import DIGEST_ID_PATTERN
from scorer.outlets.problems import PROBLEMS
from scorer.outlets.route import Route
from scorer.outlets.routes import ROUTES
from scorer.outlets.shapes import LEAD_ID_PATTERN, Problem
from scorer.outlets.webhook_shapes import WEBHOOK_ID_PATTERN

VERSION: Final = "1"
_ABOUT: Final = (
    "Which visitors of the company's site are about to buy, why, and what to do next. Every request carries a key of the "
    "site, `Authorization: Bearer wt_…`. Times are RFC 3339 in UTC with milliseconds. Lists answer `data` and "
    "`next_cursor`; a cursor is opaque. What changes something takes a JSON body. Refusals are "
    "`application/problem+json` (RFC 9457)."
)
_ANY_ROUTE: Final = (
    problems.PARAMETER_INVALID,
    problems.KEY_INVALID,
    problems.SCOPE_MISSING,
    problems.TOO_MANY_REQUESTS,
    problems.FAILED,
    problems.UNAVAILABLE,
)
_WRITING: Final = (
    problems.NOT_POSSIBLE,
    problems.TOO_LARGE,
    problems.MEDIA_TYPE_UNKNOWN,
)
_OF_WRITING: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A name for this request, the sender's own and another for each. Sent again with it within a day, "
        "the request is not carried out again but answered as before.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the lead as it was looked at, also a weak one, or *. 412 if somebody has changed it "
        "since.",
        "schema": {"type": "string", "pattern": '^(\\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'},
    },
)
"""Headers that writing requests may have."""
_RATE: Final = {
    "RateLimit-Limit": {"description": "Requests a minute.", "schema": {"type": "string"}},
    "RateLimit-Remaining": {"description": "Of them still left.", "schema": {"type": "string"}},
    "RateLimit-Reset": {"description": "Seconds until there are more.", "schema": {"type": "string"}},
}
_PATTERNS: Final = {
    "lead_id": LEAD_ID_PATTERN,
    "account_id": ACCOUNT_ID_PATTERN,
    "number": "^[1-9][0-9]{0,6}$",
    "webhook_id": WEBHOOK_ID_PATTERN,
    "digest_id": DIGEST_ID_PATTERN,
    "alert_id": ALERT_ID_PATTERN,
}
"""What the names in a route's path look like."""
_HEADERS: Final = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def describe(base_url: str) -> dict[str, Any]:
    """Return the OpenAPI document of the service at *base_url*."""
    bodies = [route.body for route in ROUTES if route.body is not None and route.body.described is None]
    types = dict.fromkeys([*(route.answer for route in ROUTES), *(route.parameters for route in ROUTES), *bodies, Problem])
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    parameters = {route.parameters: schemas[route.parameters.__name__]["properties"] for route in ROUTES}
    for kind in parameters:
        del schemas[kind.__name__]
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        operation = _operation(route, parameters[route.parameters])
        paths.setdefault(f"/api/v1{route.path}", {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Warmtrail sales API", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                _response_name(status): _refusals(status) for status in sorted({kind.status for kind in PROBLEMS})
            },
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key made by `warmtrail key add`."}
            },
        },
    }


def _operation(route: Route, query: dict[str, Any]) -> dict[str, Any]:
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _PATTERNS[name]}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    answered: dict[str, Any] = {
        str(route.status): {
            "description": route.summary,
            "headers": dict(_RATE),
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{route.answer.__name__}"}}},
        }
    }
    if route.conditional:
        answered[str(route.status)]["headers"]["ETag"] = {"schema": {"type": "string"}}
    if route.conditional and route.body is None:
        answered["304"] = {"description": "The answer is the one that If-None-Match names"}
    for status in sorted(_statuses(route)):
        answered[str(status)] = {"$ref": f"#/components/responses/{_response_name(status)}"}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{route.description} Scope: {route.scope}.",
        "parameters": inside + [_parameter(name, schema) for name, schema in query.items()],
        "responses": answered,
    }
    if route.body is not None:
        schema = route.body.described or {"$ref": f"#/components/schemas/{route.body.__name__}"}
        taken = {"Idempotency-Key": route.changes, "If-Match": route.changes and route.conditional}
        operation["parameters"] += [dict(one) for one in _OF_WRITING if taken[one["name"]]]
        required = any(field.required for field in msgspec.structs.fields(route.body))
        operation["requestBody"] = {"required": required, "content": {JSON: {"schema": schema}}}
    return operation


def _statuses(route: Route) -> set[int]:
    statuses = {kind.status for kind in _ANY_ROUTE}
    if route.body is not None:
        statuses |= {kind.status for kind in _WRITING}
        if route.changes:
            statuses.add(problems.KEY_REUSED.status)
        if route.changes and route.conditional:
            statuses.add(problems.STALE.status)
    if "{" in route.path:
        statuses.add(problems.NOT_FOUND.status)
    if "cursor" in route.parameters.__struct_fields__:
        statuses.add(problems.CURSOR_EXPIRED.status)
    return statuses


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    schema = dict(schema)
    return {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}


def _response_name(status: int) -> str:
    return f"Problem{status}"


def _refusals(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": " / ".join(kind.title for kind in PROBLEMS if kind.status == status),
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in _HEADERS:
        response["headers"] = {_HEADERS[status]: {"schema": {"type": "string"}}}
    if status == problems.TOO_MANY_REQUESTS.status:
        response["headers"] |= _RATE
    return response
