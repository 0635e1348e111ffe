"""From a lead change to the receiver: nothing missed, nothing made twice, and one webhook's trouble is its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook as Verifier

from scorer import robot_pace, webhook_delivery, webhook_outbox
from scorer.announcing import Change, announce
from scorer.core.segment import Condition
from scorer.core.webhook_addresses import read_allowed
from scorer.core.webhook_backoff import GIVE_UP_AFTER_MS, MAX_ATTEMPTS, SCHEDULE_MS
from scorer.models import lead_changes
from scorer.outlet_models import webhook_deliveries, webhooks
from scorer.retention import forget_old
from scorer.segments import add_segment, find_segment, remove_segment
from scorer.webhook_delivery import LEASE_MS, Courier, send_test
from scorer.webhook_log import hurry
from scorer.webhook_outbox import fan_out
from scorer.webhook_transport import Transport
from scorer.webhooks import (
    Delivery,
    NewWebhook,
    Webhook,
    add_webhook,
    disable_webhook,
    enable_webhook,
    find_webhook,
    list_attempts,
    list_deliveries,
    remove_webhook,
    replay,
    rotate_secret,
)
from tests.factories import DAY, NOW, SECOND, World, buyer
from tests.scorer.webhook_receiver import Came, Receiver, Reply, receiver
from tracker.db import Database
from tracker.queue import connect
from tracker.sites import load_sites

BASE = "https://leads.example.com"


class Stage:
    """A world with a receiver, and the parts that tell it of changes, driven step by step."""

    def __init__(self, database_url: str, here: Receiver) -> None:
        self.world = World(database_url)
        self.database = self.world.database
        self.here = here
        self.now = NOW
        self.couriers: list[Courier] = []
        self.courier = self.new_courier()

    def new_courier(self, *, seconds: float = 1.0, **options: Any) -> Courier:
        transport = Transport(read_allowed("127.0.0.1"), seconds=seconds, resolve=lambda host, port: ["127.0.0.1"])
        made = Courier(self.database, transport, lambda: self.now, chance=lambda: 0.0, **options)
        self.couriers.append(made)
        return made

    def add(self, url: str = "", **options: Any) -> NewWebhook:
        with self.database.writing() as connection:
            site = load_sites(connection)[self.world.nordwind.id]
            return add_webhook(connection, site, url or self.here.url, "key_1", self.now, **options)

    def happen(self, lead: str, *kinds: str) -> None:
        with self.database.writing() as connection:
            announce(connection, [Change(self.world.nordwind.id, lead, kind, self.now, {"score": 70}) for kind in kinds])

    def fan_out(self) -> int:
        return fan_out(self.database, self.now, BASE)

    def send(self) -> None:
        """Send what is due, until nothing more is."""
        while self.courier.turn():
            assert self.courier.settle(5)

    def tell(self) -> None:
        self.fan_out()
        self.send()

    def webhook(self, webhook: Webhook) -> Webhook:
        with self.database.reading() as connection:
            found = find_webhook(connection, None, webhook.id)
        assert found is not None
        return found

    def deliveries(self, webhook: Webhook) -> list[Delivery]:
        with self.database.reading() as connection:
            return list_deliveries(connection, webhook.id, limit=1000)

    def tries(self, delivery: Delivery) -> list[tuple[int | None, str]]:
        with self.database.reading() as connection:
            return [(one.status, one.error) for one in list_attempts(connection, [delivery.id]).get(delivery.id, [])]


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def stage(database_url: str, here: Receiver) -> Iterator[Stage]:
    made = Stage(database_url, here)
    yield made
    for courier in made.couriers:
        courier.settle(5)
    made.database.close()


def kinds(came: list[Came]) -> list[str]:
    return [json.loads(one.body)["type"] for one in came]


def sequences(came: list[Came]) -> list[int]:
    return sorted(json.loads(one.body)["data"]["sequence"] for one in came)


def test_a_change_reaches_the_receiver_signed_and_thin(stage: Stage) -> None:
    made = stage.add()
    stage.world.feed(buyer("ada", name="Ada King", email="ada@halden.example", company="Halden"))
    stage.tell()
    assert "lead.entered" in kinds(stage.here.came)
    with stage.database.reading() as connection:
        numbers = list(connection.execute(select(lead_changes.c.sequence).order_by(lead_changes.c.sequence)).scalars())
    assert sequences(stage.here.came) == numbers
    for came in stage.here.came:
        # Signed at the time of the test's clock: the verifier must not look at its own.
        verified = _verify(made.secret, came)
        assert "Ada" not in came.body.decode()
        assert "ada@" not in came.body.decode()
        lead = verified["data"]["lead"]
        assert lead["id"] == stage.world.nordwind.lead("ada")
        assert lead["url"] == f"{BASE}/leads/{lead['id']}"
        assert lead["reasons"]
    assert all(one.state == "delivered" and one.attempts == 1 for one in stage.deliveries(made.webhook))
    stage.tell()
    assert len(stage.here.came) == len(numbers)


def _verify(secret: str, came: Came) -> Any:
    headers = came.headers
    at = int(headers["webhook-timestamp"])
    signed = Verifier(secret).sign(headers["webhook-id"], datetime.fromtimestamp(at, UTC), came.body.decode())
    assert signed in headers["webhook-signature"].split(" ")
    return json.loads(came.body)


def test_only_what_it_asked_for_is_told(stage: Stage) -> None:
    cold, hot = stage.world.add_plain_leads([1.0, 1e12])
    with stage.database.writing() as connection:
        add_segment(connection, stage.world.nordwind.id, "Hot", Condition(field="tier", is_="hot"), NOW)
    all_of = stage.add(name="all").webhook
    some = stage.add(name="some", kinds=["entered", "erased"], segment="Hot").webhook
    chinese = stage.add(name="chinese", preset="feishu", language="zh").webhook
    stage.happen(hot, "entered", "rose")
    stage.happen(cold, "entered", "merged")
    stage.fan_out()

    def told(webhook: Webhook) -> list[tuple[str, str]]:
        return sorted((one.lead_id, one.kind) for one in stage.deliveries(webhook))

    assert told(all_of) == sorted([(hot, "entered"), (hot, "rose"), (cold, "entered"), (cold, "merged")])
    assert told(some) == [(hot, "entered")]
    assert told(chinese) == sorted([(hot, "entered"), (cold, "entered")])
    with stage.database.reading() as connection:
        of_robot = webhook_deliveries.c.webhook_id == chinese.id
        assert "成为热门线索" in connection.execute(select(webhook_deliveries.c.body).where(of_robot)).scalars().all()[0]


def test_what_happened_before_it_was_made_is_not_told(stage: Stage) -> None:
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    webhook = stage.add().webhook
    assert stage.fan_out() == 0
    stage.happen(lead, "rose")
    assert stage.fan_out() == 1
    assert [one.kind for one in stage.deliveries(webhook)] == ["rose"]


def test_other_sites_are_not_told_of(stage: Stage) -> None:
    stage.add()
    [lead] = stage.world.add_plain_leads([1e12], company=stage.world.huadong)
    with stage.database.writing() as connection:
        announce(connection, [Change(stage.world.huadong.id, lead, "entered", NOW, {})])
    assert stage.fan_out() == 0


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_a_new_time(stage: Stage) -> None:
    stage.here.answer = lambda came: Reply(503) if len(stage.here.came) == 1 else Reply(200)
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.tell()
    [delivery] = stage.deliveries(webhook)
    assert (delivery.state, delivery.attempts, delivery.next_at) == ("waiting", 1, stage.now + SCHEDULE_MS[0])
    assert stage.webhook(webhook).failing_since == stage.now
    stage.now += SCHEDULE_MS[0] - 1
    stage.send()
    assert len(stage.here.came) == 1
    stage.now += 1
    stage.send()
    first, second = stage.here.came
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.id
    assert first.body == second.body
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == SCHEDULE_MS[0] // SECOND
    [delivery] = stage.deliveries(webhook)
    assert (delivery.state, delivery.next_at) == ("delivered", None)
    assert stage.tries(delivery) == [(503, "status 503"), (200, "")]
    assert stage.webhook(webhook).failing_since is None


def test_after_ten_attempts_it_is_given_up(stage: Stage) -> None:
    stage.here.answer = lambda _: Reply(500, body=b"oh\r\nno")
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.tell()
    for delay in SCHEDULE_MS:
        stage.now += delay
        stage.send()
    [delivery] = stage.deliveries(webhook)
    assert (delivery.state, delivery.attempts, delivery.next_at) == ("failed", MAX_ATTEMPTS, None)
    assert stage.tries(delivery) == [(500, "status 500: oh no")] * MAX_ATTEMPTS
    assert stage.webhook(webhook).disabled_at is None


def test_a_receiver_may_ask_to_wait(stage: Stage) -> None:
    stage.here.answer = lambda _: Reply(429, {"Retry-After": "3600"})
    webhook = stage.add().webhook
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered")
    stage.tell()
    [delivery] = stage.deliveries(webhook)
    assert delivery.next_at == stage.now + 3600 * SECOND


def test_gone_switches_it_off_at_once(stage: Stage) -> None:
    stage.here.answer = lambda _: Reply(410)
    webhook = stage.add(contact="ops@nordwind.example").webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.tell()
    found = stage.webhook(webhook)
    assert (found.disabled_at, found.disabled_why) == (stage.now, "gone")
    assert stage.deliveries(webhook)[0].state == "failed"
    stage.happen(lead, "rose")
    assert stage.fan_out() == 0


def test_after_five_days_of_failing_it_is_switched_off(stage: Stage) -> None:
    stage.here.answer = lambda _: Reply(500)
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.tell()
    stage.now += GIVE_UP_AFTER_MS
    stage.happen(lead, "rose")
    stage.tell()
    assert stage.webhook(webhook).disabled_why == "failing"


@pytest.mark.parametrize("missed", [False, True])
def test_switched_on_again_it_is_told_of_what_was_missed_or_not(stage: Stage, missed: bool) -> None:
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.fan_out()
    with stage.database.writing() as connection:
        disable_webhook(connection, webhook, "by_hand", "ada@nordwind.example", stage.now)
    stage.happen(lead, "rose")
    stage.tell()
    assert stage.here.came == []
    with stage.database.writing() as connection:
        enable_webhook(connection, stage.webhook(webhook), "ada@nordwind.example", stage.now, missed=missed)
    stage.happen(lead, "left")
    stage.tell()
    assert sorted(kinds(stage.here.came)) == (["lead.entered", "lead.left", "lead.rose"] if missed else ["lead.left"])
    assert {one.state for one in stage.deliveries(webhook)} == ({"delivered"} if missed else {"delivered", "stopped"})


def test_once_it_works_again_what_waits_does_not_wait_on(stage: Stage) -> None:
    stage.here.answer = lambda came: Reply(500)
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered", "rose", "left")
    stage.tell()
    assert all(one.state == "waiting" for one in stage.deliveries(webhook))
    stage.here.answer = lambda came: Reply(200)
    stage.happen(lead, "identified")
    stage.tell()
    assert {one.state for one in stage.deliveries(webhook)} == {"delivered"}


def test_a_failing_webhook_is_asked_by_one_message_at_a_time_and_others_go_on(stage: Stage) -> None:
    stage.courier = stage.new_courier(threads=4)
    released = threading.Event()
    with receiver() as bad:
        bad.answer = lambda _: Reply(200 if released.wait(5) else 500)
        troubled = stage.add(bad.url, name="bad").webhook
        good = stage.add(name="good").webhook
        with stage.database.writing() as connection:
            connection.execute(update(webhooks).where(webhooks.c.id == troubled.id).values(failing_since=1))
        leads = stage.world.add_plain_leads([1e12] * 6)
        for lead in leads:
            stage.happen(lead, "entered")
        stage.fan_out()
        until = time.monotonic() + 5
        while (len(stage.here.came) < len(leads) or not bad.came) and time.monotonic() < until:
            stage.courier.turn()
            stage.courier.settle(0.02)
        assert stage.courier.turn() == 0
        assert (len(stage.here.came), len(bad.came)) == (len(leads), 1)
        released.set()
        assert stage.courier.settle(5)
    assert {one.state for one in stage.deliveries(good)} == {"delivered"}


def test_a_chat_is_not_told_faster_than_it_takes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.here.answer = lambda _: Reply(200, body=b'{"errcode":0}')
    stage.add(preset="wecom")
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered", "outcome")
    stage.tell()
    assert len(stage.here.came) == 1
    monkeypatch.setattr(robot_pace, "PACE_SECONDS", 0.0)
    stage.send()
    assert len(stage.here.came) == 2


def test_nor_by_two_processes_together(stage: Stage, redis_url: str) -> None:
    stage.here.answer = lambda _: Reply(200, body=b'{"errcode":0}')
    stage.add(preset="wecom")
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered", "outcome")
    stage.fan_out()
    both = [stage.new_courier(pace=robot_pace.RobotPace(redis_url)) for _ in range(2)]
    assert sum(courier.turn() for courier in both) == 1
    assert all(courier.settle(5) for courier in both)
    assert [courier.turn() for courier in both] == [0, 0]
    with connect(redis_url) as client:
        [key] = client.keys("warmtrail:pace:*")
        client.delete(key)  # The three seconds are over; the first process knows by itself when they are.
    assert [courier.turn() for courier in both] == [0, 1]
    assert both[1].settle(5)
    assert len(stage.here.came) == 2


def test_without_redis_each_process_keeps_the_pace_by_itself() -> None:
    pace = robot_pace.RobotPace("redis://127.0.0.1:1/0")
    assert [pace.may_send(name) for name in ("wh_a", "wh_a", "wh_b")] == [True, False, True]
    assert robot_pace.PACE_SECONDS >= 60 / 20


def test_a_queue_has_a_bound_and_nothing_is_lost_by_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_outbox, "MAX_WAITING", 3)
    monkeypatch.setattr(webhook_outbox, "CHANGES_AT_ONCE", 2)
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, *["rose"] * 8)
    assert stage.fan_out() == 3
    assert stage.fan_out() == 0
    for _ in range(3):
        stage.send()
        stage.fan_out()
    stage.send()
    assert sequences(stage.here.came) == list(range(1, 9))
    assert stage.webhook(webhook).last_sequence == 8


def test_a_segment_that_is_gone_switches_it_off(stage: Stage) -> None:
    site_id = stage.world.nordwind.id
    with stage.database.writing() as connection:
        add_segment(connection, site_id, "Hot", Condition(field="tier", is_="hot"), NOW)
    webhook = stage.add(segment="Hot").webhook
    with stage.database.writing() as connection:
        saved = find_segment(connection, site_id, "Hot")
        assert saved is not None
        remove_segment(connection, saved)
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered")
    stage.fan_out()
    assert stage.webhook(webhook).disabled_why == "segment_gone"


def test_erasing_a_lead_takes_its_messages_along(stage: Stage) -> None:
    webhook = stage.add(preset="wecom", kinds=["entered", "identified", "erased"]).webhook
    stage.here.answer = lambda _: Reply(500)
    stage.world.feed(buyer("ada", name="Ada King", email="ada@halden.example"))
    stage.tell()
    lead = stage.world.nordwind.lead("ada")
    assert {one.lead_id for one in stage.deliveries(webhook)} == {lead}
    assert forget_old(stage.database, NOW + 399 * DAY, NOW + 400 * DAY) == 1
    assert stage.deliveries(webhook) == []
    stage.fan_out()
    [told] = stage.deliveries(webhook)
    assert (told.kind, told.lead_id) == ("erased", lead)
    with stage.database.reading() as connection:
        assert "Ada" not in connection.execute(select(webhook_deliveries.c.body)).scalar_one()


def test_a_change_read_before_its_lead_was_erased_makes_no_delivery(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = stage.add(kinds=["entered"]).webhook
    stage.world.feed(buyer("ada", name="Ada King"))
    write = webhook_outbox._write

    def erase_before(*arguments: Any) -> int:
        monkeypatch.setattr(webhook_outbox, "_write", write)
        raise _Killed

    monkeypatch.setattr(webhook_outbox, "_write", erase_before)
    batches: list[Any] = []
    read = webhook_outbox._read

    def read_and_keep(*arguments: Any) -> Any:
        batches.append(read(*arguments))
        return batches[-1]

    monkeypatch.setattr(webhook_outbox, "_read", read_and_keep)
    with pytest.raises(_Killed):
        stage.fan_out()
    assert len(batches[0].rows) == 1
    forget_old(stage.database, NOW + 400 * DAY, NOW)
    with stage.database.writing() as connection:
        assert write(connection, batches[0]) == 0
    assert stage.deliveries(webhook) == []


def test_an_erased_delivery_that_is_just_being_sent_leaves_nothing(stage: Stage) -> None:
    webhook = stage.add(kinds=["entered"]).webhook
    stage.world.feed(buyer("ada"))
    stage.fan_out()
    erased = threading.Event()
    stage.here.answer = lambda _: Reply(200 if erased.wait(5) else 500)
    assert stage.courier.turn() == 1
    stage.here.wait_for(1)
    forget_old(stage.database, NOW + 400 * DAY, NOW)
    erased.set()
    assert stage.courier.settle(5)
    assert stage.deliveries(webhook) == []


def test_many_at_the_same_work_make_and_send_each_message_once(stage: Stage) -> None:
    webhook = stage.add().webhook
    leads = stage.world.add_plain_leads([1e12] * 5)
    # Time for a busy machine: what fails is sent again by the clock, which stands still here.
    others = [stage.new_courier(seconds=60) for _ in range(3)]
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(courier: Courier) -> None:
        try:
            while not stop.is_set():
                stage.fan_out()
                courier.turn()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(courier,)) for courier in others]
    for thread in threads:
        thread.start()
    for _ in range(4):
        for lead in leads:
            stage.happen(lead, "rose", "stage")
    stage.here.wait_for(40, seconds=60)
    stop.set()
    for thread in threads:
        thread.join()
    for courier in others:
        assert courier.settle(5)
    stage.tell()
    assert errors == []
    assert sequences(stage.here.came) == list(range(1, 41))
    assert {one.state for one in stage.deliveries(webhook)} == {"delivered"}


class _Killed(BaseException):
    """As if the process ended here."""


def _dies_before(target: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the next call of a function be the end of the process that makes it; return what undoes that."""

    def die(*_: object, **__: object) -> None:
        raise _Killed

    original = getattr(target, name)
    monkeypatch.setattr(target, name, die)
    return lambda: monkeypatch.setattr(target, name, original)


@pytest.mark.parametrize("step", ["_read", "_rows", "_write", "delivery_id"])
def test_killed_while_changes_become_deliveries_nothing_is_missed_or_doubled(
    stage: Stage, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = stage.add().webhook
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered", "rose")
    alive = _dies_before(webhook_outbox, step, monkeypatch)
    with pytest.raises(_Killed):
        stage.fan_out()
    alive()
    assert stage.fan_out() == 2
    assert stage.fan_out() == 0
    assert len(stage.deliveries(webhook)) == 2


@pytest.mark.parametrize(
    ("step", "sent"), [("seal", 1), ("_finish", 2), ("_log_attempt", 2), ("_next_state", 2)], ids=lambda one: str(one)
)
def test_killed_while_sending_it_is_sent_once_more_with_the_same_id(
    stage: Stage, step: str, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = stage.add().webhook
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered")
    stage.fan_out()
    alive = _dies_before(webhook_delivery, step, monkeypatch)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    assert stage.courier.turn() == 1
    assert stage.courier.settle(5)
    alive()
    assert [one.state for one in stage.deliveries(webhook)] == ["sending"]
    assert stage.courier.turn() == 0, "the lease stands"
    stage.now += LEASE_MS
    stage.send()
    [delivery] = stage.deliveries(webhook)
    assert (delivery.state, delivery.attempts) == ("delivered", 1)
    assert [came.headers["webhook-id"] for came in stage.here.came] == [delivery.id] * sent


def test_a_sender_that_comes_back_after_its_lease_changes_nothing(stage: Stage) -> None:
    webhook = stage.add().webhook
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered")
    stage.fan_out()
    late = threading.Event()
    stage.here.answer = lambda _: Reply(500 if len(stage.here.came) == 1 and late.wait(5) else 200)
    slow = stage.new_courier()
    assert slow.turn() == 1
    stage.here.wait_for(1)
    stage.now += LEASE_MS
    stage.send()
    late.set()
    assert slow.settle(5)
    [delivery] = stage.deliveries(webhook)
    assert (delivery.state, stage.tries(delivery)) == ("delivered", [(200, "")])
    assert stage.webhook(webhook).failing_since is None


SENDER = """
    import sys, threading
    from scorer.core.webhook_addresses import read_allowed
    from scorer.webhook_delivery import Courier
    from scorer.webhook_outbox import fan_out
    from scorer.webhook_transport import Transport
    from tracker.db import Database

    database, now = Database(sys.argv[1]), int(sys.argv[2])
    fan_out(database, now, "https://leads.example.com")
    transport = Transport(read_allowed("127.0.0.1"), resolve=lambda host, port: ["127.0.0.1"])
    Courier(database, transport, lambda: now).turn()
    threading.Event().wait()
"""


def test_a_sender_process_is_killed_and_another_goes_on(stage: Stage) -> None:
    webhook = stage.add().webhook
    leads = stage.world.add_plain_leads([1e12] * 3)
    for lead in leads:
        stage.happen(lead, "entered")
    killed = threading.Event()
    stage.here.answer = lambda _: Reply(200 if killed.wait(20) else 500)
    command = [sys.executable, "-c", textwrap.dedent(SENDER), stage.world.database.url, str(stage.now)]
    process = subprocess.Popen(command)
    try:
        stage.here.wait_for(3, seconds=20)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    killed.set()
    assert {one.state for one in stage.deliveries(webhook)} == {"sending"}
    stage.now += LEASE_MS
    stage.tell()
    assert {one.state for one in stage.deliveries(webhook)} == {"delivered"}
    ids = [came.headers["webhook-id"] for came in stage.here.came]
    assert len(ids) == 6
    assert len(set(ids)) == 3


def test_a_secret_is_changed_without_losing_a_message(stage: Stage) -> None:
    made = stage.add()
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.fan_out()
    with stage.database.writing() as connection:
        new = rotate_secret(connection, made.webhook, "key_1", stage.now, overlap_ms=60_000)
    assert new.secret != made.secret
    stage.send()
    for secret in (made.secret, new.secret):
        _verify(secret, stage.here.came[0])
    stage.now += 60_000
    stage.happen(lead, "rose")
    stage.tell()
    _verify(new.secret, stage.here.came[1])
    with pytest.raises(AssertionError):
        _verify(made.secret, stage.here.came[1])


def test_a_delivery_or_all_since_a_time_are_sent_again(stage: Stage) -> None:
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.tell()
    stage.now += DAY
    stage.happen(lead, "rose")
    stage.tell()
    first, second = (one.headers["webhook-id"] for one in stage.here.came)
    with stage.database.writing() as connection:
        assert replay(connection, webhook, "key_1", stage.now, delivery_id=first) == 1
    stage.send()
    with stage.database.writing() as connection:
        assert replay(connection, webhook, "key_1", stage.now, since_ms=stage.now - 1) == 1
        assert replay(connection, webhook, "key_1", stage.now, since_ms=0, only_failed=True) == 1, "the one just woken"
    stage.send()
    assert [one.headers["webhook-id"] for one in stage.here.came] == [first, second, first, second]
    again = next(one for one in stage.deliveries(webhook) if one.id == first)
    assert (again.state, len(stage.tries(again))) == ("delivered", 2)


def test_what_is_just_being_sent_is_not_sent_by_a_second_at_the_same_time(stage: Stage) -> None:
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.fan_out()
    answered = threading.Event()
    stage.here.answer = lambda _: Reply(204 if answered.wait(5) else 500)
    courier = stage.new_courier(seconds=10)
    assert courier.turn() == 1
    stage.here.wait_for(1)
    with stage.database.writing() as connection:
        assert replay(connection, webhook, "key_1", stage.now, since_ms=0) == 0
        disable_webhook(connection, webhook, "by_hand", "key_1", stage.now)
        enable_webhook(connection, stage.webhook(webhook), "key_1", stage.now, missed=True)
    assert stage.new_courier().turn() == 0
    answered.set()
    assert courier.settle(5)
    assert [one.state for one in stage.deliveries(webhook)] == ["delivered"]
    stage.now += 61_000  # the lease of a sender that was killed
    with stage.database.writing() as connection:
        connection.execute(update(webhook_deliveries).values(state="sending", next_at=stage.now))
        assert replay(connection, webhook, "key_1", stage.now, since_ms=0) == 1


def test_what_was_delivered_while_the_waiting_are_woken_is_not_sent_again(stage: Stage) -> None:
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    stage.fan_out()
    begun = threading.Event()

    def wake() -> None:
        with stage.database.writing() as connection:
            begun.set()
            hurry(connection, webhook.id, stage.now)

    waker = threading.Thread(target=wake)
    with stage.database.writing() as connection:
        connection.execute(update(webhook_deliveries).values(state="delivered", next_at=None))
        waker.start()
        begun.wait(0.3)  # On SQLite it can't begin before this is committed.
        time.sleep(0.1)  # It has seen the delivery waiting, and waits for its lock.
    waker.join(5)
    assert [(one.state, one.next_at) for one in stage.deliveries(webhook)] == [("delivered", None)]


def test_a_webhook_removed_while_changes_become_deliveries_is_no_failure(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = stage.add().webhook
    [lead] = stage.world.add_plain_leads([1e12])
    stage.happen(lead, "entered")
    read = webhook_outbox._read

    def read_and_remove(*arguments: Any) -> Any:
        batch = read(*arguments)
        with stage.database.writing() as connection:
            remove_webhook(connection, webhook, "key_1", stage.now)
        return batch

    monkeypatch.setattr(webhook_outbox, "_read", read_and_remove)
    assert stage.fan_out() == 0
    assert stage.deliveries(webhook) == []


def test_a_test_is_sent_at_once_and_changes_nothing_else(stage: Stage) -> None:
    made = stage.add()
    site = _site(stage.database, made.webhook.site_id)
    transport = Transport(read_allowed("127.0.0.1"), resolve=lambda host, port: ["127.0.0.1"])
    good = send_test(stage.database, transport, site, made.webhook, lambda: stage.now)
    stage.here.answer = lambda _: Reply(410)
    bad = send_test(stage.database, transport, site, made.webhook, lambda: stage.now + 1)
    assert (good.status, good.error) == (204, "")
    assert (bad.status, bad.error) == (410, "the receiver says that it is gone (410)")
    assert _verify(made.secret, stage.here.came[0]) == {
        "type": "test.ping",
        "timestamp": "2026-11-19T10:30:00.000Z",
        "data": {
            "sequence": 0,
            "site": {"id": site.id, "name": "nordwind"},
            "lead_id": None,
            "lead": None,
            "detail": {},
        },
    }
    found = stage.webhook(made.webhook)
    assert (found.failing_since, found.disabled_at) == (None, None)
    assert [one.state for one in stage.deliveries(made.webhook)] == ["failed", "delivered"]


def test_a_webhook_is_removed_with_all_that_was_sent(stage: Stage) -> None:
    webhook = stage.add().webhook
    stage.happen(stage.world.add_plain_leads([1e12])[0], "entered")
    stage.tell()
    with stage.database.writing() as connection:
        remove_webhook(connection, webhook, "key_1", stage.now)
    with stage.database.reading() as connection:
        assert find_webhook(connection, None, webhook.id) is None
        assert connection.execute(select(func.count()).select_from(webhook_deliveries)).scalar_one() == 0


def _site(database: Database, site_id: int) -> Any:
    with database.reading() as connection:
        return load_sites(connection)[site_id]
