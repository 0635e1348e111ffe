"""The cookie that keeps the visitor's id: for whom, and in which words. When a request may set one: test_collect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.identity_cookie import identity_cookie

REST = "Path=/; Max-Age=34000000; SameSite=Lax"


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("https://www.shop.example", "t.shop.example", f"_wt=v; Domain=shop.example; {REST}; Secure"),
        ("http://www.shop.example", "t.shop.example", f"_wt=v; Domain=shop.example; {REST}"),
        ("https://www.shop.example:8443", "T.Shop.Example:8700", f"_wt=v; Domain=shop.example; {REST}; Secure"),
        ("https://a.github.io", "t.a.github.io", f"_wt=v; Domain=a.github.io; {REST}; Secure"),
        ("http://127.0.0.1:3000", "127.0.0.1:8700", f"_wt=v; {REST}"),
        ("http://[::1]:3000", "[::1]:8700", f"_wt=v; {REST}"),
        ("http://localhost:3000", "localhost:8700", f"_wt=v; {REST}"),
        ("http://localhost", "127.0.0.1", ""),
        ("http://10.0.0.1", "11.0.0.1", ""),
        ("https://a.github.io", "b.github.io", ""),
        ("https://a.co.uk", "b.co.uk", ""),
        ("https://shop.example", "warmtrail.example", ""),
        ("https://shop.example.evil.example", "shop.example", ""),
        ("null", "null", ""),
        ("file://", "", ""),
        ("app://shop.example", "shop.example", ""),
        ("https://", "", ""),
        ("https://shöp.example", "shöp.example", ""),
        ("https://" + "a" * 300 + ".shop.example", "shop.example", ""),
        (None, "shop.example", ""),
        ("https://shop.example", None, ""),
    ],
)
def test_it_is_for_pages_of_the_collector_s_own_site(origin: str | None, host: str | None, expected: str) -> None:
    assert identity_cookie("v", origin, host, None) == expected


@pytest.mark.parametrize("visitor", ["", "a b", "a;b", "v\n", "é", "1" * 65, "user:1", "a.b"])
def test_it_holds_only_what_the_snippet_makes(visitor: str) -> None:
    assert identity_cookie(visitor, "https://shop.example", "shop.example", None) == ""


@pytest.mark.parametrize(
    ("cookies", "is_set"),
    [
        ("", True),
        ("_wt=v", True),
        ("a=1;_wt=v ; b=2", True),
        ("x_wt=w; _wtq=w; a=_wt=w", True),
        ("_wt=w", False),
        ("_wt=0", False),
        ("_wt=", False),
        ("a=1; _wt=v; _wt=0", False),
    ],
)
def test_it_overrules_no_other_that_the_browser_has(cookies: str, is_set: bool) -> None:
    assert bool(identity_cookie("v", "https://shop.example", "shop.example", cookies)) is is_set


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_is_sent_writes_a_header_of_its_own(visitor: str, origin: str, host: str, cookies: str) -> None:
    made = identity_cookie(visitor, f"https://{origin}", host, cookies)
    assert made.isascii()
    assert made.isprintable()
    assert made.count(";") in (0, 4, 5)
