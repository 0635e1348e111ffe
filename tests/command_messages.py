"""The texts of ``--help`` and of click's complaints, which ``tests.messages`` brings into the catalogue of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract

from scorer.cli import cli
from scorer.cli.help import TRANSLATIONS, texts_of

PO = TRANSLATIONS / "zh" / "LC_MESSAGES" / "messages.po"
_CLICK = Path(click.__file__).parent
_MODULES = ("core", "decorators", "exceptions", "formatting", "parser", "types")
_NOT_TOLD = {
    # What only somebody who writes commands can do wrong, or asks of click.
    *("Name '{name}' defined twice", "Boolean option {decl!r} cannot use the same flag for true/false."),
    *("Could not determine name for option with declarations {decls!r}", "Choice({choices})"),
    *("Arguments take exactly one parameter declaration, got {length}: {decls}.", "Value must be an iterable."),
    *("Do you want to continue?", "Confirm the action without prompting.", "Choose from:\n\t{choices}"),
    *("Invalid start character for option ({option})", "{value!r} is not a valid UUID."),
    # Read once, when a module is loaded.
    *("file", "directory", "path", "%(prog)s, version %(version)s"),
}


def found() -> Catalog:
    """The texts of the commands and of click, without translations."""
    catalog = Catalog(locale="zh", domain="messages", charset="utf-8", fuzzy=False)
    for name, text in _of(cli, click.Context(cli)):
        catalog.add(text, locations=[(name, 0)])
    for module in _MODULES:
        with (_CLICK / f"{module}.py").open("rb") as file:
            for _, found_text, _, _ in extract("python", file, {"_": None, "ngettext": (1, 2)}):
                first = found_text if isinstance(found_text, str) else found_text[0]
                if first not in _NOT_TOLD and not first.startswith(("DeprecationWarning", "No options defined")):
                    catalog.add(found_text, locations=[("click", 0)])
    return catalog


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[list[str], click.Command]]:
    """Yield a command and all below it, each with the words that call it."""
    yield [], command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from (([name, *words], one) for words, one in commands(below, context))


def _of(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for words, one in commands(command, context):
        for text in texts_of(one):
            yield words[0] if words else "warmtrail", text
