"""In which language a command speaks: ``--lang``, else ``WARMTRAIL_LANGUAGE``, else English. Errors are told in it, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, TypeVar

import click

from tracker.core.labels import LabelledError, Language, pick

_VARIABLE: Final = "WARMTRAIL_LANGUAGE"
_ASKED_FOR: Final = "warmtrail.language"
_LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
Command = TypeVar("Command", bound=Callable[..., Any])


class Mistake(LabelledError):
    """What was typed names something that isn't there, or can't be: exit code 2. Other errors that carry labels: 1."""


class Told(click.ClickException):
    """An error as it is told: its words in one language, with nothing around them but the program's name."""

    exit_code = 1

    def __init__(self, error: LabelledError, language: Language) -> None:
        super().__init__(pick(error.label, language))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it to stderr."""
        click.echo(f"warmtrail: {self.message}", file=file, err=file is None)


class ToldMistake(Told):
    """The same of a ``Mistake``."""

    exit_code = 2


def told(error: LabelledError, context: click.Context) -> Told:
    """Return *error* as whoever ran something in *context* is told of it."""
    kind = ToldMistake if isinstance(error, Mistake) else Told
    return kind(error, language_of(context))


def language_option(command: Command) -> Command:
    """Add ``--lang``, with its value as ``language``."""
    return _option(command, is_passed=True)


def error_language_option(command: Command) -> Command:
    """Add ``--lang`` to a command that has nothing to say but errors."""
    return _option(command, is_passed=False)


def _option(command: Command, *, is_passed: bool) -> Command:
    option = click.option(
        "--lang",
        "language",
        type=click.Choice(_LANGUAGES),
        is_eager=True,
        expose_value=is_passed,
        callback=_remember,
        help="Language of what is printed; without it, that of WARMTRAIL_LANGUAGE.",
    )
    return option(command)


def language_of(context: click.Context) -> Language:
    """The language of whatever was run in *context*, told before its options were read or not."""
    return told_language(context) or "en"


def told_language(context: click.Context) -> Language | None:
    """The language that somebody asked for; ``None`` where it is English for want of a wish."""
    asked: Language | None = context.meta.get(_ASKED_FOR)
    return asked or _language_set()


def language_of_words(words: Sequence[str]) -> Language:
    """The language of help and complaints, which are told before the *words* of the command line are understood."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--":
            break
        asked = following if word == "--lang" else word.removeprefix("--lang=")
        for language in _LANGUAGES:
            if asked == language and word.startswith("--lang"):
                return language
    return _language_set() or "en"


def _language_set() -> Language | None:
    return next((language for language in _LANGUAGES if language == os.environ.get(_VARIABLE)), None)


def _remember(context: click.Context, _: click.Parameter, language: Language | None) -> Language:
    if language is not None:  # else it may have been asked for in front of the command
        context.meta[_ASKED_FOR] = language
    return language_of(context)
