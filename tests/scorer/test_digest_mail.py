"""A digest as a mail: the same things in text and HTML, nothing loaded from elsewhere, and nobody's name is markup."""

from __future__ import annotations

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from scorer.core.digest import Back, Closed, Facts, HotLead, Idle, Move, Numbers, Part, Share, Who
from scorer.core.digest_weeks import week_of
from scorer.core.labels import Language
from scorer.digests import Digest
from scorer.mail.digest_mail import Sender, address_to, write, write_sign_of_life
from tests.scorer.core.test_digest import QUIET

NOW = int(datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp() * 1000)
BASE = "https://leads.example.com"
WEEK = week_of(date(2026, 11, 16), UTC)


def who(name: str, about: str = "Buyer, Halden AG") -> Who:
    return Who(name, about, f"{BASE}/leads/ld_{name[:3].lower() or 'nob'}")


def facts(name: str = "Ada Halden") -> Facts:
    """A bit of everything."""
    hot = HotLead(
        who(name), 87.4, ["Viewed pricing 4 times", "Sent a form"], "Call", "Hot", NOW + 3_600_000, "ben@n.example"
    )
    nobody = HotLead(who("", ""), 61.0, ["Viewed products"], "Identify", "Hot", NOW, "")
    return Facts(
        numbers=Numbers(entered=7, identified=12, left=3, contacted=4, won=1, lost=1),
        before=Numbers(entered=5, identified=12, contacted=6),
        hot=Part([hot, nobody], 7),
        rising=Part([Move(who("Bo"), 40.2, 71.0, "Viewed pricing", "")], 1),
        cooling=Part([Move(who("Cy"), 70.0, 38.0, "", "ben@n.example")], 1),
        idle=Part(
            [
                Idle(who("Di"), "ben@n.example", NOW - 5 * 86_400_000, False),
                Idle(who("Ed"), "ben@n.example", None, False),
                Idle(who("Flo"), "ben@n.example", None, True),
            ],
            3,
        ),
        back=Part([Back(who("Gil"), NOW + 3 * 86_400_000)], 1),
        closed=Part(
            [Closed(who("Hal"), "won", 48_000, "EUR", "", "ben"), Closed(who("Ivo"), "lost", None, "", "Too dear", "ben")], 2
        ),
        won_value=[("EUR", 48_000.0)],
        topics=[Share("Flow meters", 5), Share("Gateways", 2)],
        documents=[Share("price-list.pdf", 1)],
    )


def digest(language: Language = "en", **changes: Any) -> Digest:
    made = Digest("dg_0011223344556677", 1, "ben@n.example", "Ben", "", language, "UTC", 0, 8, 0, NOW, None)
    return msgspec.structs.replace(made, **changes)


class Page(HTMLParser):
    """What a mail's HTML holds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " " if tag in ("div", "td") else ""
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "background", "srcset") if name in given]
        assert not any(name.startswith("on") for name in given)

    def handle_data(self, data: str) -> None:
        self.text += data


def parts(language: Language, told: Facts) -> tuple[str, Page]:
    reader = digest(language)
    written = write(reader, "Nordwind", WEEK, told, BASE)
    mail = address_to(reader, "Nordwind", WEEK, written, Sender(BASE, b"s"), NOW)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), Page(html.get_content())


WANTED = {
    "en": [
        *("16–22 November 2026", "7 new hot leads, 1 won (€48,000), 3 claimed and quiet", "Ada Halden", "87"),
        *("Viewed pricing 4 times · Sent a form", "Call by Mon 23 Nov, 08:00", "Somebody not yet known", "and 5 more"),
        *("40 →", "71", "ben@n.example, quiet since Wed 18 Nov", "ben@n.example, quiet for weeks", "nobody has the lead"),
        *("back on Thu 26 Nov", "Won €48,000", "Too dear", "Flow meters", "5 leads", "price-list.pdf", "1 lead"),
        *("every Monday at 08:00 (UTC)", "Open the hot list"),
    ],
    "zh": [
        *("2026年11月16日–22日", "新增 7 条热门线索，成交 1 条（€48,000），3 条已认领但无进展", "Ada Halden", "87"),
        *("11月23日周一 08:00 前：Call", "尚未识别的访客", "另有 5 条", "ben@n.example，自 11月18日周三 起无进展"),
        *("11月26日周四 恢复", "成交 €48,000", "5 条线索", "每周一 08:00，UTC", "打开热门名单"),
    ],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_and_html_tell_the_same(language: Language) -> None:
    text, page = parts(language, facts())
    shown = " ".join(page.text.split())
    for wanted in WANTED[language]:
        assert wanted in text
        assert wanted in shown
    for name in ("Bo", "Cy", "Di", "Ed", "Flo", "Gil", "Hal", "Ivo"):
        assert f"{BASE}/leads/ld_{name.lower()}" in text
        assert f"{BASE}/leads/ld_{name.lower()}" in page.links
    assert "\N{OBJECT REPLACEMENT CHARACTER}" not in text + page.html
    assert "unsubscribe.invalid" not in text + page.html


def test_numbers_come_with_the_change_to_the_week_before() -> None:
    _, page = parts("en", facts())
    assert "New hot 7 +2 on last week" in " ".join(page.text.split())
    assert "Identified 12 = on last week" in " ".join(page.text.split())
    assert "Contacted 4 −2 on last week" in " ".join(page.text.split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_loaded_and_every_link_is_ours(language: Language) -> None:
    _, page = parts(language, facts())
    assert page.loads == []
    assert not {"img", "script", "link", "iframe", "form", "video"} & set(page.tags)
    assert "@import" not in page.html
    assert "url(" not in page.html
    assert {urlsplit(link).netloc for link in page.links} == {"leads.example.com"}
    assert {urlsplit(link).scheme for link in page.links} == {"https"}


HOSTILE = "<img src=x onerror=alert(1)></mj-table><mj-raw><script>1</script></mj-raw>{{ 7*7 }} {% raw %} &amp; \"' ]]>"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_somebody_wrote_is_text_wherever_it_stands(language: Language) -> None:
    told = facts()
    hostile = Who(HOSTILE, HOSTILE, f"{BASE}/leads/ld_x")

    def poisoned(part: Part) -> Part:
        return Part([msgspec.structs.replace(one, who=hostile) for one in part.shown], part.count)  # type: ignore[arg-type]

    lists = {name: poisoned(getattr(told, name)) for name in ("hot", "rising", "cooling", "idle", "back", "closed")}
    closed = Part([msgspec.structs.replace(one, reason=HOSTILE, currency=HOSTILE) for one in lists["closed"].shown], 2)  # type: ignore[arg-type]
    shares = [Share(HOSTILE, 1)]
    told = msgspec.structs.replace(told, **{**lists, "closed": closed, "topics": shares, "documents": shares})
    reader = digest(language, segment=HOSTILE, email="o'&b@n.example", name=HOSTILE)
    written = write(reader, HOSTILE, WEEK, told, BASE)
    mail = address_to(reader, HOSTILE, WEEK, written, Sender(BASE, b"s"), NOW)
    html = mail.get_body(("html",))
    assert html is not None
    page = Page(html.get_content())
    assert not {"img", "script"} & set(page.tags)
    assert page.text.count("{{ 7*7 }}") > 10
    assert mail["To"].addresses[0].addr_spec == "o'&b@n.example"
    assert HOSTILE[:20] in mail["Subject"]


def test_parts_without_news_are_left_out() -> None:
    told = msgspec.structs.replace(QUIET, back=facts().back)
    text, page = parts("en", told)
    for heading in ("New and hot", "Rising", "Cooled off", "Claimed, and quiet since", "Won and lost", "What worked"):
        assert heading not in page.text
        assert heading.upper() not in text
    assert "Coming back" in page.text


@pytest.mark.parametrize(("language", "word"), [("en", "four weeks"), ("zh", "四周")])
def test_the_sign_of_life(language: Language, word: str) -> None:
    written = write_sign_of_life(digest(language), "Nord & <b>Wind</b>")
    assert word in written.text
    assert "Nord & <b>Wind</b>" in written.text
    assert "Nord &amp; &lt;b&gt;Wind&lt;/b&gt;" in written.html


def test_the_html_says_its_language_and_is_fit_for_the_dark() -> None:
    _, page = parts("zh", facts())
    assert 'lang="zh-Hans"' in page.html
    assert "prefers-color-scheme: dark" in page.html
    assert 'name="color-scheme"' in page.html


def test_without_https_no_one_click_is_promised() -> None:
    reader = digest()
    written = write(reader, "Nordwind", WEEK, facts(), "http://127.0.0.1:8700")
    mail = address_to(reader, "Nordwind", WEEK, written, Sender("http://127.0.0.1:8700", b"s"), NOW)
    assert mail["List-Unsubscribe"].startswith("<http://127.0.0.1:8700/unsubscribe/digest.")
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["Message-ID"] == "<digest.dg_0011223344556677.2026-11-16@127.0.0.1>"
