"""Following the feed of changes with a cursor in a file: none is missed, however often the program is killed.

The file holds how far the feed has been read: the cursor of the page under way and the last change in it that was dealt
with. It is replaced as a whole after each change. Killed between dealing with a change and noting it, the program deals with
that one again, and with no other: its ``sequence`` tells, for those to whom that matters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from scorer.outlets.shapes import Change
from warmtrail.client import Client
from warmtrail.transport import CursorExpired


class Mark(msgspec.Struct, frozen=True):
    """How far a feed has been read."""

    cursor: str | None = None
    """Of the page that is being dealt with; ``None``: the first of all."""
    sequence: int = 0
    """The last change in it that was dealt with; 0: none."""


class MarkBroken(ValueError):
    """The file of a mark holds none: somebody else has written it."""


def follow(
    client: Client,
    path: str | Path,
    handle: Callable[[Change], None],
    resync: Callable[[Client], None],
    *,
    wait_seconds: int = 25,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Deal with each change once, in order, from where the file at *path* says; until *go_on* says no, or something raises.

    Parameters
    ----------
    client
        With a key of scope read.
    path
        The file. Without it the feed is read from the first change ever. One program a file.
    handle
        Deals with one change. What it raises ends the following; the same change comes first next time.
    resync
        Called when the cursor is no longer good (the service was restored from a backup, or is another): it has to replace
        all that is held by what the client reads now. Cut off, it is called again next time.
    wait_seconds
        How long an answer may be held back while nothing happens; 0 to 60.
    go_on
        Asked between two changes and before each request.
    """
    file = Path(path)
    mark = load_mark(file)
    while go_on():
        try:
            page = client.changes(mark.cursor, wait=wait_seconds)
        except CursorExpired:
            # First the cursor, then all there is: what happens meanwhile comes with the cursor.
            fresh = client.changes("now").next_cursor
            resync(client)
            mark = Mark(fresh)
            save_mark(file, mark)
            continue
        for change in page.data:
            if change.sequence <= mark.sequence:
                continue
            if not go_on():
                return
            handle(change)
            mark = Mark(mark.cursor, change.sequence)
            save_mark(file, mark)
        if page.next_cursor != mark.cursor:
            mark = Mark(page.next_cursor, mark.sequence)
            save_mark(file, mark)


def load_mark(path: Path) -> Mark:
    """Return what the file says; the beginning, where there is none. Raises ``MarkBroken``."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except FileNotFoundError:
        return Mark()
    except msgspec.DecodeError as error:
        raise MarkBroken(f"{path} holds no place in a feed: {error}") from error


def save_mark(path: Path, mark: Mark) -> None:
    """Replace the file at once: whoever reads it finds the old mark or the new one, also after a crash of the machine."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(mark))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
