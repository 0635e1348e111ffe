"""The links of the download truth table, and whether each of them is a download."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

_NUMBER = count(1)


@dataclass(frozen=True)
class Link:
    """A link and what a visitor does with it. Its mark, in every address, tells which events are about it."""

    name: str
    mark: str
    html: str
    act: str = "click"
    is_download: bool = True


def _link(name: str, html: str, act: str = "click", *, is_download: bool = True) -> Link:
    mark = f"zq{next(_NUMBER):02}z"  # no part of a hexadecimal id looks like it
    return Link(name, mark, html.replace("MARK", mark), act.replace("MARK", mark), is_download)


def _plain(address: str, act: str = "click", *, name: str = "", is_download: bool = True) -> Link:
    html = f'<a id="MARK" href="{address}">MARK</a>'
    return _link(name or f"`{address.replace('/MARK/', '')}`", html, act, is_download=is_download)


_FILES = "http://files.localhost:{{port}}"
_SHADOW = """<div id="MARK" style="display: inline-block">
<template shadowrootmode="{}"><a href="/MARK/report.pdf">MARK</a></template></div>"""
_DETACHED = "Object.assign(document.createElement('a'), {href: '/MARK/report.pdf'}).click()"
_BLOB = """<a id="MARK" download="MARK.csv">MARK</a>
<script>document.getElementById('MARK').href = URL.createObjectURL(new Blob(['a,b']))</script>"""

CASES = [
    _plain("/MARK/report.pdf"),
    _plain("/MARK/report.PDF"),
    _plain("/MARK/report.pdf#page=2"),
    _plain("/MARK/report.pdf?v=1"),
    _plain("/MARK/dl?file=report.pdf"),
    _plain("/MARK/report.doc"),
    _plain("/MARK/slides.odp"),
    _plain("/MARK/book.epub"),
    _link("`download` attribute, no extension", '<a id="MARK" href="/MARK/export" download>MARK</a>'),
    _link("`blob:`", _BLOB),
    _link("`data:`", '<a id="MARK" href="data:text/csv,a" download="MARK.csv">MARK</a>'),
    _plain(f"{_FILES}/MARK/report.pdf", name="a file on another host: a download, not an outbound link"),
    _link(
        "link in an SVG",
        '<svg width="90" height="20"><a id="MARK" href="/MARK/report.pdf"><text y="15">MARK</text></a></svg>',
    ),
    _link("link in an open shadow root", _SHADOW.format("open")),
    _link("link in a closed shadow root", _SHADOW.format("closed")),
    _link("click on an element in a link", '<a href="/MARK/report.pdf"><span><b id="MARK">MARK</b></span></a>'),
    _plain("/MARK/report.pdf", "middle", name="middle click"),
    _plain("/MARK/report.pdf", "control", name="click with Control"),
    _plain("/MARK/report.pdf", "enter", name="Enter key"),
    _plain("/MARK/photo.jpg", is_download=False),
    _plain("/MARK/page.html", is_download=False),
    _plain(
        f"{_FILES}/MARK/share?url=https://site.localhost/report.pdf",
        name="`share?url=https://…/report.pdf` on another host",
        is_download=False,
    ),
    _link("detached `a.click()` by a script", "", _DETACHED),
    _link("`location.href = 'report.pdf'`", "", "location.href = '/MARK/report.pdf'"),
    _link("`window.open('report.pdf')`", "", "window.open('/MARK/report.pdf')"),
]

LINKS = "".join(f"<p>{case.html}</p>\n" for case in CASES)
