"""The page's texts: English stands in the templates, Chinese in ``zh/LC_MESSAGES/warmtrail.po`` (compiled: ``.mo``)."""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import files

from scorer.core.labels import Language

DOMAIN = "warmtrail"


def N_(text: str) -> str:  # gettext's usual name for it
    """Mark a text that is translated where it is shown."""
    return text


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """Return the catalogue of a language."""
    if language == "en":
        return gettext.NullTranslations()
    with files(__name__).joinpath(language, "LC_MESSAGES", f"{DOMAIN}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)
