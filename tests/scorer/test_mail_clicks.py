"""Mails to a lead: scanners add nothing, a person who follows a link and reads is the lead, and nobody else becomes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from scorer.cli import cli
from scorer.core.labels import Language
from scorer.core.mail_clicks import WORDS, Click, Reading, why
from scorer.explaining import explain
from scorer.mail_links import DAY_MS, LinkMaker, make_link, tracker_for
from scorer.memberships import surviving
from scorer.models import lead_changes, lead_scores, leads
from scorer.scoring import score_visitors
from scorer.timeline import read_timeline
from tests import factories
from tests.factories import DAY, FIREFOX, HOUR, MINUTE, NOW, SECOND, World, engaged, identify, page
from tracker.batch import process
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.core.mail_links import LinkError, MailLink, read
from tracker.mail_clicks import Click as Followed
from tracker.mail_clicks import decide_click
from tracker.sites import load_sites

SECRET = b"secret"
MAKER = LinkMaker("https://leads.example.com/v1/go/", SECRET)
PRICES = "https://www.nordwind.example/pricing?plan=a#table"
ADA = "ada's desk"
_numbers = factories._numbers  # entries of one stream are numbered in one row, whoever appends them


class Mailing:
    """A world with Ada, whom sales write to."""

    def __init__(self, database_url: str) -> None:
        self.world = World(database_url)
        self.site_id = self.world.nordwind.id
        self.ada = self.world.nordwind.lead(ADA)
        self.world.feed(
            [page(ADA, "/", NOW - 9 * DAY), identify(ADA, NOW - 9 * DAY, email="ada@halden.example", name="Ada")]
        )

    def link(self, url: str = PRICES, campaign: str = "spring", lead: str | None = None) -> str:
        """The token of a link in a mail."""
        made = make_link(MAKER, self.site_id, lead or self.ada, url, campaign, NOW - DAY)
        return made.link.removeprefix(MAKER.address)

    def click(self, token: str, at: int, method: str = "GET", agent: str = FIREFOX) -> str:
        """Let somebody or something ask for a link; return where it leads."""
        message_id = next(_numbers).to_bytes(16, "big")
        decision = decide_click(token, method, {"user-agent": agent}, SECRET, 16, message_id, at)
        assert isinstance(decision, Followed)
        self._process(decision.entries)
        return decision.location

    def browse(self, *events: dict[str, Any]) -> None:
        """Let browsers tell what happens on pages, as the collector takes it from them."""
        body = read_body(json.dumps({"batch": events}).encode(), is_batch=True)
        admission = admit(body, None, Caller(self.site_id, False, OLDEST_MS, secret=SECRET), NOW)
        assert admission.rejected == []
        self._process(split(admission, self.site_id, NOW, RequestInfo(agent=FIREFOX), 16))

    def read(self, who: str, landing: str, at: int, seconds: int = 6, view: str = "") -> None:
        """Land on a page and read it for a while; 0: not at all."""
        view = view or f"{who}-{at}"
        arrival = page(who, "/", at, view=view)
        arrival["properties"]["url"] = landing
        self.browse(arrival)
        if seconds:
            self.browse(engaged(who, view, seconds, at + seconds * SECOND))

    def _process(self, entries: list[tuple[int, int, bytes]]) -> None:
        batch = [(partition, f"{NOW}-{next(_numbers)}", packed) for partition, _, packed in entries]
        process(self.world.database, batch, score_visitors, now_ms=NOW)

    def lead_of(self, who: str) -> str | None:
        """The lead that a browser is of; ``None`` while it is none."""
        with self.world.database.reading() as connection:
            return surviving(connection, self.site_id, self.world.nordwind.lead(who))

    def known(self) -> list[list[Any]]:
        """All that sales could see."""
        with self.world.database.reading() as connection:
            return [
                sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in (leads, lead_scores, lead_changes)
            ]

    def points(self, lead: str, rule: str = "mail_click") -> list[float]:
        """What a rule has earned a lead."""
        with self.world.database.reading() as connection:
            told = explain(connection, lead, NOW)
        assert told is not None
        return [one.points for one in told.contributions if one.rule == rule]

    def mails(self, lead: str, language: Language = "en") -> list[tuple[str, bool, str]]:
        """Method, confirmed and why of each click in a lead's timeline."""
        with self.world.database.reading() as connection:
            told = read_timeline(connection, load_sites(connection)[self.site_id], lead, None, 50, language)
        moments = [one for visit in reversed(told.visits) for one in visit.moments if one.kind == "mail"]
        return [(one.detail["method"], one.detail["confirmed"], one.detail["why"]) for one in moments]


@pytest.fixture
def mailing(database_url: str) -> Iterator[Mailing]:
    made = Mailing(database_url)
    yield made
    made.world.database.close()


def test_a_mail_scanner_changes_nothing(mailing: Mailing) -> None:
    before = mailing.known()
    tokens = [mailing.link(f"https://www.nordwind.example/{name}") for name in ("pricing", "contact", "demo", "unsubscribe")]
    at = NOW - HOUR
    for number, token in enumerate(tokens):
        mailing.click(token, at + number * SECOND, "HEAD")
        landing = mailing.click(token, at + number * SECOND + 200)
        if number % 2:
            mailing.read(f"scanner {number}", landing, at + number * SECOND + 900, seconds=0)
    # One browser opens all of them, and stays for a moment.
    for number, token in enumerate(tokens):
        mailing.read("sandbox", mailing.click(token, at + MINUTE + number), at + MINUTE + number, seconds=1)
    assert mailing.known() == before
    assert mailing.lead_of("sandbox") is None
    told = mailing.mails(mailing.ada)
    assert len(told) == 12
    assert {confirmed for _, confirmed, _ in told} == {False}
    assert {reason.partition(":")[0] for _, _, reason in told} == {
        "asked for without opening the page",
        "no page activity of this lead followed",
    }


def test_who_follows_a_link_and_reads_is_the_lead(mailing: Mailing) -> None:
    landing = mailing.click(mailing.link(), NOW - HOUR)
    mailing.read("phone", landing, NOW - HOUR + SECOND, seconds=42)
    assert mailing.lead_of("phone") == mailing.ada
    assert mailing.points(mailing.ada) == [8.0]
    assert mailing.points(mailing.ada, "pricing") == [8.0]
    assert mailing.mails(mailing.ada) == [("GET", True, "confirmed by 42 s of reading")]
    assert mailing.mails(mailing.ada, "zh") == [("GET", True, "已确认：阅读了 42 秒")]
    with mailing.world.database.reading() as connection:
        [row] = connection.execute(select(leads).where(leads.c.id == mailing.ada)).all()
    assert (row.visitors, row.email) == (2, "ada@halden.example")


def test_the_scanner_before_and_the_person_after_are_told_apart(mailing: Mailing) -> None:
    token = mailing.link()
    mailing.click(token, NOW - HOUR, "HEAD")
    mailing.read("sandbox", mailing.click(token, NOW - HOUR + 5), NOW - HOUR + 9, seconds=0)
    mailing.read(ADA, mailing.click(token, NOW - MINUTE), NOW - MINUTE + SECOND, seconds=6)
    assert [confirmed for _, confirmed, _ in mailing.mails(mailing.ada)] == [False, False, True]
    assert mailing.points(mailing.ada) == [8.0]


def test_the_same_link_earns_once_on_whichever_browser(mailing: Mailing) -> None:
    token = mailing.link()
    for who, at in ((ADA, NOW - 3 * HOUR), (ADA, NOW - 2 * HOUR), ("phone", NOW - HOUR)):
        mailing.read(who, mailing.click(token, at), at + SECOND)
    assert mailing.lead_of("phone") == mailing.ada
    assert mailing.points(mailing.ada) == [8.0]
    # Sent again it is the same link; another page, or another mailing, is another.
    assert mailing.link() == token
    mailing.read(ADA, mailing.click(mailing.link(campaign="autumn"), NOW - MINUTE), NOW - MINUTE)
    assert mailing.points(mailing.ada) == [8.0, 8.0]


def test_a_glance_of_a_known_browser_is_a_visit_and_no_more(mailing: Mailing) -> None:
    mailing.read(ADA, mailing.click(mailing.link(), NOW - HOUR), NOW - HOUR + SECOND, seconds=3)
    assert mailing.points(mailing.ada) == []
    assert mailing.points(mailing.ada, "pricing") == [8.0]
    assert mailing.mails(mailing.ada) == [("GET", False, "the page was open, but read for 3 s only")]


def test_what_was_held_counts_from_when_it_happened(mailing: Mailing) -> None:
    landing = mailing.click(mailing.link(), NOW - HOUR)
    mailing.read("phone", landing, NOW - HOUR + SECOND, seconds=0, view="a")
    # Ada goes on meanwhile, so that the lead's history has to be told again.
    mailing.browse(page(ADA, "/products/pump", NOW - HOUR + 3 * SECOND))
    assert mailing.lead_of("phone") is None
    mailing.browse(engaged("phone", "a", 15, NOW - HOUR + 16 * SECOND))
    assert mailing.lead_of("phone") == mailing.ada
    with mailing.world.database.reading() as connection:
        told = explain(connection, mailing.ada, NOW)
        [row] = connection.execute(select(lead_scores).where(lead_scores.c.lead_id == mailing.ada)).all()
    assert told is not None
    assert told.heat == pytest.approx(row.heat, rel=1e-9)


def test_a_mail_forwarded_to_somebody_known_joins_nobody(mailing: Mailing) -> None:
    mailing.world.feed([page("bob's", "/", NOW - 2 * DAY), identify("bob's", NOW - 2 * DAY, email="bob@halden.example")])
    mailing.read("bob's", mailing.click(mailing.link(), NOW - HOUR), NOW - HOUR + SECOND, seconds=60)
    bob = mailing.world.nordwind.lead("bob's")
    assert (mailing.lead_of("bob's"), mailing.lead_of(ADA)) == (bob, mailing.ada)
    # He has read it: that is his. She hasn't.
    assert (mailing.points(bob), mailing.points(mailing.ada)) == ([8.0], [])
    [(_, confirmed, reason)] = mailing.mails(mailing.ada)
    assert (confirmed, "forwarded" in reason) == (False, True)


def test_who_says_later_to_be_somebody_else_was_never_the_lead(mailing: Mailing) -> None:
    """A stranger reads a forwarded mail and so counts as Ada, until he says that he is Bob."""
    world = mailing.world
    before = world.client().get(f"/api/v1/leads/{mailing.ada}").get_json()
    mailing.read("bob's", mailing.click(mailing.link(), NOW - HOUR), NOW - HOUR + SECOND, seconds=60)
    assert mailing.lead_of("bob's") == mailing.ada
    assert mailing.points(mailing.ada) == [8.0]
    mailing.browse(identify("bob's", NOW - 10 * MINUTE, email="bob@other.example", name="Bob"))
    bob = world.nordwind.lead("bob's")
    assert (mailing.lead_of("bob's"), mailing.lead_of(ADA)) == (bob, mailing.ada)
    after = world.client().get(f"/api/v1/leads/{mailing.ada}").get_json()
    assert after | {"as_of": ""} == before | {"as_of": ""}
    assert world.client().get(f"/api/v1/leads/{bob}").get_json()["name"] == "Bob"
    # Ada's own phone finds her, not him.
    mailing.read("ada's phone", mailing.click(mailing.link(campaign="May"), NOW - 5 * MINUTE), NOW - 4 * MINUTE)
    assert mailing.lead_of("ada's phone") == mailing.ada


def test_who_says_later_to_be_the_lead_is_it_still(mailing: Mailing) -> None:
    mailing.read("phone", mailing.click(mailing.link(), NOW - HOUR), NOW - HOUR + SECOND, seconds=60)
    mailing.browse(identify("phone", NOW - 10 * MINUTE, email="ada@halden.example"))
    assert mailing.lead_of("phone") == mailing.ada
    assert mailing.points(mailing.ada) == [8.0]


@pytest.mark.parametrize("traits", [{"email": "info@other.example"}, {"name": "Bob"}])
def test_even_who_has_said_little_is_nobody_else(mailing: Mailing, traits: dict[str, str]) -> None:
    mailing.world.feed([page("bob's", "/", NOW - 2 * DAY), identify("bob's", NOW - 2 * DAY, **traits)])
    mailing.read("bob's", mailing.click(mailing.link(), NOW - HOUR), NOW - HOUR + SECOND)
    assert mailing.lead_of("bob's") == mailing.world.nordwind.lead("bob's")


def test_who_tries_out_the_links_of_several_is_none_of_them(mailing: Mailing) -> None:
    mailing.world.feed([page("bob's", "/", NOW - 2 * DAY), identify("bob's", NOW - 2 * DAY, email="bob@halden.example")])
    bob = mailing.world.nordwind.lead("bob's")
    first, second = mailing.link(), mailing.link(lead=bob)
    mailing.read("tester", mailing.click(first, NOW - HOUR), NOW - HOUR, view="a", seconds=0)
    mailing.read("tester", mailing.click(second, NOW - HOUR + 1), NOW - HOUR + 1, view="b", seconds=0)
    late = NOW - HOUR + MINUTE
    mailing.browse(engaged("tester", "a", 9, late), engaged("tester", "b", 9, late + 1))
    assert mailing.lead_of("tester") == mailing.world.nordwind.lead("tester")
    assert mailing.lead_of("bob's") == bob
    assert mailing.lead_of(ADA) == mailing.ada


def test_an_address_passed_on_the_next_day_makes_nobody_the_lead(mailing: Mailing) -> None:
    landing = mailing.click(mailing.link(), NOW - DAY)
    mailing.read("stranger", landing, NOW - HOUR, seconds=60)
    assert mailing.lead_of("stranger") == mailing.world.nordwind.lead("stranger")
    assert mailing.points(mailing.world.nordwind.lead("stranger")) == []


@pytest.mark.parametrize("token", ["forged", "", "AAAA"])
def test_a_forged_token_makes_nobody_the_lead(mailing: Mailing, token: str) -> None:
    mailing.read("stranger", f"https://www.nordwind.example/pricing?wt_m={token}", NOW - HOUR, seconds=60)
    stranger = mailing.world.nordwind.lead("stranger")
    assert mailing.lead_of("stranger") == stranger
    assert (mailing.points(stranger), mailing.points(stranger, "pricing")) == ([], [8.0])


def test_clicks_cannot_be_made_up_by_senders(mailing: Mailing) -> None:
    fake = {"type": "track", "anonymousId": f"mail:{mailing.ada}", "messageId": "f", "event": "Email Link Clicked"}
    told = {"lead": mailing.ada, "link": "k", "campaign": "x", "clicked_at": NOW}
    mailing.browse({**fake, "properties": {"mail_link": told, "method": "GET"}})
    assert mailing.mails(mailing.ada) == []
    assert mailing.points(mailing.ada, "email_click") == []


def test_clicks_on_mails_to_a_lead_that_was_merged_are_its_heirs(mailing: Mailing) -> None:
    mailing.world.feed([page("second", "/", NOW - 2 * DAY)])
    other = mailing.world.nordwind.lead("second")
    token = mailing.link(lead=other)
    mailing.click(token, NOW - HOUR)
    mailing.world.feed([identify("second", NOW - HOUR, email="ada@halden.example")])
    assert mailing.lead_of("second") == mailing.ada
    assert len(mailing.mails(mailing.ada)) == 1
    mailing.read("phone", mailing.click(token, NOW - MINUTE), NOW - MINUTE)
    assert mailing.lead_of("phone") == mailing.ada


def test_pages_of_a_timeline_hold_each_click_once(mailing: Mailing) -> None:
    for days in range(4, 0, -1):
        mailing.click(mailing.link(), NOW - days * DAY)
    with mailing.world.database.reading() as connection:
        site, seen, before = load_sites(connection)[mailing.site_id], [], None
        while True:
            told = read_timeline(connection, site, mailing.ada, before, 2)
            seen += [moment for visit in told.visits for moment in visit.moments]
            if told.next is None:
                break
            before = told.next
    assert [moment.kind for moment in seen].count("mail") == 4
    assert len({(moment.kind, moment.at) for moment in seen}) == len(seen)


def test_the_api_tells_of_clicks_in_the_readers_language(mailing: Mailing) -> None:
    mailing.click(mailing.link(), NOW - HOUR, "HEAD")
    path = f"/api/v1/leads/{mailing.ada}/timeline"
    moment = mailing.world.client().get(path).get_json()["data"][0]["moments"][0]
    assert (moment["kind"], moment["name"], moment["url"]) == (
        "mail",
        "Email Link Clicked",
        "https://www.nordwind.example/pricing?plan=a",
    )
    assert (moment["detail"]["confirmed"], moment["detail"]["campaign"]) == (False, "spring")
    assert moment["detail"]["why"] == WORDS["head"].en
    told = mailing.world.client().get(path, headers={"Accept-Language": "zh-CN"}).get_json()
    assert told["data"][0]["moments"][0]["detail"]["why"] == WORDS["head"].zh


@pytest.mark.parametrize(
    ("click", "reason"),
    [
        (Click("GET", "mail_click", Reading(5000)), "read"),
        (Click("GET", "mail_click", Reading(4999)), "glanced"),
        (Click("GET", "mail_click", None), "nothing"),
        (Click("HEAD", "mail_click", None), "head"),
        (Click("GET", "bot", None), "bot"),
        (Click("HEAD", "bot", None), "bot"),
        (Click("GET", "prefetch", None), "prefetch"),
        (Click("GET", "prefetch", Reading(60_000)), "read"),
    ],
)
def test_each_reason_is_said_in_both_languages(click: Click, reason: str) -> None:
    seconds = click.reading.engaged_ms // 1000 if click.reading else 0
    assert click.confirmed == (reason == "read")
    assert why(click, "en") == WORDS[reason].en.format(n=seconds)
    assert why(click, "zh") == WORDS[reason].zh.format(n=seconds)


def test_a_link_is_made_for_a_lead_and_a_time() -> None:
    made = make_link(MAKER, 1, "ld_a", PRICES, " spring ", NOW, days=2)
    assert made.link.startswith(MAKER.address)
    token = made.link.removeprefix(MAKER.address)
    expected = MailLink(1, "ld_a", PRICES, "spring", NOW + 2 * DAY_MS, made.id)
    assert read(SECRET, token, NOW) == expected
    assert tracker_for(MAKER, 1, "ld_a", "spring", NOW, days=2)(PRICES) == made.link
    assert make_link(MAKER, 1, "ld_a", PRICES, "spring", NOW, link_id="mine").id == "mine"
    for days in (0, -1, 4000, float("nan")):
        with pytest.raises(LinkError):
            make_link(MAKER, 1, "ld_a", PRICES, "spring", NOW, days=days)


def test_the_command_makes_a_link(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(f"sqlite:///{tmp_path / 'warmtrail.db'}")
    world.feed([page("v", "/", NOW - DAY)])
    world.database.close()
    for name, value in {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "SECRET_KEY": "secret"}.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    monkeypatch.setenv("WARMTRAIL_PUBLIC_URL", "https://leads.example.com")
    lead = world.nordwind.lead("v")
    asked = ["link", lead, PRICES, "--campaign", "spring"]
    answer = CliRunner().invoke(cli, [*asked, "--json"])
    told = json.loads(answer.output)
    assert (told["lead"], told["url"], told["campaign"]) == (lead, PRICES, "spring")
    assert told["link"].startswith("https://leads.example.com/v1/go/")
    assert set(told) == {"link", "id", "lead", "url", "campaign", "expires_at"}
    assert CliRunner().invoke(cli, asked).output.startswith("https://leads.example.com/v1/go/")
    for wrong in (["link", "ld_nobody", PRICES, "--campaign", "x"], ["link", lead, "javascript:1", "--campaign", "x"]):
        refused = CliRunner().invoke(cli, wrong)
        assert refused.exit_code == 2
        assert refused.output.startswith("warmtrail: ")
