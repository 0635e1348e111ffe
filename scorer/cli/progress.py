"""A progress bar for what can be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def counting_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what to tell progress to. The bar is on stderr, and only where somebody looks at it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        shown = bar.add_task(title, total=None)
        yield lambda done, of: bar.update(shown, completed=done, total=of)
