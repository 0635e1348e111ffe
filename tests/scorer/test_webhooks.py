"""Webhooks are made, listed, changed and removed, on the terminal and by the API; whoever answers for one is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from click.testing import CliRunner, Result
from sqlalchemy import update

from scorer import webhook_log, webhooks
from scorer.announcing import Change, announce
from scorer.attendants import attend
from scorer.attending import Attendance
from scorer.cli import cli
from scorer.cli.webhook_words import WORDS
from scorer.mailing import MailDelayed, MailRefused
from scorer.outlet_models import webhook_deliveries
from scorer.resources import Resources
from scorer.webhook_notices import AGAIN_MS, tell_contacts
from scorer.webhook_outbox import fan_out
from scorer.webhooks import DISABLED_WHY, WebhookError, add_webhook, disable_webhook, find_webhook, list_webhooks
from tests.factories import DAY, NOW, World
from tests.scorer.webhook_receiver import Receiver, receiver
from tracker.queue import COMMITTED_CHANNEL
from tracker.settings import SettingError, Settings
from tracker.sites import load_sites

URL = "https://hook.example/in"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.database.close()


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def add(world: World, url: str = URL, **options: Any) -> webhooks.NewWebhook:
    with world.database.writing() as connection:
        return add_webhook(connection, load_sites(connection)[world.nordwind.id], url, "key_1", NOW, **options)


def test_what_is_not_said_is_what_is_usual(world: World) -> None:
    made = add(world)
    one = made.webhook
    assert (one.name, one.preset, one.language, one.segment, one.contact) == ("hook.example", "standard", "en", "", "")
    assert len(one.kinds) == 14
    assert made.secret.startswith("whsec_")
    assert add(world, preset="wecom").secret == ""
    assert add(world, preset="dingtalk", secret="SECx").secret == "SECx"
    assert add(world, preset="slack", kinds=["left", "entered"]).webhook.kinds == ("entered", "left")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"url": "hook.example"}, "url"),
    "credentials": ({"url": "https://a:b@hook.example/"}, "url"),
    "another preset": ({"preset": "teams"}, "preset"),
    "another kind": ({"kinds": ["entered", "dissolved"]}, "kinds"),
    "another language": ({"language": "fr"}, "language"),
    "no such segment": ({"segment": "x"}, "segment"),
    "no segment at all": ({"segment": "\0"}, "segment"),
    "no address of mail": ({"contact": "ada"}, "contact"),
    "two of them": ({"contact": "ada@a.example, ben@b.example"}, "contact"),
    "a header in it": ({"contact": "ada@a.example\nBcc: x@y.example"}, "contact"),
    "a long name": ({"name": "x" * 101}, "name"),
    "a name of two lines": ({"name": "a\nb"}, "name"),
    "a secret where one is made": ({"secret": "x"}, "secret"),
    "a secret where there is none": ({"preset": "slack", "secret": "x"}, "secret"),
    "a secret that is odd": ({"preset": "feishu", "secret": "\x7f"}, "secret"),
}


@pytest.mark.parametrize(("options", "field"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_makes_no_sense_is_refused_in_both_languages(world: World, options: dict[str, Any], field: str) -> None:
    with pytest.raises(WebhookError) as caught:
        add(world, **options)
    assert caught.value.field == field
    assert any("\u4e00" <= sign <= "\u9fff" for sign in caught.value.label.zh)
    with world.database.reading() as connection:
        assert list_webhooks(connection) == []


def test_a_site_has_so_many_at_most(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 1)
    add(world)
    with pytest.raises(WebhookError, match="1 webhooks at most"):
        add(world)


def test_what_was_delivered_is_kept_for_thirty_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_log, "CLEANED_AT_ONCE", 2)
    webhook = add(world).webhook
    [lead] = world.add_plain_leads([1e12])
    with world.database.writing() as connection:
        announce(connection, [Change(world.nordwind.id, lead, "rose", NOW, {})] * 4)
    assert fan_out(world.database, NOW, "https://leads.example.com") == 4
    with world.database.writing() as connection:
        [kept, *_] = webhooks.list_deliveries(connection, webhook.id)
        others = webhook_deliveries.c.id != kept.id
        connection.execute(update(webhook_deliveries).where(others).values(state="delivered", next_at=None))
    counts = []
    for at in (NOW + 29 * DAY, NOW + 31 * DAY, NOW + 31 * DAY):
        with world.database.writing() as connection:
            counts.append(webhook_log.clean_deliveries(connection, at))
    assert counts == [0, 2, 1]
    with world.database.writing() as connection:
        assert [one.id for one in webhooks.list_deliveries(connection, webhook.id)] == [kept.id]
        disable_webhook(connection, webhook, "by_hand", "ada", NOW)
        assert webhook_log.clean_deliveries(connection, NOW + 31 * DAY) == 1


class Post:
    """Stands in for a mail server."""

    available = True

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.error: Exception | None = None

    def send(self, message: EmailMessage) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)


def test_the_contact_is_told_once_when_it_is_switched_off(world: World) -> None:
    post: Any = Post()
    first = add(world, contact="ops@nordwind.example", name="Our CRM").webhook
    second = add(world, contact="ops@nordwind.example", language="zh").webhook
    silent = add(world).webhook
    with world.database.writing() as connection:
        for one in (first, second, silent):
            disable_webhook(connection, one, "failing", "warmtrail", NOW)
            disable_webhook(connection, one, "gone", "warmtrail", NOW + 1)
    assert tell_contacts(world.database, post, NOW, "https://leads.example.com") == 2
    assert tell_contacts(world.database, post, NOW + DAY, "https://leads.example.com") == 0
    told = {str(one["Subject"]): one for one in post.sent}
    mail = told["Webhook “Our CRM” was switched off"]
    assert mail["To"] == "ops@nordwind.example"
    text = mail.get_content()
    assert "since nothing could be delivered for five days" in text
    assert f"warmtrail webhook enable {first.id}" in text
    assert "Webhook“hook.example”已停用" in told


def test_a_mail_that_is_delayed_is_tried_again_and_a_refused_one_is_not(world: World) -> None:
    post: Any = Post()
    webhook = add(world, contact="ops@nordwind.example").webhook
    with world.database.writing() as connection:
        disable_webhook(connection, webhook, "gone", "warmtrail", NOW)
    post.error = MailDelayed("busy")
    assert tell_contacts(world.database, post, NOW, "") == 0
    post.error = None
    assert tell_contacts(world.database, post, NOW + AGAIN_MS - 1, "") == 0
    post.error = MailRefused("no such address")
    assert tell_contacts(world.database, post, NOW + AGAIN_MS, "") == 0
    post.error = None
    assert tell_contacts(world.database, post, NOW + 9 * AGAIN_MS, "") == 0
    assert post.sent == []


def test_every_reason_is_there_in_both_languages() -> None:
    assert all(label.en and label.zh for label in DISABLED_WHY.values())


# Threads that attend


def test_work_is_done_at_the_start_after_each_word_and_from_time_to_time(redis_url: str) -> None:
    done, again = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        done.set()
        again.release()

    client = redis.Redis.from_url(redis_url)
    attendance = Attendance(client, {"work": work}, seconds=30)
    attendance.start()
    try:
        assert again.acquire(timeout=5), "at the start"
        until = time.monotonic() + 5
        while client.publish(COMMITTED_CHANNEL, b"1") == 0 and time.monotonic() < until:
            time.sleep(0.01)
        assert again.acquire(timeout=5), "after a word"
        attendance.ring("work")
        assert again.acquire(timeout=5), "when asked to"
    finally:
        attendance.stop()
    often = Attendance(client, {"work": work}, seconds=0.01)
    often.start()
    try:
        assert all(again.acquire(timeout=5) for _ in range(5))
    finally:
        often.stop()
    client.close()


def test_a_failure_is_logged_and_the_work_goes_on(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.attending.TROUBLED_SECONDS", 0.01)
    tried = threading.Semaphore(0)

    def work() -> None:
        tried.release()
        raise OSError

    attendance = Attendance(redis.Redis.from_url(redis_url), {"work": work}, seconds=30)
    attendance.start()
    try:
        assert all(tried.acquire(timeout=5) for _ in range(3))
    finally:
        attendance.stop()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_change_reaches_the_receiver_within_three_seconds(
    world: World, here: Receiver, redis_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        database_url=world.database.url, data_dir=tmp_path, webhook_allow="127.0.0.1", public_url="https://leads.example.com"
    )
    resources = Resources(settings, redis_url)
    attendance = attend(resources)
    try:
        add(world, f"http://127.0.0.1:{here.port}/in")
        [lead] = world.add_plain_leads([1e12])
        with world.database.writing() as connection:
            announce(connection, [Change(world.nordwind.id, lead, "entered", NOW, {})])
        resources.tell_committed()
        begun = time.monotonic()
        here.wait_for(1, seconds=3)
        assert time.monotonic() - begun < 3
    finally:
        attendance.stop()
        resources.close()


def test_a_wrong_list_of_what_is_allowed_is_named(redis_url: str, tmp_path: Path) -> None:
    resources = Resources(Settings(data_dir=tmp_path, webhook_allow="10.0.0.0/99"), redis_url)
    with pytest.raises(SettingError, match=r"WARMTRAIL_WEBHOOK_ALLOW: '10\.0\.0\.0/99' is neither a host nor a network"):
        attend(resources)
    resources.close()


# On the terminal

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, redis_url: str, here: Receiver) -> Run:
    """Run a command on a service that may send to this machine."""
    for name, value in {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "WEBHOOK_ALLOW": "127.0.0.1"}.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    World(sqlite_url).database.close()

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["webhook", *words])

    return call


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_webhook_on_the_terminal(run: Run, here: Receiver) -> None:
    assert "No webhook yet" in ok(run("list"))
    url = f"http://127.0.0.1:{here.port}/in"
    made = msgspec.json.decode(
        ok(run("add", url, "--site", "nordwind", "--name", "[red]CRM", "--kind", "entered", "--json"))
    )
    name = made["id"]
    assert made["secret"].startswith("whsec_")
    listed = ok(run("list"))
    assert "[red]CRM" in listed
    assert "works" in listed
    assert made["secret"] not in listed + ok(run("show", name)) + ok(run("list", "--json"))
    assert url in ok(run("show", name))
    assert ok(run("test", name)).startswith("The receiver took it: status 204")
    assert here.came[0].headers["webhook-id"] in ok(run("log", name))
    rotated = ok(run("rotate", name))
    assert rotated.startswith("Secret: whsec_")
    assert "24 hours" in rotated
    assert ok(run("replay", name, "--since", "3d", "--lang", "zh")) == "重新发送：0 条\n"
    assert "is on" in ok(run("enable", name))
    assert "正常" in ok(run("list", "--lang", "zh"))
    assert "is gone" in ok(run("remove", name))
    refused = run("show", name)
    assert (refused.exit_code, refused.stderr) == (2, f"warmtrail: There is no webhook '{name}'.\n")


def test_a_test_that_fails_says_why(run: Run, here: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    made = msgspec.json.decode(ok(run("add", f"http://127.0.0.1:{here.port}/", "--site", "nordwind", "--json")))
    monkeypatch.setenv("WARMTRAIL_WEBHOOK_ALLOW", "")
    failed = run("test", made["id"])
    assert failed.exit_code == 1
    assert failed.stdout.startswith("It was not taken: not sent: 127.0.0.1 is this machine itself")
    assert here.came == []
    assert "未接受" in run("test", made["id"], "--lang", "zh").stdout


WRONG = {
    "an address": (["add", "ftp://x", "--site", "nordwind"], 1, "must begin with https://"),
    "a time": (["replay", "wh_1", "--since", "yesterday"], 2, "'yesterday' is no time"),
    "both": (["replay", "{id}", "--since", "1h", "--delivery", "msg_1"], 1, "Say either one delivery or a time."),
    "neither": (["replay", "{id}"], 1, "Say either one delivery or a time."),
    "no such delivery": (["replay", "{id}", "--delivery", "msg_1"], 1, "has no delivery 'msg_1'"),
    "a long overlap": (["rotate", "{id}", "--overlap", "1000"], 1, "7 days at most"),
}


@pytest.mark.parametrize(("words", "code", "said"), WRONG.values(), ids=WRONG)
def test_mistakes_are_told_in_a_line(run: Run, words: list[str], code: int, said: str) -> None:
    made = msgspec.json.decode(ok(run("add", URL, "--site", "nordwind", "--json")))
    told = run(*(word.format(id=made["id"]) for word in words))
    assert told.exit_code == code
    assert said in told.stderr
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_there_in_both_languages(name: str) -> None:
    assert all(WORDS[name])


# By the API


def test_the_api_makes_changes_and_removes_webhooks(world: World) -> None:
    client = world.client("chen")
    made = client.post("/api/v1/webhooks", json={"url": URL, "preset": "standard", "contact": "ops@nordwind.example"})
    assert made.status_code == 200
    told = made.get_json()
    assert told["secret"].startswith("whsec_")
    path = f"/api/v1/webhooks/{told['webhook']['id']}"
    assert client.get("/api/v1/webhooks").get_json() == {"data": [told["webhook"]], "next_cursor": None}
    assert client.get(path).get_json() == told["webhook"]
    rotated = client.post(f"{path}/rotate", json={"overlap_hours": 1}).get_json()
    assert rotated["secret"] not in ("", told["secret"])
    queued = client.post(f"{path}/test").get_json()
    assert (queued["type"], queued["state"], queued["attempts"]) == ("test.ping", "waiting", [])
    assert client.get(f"{path}/deliveries").get_json()["data"] == [queued]
    assert client.get(f"{path}/deliveries?state=failed").get_json()["data"] == []
    assert client.post(f"{path}/replay", json={"since": "2026-11-01T00:00:00Z"}).get_json() == {"deliveries": 0}
    with world.database.writing() as connection:
        found = find_webhook(connection, None, told["webhook"]["id"])
        assert found is not None
        disable_webhook(connection, found, "gone", "warmtrail", NOW)
    off = client.get(f"{path}?lang=zh").get_json()
    assert (off["disabled_at"], off["disabled_why"]) == ("2026-11-19T10:30:00.000Z", "接收方表示地址已失效（410）")
    assert client.post(f"{path}/test").status_code == 409
    assert client.post(f"{path}/enable", json={"missed": True}).get_json()["disabled_at"] is None
    assert client.post(f"{path}/remove").get_json() == {"id": told["webhook"]["id"]}
    assert client.get(path).status_code == 404


def test_deliveries_are_listed_page_by_page(world: World) -> None:
    client = world.client("chen")
    name = add(world).webhook.id
    ids = [client.post(f"/api/v1/webhooks/{name}/test").get_json()["id"] for _ in range(5)]
    seen: list[str] = []
    query = "?limit=2"
    while True:
        page = client.get(f"/api/v1/webhooks/{name}/deliveries{query}").get_json()
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert seen == sorted(ids, reverse=True)


def test_the_api_refuses_what_makes_no_sense_and_who_may_not(world: World) -> None:
    client = world.client("chen")
    wrong = client.post("/api/v1/webhooks?lang=zh", json={"url": "http://a:b@c.example/"})
    assert wrong.status_code == 400
    assert wrong.get_json()["errors"] == [{"parameter": "url", "detail": "地址中不能包含用户名或密码。"}]
    assert client.post("/api/v1/webhooks", json={"url": URL, "color": "red"}).status_code == 400
    for who in ("ada", "ben"):
        assert world.client(who).get("/api/v1/webhooks").status_code == 403
    other = world.client("chen", world.huadong)
    path = f"/api/v1/webhooks/{add(world).webhook.id}"
    assert other.get("/api/v1/webhooks").get_json()["data"] == []
    for asked in (path, f"{path}/deliveries", "/api/v1/webhooks/wh_%00"):
        assert other.get(asked).status_code == 404
    for verb in ("remove", "test", "rotate", "enable"):
        assert other.post(f"{path}/{verb}").status_code == 404
    assert client.post(f"{path}/replay").status_code == 400


def test_a_secret_that_the_asker_has_sent_is_not_repeated(world: World) -> None:
    sent = {"url": "https://oapi.dingtalk.com/robot/send?access_token=x", "preset": "dingtalk", "secret": "SECx"}
    assert world.client("chen").post("/api/v1/webhooks", json=sent).get_json()["secret"] is None
