"""Sites: made, found, and kept from settings that would stop the service."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from tracker.db import Database
from tracker.models import sites
from tracker.sites import Site, SiteError, SiteSettings, add_site, find_site, hash_key, load_sites, origin_allowed


def test_a_site_is_made_with_two_keys_of_which_one_is_kept_hashed(database: Database) -> None:
    settings = SiteSettings(
        origins=("https://shop.example",), time_zone="Europe/Berlin", language="zh", visit_gap_minutes=45
    )
    with database.writing() as connection:
        made = add_site(connection, "  Shop  ", settings, 7)
    with database.reading() as connection:
        assert load_sites(connection) == {made.id: Site(made.id, "Shop", settings)}
        row = connection.execute(select(sites)).one()
    assert (row.write_key, row.server_key_hash, row.created_at) == (made.write_key, hash_key(made.server_key), 7)
    assert made.write_key.startswith("wk_")
    assert made.server_key.startswith("sk_")


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no name": ("", {}),
    "a blank name": ("  ", {}),
    "a long name": ("x" * 101, {}),
    "a name that is taken": ("taken", {}),
    "an origin without a scheme": ("new", {"origins": ("shop.example",)}),
    "an origin with a slash": ("new", {"origins": ("https://shop.example/",)}),
    "an origin with a path": ("new", {"origins": ("https://shop.example/a",)}),
    "an origin without a host": ("new", {"origins": ("https://",)}),
    "an origin with blanks": ("new", {"origins": (" https://shop.example",)}),
    "an origin of another kind": ("new", {"origins": ("ftp://shop.example",)}),
    "a star": ("new", {"origins": ("*",)}),
    "an unknown time zone": ("new", {"time_zone": "Europe/Atlantis"}),
    "an empty time zone": ("new", {"time_zone": ""}),
    "a path for a time zone": ("new", {"time_zone": "../../etc/passwd"}),
    "a folder for a time zone": ("new", {"time_zone": "Europe"}),
    "NUL for a time zone": ("new", {"time_zone": "\0"}),
    "an unknown language": ("new", {"language": "xx"}),
    "no gap between visits": ("new", {"visit_gap_minutes": 0}),
    "a gap of days": ("new", {"visit_gap_minutes": 1441}),
    "a gap that is no number": ("new", {"visit_gap_minutes": "30"}),
}


@pytest.mark.parametrize(("name", "settings"), WRONG.values(), ids=WRONG.keys())
def test_a_site_that_makes_no_sense_is_not_made(sqlite_database: Database, name: str, settings: dict[str, Any]) -> None:
    with sqlite_database.writing() as connection:
        add_site(connection, "taken", SiteSettings(), 1)
        with pytest.raises(SiteError):
            add_site(connection, name, SiteSettings(**settings), 1)
        # Every stored row must be readable again: one that isn't would stop the drain for all sites.
        assert [site.name for site in load_sites(connection).values()] == ["taken"]
        assert connection.execute(select(func.count()).select_from(sites)).scalar_one() == 1


def test_a_site_is_found_by_name_or_number(database: Database) -> None:
    with database.writing() as connection:
        shop = add_site(connection, "shop", SiteSettings(), 1)
        named_like_a_number = add_site(connection, str(shop.id), SiteSettings(), 1)
        found = {
            name: find_site(connection, name) for name in ("shop", str(shop.id), str(named_like_a_number.id), "x", "²", "-1")
        }
    assert {name: site.id if site else None for name, site in found.items()} == {
        "shop": shop.id,
        str(shop.id): named_like_a_number.id,  # the name stands before the number
        str(named_like_a_number.id): named_like_a_number.id,
        "x": None,
        "²": None,
        "-1": None,
    }


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


def test_settings_survive_being_stored() -> None:
    settings = SiteSettings(
        origins=("https://a.example", "https://*.b.example"), time_zone="Asia/Shanghai", respect_opt_out=False
    )
    assert msgspec.json.decode(msgspec.json.encode(settings), type=SiteSettings) == settings
