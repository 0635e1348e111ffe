"""Refusals that people read in their language, on the page and on the terminal; and checks that several things share."""

from __future__ import annotations

from tracker.core.labels import LabelledError

__all__ = ("FieldError", "LabelledError")


class FieldError(LabelledError):
    """Something can't be as it is asked for; ``field`` names the part that is wrong, the label says why."""

    def __init__(self, field: str, en: str, zh: str) -> None:
        super().__init__(en, zh)
        self.field = field
