"""Sites: made, found, and kept from settings that would stop the service."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from tracker.db import Database
from tracker.models import sites
from tracker.sites import (
    Site,
    SiteError,
    SiteSettings,
    add_site,
    change_site,
    find_site,
    hash_key,
    load_sites,
    write_key_of,
)


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
    "a horizon of some days": ("new", {"learning_horizon_days": 6}),
    "a horizon of years": ("new", {"learning_horizon_days": 366}),
    "a fourth of the list explored": ("new", {"explore_percent": 25}),
    "a server's event without a name": ("new", {"server_events": ("",)}),
    "a blocked referrer with a scheme": ("new", {"blocked_referrers": ("https://spam.example",)}),
    "a goal without a name": ("new", {"goal_events": ("",)}),
    "a goal with a line break": ("new", {"goal_events": ("Order\nPlaced",)}),
    "a long goal": ("new", {"goal_events": ("x" * 201,)}),
    "a reason with blanks": ("new", {"lost_reasons": (" price",)}),
    "a hundred and one reasons": ("new", {"lost_reasons": tuple(map(str, range(101)))}),
    "no gap between visits": ("new", {"visit_gap_minutes": 0}),
    "a gap of days": ("new", {"visit_gap_minutes": 1441}),
    "a gap that is no number": ("new", {"visit_gap_minutes": "30"}),
    "an unknown consent": ("new", {"consent": "optional"}),
    "an idle time of a blink": ("new", {"idle_seconds": 4}),
    "an idle time of an hour": ("new", {"idle_seconds": 3600}),
    "two parameters in one": ("new", {"strip_parameters": ("token,email",)}),
    "a parameter with its value": ("new", {"strip_parameters": ("token=1",)}),
    "an empty parameter": ("new", {"strip_parameters": ("",)}),
    "a parameter with a line end": ("new", {"strip_parameters": ("token\n",)}),
    "too many parameters": ("new", {"strip_parameters": ("a",) * 101}),
    "an extension with its dot": ("new", {"download_extensions": (".pdf",)}),
    "an extension in capitals": ("new", {"download_extensions": ("PDF",)}),
    "two extensions in one": ("new", {"download_extensions": ("pdf|zip",)}),
    "a domain with a scheme": ("new", {"linked_domains": ("https://example.cn",)}),
    "a domain with a path": ("new", {"linked_domains": ("example.cn/a",)}),
    "a domain with a port": ("new", {"linked_domains": ("example.cn:8080",)}),
    "a domain with a star": ("new", {"linked_domains": ("*.example.cn",)}),
    "a domain in capitals": ("new", {"linked_domains": ("Example.cn",)}),
    "a domain in Chinese": ("new", {"linked_domains": ("例子.cn",)}),
    "everybody's domain": ("new", {"linked_domains": ("com.cn",)}),
    "a hoster's domain": ("new", {"linked_domains": ("github.io",)}),
    "an address for a domain": ("new", {"linked_domains": ("10.0.0.1",)}),
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


def test_a_site_s_settings_are_changed_or_stay_as_they_were(database: Database) -> None:
    settings = SiteSettings(consent="required", strip_parameters=("token", "user[email]"), linked_domains=("shop.example",))
    with database.writing() as connection:
        shop, blog = (add_site(connection, name, SiteSettings(), 1) for name in ("shop", "blog"))
        change_site(connection, shop.id, settings)
        with pytest.raises(SiteError, match=r"idle_seconds makes no sense: Expected `int` <= 600\."):
            change_site(connection, shop.id, SiteSettings(idle_seconds=601))
        assert write_key_of(connection, shop.id) == shop.write_key
    with database.reading() as connection:
        assert {site.name: site.settings for site in load_sites(connection).values()} == {
            "shop": settings,
            "blog": SiteSettings(),
        }
    assert shop.id != blog.id


def test_settings_survive_being_stored() -> None:
    settings = SiteSettings(
        origins=("https://a.example", "https://*.b.example"), time_zone="Asia/Shanghai", respect_gpc=False
    )
    assert msgspec.json.decode(msgspec.json.encode(settings), type=SiteSettings) == settings
