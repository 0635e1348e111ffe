"""Where a webhook may send: to the internet, not into the network that the service runs in.

An address is judged after it was resolved, and exactly the address judged is connected to: a name can mean another address
at the next look. Source: OWASP, "Server-Side Request Forgery Prevention"; IANA's registries of special-purpose addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from scorer.core.webhook_troubles import Reason, Trouble
from tracker.core.labels import LabelledError

MAX_URL: Final = 2000
_PORTS: Final = {"http": 80, "https": 443}
_PATH_CHARACTERS: Final = "/%:@!$&'()*+,;=~-._"
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""RFC 6052 and 8215: the last 32 bits are an IPv4 address that a gateway goes on to."""
_COMPATIBLE: Final = IPv6Network("::/96")
"""RFC 4291, 2.5.5.1: deprecated, but some systems still send to the IPv4 address in it."""
_NOT_GLOBAL: Final = (IPv4Network("192.88.99.0/24"), IPv6Network("fec0::/10"), IPv6Network("5f00::/16"))
"""Relays of 6to4, site-local, segment routing: not all of them are known to every version of Python."""

Address = IPv4Address | IPv6Address


class UrlError(LabelledError):
    """An address that no webhook can have; the label says why."""


class Target(msgspec.Struct, frozen=True):
    """An address of a webhook, taken apart."""

    scheme: str
    host: str
    """In ASCII, without brackets."""
    port: int
    path: str
    """With the query; begins with a slash."""

    @property
    def host_header(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Allowed(msgspec.Struct, frozen=True):
    """Hosts and networks that the operator lets webhooks send to, wherever they are."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


def read_allowed(text: str) -> Allowed:
    """Return the hosts and networks of a list separated by commas: ``crm.internal,10.1.0.0/16``.

    A single address counts as a network. Raises ``UrlError`` for an entry that is neither.
    """
    hosts, networks = set(), []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if "/" in entry or ":" in entry or "*" in entry:
                raise UrlError(
                    f"{entry!r} is neither a host nor a network such as 10.1.0.0/16",
                    f"{entry!r} 既不是主机名，也不是 10.1.0.0/16 这样的网段",
                ) from None
            hosts.add(_ascii_host(entry))
    return Allowed(frozenset(hosts), tuple(networks))


def read_url(url: str) -> Target:
    """Return *url* taken apart. Raises ``UrlError`` unless it is a plain http or https address."""
    if len(url) > MAX_URL:
        raise UrlError(f"The address is longer than {MAX_URL} characters.", f"地址超过 {MAX_URL} 个字符。")
    if any(one.isspace() or not one.isprintable() for one in url) or "\\" in url:
        raise UrlError("The address has spaces, backslashes or control characters.", "地址含有空格、反斜杠或控制字符。")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlError("The address can't be read.", "地址无法识别。") from None
    if parts.scheme not in _PORTS:
        raise UrlError("The address must begin with https:// or http://.", "地址须以 https:// 或 http:// 开头。")
    if "@" in parts.netloc:
        raise UrlError("The address must have no user name or password in it.", "地址中不能包含用户名或密码。")
    if parts.fragment:
        raise UrlError("The address must have no fragment (#…).", "地址中不能有片段（#…）。")
    if not parts.hostname:
        raise UrlError("The address has no host.", "地址缺少主机名。")
    if port == 0:
        raise UrlError("There is no port 0.", "端口不能为 0。")
    query = f"?{quote(parts.query, safe=_PATH_CHARACTERS + '?')}" if parts.query else ""
    path = quote(parts.path or "/", safe=_PATH_CHARACTERS) + query
    host = parts.hostname if ":" in parts.hostname else _ascii_host(parts.hostname)
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def refusal(host: str, address: Address, allowed: Allowed) -> Trouble | None:
    """Return why nothing is sent to *address*, to which *host* has resolved; ``None`` where it may be.

    >>> refusal("hook.example", ip_address("::ffff:10.0.0.1"), Allowed())
    Trouble(reason='address_private', detail='10.0.0.1 (::ffff:a00:1)')
    """
    if host in allowed.hosts or any(address.version == one.version and address in one for one in allowed.networks):
        return None
    for one in (address, *_embedded(address)):
        if (kind := _special(one)) is not None:
            return Trouble(kind, str(one) if one is address else f"{one} ({address})")
    return None


def read_address(text: str) -> Address:
    """Return an address as the resolver gives it, without its zone."""
    return ip_address(text.partition("%")[0])


def _special(address: Address) -> Reason | None:
    if address.is_unspecified:
        return "address_nobodys"
    if address.is_loopback:
        return "address_loopback"
    if address.is_link_local:
        return "address_link_local"
    if address.is_multicast:
        return "address_multicast"
    if isinstance(address, IPv6Address) and any(True for _ in _embedded(address)):
        return None  # Its IPv4 address decides.
    if address.is_private:
        return "address_private"
    if address.is_reserved or not address.is_global or any(address in one for one in _NOT_GLOBAL):
        return "address_reserved"
    return None


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address may lead to."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in one for one in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _ascii_host(host: str) -> str:
    host = host.lower()
    try:
        encoded = host.rstrip(".").encode("idna").decode()
    except UnicodeError:
        raise UrlError(f"There can be no host {host[:100]!r}.", f"{host[:100]!r} 不是有效的主机名。") from None
    if not encoded or any(not (one.isalnum() or one in "-._") for one in encoded):
        raise UrlError(f"There can be no host {host[:100]!r}.", f"{host[:100]!r} 不是有效的主机名。")
    return encoded
