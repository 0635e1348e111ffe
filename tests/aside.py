"""Event loops of tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")


def run_aside(work: Coroutine[Any, Any, Found]) -> Found:
    """Run *work* in a loop of its own: a browser that other tests drive may have one running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work)).result()
