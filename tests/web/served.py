"""The page of a world on a real port, for a real browser; without the processes of a whole service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from scorer.alerts import add_alert
from scorer.calibrations import keep
from scorer.core.labels import Language
from scorer.core.learned import Calibration
from scorer.digests import subscribe
from scorer.scorecards import current_cards
from scorer.users import Role, User
from scorer.web.call import Theme
from scorer.web.sessions import open_session
from scorer.webhook_delivery import queue_test
from scorer.webhooks import add_webhook
from tests.factories import DAY, World, buyer, identify, page, passer_by, track
from tests.proposal_samples import propose
from tests.web.conftest import Web
from tests.web.shown_pages import FIRST_OF, placeholder_of
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.sites import load_sites

Width = Literal[390, 1280]
HEIGHT = {390: 844, 1280: 900}


class Served:
    """A web of its own on ``url``, and the browser that looks at it. Its clock is the world's, which is the real one's
    at the beginning: scripts tell times by theirs."""

    def __init__(self, web: Web, url: str, browser: Browser) -> None:
        self.web = web
        self.world = web.world
        self.url = url
        self._browser = browser
        self._users: dict[tuple[Role, Language], User] = {}

    def user(self, role: Role = "admin", language: Language = "en") -> User:
        """Somebody with this role on both sites."""
        if (role, language) not in self._users:
            roles: dict[int, Role] = {self.world.nordwind.id: role, self.world.huadong.id: role}
            self._users[role, language] = self.web.add(f"{role}-{language}", roles, language=language)
        return self._users[role, language]

    @contextmanager
    def visiting(
        self,
        who: User | None = None,
        *,
        theme: Theme = "light",
        width: Width = 1280,
        **options: Any,
    ) -> Iterator[BrowserContext]:
        """A browser of its own, signed in as *who* (``None``: as nobody). *options* are Playwright's, such as
        ``java_script_enabled=False``."""
        options = {"locale": "en-GB", "timezone_id": "Europe/Berlin", "base_url": self.url} | options
        context = self._browser.new_context(viewport={"width": width, "height": HEIGHT[width]}, **options)
        context.set_default_timeout(10_000)
        kept = {"warmtrail_theme": theme, "warmtrail_site": str(self.world.nordwind.id)}
        if who is not None:
            with self.world.database.writing() as connection:
                kept["warmtrail_session"] = open_session(connection, who.id, "Chromium", self.world.now)
        context.add_cookies([{"name": name, "value": value, "url": self.url} for name, value in kept.items()])
        try:
            yield context
        finally:
            context.close()

    def path_of(self, shown: Page, path: str) -> str:
        """Return a path with its placeholder filled, by what *shown*'s browser is led to."""
        kind = placeholder_of(path)
        if kind is None:
            return path
        on, pattern = FIRST_OF[kind]
        found = pattern.search(shown.request.get(on).text())
        assert found is not None, f"{on} leads to no {kind}"
        return path.replace(f"{{{kind}}}", found[1])


@contextmanager
def serving(world: World, browser: Browser, **options: Any) -> Iterator[Served]:
    """Serve the page of a world until the block ends; *options* are settings."""
    shown: list[Web] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: shown[0].app(environ, start), threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    shown.append(Web(world, url, **options))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Served(shown[0], url, browser)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def people(world: World) -> None:
    """Let some people visit the first site, so that every page has something to show: two colleagues about to buy, one
    nobody knows, some who are warm or cold, and one who has bought."""
    now = world.now
    pump = {"company": "Halden Foods", "website": "https://halden.example"}
    events = [
        *buyer("nora", now, name="Nora North", email="nora@halden.example", title="Head of Procurement", **pump),
        *buyer("finn", now - DAY, name="Finn Halden", email="finn@halden.example", title="Process Engineer", **pump),
        *buyer("emil", now - 2 * DAY, name="Emil East", email="emil@east.example", phone="+49 30 901820"),
        *buyer("unknown", now),
        *passer_by("passer", now),
        page("warm", "/products/level-sensor", now - DAY, view="warm-1", title="Level sensor"),
        identify("warm", now - DAY, name="Wanda Warm", email="wanda@warm.example", company="Warm Works"),
        *buyer("won", now - 20 * DAY, name="Willa Won", email="willa@won.example", company="Won Water"),
        track("won", "Lead Won", now - 15 * DAY, value=48_000, currency="EUR"),
    ]
    world.feed(events)


def outlets(world: World) -> None:
    """Let the first site have a webhook with a message, somebody who gets the weekly mail and alerts, and dead letters."""
    with world.database.writing() as connection:
        site, now = load_sites(connection)[world.nordwind.id], world.now
        hook = add_webhook(connection, site, "https://hooks.example.com/a", "chen@example.com", now, name="CRM").webhook
        queue_test(connection, site, hook, now)
        subscribe(connection, site, "chen@example.com", "chen@example.com", now)
        add_alert(connection, site, "chen@example.com", "chen@example.com", now)
        letter = DeadLetter(site.id, now - DAY, "url_invalid", "collector", False, b'{"type":"page","anonymousId":"x"}')
        save_dead_letters(connection, [letter])
        card = current_cards(connection)[site.id]
        keep(connection, card.id, Calibration(-3.0, 0.02, 0.02, -0.0001, 0.000001, 31, 900, 90, now, True))
    propose(world)
