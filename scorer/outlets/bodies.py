"""Bodies of writing requests, read into their types or refused."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from scorer.outlets.problems import BODY_INVALID, MEDIA_TYPE_UNKNOWN, TOO_LARGE, Refusal
from scorer.outlets.request_shapes import Request
from scorer.outlets.shapes import ParameterError

MAX_BODY_BYTES: Final = 64_000
JSON: Final = "application/json"

Kind = TypeVar("Kind", bound=Request)


def read_body(content: bytes, media_type: str, parameters: dict[str, str], kind: type[Kind]) -> Kind:
    """Return the body of a request as *kind*; raise ``Refusal``. An empty one is an empty object.

    *media_type* is in lower case and without its *parameters*.
    """
    if len(content) > MAX_BODY_BYTES:
        raise Refusal(TOO_LARGE, f"A body has {MAX_BODY_BYTES} bytes at most.")
    if content and (media_type != JSON or parameters.get("charset", "utf-8").lower() != "utf-8"):
        raise Refusal(MEDIA_TYPE_UNKNOWN, f"Send Content-Type: {JSON} in UTF-8.", headers={"Accept-Post": JSON})
    try:
        return kind.read(content)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except RecursionError:
        raise Refusal(BODY_INVALID, "The body is nested too deeply.", errors=[ParameterError("body", "Too deep")]) from None
    except (msgspec.DecodeError, ValueError):
        raise Refusal(BODY_INVALID, "The body is not JSON.", errors=[ParameterError("body", "Not JSON")]) from None


def _refusal(message: str) -> Refusal:
    detail, _, path = message.partition(" - at `$.")
    wrong = ParameterError(path.rstrip("`") or _named_in(detail), detail)
    return Refusal(BODY_INVALID, f"{wrong.parameter}: {wrong.detail}", errors=[wrong])


def _named_in(detail: str) -> str:
    """Return the field that a message about the whole body names: a missing or unknown one."""
    quoted: list[Any] = detail.split("`")
    return quoted[1][:200] if "field" in detail and len(quoted) > 1 else "body"
