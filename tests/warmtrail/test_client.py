"""The Python client against the real application, and against one that misbehaves."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
import urllib3

from scorer.outlets.routes import ROUTES
from scorer.outlets.shapes import Problem
from tests.factories import NOW, World, buyer, passer_by
from tests.warmtrail.in_process import URL, through
from warmtrail.client import Client, CursorExpired, NotReachable, Refused, Stale, WarmtrailError, every
from warmtrail.transport import Answer, Request, Transport, over_http, retry_after


@pytest.fixture
def world(migrated_sqlite_url: str) -> World:
    world = World(migrated_sqlite_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *buyer("cleo"), *passer_by("bo")])
    return world


def client_of(world: World, who: str = "ada") -> Client:
    return Client(URL + "/", world.nordwind.keys[who], send=through(world.client(None)), tries=1)


def test_lists_and_leads_are_records(world: World) -> None:
    client, anna = client_of(world), world.nordwind.lead("anna")
    (first, *_) = client.hot_leads().data
    assert (first.id, first.name, first.tier) == (anna, "Anna Berg", "hot")
    assert client.lead(anna).email == "anna@halden.test"
    assert [one.downloads for one in every(client.timeline, lead_id=anna, limit=1)] == [0, 1, 0]
    assert sum(one.decayed_points for one in client.explanation(anna).contributions) == pytest.approx(
        client.history(anna).points
    )
    assert client.sources(anna).first is not None
    assert [one.id for one in client.leads(q="berg").data] == [anna]
    account = client.accounts().data[0]
    assert client.account(account.id).people[0].lead == anna
    assert client.segments().data == []
    assert client.report_funnel().data.steps[0].count == 3
    assert client.report_sources().data.leads == 3
    assert client.report_cycle().data.wins == 0
    assert client.report_attention().data.winners == 0
    assert client.report_scores(at="end").at == "end"
    assert client.report_contact().data.speed.hot == 2


def test_a_lead_is_worked_on(world: World) -> None:
    ben, anna, cleo = client_of(world, "ben"), world.nordwind.lead("anna"), world.nordwind.lead("cleo")
    lead, tag = ben.lead_and_tag(anna)
    assert lead.owner is None
    assert ben.claim(anna, owner="ben@nordwind.example", lease_hours=2, if_match=tag).owner == "ben@nordwind.example"
    with pytest.raises(Stale):
        ben.claim(anna, owner="ben@nordwind.example", if_match=tag)
    with pytest.raises(Refused) as taken:
        ben.claim(anna, owner="eve@nordwind.example")
    assert (taken.value.status, taken.value.kind) == (409, "taken")
    assert ben.note(anna, "Wants a quote", by="ben@nordwind.example").text == "Wants a quote"
    assert [note.text for note in ben.notes(anna).data] == ["Wants a quote"]
    assert ben.release(anna, owner="ben@nordwind.example").owner is None
    until = datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(days=3)
    assert ben.snooze(cleo, until, why="on holiday").snoozed_until == "2026-11-22T10:30:00.000Z"
    assert ben.outcome(cleo, "won", value=900, currency="EUR").status == "won"
    told = ben.crm_outcomes([{"email": "anna@halden.test", "outcome": "contacted", "id": "c-1"}, {"outcome": "won"}])
    assert (told.recorded, [one.reason for one in told.rejected]) == ([anna], ["identity_missing"])
    assert not any(one.explored for one in ben.hot_leads(explore=True).data)
    assert ben.report_losses().data.losses.lost == 0
    assert ben.exclude(cleo, "competitor", "a rival").exclusion == "competitor"
    assert ben.exclude(cleo, None, "no rival").exclusion is None
    assert ben.merge(anna, cleo, "the same person").id == anna
    assert ben.lead(cleo).merged_into == anna
    assert ben.unmerge(cleo, "another person").id == cleo
    kinds = [change.kind for change in ben.changes(limit=200).data]
    assert {"claimed", "released", "snoozed", "outcome", "noted", "merged", "unmerged"} <= set(kinds)


def test_sent_again_by_another_process_it_is_done_once(world: World) -> None:
    anna = world.nordwind.lead("anna")
    notes = [client_of(world, "ben").note(anna, "called", idempotency_key="call-7") for _ in range(3)]
    assert len({note.id for note in notes}) == 1
    assert len(client_of(world).notes(anna).data) == 1


def test_scorecards_are_tried_published_and_taken_back(world: World) -> None:
    chen = client_of(world, "chen")
    card = chen.scorecard(1).body
    assert chen.simulate_scorecard(card, days=7, listed=1).simulation.entering == 0
    assert chen.publish_scorecard(card, "a test", by="chen@nordwind.example").number == 2
    assert [one.state for one in chen.scorecards().data] == ["filling", "current"]
    assert chen.rollback_scorecard("no, after all").state == "current"
    assert [one.action for one in every(chen.audit, limit=1)][:2] == ["rollback", "publish"]


def test_it_has_a_method_for_every_route(world: World) -> None:
    asked: set[tuple[str, str]] = set()

    def send(request: Request) -> Answer:
        path = request.url.removeprefix(f"{URL}/api/v1").partition("?")[0]
        asked.add((request.method, path.replace("/1", "/{number}")))
        return problem(404)

    client = Client(URL, "wt_x", send=send)
    given: dict[str, Any] = {"lead_id": "{lead_id}", "account_id": "{account_id}", "number": 1, "scorecard": {}}
    given |= {"webhook_id": "{webhook_id}", "digest_id": "{digest_id}", "alert_id": "{alert_id}"}
    given |= {"url": URL, "email": "eve@nordwind.example"}
    given |= {"why": "w", "text": "t", "kind": "won", "lost": "l", "reason": None, "until": datetime.now(UTC), "rows": []}
    given |= {"scheme": "s", "label": "l", "objects": True, "given": True}
    for name, method in inspect.getmembers(client, inspect.ismethod):
        if name.startswith("_"):
            continue
        needed = [one for one in inspect.signature(method).parameters.values() if one.default is one.empty]
        with pytest.raises(Refused):
            method(*(given[one.name] for one in needed))
    found = {(method, unquote(path)) for method, path in asked}
    assert found == {(route.method, route.path) for route in ROUTES}


def test_webhooks_are_set_up_tried_and_removed(world: World) -> None:
    chen = client_of(world, "chen")
    made = chen.add_webhook("https://crm.example.com/in", kinds=["entered"], contact="ops@nordwind.example")
    hook = made.webhook
    assert (hook.kinds, hook.contact, chen.webhooks().data) == (["entered"], "ops@nordwind.example", [hook])
    assert chen.rotate_webhook_secret(hook.id, overlap_hours=1).secret not in (None, made.secret)
    tested = chen.test_webhook(hook.id)
    assert [one.id for one in every(chen.deliveries, webhook_id=hook.id, limit=1, state="waiting")] == [tested.id]
    assert chen.replay_deliveries(hook.id, since=datetime.fromtimestamp(NOW / 1000, UTC)).deliveries == 0
    assert chen.enable_webhook(hook.id, missed=True).disabled_at is None
    assert chen.webhook(hook.id).waiting == 1
    assert chen.remove_webhook(hook.id).id == hook.id
    with pytest.raises(Refused, match="404"):
        chen.webhook(hook.id)
    with pytest.raises(Refused, match="403"):
        client_of(world).webhooks()


def test_digests_are_subscribed_to_previewed_and_removed(world: World) -> None:
    chen = client_of(world, "chen")
    made = chen.add_digest("eve@nordwind.example", weekday=4, hour=17, time_zone="Europe/Berlin", language="zh")
    assert (made.weekday, made.hour, made.language) == (4, 17, "zh")
    assert chen.digests().data == [made]
    assert chen.preview_digest(made.id, week=date(2026, 11, 9)).week == "2026-11-09"
    assert chen.remove_digest(made.id).id == made.id
    assert chen.digests().data == []


def test_alerts_are_subscribed_to_changed_and_removed(world: World) -> None:
    chen = client_of(world, "chen")
    made = chen.add_alert("eve@nordwind.example", quiet="19:00-08:00", max_per_day=3)
    assert (made.quiet, made.max_per_day) == ("19:00-08:00", 3)
    changed = chen.change_alert(made.id, quiet="", time_zone="Asia/Shanghai")
    assert (changed.quiet, changed.max_per_day, changed.time_zone) == (None, 3, "Asia/Shanghai")
    assert chen.alerts().data == [changed]
    assert chen.remove_alert(made.id).id == made.id
    assert chen.alerts().data == []


def test_every_item_of_a_list_comes_once(world: World) -> None:
    client = client_of(world)
    found = [lead.id for lead in every(client.leads, limit=1)]
    assert found == [lead.id for lead in client.leads().data]
    assert len(set(found)) == 3


def test_texts_come_in_the_language_asked_for(world: World) -> None:
    asked = Client(URL, world.nordwind.keys["ada"], language="zh", send=through(world.client(None)))
    assert asked.hot_leads().data[0].next_step.label != client_of(world).hot_leads().data[0].next_step.label


def test_a_refusal_is_an_exception_with_its_problem(world: World) -> None:
    client = client_of(world)
    with pytest.raises(Refused) as wrong:
        client.hot_leads(limit=1000)
    assert (wrong.value.status, wrong.value.kind) == (400, "parameter-invalid")
    assert wrong.value.problem.errors[0].parameter == "limit"
    assert "limit" in str(wrong.value)
    with pytest.raises(Refused) as gone:
        client.lead("ld_2222222222222222")
    assert gone.value.kind == "not-found"
    with pytest.raises(Refused) as key:
        Client(URL, "wt_wrong", send=through(world.client(None))).leads()
    assert key.value.status == 401


def test_names_in_paths_are_only_names(world: World) -> None:
    for name in ("../hot-leads", "a/b", "?x", "é", "", "#"):
        with pytest.raises(Refused) as refusal:
            client_of(world).lead(name or "%")
        assert refusal.value.status == 404


def test_a_cursor_that_is_no_longer_good_says_so(world: World) -> None:
    theirs = Client(URL, world.huadong.keys["ada"], send=through(world.client(None)))
    with pytest.raises(CursorExpired):
        client_of(world).changes(theirs.changes("now").next_cursor)


# A service that misbehaves.


def problem(status: int, **headers: str) -> Answer:
    body = msgspec.json.encode(Problem("/api/docs#problem-x", "X", status, "so it is"))
    return Answer(status, {"content-type": "application/problem+json", **headers}, body)


FINE = Answer(200, {"content-type": "application/json"}, b"{}")


class Script:
    """Answers one after the other, and notes what was asked and how long was waited."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.pauses: list[float] = []

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def transport(self, tries: int = 5) -> Transport:
        return Transport(URL, "wt_x", tries=tries, send=self.send, sleep=self.pauses.append)


GET: Callable[[Transport], Answer] = lambda transport: transport.get("/leads", {})  # noqa: E731
POST: Callable[[Transport], Answer] = lambda transport: transport.post("/leads/x/claim", {"hours": 2})  # noqa: E731


@pytest.mark.parametrize("ask", [GET, POST], ids=["asking", "changing"])
def test_it_waits_for_as_long_as_it_is_told(ask: Callable[[Transport], Answer]) -> None:
    told = [
        problem(429, **{"retry-after": "7"}),
        problem(503, **{"retry-after": "9999"}),
        problem(409, **{"retry-after": "0"}),
    ]
    script = Script(*told, FINE)
    assert ask(script.transport()) == FINE
    assert script.pauses == [7.0, 60.0, 0.0]  # nobody waits for hours


@pytest.mark.parametrize("ask", [GET, POST], ids=["asking", "changing"])
def test_without_an_answer_it_asks_again_ever_later(ask: Callable[[Transport], Answer]) -> None:
    script = Script(ConnectionResetError(), urllib3.exceptions.ReadTimeoutError(None, "", ""), problem(502), FINE)  # type: ignore[arg-type]
    assert ask(script.transport()) == FINE
    assert [0.25 <= script.pauses[0] <= 0.5, 0.5 <= script.pauses[1] <= 1, 1 <= script.pauses[2] <= 2] == [True] * 3
    keys = {request.headers.get("Idempotency-Key") for request in script.requests}
    assert len(keys) == 1  # the same thing is asked for, not another


def test_each_change_has_a_key_of_its_own_or_the_one_given() -> None:
    script = Script(FINE, FINE, FINE)
    transport = script.transport()
    for given in (None, None, "order-7"):
        transport.post("/leads/x/claim", {}, idempotency_key=given, if_match='"1"')
    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "order-7"
    assert script.requests[0].headers["If-Match"] == '"1"'
    assert script.requests[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 412, 415, 422, 500])
def test_what_would_be_refused_again_is_asked_once(status: int) -> None:
    script = Script(problem(status))
    with pytest.raises(Refused) as refusal:
        POST(script.transport())
    assert type(refusal.value) is {410: CursorExpired, 412: Stale}.get(status, Refused)
    assert len(script.requests) == 1
    assert script.pauses == []


def test_at_last_it_gives_up() -> None:
    script = Script(*[ConnectionRefusedError("nobody there")] * 3)
    with pytest.raises(NotReachable, match="nobody there"):
        GET(script.transport(tries=3))
    busy = Script(*[problem(429, **{"retry-after": "1"})] * 2)
    with pytest.raises(Refused) as refusal:
        GET(busy.transport(tries=2))
    assert refusal.value.retry_after_seconds == 1.0
    with pytest.raises(ValueError, match="once at least"):
        Script().transport(tries=0)


PROXIES: dict[str, Answer] = {
    "a page of a proxy": Answer(403, {"content-type": "text/html"}, b"<h1>Denied</h1>"),
    "a problem that is none": Answer(400, {"content-type": "application/problem+json"}, b'{"title": 3}'),
    "a redirect, which would get the key": Answer(302, {"location": "https://elsewhere.example"}, b""),
    "bytes": Answer(404, {}, b"\xff\xfe"),
}


@pytest.mark.parametrize("answer", PROXIES.values(), ids=PROXIES)
def test_an_answer_of_somebody_else_is_a_refusal_too(answer: Answer) -> None:
    with pytest.raises(Refused) as refusal:
        GET(Script(answer).transport())
    assert refusal.value.status == answer.status


def test_an_answer_that_is_not_understood_is_an_error_of_its_own() -> None:
    client = Client(URL, "wt_x", send=Script(Answer(200, {}, b"<html>")).send)
    with pytest.raises(WarmtrailError, match="no LeadPage"):
        client.leads()


RETRY = {"7": 7.0, " 7 ": 7.0, "Thu, 19 Nov 2026 10:30:30 GMT": 30.0, "Thu, 19 Nov 2020 10:30:30 GMT": 0.0}


@pytest.mark.parametrize(("text", "seconds"), RETRY.items())
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert retry_after(text, NOW / 1000) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [None, "", "soon", "-1", "1.5", "²", "Thu, 99 Nov 2026"])
def test_a_retry_after_without_sense_is_none(text: str | None) -> None:
    assert retry_after(text, NOW / 1000) is None


def test_long_polls_have_their_time() -> None:
    script = Script(FINE)
    script.transport().get("/changes", {"wait": 60, "cursor": None}, wait_seconds=60)
    assert script.requests[0].timeout_seconds == 90
    assert script.requests[0].url.endswith("/api/v1/changes?wait=60")


def test_over_http_nothing_is_followed_and_nothing_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def request(self: object, method: str, url: str, **options: Any) -> Any:
        asked.update(options)
        return urllib3.HTTPResponse(b"x", {"X-A": "1"}, 200, preload_content=True)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    answer = over_http()(Request("GET", URL, {}, None, 30))
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"x", "1")
    assert (asked["retries"], asked["redirect"]) == (False, False)


def test_it_needs_neither_the_web_framework_nor_a_database() -> None:
    heavy = "('sqlalchemy', 'flask', 'werkzeug', 'redis', 'rq', 'click', 'granian', 'user_agents')"
    program = f"import sys, warmtrail.client, warmtrail.following; sys.exit(sum(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0
