"""Real recordings that tests use where they are at hand. They may not be shipped, so a machine without them skips."""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent.parent / "shared" / "data"


def sample(name: str) -> Path:
    """Path of a recording beside the checkout; skips the test where there is none."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the recording {name} is not beside this checkout (it may not be shipped)")
    return path


NAMES = {
    "LIKE": "Article Liked",
    "BOOKMARK": "Article Bookmarked",
    "COMMENT CREATED": "Comment Created",
    "FOLLOW": "Followed",
}


def deskdrop(shift_ms: int = 0) -> Iterator[dict[str, Any]]:
    """The early slice of Deskdrop as Segment events: views as pages, the rest as named events; *shift_ms* later.

    Message ids count the lines, so the same slice twice is the same events.
    """
    path = sample("deskdrop-events-early/users_interactions.csv.xz")
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            moment = datetime.fromtimestamp(int(row["timestamp"]) + shift_ms / 1000, UTC)
            url = f"https://deskdrop.example/articles/{row['contentId']}"
            event: dict[str, Any] = {
                "messageId": f"deskdrop-{number}",
                "anonymousId": row["personId"],
                "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "context": {"userAgent": row["userAgent"], "location": {"country": row["userCountry"]}},
                "properties": {"url": url, "session": row["sessionId"]},
            }
            if row["eventType"] == "VIEW":
                yield event | {"type": "page"}
            else:
                yield event | {"type": "track", "event": NAMES[row["eventType"]]}
