"""The pages about learning: what is known, what was proposed and why, who may decide; and what an empty one says."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from scorer import calibrations, trainings
from scorer.core.drift import Drift
from scorer.core.labels import Language
from scorer.core.learned import Calibration, Figure, Learned
from scorer.learning_models import learning_alarms
from scorer.scorecards import current_cards, list_cards
from scorer.users import User
from scorer.web.learning_words import buyers_called, called_words, suspect_words, verdict_words
from scorer.web.rendering import environment
from tests.factories import DAY, World, buyer, identify, passer_by, track
from tests.proposal_samples import UNKNOWN, hollow, much, nothing, propose
from tests.web.conftest import Browser, Web

HERE = "/learning"
PARTIAL = {"HX-Request": "true"}


def open_as(web: Web, who: User) -> Browser:
    browser = web.browser(who)
    browser.get(f"{HERE}?site=nordwind")
    return browser


def state_of(web: Web, number: int) -> str:
    with web.world.database.reading() as connection:
        cards = list_cards(connection, web.world.nordwind.id)
    return next(one.state for one in cards if one.number == number)


def raise_alarm(world: World) -> None:
    detail = {"card": 1, "drift": msgspec.to_builtins(Drift("calibration", 900, 31, 60.0, 0.0))}
    values = {"site_id": world.nordwind.id, "kind": "calibration", "at": world.now, "cleared_at": None}
    with world.database.writing() as connection:
        connection.execute(insert(learning_alarms).values(values | {"detail": json.dumps(detail)}))


def test_a_site_without_outcomes_is_taught_what_learning_needs(web: Web) -> None:
    text = open_as(web, web.ada).get(HERE).text
    assert "Nothing proposed yet" in text
    assert text.count("0 of 50, 50 to go") == 2
    assert "Learn now" not in text
    zh = open_as(web, web.chen).get(HERE).text
    assert ("还没有提案" in zh, "立即学习" in zh) == (True, True)


def test_what_is_known_is_counted_by_the_last_word_and_by_age(web: Web) -> None:
    world = web.world
    world.feed(
        [
            *buyer("won", name="W", email="w@w.example"),
            track("won", "Lead Won", world.now),
            *buyer("lost"),
            track("lost", "Lead Lost", world.now),
            *passer_by("old", world.now - 100 * DAY),
            *passer_by("young"),
        ]
    )
    text = open_as(web, web.ada).get(HERE).text
    assert re.search(r"Won</strong> <span class=\"about\">1 of 50, 49 to go", text)
    assert re.search(r"Not won</strong> <span class=\"about\">2 of 50, 48 to go", text)
    assert "1 lead is too young to tell: it has 90 days to buy." in text


def test_a_report_begins_with_the_verdict_and_says_it_in_people(sqlite_web: Web) -> None:
    number = propose(sqlite_web.world)
    text = open_as(sqlite_web, sqlite_web.ada).get(f"{HERE}/{number}").text
    said = "This card would have ranked buyers higher than yours, and chance alone does not explain it."
    assert text.index(said) < text.index("Who ranks buyers higher")
    assert "it puts the buyer first in 83, your card in 78" in text
    assert "Of 20 calls a week, 6.2 reach a buyer instead of 4.1." in text
    # Rules by their names, buckets by their times; one that is on no card by its id.
    assert "Viewed the quote page: 30.0 points on your card, 34.5 on the proposal" in text
    assert "Spent time reading, from 1 min" in text
    assert "gone" in text
    assert "Viewed the contact page” alone tells buyers from others" in text
    assert "told 9.0%, bought 27 of 250" in text
    zh = open_as(sqlite_web, sqlite_web.chen).get(f"{HERE}/{number}").text
    assert "查看询价页面：您的评分卡 30.0 点，提案 34.5 点" in zh
    assert "每周 20 通电话中，有 6.2 通打给买家，而不是 4.1 通" in zh


@pytest.mark.parametrize("learned", [nothing(), hollow()], ids=["nothing", "hollow"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_proposal_of_which_nothing_is_known_has_a_page(sqlite_web: Web, learned: Learned, language: Language) -> None:
    number = propose(sqlite_web.world, learned)
    who = sqlite_web.chen if language == "zh" else sqlite_web.ada
    answer = open_as(sqlite_web, who).get(f"{HERE}/{number}")
    assert answer.status_code == 200
    assert "None" not in re.sub(r"<[^>]*>", "", answer.text)
    said = (
        "仅供参考：目前有 1 条成交、2 条未成交"
        if language == "zh"
        else "Advice only: 1 won and 2 not won so far, of 50 each"
    )
    assert said in answer.text


def test_everybody_reads_and_only_administrators_act(web: Web) -> None:
    number = propose(web.world)
    for who in (web.ada, web.ben):
        browser = open_as(web, who)
        assert browser.get(f"{HERE}/{number}").status_code == 200
        assert browser.get(f"{HERE}/fit").status_code == 200
        assert "Publish it" not in browser.get(f"{HERE}/{number}").text
        for path in ("train", f"{number}/simulate", f"{number}/promote", f"{number}/refuse", "alarms/1/clear", "fit/draft"):
            answer = browser.post(f"{HERE}/{path}", {"why": "x"}, on=HERE)
            assert answer.status_code == 403, path
    assert state_of(web, number) == "proposed"


def test_a_form_without_its_token_does_nothing(sqlite_web: Web) -> None:
    number = propose(sqlite_web.world)
    chen = open_as(sqlite_web, sqlite_web.chen)
    for path in ("train", f"{number}/simulate", f"{number}/promote", f"{number}/refuse", "fit/draft"):
        answer = chen.client.post(f"{HERE}/{path}", base_url="https://leads.example.com", data={"why": "x"})
        assert answer.status_code == 403
    assert state_of(sqlite_web, number) == "proposed"


@pytest.mark.parametrize("number", ["1", "7", "x", "１", "99999999999"])
def test_what_is_no_proposal_is_not_there(sqlite_web: Web, number: str) -> None:
    propose(sqlite_web.world)
    chen = open_as(sqlite_web, sqlite_web.chen)
    assert chen.get(f"{HERE}/{number}").status_code == 404
    assert chen.post(f"{HERE}/{number}/refuse", {"why": "x"}, on=HERE).status_code == 404
    assert chen.get(f"{HERE}/2?site=huadong").status_code == 404


def test_a_proposal_is_published_with_a_reason(queued_web: Web) -> None:
    number, chen = propose(queued_web.world), open_as(queued_web, queued_web.chen)
    without = chen.post(f"{HERE}/{number}/promote", {"why": " "}, on=HERE)
    assert (without.status_code, "请说明原因" in without.text) == (422, True)
    assert state_of(queued_web, number) == "proposed"
    answer = chen.post(f"{HERE}/{number}/promote", {"why": "it ranks better"}, on=HERE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/scorecard")
    assert state_of(queued_web, number) == "filling"
    again = chen.post(f"{HERE}/{number}/promote", {"why": "again"}, on=HERE)
    assert again.status_code == 422
    assert "it ranks better" in chen.get(f"/settings/audit?subject=scorecard+{number}").text


def test_a_proposal_that_isnt_taken_stays_readable(sqlite_web: Web) -> None:
    number, chen = propose(sqlite_web.world), open_as(sqlite_web, sqlite_web.chen)
    assert chen.post(f"{HERE}/{number}/refuse", {"why": ""}, on=HERE).status_code == 422
    assert chen.post(f"{HERE}/{number}/refuse", {"why": "too new"}, on=HERE).status_code == 303
    text = chen.get(f"{HERE}/{number}").text
    assert ("未采用" in text, "/promote" in text) == (True, False)


def test_a_proposal_is_tried_as_a_draft_and_published_from_there_as_the_same_card(queued_web: Web) -> None:
    number, chen = propose(queued_web.world), open_as(queued_web, queued_web.chen)
    answer = chen.post(f"{HERE}/{number}/simulate", {}, on=HERE)
    assert re.fullmatch(r"/scorecard/edit\?draft=[\w-]+#trial", answer.headers["Location"])
    assert "学到的" in chen.get(answer.headers["Location"]).text
    token = re.findall(r"draft=([\w-]+)", answer.headers["Location"])[0]
    assert chen.post("/scorecard/publish", {"draft": token, "why": "tried"}, on=HERE).status_code == 303
    assert state_of(queued_web, number) == "filling"
    again = chen.post("/scorecard/publish", {"draft": token, "why": "twice"}, on=HERE)
    assert (again.status_code, "没有待决定的" in again.text) == (422, True)


def test_a_proposal_can_be_taken_away_as_json(sqlite_web: Web) -> None:
    number = propose(sqlite_web.world)
    answer = open_as(sqlite_web, sqlite_web.ada).get(f"{HERE}/{number}/proposal.json")
    told = answer.get_json()
    assert (told["proposal"]["verdict"], told["body"]["name"]["en"]) == ("better", "Learned")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="proposal-{number}.json"'


def test_the_training_is_asked_for_and_its_progress_comes_without_a_script_too(queued_web: Web) -> None:
    world, chen = queued_web.world, open_as(queued_web, queued_web.chen)
    assert chen.post(f"{HERE}/train", {}, on=HERE).headers["Location"] == "/learning#training"
    waiting = chen.get(HERE).text
    assert "等待工作进程" in waiting or "等待" in waiting
    assert f'action="{HERE}/train"' not in waiting
    second = chen.post(f"{HERE}/train", {}, on=HERE)
    assert (second.status_code, trainings.UNDER_WAY.zh in second.text) == (409, True)
    with world.database.writing() as connection:
        taken = trainings.take(connection, world.now)
        assert taken is not None
        trainings.tell(connection, taken, 0.42, world.now)
    running = chen.get(f"{HERE}/training", **PARTIAL).text
    assert ("42%" in running, 'hx-get="/learning/training"' in running) == (True, True)
    assert chen.get(f"{HERE}/training").headers["Location"] == "/learning#training"
    with world.database.writing() as connection:
        trainings.fail(connection, taken, trainings.NOTHING_TO_LEARN)
    failed = chen.get(f"{HERE}/training", **PARTIAL).text
    assert trainings.NOTHING_TO_LEARN.zh in failed
    assert "hx-get" not in failed


def test_what_is_missing_for_learning_is_said_in_words(queued_web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainings, "has_extra", lambda: False)
    answer = open_as(queued_web, queued_web.chen).post(f"{HERE}/train", {}, on=HERE)
    assert (answer.status_code, "warmtrail[learn]" in answer.text) == (409, True)


def test_an_alarm_stands_on_every_page_of_its_site_until_an_administrator_has_seen_it(web: Web) -> None:
    raise_alarm(web.world)
    ben, chen = open_as(web, web.ben), open_as(web, web.chen)
    for path in ("/leads", "/scorecard", "/settings"):
        assert "Scorecard 1 told chances that add up to 60 wins among 900 leads; there were 31." in ben.get(path).text
    assert "/clear" not in ben.get("/settings").text
    assert "评分卡 1 给出的概率" not in chen.get("/settings?site=huadong").text
    assert "评分卡 1 给出的概率" in chen.get("/settings?site=nordwind").text
    (path,) = re.findall(r'action="(/learning/alarms/\d+/clear)"', chen.get("/leads").text)
    answer = chen.post(path, {"back": "/leads"}, on="/leads")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/leads")
    assert "told chances" not in ben.get("/settings").text
    assert chen.post(path, {"back": "https://evil.example"}, on="/leads").status_code == 409
    assert chen.post("/learning/alarms/x/clear", {}, on="/leads").status_code == 404


# ---- words and plots -----------------------------------------------------------------------------


def test_no_ranking_reaches_more_buyers_than_there_are_calls() -> None:
    judgement = much().judgement
    assert judgement is not None
    certain = msgspec.structs.replace(judgement, base_rate=0.9)
    assert [some for _, some in buyers_called(certain)] == [20.0, 20.0, 20.0, 20.0]
    unknown = msgspec.structs.replace(judgement, by_time=())
    assert (buyers_called(unknown), called_words(unknown, "en")) == ([], "")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("verdict", "tone"), [("better", "good"), ("no_better", "info"), ("advice", "warm")])
def test_every_verdict_has_a_sentence(verdict: Any, tone: str, language: Language) -> None:
    told = verdict_words(much(verdict), language)
    assert told.tone == tone
    assert told.headline
    assert "{" not in told.headline + told.about


def test_a_suspect_is_named_by_its_rule_and_explained_with_and_without_it() -> None:
    (suspect,) = much().suspects
    told = suspect_words(suspect, [{"rules": [{"id": "contact", "label": {"en": "Contact <b>"}}]}], "en")
    assert told.startswith("“Contact <b>” alone")
    assert "in 87 of 100 pairs, without it in 81" in told


def drawn(rows: list[tuple[str, Figure, bool]]) -> str:
    """The plot of some figures."""
    page = environment("en").from_string(
        '{% import "macros/learning.html" as plots with context %}{{ plots.forest(rows, "label", level=0.5) }}'
    )
    return page.render(rows=rows, interval_words=lambda one, digits: "", form_token="", me=None)


def test_a_plot_keeps_all_its_places_within_the_drawing() -> None:
    text = drawn([("a", Figure(0.83, 0.8, 0.86), True), ("b", Figure(0.4, 0.05, 1.0), False), ("c", Figure(0.7), False)])
    places = [float(one) for one in re.findall(r'(?:x1|x2|cx|x)="([\d.]+)%"', text)]
    assert len(places) > 10
    assert all(0 <= one <= 100 for one in places)


def test_a_plot_without_figures_says_so() -> None:
    assert "<svg" not in drawn([("a", UNKNOWN, True)])
    assert "Too few buyers to tell." in drawn([])


# ---- chances --------------------------------------------------------------------------------------


@pytest.mark.parametrize("advice", [True, False])
def test_a_chance_stands_on_the_page_of_a_lead_and_in_the_hot_list(sqlite_web: Web, advice: bool) -> None:
    world = sqlite_web.world
    world.feed(buyer("anna", name="Anna Berg", email="anna@halden.example"))
    ben, chen = open_as(sqlite_web, sqlite_web.ben), open_as(sqlite_web, sqlite_web.chen)
    lead = f"/leads/{world.nordwind.lead('anna')}"
    assert "Fit, chance" not in ben.get("/hot").text
    assert "buy within" not in ben.get(lead).text
    with world.database.writing() as connection:
        card = current_cards(connection)[world.nordwind.id].id
        told = Calibration(-3.0, 0.02, 0.02, -0.0001, 0.000001, 31, 900, 90, world.now, advice)
        calibrations.keep(connection, card, told)
    page, listed = ben.get(lead).text, ben.get("/hot").text
    (said,) = set(re.findall(r"about \d+% \(\d+–\d+%\) buy within 90 days", page))
    assert said in listed
    assert "Fit, chance" in listed
    assert ("advice only" in page, "advice only" in listed) == (advice, advice)
    assert re.search(r"约 \d+%（\d+–\d+%）会在 90 天内购买", chen.get(lead).text)


# ---- whom you look for ---------------------------------------------------------------------------


def decided(web: Web, *, told_late: bool = False) -> None:
    """Forty people of whom those in machinery mostly bought; some said so only after they had been spoken with."""
    world, events = web.world, []
    for number in range(40):
        who, at = f"p{number}", world.now - 50 * DAY
        won = number % 20 < 9 if number < 20 else number % 20 > 17
        industry = "Machinery" if number < 20 else "Retail"
        events.append(track(who, "Lead Won" if won else "Lead Lost", at))
        events.append(identify(who, at + (DAY if told_late else -DAY), email=f"{who}@{who}.example", industry=industry))
    world.feed(events)


def test_what_wins_have_in_common_becomes_a_draft_and_nothing_else(queued_web: Web) -> None:
    decided(queued_web)
    chen = open_as(queued_web, queued_web.chen)
    page = chen.get(f"{HERE}/fit").text
    assert "行业：Machinery" in page
    assert "45%" in page
    answer = chen.post(f"{HERE}/fit/draft", {}, on=f"{HERE}/fit")
    assert answer.status_code == 303
    json_page = chen.get(answer.headers["Location"].replace("/edit?", "/edit/json?").replace("#trial", "")).text
    assert "industry-machinery" in json_page
    assert "industry-machinery" not in chen.get("/scorecard").text


def test_what_was_said_after_sales_had_spoken_with_somebody_is_left_out(sqlite_web: Web) -> None:
    decided(sqlite_web, told_late=True)
    text = open_as(sqlite_web, sqlite_web.ada).get(f"{HERE}/fit").text
    assert "40 leads were left out" in text
    assert "Machinery" not in text


def test_where_there_is_nothing_to_compare_there_is_no_draft(sqlite_web: Web) -> None:
    chen = open_as(sqlite_web, sqlite_web.chen)
    page = chen.get(f"{HERE}/fit")
    assert (page.status_code, "本页比较成交与未成交的线索" in page.text) == (200, True)
    assert chen.post(f"{HERE}/fit/draft", {}, on=HERE).status_code == 409
