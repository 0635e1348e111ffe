"""A minimal writer of MMDB files, after MaxMind's description of the format (version 2.0), for tests."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

_RECORD_BITS = 24
_TEXT, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY, _BOOLEAN = 2, 5, 6, 7, 9, 11, 14
_Node = list[Any]


def write_mmdb(path: Path, networks: Mapping[str, Mapping[str, Any]], *, ip_version: int = 6) -> None:
    """Write a file that has *networks* (written as ``203.0.113.0/24``) with their records, none inside another."""
    root: _Node = [None, None]
    data = b""
    for text, record in networks.items():
        bits = _bits_of(text, ip_version)
        node = root
        for bit in bits[:-1]:
            if node[bit] is None:
                node[bit] = [None, None]
            node = node[bit]
        node[bits[-1]] = len(data)
        data += _encoded(record)
    nodes = _numbered(root)
    tree = b"".join(_pointer(child, nodes) for node in nodes.values() for child in node)
    metadata = {
        "binary_format_major_version": (_UINT16, 2),
        "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, 1_795_000_000),
        "database_type": "Test-ASN",
        "description": {"en": "made by a test"},
        "ip_version": (_UINT16, ip_version),
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": (_UINT16, _RECORD_BITS),
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))


def _bits_of(text: str, ip_version: int) -> list[int]:
    network = ip_network(text)
    length = network.max_prefixlen
    bits = [int(network.network_address) >> (length - 1 - place) & 1 for place in range(network.prefixlen)]
    # In a file with both kinds, IPv4 is where IPv6 has ::/96.
    return [0] * 96 + bits if ip_version == 6 and network.version == 4 else bits


def _numbered(root: _Node) -> dict[int, _Node]:
    """The nodes in the order of their numbers, by identity."""
    found = {id(root): root}
    waiting = [root]
    while waiting:
        for child in waiting.pop(0):
            if isinstance(child, list):
                found[id(child)] = child
                waiting.append(child)
    return found


def _pointer(child: Any, nodes: dict[int, _Node]) -> bytes:
    if child is None:
        number = len(nodes)
    elif isinstance(child, list):
        number = list(nodes).index(id(child))
    else:
        number = len(nodes) + 16 + child
    return int.to_bytes(number, _RECORD_BITS // 8, "big")


def _encoded(value: Any) -> bytes:
    if isinstance(value, bool):
        return _head(_BOOLEAN, int(value))
    if isinstance(value, str):
        return _head(_TEXT, len(value.encode())) + value.encode()
    if isinstance(value, int):
        value = (_UINT32, value)
    if isinstance(value, tuple):
        kind, number = int(value[0]), int(value[1])
        content = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return _head(kind, len(content)) + content
    if isinstance(value, list):
        return _head(_ARRAY, len(value)) + b"".join(map(_encoded, value))
    return _head(_MAP, len(value)) + b"".join(_encoded(part) for pair in value.items() for part in pair)


def _head(kind: int, size: int) -> bytes:
    rest = b""
    if size >= 285:
        size, rest = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        size, rest = 29, bytes([size - 29])
    return (bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])) + rest
