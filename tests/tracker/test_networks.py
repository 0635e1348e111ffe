"""The file of networks: what it says of an address, what happens when it is replaced or broken, and what it costs."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.mmdb import write_mmdb
from tracker import networks
from tracker.networks import ANSWERS_AT_MOST, LOOK_SECONDS, NetworkFile, open_networks
from tracker.settings import SettingError

HALDEN = {"autonomous_system_number": 64500, "autonomous_system_organization": "Halden AG"}
NORDWIND = {"autonomous_system_number": 64501, "autonomous_system_organization": "Nordwind Pumpen GmbH"}
TELEKOM = {"autonomous_system_number": 3320, "autonomous_system_organization": "Deutsche Telekom AG"}
NETWORKS: dict[str, Mapping[str, Any]] = {
    "203.0.113.0/25": HALDEN,
    "203.0.113.128/25": TELEKOM,
    "2001:db8:1::/48": HALDEN,
    "2001:db8:2::/48": TELEKOM,
    "198.51.100.7/32": {"name": "Nordwind Cloud Kitchens", "type": "business"},
    "198.51.100.8/32": {"network": "198.51.100.8/32"},
}


class Clock:
    """Counts the seconds it is told."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "networks.mmdb"
    write_mmdb(path, NETWORKS)
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("address", "company"),
    [
        ("203.0.113.1", "Halden AG"),
        ("203.0.113.127", "Halden AG"),
        ("203.0.113.128", ""),  # A provider's.
        ("192.0.2.1", ""),  # Nobody's.
        ("2001:db8:1::1", "Halden AG"),
        ("2001:DB8:1:0::1", "Halden AG"),
        ("2001:db8:2::1", ""),
        ("::ffff:203.0.113.1", "Halden AG"),  # From a socket that takes both kinds.
        ("::ffff:cb00:7101", ""),
        ("198.51.100.7", "Nordwind Cloud Kitchens"),  # Its type says so.
        ("198.51.100.8", ""),  # A record without a name.
        ("", ""),
        ("unknown", ""),
        ("203.0.113.1:4711", ""),
        ("fe80::1%eth0", ""),
        ("203.0.113.1\0", ""),
        ("9" * 100, ""),
        ("\ud800", ""),
    ],
)
def test_an_address_has_the_company_whose_network_it_is_in(path: Path, address: str, company: str) -> None:
    file = NetworkFile(path)
    assert [file.company(address), file.company(address)] == [company, company]


def test_a_file_without_ipv6_has_nobody_behind_an_address_of_ipv6(tmp_path: Path) -> None:
    path = tmp_path / "four.mmdb"
    write_mmdb(path, {"203.0.113.0/24": HALDEN}, ip_version=4)
    file = NetworkFile(path)
    assert (file.company("203.0.113.9"), file.company("2001:db8:1::1")) == ("Halden AG", "")


def test_a_replaced_file_is_read_within_a_minute(path: Path, clock: Clock) -> None:
    file = NetworkFile(path, clock=clock)
    assert file.company("203.0.113.1") == "Halden AG"
    new = path.with_suffix(".new")
    write_mmdb(new, {"203.0.113.0/25": NORDWIND})
    new.replace(path)
    clock.seconds = LOOK_SECONDS - 1
    assert file.company("203.0.113.1") == "Halden AG"
    clock.seconds = LOOK_SECONDS
    assert file.company("203.0.113.1") == "Nordwind Pumpen GmbH"


def test_the_file_is_looked_at_no_more_than_once_a_minute(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    file = NetworkFile(path, clock=clock)
    looks: list[Path] = []
    stamp_of = networks._stamp_of

    def counted(seen: Path) -> tuple[int, int, int]:
        looks.append(seen)
        return stamp_of(seen)

    monkeypatch.setattr(networks, "_stamp_of", counted)
    for second in range(0, 181):
        clock.seconds = float(second)
        file.company("203.0.113.1")
    assert len(looks) == 3


@pytest.mark.parametrize("content", [b"", b"no such thing", bytes(2000)], ids=["empty", "short", "zeros"])
def test_a_file_that_breaks_while_running_leaves_the_old_one_in_use(path: Path, clock: Clock, content: bytes) -> None:
    file = NetworkFile(path, clock=clock)
    path.write_bytes(content)  # Written over, not replaced: what has been opened must not feel it.
    clock.seconds = LOOK_SECONDS
    assert file.company("203.0.113.1") == "Halden AG"
    write_mmdb(path, {"203.0.113.0/25": NORDWIND})
    clock.seconds = 2 * LOOK_SECONDS
    assert file.company("203.0.113.1") == "Nordwind Pumpen GmbH"


def test_a_file_that_goes_away_while_running_leaves_the_old_one_in_use(path: Path, clock: Clock) -> None:
    file = NetworkFile(path, clock=clock)
    path.unlink()
    clock.seconds = LOOK_SECONDS
    assert file.company("203.0.113.1") == "Halden AG"


def test_a_file_with_damage_inside_names_nobody_there(path: Path) -> None:
    content = path.read_bytes()
    place = content.index(b"Halden AG") - 1
    path.write_bytes(content[:place] + b"\x1f" + content[place + 1 :])  # Of a kind that there is not.
    file = NetworkFile(path)
    assert (file.company("203.0.113.1"), file.company("198.51.100.7")) == ("", "Nordwind Cloud Kitchens")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot read"),
        (b"", "is not an MMDB file"),
        (b"autonomous_system_number,organization\n", "is not an MMDB file"),
        (b"\x1f\x8b\x08\x00", "is not an MMDB file"),
        (b"\xab\xcd\xefMaxMind.com", "is not an MMDB file"),
        (b"\xab\xcd\xefMaxMind.com\xe0", "is not an MMDB file"),
    ],
    ids=["missing", "empty", "a table", "compressed", "only the mark", "nothing about itself"],
)
def test_a_missing_or_broken_file_stops_the_start_by_the_settings_name(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "networks.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingError, match=f"^WARMTRAIL_NETWORK_FILE: .*{told}"):
        open_networks(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^WARMTRAIL_NETWORK_FILE: cannot read"):
        open_networks(tmp_path)


def test_without_the_library_the_start_stops_with_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "maxminddb", None)
    with pytest.raises(SettingError, match=r"^WARMTRAIL_NETWORK_FILE .*warmtrail\[networks\]"):
        open_networks(path)
    assert open_networks(None) is None


def test_answers_are_remembered_for_a_minute_and_never_without_bound(path: Path, clock: Clock) -> None:
    file = NetworkFile(path, clock=clock)
    for number in range(ANSWERS_AT_MOST + 10):
        file.company(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(file._companies) <= ANSWERS_AT_MOST
    clock.seconds = LOOK_SECONDS
    file.company("203.0.113.1")
    assert set(file._companies) == {"203.0.113.1"}


def test_what_is_too_long_for_an_address_is_not_remembered(path: Path) -> None:
    file = NetworkFile(path)
    assert file.company("203.0.113.1" + " " * 10_000) == ""
    assert file._companies == {}


def test_a_lookup_costs_microseconds(path: Path) -> None:
    # Measured 2 µs for a new address of these few networks, and 0.2 µs for a known one.
    file = NetworkFile(path)
    chance = random.Random(1)
    addresses = [f"203.0.113.{chance.randrange(256)}" for _ in range(100)]
    addresses += [f"{chance.randrange(1, 223)}.{chance.randrange(256)}.{chance.randrange(256)}.9" for _ in range(4_900)]
    best = min(_seconds(file, addresses) for _ in range(5)) / len(addresses)
    assert best < 10e-6


def _seconds(file: NetworkFile, addresses: list[str]) -> float:
    file._companies.clear()
    started = time.perf_counter()
    for address in addresses:
        file.company(address)
    return time.perf_counter() - started


def test_nothing_is_left_in_the_temporary_folder(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert NetworkFile(path).company("203.0.113.1") == "Halden AG"
    assert list(folder.iterdir()) == []
