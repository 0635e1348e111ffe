"""What the origin of a page says: whether a site allows it, and what it has in common with the host that it talks to."""

from __future__ import annotations

from tracker.core.domains import registrable_domain


def origin_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Decide whether pages of *origin* may send. ``https://*.example.com`` allows every subdomain, not the domain itself."""
    if not allowed or origin in allowed:
        return True
    scheme, _, host = origin.partition("://")
    return any(
        pattern_scheme == scheme and pattern_host.startswith("*.") and host.endswith(pattern_host[1:])
        for pattern_scheme, _, pattern_host in (pattern.partition("://") for pattern in allowed)
    )


def host_name(authority: str) -> str:
    """Return host and port without the port, in lower case.

    >>> host_name("Shop.example:8443"), host_name("[::1]:8700")
    ('shop.example', '[::1]')
    """
    name, colon, port = authority.rpartition(":")
    return (name if colon and port.isdigit() else authority).lower()


def shared_domain(one: str, other: str) -> str | None:
    """Return the registrable domain that two hosts share: ``None`` when they are strangers.

    Empty for one and the same host that has none (an address, ``localhost``).

    >>> shared_domain("www.example.com", "t.example.com"), shared_domain("a.github.io", "b.github.io")
    ('example.com', None)
    """
    domain = registrable_domain(one)
    if domain:
        return domain if registrable_domain(other) == domain else None
    return "" if one and one == other else None
