"""What msgspec finds wrong with the shape of data is told in Chinese, by the messages that it really gives."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from tracker.core.shape_words import shape_in_chinese


class Card(msgspec.Struct, forbid_unknown_fields=True):
    points: int
    buckets: list[tuple[float, float]] = []
    stage: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "缺少字段 `points`"),
        ({"points": "x"}, "须为 `int`，而不是 `str`"),
        ({"points": 1, "buckets": [[1]]}, "须为 长度为 2 的 `array`，而不是 1"),
        ({"points": 1, "stage": "c"}, "值无效：'c'"),
        ({"points": 1, "z": 1}, "没有字段 `z`"),
        ([], "须为 `object`，而不是 `array`"),
    ],
)
def test_shapes(data: Any, told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(data, Card)
    assert shape_in_chinese(str(refused.value).partition(" - at ")[0]) == told


@pytest.mark.parametrize(("text", "told"), [(b"{a}", "JSON 格式错误（第 1 字节）"), (b"{", "JSON 不完整")])
def test_what_is_no_json(text: bytes, told: str) -> None:
    with pytest.raises(msgspec.DecodeError) as refused:
        msgspec.json.decode(text)
    assert shape_in_chinese(str(refused.value)) == told


def test_a_message_of_another_kind_stays_as_it_is() -> None:
    assert shape_in_chinese("something new") == "something new"
