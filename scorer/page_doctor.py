"""Look at a page of a website from outside: fetch it and what it loads, and have it judged."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, select

from scorer.core.findings import Sign
from scorer.core.labels import Label
from scorer.core.page_check import Facts, Fetched, KnownSite, LastEvent, endpoint_of, judge
from scorer.core.page_tags import read_page
from scorer.fetching import fetch
from scorer.ingestion import heard_of_last
from scorer.resources import Resources
from tracker.assets import release
from tracker.models import events, sites
from tracker.sites import Site, load_sites
from tracker.snippet_settings import snippet_settings

MAX_ADDRESSES = 10
"""A page with more tags of the snippet than this is told so without them all being asked for."""
_NOT_ASKED_FOR = Label("not asked for", "未查询")


def examine_page(resources: Resources, url: str, wanted: Site | None, now_ms: int) -> Iterator[Sign]:
    """Yield what is right and wrong about the page at *url*; *wanted* is the site it is said to be of."""
    with resources.database.reading() as connection:
        known = _known_sites(connection, resources.settings.collect_prefix)
    present = release()
    facts = Facts(known, wanted.name if wanted else None, present.version if present else "", now_ms)
    page = fetch(url, accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    text = read_page(page.body.decode("utf-8", errors="replace"), page.url)
    tags = text.tags[:MAX_ADDRESSES]
    addresses = {tag.src for tag in tags} | {endpoint_of(tag, facts.site_of(tag.key)) for tag in tags if tag.key}
    with ThreadPoolExecutor() as threads:
        fetched: dict[str, Fetched] = dict(zip(addresses, threads.map(fetch, addresses), strict=True))
    yield from judge(page, text, {tag.src: Fetched(tag.src, error=_NOT_ASKED_FOR) for tag in text.tags} | fetched, facts)


def _known_sites(connection: Connection, collect_prefix: str) -> tuple[KnownSite, ...]:
    keys = {row.id: row.write_key for row in connection.execute(select(sites.c.id, sites.c.write_key))}
    return tuple(
        KnownSite(
            site.name,
            keys[site.id],
            site.settings.origins,
            snippet_settings(site.settings, collect_prefix, keys[site.id]),
            _last_event(connection, site.id),
        )
        for site in load_sites(connection).values()
    )


def _last_event(connection: Connection, site_id: int) -> LastEvent | None:
    """Return the event of a site that came last, ``None`` if none is stored."""
    # By way of the visitor heard of last: the ledger has no index by time, and is large.
    visitor_id = heard_of_last(connection, site_id)
    if visitor_id is None:
        return None
    columns = (events.c.kind, events.c.name, events.c.received_at, events.c.label)
    of_visitor = select(*columns).where(events.c.visitor_id == visitor_id).order_by(events.c.received_at.desc()).limit(1)
    row = connection.execute(of_visitor).first()
    return LastEvent(row.kind, row.name, row.received_at, row.label) if row is not None else None
