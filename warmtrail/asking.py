"""What the methods of the client have in common: a route is asked, the answer read as a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import quote

from warmtrail.transport import Send, Transport, read

Kind = TypeVar("Kind")
NOTHING: Final[Mapping[str, object]] = {}


class Asking:
    """Asks the sales API of one service with one key."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        language: str | None = None,
        timeout_seconds: float = 30.0,
        tries: int = 5,
        send: Send | None = None,
    ) -> None:
        self._transport = Transport(url, key, language=language, timeout_seconds=timeout_seconds, tries=tries, send=send)

    def _get(self, path: str, kind: type[Kind], query: Mapping[str, object] = NOTHING, wait_seconds: float = 0) -> Kind:
        return read(self._transport.get(path, query, wait_seconds=wait_seconds), kind)

    def _post(
        self,
        path: str,
        kind: type[Kind],
        body: Mapping[str, object],
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Kind:
        answer = self._transport.post(path, given(body), if_match=if_match, idempotency_key=idempotency_key)
        return read(answer, kind)


def given(body: Mapping[str, object]) -> dict[str, object]:
    """Return what of *body* was said: what is ``None`` was not."""
    return {name: value for name, value in body.items() if value is not None}


def path_of(pattern: str, *names: str) -> str:
    """Return a path with names in it, whatever characters they have."""
    return pattern.format(*(quote(name, safe="") for name in names))
