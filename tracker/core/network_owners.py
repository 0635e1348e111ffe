"""Who owns a network, and whether that is a company whose people sit behind it. A hint for salespeople, never a fact.

Most addresses belong to access providers, and the name of a provider says nothing of the visitor. So a name is worth
keeping only if it is an organisation's own network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tracker.core.network_names import is_large_provider, sounds_like_a_company

MAX_OWNER_LENGTH: Final = 120
_NUMBER: Final = re.compile(r"^AS\d+(?:[\s_:-]+|$)")

_NAME_FIELDS: Final = (
    "organization",
    "org",
    "name",
    "autonomous_system_organization",
    "as_organization",
    "as_name",
    "as_domain",
    "domain",
)
"""Where files write the owner: the user of a block of addresses before the operator of the whole network, since a company
often has a block of its provider's."""

_ORGANISATION_TYPES: Final = frozenset(("business", "enterprise", "government"))
_OTHER_TYPES: Final = frozenset(
    (
        *("isp", "residential", "cellular", "mobile", "dialup", "satellite", "cable/dsl", "router", "inactive"),
        *("hosting", "cdn", "content_delivery_network", "search_engine_spider", "consumer_privacy_network", "vpn"),
        *("cafe", "traveler", "library", "military", "education", "college", "school", "university"),
    )
)
_ANONYMOUS: Final = (
    *("is_hosting_provider", "is_anonymous", "is_anonymous_vpn", "is_public_proxy", "is_residential_proxy"),
    *("is_tor_exit_node", "hosting", "vpn", "proxy", "tor", "relay", "is_hosting", "is_vpn", "is_proxy", "is_tor"),
    *("is_relay", "is_mobile", "is_satellite", "is_cdn"),
)
_OF_A_CARRIER: Final = ("mobile_country_code", "mobile_network_code", "mcc", "mnc", "carrier")
_TELLING: Final = frozenset(("type", "as_type", "user_type", "connection_type", *_ANONYMOUS, *_OF_A_CARRIER))
"""Fields that say something of the owner or the line. The free files have none of them."""


def owner_of(record: Mapping[str, Any]) -> str:
    """Return the name of a network's owner as *record* of an MMDB file has it, up to 120 characters; empty for none.

    Reads the layouts of GeoLite2 and DB-IP (ASN), of GeoIP2 ISP and Enterprise, and of IPinfo. Where there is no name,
    the owner's domain stands for it.

    >>> owner_of({"autonomous_system_number": 64500, "autonomous_system_organization": "Halden AG"})
    'Halden AG'
    """
    fields = _flat(record)
    for field in _NAME_FIELDS:
        value = fields.get(field)
        if isinstance(value, str) and (name := _cleaned(value)):
            return name
    return ""


def is_company(name: str, record: Mapping[str, Any]) -> bool:
    """Decide whether *name*, the owner according to *record*, may be shown as a visitor's company.

    Refused are access providers, mobile carriers, clouds, hosts, content networks, VPNs; universities and schools, which
    are access providers to thousands of students and guests; armed forces and hotels for the same reason; sole traders,
    whose name is a person's; and what is no name. Public offices, hospitals and research institutes pass: they buy.

    What the record itself says of the owner (``type``) outweighs the words in the name, except for the large providers.
    What it says of the line (``user_type``, ``connection_type``) can only refuse: a business line bears its provider's
    name, too.
    """
    fields = _flat(record)
    if _TELLING.isdisjoint(fields):
        return sounds_like_a_company(name)
    if any(fields.get(field) in (True, "true", "True", "1") for field in _ANONYMOUS):
        return False
    if any(fields.get(field) for field in _OF_A_CARRIER):
        return False
    kind = _kind(fields, "type") or _kind(fields, "as_type")
    if not _OTHER_TYPES.isdisjoint((kind, _kind(fields, "user_type"), _kind(fields, "connection_type"))):
        return False
    if kind in _ORGANISATION_TYPES:
        return bool(name) and not is_large_provider(name)
    return sounds_like_a_company(name)


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of *record*, those under ``traits`` (GeoIP2 Enterprise) among them."""
    traits = record.get("traits")
    return {**record, **traits} if isinstance(traits, Mapping) else record


def _kind(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field)
    return value.strip().lower() if isinstance(value, str) else ""


def _cleaned(text: str) -> str:
    """Return *text* in one line, without control characters and without the number of the network in front of it."""
    printable = text[:500]
    if not printable.isprintable():
        printable = "".join(sign if sign.isprintable() else " " for sign in printable)
    return _NUMBER.sub("", " ".join(printable.split()))[:MAX_OWNER_LENGTH].strip()
