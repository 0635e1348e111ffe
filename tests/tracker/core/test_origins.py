"""What an origin says: allowed or not, of one site or of two."""

from __future__ import annotations

import pytest

from tracker.core.domains import registrable_domain
from tracker.core.origins import host_name, origin_allowed, shared_domain


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        ("https://a.example", (), True),
        ("null", (), True),
        ("https://a.example", ("https://a.example",), True),
        ("https://a.example", ("https://b.example",), False),
        ("http://a.example", ("https://a.example",), False),
        ("https://a.example:8443", ("https://a.example",), False),
        ("https://x.a.example", ("https://*.a.example",), True),
        ("https://x.y.a.example", ("https://*.a.example",), True),
        ("https://a.example", ("https://*.a.example",), False),
        ("https://xa.example", ("https://*.a.example",), False),
        ("http://x.a.example", ("https://*.a.example",), False),
        ("https://x.a.example.evil.example", ("https://*.a.example",), False),
        ("https://x.a.example:8443", ("https://*.a.example:8443",), True),
        ("null", ("https://*.a.example",), False),
        ("", ("https://*.a.example",), False),
    ],
)
def test_an_origin_is_allowed_or_not(origin: str, allowed: tuple[str, ...], expected: bool) -> None:
    assert origin_allowed(origin, allowed) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("www.Shop.Example", "shop.example"),
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("shop.com.cn", "shop.com.cn"),
        ("ada.github.io", "ada.github.io"),
        ("www.xn--fiqs8s.example", "xn--fiqs8s.example"),
        ("co.uk", ""),
        ("github.io", ""),
        ("localhost", ""),
        ("10.0.0.1", ""),
        ("[::1]", ""),
        ("", ""),
        (".", ""),
        ("a..example", ""),
        ("shop.example.", ""),
        ("shop.example; Domain=evil.example", ""),
        ("a." * 127 + "example", ""),
    ],
)
def test_a_host_has_a_registrable_domain_or_none(host: str, expected: str) -> None:
    assert registrable_domain(host) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("www.shop.example", "t.shop.example", "shop.example"),
        ("shop.example", "shop.example", "shop.example"),
        ("shop.example", "evilshop.example", None),
        ("a.github.io", "b.github.io", None),
        ("a.github.io", "x.a.github.io", "a.github.io"),
        ("a.co.uk", "b.co.uk", None),
        ("10.0.0.1", "10.0.0.1", ""),
        ("10.0.0.1", "10.1.0.1", None),
        ("localhost", "localhost", ""),
        ("localhost", "shop.example", None),
        ("[::1]", "[::1]", ""),
        ("", "", None),
    ],
)
def test_two_hosts_share_a_domain_or_not(one: str, other: str, expected: str | None) -> None:
    assert shared_domain(one, other) == expected


def test_a_host_is_told_without_its_port() -> None:
    assert [host_name(text) for text in ("A.example:80", "a.example", "[::1]:80", "[::1]", "", ":80")] == [
        *("a.example", "a.example", "[::1]", "[::1]", "", "")
    ]
