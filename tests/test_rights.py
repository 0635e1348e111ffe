"""Who may do what: every address of the page, the sales API and the collector, for everybody, on both sites.

The rules below are written down by hand and the requests are made from the tables of routes: a new route without a rule
fails, and so does one whose table says something else than its rule. Who is let in is decided in front of what a route does,
so that this is put out of the way there (``LET_IN``), and nobody who isn't let in reaches it. What routes do with things of
another site is tried with the real ones.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from scorer.app import HttpSide
from scorer.keys import Scope
from scorer.outlets import api
from scorer.outlets.answers import Reply
from scorer.outlets.parameters import Parameters
from scorer.outlets.request_shapes import Request as AnyBody
from scorer.outlets.routes import ROUTES as API_ROUTES
from scorer.resources import Resources
from scorer.web import blueprint
from scorer.web.call import Needs
from scorer.web.forgery import form_token
from scorer.web.routes import ROUTES as WEB_ROUTES
from tests.factories import World
from tests.security_world import NAME, Everybody
from tracker.collect import ROUTES as COLLECT_ROUTES
from tracker.collect import Accepted, Answer, KnownKey, Limits, Request, decide
from tracker.settings import Settings

URL: Final = "https://leads.example.com"
SECRET: Final = b"secret"
LET_IN: Final = 299

WEB: Final[dict[Needs, str]] = {
    "nobody": "sign_in sign_in_send sign_out openid openid_back welcome welcome_choose",
    "user": "sites_add settings settings_save settings_password settings_end_session settings_end_all",
    "viewer": "hot hot_csv lead leads accounts account classes reports report report_table scorecard scorecard_number "
    "scorecard_filling learning learning_training learning_report learning_export learning_fit sites site site_seen "
    "digests digests_subscribe digest digest_mail digest_remove alerts alerts_subscribe alert alert_remove health "
    "health_hours",
    "sales": "hot_claim hot_release hot_snooze hot_outcome lead_claim lead_release lead_snooze lead_outcome lead_notes "
    "lead_label lead_merge lead_unmerge lead_exclude lead_objection lead_consent classes_label classes_learn",
    "admin": "lead_data lead_data_save lead_data_erase scorecard_rollback scorecard_edit scorecard_change scorecard_json "
    "scorecard_json_change scorecard_trial scorecard_publish learning_train learning_simulate learning_refuse "
    "learning_promote learning_alarm_clear learning_fit_draft site_change webhooks webhooks_add webhook webhook_test "
    "webhook_rotate webhook_enable webhook_disable webhook_remove webhook_replay users users_invite users_role users_link "
    "users_sign_out users_keep_out users_let_in keys keys_make keys_revoke dead_letters dead_letters_replay "
    "dead_letters_delete audit audit_export",
}
"""What each route of the page needs. Subscriptions need a viewer: what somebody does to another's is tried below."""
OF_A_THING: Final = ("/leads/<", "/accounts/<", "/sites/<", "/digests/<", "/alerts/<", "/webhooks/<", "/keys/<")
"""Routes about one thing, whose site is the thing's own."""
NEVER, IN, NOT_HERE, NOT_THIS = "sign in", "in", "404", "403"

API: Final[dict[Scope, str]] = {
    "read": "listHotLeads listLeads getLead getTimeline explainLead getHistory getSources listRecommendations listNotes "
    "listClasses getChoices listAccounts getAccount listSegments reportFunnel reportSources reportCycle reportAttention "
    "reportContent reportLosses reportScores reportContact listScorecards getScorecard getTraining listProposals "
    "getProposal listChanges",
    "sales": "claimLead releaseLead snoozeLead recordOutcome addNote labelLead mergeLeads unmergeLead excludeLead "
    "takeCrmOutcomes objectToScoring recordConsent",
    "admin": "simulateScorecard publishScorecard rollbackScorecard trainScorecard promoteProposal refuseProposal "
    "listDecisions listWebhooks addWebhook getWebhook removeWebhook testWebhook rotateWebhookSecret enableWebhook "
    "listDeliveries replayDeliveries listDigests addDigest removeDigest previewDigest listAlerts addAlert changeAlert "
    "removeAlert exportPerson erasePerson",
}
WHY: Final = {"why": "because"}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "snoozeLead": {"until": "2026-11-25T00:00:00Z"},
    "recordOutcome": {"kind": "won"},
    "addNote": {"text": "a note"},
    "labelLead": {"scheme": "size", "label": "large"},
    "mergeLeads": WHY,
    "unmergeLead": WHY,
    "excludeLead": {"reason": "staff", "why": "because"},
    "promoteProposal": WHY,
    "refuseProposal": WHY,
    "replayDeliveries": {"since": "2026-11-01T00:00:00Z"},
    "objectToScoring": {"objects": True, **WHY},
    "recordConsent": {"given": True, **WHY},
    "exportPerson": {"email": "nora@north.example"},
    "erasePerson": {"email": "nora@north.example", "why": "because"},
}
"""What is asked of another site's things; of the others, nothing."""

OTHERS: Final = {
    "/": "anybody: leads to the hot list",
    "/assets/<tag>/<path:name>": "anybody: files of ours",
    "/api/v1/openapi.json": "anybody: the description",
    "/api/docs": "anybody: the description",
    "/api/v1": "anybody: refused",
    "/api/v1/": "anybody: refused",
    "/api/v1/<path:rest>": "anybody: refused",
    "/unsubscribe/<text>": "who has the signed link",
    "/v1/<any(batch,page,track,identify,group,alias):name>": "who has a write key or server key",
    "/v1/pixel.gif": "who has a write key",
    "/v1/go/<token>": "who has the signed link",
    "/snippet.js": "anybody",
    "/snippet-panel.js": "anybody",
    "/snippet-links.js": "anybody",
    "/snippet-<version>.js": "anybody",
    "/healthz": "anybody",
    "/readyz": "anybody",
    "/metrics": "anybody who gets to it: numbers and names of reasons only; a proxy keeps others away",
    "/nordwind": "anybody: the sample site",
    "/nordwind/": "anybody: the sample site",
    "/nordwind/<path:name>": "anybody: the sample site",
}
"""Every address that is in neither of the two tables, and who may ask for it."""


def _by_name(table: dict[Any, str]) -> dict[str, Any]:
    return {name: needed for needed, names in table.items() for name in names.split()}


NEEDED: Final[dict[str, Needs]] = _by_name(WEB)
SCOPES: Final[dict[str, Scope]] = _by_name(API)


@pytest.fixture(scope="module")
def everybody(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everybody]:
    path = tmp_path_factory.mktemp("rights") / "warmtrail.db"
    shutil.copy(migrated_sqlite, path)
    world = World(f"sqlite:///{path}")
    yield Everybody(world)
    world.database.close()


def web_client(everybody: Everybody, *, marked: bool) -> FlaskClient:
    """A client of the page; *marked*: who is let in gets ``LET_IN`` instead of what the route does."""
    app = Flask("rights", static_folder=None)
    settings = Settings(public_url=URL)
    with pytest.MonkeyPatch.context() as patch:
        if marked:
            made = [dataclasses.replace(one, handle=lambda call, **names: Response(status=LET_IN)) for one in WEB_ROUTES]
            patch.setattr(blueprint, "ROUTES", tuple(made))
        world = everybody.world
        app.register_blueprint(blueprint.make_blueprint(world.database, settings, SECRET, None, lambda: world.now))
    return app.test_client(use_cookies=False)


def ask(client: FlaskClient, method: str, path: str, token: str, form: dict[str, str] | None = None, **headers: str) -> Any:
    """Ask as the browser with this session (empty: with none), with the form's token where it sends one."""
    cookies = f"__Host-warmtrail_session={token}; warmtrail_form=bound"
    sent = {"Cookie": cookies, "Accept": "text/html", **headers}
    if method == "GET":
        return client.get(path, base_url=URL, headers=sent)
    return client.post(path, base_url=URL, headers=sent, data={"form_token": own_token(token)} | (form or {}))


def own_token(token: str) -> str:
    """The token of the forms of the browser with this session."""
    return form_token(SECRET, f"session:{token}" if token else "browser:bound")


def outcome(answer: TestResponse) -> str:
    if answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in?next="):
        return NEVER
    return IN if answer.status_code == LET_IN else str(answer.status_code)


def expected(needs: Needs, who: str, *, of_a_thing: bool) -> str:
    """What somebody is answered who asks for something of the first site."""
    if needs == "nobody" and (who in ("nobody", "disabled", "stranger") or not of_a_thing):
        return NOT_HERE if who == "outsider" else IN
    if who in ("nobody", "disabled"):
        return NEVER
    if who == "stranger":
        return NOT_HERE if of_a_thing else IN if needs == "user" else NOT_THIS
    if who == "outsider":
        return NOT_HERE
    role = {"viewer": 1, "mixed": 1, "sales": 2, "admin": 3}[who]
    return IN if role >= {"nobody": 0, "user": 0, "viewer": 1, "sales": 2, "admin": 3}[needs] else NOT_THIS


def test_every_route_has_its_rule() -> None:
    assert {route.name: route.needs for route in WEB_ROUTES} == NEEDED
    assert {route.name: route.scope for route in API_ROUTES} == SCOPES


def test_every_route_about_one_thing_asks_for_the_things_own_site() -> None:
    for route in WEB_ROUTES:
        if any(mark in route.path for mark in OF_A_THING):
            assert route.site_of is not None, route.name


def test_everybody_is_let_in_where_the_rules_say_so_and_nowhere_else(everybody: Everybody) -> None:
    client = web_client(everybody, marked=True)
    here = f"?site={everybody.world.nordwind.id}"
    for route in WEB_ROUTES:
        for who in ("nobody", *everybody.tokens):
            path, token = everybody.path(route.path) + here, everybody.tokens.get(who, "")
            # Whose session isn't one any more has the form that anybody gets.
            form = {"form_token": own_token("")} if who == "disabled" else {}
            answer = ask(client, route.method, path, token, form)
            wanted = expected(NEEDED[route.name], who, of_a_thing=route.site_of is not None)
            assert outcome(answer) == wanted, (route.name, who)


def test_no_form_is_taken_that_is_not_the_browsers_own(everybody: Everybody) -> None:
    client = web_client(everybody, marked=True)
    token = everybody.tokens["admin"]
    forged: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "no token": ({"form_token": ""}, {}),
        "another's token": ({"form_token": own_token(everybody.tokens["sales"])}, {}),
        "the token of nobody": ({"form_token": own_token("")}, {}),
        "from elsewhere": ({}, {"Sec-Fetch-Site": "cross-site"}),
        "from a neighbour": ({}, {"Sec-Fetch-Site": "same-site"}),
        "of another origin": ({}, {"Origin": "https://evil.example"}),
    }
    for route in WEB_ROUTES:
        if route.method == "POST":
            path = everybody.path(route.path)
            assert outcome(ask(client, "POST", path, token)) == IN, route.name
            for name, (form, headers) in forged.items():
                assert outcome(ask(client, "POST", path, token, form, **headers)) == NOT_THIS, (route.name, name)
            assert outcome(ask(client, "POST", path, "", {"form_token": own_token(token)})) == NOT_THIS, route.name


def test_what_changes_something_is_never_asked_for_by_get(everybody: Everybody) -> None:
    client = web_client(everybody, marked=True)
    read = {route.path for route in WEB_ROUTES if route.method == "GET"}
    written = {route.path for route in WEB_ROUTES if route.method == "POST"}
    for path in written - read:
        # Where another route reads at such an address, it is that one's business: 404, or the page of what is called so.
        answer = ask(client, "GET", everybody.path(path), everybody.tokens["admin"])
        assert outcome(answer) in ("405", IN), path
        assert outcome(answer) == "405" or any(_fits(one, path) for one in read), path
    for path in read - written:
        answer = ask(client, "POST", everybody.path(path), everybody.tokens["admin"])
        assert outcome(answer) == "405" or any(_fits(one, path) for one in written), path


def _fits(rule: str, path: str) -> bool:
    parts, others = rule.split("/"), path.split("/")
    return len(parts) == len(others) and all("<" in one or one == other for one, other in zip(parts, others, strict=True))


FORMS: Final[dict[str, dict[str, str]]] = {
    "users_role": {"role": "admin"},
    "scorecard_rollback": {"number": "1", "why": "because"},
    "learning_promote": WHY,
    "learning_refuse": WHY,
    "settings_password": {"old": "x", "new": "y"},
}


def test_an_administrator_of_another_site_sees_and_changes_nothing_of_this_one(everybody: Everybody) -> None:
    client = web_client(everybody, marked=False)
    before = everybody.contents()
    lead = everybody.ids["lead_id"]
    forms = {"lead": lead, "back": "/hot", "other": lead, "lost": lead, "session": "x", "scheme": "a", "label": "b"}
    named = [route for route in WEB_ROUTES if "<" in route.path and NEEDED[route.name] != "nobody"]
    asked = [(route.name, route.method, everybody.path(route.path), FORMS.get(route.name, {})) for route in named]
    asked += [(name, "POST", f"/hot/{name.removeprefix('hot_')}", {}) for name in NEEDED if name.startswith("hot_")]
    asked += [("classes_label", "POST", "/classes/label", {})]
    for name, method, path, form in asked:
        answer = ask(client, method, path, everybody.tokens["outsider"], forms | form)
        assert answer.status_code < 500, name
        assert NAME not in answer.text, name
        # A report is that of the asker's own site.
        assert answer.status_code in (404, 405, 409, 422) or name in ("report", "report_table"), (name, answer.status_code)
    assert everybody.contents() == before


def test_every_page_shows_what_is_of_the_own_site_only(everybody: Everybody) -> None:
    client = web_client(everybody, marked=False)
    seen = set()
    for route in WEB_ROUTES:
        if route.method == "GET" and "<" not in route.path:
            assert NAME not in ask(client, "GET", route.path, everybody.tokens["outsider"]).text, route.name
            if NAME in ask(client, "GET", route.path, everybody.tokens["admin"]).text:
                seen.add(route.name)
    assert {"hot", "hot_csv", "leads"} <= seen


def test_a_viewer_takes_no_hand_in_somebody_elses_mails(everybody: Everybody) -> None:
    client = web_client(everybody, marked=False)
    before = everybody.contents()
    for route in WEB_ROUTES:
        if route.path.startswith(("/settings/digests/<", "/settings/alerts/<")):
            for who in ("viewer", "sales", "mixed"):
                answer = ask(client, route.method, everybody.path(route.path), everybody.tokens[who])
                assert answer.status_code == 404, (route.name, who)
    assert everybody.contents() == before


def api_client(everybody: Everybody, *, marked: bool) -> FlaskClient:
    app = Flask("rights")
    settings = Settings(public_url=URL, api_rate="1000000,1000000")
    with pytest.MonkeyPatch.context() as patch:
        if marked:
            made = [
                msgspec.structs.replace(
                    one,
                    handle=lambda call, **names: Reply({"let": "in"}),
                    prepare=None,
                    parameters=Parameters,
                    body=AnyBody if one.body else None,
                    status=200,
                )
                for one in API_ROUTES
            ]
            patch.setattr(api, "ROUTES", tuple(made))
        world = everybody.world
        app.register_blueprint(api.make_blueprint(world.database, settings, lambda: world.now))
    return app.test_client(use_cookies=False)


def call_api(client: FlaskClient, method: str, path: str, key: str, body: Any = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    sent = None if method == "GET" else body or {}
    return client.open(f"/api/v1{path}", method=method, headers=headers, json=sent)


def test_every_key_opens_what_its_scope_says_and_its_own_site(everybody: Everybody) -> None:
    client = api_client(everybody, marked=True)
    rank = {"read": 1, "sales": 2, "admin": 3}
    for route in API_ROUTES:
        path = everybody.path(route.path)
        for who, key in everybody.keys.items():
            enough = who in rank and rank[who] >= rank[SCOPES[route.name]]
            wanted = 200 if enough else 403 if who in rank else 401
            assert call_api(client, route.method, path, key).status_code == wanted, (route.name, who)
            if enough:
                other = f"{path}?site={everybody.world.huadong.name}"
                assert call_api(client, route.method, other, key).status_code == 403, (route.name, who)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
def test_no_other_method_gets_in(everybody: Everybody, method: str) -> None:
    client = api_client(everybody, marked=True)
    for route in API_ROUTES:
        answer = call_api(client, method, everybody.path(route.path), everybody.keys["admin"])
        assert answer.status_code == 405, route.name


def test_a_session_is_no_key_and_a_key_no_session(everybody: Everybody) -> None:
    session = everybody.tokens["admin"]
    page, outlet = web_client(everybody, marked=True), api_client(everybody, marked=True)
    bearer = f"Bearer {everybody.keys['admin']}"
    for route in WEB_ROUTES:
        if NEEDED[route.name] != "nobody":
            path = everybody.path(route.path)
            assert outcome(ask(page, route.method, path, "", Authorization=bearer)) == NEVER, route.name
    for one in API_ROUTES:
        path = f"/api/v1{everybody.path(one.path)}"
        answer = outlet.open(path, method=one.method, headers={"Cookie": f"__Host-warmtrail_session={session}"}, json={})
        assert answer.status_code == 401, one.name


def test_the_key_of_another_site_finds_and_changes_nothing_of_this_one(everybody: Everybody) -> None:
    client = api_client(everybody, marked=False)
    before, keys = everybody.contents(), everybody.world.huadong.keys
    for route in API_ROUTES:
        about_this = "{" in route.path or route.name in ("exportPerson", "erasePerson")
        if route.method == "GET" or about_this:
            body = BODIES.get(route.name, {})
            if route.name == "mergeLeads":
                body = body | {"lost": everybody.world.nordwind.lead("finn")}
            answer = call_api(client, route.method, everybody.path(route.path), keys["chen"], body)
            assert NAME not in answer.text, route.name
            wanted = (404,) if about_this else (200,)
            if route.name == "trainScorecard" or answer.status_code not in wanted:
                pytest.fail(f"{route.name}: {answer.status_code} {answer.text[:300]}")
    assert everybody.contents() == before


def test_another_sites_lead_can_not_be_merged_into_ones_own(everybody: Everybody) -> None:
    world = everybody.world
    (own,) = world.add_plain_leads([1.0], company=world.huadong)
    client = api_client(everybody, marked=False)
    before = everybody.contents()
    body = {"lost": everybody.ids["lead_id"], "why": "because"}
    assert call_api(client, "POST", f"/leads/{own}/merge", world.huadong.keys["chen"], body).status_code == 404
    page = web_client(everybody, marked=False)
    form = {"other": everybody.ids["lead_id"], "why": "because"}
    answer = ask(page, "POST", f"/leads/{own}/merge", everybody.tokens["outsider"], form)
    assert answer.status_code in (404, 409, 422)
    assert everybody.contents() == before


def test_every_address_of_the_service_is_in_one_of_the_tables(migrated_sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(public_url=URL, database_url=migrated_sqlite_url, data_dir=tmp_path)
    resources = Resources(settings, "redis://127.0.0.1:1")
    side = HttpSide(resources, collector=True, web=True, demo_key="wk_demo")
    served = {rule.rule for rule in side.app.url_map.iter_rules()}
    listed = {route.path for route in WEB_ROUTES} | {
        "/api/v1" + route.path.replace("{", "<").replace("}", ">") for route in API_ROUTES
    }
    assert served - listed == set(OTHERS)
    resources.close()


class Keys:
    """The keys of two sites."""

    KNOWN: Final = {
        "wk_here": KnownKey(1, False),
        "sk_here": KnownKey(1, True),
        "wk_elsewhere": KnownKey(2, False),
    }

    def find(self, key: str) -> KnownKey | None:
        return self.KNOWN.get(key)


@pytest.mark.parametrize("route", COLLECT_ROUTES)
def test_events_go_to_the_site_of_their_key_whatever_they_say(route: str) -> None:
    event = {"type": "page", "anonymousId": "v", "messageId": "m", "site_id": 2, "siteId": 2, "event": "E"}
    event |= {"userId": "u", "previousId": "p", "groupId": "g", "timestamp": "2001-01-01T00:00:00Z", "trusted": True}
    body: dict[str, Any] = {"batch": [event], "site_id": 2} if route == "batch" else event

    def sent(key: str | None, **headers: str) -> Accepted | Answer:
        told = body | ({"writeKey": key} if key else {})
        wanted = Request(route, headers, msgspec.json.encode(told), 1_795_253_400_000)
        return decide(wanted, Keys(), Limits(16, 7 * 86_400_000), SECRET)

    for key in (None, "", "wk_unknown", "wk_here "):
        refused = sent(key)
        assert isinstance(refused, Answer), key
        assert refused.status == 401, key
    trusted = sent("sk_here")
    assert isinstance(trusted, Accepted)
    assert trusted.site_id == 1
    # Without the server key nobody carries history.
    public = sent("wk_elsewhere")
    assert not (isinstance(public, Accepted) and public.entries and public.received > len(public.rejected))
    assert not isinstance(public, Accepted) or public.site_id == 2
