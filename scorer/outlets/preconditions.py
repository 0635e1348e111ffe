"""Entity tags of leads, and what ``If-Match`` says about them.

The tag of one lead is ``<id>.<version>.<digest>``. The digest is of all that is shown, and so is another from hour to hour.
Id and version say what sales decide upon: who the lead is and how far they have got with it. That is what a precondition
compares, also of a weak tag, which RFC 9110 (13.1.1) would have match nothing.
"""

from __future__ import annotations

import re
from typing import Final

from scorer.outlets.problems import PARAMETER_INVALID, STALE, Refusal
from scorer.outlets.shapes import ParameterError

_TAG: Final = re.compile(r'\s*(?:W/)?"([\x21\x23-\x7e]*)"\s*')
_OURS: Final = re.compile(r"([a-z2-7]{16})\.(\d{1,9})\.[0-9a-f]+")
_LONGEST: Final = 2000


def lead_tag(lead_id: str, version: int, digest: str) -> str:
    """Return the tag of a lead, without the quotes.

    >>> lead_tag("ld_edsw5zo3x46rvona", 5, "0f")
    'edsw5zo3x46rvona.5.0f'
    """
    return f"{lead_id.removeprefix('ld_')}.{version}.{digest}"


def expected_version(header: str | None, lead_id: str) -> int | None:
    """Return which version of a lead ``If-Match`` demands, of several the latest; ``None`` for any.

    Raises ``Refusal`` for tags that are none (400), and where none is of this lead (412).

    >>> expected_version('W/"edsw5zo3x46rvona.5.0f"', "ld_edsw5zo3x46rvona")
    5
    """
    if header is None or header.strip() == "*":
        return None
    parts = [_TAG.fullmatch(part) for part in header[:_LONGEST].split(",")]
    if len(header) > _LONGEST or not all(parts):
        wrong = ParameterError("If-Match", 'Neither * nor tags in quotes, as in "x", W/"y"')
        raise Refusal(PARAMETER_INVALID, f"{wrong.parameter}: {wrong.detail}", errors=[wrong])
    ours = [_OURS.fullmatch(part[1]) for part in parts if part]
    versions = [int(tag[2]) for tag in ours if tag and f"ld_{tag[1]}" == lead_id]
    if not versions:
        raise Refusal(STALE, "If-Match names no version of this lead. Look at the lead again, then decide.")
    return max(versions)
