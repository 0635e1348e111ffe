"""What the snippet is told of a site's settings, and the tags that bring it into a page."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.assets import Frozen, Release
from tracker.sites import SiteSettings
from tracker.snippet_settings import snippet_settings
from tracker.snippet_tags import SnippetTags, snippet_tags

TOLD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing chosen": ({}, {}),
    "what concerns the server only": (
        {"origins": ("https://a.example",), "time_zone": "Asia/Shanghai", "language": "zh", "visit_gap_minutes": 9},
        {},
    ),
    "GPC alone": ({"respect_dnt": False}, {"respect": "gpc"}),
    "DNT alone": ({"respect_gpc": False}, {"respect": "dnt"}),
    "neither": ({"respect_gpc": False, "respect_dnt": False}, {"respect": "none"}),
    "consent": ({"consent": "required"}, {"consent": "required"}),
    "cookieless": ({"consent": "cookieless"}, {"consent": "cookieless"}),
    "idle": ({"idle_seconds": 5}, {"idle": 5}),
    "fragments": ({"hash_routes": True}, {"hash": 1}),
    "parameters": ({"strip_parameters": ("token", "user[email]")}, {"strip": "token,user[email]"}),
    "downloads": ({"download_extensions": ("pdf", "zip")}, {"downloads": "pdf,zip"}),
    "domains": ({"linked_domains": ("example.cn", "shop.example")}, {"domains": "example.cn,shop.example"}),
}


@pytest.mark.parametrize(("settings", "told"), TOLD.values(), ids=TOLD)
def test_what_differs_from_the_defaults_is_told(settings: dict[str, Any], told: dict[str, Any]) -> None:
    assert snippet_settings(SiteSettings(**settings), "/v1", "wk_1") == {"key": "wk_1"} | told


def test_every_setting_that_is_the_snippet_s_is_told() -> None:
    mine = {"origins", "time_zone", "language", "visit_gap_minutes", "own_networks", "server_events", "blocked_referrers"}
    mine |= {"observe_seconds", "no_ip", "requires_consent", "keep_parameters"}
    learning = {"learning_horizon_days", "learning_promotes", "goal_events", "explore_percent", "lost_reasons"}
    assert {name for settings, told in TOLD.values() if told for name in settings} | mine | learning == set(
        SiteSettings.__struct_fields__
    )


def test_another_path_is_told() -> None:
    assert snippet_settings(SiteSettings(), "/t", "wk_1") == {"key": "wk_1", "path": "/t/batch"}


def test_the_three_tags_say_the_same() -> None:
    settings = SiteSettings(consent="required", hash_routes=True, strip_parameters=("a", "b"))
    told = snippet_settings(settings, "/t", "wk_1")
    release = Release("0.1.0", "snippet-0.1.0.js", "sha384-abc")
    attributes = 'data-key="wk_1" data-path="/t/batch" data-consent="required" data-hash data-strip="a,b"'
    assert snippet_tags("https://t.example", told, release) == SnippetTags(
        short='<script async src="https://t.example/snippet.js?key=wk_1"></script>',
        attributes=f'<script async src="https://t.example/snippet.js" {attributes}></script>',
        pinned='<script async src="https://t.example/snippet-0.1.0.js" integrity="sha384-abc" crossorigin="anonymous" '
        f"{attributes}></script>",
    )


def test_linked_domains_need_a_tag_of_their_own_before_the_snippet_s() -> None:
    told = snippet_settings(SiteSettings(linked_domains=("a.cn", "b.cn")), "/v1", "wk_1")
    release = Release("0.1.0", "snippet-0.1.0.js", "sha384-abc", Frozen("snippet-0.1.0-links.js", "sha384-xyz"))
    assert snippet_tags("https://t.example", told, release) == SnippetTags(
        short='<script async src="https://t.example/snippet.js?key=wk_1"></script>',
        attributes='<script defer src="https://t.example/snippet-links.js" data-domains="a.cn,b.cn"></script>\n'
        '<script defer src="https://t.example/snippet.js" data-key="wk_1"></script>',
        pinned='<script defer src="https://t.example/snippet-0.1.0-links.js" integrity="sha384-xyz" '
        'crossorigin="anonymous" data-domains="a.cn,b.cn"></script>\n'
        '<script defer src="https://t.example/snippet-0.1.0.js" integrity="sha384-abc" crossorigin="anonymous" '
        'data-key="wk_1"></script>',
    )


def test_without_a_built_file_there_is_nothing_to_pin() -> None:
    assert snippet_tags("https://t.example", {"key": "wk_1"}, None).pinned == ""
