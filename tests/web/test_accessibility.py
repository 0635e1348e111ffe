"""Every page in a browser: nothing that the rules of axe complain of, in both languages and themes, and it fits a phone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from scorer.core.labels import Language
from scorer.web.call import Theme
from tests.web.served import HEIGHT, Served, Width
from tests.web.shown_pages import PAGES, ShownPage

RULES: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
SEEN: list[tuple[Language, Theme, Width]] = [("en", "light", 1280), ("zh", "dark", 390)]
"""Each language, theme and width once: what one of them does to a page doesn't depend on the others."""


@pytest.mark.parametrize(("language", "theme", "width"), SEEN, ids=("en", "zh"))
@pytest.mark.parametrize("shown", [one for one in PAGES if one.in_every_world], ids=lambda one: one.name)
def test_a_page_is_for_everybody(served: Served, shown: ShownPage, language: Language, theme: Theme, width: Width) -> None:
    who = served.user("admin", language) if shown.signed_in else None
    locale = "zh-CN" if language == "zh" else "en-GB"
    # Without motion: a button that is half way from one theme to the other has the contrast of neither.
    with served.visiting(who, theme=theme, locale=locale, reduced_motion="reduce") as context:
        page, said = context.new_page(), list[str]()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        answer = page.goto(served.path_of(page, shown.path))
        assert answer is not None
        assert answer.status == shown.status
        page.set_viewport_size({"width": width, "height": HEIGHT[width]})
        assert violations(page) == []
        page.set_viewport_size({"width": 390, "height": HEIGHT[390]})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert [text for text in said if str(shown.status) not in text] == []


def violations(page: Page) -> list[str]:
    """What axe complains of, in short."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("(rules) => axe.run(rules)", RULES)["violations"]
    return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]
