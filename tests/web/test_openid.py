"""Signing in through another service: who gets in, and everything that is refused on the way. The provider is a real one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey
from limits import parse
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from sqlalchemy import select
from werkzeug.test import TestResponse

from scorer.outlet_models import users
from scorer.users import add_user, set_disabled
from scorer.web import throttle
from scorer.web.oidc import REST_SECONDS, Provider
from scorer.web.oidc_attempts import GOOD_FOR_MS, NotSignedIn, attempt_of, begin, is_state
from scorer.web.oidc_setup import open_provider
from scorer.web.throttle import FROM_ONE_PLACE
from tests.factories import NOW, World
from tests.web import openid_provider
from tests.web.conftest import URL, Browser, Web
from tests.web.served import serving
from tests.web.test_accessibility import violations
from tracker.settings import SettingError, Settings

COOKIE = "__Host-warmtrail_openid"


@pytest.fixture(scope="module")
def running() -> Iterator[openid_provider.Provider]:
    with openid_provider.provider() as made:
        yield made


@pytest.fixture
def there(running: openid_provider.Provider) -> openid_provider.Provider:
    """The provider, telling the truth."""
    running.reset()
    running.now_ms = NOW
    return running


@pytest.fixture
def web(database_url: str, there: openid_provider.Provider) -> Iterator[Web]:
    """The page of a new world with the provider, once on each database."""
    world = World(database_url)
    yield Web(world, **there.settings)
    world.database.close()


@pytest.fixture
def sqlite_web(migrated_sqlite_url: str, there: openid_provider.Provider) -> Iterator[Web]:
    """The same, for what has nothing to do with the database."""
    world = World(migrated_sqlite_url)
    yield Web(world, **there.settings)
    world.database.close()


def led(browser: Browser, asked: str = "/hot", **headers: str) -> str:
    """Where the button leads to."""
    answer = browser.get(f"/sign-in/openid?next={asked}", **headers)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def signed_in(browser: Browser, there: openid_provider.Provider, asked: str = "/hot", **headers: str) -> TestResponse:
    """The answer to whoever comes back."""
    return browser.get(there.sign_in(led(browser, asked, **headers)), **headers)


def test_somebody_known_gets_in_and_goes_on_to_what_was_asked_for(web: Web, there: openid_provider.Provider) -> None:
    browser = web.browser()
    page = browser.get("/sign-in?next=/leads%3Fq%3Dx")
    assert "Sign in with Example ID" in page.text
    assert 'href="/sign-in/openid?next=/leads%3Fq%3Dx"' in page.text
    answer = signed_in(browser, there, "/leads%3Fq%3Dx")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/leads?q=x")
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if "session" in one]
    assert cookie.startswith("__Host-warmtrail_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert browser.get("/hot").status_code == 200
    assert browser.post("/sign-out", {}, on="/hot").status_code == 303
    assert browser.get("/hot").status_code == 303


def test_somebody_without_a_password_gets_in_this_way_only(web: Web, there: openid_provider.Provider) -> None:
    with web.world.database.writing() as connection:
        made = add_user(connection, "eve@example.com", "", {web.world.nordwind.id: "sales"}, NOW)
        kept = select(users.c.password_hash).where(users.c.id == made.id)
        assert connection.execute(kept).scalar_one() is None
    there.email = "Eve@Example.com"  # As the person once wrote it there.
    browser = web.browser()
    assert [browser.sign_in("eve@example.com", guess).status_code for guess in ("", "a long enough password")] == [422, 422]
    assert signed_in(browser, there).status_code == 303
    page = browser.get("/settings").text
    assert "eve@example.com" in page
    assert "/settings/password" not in page, "there is none to change"
    assert "What protects your account is set up there." in page
    assert "You have no password here." in page
    assert "/settings/password" in web.browser(web.ada).get("/settings").text


def test_without_the_settings_there_is_no_such_way(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    browser = Web(world).browser()
    assert "/sign-in/openid" not in browser.get("/sign-in").text
    assert [browser.get(path).status_code for path in ("/sign-in/openid", "/sign-in/openid/back?state=x")] == [404, 404]
    world.database.close()


def test_the_browser_keeps_what_it_has_begun_where_no_script_sees_it(sqlite_web: Web) -> None:
    answer = sqlite_web.browser().get("/sign-in/openid")
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if "openid" in one]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))
    sent = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert sent["redirect_uri"] == [f"{URL}/sign-in/openid/back"]
    for secret in (*sent["state"], *sent["nonce"], *sent["code_challenge"]):
        assert len(secret) == 43
        assert secret not in cookie


LIES = {
    "a nonce of another attempt": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "for another client": {"aud": "another"},
    "for others, shown by us": {"aud": ["another"], "azp": openid_provider.CLIENT},
    "for several, shown by another": {"aud": [openid_provider.CLIENT, "another"], "azp": "another"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": NOW // 1000 - 61},
    "without an end": {"exp": None},
    "from tomorrow": {"iat": NOW // 1000 + 86_400},
    "without a subject": {"sub": None},
    "of another access token": {"at_hash": "x" * 22},
    "an end that is no number": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_is_not_meant_for_this_sign_in_is_refused(
    sqlite_web: Web, there: openid_provider.Provider, lie: dict[str, object]
) -> None:
    there.claims = lie
    browser = sqlite_web.browser()
    answer = signed_in(browser, there)
    assert answer.status_code == 422
    assert "What Example ID said of you is too old or wasn&#39;t meant for this sign-in." in answer.text
    assert browser.get("/hot").status_code == 303


def test_clocks_may_differ_by_a_minute(sqlite_web: Web, there: openid_provider.Provider) -> None:
    there.claims = {"exp": NOW // 1000 - 59}
    assert signed_in(sqlite_web.browser(), there).status_code == 303


@pytest.mark.parametrize("verified", [False, None, "false", 1.5, "yes"])
def test_an_address_that_is_not_confirmed_is_refused(
    sqlite_web: Web, there: openid_provider.Provider, verified: object
) -> None:
    there.claims = {"email_verified": verified}
    there.userinfo = {"sub": "42", "email": there.email, "email_verified": verified}
    answer = signed_in(sqlite_web.browser(), there)
    assert answer.status_code == 422
    assert "Example ID hasn&#39;t confirmed that your e-mail address is yours." in answer.text


@pytest.mark.parametrize("email", [None, "", 7, "x" * 400, " ben@example.com", "ben@example.com\n", "ben@e\u212aample.com"])
def test_what_is_no_address_is_refused(sqlite_web: Web, there: openid_provider.Provider, email: object) -> None:
    there.claims, there.userinfo = {"email": email}, {"sub": "42"}
    answer = signed_in(sqlite_web.browser(), there)
    assert (answer.status_code, "doesn&#39;t say what your e-mail address is" in answer.text) == (422, True)


def test_a_letter_that_only_looks_like_another_opens_nothing(sqlite_web: Web, there: openid_provider.Provider) -> None:
    sqlite_web.add("kim", {sqlite_web.world.nordwind.id: "admin"})
    there.email = "\u212aim@example.com"  # The sign of Kelvin, in lower case a k.
    assert there.email.lower() == "kim@example.com"
    assert signed_in(sqlite_web.browser(), there).status_code == 422


def test_somebody_unknown_or_kept_out_is_refused_in_words(web: Web, there: openid_provider.Provider) -> None:
    with web.world.database.writing() as connection:
        set_disabled(connection, web.ben.id, NOW)
    for email in ("nobody@example.com", "ben@example.com"):
        there.email = email
        browser = web.browser()
        answer = signed_in(browser, there)
        assert answer.status_code == 403
        assert f"{email} is no user of Warmtrail who may sign in." in answer.text
        assert browser.get("/hot").status_code == 303


def test_an_address_told_only_by_userinfo_is_taken(sqlite_web: Web, there: openid_provider.Provider) -> None:
    there.claims = {"email": None, "email_verified": None}
    there.userinfo = {"sub": "42", "email": "ben@example.com", "email_verified": "true"}
    assert signed_in(sqlite_web.browser(), there).status_code == 303
    there.userinfo["sub"] = "somebody else"
    assert signed_in(sqlite_web.browser(), there).status_code == 422


def test_the_same_way_back_leads_in_only_once(sqlite_web: Web, there: openid_provider.Provider) -> None:
    browser = sqlite_web.browser()
    address = led(browser)
    kept = browser.client.get_cookie(COOKIE, "leads.example.com")
    assert kept is not None
    back = there.sign_in(address)
    assert browser.get(back).status_code == 303
    again = browser.get(back)
    assert (again.status_code, again.headers["Location"]) == (303, "/hot")  # Signed in already: nothing is asked.
    assert there.asked.count("/token") == 1
    browser.post("/sign-out", {}, on="/hot")
    replayed = browser.get(back)
    assert (replayed.status_code, "was used already" in replayed.text) == (422, True)
    assert there.asked.count("/token") == 1
    # Even with the cookie that was taken away: the provider honours no code twice.
    browser.client.set_cookie(COOKIE, kept.value, domain="leads.example.com", secure=True)
    assert browser.get(back).status_code == 422
    assert browser.get("/hot").status_code == 303


def test_only_the_browser_that_began_it_is_let_in(sqlite_web: Web, there: openid_provider.Provider) -> None:
    mine, theirs = sqlite_web.browser(), sqlite_web.browser()
    back = there.sign_in(led(mine))
    led(theirs)
    for answer in (theirs.get(back), sqlite_web.browser().get(back), mine.get(back.replace("state=", "state=x"))):
        assert (answer.status_code, "begun in another browser" in answer.text) == (422, True)
        assert not any(COOKIE in one for one in answer.headers.getlist("Set-Cookie"))
    assert mine.get(back).status_code == 303  # What others tried hasn't spoilt it.


def test_somebody_elses_code_is_refused(sqlite_web: Web, there: openid_provider.Provider) -> None:
    mine, theirs = sqlite_web.browser(), sqlite_web.browser()
    stolen = parse_qs(urlsplit(there.sign_in(led(theirs))).query)["code"][0]
    own = there.sign_in(led(mine))
    code = parse_qs(urlsplit(own).query)["code"][0]
    assert mine.get(own.replace(code, stolen)).status_code == 422


def test_who_takes_longer_than_ten_minutes_starts_again(sqlite_web: Web, there: openid_provider.Provider) -> None:
    browser = sqlite_web.browser()
    back = there.sign_in(led(browser))
    sqlite_web.world.now += GOOD_FOR_MS
    answer = browser.get(back)
    assert (answer.status_code, "took too long" in answer.text) == (422, True)


def test_a_refusal_of_the_provider_is_said(sqlite_web: Web, there: openid_provider.Provider) -> None:
    there.denies = "access_denied"
    answer = signed_in(sqlite_web.browser(), there)
    assert (answer.status_code, "it was cancelled there" in answer.text) == (422, True)
    there.denies = "<script>"
    answer = signed_in(sqlite_web.browser(), there)
    assert (answer.status_code, "<script>" in answer.text) == (502, False)


def test_an_answer_of_another_issuer_is_refused(sqlite_web: Web, there: openid_provider.Provider) -> None:
    browser = sqlite_web.browser()
    back = there.sign_in(led(browser))
    assert (
        browser.get(back.partition("&iss=")[0] + back[back.index("&code=") :] + "&iss=https://evil.example").status_code
        == 422
    )
    assert "/token" not in there.asked


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_while_the_provider_is_away_it_is_said_and_passwords_go_on(
    sqlite_web: Web, there: openid_provider.Provider, when: str
) -> None:
    browser = sqlite_web.browser()
    back = there.sign_in(led(browser)) if when == "meanwhile" else "/sign-in/openid"
    there.is_away = True
    answer = browser.get(back)
    assert (answer.status_code, "Example ID doesn&#39;t answer at the moment." in answer.text) == (503, True)
    assert browser.sign_in(sqlite_web.ben.email).status_code == 303


def test_errors_are_in_the_readers_language(sqlite_web: Web, there: openid_provider.Provider) -> None:
    chinese = {"Accept-Language": "zh"}
    assert "使用 Example ID 登录" in sqlite_web.browser().get("/sign-in", **chinese).text
    there.email = "nobody@example.com"
    assert "nobody@example.com" in signed_in(sqlite_web.browser(), there, **chinese).text
    assert "管理员" in signed_in(sqlite_web.browser(), there, **chinese).text
    assert "请重新开始" in sqlite_web.browser().get("/sign-in/openid/back?state=x", **chinese).text
    browser = sqlite_web.browser()
    back = there.sign_in(led(browser))
    there.is_away = True
    assert "Example ID 暂时没有响应" in browser.get(back, **chinese).text


def test_attempts_are_limited_as_with_passwords(
    sqlite_web: Web, there: openid_provider.Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "FROM_ONE_NETWORK", parse("12/10minutes"))
    there.email = "nobody@example.com"
    statuses = [signed_in(sqlite_web.browser(), there).status_code for _ in range(FROM_ONE_PLACE.amount + 1)]
    assert statuses == [403] * FROM_ONE_PLACE.amount + [429]
    there.email = "ben@example.com"
    assert signed_in(sqlite_web.browser(), there).status_code == 303
    there.claims = {"nonce": "wrong"}  # Nobody knows whose attempts these are: they count for the network.
    assert [signed_in(sqlite_web.browser(), there).status_code for _ in range(2)] == [422, 422]
    asked = there.asked.count("/token")
    assert signed_in(sqlite_web.browser(), there).status_code == 429
    assert there.asked.count("/token") == asked


def test_who_guesses_at_a_password_does_not_keep_its_owner_from_this_way(
    sqlite_web: Web, there: openid_provider.Provider
) -> None:
    browser = sqlite_web.browser()
    guesses = [browser.sign_in(sqlite_web.ben.email, "wrong").status_code for _ in range(FROM_ONE_PLACE.amount + 1)]
    assert guesses[-1] == 429
    assert signed_in(browser, there).status_code == 303


def test_new_keys_of_the_provider_are_fetched_and_foreign_ones_refused(
    sqlite_web: Web, there: openid_provider.Provider
) -> None:
    assert signed_in(sqlite_web.browser(), there).status_code == 303
    there.signs_with = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"})
    assert signed_in(sqlite_web.browser(), there).status_code == 422
    there.publishes = [there.key, there.signs_with]
    assert signed_in(sqlite_web.browser(), there).status_code == 303
    there.signs_with = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
    assert signed_in(sqlite_web.browser(), there).status_code == 422
    there.publishes = []
    assert signed_in(sqlite_web.browser(), there).status_code == 502


def test_a_signature_with_the_shared_secret_is_none(sqlite_web: Web, there: openid_provider.Provider) -> None:
    there.algorithm, there.signs_with = "HS256", OctKey.import_key(openid_provider.SECRET, {"kid": "first"})  # type: ignore[assignment]
    assert signed_in(sqlite_web.browser(), there).status_code == 422
    there.description = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    made = open_provider(Settings(public_url=URL, **there.settings))
    attempt = attempt_of(b"s", begin("/hot", NOW), NOW)
    assert made is not None
    assert attempt is not None
    code = parse_qs(urlsplit(there.sign_in(made.address(attempt))).query)["code"][0]
    with pytest.raises(NotSignedIn, match="not set up"):
        made.email(code, attempt, NOW)


WRONG = {
    "another issuer": {"issuer": "https://evil.example"},
    "no token endpoint": {"token_endpoint": None},
    "a number for an address": {"jwks_uri": 7},
    "an endpoint that is no address": {"authorization_endpoint": "javascript:alert(1)"},
}


@pytest.mark.parametrize("description", WRONG.values(), ids=WRONG)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    sqlite_web: Web, there: openid_provider.Provider, description: dict[str, object]
) -> None:
    there.description = description
    answer = sqlite_web.browser().get("/sign-in/openid")
    assert (answer.status_code, "isn&#39;t set up right" in answer.text) == (502, True)


def test_a_wrong_client_secret_is_a_matter_of_the_set_up(migrated_sqlite_url: str, there: openid_provider.Provider) -> None:
    world = World(migrated_sqlite_url)
    browser = Web(world, **there.settings | {"oidc_client_secret": "another"}).browser()
    assert signed_in(browser, there).status_code == 502
    world.database.close()


def test_a_provider_that_is_away_is_asked_again_after_a_rest(there: openid_provider.Provider) -> None:
    now = [100.0]
    settings = there.settings
    made = Provider(
        f"{there.url}/", settings["oidc_client_id"], settings["oidc_client_secret"], "", f"{URL}/x", clock=lambda: now[0]
    )
    attempt = attempt_of(b"s", begin("/hot", NOW), NOW)
    assert attempt is not None
    there.is_away = True
    for _ in range(3):
        with pytest.raises(NotSignedIn, match="away"):
            made.address(attempt)
    assert len(there.asked) == 1
    there.is_away = False
    now[0] += REST_SECONDS
    assert made.address(attempt).startswith(f"{there.url}/authorize?")
    made.address(attempt)
    assert len(there.asked) == 2
    now[0] += 3600
    made.address(attempt)
    assert len(there.asked) == 3


def test_whatever_is_changed_in_what_the_browser_keeps_gives_another_state() -> None:
    kept = begin("/leads?q=x", NOW)
    mine = attempt_of(b"secret", kept, NOW)
    assert mine is not None
    assert mine.next_path == "/leads?q=x"
    assert len({mine.state, mine.nonce, mine.verifier}) == 3
    for other in (begin("/leads?q=x", NOW), f"{NOW + 1}{kept[kept.index('.') :]}", kept.replace("leads", "sites")):
        forged = attempt_of(b"secret", other, NOW + 1)
        assert forged is not None
        assert not is_state(forged, mine.state)
    elsewhere = attempt_of(b"another secret", kept, NOW)
    assert elsewhere is not None
    assert not is_state(elsewhere, mine.state)
    assert attempt_of(b"secret", kept, NOW + GOOD_FOR_MS - 1) == mine
    for text, now in (
        (kept, NOW + GOOD_FOR_MS),
        (kept, NOW - 1),
        ("", NOW),
        ("x.y.z", NOW),
        ("9" * 5000, NOW),
        ("²..", NOW),
    ):
        assert attempt_of(b"secret", text, now) is None
    long = attempt_of(b"secret", begin("/" + "x" * 3000, NOW), NOW)
    assert long is not None
    assert long.next_path == ""


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(oidc_issuer="https://login.example.com", oidc_client_id="w", oidc_client_secret="s")
    made = open_provider(settings)
    assert made is not None
    assert made.name == "login.example.com"
    assert open_provider(Settings()) is None
    monkeypatch.delitem(sys.modules, "scorer.web.oidc")
    monkeypatch.setitem(sys.modules, "authlib.oidc.core", None)
    with pytest.raises(SettingError, match=r"WARMTRAIL_OIDC_ISSUER.*warmtrail\[oidc\]"):
        open_provider(settings)


def test_in_a_real_browser_from_the_button_to_the_page(
    browser: Chromium, migrated_sqlite: Path, tmp_path: Path, there: openid_provider.Provider
) -> None:
    path = tmp_path / "warmtrail.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    world = World(f"sqlite:///{path}", now=int(time.time() * 1000))
    there.now_ms = world.now
    with serving(world, browser, **there.settings) as served, served.visiting(None, width=390) as context:
        page = context.new_page()
        page.goto("/leads")
        assert violations(page) == []
        page.get_by_role("link", name="Sign in with Example ID").click()
        expect(page).to_have_url(f"{served.url}/leads")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    world.database.close()
