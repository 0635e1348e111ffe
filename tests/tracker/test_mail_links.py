"""A click on a link in a mail, through the collector and the drain: where it leads, what is kept of it, what it can't do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.tracker.conftest import CHROME, DAY, GOOGLEBOT, totals
from tracker import queue
from tracker.batch import process
from tracker.collect import Limits
from tracker.collector import Collector, make_blueprint
from tracker.core.entries import Entry, unpack
from tracker.core.mail_links import MailLink, read_click, sign, sign_click, take_off_click
from tracker.db import Database
from tracker.embedded import EmbeddedServer
from tracker.health import make_health_blueprint
from tracker.keys import SiteKeys
from tracker.metrics import IntakeMetrics
from tracker.models import events, visitors, visits
from tracker.sites import SiteSettings, add_site

SECRET = b"secret"
FAR = 4_000_000_000_000
TARGET = "https://shop.example/pricing?a=1&b=%20x&&c#plans"


class Setting:
    """A collector, and what it talks to."""

    def __init__(self, database: Database, url: str, prefix: str = "/v1") -> None:
        with database.writing() as connection:
            self.site_id = add_site(connection, "shop", SiteSettings(), 1).id
        self.database, self.prefix = database, prefix
        self.streams = queue.connect(url)
        self.full = False
        self.touched: list[list[int]] = []
        self.registry, metrics = CollectorRegistry(), IntakeMetrics()
        self.registry.register(metrics)
        collector = Collector(
            keys=SiteKeys(database),
            limits=Limits(4, 7 * DAY),
            streams=self.streams,
            touched=self.touched.append,
            is_full=lambda: self.full,
            metrics=metrics,
            secret=SECRET,
        )
        app = Flask("test", static_folder=None)
        app.register_blueprint(make_health_blueprint(lambda: "", self.registry))
        app.register_blueprint(make_blueprint(collector, prefix))
        self.client: FlaskClient = app.test_client(use_cookies=False)

    def token(self, url: str = TARGET, expires_ms: int = FAR, lead: str = "ld_a") -> str:
        return sign(SECRET, self.site_id, lead, url, "spring", expires_ms, "k1")

    def click(self, token: str, method: str = "GET", agent: str = CHROME, **headers: str) -> TestResponse:
        return self.client.open(f"{self.prefix}/go/{token}", method=method, headers={"User-Agent": agent} | headers)

    def entries(self) -> list[tuple[int, str, bytes]]:
        return queue.read_entries(self.streams, dict.fromkeys(range(4), "0-0"), count=1000, block_ms=None)

    def queued(self) -> list[Entry]:
        return [unpack(packed) for _, _, packed in self.entries()]

    def drain(self) -> None:
        process(self.database, self.entries(), lambda *_: False)

    def counted(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("warmtrail_mail_clicks_total", {"outcome": outcome})


@pytest.fixture
def setting(sqlite_database: Database, redis_url: str) -> Setting:
    return Setting(sqlite_database, redis_url)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_click_leads_to_the_target_and_says_there_whose_it_was(setting: Setting, method: str) -> None:
    answer = setting.click(setting.token(), method)
    assert answer.status_code == 302
    landing = answer.headers["Location"]
    bare, token = take_off_click(landing)
    assert (bare, landing.endswith("#plans")) == (TARGET, True)
    [entry] = setting.queued()
    click = read_click(SECRET, token, setting.site_id, entry.received_ms)
    assert (click.lead_id, click.link_id, click.campaign, click.clicked_at) == (  # type: ignore[union-attr]
        "ld_a",
        "k1",
        "spring",
        entry.received_ms,
    )
    assert (answer.data, answer.headers["Cache-Control"]) == (b"", "no-store")
    assert (answer.headers["Referrer-Policy"], answer.headers["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/%E4%BB%B7%E6%A0%BC?q=%2F&r=a+b#%C3%BC",
        "http://127.0.0.1:8700/a;b?c=d?e",
        "https://xn--bcher-kva.example/(a)/~b/'c'?d=[1]|2#!/r?x=1",
    ],
)
def test_the_target_is_not_changed(setting: Setting, url: str) -> None:
    assert take_off_click(setting.click(setting.token(url)).headers["Location"])[0] == url


def test_a_click_is_kept_as_an_event_of_its_addressee(setting: Setting) -> None:
    setting.click(setting.token())
    [entry] = setting.queued()
    [(key, event)] = entry.events
    assert (key, event.kind, event.name, event.url) == (
        "mail:ld_a",
        "track",
        "Email Link Clicked",
        "https://shop.example/pricing?a=1&b=%20x&&c",
    )
    told = {"lead": "ld_a", "link": "k1", "campaign": "spring", "clicked_at": event.at}
    said = {"link_id": "k1", "campaign": "spring", "url": TARGET, "method": "GET", "agent": CHROME, "mail_link": told}
    assert event.properties == said
    assert setting.touched == [[0]] or len(setting.touched) == 1
    assert (entry.info.mail_click, entry.info.trusted) == (True, False)


def test_clicks_are_kept_with_a_label_and_are_nobodys_visit(database: Database, redis_url: str) -> None:
    setting = Setting(database, redis_url)
    for method, agent, headers in (
        ("HEAD", CHROME, {}),
        ("GET", CHROME, {}),
        ("GET", GOOGLEBOT, {}),
        ("GET", CHROME, {"Sec-Purpose": "prefetch"}),
        ("GET", CHROME, {"X-Purpose": "preview"}),
        ("GET", CHROME, {"Sec-GPC": "1"}),
    ):
        assert setting.click(setting.token(), method, agent, **headers).status_code == 302
    setting.drain()
    with database.reading() as connection:
        labels = sorted(row.label for row in connection.execute(select(events)))
        [visitor] = connection.execute(select(visitors)).all()
        assert connection.execute(select(visits)).all() == []
    # Whoever asks not to be tracked leaves no trace, here as elsewhere.
    assert labels == ["bot", "mail_click", "mail_click", "prefetch", "prefetch"]
    assert (visitor.key, visitor.visits, visitor.state) == ("mail:ld_a", 0, None)
    counts = totals(database)[setting.site_id]
    assert (counts.received, counts.filtered, counts.stored) == (6, 6, 0)


def test_clicking_twice_in_a_moment_is_two_clicks(setting: Setting) -> None:
    for _ in range(3):
        setting.click(setting.token())
    setting.drain()
    setting.drain()
    with setting.database.reading() as connection:
        assert len(connection.execute(select(events)).all()) == 3


@pytest.mark.parametrize(("expires_ms", "status", "word"), [(1, 410, "已过期"), (FAR, 404, "链接无效")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_that_is_no_good_leads_nowhere(
    setting: Setting, expires_ms: int, status: int, word: str, method: str
) -> None:
    token = setting.token(expires_ms=expires_ms) if status == 410 else setting.token()[:-2] + "xx"
    answer = setting.click(token, method)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "Location" not in answer.headers
    assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    if method == "GET":
        assert word in answer.text
        assert "link" in answer.text
    assert setting.queued() == []
    assert setting.counted("expired" if status == 410 else "forged") == 1


def test_nobody_is_sent_where_a_token_of_ours_does_not_say(setting: Setting) -> None:
    elsewhere = sign(b"another", setting.site_id, "ld_a", "https://evil.example/", "", FAR, "k1")
    of_a_page = sign_click(SECRET, MailLink(1, "ld_a", TARGET, "", FAR, "k1"), 1)
    for token in (elsewhere, of_a_page, "https://evil.example/", "evil.example", "x" * 6000):
        assert setting.click(token).status_code == 404
    # A token with slashes is another path of our own.
    assert setting.click("%2F%2Fevil.example").headers["Location"] == "http://localhost/v1/go/evil.example"
    led = setting.click(setting.token() + "?url=https://evil.example/&wt_m=x").headers["Location"]
    assert led.startswith("https://shop.example/pricing?")
    assert "evil" not in led


def test_a_full_queue_delays_nobody(setting: Setting) -> None:
    setting.full = True
    assert setting.click(setting.token()).status_code == 302
    assert (setting.counted("not_recorded"), setting.queued()) == (1, [])
    setting.full = False
    assert setting.click(setting.token()).status_code == 302
    assert (setting.counted("recorded"), len(setting.queued())) == (1, 1)
    assert b"warmtrail_mail_clicks_total" in generate_latest(setting.registry)


def test_a_queue_that_is_away_delays_nobody(sqlite_database: Database, own_server: EmbeddedServer) -> None:
    setting = Setting(sqlite_database, own_server.start())
    own_server.stop()
    assert setting.click(setting.token()).status_code == 302
    assert (setting.counted("not_recorded"), setting.touched) == (1, [])


def test_a_queue_that_hangs_delays_nobody_for_long(
    sqlite_database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.mail_clicks.APPEND_SECONDS", 0.1)
    setting = Setting(sqlite_database, redis_url)
    setting.streams.client_pause(3000, all=False)
    assert setting.click(setting.token()).status_code == 302
    assert setting.counted("not_recorded") == 1
    setting.streams.client_unpause()


def test_the_route_is_under_the_prefix_of_the_settings(sqlite_database: Database, redis_url: str) -> None:
    setting = Setting(sqlite_database, redis_url, prefix="/t")
    assert setting.click(setting.token()).status_code == 302
    assert setting.client.get(f"/v1/go/{setting.token()}").status_code == 404
    assert setting.client.post(f"/t/go/{setting.token()}").status_code == 405
