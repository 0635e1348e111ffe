"""Words for people, in English and Chinese, and errors that carry them."""

from __future__ import annotations

from typing import Literal

import msgspec

Language = Literal["en", "zh"]


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Words for people. ``zh`` may be empty, then ``en`` stands in."""

    en: str
    zh: str = ""


def pick(label: Label, language: Language) -> str:
    """The label in a language; English where there is no Chinese."""
    return (label.zh or label.en) if language == "zh" else label.en


class LabelledError(ValueError):
    """Something can't be done as asked; ``label`` says why in both languages, the message in English."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.label = Label(en, zh)
