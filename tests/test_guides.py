"""What the guides tell people to copy fits the snippet and the collector."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import ROOT, first_cells, page, public_routes, table_rows
from tracker.sites import SiteSettings
from tracker.snippet_settings import DEFAULT_PATH

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PROXY = "docs/guides/first-party-proxy.md"
OTHERS = {"data-cookieconsent"}
"""Attributes of a tag that are somebody else's."""

CALLS = {"identify", "group", "track", "page", "consent", "reset"}

_FENCED = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SNIPPET_TAG = re.compile(r"<script\b[^>]*src=\"https://(?:warmtrail|t|www)\.example\.com[^>]*>")


def code(name: str, language: str) -> list[str]:
    """The blocks of a page in one language."""
    return [text for kind, text in _FENCED.findall(page(name)) if kind == language]


def nginx_paths() -> dict[str, str]:
    """Path at the website → path at the service, as the configuration for nginx has it."""
    block = code(PROXY, "nginx")[0]
    return dict(re.findall(r"location = (\S+) +{ proxy_pass http://127\.0\.0\.1:8700(\S+);", block))


def test_both_proxies_pass_the_same_paths_on_to_routes_of_the_collector() -> None:
    caddy = code(PROXY, "caddyfile")[0]
    assert dict(re.findall(r"rewrite (\S+) (\S+)", caddy)) == nginx_paths()
    matched = re.search(r"@warmtrail path (.+)", caddy)
    assert matched is not None
    assert matched[1].split() == list(nginx_paths())
    assert set(nginx_paths().values()) - set(public_routes()) == set()


def test_all_that_the_proxied_tag_asks_for_is_passed_on() -> None:
    tag = re.search(r'src="https://www\.example\.com(/\S+?)\?key=wk_…" data-path="(\S+)"', code(PROXY, "html")[0])
    assert tag is not None
    script, endpoint = tag.groups()
    assert "script.src.replace(/\\.js\\b/, '-panel.js')" in page("static/snippet.js")
    asked = {
        script: "/snippet.js",
        script.replace(".js", "-panel.js"): "/snippet-panel.js",
        script.replace(".js", "-links.js"): "/snippet-links.js",
        endpoint: DEFAULT_PATH,
    }
    assert asked == nginx_paths()


def test_every_attribute_of_the_snippet_has_a_row_and_none_is_made_up() -> None:
    read = {f"data-{name}" for name in re.findall(r"\bconfig\.(\w+)", page("static/snippet.js"))}
    read |= {f"data-{name}" for name in re.findall(r"\bdataset\.(\w+)", page("static/links.js"))}
    assert {name for name in first_cells(page("docs/snippet.md")) if name.startswith("data-")} == read


def test_the_settings_beside_the_attributes_exist() -> None:
    rows = [row for row in table_rows(page("docs/snippet.md")) if row[0].startswith("`data-")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[1])} - {"WARMTRAIL_COLLECT_PREFIX"}
    assert named - set(SiteSettings.__struct_fields__) == set()
    assert {"respect_gpc", "consent", "linked_domains", "hash_routes", "idle_seconds"} - named == set()


def test_every_guide_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", page("docs/guides/README.md")))
    assert linked == {guide.name for guide in GUIDES} - {"README.md"}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_tags_and_calls_to_be_copied_are_ones_that_there_are(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    known = first_cells(page("docs/snippet.md")) | OTHERS
    used = {name for tag in _SNIPPET_TAG.findall(text) for name in re.findall(r"\bdata-[\w-]+", tag)}
    assert used - known == set()
    pushed = re.findall(r"(?:push|tell)\(\[\s*[\"'](\w+)[\"']", text)
    assert set(pushed) - CALLS == set()
