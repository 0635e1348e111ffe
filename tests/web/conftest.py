"""The page over WSGI: a world with two sites, three salespeople with different rights, and browsers for them.

And the page in a real browser: ``browser`` is a Chromium, ``served`` the page of a world with people in it on a real port.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright
from werkzeug.test import TestResponse

from scorer import passwords
from scorer.core.labels import Language
from scorer.resources import Resources
from scorer.users import Role, User, add_user
from scorer.web import blueprint
from tests.chromium import launch
from tests.factories import World
from tracker.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.served import Served

URL = "https://leads.example.com"
PASSWORD = "a long enough password"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{40})"')


class Browser:
    """A browser that keeps cookies and sends forms with the token of the page that they are on."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url=URL, headers=headers)

    def post(self, path: str, form: dict[str, str], *, on: str, **headers: str) -> TestResponse:
        """Send a form that stands on the page *on*."""
        found = _TOKEN.search(self.get(on).text)
        assert found is not None, f"{on} has no form"
        return self.client.post(path, base_url=URL, data={"form_token": found[1], **form}, headers=headers)

    def sign_in(self, email: str, password: str = PASSWORD, **form: str) -> TestResponse:
        return self.post("/sign-in", {"email": email, "password": password, **form}, on="/sign-in")


class Web:
    """The page of a world, and who may sign in to it."""

    def __init__(self, world: World, url: str = URL, resources: Resources | None = None, **options: Any) -> None:
        self.world = world
        self.app = Flask("test", static_folder=None)
        settings = Settings(public_url=url, **options)
        self.app.register_blueprint(
            blueprint.make_blueprint(world.database, settings, b"secret", None, lambda: self.world.now, resources)
        )
        north, east = world.nordwind.id, world.huadong.id
        self.ada = self.add("ada", {north: "viewer"})
        self.ben = self.add("ben", {north: "sales", east: "viewer"})
        self.chen = self.add("chen", {north: "admin", east: "admin"}, language="zh")

    def add(self, name: str, roles: dict[int, Role], **options: Any) -> User:
        language: Language = options.get("language", "en")
        with self.world.database.writing() as connection:
            return add_user(
                connection, f"{name}@example.com", name.title(), roles, self.world.now, password=PASSWORD, language=language
            )

    def browser(self, who: User | None = None) -> Browser:
        """A browser of its own, signed in as *who*."""
        made = Browser(self.app.test_client())
        if who is not None:
            assert made.sign_in(who.email).status_code == 303
        return made


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords that take a millisecond to hash."""
    with pytest.MonkeyPatch.context() as patch:
        quick = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_HASHER", quick)
        patch.setattr(passwords, "_NOBODYS", quick.hash("nobody's password"))
        yield


@pytest.fixture
def web(database_url: str) -> Iterator[Web]:
    """The page of a new world, once on each database."""
    world = World(database_url)
    yield Web(world)
    world.database.close()


@pytest.fixture
def sqlite_web(migrated_sqlite_url: str) -> Iterator[Web]:
    """The page of a new world, for what has nothing to do with the database."""
    world = World(migrated_sqlite_url)
    yield Web(world)
    world.database.close()


@pytest.fixture
def queued_web(migrated_sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Web]:
    """The page of a new world, with a queue."""
    world = World(migrated_sqlite_url)
    resources = Resources(Settings(public_url=URL, database_url=migrated_sqlite_url, data_dir=tmp_path), redis_url)
    yield Web(world, resources=resources)
    resources.close()
    world.database.close()


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Chromium]:
    """A Chromium for the whole test process."""
    with launch(playwright_driver) as launched:
        yield launched


@pytest.fixture(scope="module")
def served(
    browser: Chromium, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, quick_passwords: None
) -> Iterator[Served]:
    """The page of a world with people in it, on a real port; one for a module."""
    from tests.web.served import outlets, people, serving

    path = tmp_path_factory.mktemp("served") / "warmtrail.db"
    shutil.copy(migrated_sqlite, path)
    world = World(f"sqlite:///{path}", now=int(time.time() * 1000))
    people(world)
    outlets(world)
    with serving(world, browser) as made:
        yield made
    world.database.close()
