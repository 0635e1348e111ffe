"""Which script tags of a page are the snippet's, and whose key they bear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.page_tags import SnippetTag, read_page

PAGE = "https://www.shop.example/a/b"
T = "https://t.shop.example"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (f'<script async src="{T}/snippet.js?key=wk_1"></script>', [(f"{T}/snippet.js?key=wk_1", "wk_1")]),
        (f"<SCRIPT SRC='{T}/snippet.js' DATA-KEY=wk_1></SCRIPT>", [(f"{T}/snippet.js", "wk_1")]),
        (f'<script src="{T}/snippet-0.1.0.js" data-key="wk_1">', [(f"{T}/snippet-0.1.0.js", "wk_1")]),
        (f'<script src="{T}/snippet.js?key=wk_1" data-key="wk_2">', [(f"{T}/snippet.js?key=wk_1", "wk_2")]),
        (f'<script src="{T}/snippet-0.1.0.js?key=wk_1">', [(f"{T}/snippet-0.1.0.js?key=wk_1", "")]),
        (f'<script src="{T}/snippet.js">', [(f"{T}/snippet.js", "")]),
        ('<script src="/renamed.js" data-key="wk_1">', [("https://www.shop.example/renamed.js", "wk_1")]),
        ('<script src="/w/app.js?key=wk_1">', [("https://www.shop.example/w/app.js?key=wk_1", "wk_1")]),
        ('<script src="/maps.js?key=AIza">', []),
        ('<script src="snippet.js?a=1&amp;key=wk_1">', [("https://www.shop.example/a/snippet.js?a=1&key=wk_1", "wk_1")]),
        ('<base href="/c/"><base href="/d/"><script src="snippet.js">', [("https://www.shop.example/c/snippet.js", "")]),
        ('<script src="//t.shop.example/snippet.js">', [(f"{T}/snippet.js", "")]),
        ('<script src="a/snippet.js" src="b.js">', [("https://www.shop.example/a/a/snippet.js", "")]),
        (f'<script src="{T}/snippet.js" data-key="sk_1">', [(f"{T}/snippet.js", "sk_1")]),
        (f'<!-- <script src="{T}/snippet.js"></script> -->', []),
        (f'<noscript><script src="{T}/snippet.js"></script></noscript>', []),
        (f'<template><script src="{T}/snippet.js"></script></template>', []),
        (f'<noscript></noscript><script src="{T}/snippet.js">', [(f"{T}/snippet.js", "")]),
        (f"<script>document.write('<script src=\"{T}/snippet.js\">')</script>", []),
        ('<script src="/other.js"></script><script>1</script><script src></script>', []),
        ('<script src="http://[/snippet.js"></script>', []),
        (f'<script src="{T}/snippet-links.js"></script><script src="{T}/snippet-0.1.0-links.js"></script>', []),
        (f'<script src="{T}/snippet-0.1.0-panel.js"></script>', []),
        ("<![broken", []),
    ],
)
def test_the_snippet_s_tags_are_found(html: str, found: list[tuple[str, str]]) -> None:
    assert [(tag.src, tag.key) for tag in read_page(f"<html><head>{html}</head></html>", PAGE).tags] == found


def test_policies_and_tag_managers_are_found() -> None:
    html = (
        "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'\"><meta name=description content=x>"
        '<script src="https://www.googletagmanager.com/gtm.js?id=GTM-1"></script>'
    )
    found = read_page(html, PAGE)
    assert (found.policies, found.tag_managers) == (["script-src 'self'"], ["Google Tag Manager"])


@pytest.mark.parametrize(
    ("file", "linked"), [("snippet-links.js", "a.cn"), ("snippet-0.1.0-links.js", "a.cn"), ("snippet.js", None)]
)
def test_what_the_part_for_linked_domains_is_told_is_found(file: str, linked: str | None) -> None:
    assert read_page(f'<script src="{T}/{file}" data-domains="a.cn"></script>', PAGE).linked == linked


def test_a_frozen_file_names_its_version() -> None:
    names = ("snippet.js", "snippet-0.1.0.js", "snippet-1.2.3-rc.1.js")
    assert [SnippetTag(f"{T}/{name}", {}).version_asked for name in names] == ["", "0.1.0", "1.2.3-rc.1"]


@given(st.text(alphabet="<>/!=-\"' \n&;[]?abcscriptsrctemplate", max_size=200))
def test_no_page_stops_the_reading(html: str) -> None:
    read_page(html, PAGE)
