"""Why the sales API refuses: a closed list, each with its status and what to do about it (RFC 9457)."""

from __future__ import annotations

from typing import Final

import msgspec

from scorer.outlets.shapes import ParameterError, Problem

MEDIA_TYPE: Final = "application/problem+json"


class ProblemKind(msgspec.Struct, frozen=True):
    """One kind of refusal."""

    name: str
    status: int
    title: str
    advice: str
    """For the documentation: when it comes, and what to do."""

    @property
    def uri(self) -> str:
        """What ``type`` says: where this is explained."""
        return f"/api/docs#problem-{self.name}"


PARAMETER_INVALID: Final = ProblemKind(
    "parameter-invalid",
    400,
    "A parameter is wrong",
    "A parameter has a value that makes no sense, is given twice, or is unknown. `errors` names each.",
)
KEY_MISSING: Final = ProblemKind(
    "key-missing", 401, "A key is needed", "Send `Authorization: Bearer wt_…` with a key of the site."
)
KEY_INVALID: Final = ProblemKind(
    "key-invalid", 401, "The key is not valid", "The key was never made, is mistyped, or was revoked. Make a new one."
)
SCOPE_MISSING: Final = ProblemKind(
    "scope-missing", 403, "The key may not do this", "The request needs a key with a larger scope."
)
SITE_NOT_ALLOWED: Final = ProblemKind(
    "site-not-allowed",
    403,
    "The key is of another site",
    "A key opens one site. Leave `site` out, or use a key of that site.",
)
NOT_FOUND: Final = ProblemKind(
    "not-found",
    404,
    "There is no such thing",
    "No such address, or no such lead on the key's site. A lead that was erased is gone for good.",
)
METHOD_NOT_ALLOWED: Final = ProblemKind(
    "method-not-allowed", 405, "The method is not allowed here", "The header `Allow` lists those that are."
)
CURSOR_EXPIRED: Final = ProblemKind(
    "cursor-expired",
    410,
    "The cursor is no longer good",
    "The list it belongs to is gone: another scorecard was published, or the database is another or was restored from a "
    "backup. To start again: read `/changes?cursor=now` and keep its `next_cursor`, then read the "
    "whole of `/hot-leads`, and go on from the cursor kept.",
)
TOO_MANY_REQUESTS: Final = ProblemKind(
    "too-many-requests", 429, "Too many requests", "Wait as long as the header `Retry-After` says."
)
BODY_INVALID: Final = ProblemKind(
    "body-invalid",
    400,
    "The body is wrong",
    "The body is not JSON, or a field is missing, unknown or has a value that makes no sense. `errors` names it.",
)
TAKEN: Final = ProblemKind(
    "taken", 409, "Somebody else has claimed the lead", "Leave it to them, or ask them. `detail` says who and until when."
)
NOT_POSSIBLE: Final = ProblemKind(
    "not-possible",
    409,
    "That can't be done as things are",
    "The request is understood but doesn't fit the lead: a release without a claim, a time gone by. `detail` says what.",
)
REQUEST_RUNNING: Final = ProblemKind(
    "request-running",
    409,
    "The same request is being carried out",
    "A request with this `Idempotency-Key` hasn't been answered yet. Send it again after `Retry-After` seconds.",
)
STALE: Final = ProblemKind(
    "stale",
    412,
    "The lead has changed meanwhile",
    "`If-Match` names another version. Get the lead again, look at what has changed, and decide anew.",
)
TOO_LARGE: Final = ProblemKind("too-large", 413, "The body is too large", "64,000 bytes are enough for every request.")
MEDIA_TYPE_UNKNOWN: Final = ProblemKind(
    "media-type-unknown", 415, "The body is of an unknown type", "Send `Content-Type: application/json`, in UTF-8."
)
KEY_REUSED: Final = ProblemKind(
    "key-reused",
    422,
    "The idempotency key belongs to another request",
    "A request with another address or body was sent with this `Idempotency-Key` within a day. Make a new key for each.",
)
FAILED: Final = ProblemKind("failed", 500, "Something broke", "The fault is ours and is in the service's log.")
UNAVAILABLE: Final = ProblemKind(
    "unavailable", 503, "The database can't be reached", "Try again after `Retry-After` seconds."
)

PROBLEMS: Final = (
    PARAMETER_INVALID,
    KEY_MISSING,
    KEY_INVALID,
    SCOPE_MISSING,
    SITE_NOT_ALLOWED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CURSOR_EXPIRED,
    BODY_INVALID,
    TAKEN,
    NOT_POSSIBLE,
    REQUEST_RUNNING,
    STALE,
    TOO_LARGE,
    MEDIA_TYPE_UNKNOWN,
    KEY_REUSED,
    TOO_MANY_REQUESTS,
    FAILED,
    UNAVAILABLE,
)


class Refusal(Exception):
    """Carries a refusal out of whatever finds the reason to the edge that answers it."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        errors: list[ParameterError] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(kind.uri, kind.title, kind.status, detail, errors or [])
        self.headers = headers or {}
