"""The pages that are visited. ``{{tag}}`` becomes the script tag of the tracker, ``{{port}}`` the server's port."""

from __future__ import annotations

from bench.snippet.links import LINKS

_HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,">'
_TALL = '<body style="height: 4000px; margin: 0"><p><a id="next" href="/next.html">next</a>'
# Notes when a link was clicked; the page it leads to notes when it began.
_CLICKED = "<script>addEventListener('click', () => { sessionStorage.clicked = Date.now() }, true)</script>"
_BEGUN = "<script>window.begun = Date.now()</script>"
_RULES = (
    '<script type="speculationrules">{"prerender": [{"urls": ["/prerendered.html"], "eagerness": "immediate"}]}</script>'
)
_GO = "<script>setTimeout(() => { location.href = '/prerendered.html' }, 1500)</script>"


def _page(title: str, body: str) -> str:
    return _HEAD.format(title=title) + body + "</html>\n"


PAGES = {
    "/page.html": _page("Page", _TALL + "{{tag}}"),
    "/next.html": _page("Next", _BEGUN + _TALL + "{{tag}}"),
    "/plain.html": _page("Plain", "<p>No tracker here."),
    "/twice.html": _page("Twice", _TALL + "{{tag}}{{tag}}"),
    "/clicked.html": _page("Clicked", _CLICKED + _TALL + "{{tag}}"),
    "/links.html": _page("Links", LINKS + "{{tag}}"),
    # Loads the next page in advance; the second one also goes there.
    "/prerender.html": _page("Prerender", "<p>Wait." + _RULES),
    "/prerender-and-go.html": _page("Prerender", "<p>Wait." + _RULES + _GO),
    "/prerendered.html": _page("Prerendered", _TALL + "{{tag}}"),
}
