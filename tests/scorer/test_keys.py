"""API keys: made once, found by their hash, revoked for good, each good for so much."""

from __future__ import annotations

from sqlalchemy import select

from scorer.keys import SCOPES, ApiKey, add_key, find_key, list_keys, revoke_key
from scorer.models import api_keys
from tests.factories import DAY, NOW, World


def test_a_key_opens_its_site_with_its_scope_until_it_is_revoked(database_url: str) -> None:
    world = World(database_url)
    with world.database.writing() as connection:
        made = add_key(connection, world.nordwind.id, "sales", NOW)
        assert made.id.startswith("key_")
        assert made.key.startswith("wt_")
        assert find_key(connection, made.key) == ApiKey(made.id, world.nordwind.id, "sales")
        assert revoke_key(connection, made.id, NOW + 1) is True
        assert find_key(connection, made.key) is None
        assert revoke_key(connection, made.id, NOW + 2) is False
        listed = {key.id: key for key in list_keys(connection, world.nordwind.id)}
    assert (listed[made.id].created_at, listed[made.id].revoked_at) == (NOW, NOW + 1)


def test_keys_are_long_random_and_kept_only_as_hashes(sqlite_url: str) -> None:
    world = World(sqlite_url)
    with world.database.writing() as connection:
        made = [add_key(connection, world.nordwind.id, "read", NOW).key for _ in range(50)]
        stored = repr(connection.execute(select(api_keys)).all())
    assert len(set(made)) == 50
    assert {len(key) for key in made} == {3 + 27}  # 160 bits
    assert not [key for key in made if key in stored or key.removeprefix("wt_") in stored]


def test_what_is_no_key_opens_nothing(sqlite_url: str) -> None:
    world = World(sqlite_url)
    good = world.nordwind.keys["ada"]
    with world.database.reading() as connection:
        assert find_key(connection, good) is not None
        for wrong in ("", "wt_", good[:-1], good + "x", good.swapcase(), good.removeprefix("wt_"), f" {good}", "wt_\udcff"):
            assert find_key(connection, wrong) is None, wrong


def test_a_larger_scope_includes_the_smaller_ones() -> None:
    allowed = {scope: [needed for needed in SCOPES if ApiKey("key_1", 1, scope).allows(needed)] for scope in SCOPES}
    assert allowed == {"read": ["read"], "sales": ["read", "sales"], "admin": ["read", "sales", "admin"]}


def test_keys_are_listed_by_site_oldest_first(sqlite_url: str) -> None:
    world = World(sqlite_url)
    with world.database.writing() as connection:
        late = add_key(connection, world.huadong.id, "read", NOW + DAY).id
        early = add_key(connection, world.huadong.id, "read", NOW - 200 * DAY).id
        listed = [key.id for key in list_keys(connection, world.huadong.id)]
        assert len(listed) == 5
        assert (listed[0], listed[-1]) == (early, late)
        assert len(list_keys(connection)) == 8
