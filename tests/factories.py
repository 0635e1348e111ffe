"""Two companies, their salespeople, and visitors who do things: all of it stored the way the service stores it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection

import scorer.migrations
from scorer.core.people import account_id, lead_id
from scorer.keys import Scope, add_key
from scorer.lead_views import Viewpoint, find_leads, view_leads
from scorer.memberships import surviving
from scorer.models import lead_scores, leads
from scorer.outlets import api, shapes
from scorer.scorecards import add_first_card, current_cards
from scorer.scoring import score_visitors
from tracker import bulk
from tracker.batch import process, process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split, take_in
from tracker.db import Database
from tracker.migrate import migrate
from tracker.progress import Counts
from tracker.settings import Settings
from tracker.sites import SiteSettings, add_site, load_sites

NOW = int(datetime(2026, 11, 19, 10, 30, tzinfo=UTC).timestamp() * 1000)  # a Thursday
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
LATE_WINDOW_MS = 7 * DAY
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
SALESPEOPLE: dict[str, Scope] = {"ada": "read", "ben": "sales", "chen": "admin"}
"""Three who work for each site, and what each may do."""

PLAIN_LEAD: dict[str, Any] = {
    **dict.fromkeys(("name", "email", "title", "phone", "company_name", "company_domain"), ""),
    **dict.fromkeys(("industry", "country", "region"), ""),
    **{"kind": "visitor", "role": "unknown", "channel": "direct", "status": "open"},
    **{"visitors": 1, "first_at": NOW, "version": 1},
}
PLAIN_SCORE: dict[str, Any] = {
    **{"topics": " ", "last_at": NOW, "revision": 1, "state": b""},
    **dict.fromkeys(("visits", "page_views", "downloads", "engaged_ms"), 0),
}
"""What a lead is of whom nothing else is known."""

Event = dict[str, Any]
_numbers = count(1)


class Company(msgspec.Struct, frozen=True):
    """A site, and the keys of its salespeople by their names."""

    id: int
    name: str
    keys: dict[str, str]

    def lead(self, visitor: str) -> str:
        """The id of the lead that *visitor* is."""
        return lead_id(self.id, visitor)

    def account(self, domain: str) -> str:
        """The id of the account of the company with this domain."""
        made = account_id(self.id, "", domain)
        assert made is not None
        return made


class World:
    """A migrated database with two companies, and a clock that stands still until moved."""

    def __init__(self, database_url: str, *, made_at: int = NOW - 100 * DAY, now: int = NOW) -> None:
        self.database = Database(database_url)
        migrate(self.database, Path(str(scorer.migrations.__file__)).parent)
        self.now = now
        with self.database.writing() as connection:
            self.nordwind = _company(connection, "nordwind", SiteSettings(), made_at)
            self.huadong = _company(connection, "huadong", SiteSettings(language="zh", time_zone="Asia/Shanghai"), made_at)

    def client(self, who: str | None = "ada", company: Company | None = None, **options: Any) -> FlaskClient:
        """A client of the sales API with somebody's key (``None``: with none), and with a count of requests of its own.

        *options* are those of ``api.make_blueprint``, and ``api_rate``.
        """
        app = Flask("test")
        settings = Settings(public_url="https://leads.example.com", api_rate=options.pop("api_rate", "600,120"))
        app.register_blueprint(api.make_blueprint(self.database, settings, lambda: self.now, **options))
        client = app.test_client()
        if who is not None:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {(company or self.nordwind).keys[who]}"
        return client

    def feed(self, events: Sequence[Event], company: Company | None = None) -> None:
        """Let the drain process *events* now."""
        site_id = (company or self.nordwind).id
        for start in range(0, len(events), 500):
            body = read_body(msgspec.json.encode({"batch": events[start : start + 500]}), is_batch=True)
            admission = admit(body, None, Caller(site_id, True, OLDEST_MS), self.now)
            assert admission.rejected == []
            entries = split(admission, site_id, self.now, RequestInfo(trusted=True), 16)
            batch = [(partition, f"{self.now}-{next(_numbers)}", packed) for partition, _, packed in entries]
            process_surely(self.database, batch, score_visitors, now_ms=self.now)

    def browsers_send(
        self, events: Sequence[Event], now: int = NOW, *, processed: int | None = None
    ) -> tuple[Counts, list[str]]:
        """Let the drain process what is sent with the write key, a thousand events a request, *processed* at once or later.

        Return what became of them, and the reasons of refusals.
        """
        total, refused = Counts(), list[str]()
        for start in range(0, len(events), 1_000):
            body = read_body(msgspec.json.encode({"batch": events[start : start + 1_000]}), is_batch=True)
            caller = Caller(self.nordwind.id, False, now - LATE_WINDOW_MS)
            admission, entries = take_in(body, None, caller, now, RequestInfo(FIREFOX, False), 16)
            batch = [(partition, f"{now}-{next(_numbers)}", packed) for partition, _, packed in entries]
            total.add(process(self.database, batch, score_visitors, now_ms=processed or now).counts)
            refused += [one.reason for one in admission.rejected]
        return total, refused

    def shown(self, who: str) -> shapes.Lead:
        """The lead that a visitor has become part of, as it is shown now."""
        with self.database.reading() as connection:
            site, stored = load_sites(connection)[self.nordwind.id], current_cards(connection)[self.nordwind.id]
            root = surviving(connection, site.id, self.nordwind.lead(who)) or self.nordwind.lead(who)
            view = Viewpoint(site, stored, self.now, "en", "https://leads.example.com")
            (found,) = view_leads(connection, view, list(find_leads(connection, stored.id, [root]).values()))
        return found

    def add_plain_leads(self, heats: Iterable[float], *, hot: bool = True, company: Company | None = None) -> list[str]:
        """Store leads of these heats that nothing else is known of; return their ids."""
        site_id, heats_list, since = (company or self.nordwind).id, list(heats), NOW if hot else None
        with self.database.writing() as connection:
            card_id = current_cards(connection)[site_id].id
            ids = [lead_id(site_id, f"plain {next(_numbers)}") for _ in heats_list]
            lead_rows = [{"id": name, **PLAIN_LEAD, "site_id": site_id} for name in ids]
            score_rows = [
                {"scorecard_id": card_id, "lead_id": name, **PLAIN_SCORE, "heat": heat, "priority": heat, "hot_since": since}
                for name, heat in zip(ids, heats_list, strict=True)
            ]
            for table, rows in ((leads, lead_rows), (lead_scores, score_rows)):
                columns = tuple(column.name for column in table.columns)
                bulk.append(connection, table, [tuple(row.get(name) for name in columns) for row in rows], columns=columns)
        return ids


def _company(connection: Connection, name: str, settings: SiteSettings, made_at: int) -> Company:
    site = add_site(connection, name, settings, made_at)
    add_first_card(connection, site.id, made_at)
    keys = {who: add_key(connection, site.id, scope, made_at).key for who, scope in SALESPEOPLE.items()}
    return Company(site.id, name, keys)


def page(who: str, path: str, at: int, *, view: str = "", title: str = "", **context: Any) -> Event:
    """A page view."""
    properties = {"url": f"https://www.nordwind.example{path}", "title": title, "view_id": view}
    properties |= {"referrer": context.pop("referrer", "")}
    return _event("page", who, at, properties=properties, context={"userAgent": FIREFOX} | context)


def engaged(who: str, view: str, seconds: int, at: int, *, scroll: int = 50) -> Event:
    """Time spent on a page view so far."""
    properties = {"view_id": view, "engaged_ms": seconds * SECOND, "scroll_percent": scroll}
    return _event("track", who, at, event="Page Engaged", properties=properties)


def download(who: str, name: str, at: int) -> Event:
    """A download."""
    properties = {"url": f"https://www.nordwind.example/files/{name}", "file_name": name}
    return _event("track", who, at, event="File Downloaded", properties=properties)


def track(who: str, name: str, at: int, **properties: Any) -> Event:
    """Any other event."""
    return _event("track", who, at, event=name, properties=properties)


def identify(who: str, at: int, **traits: Any) -> Event:
    """The visitor says who it is."""
    return _event("identify", who, at, traits=traits)


def buyer(who: str, until: int = NOW, **traits: Any) -> list[Event]:
    """A visitor who is about to buy: two visits, prices, a price list, an enquiry; hot by the shipped scorecard."""
    first, last = until - 3 * DAY, until - 2 * HOUR
    return [
        page(who, "/products/flow-meter", first, view=f"{who}-1", title="Flow meter", referrer="https://www.google.com/"),
        engaged(who, f"{who}-1", 95, first + 2 * MINUTE, scroll=80),
        page(who, "/pricing", last, view=f"{who}-2", title="Pricing", timezone="Europe/Berlin", locale="de-DE"),
        engaged(who, f"{who}-2", 40, last + MINUTE),
        engaged(who, f"{who}-2", 200, last + 4 * MINUTE, scroll=100),
        download(who, "price-list.pdf", last + 5 * MINUTE),
        page(who, "/contact", last + 6 * MINUTE, view=f"{who}-3", title="Contact"),
        track(who, "Form Submitted", last + 7 * MINUTE, form_id="enquiry", form_name="Enquiry"),
        track(who, "Quote Requested", last + 8 * MINUTE),
        *([identify(who, last + 8 * MINUTE, **traits)] if traits else []),
    ]


def passer_by(who: str, until: int = NOW) -> list[Event]:
    """A visitor who looks at one page of news."""
    return [page(who, "/news/fair", until - 5 * DAY, view=f"{who}-1", title="News")]


def _event(kind: str, who: str, at: int, **fields: Any) -> Event:
    timestamp = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return {"type": kind, "anonymousId": who, "messageId": f"m{next(_numbers)}", "timestamp": timestamp, **fields}
