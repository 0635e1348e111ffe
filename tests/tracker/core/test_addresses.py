"""Where a request comes from, and whether that is the company itself."""

from __future__ import annotations

import pytest

from tracker.core.addresses import client_address, is_within, read_network


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # anyone may say anything
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("10.1.2.3", " ", "10.1.2.3"),
        ("unix", "198.51.100.7", "unix"),
    ],
)
def test_the_address_is_the_visitors(peer: str, forwarded: str | None, expected: str) -> None:
    assert client_address(peer, forwarded) == expected


@pytest.mark.parametrize(
    ("address", "inside"),
    [("203.0.113.77", True), ("203.0.114.1", False), ("2001:db8:1::5", True), ("2001:db8:2::5", False), ("nonsense", False)],
)
def test_networks_are_told_apart(address: str, inside: bool) -> None:
    assert is_within(address, (read_network("203.0.113.0/24"), read_network("2001:db8:1::/48"))) is inside
