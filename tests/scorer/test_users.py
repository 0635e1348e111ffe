"""Users, their roles and passwords, on both databases and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scorer import passwords
from scorer.passwords import PasswordError, hash_password, is_password
from scorer.users import (
    UserError,
    add_user,
    allows,
    check_password,
    find_user,
    list_users,
    set_disabled,
    set_profile,
    set_role,
)
from tests.factories import NOW, World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


def test_a_user_is_found_by_address_whatever_its_case_and_has_a_role_for_each_site(world: World) -> None:
    north, east = world.nordwind.id, world.huadong.id
    with world.database.writing() as connection:
        made = add_user(connection, " Ada@Example.COM ", "Ada", {north: "sales"}, NOW, password="long enough 1")
        set_role(connection, made.id, east, "viewer")
        set_role(connection, made.id, east, "admin")
        found = find_user(connection, "ada@example.com")
        assert found is not None
        assert (found.email, found.roles) == ("ada@example.com", {north: "sales", east: "admin"})
        assert [found.may("sales", north), found.may("admin", north), found.may("admin", 99)] == [True, False, False]
        set_role(connection, made.id, north, None)
        assert [user.email for user in list_users(connection, north)] == []
        assert [user.email for user in list_users(connection, east)] == ["ada@example.com"]
        with pytest.raises(UserError, match=r"There is a user ada@example\.com already"):
            add_user(connection, "ADA@example.com", "", {}, NOW)


def test_only_the_right_password_of_somebody_who_may_sign_in_is_taken(world: World) -> None:
    with world.database.writing() as connection:
        ada = add_user(connection, "ada@example.com", "Ada", {}, NOW, password="long enough 1")
        add_user(connection, "sso@example.com", "No password", {}, NOW)
        assert check_password(connection, "ADA@example.com", "long enough 1") == ada
        for email, password in (("ada@example.com", "wrong"), ("sso@example.com", ""), ("nobody@example.com", "x")):
            assert check_password(connection, email, password) is None
        set_disabled(connection, ada.id, NOW)
        assert check_password(connection, "ada@example.com", "long enough 1") is None


@pytest.mark.parametrize(
    "email", ["", "ada", "a@", "@b.example", "a b@c.example", "a@b@c", "a\n@b.example", "x" * 400 + "@b.c"]
)
def test_what_is_no_address_is_refused(world: World, email: str) -> None:
    with world.database.writing() as connection, pytest.raises(UserError, match="e-mail address"):
        add_user(connection, email, "", {}, NOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "a\u202eb"}, "invisible"),
        ({"language": "fr"}, "en or zh"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"time_zone": "../etc/passwd"}, "no time zone"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_in_both_languages(
    world: World, change: dict[str, str], message: str
) -> None:
    with world.database.writing() as connection:
        ada = add_user(connection, "ada@example.com", "Ada", {}, NOW)
        with pytest.raises(UserError, match=message) as refused:
            set_profile(connection, ada.id, **{"name": "Ada", "language": "en", "time_zone": "", **change})
    assert refused.value.label.zh


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "aaaaaaaaaaaa"])
def test_weak_and_endless_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordError):
        hash_password(password)


def test_a_password_is_kept_as_argon2id_and_known_again() -> None:
    kept = hash_password("correct horse")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert is_password(kept, "correct horse")
    assert not is_password(kept, "correct hors")
    assert not is_password(None, "nobody's password")
    assert not is_password("not a hash", "x")


def test_a_password_of_nobody_takes_as_long_as_a_wrong_one() -> None:
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODYS)  # the same parameters


def test_roles_are_in_order() -> None:
    assert [allows("viewer", "viewer"), allows("viewer", "sales"), allows("sales", "admin"), allows("admin", "viewer")] == [
        True,
        False,
        False,
        True,
    ]
