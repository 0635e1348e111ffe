"""What may come of leads, and what goes before wins, in a real browser: axe complains of nothing, on a desk and a phone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from playwright.sync_api import Browser

from tests.factories import World
from tests.web.served import HEIGHT, Served, serving
from tests.web.test_accessibility import violations
from tests.web.test_content_insight_pages import settle


@pytest.fixture(scope="module")
def settled(browser: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A world with deals, and content that goes before them."""
    path = tmp_path_factory.mktemp("insight") / "warmtrail.db"
    copy(migrated_sqlite, path)
    world = World(f"sqlite:///{path}", now=int(time.time() * 1000))
    with serving(world, browser) as made:
        settle(made.web)
        yield made
    world.database.close()


@pytest.mark.parametrize("path", ["/reports/content", "/reports", "/hot", "/leads/{lead}"])
def test_it_is_for_everybody(settled: Served, path: str) -> None:
    with settled.visiting(settled.user("sales", "zh"), theme="dark", reduced_motion="reduce") as context:
        page, said = context.new_page(), list[str]()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(settled.path_of(page, path))
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": HEIGHT[width]})  # type: ignore[index]
            assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert said == []
