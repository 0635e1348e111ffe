"""What every answer carries, sign-ins nobody slips into, secrets that stay out of the log, and input made to take long."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
import lzma
import re
import shutil
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from scorer import passwords
from scorer.app import HttpSide
from scorer.core.globs import Globs
from scorer.outlets.routes import ROUTES as API_ROUTES
from scorer.resources import Resources
from scorer.response_headers import NOTHING
from scorer.users import set_password
from scorer.web import blueprint
from scorer.web.pages.signing_in import HOME, own_path
from scorer.web.routes import ROUTES
from scorer.web.sessions import open_session
from tests.factories import World
from tests.security_world import Everybody
from tracker.core.admission import MAX_BODY_BYTES, Refused, inflate
from tracker.importing.files import open_log
from tracker.log import LogFormat, configure_logging
from tracker.settings import Settings

URL: Final = "https://leads.example.com"
PASSWORD: Final = "correct horse battery staple"
TOKEN: Final = re.compile(r'name="form_token" value="(\w+)"')


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_HASHER", quick)
        patch.setattr(passwords, "_NOBODYS", quick.hash("nobody's password"))
        yield


class Service:
    """The whole application, with nobody at the other end of Redis, and everybody who may ask it."""

    def __init__(self, path: Path) -> None:
        self.world = World(f"sqlite:///{path}", now=int(time.time() * 1000))
        self.everybody = Everybody(self.world)
        self.database_url = f"sqlite:///{path}"
        self.folder = path.parent
        with self.world.database.writing() as connection:
            set_password(connection, self.everybody.users["admin"].id, PASSWORD)
            user = self.everybody.users["admin"].id
            self.everybody.tokens["admin"] = open_session(connection, user, "Firefox", self.world.now)

    def client(self, public_url: str = URL) -> FlaskClient:
        settings = Settings(public_url=public_url, database_url=self.database_url, data_dir=self.folder)
        side = HttpSide(Resources(settings, "redis://127.0.0.1:1"), collector=True, web=True, demo_key="wk_demo")
        return side.app.test_client()


@pytest.fixture(scope="module")
def service(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("defences") / "warmtrail.db"
    shutil.copy(migrated_sqlite, path)
    made = Service(path)
    yield made
    made.world.database.close()


def addresses(service: Service, client: FlaskClient) -> list[tuple[str, str]]:
    """Every rule of the application with something put in for what it leaves open."""
    found = []
    for rule in client.application.url_map.iter_rules():
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        names = service.everybody.ids | {"tag": "x", "name": "style.css", "rest": "x", "text": "x", "version": "1"}
        for name, value in names.items():
            path = re.sub(rf"<(?:path:)?{name}>", value, path)
        found += [(method, path) for method in sorted((rule.methods or set()) & {"GET", "POST", "OPTIONS"})]
    return [*found, ("GET", "/no-such-page"), ("POST", "/no-such-page"), ("GET", "/api/v1/no-such-page")]


@pytest.mark.parametrize("public_url", [URL, "http://leads.example.com"])
def test_every_answer_carries_what_browsers_are_to_be_told(service: Service, public_url: str) -> None:
    client = service.client(public_url)
    secure = public_url.startswith("https")
    cookie = f"{'__Host-' if secure else ''}warmtrail_session={service.everybody.tokens['admin']}"
    bearer = f"Bearer {service.everybody.keys['admin']}"
    for method, path in addresses(service, client):
        for headers in ({"Accept": "text/html"}, {"Accept": "text/html", "Cookie": cookie, "Authorization": bearer}):
            answer = client.open(path, method=method, base_url=public_url, headers=headers)
            told = answer.headers
            assert told["X-Content-Type-Options"] == "nosniff", path
            assert told.get("Strict-Transport-Security", "") == ("max-age=31536000" if secure else ""), path
            if not path.startswith("/nordwind"):
                policy = told["Content-Security-Policy"]
                assert "default-src 'none'" in policy, path
                assert "unsafe" not in policy, path
                assert answer.mimetype != "text/html" or "frame-ancestors" in policy or "/go/" in path, path
            assert "Server" not in told or "Python" not in told["Server"], path
            for kept in told.getlist("Set-Cookie"):
                assert "HttpOnly" in kept, (path, kept)
                assert "SameSite=Lax" in kept, (path, kept)
                assert ("Secure" in kept) == secure, (path, kept)
            if (
                method != "OPTIONS"
                and answer.status_code < 300
                and answer.mimetype in ("text/html", "application/json", "text/csv")
            ):
                public = path.startswith(("/nordwind", "/api/docs", "/api/v1/openapi"))
                assert public or re.search("no-store|no-cache", told.get("Cache-Control", "")), path


def test_pages_name_their_address_to_nobody_else(service: Service) -> None:
    client = service.client()
    for route in ROUTES:
        if route.method == "GET":
            answer = client.get(service.everybody.path(route.path), base_url=URL)
            assert answer.headers["Referrer-Policy"] == "same-origin", route.name


def test_what_has_no_policy_of_its_own_loads_runs_and_sends_nothing(service: Service) -> None:
    answer = service.client().get("/api/v1/hot-leads", base_url=URL)
    assert answer.headers["Content-Security-Policy"] == NOTHING


def signed_in(client: FlaskClient, **form: str) -> Any:
    found = TOKEN.search(client.get("/sign-in", base_url=URL).text)
    assert found is not None
    data = {"form_token": found[1], "email": "admin@example.com", "password": PASSWORD} | form
    return client.post("/sign-in", base_url=URL, data=data)


def page_app(service: Service, database_url: str = "") -> FlaskClient:
    app = Flask("defences", static_folder=None)
    world = World(database_url) if database_url else service.world
    made = blueprint.make_blueprint(world.database, Settings(public_url=URL), b"secret", None, lambda: world.now)
    app.register_blueprint(made)
    return app.test_client()


def test_a_session_that_somebody_else_chose_is_not_taken_over(service: Service) -> None:
    client = page_app(service)
    chosen = "A" * 43
    client.set_cookie("__Host-warmtrail_session", chosen, domain="leads.example.com", secure=True)
    answer = signed_in(client)
    (kept,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-warmtrail_session=")]
    assert chosen not in kept
    assert "Secure" in kept
    assert "Path=/" in kept
    assert "Domain" not in kept
    stranger = page_app(service)
    answer = stranger.get("/hot", base_url=URL, headers={"Cookie": f"__Host-warmtrail_session={chosen}"})
    assert answer.status_code == 303


def test_signing_in_anew_ends_the_session_before(service: Service) -> None:
    client = page_app(service)
    first = client_token(signed_in(client))
    # The form is bound to the session; whoever is signed in is led on by GET, so the token comes from another page.
    found = TOKEN.search(client.get("/settings", base_url=URL).text)
    assert found is not None
    data = {"form_token": found[1], "email": "admin@example.com", "password": PASSWORD}
    second = client_token(client.post("/sign-in", base_url=URL, data=data))
    assert first != second
    stolen = page_app(service).get("/hot", base_url=URL, headers={"Cookie": f"__Host-warmtrail_session={first}"})
    assert stolen.status_code == 303


def client_token(answer: Any) -> str:
    (kept,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-warmtrail_session=")]
    return str(kept).partition("=")[2].partition(";")[0]


@pytest.mark.parametrize(
    "asked",
    [
        *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "https:evil"),
        *("javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil"),
        *("/\x00/evil.example", "evil.example", "@evil.example", "/hot\r\nSet-Cookie: a=b", "/sign-in?next=//evil.example"),
        *("/\u2028/evil.example", "/\u202e", "", "/sign-out"),
    ],
)
def test_signing_in_leads_nowhere_else(asked: str) -> None:
    led = own_path(asked)
    assert led == HOME or (led == asked == "/sign-out")
    # A path that is followed by GET does nothing.
    assert not any(route.path == "/sign-out" and route.method == "GET" for route in ROUTES)


def test_keys_passwords_and_tokens_are_never_logged(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    everybody = service.everybody
    secrets = [
        PASSWORD,
        "another wrong password",
        *everybody.keys.values(),
        *everybody.tokens.values(),
        "wk_some_key",
        "sk_some",
    ]
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    forms: tuple[LogFormat, ...] = ("text", "json")
    for form in forms:
        configure_logging(form, "debug")
        try:
            logging.getLogger("werkzeug").setLevel(logging.DEBUG)
            client = service.client()
            signed_in(client, password="another wrong password")
            signed_in(client)
            for name, key in everybody.keys.items():
                client.get("/api/v1/hot-leads", headers={"Authorization": f"Bearer {key}", "X-Name": name}, base_url=URL)
                client.get(f"/snippet.js?key={key}", base_url=URL)
            body = {"writeKey": "wk_some_key", "type": "page", "anonymousId": "somebody-known"}
            client.post("/v1/page", json=body, base_url=URL)
            client.post("/v1/batch", json={"batch": [body]}, auth=("sk_some", ""), base_url=URL)
            for token in everybody.tokens.values():
                client.get("/hot", base_url=URL, headers={"Cookie": f"__Host-warmtrail_session={token}"})
            # What fails is logged with its place, and without the values.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(blueprint, "load_sites", _fail)
                answer = client.get("/hot", base_url=URL, headers={"Cookie": cookie_of(everybody)})
                assert answer.status_code == 500
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            structlog.reset_defaults()
    said = "".join(capfd.readouterr())
    assert "page_failed" in said
    for secret in filter(None, secrets):
        assert secret not in said
    assert "somebody-known" not in said
    assert "nora@north.example" not in said


def cookie_of(everybody: Everybody) -> str:
    return f"__Host-warmtrail_session={everybody.tokens['admin']}"


def _fail(connection: Any) -> Any:
    kept_here = "nora@north.example"
    raise RuntimeError("the fault is ours") if kept_here else KeyError


BOMBS: Final = {
    "a thousand to one": lambda: gzip.compress(b"[" * 100_000_000, 9),
    "in two members": lambda: gzip.compress(b"{}") + gzip.compress(b"a" * 10_000_000, 9),
    "cut off": lambda: gzip.compress(b"a" * 400_000)[:-9],
    "of nothing": lambda: b"\x1f\x8b\x08" + b"\x00" * 400_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_body_that_unpacks_to_a_thousandfold_costs_no_memory(name: str) -> None:
    bomb = BOMBS[name]()
    assert len(bomb) < MAX_BODY_BYTES
    tracemalloc.start()
    try:
        try:
            reason, size = "", len(inflate(bomb, "gzip"))
        except Refused as refused:
            reason, size = refused.reason, 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size <= MAX_BODY_BYTES
    assert reason in ("", "body_too_large", "encoding_invalid")
    assert peak < 3 * MAX_BODY_BYTES


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_log_of_one_endless_line_is_read_within_bounded_memory(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(pack(b"a" * 30_000_000))
    with open_log(path) as log:
        list(log)  # What is made at the first use stays out of the measure.
    tracemalloc.start()
    try:
        with open_log(path) as log:
            longest = max(map(len, log))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert longest < 1_000_000
    assert peak < 20_000_000


def test_a_form_with_too_much_in_it_is_refused_and_is_no_fault_of_ours(service: Service) -> None:
    client = page_app(service)
    found = TOKEN.search(client.get("/sign-in", base_url=URL).text)
    assert found is not None
    many = {"form_token": found[1], **{f"field{number}": "x" for number in range(2000)}}
    answer = client.post("/sign-in", base_url=URL, data=many, content_type="multipart/form-data")
    assert answer.status_code == 422
    long = {"form_token": found[1], "email": "a@example.com", "password": "x" * 1_500_000}
    begun = time.monotonic()
    assert client.post("/sign-in", base_url=URL, data=long).status_code in (413, 422)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("origin", ["http://[::1", "https://[", "//", "\x7f", "null", "https://" + "a" * 10_000])
def test_an_origin_that_is_none_is_not_ours(service: Service, origin: str) -> None:
    client = page_app(service)
    found = TOKEN.search(client.get("/sign-in", base_url=URL).text)
    assert found is not None
    form = {"form_token": found[1], "email": "admin@example.com", "password": PASSWORD}
    assert client.post("/sign-in", base_url=URL, data=form, headers={"Origin": origin}).status_code == 403


def test_a_nul_is_asked_of_no_database(database_url: str, service: Service) -> None:
    client = page_app(service, database_url)
    found = TOKEN.search(client.get("/sign-in", base_url=URL).text)
    assert found is not None
    form = {"form_token": found[1], "email": "\0a@example.com", "password": "x"}
    assert client.post("/sign-in", base_url=URL, data=form).status_code == 400
    for path in ("/leads/%00", "/accounts/%00", "/welcome/%00"):
        assert client.get(path, base_url=URL).status_code == 404, path
    for path in ("/hot?site=%00", "/leads?q=x&q=%00"):
        assert client.get(path, base_url=URL).status_code == 400, path


def test_the_api_asks_no_database_for_a_nul(database_url: str) -> None:
    world = World(database_url)
    client = world.client("chen")
    for route in API_ROUTES:
        path = f"/api/v1{re.sub('{[^}]+}', '%00', route.path)}"
        if route.method == "GET":
            asked = (path, f"{path}?q=%00", f"{path}?cursor=%00", f"{path}?site=%00", f"{path}?topic=%00&owner=%00")
            assert [one for one in asked if client.get(one).status_code >= 500] == []
        elif "{" in route.path:
            assert client.post(path, json={}).status_code < 500, path
    world.database.close()


SLOW: Final = {
    "stars": ("*a" * 200 + "*b", "/" + "a" * 2000),
    "many middles": ("*" + "*".join("ab" for _ in range(500)) + "*x", "/" + "ab" * 1000),
    "doubled stars": ("**********" * 50 + "x", "/" + "y" * 2000),
    "percent signs": ("*%25*%2525*z", "/" + "%25" * 700),
    "nested classes": ("*(a+)+$*", "/" + "a" * 2000 + "!"),
}


@pytest.mark.parametrize("name", SLOW)
def test_no_pattern_takes_long_on_any_address(name: str) -> None:
    pattern, address = SLOW[name]
    globs = Globs([pattern])
    begun = time.process_time()
    for _ in range(100):
        globs(address)
    assert time.process_time() - begun < 0.5  # 5 ms each; an engine that backtracks takes years


def test_bodies_of_the_api_are_limited(service: Service) -> None:
    client = service.client()
    headers = {"Authorization": f"Bearer {service.everybody.keys['admin']}", "Content-Type": "application/json"}
    lead = service.everybody.ids["lead_id"]
    for body in (b"x" * 70_000, b"[" * 60_000, json.dumps({"text": "a" * 63_000}).encode()):
        answer = client.post(f"/api/v1/leads/{lead}/note", data=body, headers=headers, base_url=URL)
        assert answer.status_code in (400, 413), body[:10]
    packed = zlib.compress(b"{}")
    answer = client.post(f"/api/v1/leads/{lead}/note", data=packed, headers=headers | {"Content-Encoding": "deflate"})
    assert answer.status_code == 400
