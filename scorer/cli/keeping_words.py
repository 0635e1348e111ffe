"""The words around backups on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Any, Final

from scorer.core.labels import Label, Language, pick

_WORDS: Final = {
    "copied": Label(
        "{file}: {size} bytes. Keep the secret key with it; the queue is not in it.",
        "{file}：{size} 字节。请与密钥文件一并保存；其中不含队列。",
    ),
    "sure": Label("Put {file} in place of the database?", "用 {file} 替换数据库？"),
    "restored": Label(
        "{database} is that of the backup. What waits in the queue is drained into it at the next start.",
        "{database} 已恢复为备份内容。队列中等待的事件会在下次启动时写入。",
    ),
    "former": Label("The one before is kept as {former}.", "原数据库保留为 {former}。"),
}


def word(name: str, language: Language, **parts: Any) -> str:
    """Return a text with its parts."""
    return pick(_WORDS[name], language).format(**parts)
