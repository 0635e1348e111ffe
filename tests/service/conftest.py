"""Services that tests start. Each has a folder and a port of its own and leaves no process behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest

from tests.conftest import give_up
from tests.service.running import Keys, Service
from tracker.embedded import EmbeddedError, find_server

MakeService = Callable[..., Service]


@pytest.fixture(scope="module")
def make_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeService]:
    """Makes services that are stopped after the module: ``make_service("postgresql", WORKERS=4)``. Starts none."""
    try:
        find_server()
    except EmbeddedError as error:
        give_up(str(error))
    with ExitStack() as stack:

        def make(database: str = "sqlite", **settings: Any) -> Service:
            folder = tmp_path_factory.mktemp("service")
            url = None
            if database == "postgresql":
                url = stack.enter_context(request.getfixturevalue("postgres_server").database())
            made = Service(folder / "var", url, {name: str(value) for name, value in settings.items()})
            stack.callback(made.end)
            return made

        yield make


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    """A service with no settings but its folder and port, shared by the tests of a module."""
    return make_service().start()


_numbers = count(1)


@pytest.fixture
def site(service: Service) -> Keys:
    """A site of this test's own on the shared service."""
    return service.add_site(f"site {next(_numbers)}")
