"""Help in Chinese, and click's own texts: catalogue ``translations/zh/LC_MESSAGES/messages.po`` (compiled: ``.mo``).

The English texts stand where click wants them: docstrings of commands, ``help`` of options.
"""

from __future__ import annotations

import copy
import gettext
import inspect
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import click
from click.formatting import measure_table
from rich.cells import cell_len

from tracker.core.labels import Language

TRANSLATIONS: Final = Path(__file__).parent / "translations"
_DOMAIN: Final = "messages"
"""gettext's own, in which click looks for its texts."""
_UNIT: Final = re.compile(r"[!-~]+[，。；：、！？）”]*|[^!-~\s][，。；：、！？）”]*|\s+")
"""What a line isn't broken within: an English word, or a Chinese sign, with the marks behind it."""
Translated = TypeVar("Translated", bound=click.Command)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Have gettext, and by it click, speak a language."""
    gettext.bindtextdomain(_DOMAIN, TRANSLATIONS)
    before = os.environ.get("LANGUAGE")
    os.environ["LANGUAGE"] = language  # also for English: else it would go by the system's
    try:
        yield
    finally:
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before


def texts_of(command: click.Command) -> Iterator[str]:
    """Yield the texts of a command's help that are translated; not those of the commands in a group."""
    if command.help:
        yield inspect.cleandoc(command.help)
    for param in command.params:
        if isinstance(param, click.Option | click.Argument) and param.help:
            yield inspect.cleandoc(param.help)
        if isinstance(param, click.Option) and isinstance(param.show_default, str):
            yield param.show_default
    yield from (text for text in (command.options_metavar, getattr(command, "subcommand_metavar", None)) if text)


def in_chinese(command: Translated) -> Translated:
    """Return a copy of *command* whose help is in the language that gettext speaks, laid out for Chinese."""
    copied = copy.copy(command)
    copied.help = _(command.help)
    copied.short_help = copied.help and copied.help.partition("。")[0]
    copied.options_metavar = _(command.options_metavar)
    copied.params = [_param(param) for param in command.params]
    copied.context_class = _Context
    copied._help_option = None  # click keeps --help once it has made it, in whatever language that was
    if isinstance(copied, click.Group):
        copied.subcommand_metavar = _(copied.subcommand_metavar) or ""
        copied.commands = {name: in_chinese(one) for name, one in copied.commands.items()}
    return copied


def _param(param: click.Parameter) -> click.Parameter:
    copied = copy.copy(param)
    if isinstance(copied, click.Option | click.Argument):
        copied.help = _(copied.help)
    if isinstance(copied, click.Option) and isinstance(copied.show_default, str):
        copied.show_default = _(copied.show_default) or ""
    return copied


def _(text: str | None) -> str | None:
    return gettext.gettext(inspect.cleandoc(text)) if text else text


class _Formatter(click.HelpFormatter):
    """Lays out text in which there are no spaces, and whose signs are two columns wide."""

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        super().write_text(wrapped(text, self.width - self.current_indent))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms and what they are about in two columns."""
        rows = list(rows)
        first = min(measure_table(rows)[0], col_max) + col_spacing
        width = max(self.width - self.current_indent - first, 20)
        super().write_dl([(term, wrapped(text, width)) for term, text in rows], col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


def wrapped(text: str, width: int) -> str:
    r"""Return *text* broken into lines of *width* columns that click then leaves as they are (``\b`` says so).

    >>> wrapped("读取 JSON 文件，然后退出。", 12)
    '\x08\n读取 JSON 文\n件，然后退\n出。'
    """
    paragraphs = []
    for paragraph in text.split("\n\n"):
        lines = [""]
        for unit in _UNIT.findall(" ".join(paragraph.removeprefix("\b\n").splitlines())):
            if cell_len(lines[-1]) + cell_len(unit.rstrip()) > width and lines[-1]:
                lines.append("")
            lines[-1] += unit if lines[-1] else unit.lstrip()
        paragraphs.append("\b\n" + "\n".join(line.rstrip() for line in lines))
    return "\n\n".join(paragraphs)
