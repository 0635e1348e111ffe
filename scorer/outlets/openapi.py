"""The OpenAPI 3.1 description of the sales API, made from the routes and the types that serve it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from scorer.outlets import problems
from scorer.outlets.account_shapes import ACCOUNT_ID_PATTERN
from scorer.outlets.problems import PROBLEMS
from scorer.outlets.routes import ROUTES, Route
from scorer.outlets.shapes import LEAD_ID_PATTERN, Problem

VERSION: Final = "1"
_ABOUT: Final = (
    "Which visitors of the company's site are about to buy, why, and what to do next. Every request carries a key of the "
    "site, `Authorization: Bearer wt_…`. Times are RFC 3339 in UTC with milliseconds. Lists answer `data` and "
    "`next_cursor`; a cursor is opaque. Refusals are `application/problem+json` (RFC 9457)."
)
_ANY_ROUTE: Final = (
    problems.PARAMETER_INVALID,
    problems.KEY_INVALID,
    problems.SCOPE_MISSING,
    problems.TOO_MANY_REQUESTS,
    problems.FAILED,
    problems.UNAVAILABLE,
)
_PATTERNS: Final = {"lead_id": LEAD_ID_PATTERN, "account_id": ACCOUNT_ID_PATTERN}
"""What the names in a route's path look like."""
_HEADERS: Final = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def describe(base_url: str) -> dict[str, Any]:
    """Return the OpenAPI document of the service at *base_url*."""
    types = dict.fromkeys([*(route.answer for route in ROUTES), *(route.parameters for route in ROUTES), Problem])
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
        "200": {
            "description": route.summary,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{route.answer.__name__}"}}},
        }
    }
    if route.conditional:
        answered["200"]["headers"] = {"ETag": {"schema": {"type": "string"}}}
        answered["304"] = {"description": "The answer is the one that If-None-Match names"}
    for status in sorted(_statuses(route)):
        answered[str(status)] = {"$ref": f"#/components/responses/{_response_name(status)}"}
    return {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{route.description} Scope: {route.scope}.",
        "parameters": inside + [_parameter(name, schema) for name, schema in query.items()],
        "responses": answered,
    }


def _statuses(route: Route) -> set[int]:
    statuses = {kind.status for kind in _ANY_ROUTE}
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
    return response
