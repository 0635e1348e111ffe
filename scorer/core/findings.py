"""What a look at an installation finds, and what to do about it, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from scorer.core.labels import Label, Language, pick

Verdict = Literal["good", "note", "wrong"]
Texts = Mapping[str, tuple[Label, Label]]
"""By name: what is found, and what to do about it (empty when nothing is to be done)."""
NOTHING = Label("")


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, told in one language."""

    verdict: Verdict
    what: str
    mend: str = ""
    """What to do about it; empty when nothing is to be done."""


class Sign(msgspec.Struct, frozen=True):
    """One thing that was looked at, in both languages."""

    verdict: Verdict
    what: Label
    mend: Label = NOTHING
    """What to do about it; empty when nothing is to be done."""

    def told(self, language: Language) -> Finding:
        """Return it in a language."""
        return Finding(self.verdict, pick(self.what, language), pick(self.mend, language))


def sign(texts: Texts, verdict: Verdict, name: str, /, **parts: object) -> Sign:
    """Return the sign of a name in *texts*, with the gaps in what it says filled in."""
    what, mend = texts[name]
    return Sign(verdict, filled(what, **parts), filled(mend, **parts))


def filled(text: Label, /, **parts: object) -> Label:
    """Return a text with its gaps filled in; a part that is a label itself is filled in by language.

    >>> filled(Label("it was {ago} ago", "{ago}前"), ago=Label("2 days", "2 天"))
    Label(en='it was 2 days ago', zh='2 天前')
    """
    return Label(text.en.format(**_in("en", parts)), text.zh.format(**_in("zh", parts)))


def _in(language: Language, parts: dict[str, object]) -> dict[str, object]:
    return {name: pick(part, language) if isinstance(part, Label) else part for name, part in parts.items()}
