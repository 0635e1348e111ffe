"""Where a request comes from. Addresses are looked at and forgotten; none is ever stored."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_PRIVATE: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
"""Where a proxy of our own may be: loopback, private and link-local networks."""


def client_address(peer: str, forwarded: str | None) -> str:
    """Return the visitor's address: behind a proxy on our own network, the one that the proxy names last.

    *forwarded* is the header X-Forwarded-For, which from anywhere else may say what it likes.

    >>> client_address("10.0.0.1", "203.0.113.9, 198.51.100.7"), client_address("203.0.113.9", "198.51.100.7")
    ('198.51.100.7', '203.0.113.9')
    """
    if not forwarded or not is_private(peer):
        return peer
    return forwarded.rpartition(",")[2].strip() or peer


def read_network(text: str) -> Network:
    """Return the network written as ``203.0.113.0/24`` or as one address; raise ``ValueError`` for anything else."""
    return ip_network(text)


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Decide whether *address* belongs to one of *networks*; what is no address belongs to none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


@lru_cache(maxsize=1000)
def is_private(address: str) -> bool:
    """Decide whether *address* is of a private network, as a proxy's of our own may be."""
    return is_within(address, _PRIVATE)
