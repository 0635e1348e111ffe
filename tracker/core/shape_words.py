"""What msgspec says of data of another shape than it should have, in Chinese."""

from __future__ import annotations

import re
from typing import Final

_SENTENCES: Final = (
    (r"Expected (.+), got (.+)", r"须为 \1，而不是 \2"),
    (r"Expected (.+)", r"须为 \1"),
    (r"Object missing required field (.+)", r"缺少字段 \1"),
    (r"Object contains unknown field (.+)", r"没有字段 \1"),
    (r"Invalid enum value (.+)", r"值无效：\1"),
    (r"Invalid value (.+)", r"值无效：\1"),
    (r"JSON is malformed: .+ \(byte (\d+)\)", r"JSON 格式错误（第 \1 字节）"),
    (r"Input data was truncated", "JSON 不完整"),
)
_PHRASES: Final = (
    (re.compile(r"`array` of length (\d+)"), r"长度为 \1 的 `array`"),
    (re.compile(r"`array` of at least length (\d+)"), r"长度至少为 \1 的 `array`"),
    (re.compile(r"`array` of at most length (\d+)"), r"长度至多为 \1 的 `array`"),
    (re.compile(r"matching regex (.+)"), r"符合 \1"),
)
_READ: Final = tuple((re.compile(pattern, re.DOTALL), chinese) for pattern, chinese in _SENTENCES)


def shape_in_chinese(message: str) -> str:
    """Return a message of msgspec in Chinese; as it stands where it is a kind that we don't know.

    >>> shape_in_chinese("Object missing required field `rules`")
    '缺少字段 `rules`'
    """
    for pattern, chinese in _READ:
        found = pattern.fullmatch(message)
        if found:
            told = found.expand(chinese)
            for phrase, in_chinese in _PHRASES:
                told = phrase.sub(in_chinese, told)
            return told
    return message
