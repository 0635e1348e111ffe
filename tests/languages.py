"""What tests ask of texts: whether they are Chinese, and whether English was left in them."""

from __future__ import annotations

import re

_HAN = re.compile("[\u4e00-\u9fff]")
_RUN = re.compile(r"(?<![\w./:@=<>-])[A-Za-z][a-z']+(?: [a-z']+){2,}(?![\w/=-])")
"""Three words in a row, of which the latter begin small: names and commands don't look like that."""


def is_chinese(text: str) -> bool:
    """Whether there is anything Chinese in it."""
    return _HAN.search(text) is not None


def english_in(text: str) -> list[str]:
    """Return the stretches of *text* that look like an English sentence, but for commands to be typed.

    >>> english_in("没有线索 'ld_x'。用法：warmtrail site add 站点名 --origin URL")
    []
    >>> english_in("错误：There is no lead ld_x.")
    ['There is no lead']
    """
    return [found for found in _RUN.findall(text) if not found.startswith("warmtrail ")]
