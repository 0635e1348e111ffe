"""What nobody needs isn't stored: secrets in addresses and properties, numbers of cards, e-mail and network addresses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.minimising import REMOVED, Kept, is_secret, minimal_body, minimal_properties, minimal_url

ALL = Kept()
PAGE = "https://www.nordwind.example/x"
URLS: dict[str, tuple[str, Kept, str]] = {
    "nothing to take": (PAGE, ALL, PAGE),
    "other parameters stay": (f"{PAGE}?q=pumps&page=2", ALL, f"{PAGE}?q=pumps&page=2"),
    "a token": (f"{PAGE}?token=abc&q=1", ALL, f"{PAGE}?q=1"),
    "all there was": (f"{PAGE}?access_token=abc", ALL, PAGE),
    "in brackets, in code": (f"{PAGE}?user%5Bpassword%5D=abc", ALL, PAGE),
    "twice": (f"{PAGE}?password=a&Password=b", ALL, PAGE),
    "an e-mail address": (f"{PAGE}?to=ada@halden.example&q=1", ALL, f"{PAGE}?to={REMOVED}&q=1"),
    "in code": (f"{PAGE}?to=ada%40halden.example", ALL, f"{PAGE}?to={REMOVED}"),
    "in the path": (f"{PAGE}/ada.b+c@halden.example/edit", ALL, f"{PAGE}/{REMOVED}/edit"),
    "no e-mail address": (
        "https://cdn.example/npm/@vue/core@3.2.1/a.js",
        ALL,
        "https://cdn.example/npm/@vue/core@3.2.1/a.js",
    ),
    "of a route only the route": (f"{PAGE}?a=1#/prices?token=abc", ALL, f"{PAGE}?a=1#/prices"),
    "only those listed": (f"{PAGE}?q=1&page=2", Kept(only=frozenset(["page"])), f"{PAGE}?page=2"),
    "campaigns with them": (
        f"{PAGE}?q=1&utm_source=a&gclid=b",
        Kept(only=frozenset(["page"])),
        f"{PAGE}?utm_source=a&gclid=b",
    ),
    "a secret is not kept by listing it": (f"{PAGE}?token=1", Kept(only=frozenset(["token"])), PAGE),
    "never those of the other list": (f"{PAGE}?lead=7&q=1", Kept(never=frozenset(["lead"])), f"{PAGE}?q=1"),
    "of a path, too": ("/x?pin=1", ALL, "/x"),
    "the site's own address to write to": ("mailto:sales@nordwind.example", ALL, "mailto:sales@nordwind.example"),
}


@pytest.mark.parametrize(("url", "kept", "expected"), URLS.values(), ids=URLS)
def test_of_an_address_stays_what_is_needed(url: str, kept: Kept, expected: str) -> None:
    assert minimal_url(url, kept) == expected
    assert minimal_url(expected, kept) == expected


PROPERTIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "called like a secret": ({"passwordConfirm": "x", "Card-Number": 4, "CVV": 1, "plan": "pro"}, {"plan": "pro"}),
    "in a form": ({"fields": {"passwort": "x", "email": "ada@halden.example"}}, {"fields": {"email": "ada@halden.example"}}),
    "in a list": ({"a": [{"iban": "DE0", "b": 1}]}, {"a": [{"b": 1}]}),
    "in Chinese": ({"登录密码": "x", "姓名": "李雷"}, {"姓名": "李雷"}),
    "a network address": ({"ip": "203.0.113.9", "ip_address": "x", "description": "y"}, {"description": "y"}),
    "a payment card": ({"note": "it is 4111 1111 1111 1111."}, {"note": f"it is {REMOVED}."}),
    "an identity card": ({"no": "11010519491231002X"}, {"no": REMOVED}),
    "numbers of orders and telephones": (
        {"order": "4111111111111112", "phone": "+8613912345678901", "at": "20261122103000123"},
        {"order": "4111111111111112", "phone": "+8613912345678901", "at": "20261122103000123"},
    ),
    "addresses of pages": ({"href": f"{PAGE}?token=1"}, {"href": PAGE}),
}


@pytest.mark.parametrize(("told", "expected"), PROPERTIES.values(), ids=PROPERTIES)
def test_of_properties_stays_what_is_needed(told: dict[str, Any], expected: dict[str, Any]) -> None:
    assert minimal_properties(told, ALL) == expected
    assert minimal_properties(None, ALL) is None


BODIES = {
    "of an event": (
        b'{"context":{"ip":"2001:db8::7"},"properties":{"password": "a\\"b","pin":1234},"t":"10:30:00.5"}',
        b'{"context":{"ip":""},"properties":{"password": "","pin":""},"t":"10:30:00.5"}',
    ),
    "of a log": (
        b'203.0.113.9 - - [22/Nov/2026:10:30:00 +0000] "GET / HTTP/1.1" 200 7 "-" "Mozilla/5.0"',
        b'0.0.0.0 - - [22/Nov/2026:10:30:00 +0000] "GET / HTTP/1.1" 200 7 "-" "Mozilla/5.0"',
    ),
    "of a log with IPv6": (b"2001:db8:85a3::8a2e:370:7334 - 10:30:00 ::ffff", b":: - 10:30:00 ::"),
    "no text at all": (b"\xff\xfe\x00", b"\xff\xfe\x00"),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_refused_events_and_lines_lose_addresses_and_secrets(body: bytes, expected: bytes) -> None:
    assert minimal_body(body) == expected
    assert minimal_body(expected) == expected


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_taken(body: bytes) -> None:
    once = minimal_body(body)
    assert minimal_body(once) == once


def test_ordinary_names_are_no_secrets() -> None:
    names = "email name company message tokens pinned shipping_address description secretary compass q page utm_source id"
    assert [name for name in names.split() if is_secret(name)] == []
