"""The country of a time zone, for visitors whose country nobody has told."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Final

_OLD_NAMES: Final = {
    "Africa/Asmera": "ER",
    "America/Buenos_Aires": "AR",
    "America/Catamarca": "AR",
    "America/Coral_Harbour": "CA",
    "America/Cordoba": "AR",
    "America/Godthab": "GL",
    "America/Indianapolis": "US",
    "America/Jujuy": "AR",
    "America/Louisville": "US",
    "America/Mendoza": "AR",
    "Asia/Calcutta": "IN",
    "Asia/Katmandu": "NP",
    "Asia/Rangoon": "MM",
    "Asia/Saigon": "VN",
    "Atlantic/Faeroe": "FO",
    "Europe/Kiev": "UA",
    "Pacific/Enderbury": "KI",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
}
"""Names that browsers go on reporting and ``zone.tab`` no longer has. Where links of the time zone database lead would not
do: they join places that keep the same time, across borders."""


def country_of(time_zone: str) -> str | None:
    """Return the ISO 3166 code of the country of a time zone; ``None`` where it isn't a place's (``UTC``).

    >>> country_of("Europe/Zurich"), country_of("Asia/Calcutta"), country_of("UTC")
    ('CH', 'IN', None)
    """
    return _table().get(time_zone)


@lru_cache
def _table() -> dict[str, str]:
    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return _OLD_NAMES | {row[2]: row[0] for row in rows}
