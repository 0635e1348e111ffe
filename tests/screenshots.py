"""Pictures of every page, in both languages, light and dark, on a desk and on a phone. ``python3 dev.py screenshots``."""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from dev import ROOT
from scorer.demo.run import SALESPERSON, STORY_SITE
from tests.chromium import launch
from tests.web.demonstrated import add_outlets
from tests.web.shown_pages import FIRST_OF, PAGES, ShownPage, placeholder_of

FOLDER = ROOT / "screenshots"
HEIGHTS = {1280: 900, 390: 844}
READY_SECONDS = 240


def main(arguments: list[str]) -> int:
    """Take the pictures; return 1 if a page could not be had."""
    parser = argparse.ArgumentParser(prog="dev.py screenshots", allow_abbrev=False)
    parser.add_argument("names", nargs="*", help="of the pages (default: all)")
    parser.add_argument("--url", help="of a demonstration that runs already, with --data-dir (default: start one)")
    parser.add_argument("--data-dir", type=Path, help="of that demonstration")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder of the pictures (default: screenshots)")
    asked = parser.parse_args(arguments)
    unknown = set(asked.names) - {one.name for one in PAGES}
    if unknown or (asked.url is None) != (asked.data_dir is None):
        parser.error(f"there is no page {', '.join(unknown)}" if unknown else "--url and --data-dir belong together")
    asked.into.mkdir(parents=True, exist_ok=True)
    wanted = [one for one in PAGES if one.name in asked.names or not asked.names]
    with (
        demonstration(asked.url, asked.data_dir) as (url, password),
        sync_playwright() as driver,
        launch(driver) as browser,
    ):
        missing = take(browser, url, password, wanted, asked.into)
    for name in missing:
        print(f"not had: {name}")
    return 1 if missing else 0


def take(browser: Browser, url: str, password: str, wanted: list[ShownPage], into: Path) -> list[str]:
    """Take all pictures; return the names of those that could not be taken."""
    missing = []
    for language in ("en", "zh"):
        cookies = signed_in(browser, url, password, language)
        for theme in ("light", "dark"):
            for width, height in HEIGHTS.items():
                options: dict[str, Any] = {"base_url": url, "viewport": {"width": width, "height": height}}
                options |= {"locale": "zh-CN" if language == "zh" else "en-GB", "timezone_id": "Europe/Berlin"}
                with browser.new_context(**options, device_scale_factor=2 if width == 390 else 1) as context:
                    context.add_cookies([*cookies, {"name": "warmtrail_theme", "value": theme, "url": url}])
                    for one in wanted:
                        if not one.signed_in:
                            context.clear_cookies(name="warmtrail_session")
                        page = context.new_page()
                        name = f"{one.name}-{language}-{theme}-{width}"
                        if not shoot(page, one, into / f"{name}.png"):
                            missing.append(name)
                        page.close()
                        context.add_cookies(cookies)
    return missing


def shoot(page: Page, one: ShownPage, file: Path) -> bool:
    """Take one picture; return whether there was such a page."""
    path, kind = one.path, placeholder_of(one.path)
    if kind is not None:
        on, pattern = FIRST_OF[kind]
        found = pattern.search(page.request.get(on).text())
        if found is None:
            return False
        path = path.replace(f"{{{kind}}}", found[1])
    answer = page.goto(path)
    page.wait_for_timeout(150)  # for a first answer to what scripts ask
    page.screenshot(path=file, full_page=True)
    return answer is not None and answer.status == one.status


def signed_in(browser: Browser, url: str, password: str, language: str) -> list[Any]:
    """Return the cookies of somebody who is signed in and reads this language."""
    with browser.new_context(base_url=url, timezone_id="Europe/Berlin") as context:
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("[name=email]", SALESPERSON)
        page.fill("[name=password]", password)
        page.click("main button")
        page.wait_for_url("**/hot")
        page.goto("/settings")
        page.select_option("[name=language]", language)
        page.click("main form[action='/settings'] button")
        page.wait_for_url("**/settings")
        if found := re.search(rf'<option value="(\d+)"[^>]*>{re.escape(STORY_SITE)}<', page.content()):
            page.goto(f"/hot?site={found[1]}")
        # But for the choice of light or dark, which each picture makes for itself.
        return [one for one in context.cookies() if one.get("name") != "warmtrail_theme"]


@contextmanager
def demonstration(url: str | None, data_dir: Path | None) -> Iterator[tuple[str, str]]:
    """Yield address and password of a demonstration: the one that runs at *url*, or one that is started for the block."""
    if url is not None and data_dir is not None:
        add_outlets(data_dir)
        yield url, _password(data_dir)
        return
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        command = [sys.executable, "-m", "scorer.demo.run", "--port", str(port), "--data-dir", folder]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            _wait_until_shown(process)
            add_outlets(Path(folder))
            yield f"http://127.0.0.1:{port}", _password(Path(folder))
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_shown(process: subprocess.Popen[str]) -> None:
    """Read what the demonstration prints until it says how to stop it."""
    assert process.stdout is not None
    until = time.monotonic() + READY_SECONDS
    for line in process.stdout:
        if "Ctrl-C" in line:
            return
        if time.monotonic() > until:
            break
    raise SystemExit("The demonstration did not start.")


def _password(data_dir: Path) -> str:
    password: str = json.loads((data_dir / "demo.json").read_bytes())["password"]
    return password


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
