"""Dead letters on the page: counted, looked at, sent through again, deleted."""

from __future__ import annotations

import msgspec
import pytest

from scorer.web.pages.dead_letters import readable
from tests.factories import NOW
from tests.web.conftest import Web
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.queue import connect, count_entries

HERE = "/settings/dead-letters"
GOOD = {"type": "page", "anonymousId": "v1", "messageId": "m1", "properties": {"url": "https://www.nordwind.example/"}}


def put(web: Web, *letters: tuple[str, str, bytes], site: int = 0) -> None:
    rows = [DeadLetter(site or web.world.nordwind.id, NOW, reason, source, True, body) for reason, source, body in letters]
    with web.world.database.writing() as connection:
        save_dead_letters(connection, rows)


def test_letters_are_counted_by_reason_with_what_it_means(web: Web) -> None:
    put(web, ("url_invalid", "collector", b'{"a": "<script>"}'), ("url_invalid", "collector", b"\xff\x00"))
    put(web, ("row_short", "import", b"a;b"), site=web.world.huadong.id)
    chen = web.browser(web.chen)
    text = chen.get(f"{HERE}?site=nordwind&reason=url_invalid").text
    assert "url 须为 http 或 https 地址" in text
    assert "&lt;script&gt;" in text
    assert "row_short" not in text
    assert "row_short" in chen.get(f"{HERE}?site=huadong").text


def test_those_of_a_reason_are_deleted_and_the_log_says_so(web: Web) -> None:
    put(web, *[("url_invalid", "collector", b"{}")] * 3, ("row_short", "import", b"a"))
    put(web, ("url_invalid", "collector", b"{}"), site=web.world.huadong.id)
    chen = web.browser(web.chen)
    answer = chen.post(f"{HERE}/delete", {"reason": "url_invalid"}, on=f"{HERE}?site=nordwind")
    assert answer.status_code == 303
    text = chen.get(HERE).text
    assert ("url_invalid" in text, "row_short" in text) == (False, True)
    assert "letters 3" in chen.get("/settings/audit").text
    assert "url_invalid" in chen.get(f"{HERE}?site=huadong").text


def test_what_was_mended_goes_into_the_queue_and_what_is_refused_again_stays(queued_web: Web, redis_url: str) -> None:
    put(queued_web, ("url_invalid", "collector", msgspec.json.encode(GOOD)), ("url_invalid", "collector", b"{}"))
    put(queued_web, ("url_invalid", "import", b"a line"))
    chen = queued_web.browser(queued_web.chen)
    answer = chen.post(f"{HERE}/replay", {"reason": "url_invalid"}, on=f"{HERE}?site=nordwind")
    assert answer.status_code == 303
    with connect(redis_url) as client:
        assert count_entries(client, list(range(16))) == 1
    text = chen.get(f"{HERE}?reason=url_invalid").text
    assert text.count('class="letter"') == 2
    assert "accepted 1; refused_again 1; not_events 1" in chen.get("/settings/audit").text


def test_one_that_somebody_else_has_dealt_with_is_said_to_be_gone(queued_web: Web) -> None:
    put(queued_web, ("url_invalid", "collector", b"{}"))
    chen = queued_web.browser(queued_web.chen)
    on = f"{HERE}?site=nordwind"
    for form in ({"letter": "999999"}, {"reason": "row_short"}, {"letter": "x"}, {}):
        assert chen.post(f"{HERE}/replay", form, on=on).status_code == 409


def test_without_a_queue_nothing_is_sent_and_the_page_says_why(sqlite_web: Web) -> None:
    put(sqlite_web, ("url_invalid", "collector", b"{}"))
    chen = sqlite_web.browser(sqlite_web.chen)
    answer = chen.post(f"{HERE}/replay", {"reason": "url_invalid"}, on=f"{HERE}?site=nordwind")
    assert (answer.status_code, "暂时无法连接队列" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":1}', '{\n  "a": 1\n}'),
        (b"a\x00b\x1b[31m", "a\ufffdb\ufffd[31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 5000, "[" * 4000 + " …"),
    ],
)
def test_what_came_in_is_shown_without_what_cant_be_seen(body: bytes, shown: str) -> None:
    assert readable(body) == shown
