"""Passwords: what may be one, and how they are kept (Argon2id, RFC 9106)."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from scorer.labelled import LabelledError

SHORTEST: Final = 10
LONGEST: Final = 200
"""Characters. Without the upper bound, hashing would take as long as somebody likes."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""The least that OWASP's Password Storage Cheat Sheet asks for: 19 MiB, twice over. Several sign-ins at once still fit
into a small machine."""
_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$TsYdMadIQMKcXdLkxNX1KA$opve+HLtYZM0E4T2bTqsOQCnsEMHBSGphWaKzrEy4nQ"
"""What is kept of a password that nobody knows, with the same parameters. Made once: it would take every process 25 ms."""


class PasswordError(LabelledError):
    """A text that can't be a password."""


def hash_password(password: str) -> str:
    """Return what is kept of *password*, with its salt and parameters. Raises ``PasswordError`` for one that won't do."""
    if len(password) < SHORTEST:
        raise PasswordError(f"A password needs at least {SHORTEST} characters.", f"密码至少需要 {SHORTEST} 个字符。")
    if len(password) > LONGEST:
        raise PasswordError(f"A password has at most {LONGEST} characters.", f"密码最多 {LONGEST} 个字符。")
    if len(set(password)) < 4:
        raise PasswordError("A password needs at least 4 different characters.", "密码至少需要 4 个不同的字符。")
    return _HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Decide whether *password* is the one of which *kept* is kept; ``None`` (nobody, or none set) is never right.

    Takes as long for ``None`` as for a wrong one, so that nobody learns who has an account.
    """
    if len(password) > LONGEST:
        return False
    try:
        return _HASHER.verify(kept or _NOBODYS, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
