"""Webhooks on the page: added, looked at, tested, switched, removed."""

from __future__ import annotations

import re

import pytest

from scorer.webhook_outbox import fan_out
from scorer.webhooks import disable_webhook, find_webhook, list_deliveries, list_webhooks
from tests.factories import buyer
from tests.web.conftest import URL, Browser, Web

HERE = "/settings/webhooks"


def add(browser: Browser, **form: str) -> str:
    """Add a webhook and return its id."""
    answer = browser.post(HERE, {"url": "https://hooks.example.com/a", **form}, on=f"{HERE}?site=nordwind")
    assert answer.status_code == 200, answer.text
    return re.findall(r"/settings/webhooks/(wh_[0-9a-f]+)/test", answer.text)[0]


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(web: Web) -> None:
    chen = web.browser(web.chen)
    form = {"url": "https://hooks.example.com/a", "name": "CRM <1>", "contact": "it@example.com"}
    answer = chen.post(HERE, form, on=f"{HERE}?site=nordwind")
    assert re.search(r">whsec_[\w+/=]+<", answer.text)
    assert "CRM &lt;1&gt;" in chen.get(HERE).text
    with web.world.database.reading() as connection:
        (made,) = list_webhooks(connection, web.world.nordwind.id)
    assert "whsec_" not in chen.get(f"{HERE}/{made.id}").text
    rotated = chen.post(f"{HERE}/{made.id}/rotate", {}, on=f"{HERE}/{made.id}")
    assert "whsec_" in rotated.text


WRONG = {
    "url": {"url": "ftp://x"},
    "contact": {"contact": "somebody"},
    "segment": {"segment": "nobody"},
    "name": {"name": "x" * 101},
    "secret": {"secret": "mine"},
}


@pytest.mark.parametrize(("field", "form"), WRONG.items(), ids=WRONG)
def test_what_cant_be_is_said_beside_its_field(sqlite_web: Web, field: str, form: dict[str, str]) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    answer = chen.post(HERE, {"url": "https://hooks.example.com/a"} | form, on=HERE)
    assert answer.status_code == 422
    assert f'id="f-{field}-hint" class="field-problem"' in answer.text


def test_the_log_tells_what_was_sent_and_a_message_is_sent_again(web: Web) -> None:
    chen = web.browser(web.chen)
    name = add(chen)
    web.world.feed(buyer("v1", name="Nora North"))
    fan_out(web.world.database, web.world.now, URL)
    text = chen.get(f"{HERE}/{name}").text
    assert "lead.entered" in text
    assert chen.post(f"{HERE}/{name}/test", {}, on=f"{HERE}/{name}").status_code == 303
    assert "test.ping" in chen.get(f"{HERE}/{name}?state=waiting").text
    assert "test.ping" not in chen.get(f"{HERE}/{name}?state=delivered").text
    with web.world.database.reading() as connection:
        sent = [one for one in list_deliveries(connection, name) if one.kind == "entered"]
    assert chen.post(f"{HERE}/{name}/replay", {"delivery": sent[0].id}, on=f"{HERE}/{name}").status_code == 303
    assert chen.post(f"{HERE}/{name}/replay", {"delivery": "msg_no"}, on=f"{HERE}/{name}").status_code == 409
    assert chen.post(f"{HERE}/{name}/replay", {}, on=f"{HERE}/{name}").status_code == 303


def test_a_long_log_has_pages(sqlite_web: Web) -> None:
    chen = sqlite_web.browser(sqlite_web.chen)
    name = add(chen)
    for _ in range(31):
        chen.post(f"{HERE}/{name}/test", {}, on=f"{HERE}/{name}")
        sqlite_web.world.now += 1
    text = chen.get(f"{HERE}/{name}").text
    assert text.count("test.ping") == 30
    (later,) = re.findall(r'rel="next" href="([^"]+)"', text)
    assert chen.get(later).text.count("test.ping") == 1
    assert chen.get(f"{HERE}/{name}?before=nonsense").status_code == 200


def test_one_that_was_switched_off_says_so_on_top_and_comes_back_as_chosen(web: Web) -> None:
    chen = web.browser(web.chen)
    name = add(chen)
    with web.world.database.writing() as connection:
        found = find_webhook(connection, None, name)
        assert found is not None
        disable_webhook(connection, found, "failing", "", web.world.now)
    assert "连续五天无法投递" in chen.get(HERE).text
    assert chen.post(f"{HERE}/{name}/test", {}, on=f"{HERE}/{name}").status_code == 409
    assert chen.post(f"{HERE}/{name}/enable", {"missed": "yes"}, on=f"{HERE}/{name}").status_code == 303
    assert "连续五天无法投递" not in chen.get(HERE).text
    assert chen.post(f"{HERE}/{name}/disable", {}, on=f"{HERE}/{name}").status_code == 303
    assert "已被手动停用" in chen.get(f"{HERE}/{name}").text
    assert chen.post(f"{HERE}/{name}/remove", {}, on=f"{HERE}/{name}").status_code == 303
    assert chen.get(f"{HERE}/{name}").status_code == 404


def test_a_webhook_of_a_site_without_a_role_is_as_if_there_were_none(sqlite_web: Web) -> None:
    name = add(sqlite_web.browser(sqlite_web.chen))
    dora = sqlite_web.browser(sqlite_web.add("dora", {sqlite_web.world.huadong.id: "admin"}))
    assert dora.get(f"{HERE}/{name}").status_code == 404
    assert dora.post(f"{HERE}/{name}/remove", {}, on=HERE).status_code == 404
    assert sqlite_web.browser(sqlite_web.ben).get(f"{HERE}/{name}").status_code == 403
