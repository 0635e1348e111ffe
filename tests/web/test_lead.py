"""A lead's page: what it shows, what people decide on it, and who may."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from scorer.explaining import explain
from scorer.models import leads, outcomes
from scorer.web.pages.lead import path_of
from tests.factories import DAY, HOUR, buyer, identify, page, track
from tests.web.conftest import Browser, Web
from tests.web.test_hot import counted
from tracker.sites import SiteSettings, change_site


@pytest.fixture
def known(web: Web) -> Web:
    return with_people(web)


@pytest.fixture
def sqlite_known(sqlite_web: Web) -> Web:
    return with_people(sqlite_web)


def with_people(web: Web) -> Web:
    """Let Nora and her colleague Finn be known, a stranger, and somebody of the other site."""
    halden = {"company": "Halden Foods", "website": "https://halden.example"}
    web.world.feed(
        buyer(
            "nora", name="Nora North", email="nora@halden.example", title="Head of Procurement", phone="+49 30 1", **halden
        )
    )
    web.world.feed(buyer("finn", web.world.now - DAY, name="Finn Halden", email="finn@halden.example", **halden))
    web.world.feed(buyer("unknown", web.world.now - HOUR))
    web.world.feed(buyer("east", name="Elsewhere"), web.world.huadong)
    return web


def path(web: Web, who: str = "nora") -> str:
    return f"/leads/{web.world.nordwind.lead(who)}"


def version(browser: Browser, where: str) -> str:
    (found, *_) = re.findall(r'name="version" value="(\d+)"', browser.get(where).text)
    return found


def column(web: Web, name: str, who: str = "nora") -> object:
    with web.world.database.reading() as connection:
        return connection.execute(select(leads.c[name]).where(leads.c.id == web.world.nordwind.lead(who))).scalar_one()


def test_it_says_who_how_warm_why_and_what_next(known: Web) -> None:
    text = known.browser(known.ada).get(path(known)).text
    for said in (
        "Nora North",
        "Head of Procurement",
        "Halden Foods",
        'href="mailto:nora%40halden.example"',
        'href="tel:%2B49301"',
        "Quote Requested",
        "price-list.pdf",
        "Form sent: Enquiry",
        "read for 3 min",
        "100% read",
        "Search (Google)",
        "Finn Halden",
        "Why ",
        "Points now",
    ):
        assert said in text, said
    assert known.browser(known.ada).get(path(known, "unknown")).text.count("Somebody not yet known") >= 2


def test_the_sum_is_the_exact_explanation(known: Web) -> None:
    text = known.browser(known.ada).get(path(known)).text
    with known.world.database.reading() as connection:
        told = explain(connection, known.world.nordwind.lead("nora"), known.world.now)
    assert told is not None
    rows = re.findall(r'<td class="number">([\d.]+)</td></tr>', text)
    assert [float(row) for row in rows[-1:]] == [pytest.approx(told.points, abs=0.005)]
    assert sum(map(float, rows[:-1])) == pytest.approx(told.points, abs=0.005 * len(rows))
    assert len(rows) - 1 == len({one.rule for one in told.contributions})


def test_the_number_of_queries_doesnt_grow_with_what_a_lead_did(web: Web) -> None:
    numbers = []
    with_people(web)
    browser = web.browser(web.ada)
    for visits in (1, 12):
        for number in range(visits):
            at = web.world.now - 5 * DAY + number * 3 * HOUR
            web.world.feed([page("nora", f"/products/x{number}", at, view=f"x-{visits}-{number}")])
        browser.get(path(web))
        with counted(web) as said:
            assert browser.get(path(web)).status_code == 200
        numbers.append(len(said))
    assert numbers[0] == numbers[1]


def test_many_visits_go_on_page_by_page(sqlite_known: Web) -> None:
    web = sqlite_known
    web.world.feed([page("nora", f"/p{n}", web.world.now - 60 * DAY + n * DAY, view=f"v{n}") for n in range(40)])
    browser, seen, where = web.browser(web.ada), [], path(web)
    for _ in range(3):
        text = browser.get(where).text
        seen += re.findall(r'<header class="visit-head">\s*<h3><time datetime="([^"]+)"', text)
        further = re.search(r'rel="next" href="([^"#]+)#visits"', text)
        where = further[1].replace("&amp;", "&") if further else ""
    assert (len(seen), where) == (43, "")
    assert seen == sorted(seen, reverse=True)
    assert browser.get(f"{path(web)}?visits=nonsense").status_code == 200


def test_whoever_has_no_part_in_its_site_finds_nothing(sqlite_known: Web) -> None:
    web = sqlite_known
    elsewhere = f"/leads/{web.world.huadong.lead('east')}"
    assert web.browser(web.ada).get(elsewhere).status_code == 404
    assert web.browser(web.chen).get(elsewhere).status_code == 200
    for missing in ("ld_aaaaaaaaaaaaaaaa", "x", "%00", "ld_" + "a" * 500):
        assert web.browser(web.chen).get(f"/leads/{missing}").status_code == 404


FORMS: dict[str, dict[str, str]] = {
    "claim": {},
    "release": {},
    "snooze": {"until": "tomorrow"},
    "outcome": {"kind": "won"},
    "notes": {"text": "x"},
    "merge": {"other": "ld_aaaaaaaaaaaaaaaa"},
    "unmerge": {"lost": "ld_aaaaaaaaaaaaaaaa"},
    "exclude": {"reason": "staff"},
    "objection": {"objects": "yes"},
    "consent": {"given": "yes"},
}


@pytest.mark.parametrize("form", FORMS)
def test_viewers_may_do_nothing_and_see_no_form_for_it(sqlite_known: Web, form: str) -> None:
    web = sqlite_known
    ada = web.browser(web.ada)
    assert f'action="{path(web)}/' not in ada.get(path(web)).text
    before = column(web, "version")
    assert ada.post(f"{path(web)}/{form}", FORMS[form], on="/settings").status_code == 403
    # Ben sells at the first site and only looks at the other.
    theirs = f"/leads/{web.world.huadong.lead('east')}/{form}"
    assert web.browser(web.ben).post(theirs, FORMS[form], on="/settings").status_code == 403
    assert column(web, "version") == before


def test_it_is_claimed_released_and_won(known: Web) -> None:
    ben, where = known.browser(known.ben), path(known)
    assert ben.post(f"{where}/claim", {}, on=where).status_code == 303
    text = ben.get(where).text
    assert "You have it until" in text
    assert "Nora North is yours for a week." in text
    assert '<span title="ben@example.com">Ben</span> claimed' in text  # in the log of what was done by hand
    ben.post(f"{where}/release", {}, on=where)
    assert column(known, "owner") is None
    ben.post(f"{where}/outcome", {"kind": "won", "value": "1200.50", "currency": "eur", "version": "1"}, on=where)
    assert column(known, "status") == "open"  # somebody changed it meanwhile: oneself
    sent = {"kind": "won", "value": "1200.50", "currency": "eur", "version": version(ben, where)}
    ben.post(f"{where}/outcome", sent, on=where)
    assert "Won, 1,200.50 EUR" in ben.get(where).text
    with known.world.database.reading() as connection:
        assert connection.execute(select(outcomes.c.value, outcomes.c.by)).all() == [(1200.5, "ben@example.com")]
    ben.post(f"{where}/outcome", {"kind": "open", "version": version(ben, where)}, on=where)
    assert column(known, "status") == "open"


@pytest.mark.parametrize(
    ("form", "sent", "status", "said"),
    [
        ("snooze", {"until": "date", "date": ""}, 422, "Choose a day."),
        ("snooze", {"until": "date", "date": "2020-01-01"}, 409, "366 days from now at most"),
        ("outcome", {"kind": "won", "value": "much"}, 422, "The value is a number."),
        ("outcome", {"kind": "lost", "reason": "x" * 501}, 409, "a reason 500"),
        ("release", {}, 409, "Nobody has claimed this lead."),
        ("claim", {"version": "99"}, 409, "The lead has changed meanwhile."),
        ("notes", {"text": "  "}, 422, "A note has 1 to 5000 characters."),
        ("notes", {"text": "a\x07b"}, 422, "no control characters"),
        ("merge", {"other": "Nora"}, 422, "looks like ld_"),
        ("merge", {"other": "/leads/ld_aaaaaaaaaaaaaaaa"}, 409, "There is no lead"),
        ("unmerge", {"lost": ""}, 409, "There is no lead"),
        ("exclude", {"reason": "ugly"}, 409, "A reason is one of"),
        ("exclude", {"reason": "objection"}, 409, "A reason is one of"),
        ("objection", {"objects": "yes", "version": "99"}, 409, "The lead has changed meanwhile."),
        ("consent", {"given": "yes", "source": "x" * 201}, 409, "at most 200 printable characters"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(
    sqlite_known: Web, form: str, sent: dict[str, str], status: int, said: str
) -> None:
    web, where = sqlite_known, path(sqlite_known)
    answer = web.browser(web.ben).post(f"{where}/{form}", sent, on=where)
    assert answer.status_code == status
    assert said in answer.text
    assert "Nora North" in answer.text  # it is the page still
    assert column(web, "status") == "open"


def test_notes_are_text_newest_first(known: Web) -> None:
    ben, where = known.browser(known.ben), path(known)
    ben.post(f"{where}/notes", {"text": "Wants <b>two</b>\r\nby May"}, on=where)
    known.world.now += HOUR
    ben.post(f"{where}/notes", {"text": "Called back"}, on=where)
    found = re.findall(r'<p class="note-text">(.*?)</p>', known.browser(known.ada).get(where).text, re.DOTALL)
    assert found == ["Called back", "Wants &lt;b&gt;two&lt;/b&gt;\nby May"]


def test_two_leads_become_one_and_two_again(known: Web) -> None:
    ben, nora, unknown = known.browser(known.ben), path(known), path(known, "unknown")
    number = unknown.rpartition("/")[2]
    sent = {"other": f" https://leads.example.com{unknown}#x ", "why": "same phone"}
    assert ben.post(f"{nora}/merge", sent, on=nora).status_code == 303
    answer = ben.get(unknown)
    assert (answer.status_code, answer.headers["Location"]) == (303, nora)
    text = ben.get(nora).text
    assert "This lead is part of the one you see" in text
    assert "same phone" in text
    assert f"<code>{number}</code>" in text
    assert ben.post(f"{unknown}/notes", {"text": "to the one they are"}, on=nora).status_code == 303
    assert "to the one they are" in ben.get(nora).text
    ben.post(f"{nora}/unmerge", {"lost": number}, on=nora)
    assert ben.get(unknown).status_code == 200


def test_a_lead_is_kept_off_the_list_on_it_or_left_to_the_card(known: Web) -> None:
    ben, where = known.browser(known.ben), path(known)
    ben.post(f"{where}/exclude", {"reason": "staff", "why": "works here"}, on=where)
    assert "Excluded: Own staff" in ben.get(where).text
    assert "Nora North" not in ben.get("/hot?site=nordwind").text
    ben.post(f"{where}/exclude", {"reason": "never"}, on=where)
    assert column(known, "exclusion_by_hand") == ""
    ben.post(f"{where}/exclude", {"reason": "card"}, on=where)
    assert (column(known, "exclusion_by_hand"), column(known, "exclusion")) == (None, None)


@pytest.mark.parametrize(
    ("user", "badge", "advice"),
    [
        ("ben", "Excluded: Seen too briefly", "choose “Never: keep it on the list”"),
        ("chen", "观察时间尚短", "“从不排除：保留在名单上”"),
    ],
)
def test_of_a_lead_that_is_waited_for_the_page_says_so_and_what_to_do(
    sqlite_web: Web, user: str, badge: str, advice: str
) -> None:
    world = sqlite_web.world
    with world.database.writing() as connection:
        change_site(connection, world.nordwind.id, SiteSettings(observe_seconds=3600))
    world.browsers_send(buyer("at once"))
    where = f"/leads/{world.nordwind.lead('at once')}"
    shown = sqlite_web.browser(getattr(sqlite_web, user)).get(where).text
    assert badge in shown
    assert advice in shown


def test_what_the_person_has_chosen_is_recorded_and_shown(sqlite_known: Web) -> None:
    ben, where = sqlite_known.browser(sqlite_known.ben), path(sqlite_known)
    assert "No consent is on record." in ben.get(where).text
    told = {"given": "no", "purpose": "Newsletter", "text_version": "2026-11", "source": "<b>fair", "why": "at the fair"}
    assert ben.post(f"{where}/consent", told, on=where).status_code == 303
    assert ben.post(f"{where}/objection", {"objects": "yes", "why": "at the fair"}, on=where).status_code == 303
    shown = ben.get(where).text
    for said in (
        "Took back: newsletter",
        "text 2026-11",
        "&lt;b&gt;fair",
        "Objected to being scored",
        "Decide for yourself",
    ):
        assert said in shown
    assert "Excluded: Doesn&#39;t want to be scored" in shown
    assert "Nora North" not in ben.get("/hot?site=nordwind").text
    ben.post(f"{where}/objection", {"objects": "no", "why": "again"}, on=where)
    assert "It may be scored." in ben.get(where).text


def test_what_visitors_say_is_text_and_leads_nowhere(sqlite_web: Web) -> None:
    sqlite_web.world.feed(
        [
            page("evil", "/a?<script>", sqlite_web.world.now - HOUR, view="e", title="<img src=x onerror=alert(1)>"),
            track("evil", "Link Clicked", sqlite_web.world.now - HOUR, url="https://x.example/javascript:alert(1)"),
            track("evil", "<b>Own", sqlite_web.world.now - HOUR),
            identify("evil", sqlite_web.world.now - HOUR, name='"><script>', email="evil@x.example", phone="javascript:1"),
        ]
    )
    text = sqlite_web.browser(sqlite_web.ada).get(path(sqlite_web, "evil")).text
    assert "<script>" not in text.replace("<script src=", "")
    assert "<img src=x" not in text
    assert "<b>Own" not in text
    assert 'href="javascript' not in text


def test_a_lead_without_a_visit_has_a_page(web: Web) -> None:
    web.world.feed([identify("told", web.world.now - HOUR, name="Tim Told", email="tim@told.example")])
    for who, said in ((web.ada, "Tim Told"), (web.chen, "基本信息")):
        answer = web.browser(who).get(path(web, "told"))
        assert (answer.status_code, said in answer.text) == (200, True)


def test_it_is_in_chinese_for_whoever_reads_that(sqlite_known: Web) -> None:
    text = sqlite_known.browser(sqlite_known.chen).get(path(sqlite_known)).text
    for said in ("得分走势", "得分构成", "活动规律", "认领", "推迟", "采购阶段", "2026年11月19日"):
        assert said in text, said


@pytest.mark.parametrize(
    ("url", "path"),
    {
        "https://x.example/a?b=c": "/a?b=c",
        "https://x.example": "/",
        "a.pdf": "a.pdf",
        "": "",
        "https://[": "https://[",
    }.items(),
)
def test_addresses_are_shown_without_their_site(url: str, path: str) -> None:
    assert path_of(url) == path
