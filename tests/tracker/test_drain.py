"""The drain: every event counts exactly once, whatever fails, repeats, races or comes in another order."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from scorer.models import lead_scores, lead_visitors, leads
from scorer.scoring import score_visitors, unpack_score
from scorer.sites import found_site
from tests.tracker.conftest import CHROME, DAY, GOOGLEBOT, MINUTE, NOW, SECOND, Stream, contents, packed, page, totals
from tracker import drain as drain_module
from tracker import queue
from tracker.batch import FollowUp, VisitorUpdate, process, process_surely
from tracker.db import Database
from tracker.drain import drain
from tracker.models import dead_letters, events, intake, partitions, visitors, visits
from tracker.progress import Counts
from tracker.sites import Site, SiteSettings

PARTITIONS = [0, 1, 2, 3]


def no_follow_up(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
    return False


@pytest.fixture
def site_id(database: Database) -> int:
    return new_site(database, "shop")


def new_site(database: Database, name: str, **settings: Any) -> int:
    with database.writing() as connection:
        return found_site(connection, name, SiteSettings(**settings), 1).id


def reasons(database: Database) -> Counter[str]:
    with database.reading() as connection:
        return Counter(connection.execute(select(dead_letters.c.reason)).scalars())


def closes(counts: Counts) -> bool:
    return counts.received == counts.stored + counts.duplicate + counts.filtered + counts.dead_lettered


def mixed_stream(site_id: int) -> Stream:
    """Good events, and one of everything that is not."""
    good = [page(f"v{number % 5}", number) for number in range(20)]
    stream = Stream().append(packed(site_id, good))
    stream.append(packed(site_id, good[:3]))  # sent again
    stream.append(packed(site_id, [*good[3:5], page("v0", 100), page("v0", 100)]))  # and twice in one batch
    stream.append(packed(site_id, [page("robot", 1), page("robot", 2)], agent=GOOGLEBOT))
    stream.append(packed(site_id, [page("robot", 2)], agent=GOOGLEBOT))
    stream.append(packed(site_id, [page("shy", 1), page("shy", 2), {"type": "screen", "userId": "shy"}], opt_out=True))
    stream.append(packed(site_id, [page("v1", 200), {"type": "page"}, 7]))
    stream.append(packed(site_id, ["alone"]))
    stream.append(packed(999, [page("nobody", 1), page("nobody", 2)]))
    stream.append([(2, 0, b"garbage"), (3, 0, b"\x91" * 5000), (0, 0, b"")])
    return stream


def test_the_accounts_close_over_everything_that_can_be_in_a_stream(database: Database, site_id: int) -> None:
    stream = mixed_stream(site_id)
    process_surely(database, stream.entries, score_visitors)
    mine, unknown = totals(database)[site_id], totals(database)[999]
    assert mine == Counts(appended=37, received=37, stored=22, duplicate=7, filtered=5, dead_lettered=3)
    assert closes(mine)
    assert unknown == Counts(appended=2, received=2, dead_lettered=2)
    assert reasons(database) == {"identity_missing": 1, "event_not_object": 2, "site_unknown": 2, "entry_unreadable": 3}
    with database.reading() as connection:
        labels = Counter(connection.execute(select(events.c.label)).scalars())
        keys = set(connection.execute(select(visitors.c.key)).scalars())
    assert labels == {None: 22, "bot": 2}
    assert keys == {"v0", "v1", "v2", "v3", "v4", "robot"}


def test_somebody_who_asked_not_to_be_tracked_leaves_no_trace(database: Database, site_id: int) -> None:
    before = contents(database)
    shy = [
        page("shy", 1),
        {"type": "identify", "anonymousId": "shy", "traits": {"email": "a@b.example"}, "timestamp": "bad"},
    ]
    process_surely(database, Stream().append(packed(site_id, shy, opt_out=True)).entries, score_visitors)
    after = contents(database)
    assert totals(database)[site_id] == Counts(appended=2, received=2, filtered=2)
    assert {name for name in after if after[name] != before[name]} == {"partitions", "intake"}


def test_the_same_entries_again_change_nothing(database: Database, site_id: int) -> None:
    stream = mixed_stream(site_id)
    process(database, stream.entries, score_visitors, now_ms=NOW)
    before = contents(database)
    for _ in range(2):
        process(database, stream.entries, score_visitors, now_ms=NOW)
        process(database, stream.entries[:5], score_visitors, now_ms=NOW)
    assert contents(database) == before


def test_the_same_events_sent_again_are_duplicates(database: Database, site_id: int) -> None:
    batch = [page("v", number) for number in range(10)]
    stream = Stream()
    for _ in range(3):
        stream.append(packed(site_id, batch))
    for entry in stream.entries:
        process(database, [entry], score_visitors, now_ms=NOW)
    assert totals(database)[site_id] == Counts(appended=30, received=30, stored=10, duplicate=20)


def test_when_visitors_were_heard_is_told_by_what_was_received_and_a_server_s_word_ends_the_waiting(
    database: Database, site_id: int
) -> None:
    """Which robot a browser claims to be doesn't matter; neither does when what was received is processed."""
    stream = Stream()
    stream.append(packed(site_id, [page("browser", 1), page("vouched for", 1)], now=NOW))
    stream.append(packed(site_id, [page("server", 1)], trusted=True, now=NOW + 1 * SECOND))
    stream.append(packed(site_id, [page("robot", 1)], agent=GOOGLEBOT, now=NOW + 2 * SECOND))
    everybody = ("browser", "vouched for", "server", "robot")
    stream.append(packed(site_id, [page(name, 2) for name in everybody], now=NOW + 3 * SECOND))
    stream.append(packed(site_id, [page("vouched for", 3)], trusted=True, now=NOW + 4 * SECOND))
    stream.append(packed(site_id, [page("browser", 4)], now=NOW - 9 * SECOND))  # was kept somewhere
    stream.append(packed(site_id, [page("browser", 2)], now=NOW + 5 * SECOND))  # sent again
    for entry in stream.entries:
        process(database, [entry], score_visitors, now_ms=NOW + 60 * SECOND)
    with database.reading() as connection:
        query = select(visitors.c.key, visitors.c.first_received_at, visitors.c.heard_at)
        found = {row.key: (row.first_received_at, row.heard_at) for row in connection.execute(query)}
    assert found == {
        "browser": (NOW, NOW + 3 * SECOND),
        "vouched for": (None, NOW + 4 * SECOND),
        "server": (None, NOW + 3 * SECOND),
        "robot": (NOW + 2 * SECOND, NOW + 3 * SECOND),
    }


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_batches_of_any_size_give_the_same(database: Database, site_id: int, cut: int) -> None:
    entries = mixed_stream(site_id).entries
    for start in range(0, len(entries), cut):
        process(database, entries[start : start + cut], score_visitors, now_ms=NOW)
    assert (totals(database)[site_id].stored, totals(database)[site_id].received) == (22, 37)
    assert sum(reasons(database).values()) == 3 + 2 + 3


def failing_for(key: str, error: Exception) -> FollowUp:
    """A follow-up that can't bear one visitor."""

    def follow_up(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
        if any(update.key[1] == key for update in updates):
            raise error
        return score_visitors(connection, sites, updates, now_ms)

    return follow_up


@pytest.mark.parametrize("place", [0, 6, 12])
def test_only_the_entry_that_cannot_be_processed_becomes_a_dead_letter(database: Database, site_id: int, place: int) -> None:
    stream = Stream()
    for number in range(13):
        visitor = "poison" if number == place else f"v{number}"
        stream.append(packed(site_id, [page(visitor, number), page(visitor, number + 100)]))
    with capture_logs() as logs:
        process_surely(database, stream.entries, failing_for("poison", ValueError("bad")))
    assert [(line["event"], line["entry"]) for line in logs] == [("entry_failed", stream.entries[place][1])]
    assert totals(database)[site_id] == Counts(appended=26, received=26, stored=24, dead_lettered=2)
    assert reasons(database) == {"processing_failed": 2}
    with database.reading() as connection:
        reached = dict(connection.execute(select(partitions.c.number, partitions.c.position)).all())  # type: ignore[arg-type]
        assert connection.execute(select(func.count()).select_from(leads)).scalar_one() == 12
    assert reached == {partition: entry_id for partition, entry_id, _ in stream.entries}


def test_a_database_that_goes_away_in_the_middle_loses_nothing(database: Database, site_id: int) -> None:
    entries = mixed_stream(site_id).entries
    before = contents(database)
    away = OperationalError("select", {}, Exception("gone"))
    with pytest.raises(OperationalError):
        process_surely(database, entries, failing_for("v3", away))
    assert contents(database) == before
    process_surely(database, entries, score_visitors)
    assert totals(database)[site_id].stored == 22


def wild(random_: random.Random, depth: int = 0) -> Any:
    """Any value that JSON has, the odd ones first."""
    kind = random_.randrange(9 if depth < 3 else 7)
    if kind == 7:
        return [wild(random_, depth + 1) for _ in range(random_.randrange(3))]
    if kind == 8:
        return {random_.choice(["a", "", "é" * 80, "x\ty"]): wild(random_, depth + 1) for _ in range(random_.randrange(3))}
    odd = [
        None,
        True,
        2**64 - 1,
        -(2**63),
        1e308,
        "",
        "\ud7ff\uffff\u202e",
        "a@b",
        "@",
        "..",
        "https://[x",
        "%00",
        "x" * 3000,
    ]
    return random_.choice(odd)


def test_no_admitted_event_is_beyond_the_drain(database: Database, site_id: int) -> None:
    names = {
        "traits": ["email", "name", "firstName", "company", "companyDomain", "website", "domain", "phone", "title", "url"],
        "properties": ["title", "view_id", "file_name", "extension", "form_id", "form_name", "referrer", "scroll_percent"],
        "context": ["campaign", "locale", "timezone", "location", "userAgent", "automation", "page"],
    }
    urls = [
        "https://[::1/x",
        "https://ex\u2100mple/?utm_source=%00",
        "/%E6%98",
        "https://a b/\t",
        "https://shop.example/?utm_x=1",
    ]
    random_ = random.Random(7)
    sent = []
    for number in range(400):
        event = page(f"v{number % 40}", number, type=random_.choice(["page", "track", "identify", "group", "alias"]))
        event |= {"event": random_.choice(["File Downloaded", "Form Submitted", "Link Clicked", "x" * 300, "\u0001"])}
        for part, keys in names.items():
            event[part] = {random_.choice(keys): wild(random_) for _ in range(3)}
        event["properties"]["url"] = random_.choice(urls)
        event["groupId"], event["previousId"] = random_.choice([None, "g", 2**63]), random_.choice([None, "p"])
        sent.append(event)
    stream = Stream()
    for start in range(0, len(sent), 50):
        stream.append(packed(site_id, sent[start : start + 50]))
    process_surely(database, stream.entries, score_visitors)
    assert reasons(database)["processing_failed"] == 0
    counts = totals(database)[site_id]
    assert closes(counts)
    assert counts.stored > 200


# Order


def visitor_s_life(random_: random.Random, visitor: str) -> list[dict[str, Any]]:
    """Two weeks of a visitor: pages, engaged time that comes late, downloads, forms, an identification."""
    made: list[dict[str, Any]] = []
    at = NOW - 14 * DAY
    for view in range(random_.randrange(4, 12)):
        at = min(at + random_.choice([SECOND, 5 * MINUTE, 29 * MINUTE, 31 * MINUTE, 9 * 60 * MINUTE, DAY]), NOW - DAY)
        url = random_.choice(["/", "/pricing", "/products/pumps", "/docs/a", "/careers/x"])
        view_id = f"{visitor}-w{view}"
        made.append(page(visitor, len(made), at, properties={"url": f"https://shop.example{url}", "view_id": view_id}))
        for _ in range(random_.randrange(4)):
            later = at + random_.randrange(0, 50 * MINUTE)
            engaged = {"engaged_ms": random_.randrange(0, 300_000), "view_id": view_id, "url": f"https://shop.example{url}"}
            made.append(page(visitor, len(made), later, type="track", event="Page Engaged", properties=engaged))
    extras: list[dict[str, Any]] = [
        {"type": "track", "event": "File Downloaded", "properties": {"url": "/files/pump.pdf", "file_name": "pump.pdf"}},
        {"type": "track", "event": "Form Submitted", "properties": {"form_id": "contact", "form_name": "Contact"}},
        {"type": "identify", "traits": {"email": f"{visitor}@halden.example", "name": visitor}},
        {"type": "group", "traits": {"name": "Halden", "domain": "halden.example"}},
        {"type": "track", "event": "Webinar Attended", "properties": {}},
    ]
    for extra in random_.sample(extras, random_.randrange(len(extras) + 1)):
        made.append(page(visitor, len(made), NOW - random_.randrange(DAY, 15 * DAY), **extra))
    return made


def picture(database: Database, site_id: int) -> dict[str, Any]:
    """All that is known of a site's visitors, by their keys."""
    with database.reading() as connection:
        keys = dict(connection.execute(select(visitors.c.id, visitors.c.key).where(visitors.c.site_id == site_id)).all())  # type: ignore[arg-type]
        told: dict[str, Any] = {"visits": {}, "visitors": {}, "leads": {}, "heat": {}}
        for row in connection.execute(select(visits).where(visits.c.site_id == site_id)):
            told["visits"][keys[row.visitor_id], row.number] = tuple(row)[3:]
        for row in connection.execute(select(visitors).where(visitors.c.site_id == site_id)):
            told["visitors"][row.key] = (
                row.first_at,
                row.last_at,
                row.visits,
                row.page_views,
                row.downloads,
                row.engaged_ms,
            )
        columns = [column for column in lead_scores.c if column.name != "lead_id"]
        joined = select(leads, lead_visitors.c.visitor_id, *columns)
        joined = joined.join(lead_visitors, leads.c.id == lead_visitors.c.lead_id)
        joined = joined.join(lead_scores, leads.c.id == lead_scores.c.lead_id)
        for row in connection.execute(joined.where(leads.c.site_id == site_id)):
            assert unpack_score(row.state).heat == row.heat
            told["leads"][keys[row.visitor_id]] = (
                row.kind,
                row.email,
                row.company_domain,
                row.first_at,
                row.last_at,
                row.hot_since,
                row.visitors,
                row.grade,
                row.stage,
                row.topics,
                row.channel,
                (row.visits, row.page_views, row.downloads, row.engaged_ms),
            )
            told["heat"][keys[row.visitor_id]] = row.heat
    return told


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_any_batches_give_the_same_visitors_and_leads(database: Database, seed: int) -> None:
    random_ = random.Random(seed)
    life = [event for number in range(6) for event in visitor_s_life(random_, f"v{number}")]
    pictures = []
    for arrangement in range(4):
        site_id = new_site(database, f"site {arrangement}", time_zone="Europe/Berlin")
        arrived = sorted(life, key=lambda event: event["timestamp"])
        if arrangement:
            arrived = life + random_.sample(life, len(life) // 5)  # a fifth comes twice
            random_.shuffle(arrived)
        stream = Stream()
        while arrived:
            size = random_.randrange(1, 12) if arrangement else len(arrived)
            stream.append(packed(site_id, arrived[:size], trusted=True))
            del arrived[:size]
        # Each arrangement has a site, and so accounts, of its own; the partitions' positions it shares.
        base = (arrangement + 1) * 10_000
        entries = [(partition, f"{base}-{entry_id[2:]}", entry) for partition, entry_id, entry in stream.entries]
        while entries:
            size = random_.randrange(1, 6) if arrangement else len(entries)
            process(database, entries[:size], score_visitors, now_ms=NOW)
            del entries[:size]
        assert closes(totals(database)[site_id])
        assert totals(database)[site_id].stored == len(life)
        pictures.append(picture(database, site_id))
    assert len(pictures[0]["leads"]) == 6
    for other in pictures[1:]:
        assert other.pop("heat") == pytest.approx(pictures[0]["heat"], rel=1e-9)
        assert other == {name: part for name, part in pictures[0].items() if name != "heat"}


# The loop around it, with the real queue


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(drain_module, "DRY_MS", 50)


class Machine:
    """A drain's surroundings."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.client = queue.connect(url)

    def drain(
        self, token: str = "a", slot: int = 0, follow_up: FollowUp = score_visitors, stop: Callable[[], bool] = bool
    ) -> bool:
        lease = queue.Lease(self.client, slot, token)
        return drain(self.database, self.client, self.client, lease, PARTITIONS, follow_up, stop)

    def append(self, site_id: int, events: list[Any], **more: Any) -> None:
        queue.append(self.client, site_id, packed(site_id, events, **more))

    def waiting(self) -> int:
        return queue.count_entries(self.client, PARTITIONS)


@pytest.fixture
def machine(database: Database, redis_url: str, quick: None) -> Machine:
    return Machine(database, redis_url)


def test_a_drain_that_has_run_dry_leaves_an_empty_queue_and_a_free_slot(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page(f"v{number}", number) for number in range(50)])
    begun = time.monotonic()
    assert machine.drain() is False
    assert 0.3 <= time.monotonic() - begun < 5
    assert (machine.waiting(), machine.client.get(queue.slot_key(0))) == (0, None)
    assert totals(machine.database)[site_id] == Counts(appended=50, received=50, stored=50)


def test_events_that_come_while_it_waits_are_processed_at_once(machine: Machine, site_id: int) -> None:
    thread = threading.Thread(target=machine.drain)
    thread.start()
    time.sleep(0.1)
    machine.append(site_id, [page("v", 1)])
    deadline = time.monotonic() + 5
    while machine.waiting():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    thread.join()
    assert totals(machine.database)[site_id].stored == 1


def test_lead_changes_are_announced_to_those_who_wait(machine: Machine, site_id: int) -> None:
    with machine.client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(queue.COMMITTED_CHANNEL)
        channel.get_message(timeout=1)
        machine.append(site_id, [page("v", 1)])
        machine.drain()
        assert channel.get_message(timeout=0.1) is None  # A page view alone is no news.
        machine.append(site_id, [page("v", 2, type="identify", traits={"email": "ada@halden.example"})])
        machine.drain()
        assert channel.get_message(timeout=2) is not None


def test_what_one_transaction_and_one_read_take_is_bounded_in_entries_and_bytes() -> None:
    small = [(0, f"{number}-1", b"x" * 100) for number in range(5000)]
    assert [len(part) for part in drain_module._parts(small)] == [2000, 2000, 1000]
    large = [(number % 2, f"{number}-1", b"x" * 500_000) for number in range(10)]
    assert [len(part) for part in drain_module._parts(large)] == [4, 4, 2]
    assert [entry for part in drain_module._parts(large[::-1]) for entry in part] == large
    assert drain_module._next_appetite(small) == 2000
    assert drain_module._next_appetite(large) == 8  # of each of two partitions: 8 MB
    assert drain_module._next_appetite([(0, "1-1", b"")]) == 2000


def test_a_drain_asked_to_stop_hands_over(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page("v", 1)])
    asked = iter([False, False, True])
    assert machine.drain(stop=lambda: next(asked, True)) is True
    assert machine.client.get(queue.slot_key(0)) is None
    machine.drain()
    assert totals(machine.database)[site_id].stored == 1


def test_a_held_slot_is_left_alone_until_its_holder_stalls(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page("v", 1)])
    assert queue.Lease(machine.client, 0, "dead").take()
    assert machine.drain() is False
    assert machine.waiting() == 1
    machine.client.pexpire(queue.slot_key(0), 50)  # What becomes of a lease that nobody keeps.
    time.sleep(0.1)
    machine.drain()
    assert (machine.waiting(), totals(machine.database)[site_id].stored) == (0, 1)


def test_a_drain_that_loses_its_slot_leaves_it_to_the_other(machine: Machine, site_id: int) -> None:
    def rob() -> bool:
        machine.client.set(queue.slot_key(0), "other")
        return False

    assert machine.drain(stop=rob) is False
    assert machine.client.get(queue.slot_key(0)) == b"other"


def test_two_drains_of_the_same_partitions_count_everything_once(machine: Machine, site_id: int, redis_url: str) -> None:
    for start in range(0, 600, 10):
        machine.append(site_id, [page(f"v{number % 50}", number) for number in range(start, start + 10)])
    other = Machine(Database(machine.database.url), redis_url)
    failed: list[BaseException] = []

    def run(own: Machine, slot: int) -> None:
        try:
            own.drain(f"drain {slot}", slot)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(own, slot)) for slot, own in enumerate((machine, other))]
    for thread in threads:
        thread.start()
    for start in range(600, 900, 10):
        machine.append(site_id, [page(f"v{number % 50}", number) for number in range(start, start + 10)])
    for thread in threads:
        thread.join()
    other.database.close()
    machine.drain()
    assert failed == []
    assert totals(machine.database)[site_id] == Counts(appended=900, received=900, stored=900)
    assert machine.waiting() == 0


def test_a_partition_that_another_drain_is_at_is_left_to_it(postgres_database: Database) -> None:
    # Without waiting: SQLite has one writer at a time, PostgreSQL has a lock on the partition's row.
    site_id = new_site(postgres_database, "shop")
    entries = Stream().append(packed(site_id, [page("v", number) for number in range(5)], partitions=1)).entries
    process(postgres_database, entries, no_follow_up)
    more = [(0, "2-1", entry) for _, _, entry in packed(site_id, [page("w", 1)], partitions=1)]
    held, release = threading.Event(), threading.Event()

    def hold(connection: Connection, sites: dict[int, Site], updates: list[VisitorUpdate], now_ms: int) -> bool:
        held.set()
        return not release.wait(10)

    thread = threading.Thread(target=process, args=(postgres_database, more, hold))
    thread.start()
    assert held.wait(10)
    elsewhere = [(1, "2-1", entry) for _, _, entry in packed(site_id, [page("x", 1)], partitions=1)]
    other = process(postgres_database, [*more, *elsewhere], no_follow_up)
    assert (other.positions, other.counts.stored) == ({1: "2-1"}, 1)
    release.set()
    thread.join()
    assert totals(postgres_database)[site_id] == Counts(appended=7, received=7, stored=7)


def test_a_queue_replaced_by_an_empty_one_is_read_from_its_start(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page("v", number) for number in range(5)])
    machine.drain()
    machine.client.flushall()
    again = [page("v", number) for number in range(5, 9)]  # the same visitor, and so the same partition
    for number, (partition, count, entry) in enumerate(packed(site_id, again), start=1):
        # The new server's clock is far behind.
        machine.client.xadd(queue.stream_key(partition), {queue.ENTRY_FIELD: entry}, id=f"{number}-1")
        machine.client.hincrby(queue.appended_key(partition), str(site_id), count)
    machine.drain()
    assert totals(machine.database)[site_id] == Counts(appended=9, received=9, stored=9)
    known = [machine.client.hgetall(queue.appended_key(number)) for number in PARTITIONS]
    assert sum(int(count) for counts in known for count in counts.values()) == 9  # type: ignore[union-attr]


def test_after_a_database_restored_from_a_backup_nothing_is_said_to_wait(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page(f"v{number}", number) for number in range(20)])
    machine.drain()
    with machine.database.writing() as connection:  # as a backup from before would have it
        connection.execute(intake.update().values(appended=intake.c.appended - 1, received=0, stored=0))
    machine.drain()
    assert sum(sum(known.values()) for known in queue.read_appended(machine.client, PARTITIONS).values()) == (
        totals(machine.database)[site_id].appended
    )


def test_an_error_of_the_database_ends_the_drain_and_keeps_the_entries(machine: Machine, site_id: int) -> None:
    machine.append(site_id, [page("v", 1)])
    with pytest.raises(OperationalError):
        machine.drain(follow_up=failing_for("v", OperationalError("select", {}, Exception("gone"))))
    assert machine.waiting() == 1
    machine.client.delete(queue.slot_key(0))
    machine.drain()
    assert totals(machine.database)[site_id].stored == 1


def test_poison_in_the_stream_does_not_block_what_comes_after(machine: Machine, site_id: int) -> None:
    for number in PARTITIONS:
        for garbage in (b"", b"garbage", b"\x95\x01\x01\x94\xa0\xc2\xc2\xc2" + b"\x91" * 50_000):
            machine.client.xadd(queue.stream_key(number), {queue.ENTRY_FIELD: garbage})
        machine.client.xadd(queue.stream_key(number), {"another": "field"})
    machine.append(site_id, [page(f"v{number}", number) for number in range(8)], agent=CHROME)
    machine.drain()
    assert (machine.waiting(), totals(machine.database)[site_id].stored) == (0, 8)
    assert reasons(machine.database) == {"entry_unreadable": 16}
