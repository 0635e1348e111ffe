"""Refusals that people read in their language, on the page and on the terminal."""

from __future__ import annotations

from tracker.core.labels import LabelledError

__all__ = ("LabelledError",)
