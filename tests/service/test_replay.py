"""A real recording over HTTP: whatever the order, the number of workers and the database, the same comes out."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from math import fsum
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from scorer.by_hand import merge, unmerge
from scorer.explaining import explain
from scorer.hot_list import Wanted, rank
from scorer.models import lead_scores, lead_visitors, leads
from scorer.publishing import publish, rollback
from scorer.rescoring import fill
from scorer.resources import now_ms
from scorer.scorecards import body_of, current_cards
from scorer.simulating import simulate
from tests import samples
from tests.service.conftest import MakeService
from tests.service.running import MINUTE, Event, Keys, Service, time_text
from tracker.models import visitors, visits
from tracker.sites import load_sites

LAST = 30_000
"""Events at the end of the recording that are replayed; with ``REPLAY=all`` in the environment all 95,982."""
PAIRS = 200
SLICE = 3000
"""Events of the smaller comparison."""

Outcome = dict[str, Any]


@pytest.fixture(scope="module")
def recording() -> list[Event]:
    """The recording, moved so that it ends yesterday, in order; with the time spent on each page."""
    bare = list(samples.deskdrop())
    end = max(event["timestamp"] for event in bare)
    shift = now_ms() - 24 * 60 * MINUTE - samples.datetime.fromisoformat(end).timestamp() * 1000
    moved = sorted(samples.deskdrop(round(shift)), key=lambda event: event["timestamp"])
    whole = sorted([*moved, *reading_times(moved)], key=lambda event: event["timestamp"])
    return whole if os.environ.get("REPLAY") == "all" else whole[-LAST:]


def reading_times(events: list[Event]) -> Iterator[Event]:
    """For each page that was left within five minutes, the time on it, told twice as the snippet does."""
    last: dict[str, tuple[Event, float]] = {}
    for event in events:
        at = samples.datetime.fromisoformat(event["timestamp"]).timestamp() * 1000
        who = event["anonymousId"]
        before, since = last.get(who, (None, 0.0))
        if before is not None and before["type"] == "page" and at - since < 5 * MINUTE:
            view = before["properties"]["view_id"] = before["messageId"]
            for part, share in enumerate((0.4, 0.9)):
                told = {"view_id": view, "url": before["properties"]["url"], "engaged_ms": int((at - since) * share)}
                yield {
                    "type": "track",
                    "event": "Page Engaged",
                    "messageId": f"{view}-{part}",
                    "anonymousId": who,
                    "timestamp": time_text(round(since + (at - since) * share)),
                    "context": before["context"],
                    "properties": told,
                }
        last[who] = (event, at)


def shuffled(events: list[Event]) -> list[Event]:
    """The events in three slices, each out of order, one after the other."""
    chance = random.Random(11)
    slices = [events[start::3] for start in range(3)]
    for part in slices:
        chance.shuffle(part)
    return [event for part in slices for event in part]


def outcome(service: Service) -> Outcome:
    """All that was concluded from the events, by visitor key, whatever numbers the database gave out."""
    with service.resources.database.reading() as connection:
        keys = {row.id: row.key for row in connection.execute(select(visitors.c.id, visitors.c.key))}
        seen = {
            keys[row.id]: (row.first_at, row.last_at, row.visits, row.page_views, row.downloads, row.engaged_ms)
            for row in connection.execute(select(visitors))
        }
        paid = {(keys[row.visitor_id], row.number): row[2:] for row in connection.execute(select(visits))}
        heats = {row.lead_id: row.heat for row in connection.execute(select(lead_scores))}
        homes = {keys[row.visitor_id]: (row.lead_id, row.home_id) for row in connection.execute(select(lead_visitors))}
        scored = select(leads, *(column for column in lead_scores.c if column.name != "lead_id"))
        facts = {
            row.id: (
                *(row.kind, row.visitors, row.channel, row.status, row.account_id, row.merged_into, row.exclusion),
                *(
                    row.hot_since is not None,
                    row.grade,
                    row.stage,
                    row.visits,
                    row.page_views,
                    row.downloads,
                    row.engaged_ms,
                ),
                *(row.first_at, row.last_at),
            )
            for row in connection.execute(scored.join(lead_scores, lead_scores.c.lead_id == leads.c.id))
        }
    ranking = [lead["id"] for lead in service.cli_json("hot", "--min-score", "0", "--limit", "200")["data"]]
    return {"visitors": seen, "visits": paid, "homes": homes, "heats": heats, "leads": facts, "ranking": ranking}


def replay(service: Service, events: list[Event], capsys: pytest.CaptureFixture[str], name: str) -> Keys:
    """Send *events* in batches of 100 into a fresh service, and see that the sums close."""
    site = service.start().add_site()
    started = time.monotonic()
    service.send(events, site.server_key)
    taken = time.monotonic()
    accounts = service.processed(120)
    done = time.monotonic()
    with capsys.disabled():
        rates = len(events) / (taken - started), len(events) / (done - started)
        print(f"\n    {name}: {len(events)} events; {rates[0]:,.0f}/s taken, {rates[1]:,.0f}/s through", end=" ")
    assert (accounts.received, accounts.stored + accounts.filtered) == (len(events), len(events))
    assert (accounts.duplicate, accounts.dead_lettered) == (0, 0)
    return site


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one["visitors"] == other["visitors"]
    assert one["visits"] == other["visits"]
    assert one["homes"] == other["homes"]
    assert one["leads"] == other["leads"]
    assert one["heats"] == pytest.approx(other["heats"], rel=1e-9)
    assert one["ranking"] == other["ranking"]


def assert_explained(service: Service) -> int:
    """Every score is the sum of its reasons; return how many scores."""
    now = now_ms()
    with service.resources.database.reading() as connection:
        stored = {row.lead_id: row.heat for row in connection.execute(select(lead_scores))}
        roots = select(leads.c.id).where(leads.c.merged_into.is_(None))
        assert stored.keys() == set(connection.execute(roots).scalars())
        for lead_id, heat in stored.items():
            told = explain(connection, lead_id, now)
            assert told is not None
            assert told.heat == pytest.approx(heat, rel=1e-9)
            assert fsum(one.decayed_points for one in told.contributions) == pytest.approx(told.points, rel=1e-9)
        assert stored.keys() == set(connection.execute(select(lead_visitors.c.lead_id)).scalars())
    return len(stored)


def assert_merges_come_apart(service: Service, before: Outcome) -> None:
    """Pairs of people made one each and two again: everybody is what they were."""
    chance = random.Random(17)
    ids = sorted(before["heats"])
    chance.shuffle(ids)
    pairs = [(ids[2 * number], ids[2 * number + 1]) for number in range(PAIRS)]
    database, now = service.resources.database, now_ms()
    with database.reading() as connection:
        [site] = load_sites(connection).values()
    for kept, lost in pairs:
        with database.writing() as connection:
            merge(connection, site, kept, lost, "test", "a pair", now)
    joined = outcome(service)
    assert len(joined["heats"]) == len(before["heats"]) - PAIRS
    chance.shuffle(pairs)
    for _, lost in pairs:
        with database.writing() as connection:
            unmerge(connection, site, lost, "test", "two after all", now)
    assert_same(before, outcome(service))


def assert_a_card_does_what_was_simulated(service: Service, before: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    """A simulated card, published, makes the very list that was foretold; rolled back, everything is what it was."""
    database, now = service.resources.database, now_ms()
    with database.reading() as connection:
        [site] = load_sites(connection).values()
        body = msgspec.json.decode(body_of(connection, site.id) or "")
    proposed = body | {"half_life_days": 5, "hot": {"enter": 12, "leave_ratio": 0.6}, "warm": 4}
    started = time.monotonic()
    _, told = simulate(database, site, proposed, now, days=90, listed=100_000)
    taken = time.monotonic() - started
    with capsys.disabled():
        print(f"\n    simulated on {told.leads:,} leads, {told.events:,} events: {taken:.1f} s", end=" ")
    assert told.events > 0.9 * sum(visitor[3] for visitor in before["visitors"].values())
    with database.writing() as connection:
        publish(connection, site, proposed, "test", "as simulated", now)
    fill(database, lambda: now)
    with database.reading() as connection:
        stored = current_cards(connection)[site.id]
        rows = rank(connection, stored, Wanted(), None, 100_000, now).rows
    assert stored.number == 2
    assert len(rows) > 20
    assert [row.id for row in rows] == [one.lead_id for one in told.hot_list]
    assert [stored.card.score(row.heat, now) for row in rows] == pytest.approx(
        [one.score for one in told.hot_list], rel=1e-9
    )
    with database.writing() as connection:
        rollback(connection, site, "test", "back", now)
    fill(database, lambda: now)
    after = outcome(service)
    assert after["heats"] == before["heats"]
    assert_same(before, after)


def test_a_recording_gives_the_same_in_order_on_sqlite_and_shuffled_on_postgresql(
    make_service: MakeService, recording: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    in_order, out_of_order = make_service("sqlite", WORKERS=1), make_service("postgresql", WORKERS=4)
    site = replay(in_order, recording, capsys, "SQLite, 1 worker, in order")
    first = outcome(in_order)
    assert len(first["leads"]) > 1000
    assert sum(visitor[5] for visitor in first["visitors"].values()) > 0
    assert len(first["ranking"]) == 200

    accounts, started = in_order.accounts(), time.monotonic()
    in_order.send(recording, site.server_key)
    again = in_order.processed(120)
    with capsys.disabled():
        print(f"\n    once more: {len(recording) / (time.monotonic() - started):,.0f}/s through", end=" ")
    assert again.stored + again.filtered == accounts.stored + accounts.filtered
    assert again.duplicate == len(recording)
    assert outcome(in_order) == first
    explained = assert_explained(in_order)
    assert_merges_come_apart(in_order, first)
    assert_a_card_does_what_was_simulated(in_order, first, capsys)
    in_order.end()

    replay(out_of_order, shuffled(recording), capsys, "PostgreSQL, 4 workers, shuffled")
    assert_same(first, outcome(out_of_order))
    assert assert_explained(out_of_order) == explained
    out_of_order.end()


def test_a_slice_gives_the_same_with_one_worker_and_with_four(
    make_service: MakeService, recording: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    part = recording[-SLICE:]
    runs = [("postgresql", 1, part), ("sqlite", 4, shuffled(part))]
    outcomes = []
    for database, workers, events in runs:
        service = make_service(database, WORKERS=workers)
        order = "in order" if events is part else "shuffled"
        replay(service, events, capsys, f"{database}, {workers} worker(s), {order}")
        outcomes.append(outcome(service))
        assert_explained(service)
        service.end()
    for other in outcomes[1:]:
        assert_same(outcomes[0], other)
