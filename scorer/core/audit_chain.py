"""The chain of hashes that runs through a site's audit log: whoever changes a line changes all that follow it.

Each line has two hashes. ``words_hash`` is over a random salt and what people wrote; ``chain`` over the chain of the line
before, the line's number, who did what to what and when, and ``words_hash``. When a person is erased, the words and the salt
go and both hashes stay: the chain still holds, and without the salt nobody can find the words by trying.
(A hash chain after Schneier and Kelsey, Secure Audit Logs to Support Computer Forensics, 1999, without its keys.)
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, Literal

import msgspec

DIGEST_BYTES: Final = 32
SALT_BYTES: Final = 16
NO_WORDS: Final = ("", "{}")
"""``why`` and ``detail`` of a line whose words were taken out."""

Fault = Literal["outside", "missing", "changed", "cut"]
"""A line that has no number; a number without its line; a line that isn't as it was written; lines gone from the end, or put
there beside the chain."""


class Head(msgspec.Struct, frozen=True):
    """The last line of a chain: its number (0: there is none yet) and its hash."""

    number: int
    chain: bytes


class Line(msgspec.Struct, frozen=True):
    """One line of the log as it is stored. ``at`` in ms since 1970 UTC; ``detail`` is JSON, character by character.

    ``None``: not there, of ``salt`` in a line whose words were taken out, of the hashes in one that was never chained."""

    number: int
    at: int
    actor: str
    action: str
    subject: str
    why: str
    detail: str
    salt: bytes | None
    words_hash: bytes | None
    chain: bytes | None


class Break(msgspec.Struct, frozen=True):
    """The first place at which a chain doesn't hold. ``number`` is that of the line; 0 for lines without one."""

    number: int
    fault: Fault


class Followed(msgspec.Struct, frozen=True):
    """How far a chain holds."""

    head: Head
    """The last line up to which it does."""
    emptied: int
    """Lines among them whose words were taken out."""
    broken: Break | None = None


def before_first(site_id: int) -> Head:
    """Return what a site's first line follows. It depends on the site: a log can't be passed off as another's."""
    return Head(0, _digest(b"warmtrail audit", _number(site_id)))


def hash_words(salt: bytes, why: str, detail: str) -> bytes:
    """Return the hash of what was written in a line, 32 bytes: BLAKE2b over salt, why and detail."""
    return _digest(salt, why.encode(), detail.encode())


def link(before: bytes, number: int, at: int, actor: str, action: str, subject: str, words_hash: bytes) -> bytes:
    """Return the chain of a line that follows one with the chain *before*, 32 bytes.

    BLAKE2b over all of these in this order. Texts are taken as UTF-8 and numbers as 8 bytes, the highest first; in front of
    each part stands its length in bytes, as 8 bytes: so nothing can be moved from one part into the next.
    """
    texts = (actor.encode(), action.encode(), subject.encode())
    return _digest(before, _number(number), _number(at), *texts, words_hash)


def follow(lines: Iterable[Line], start: Head) -> Followed:
    """Return how far a chain holds from *start* on, which is taken for right.

    *lines* are those after it in the order of their numbers. A line whose words were taken out (no salt, and ``NO_WORDS``)
    is as it should be. To go on with further lines, start from the ``head`` of what is returned.
    """
    head, emptied = start, 0
    for line in lines:
        expected = head.number + 1
        if line.number > expected:
            return Followed(head, emptied, Break(expected, "missing"))
        if line.number < expected or not _holds(line, head.chain):
            return Followed(head, emptied, Break(line.number, "changed"))
        assert line.chain is not None
        head = Head(line.number, line.chain)
        emptied += line.salt is None
    return Followed(head, emptied)


def compared(followed: Followed, kept: Head) -> Followed:
    """Return *followed* with a break where the chain holds, but not up to *kept*, the head as it is kept apart from it."""
    if followed.broken is not None:
        return followed
    number = followed.head.number
    if number == kept.number and hmac.compare_digest(followed.head.chain, kept.chain):
        return followed
    place = number if number == kept.number else min(number, kept.number) + 1
    return msgspec.structs.replace(followed, broken=Break(place, "cut"))


def _holds(line: Line, before: bytes) -> bool:
    if line.words_hash is None or line.chain is None:
        return False
    if line.salt is None:
        if (line.why, line.detail) != NO_WORDS:
            return False
    elif hash_words(line.salt, line.why, line.detail) != line.words_hash:
        return False
    return link(before, line.number, line.at, line.actor, line.action, line.subject, line.words_hash) == line.chain


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _digest(*parts: bytes) -> bytes:
    made = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        made.update(len(part).to_bytes(8, "big"))
        made.update(part)
    return made.digest()
