"""The script tag that puts the snippet into a page, in the forms that there are."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import msgspec

from tracker.assets import Release


class SnippetTags(msgspec.Struct, frozen=True):
    """Three ways that do the same; each a tag, or two in order."""

    short: str
    """The settings come with the file, and change with the site's."""
    attributes: str
    """The settings stand in the tag."""
    pinned: str
    """The same, and the browser runs this very version or none. Empty where the installation lacks the built file."""


def snippet_tags(base_url: str, told: Mapping[str, str | int], release: Release | None) -> SnippetTags:
    """Return the tags for a service at *base_url* and what the snippet is to be told (see ``snippet_settings``)."""
    said = {name: "data-hash" if name == "hash" else f'data-{name}="{escape(str(value))}"' for name, value in told.items()}
    domains = said.pop("domains", "")
    attributes = " ".join(said.values())

    def tags(file: str, links: str) -> str:
        if not domains:
            return f"<script async {file} {attributes}></script>"
        # The part for linked domains must run before the snippet. Deferred scripts keep their order, asynchronous don't.
        return f"<script defer {links} {domains}></script>\n<script defer {file} {attributes}></script>"

    def frozen(file: str, sha384: str) -> str:
        return f'src="{base_url}/{file}" integrity="{sha384}" crossorigin="anonymous"'

    links = release.links if release is not None else None
    pinned = ""
    if release is not None and (links is not None or not domains):
        pinned = tags(frozen(release.file, release.sha384), frozen(links.file, links.sha384) if links is not None else "")
    return SnippetTags(
        short=f'<script async src="{base_url}/snippet.js?key={escape(str(told["key"]))}"></script>',
        attributes=tags(f'src="{base_url}/snippet.js"', f'src="{base_url}/snippet-links.js"'),
        pinned=pinned,
    )
