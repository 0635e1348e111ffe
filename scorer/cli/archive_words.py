"""The words around the archive on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from scorer.core.labels import Label, Language, pick

_WORDS: Final = {
    "archiving": Label("archiving", "归档中"),
    "done": Label("{days} days written, {events} events.", "已写入 {days} 天，{events} 个事件。"),
    "erased": Label("{events} events of erased people taken out.", "已移除被清除者的 {events} 个事件。"),
    "cut off": Label("{days} days deleted for their age.", "已按保留期删除 {days} 天。"),
    "waits": Label("A day that is over waits for events that are still in the queue.", "已结束的一天仍在等待队列中的事件。"),
    "holds": Label("{first} to {last}: {days} days, {events} events.", "{first} 至 {last}：{days} 天，{events} 个事件。"),
    "size": Label("{files} files, {bytes} bytes: {each} an event.", "{files} 个文件，{bytes} 字节：每个事件 {each} 字节。"),
    "empty": Label("Nothing is archived yet.", "尚无归档。"),
    "erasures": Label(
        "{visitors} erased visitors are taken out with the next run.", "{visitors} 名被清除的访客将在下次运行时移除。"
    ),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(_WORDS[name], language).format(**parts)
