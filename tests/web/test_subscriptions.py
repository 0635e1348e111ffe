"""The weekly mail and alerts on the page: subscribing oneself and others, looking at the mail, giving it up."""

from __future__ import annotations

import re

import pytest

from scorer import alerts, digests
from scorer.alerts import list_alerts
from scorer.digests import list_digests
from scorer.web.pages.digests import MAIL_POLICY
from tests.factories import DAY, buyer
from tests.web.conftest import Web

DIGESTS, ALERTS = "/settings/digests", "/settings/alerts"
WEEKLY = {"weekday": "0", "hour": "8", "time_zone": "Europe/Berlin", "language": "en"}
AT_ONCE = {"max_per_day": "5", "quiet": "19:00-08:00", "time_zone": "Europe/Berlin", "language": "en"}


def test_a_viewer_subscribes_the_own_address_whatever_the_form_says(web: Web) -> None:
    ada = web.browser(web.ada)
    for path, form in ((DIGESTS, WEEKLY), (ALERTS, AT_ONCE)):
        assert ada.post(path, {**form, "email": "boss@example.com"}, on=path).status_code == 303
        text = ada.get(path).text
        assert (web.ada.email in text, "boss@example.com" in text) == (True, False)
        assert ada.post(path, form, on=path).status_code == 422  # gets it already


def test_an_administrator_subscribes_others_and_sees_all(web: Web) -> None:
    web.browser(web.ada).post(DIGESTS, WEEKLY, on=DIGESTS)
    chen = web.browser(web.chen)
    for path, form in ((DIGESTS, WEEKLY), (ALERTS, AT_ONCE)):
        assert chen.post(path, {**form, "email": "boss@example.com"}, on=f"{path}?site=nordwind").status_code == 303
        assert "boss@example.com" in chen.get(path).text
    assert web.ada.email in chen.get(DIGESTS).text
    assert "boss@example.com" not in web.browser(web.ada).get(DIGESTS).text


def test_that_a_site_has_as_many_as_it_may_is_said(sqlite_web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MAX_DIGESTS", 0)
    monkeypatch.setattr(alerts, "MAX_ALERTS", 0)
    chen = sqlite_web.browser(sqlite_web.chen)
    for path, form, told in ((DIGESTS, WEEKLY, "最多 0 个周报订阅"), (ALERTS, AT_ONCE, "最多 0 个提醒")):
        answer = chen.post(path, {"email": "x@example.com", **form}, on=path)
        assert answer.status_code == 422
        assert told in answer.text


WRONG = [
    (DIGESTS, WEEKLY, "email", "nobody"),
    (DIGESTS, WEEKLY, "time_zone", "Mars/Olympus"),
    (DIGESTS, WEEKLY, "segment", "none of ours"),
    (ALERTS, AT_ONCE, "email", "nobody"),
    (ALERTS, AT_ONCE, "quiet", "in the evening"),
    (ALERTS, AT_ONCE, "max_per_day", "0"),
    (ALERTS, AT_ONCE, "max_per_day", "many"),
    (ALERTS, AT_ONCE, "segment", "none of ours"),
]


@pytest.mark.parametrize(("path", "form", "field", "text"), WRONG)
def test_what_cant_be_is_said_beside_its_field(
    sqlite_web: Web, path: str, form: dict[str, str], field: str, text: str
) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    answer = chen.post(path, {"email": "x@example.com", **form, field: text}, on=path)
    assert answer.status_code == 422
    assert f'id="f-{field}-hint" class="field-problem"' in answer.text


@pytest.mark.parametrize("hour", ["", "-1", "24", "x", "²"])
def test_an_hour_that_there_isnt_is_refused(sqlite_web: Web, hour: str) -> None:
    ada = sqlite_web.browser(sqlite_web.ada)
    assert ada.post(DIGESTS, {**WEEKLY, "hour": hour}, on=DIGESTS).status_code == 422


def test_the_mail_of_last_week_is_shown_in_a_frame_that_runs_nothing(web: Web) -> None:
    web.world.feed(buyer("v1", web.world.now - 5 * DAY, name="Nora <North>", email="nora@north.example"))
    ada = web.browser(web.ada)
    ada.post(DIGESTS, WEEKLY, on=DIGESTS)
    with web.world.database.reading() as connection:
        (made,) = list_digests(connection, web.world.nordwind.id)
    page = ada.get(f"{DIGESTS}/{made.id}").text
    assert re.search(rf'<iframe[^>]* src="{DIGESTS}/{made.id}/mail"[^>]* sandbox="allow-popups"', page)
    mail = ada.get(f"{DIGESTS}/{made.id}/mail")
    assert mail.headers["Content-Security-Policy"] == MAIL_POLICY
    assert mail.headers["Cache-Control"] == "no-store"
    assert "<script" not in mail.text
    assert web.ada.email in mail.text


def test_what_is_somebody_elses_is_as_if_it_werent_there(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    chen.post(DIGESTS, {**WEEKLY, "email": "boss@example.com"}, on=f"{DIGESTS}?site=nordwind")
    chen.post(ALERTS, {**AT_ONCE, "email": "boss@example.com"}, on=f"{ALERTS}?site=nordwind")
    with sqlite_web.world.database.reading() as connection:
        (digest,) = list_digests(connection)
        (alert,) = list_alerts(connection)
    ben = sqlite_web.browser(sqlite_web.ben)
    for path in (f"{DIGESTS}/{digest.id}", f"{DIGESTS}/{digest.id}/mail", f"{ALERTS}/{alert.id}"):
        assert ben.get(path).status_code == 404
        assert chen.get(path).status_code == 200
    for path in (f"{DIGESTS}/{digest.id}/remove", f"{ALERTS}/{alert.id}/remove"):
        assert ben.post(path, {}, on="/settings").status_code == 404
        assert chen.post(path, {}, on="/settings").status_code == 303
    with sqlite_web.world.database.reading() as connection:
        assert list_digests(connection) == []
        assert list_alerts(connection) == []
