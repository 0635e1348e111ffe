"""Whether there was a person behind a click on a link in a mail, and how that is said, in English and Chinese."""

from __future__ import annotations

from typing import Final

import msgspec

from scorer.core.labels import Label, Language, pick
from tracker.core.visits import CONFIRMING_MS


class Reading(msgspec.Struct, frozen=True):
    """What the lead did on the page that a click led to."""

    engaged_ms: int


class Click(msgspec.Struct, frozen=True):
    """A click with all that tells who was behind it."""

    method: str
    label: str
    """Why it was filtered, as ``tracker.core.refusals.FilterLabel`` says."""
    reading: Reading | None
    """``None`` where the lead hasn't viewed the page after this click."""

    @property
    def confirmed(self) -> bool:
        """Whether the page was read for as long as only a person does."""
        return self.reading is not None and self.reading.engaged_ms >= CONFIRMING_MS


WORDS: Final[dict[str, Label]] = {
    "read": Label("confirmed by {n} s of reading", "已确认：阅读了 {n} 秒"),
    "glanced": Label("the page was open, but read for {n} s only", "页面曾打开，但仅阅读 {n} 秒"),
    "bot": Label("clicked by a program that says so itself", "由自称程序的客户端点击"),
    "prefetch": Label("loaded ahead by the mail program, not clicked", "邮件客户端预加载，并非点击"),
    "head": Label(
        "asked for without opening the page: probably a mail scanner", "仅探测链接而未打开页面：可能是邮件安全扫描"
    ),
    "nothing": Label(
        "no page activity of this lead followed: probably a mail scanner, or somebody the mail was forwarded to",
        "之后没有该线索的页面活动：可能是邮件安全扫描，或邮件被转发给他人",
    ),
}


def why(click: Click, language: Language) -> str:
    """Return the reason for which a click is confirmed or discounted.

    >>> why(Click("GET", "mail_click", Reading(42_300)), "en")
    'confirmed by 42 s of reading'
    """
    seconds = click.reading.engaged_ms // 1000 if click.reading is not None else 0
    if click.confirmed:
        reason = "read"
    elif click.label in WORDS:
        reason = click.label
    elif click.method == "HEAD":
        reason = "head"
    else:
        reason = "nothing" if click.reading is None else "glanced"
    return pick(WORDS[reason], language).format(n=seconds)
