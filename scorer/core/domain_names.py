"""Domains as people read them: in their own letters where that is safe, else as they go over the wire (``xn--…``).

Safe is narrower than what may be registered. Each label must be of one script that is listed here, must be what IDNA 2008
(RFC 5892) would have made of it, and must not look like a name in Latin letters. Scripts written from right to left, which
would rearrange the line around them, and all that isn't listed, stay as they are. The idea is that of UTS 39, restriction
level "single script", Japanese and Korean each counting as one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_PREFIX: Final = "xn--"
_LONGEST_LABEL: Final = 63
_HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_KANA: Final = "\u3041-\u3096\u309d\u309e\u30a1-\u30fa\u30fc-\u30fe"
_PLAIN: Final = "0-9-"
_SCRIPTS: Final = tuple(
    re.compile(f"[{letters}{_PLAIN}]+")
    for letters in (
        # Without dotless i, kra, and letters that normalisation would take apart.
        "a-z\u00df-\u00f6\u00f8-\u0130\u0132-\u0137\u0139-\u013e\u0141-\u0148\u014a-\u017e\u0218-\u021b\u1e00-\u1eff",
        f"{_HAN}{_KANA}",
        f"{_HAN}\uac00-\ud7a3",
        "\u0430-\u045f\u0491",
        "\u0390\u03ac-\u03ce",
    )
)
"""Latin, Chinese and Japanese, Chinese and Korean, Cyrillic, Greek; each with digits and hyphens."""
_LIKE_LATIN: Final = re.compile(
    "[\u0430\u0433\u0435\u043e\u043f\u0440\u0441\u0443\u0445\u044a\u044c\u0455\u0456\u0458\u04bb\u04cf"
    f"\u03b1\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c9{_PLAIN}]+"
)
"""Cyrillic and Greek letters that are taken for Latin ones, as browsers list them: a name of none but these."""
_LIKE_SIGNS: Final = re.compile(f"[\u30fc\u30ce\u30bd\u30be\u30f3\u4e00\u4e36\u4e3f\u4e40\u4e41{_PLAIN}]+")
"""Kana and strokes of Han that somebody would read as a hyphen or a slash."""


def readable(name: str | None) -> str:
    """Return a domain, or an address at one, as people read it; unchanged where nothing in it can safely be shown otherwise.
    Empty for ``None``: nothing known.

    >>> readable("xn--fiq228c.xn--fiqs8s"), readable("li@xn--bcher-kva.example")
    ('中文.中国', 'li@bücher.example')
    >>> readable("xn--80ak6aa92e.com")  # Cyrillic letters that look like apple
    'xn--80ak6aa92e.com'
    """
    if not name:
        return ""
    return _readable(name) if _PREFIX in name.lower() else name


@lru_cache(maxsize=4096)
def _readable(name: str) -> str:
    local, at, domain = name.rpartition("@")
    return f"{local}{at}{'.'.join(map(_label, domain.split('.')))}"


def _label(label: str) -> str:
    wire = label.lower()
    if not wire.startswith(_PREFIX) or len(wire) > _LONGEST_LABEL or not wire.isascii():
        return label
    try:
        shown = wire.removeprefix(_PREFIX).encode().decode("punycode")
    except (UnicodeError, OverflowError, ValueError):
        return label
    return shown if _is_safe(shown, wire) else label


def _is_safe(shown: str, wire: str) -> bool:
    return (
        not shown.isascii()
        and any(script.fullmatch(shown) for script in _SCRIPTS)
        and not _LIKE_LATIN.fullmatch(shown)
        and not _LIKE_SIGNS.fullmatch(shown)
        and not shown.startswith("-")
        and not shown.endswith("-")
        and shown[2:4] != "--"
        # One way of writing it only, and that the one which was registered.
        and all(unicodedata.category(one) in ("Ll", "Lo", "Lm", "Nd", "Nl", "Pd") for one in shown)
        and _is_stable(shown)
        and _PREFIX + shown.encode("punycode").decode() == wire
    )


def _is_stable(shown: str) -> bool:
    """Whether folding case and normalising leave it as it is, but for the letters that IDNA 2008 excepts: ß and ς."""
    plain = shown.replace("\u00df", "s").replace("\u03c2", "\u03c3")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold()) == plain
