"""Where webhooks may send to: every form in which an address of our own can hide is refused."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.webhook_addresses import Allowed, Target, UrlError, read_address, read_allowed, read_url, refusal

REFUSED = {
    "this machine": "127.0.0.1",
    "the rest of its network": "127.8.9.1",
    "private, 10": "10.1.2.3",
    "private, 172": "172.31.0.1",
    "private, 192": "192.168.1.1",
    "the cloud's metadata": "169.254.169.254",
    "behind a provider": "100.64.1.1",
    "nobody": "0.0.0.0",
    "this network": "0.1.2.3",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "everybody": "255.255.255.255",
    "for documentation": "192.0.2.1",
    "for benchmarks": "198.18.0.1",
    "relays of 6to4": "192.88.99.1",
    "this machine, IPv6": "::1",
    "nobody, IPv6": "::",
    "link-local, IPv6": "fe80::1",
    "unique local": "fd00::1",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff02::1",
    "documentation, IPv6": "2001:db8::1",
    "to be discarded": "100::1",
    "mapped": "::ffff:127.0.0.1",
    "mapped and private": "::ffff:10.0.0.1",
    "compatible": "::127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, local": "64:ff9b:1::a00:1",
    "6to4": "2002:7f00:1::",
    "Teredo": "2001:0:4136:e378:8000:63bf:f5ff:fffe",
}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_addresses_that_are_not_of_the_internet_are_refused(address: str) -> None:
    why = refusal("hook.example", ip_address(address), Allowed())
    assert why is not None
    assert why.reason.startswith("address_")
    assert str(ip_address(address)) in why.detail


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"])
def test_addresses_of_the_internet_are_good(address: str) -> None:
    assert refusal("hook.example", ip_address(address), Allowed()) is None


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_of_an_address_is_judged_like_the_address(address: object) -> None:
    plain = refusal("x", address, Allowed()) is None  # type: ignore[arg-type]
    number = int(address)  # type: ignore[call-overload]
    for form in (0xFFFF << 32, 0x64FF9B << 96):
        assert (refusal("x", ip_address(form | number), Allowed()) is None) == plain
    assert (refusal("x", ip_address(0x2002 << 112 | number << 80), Allowed()) is None) == plain


def test_the_operator_allows_hosts_and_networks() -> None:
    allowed = read_allowed(" crm.internal , 10.1.0.0/16,fd00::/8, 127.0.0.1 ")
    assert refusal("crm.internal", ip_address("192.168.0.9"), allowed) is None
    assert refusal("other.internal", ip_address("192.168.0.9"), allowed) is not None
    assert refusal("other.internal", ip_address("10.1.2.3"), allowed) is None
    assert refusal("other.internal", ip_address("10.2.2.3"), allowed) is not None
    assert refusal("other.internal", ip_address("::ffff:10.1.2.3"), allowed) is not None, "a network is taken at its word"
    assert refusal("other.internal", ip_address("fd12::1"), allowed) is None
    assert refusal("x", ip_address("127.0.0.1"), allowed) is None


@pytest.mark.parametrize("text", ["10.0.0.0/33", "*.internal", "http://crm", "crm internal", "a..b"])
def test_what_is_neither_host_nor_network_is_refused(text: str) -> None:
    with pytest.raises(UrlError):
        read_allowed(text)


URLS = {
    "https": ("https://Hook.example/a?b=c", Target("https", "hook.example", 443, "/a?b=c")),
    "http with port": ("http://hook.example:8080", Target("http", "hook.example", 8080, "/")),
    "letters beyond ASCII": (
        "https://münchen.example/ü?q=ö",
        Target("https", "xn--mnchen-3ya.example", 443, "/%C3%BC?q=%C3%B6"),
    ),
    "encoded already": ("https://hook.example/%2F?a=%26", Target("https", "hook.example", 443, "/%2F?a=%26")),
    "IPv6": ("https://[2606:4700::1]:8443/x", Target("https", "2606:4700::1", 8443, "/x")),
}


@pytest.mark.parametrize(("url", "target"), URLS.values(), ids=URLS)
def test_an_address_is_taken_apart(url: str, target: Target) -> None:
    assert read_url(url) == target


def test_the_host_header_has_the_port_where_it_is_not_the_usual_one() -> None:
    headers = [read_url(url).host_header for url in ("https://a.example/", "https://a.example:8443/", "http://[::1]/")]
    assert headers == ["a.example", "a.example:8443", "[::1]"]


WRONG = {
    "another scheme": "ftp://hook.example/",
    "a file": "file:///etc/passwd",
    "no scheme": "hook.example",
    "credentials": "https://user:secret@hook.example/",
    "an empty user": "https://@hook.example/",
    "a fragment": "https://hook.example/#x",
    "no host": "https:///x",
    "port 0": "https://hook.example:0/",
    "a port too high": "https://hook.example:70000/",
    "a line end": "https://hook.example/\r\nX-Evil: 1",
    "a space": "https://hook.example/a b",
    "a backslash": "https://hook.example\\@evil.example/",
    "too long": "https://hook.example/" + "a" * 2000,
    "an odd host": "https://hook_$.example/",
}


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_what_is_no_plain_web_address_is_refused_in_both_languages(url: str) -> None:
    with pytest.raises(UrlError) as caught:
        read_url(url)
    assert caught.value.label.en
    assert caught.value.label.zh


def test_the_zone_of_an_address_is_left_out() -> None:
    assert read_address("fe80::1%eth0") == ip_address("fe80::1")
