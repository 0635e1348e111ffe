"""The page of the audit log: whether it is as it was written, and the whole of it as a file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import text

from scorer.audit_checking import check
from scorer.audit_export import ExportedLine
from scorer.auditing import note
from scorer.forgetting import _silence_log
from scorer.web.pages import audit_log
from tests.factories import NOW, buyer
from tests.web.conftest import Web

PAGE = "/settings/audit"


def write(web: Web, lines: int) -> None:
    with web.world.database.writing() as connection:
        for number in range(lines):
            note(connection, web.world.nordwind.id, "ada", "exclude", f"ld_{number}", f"<b>{number}</b>", {}, NOW)


def test_the_page_says_whether_the_chain_is_intact(web: Web) -> None:
    chen = web.browser(web.chen)
    north = f"{PAGE}?site=nordwind"
    assert "哈希链" not in chen.get(north).text  # nothing was done yet
    write(web, 3)
    assert "哈希链完整，共 3 行。" in chen.get(north).text
    with web.world.database.writing() as connection:
        _silence_log(connection, [web.world.nordwind.id], ["ld_1"])
    shown = chen.get(north).text
    assert "哈希链完整，共 3 行。" in shown
    assert shown.count("内容已清空：此人已被遗忘。") == 1
    with web.world.database.writing() as connection:
        connection.execute(text("UPDATE audit SET actor = 'eve' WHERE number = 2"))
    shown = chen.get(north).text
    assert "有人直接改动了日志：第 2 行与写入时不符。" in shown
    assert "哈希链完整" not in shown
    assert "第 2 行" not in chen.get(f"{PAGE}?site=nordwind&subject=ld_1").text  # a part of it tells nothing of the whole


def test_of_a_long_log_the_page_checks_the_latest_lines(sqlite_web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = sqlite_web.browser(sqlite_web.add("eve", {sqlite_web.world.nordwind.id: "admin"}))
    write(sqlite_web, 3)
    assert "Chain intact, 3 lines." in eve.get(PAGE).text
    monkeypatch.setattr(audit_log, "LATEST", 2)
    assert "Chain intact, 3 lines. The latest 2 were checked" in eve.get(PAGE).text


def test_administrators_save_the_log_and_that_stands_in_it(web: Web) -> None:
    write(web, 2)
    chen, ben = web.browser(web.chen), web.browser(web.ben)
    saved = chen.post(f"{PAGE}/export", {}, on=f"{PAGE}?site=nordwind")
    assert saved.status_code == 200
    assert saved.headers["Content-Disposition"] == 'attachment; filename="audit-log.jsonl"'
    assert saved.headers["Cache-Control"] == "no-store"
    found = [msgspec.json.decode(line, type=ExportedLine) for line in saved.data.splitlines()]
    assert [(one.number, one.action, one.actor) for one in found] == [
        (1, "exclude", "ada"),
        (2, "exclude", "ada"),
        (3, "audit export", "chen@example.com"),
    ]
    assert {one.site for one in found} == {web.world.nordwind.id}
    assert ben.post(f"{PAGE}/export", {}, on="/settings").status_code == 403


def test_several_leads_are_claimed_at_once_from_two_sides(web: Web) -> None:
    names = [f"v{number}" for number in range(4)]
    web.world.feed([event for name in names for event in buyer(name)])
    ids = [web.world.nordwind.lead(name) for name in names]
    eve = web.add("eve", {web.world.nordwind.id: "sales"})
    browsers = [web.browser(web.ben), web.browser(eve)]
    ready = threading.Barrier(2)

    def take(side: int) -> set[int]:
        browser, answers = browsers[side], set()
        for step in ("claim", "release") * 4:
            form = {"lead": ids if side == 0 else ids[::-1]}
            ready.wait(20)
            answers.add(browser.post(f"/hot/{step}", form, on="/hot?site=nordwind").status_code)
        return answers

    with ThreadPoolExecutor(2) as threads:
        answers = set.union(*threads.map(take, range(2)))
    assert answers <= {303, 409}  # done, or not possible: never in the way of each other
    with web.world.database.reading() as connection:
        assert check(connection, web.world.nordwind.id).broken is None
