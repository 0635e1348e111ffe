"""Giving up mails: by POST, without signing in; looking at the page changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from scorer.digests import Digest, list_digests, subscribe
from scorer.outlet_models import alerts
from scorer.unsubscribing import link, make_blueprint, read_token, token
from tests.factories import NOW, World
from tracker.sites import load_sites

SECRET = b"a secret"


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    yield made
    made.database.close()


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = Flask("test")
    app.register_blueprint(make_blueprint(world.database, SECRET, lambda: NOW + 5))
    return app.test_client(use_cookies=False)


def subscribed(world: World, email: str = "ben@nordwind.example", language: str = "en") -> Digest:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        return subscribe(connection, site, email, "chen", NOW, language=language)


def path(digest: Digest) -> str:
    return link("", SECRET, "digest", digest.id)


def ended(world: World) -> list[int | None]:
    with world.database.reading() as connection:
        return [one.unsubscribed_at for one in list_digests(connection)]


def test_get_and_head_change_nothing(world: World, client: FlaskClient) -> None:
    digest = subscribed(world)
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        answer = client.open(path(digest), method=method)
        assert answer.status_code == 200
    page = client.get(path(digest)).get_data(as_text=True)
    assert "Unsubscribe from the weekly digest?" in page
    assert '<form method="post">' in page
    assert "ben@nordwind.example gets no more weekly digests" in page
    assert ended(world) == [None]


def test_one_click_unsubscribes_without_cookies(world: World, client: FlaskClient) -> None:
    """As RFC 8058 has mail programs send it."""
    digest, other = subscribed(world), subscribed(world, "zoe@nordwind.example")
    answer = client.post(path(digest), data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert ended(world) == [NOW + 5, None]
    with world.database.reading() as connection:
        assert [one.next_at for one in list_digests(connection)] == [None, other.next_at]


def test_done_twice_it_is_done_once_and_the_page_says_so(world: World, client: FlaskClient) -> None:
    digest = subscribed(world, language="zh")
    for _ in range(2):
        page = client.post(path(digest)).get_data(as_text=True)
        assert "已退订" in page
    assert "<form" not in client.get(path(digest)).get_data(as_text=True)
    assert ended(world) == [NOW + 5]


def test_an_address_can_be_subscribed_again(world: World, client: FlaskClient) -> None:
    client.post(path(subscribed(world)))
    subscribed(world)
    assert set(ended(world)) == {NOW + 5, None}


def test_alerts_are_given_up_the_same_way(world: World, client: FlaskClient) -> None:
    values = {
        **{"id": "al_0011223344556677", "site_id": world.nordwind.id, "email": "ben@nordwind.example", "segment": ""},
        **{"language": "en", "time_zone": "UTC", "quiet_from": 0, "quiet_until": 0, "max_per_day": 9, "last_sequence": 0},
        **{"created_at": NOW, "unsubscribed_at": None},
    }
    with world.database.writing() as connection:
        connection.execute(insert(alerts).values(values))
    address = link("", SECRET, "alert", "al_0011223344556677")
    assert "Unsubscribe from alerts?" in client.get(address).get_data(as_text=True)
    client.post(address)
    with world.database.reading() as connection:
        assert connection.execute(alerts.select()).one().unsubscribed_at == NOW + 5


@pytest.mark.parametrize(
    "text", ["x", "digest.dg_0.x", "digest.dg_0011223344556677.AAAAAAAAAAAAAAAAAAAAAA", "%00", "a" * 5000]
)
def test_links_that_are_not_ours_lead_nowhere(world: World, client: FlaskClient, text: str) -> None:
    digest = subscribed(world)
    for answer in (client.get(f"/unsubscribe/{text}"), client.post(f"/unsubscribe/{text}")):
        assert answer.status_code == 404
        assert digest.email not in answer.get_data(as_text=True)
    assert ended(world) == [None]


def test_a_subscription_that_was_removed_is_no_more(client: FlaskClient) -> None:
    gone = link("", SECRET, "digest", "dg_0011223344556677")
    assert client.post(gone, headers={"Accept-Language": "zh-CN"}).status_code == 404
    assert "链接无效" in client.post(gone, headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)


def test_the_page_is_nobody_else_s_business(world: World, client: FlaskClient) -> None:
    headers = client.get(path(subscribed(world))).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["Content-Security-Policy"]


@given(st.sampled_from(["digest", "alert"]), st.from_regex(r"[a-z]{2}_[0-9a-f]{16}", fullmatch=True), st.binary(min_size=1))
def test_tokens_are_bound_to_kind_id_and_secret(kind: str, name: str, secret: bytes) -> None:
    made = token(secret, kind, name)  # type: ignore[arg-type]
    assert read_token(secret, made) == (kind, name)
    assert read_token(secret + b"x", made) is None
    other = "alert" if kind == "digest" else "digest"
    assert read_token(secret, made.replace(kind, other, 1)) is None
    assert read_token(secret, made[:-1]) is None
