"""Visitors who call themselves markup, formulas and escape sequences, on everything that shows what visitors wrote: every
page, mail, message to a webhook, CSV file and table on the terminal.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import unicodedata
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import msgspec
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from scorer.alerting import DELAY_MS, send_alerts
from scorer.alerts import add_alert
from scorer.by_hand import exclude
from scorer.cli import cli
from scorer.core.segment import Condition
from scorer.core.webhook_messages import Told
from scorer.core.webhook_presets import body
from scorer.core.webhook_types import KINDS, PRESETS
from scorer.digesting import send_due
from scorer.digests import subscribe
from scorer.labelling_by_hand import set_label
from scorer.lead_views import Viewpoint
from scorer.mail.letters import Sender
from scorer.mailing import Mailer
from scorer.notes import add_note
from scorer.outcomes import record
from scorer.scorecards import current_cards
from scorer.scoring import score_visitors
from scorer.segments import add_segment
from scorer.users import add_user
from scorer.web import blueprint
from scorer.web.routes import ROUTES
from scorer.web.sessions import open_session
from scorer.webhook_outbox import tell_leads
from scorer.webhooks import add_webhook
from tests.factories import DAY, HOUR, MINUTE, NOW, World, download, engaged, identify, page, track
from tests.web.shown_pages import FIRST_OF, PAGES, placeholder_of
from tracker.batch import process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.dead_letters import DeadLetter, save_dead_letters
from tracker.settings import Settings
from tracker.sites import load_sites

URL: Final = "https://leads.example.com"
PROBE: Final = "xss-probe"
WRITTEN: Final = {
    "script": f"<script>{PROBE}()</script>",
    "element": f"</title></textarea><{PROBE}>",
    "attribute": f'"onmouseover="{PROBE}()" x="',
    "apostrophe": f"'onfocus='{PROBE}()' autofocus x='",
    "link": "javascript:alert(1)",
    "markdown": "[a](javascript:alert(1)) <!channel> @all",
    "template": "{{31337*3}}${31337*3}{%31337%}%(x)s{x}",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "header": "Nora\r\nBcc: all@evil.example\r\n\r\n<b>",
    "turned": "\u202egnp.exe\u2066\u200f",
    "escape": "\x1b]0;pwned\x07\x1b[2J\x9b31m",
    "rich": "[red]x[/bold][link=https://evil.example]y[/]",
    "separators": "a\u2028b\u2029c\x0b\x0c\x85d",
    "long": "W" * 10_000,
}
"""What each visitor writes wherever it can."""
MARKUP: Final = re.compile(rf"<\s*(/\s*)?(script|{PROBE}|b)\b", re.IGNORECASE)


def hostile(who: str, written: str) -> list[dict[str, Any]]:
    """A visitor about to buy who writes *written* into all that a website sends."""
    first, last, told, short = NOW - 3 * DAY, NOW - 2 * HOUR, quote(written[:200], safe="'()*!@+=,;:"), written[:2000]
    context = {
        "campaign": {"name": short, "source": short, "medium": short, "term": short, "content": short},
        "locale": written[:50],
        "timezone": written[:50],
    }
    traits = {
        **dict.fromkeys(("name", "firstName", "lastName", "title", "company", "phone", "industry", "topic"), short),
        **{
            "email": f"{written[:40]}@halden.example",
            "website": f"https://{who}.example/{told}",
            "address": {"city": short},
        },
    }
    raw = f"/products/{written[:500]}"
    return [
        page(
            who,
            f"/products/{told}",
            first,
            view=f"{who}-1",
            title=written,
            referrer=f"https://evil.example/{told}",
            **context,
        ),
        engaged(who, f"{who}-1", 95, first + 2 * MINUTE, scroll=80),
        page(who, raw, last - HOUR, view=f"{who}-0", title=written, referrer=written),
        page(who, "/pricing", last, view=f"{who}-2", title=written, referrer=f"https://{who}.example/{written[:99]}"),
        engaged(who, f"{who}-2", 240, last + 4 * MINUTE, scroll=100),
        download(who, written[:500], last + 5 * MINUTE),
        page(who, "/contact", last + 6 * MINUTE, view=f"{who}-3", title=written),
        track(who, "Form Submitted", last + 7 * MINUTE, form_id=written, form_name=written),
        track(who, "Quote Requested", last + 8 * MINUTE, value=written, currency=written),
        track(who, written, last + 8 * MINUTE, **{written[:200]: written}),
        track(who, "Searched", last + 8 * MINUTE, query=written, term=written),
        identify(who, last + 8 * MINUTE, **traits),
    ]


class Post:
    """Stands in for a mail server."""

    available = True

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)


class Hostile:
    """A world of such visitors, whom somebody has worked with, and an administrator's browser."""

    def __init__(self, path: Path) -> None:
        self.world = world = World(f"sqlite:///{path}")
        self.path = path
        self.site_id = world.nordwind.id
        with world.database.writing() as connection:
            site = load_sites(connection)[self.site_id]
            add_alert(connection, site, "mail@example.com", "chen", NOW - 5 * DAY, max_per_day=100)
            subscribe(connection, site, "mail@example.com", "chen", NOW - 20 * DAY)
        self.refused: dict[str, int] = {}
        self._numbers = count(1)
        for name, written in WRITTEN.items():
            self._send(hostile(name, written))
        self.ids = {name: world.nordwind.lead(name) for name in WRITTEN}
        with world.database.writing() as connection:
            self._work(connection)
            admin = add_user(connection, "chen@example.com", "Chen", {self.site_id: "admin"}, NOW)
            token = open_session(connection, admin.id, "Firefox", NOW)
        app = Flask("hostile", static_folder=None)
        app.register_blueprint(
            blueprint.make_blueprint(world.database, Settings(public_url=URL), b"secret", None, lambda: NOW)
        )
        self.client: FlaskClient = app.test_client(use_cookies=False)
        self.client.environ_base["HTTP_COOKIE"] = f"__Host-warmtrail_session={token}"

    def _send(self, events: list[dict[str, Any]]) -> None:
        admission = admit(
            read_body(msgspec.json.encode({"batch": events}), is_batch=True),
            None,
            Caller(self.site_id, True, OLDEST_MS),
            NOW,
        )
        for one in admission.rejected:
            self.refused[one.reason] = self.refused.get(one.reason, 0) + 1
        entries = split(admission, self.site_id, NOW, RequestInfo(trusted=True), 16)
        batch = [(partition, f"{NOW}-{next(self._numbers)}", packed) for partition, _, packed in entries]
        process_surely(self.world.database, batch, score_visitors, now_ms=NOW)

    def _work(self, connection: Any) -> None:
        """Let somebody do with each lead what people can, in the visitor's words as far as they are taken."""
        site = load_sites(connection)[self.site_id]
        for name, written in WRITTEN.items():
            line = " ".join("".join(c if c.isprintable() else " " for c in written[:60]).split())
            add_note(connection, site, self.ids[name], f"{line}\n{line}", line, NOW)
            set_label(connection, site, self.ids[name], "kind", line[:40], line, NOW)
            add_segment(connection, self.site_id, f"s-{name}-{line[:20]}", Condition(field="visits", at_least=0), NOW)
        record(connection, site, self.ids["element"], "lost", "chen", NOW, reason=WRITTEN["element"])
        exclude(connection, site, self.ids["link"], "competitor", "chen", WRITTEN["script"], NOW)
        add_webhook(connection, site, "https://hooks.example.com/a", "chen", NOW, name=WRITTEN["element"])
        letters = [
            DeadLetter(self.site_id, NOW - DAY, "url_invalid", "collector", False, msgspec.json.encode({"title": written}))
            for written in WRITTEN.values()
        ]
        save_dead_letters(connection, letters)

    def get(self, path: str) -> Any:
        return self.client.get(path, base_url=URL, headers={"Accept": "text/html"})


@pytest.fixture(scope="module")
def met(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    path = tmp_path_factory.mktemp("hostile") / "warmtrail.db"
    shutil.copy(migrated_sqlite, path)
    made = Hostile(path)
    yield made
    made.world.database.close()


class Markup(HTMLParser):
    """Reads a page as a browser does and says what is wrong with it."""

    ADDRESSES: Final = {"href", "src", "action", "formaction", "poster", "data", "hx-get", "hx-post", "background", "srcset"}

    def __init__(self, text: str, *, is_mail: bool = False) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.addresses: list[str] = []
        self._is_mail = is_mail
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in (PROBE, "iframe", "object", "embed", "base") and not given.get("src", "").startswith("/settings/digests/"):  # type: ignore[union-attr]
            self.wrong.append(f"<{tag}>")
        if tag == "script" and not (given.get("src") or "").startswith("/assets/"):
            self.wrong.append("a script of its own")
        if not self._is_mail and (tag == "style" or "style" in given):
            self.wrong.append("style within the page")
        for name, value in attrs:
            if name.startswith(("on", "hx-on", "data-hx-on")):
                self.wrong.append(f"{name}={value}")
            if name in self.ADDRESSES and value:
                self.addresses.append(value)
                scheme = re.match(r"[\s\x00-\x20]*([a-zA-Z][\w+.-]*)\s*:", value)
                if scheme and scheme[1].lower() not in ("http", "https", "mailto", "tel"):
                    self.wrong.append(f"{name}={value[:60]}")


def test_every_hostile_visitor_is_a_lead(met: Hostile) -> None:
    text = met.get("/leads").text
    assert all(f"/leads/{lead}" in text for lead in met.ids.values())
    assert set(met.refused) <= {"url_invalid"}


def paths(met: Hostile) -> Iterator[str]:
    """Every page, in both languages; and that of every such lead."""
    asked = [shown.path for shown in PAGES if shown.signed_in] + [f"/leads/{one}" for one in met.ids.values()]
    asked += [f"/leads/{one}/data" for one in met.ids.values()]
    asked += [f"/leads?q={quote(written[:300])}&topic={quote(written[:100])}" for written in WRITTEN.values()]
    asked += [f"/hot?q={quote(written[:300])}" for written in WRITTEN.values()]
    asked += [f"/{quote(written[:300])}" for written in WRITTEN.values()]
    asked += [route.path for route in ROUTES if route.method == "GET" and "<" not in route.path]
    asked += sorted(set(re.findall(r'href="(/accounts/co_[0-9a-f]+)"', met.get("/accounts").text)))
    for path in asked:
        kind = placeholder_of(path)
        if kind is not None:
            on, pattern = FIRST_OF[kind]
            found = pattern.search(met.get(on).text)
            if found is None:
                continue
            path = path.replace(f"{{{kind}}}", found[1])
        yield path


def test_nothing_written_by_a_visitor_is_markup_on_any_page(met: Hostile) -> None:
    wrong: dict[str, list[str]] = {}
    seen = 0
    for path in paths(met):
        answer = met.get(path)
        assert answer.status_code < 500, path
        text, problems = answer.text, []
        if answer.mimetype == "text/html":
            problems += Markup(text, is_mail=path.endswith("/mail")).wrong
            policy = answer.headers["Content-Security-Policy"]
            if "unsafe" in policy or "default-src 'none'" not in policy:
                problems.append(policy)
        if "94011" in text:
            problems.append("a template in a text was carried out")
        problems += [repr(c) for c in set(re.findall(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text))]
        if "Bcc" in answer.headers or any(c in value for _, value in answer.headers for c in "\r\n"):
            problems.append("a header of the visitor's")
        seen += PROBE in text
        if problems:
            wrong[path] = problems
    assert wrong == {}
    assert seen > 30  # The words are there, as text.


def csv_paths(met: Hostile) -> list[str]:
    found = set(re.findall(r'href="(/[^"]*\.csv[^"]*)"', met.get("/hot").text))
    for shown in PAGES:
        if shown.path.startswith("/reports") and shown.status == 200:
            found |= set(re.findall(r'href="(/[^"]*\.csv[^"]*)"', met.get(shown.path).text))
    return sorted(one.replace("&amp;", "&") for one in found)


def dangerous(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a formula."""
    if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", cell):
        return False
    return cell.lstrip(" \u00a0\u200b\ufeff").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_no_cell_of_a_csv_file_is_a_formula(met: Hostile) -> None:
    found = csv_paths(met)
    assert any(path.startswith("/hot.csv") for path in found)
    assert len(found) > 5
    calm = 0
    for path in found:
        answer = met.get(path)
        assert answer.status_code == 200, path
        assert answer.mimetype == "text/csv", path
        assert "attachment" in answer.headers["Content-Disposition"], path
        for row in csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"), newline="")):
            assert [cell for cell in row if dangerous(cell)] == [], path
            calm += sum(cell.startswith("'=cmd") for cell in row)
    assert calm > 0


def test_mails_say_it_as_text_and_have_no_header_of_a_visitors(met: Hostile) -> None:
    post, sender = Post(), Sender(URL, b"secret")
    clock = NOW + DELAY_MS
    send_alerts(met.world.database, cast(Mailer, post), sender, clock)
    send_due(met.world.database, cast(Mailer, post), sender, lambda: NOW + 5 * DAY)
    assert len(post.sent) >= 2
    for message in post.sent:
        assert "Bcc" not in message
        raw = message.as_bytes().partition(b"\n\n")[0].decode("ascii")
        assert not re.search(r"^bcc:", raw, re.IGNORECASE | re.MULTILINE)
        assert re.fullmatch(r"[^\r\n\x00-\x1f\u202a-\u202e\u2066-\u2069]+", str(message["Subject"]))
        html = message.get_body(("html",))
        text = message.get_body(("plain",))
        assert html is not None
        assert text is not None
        read = Markup(html.get_content(), is_mail=True)
        assert read.wrong == []
        assert all(one.startswith((URL, "mailto:")) for one in read.addresses), read.addresses
        for content in (html.get_content(), text.get_content()):
            assert "94011" not in content
            assert not re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", content)


def test_no_message_to_a_webhook_has_markup_or_calls_somebody(met: Hostile) -> None:
    with met.world.database.reading() as connection:
        site = load_sites(connection)[met.site_id]
        view = Viewpoint(site, current_cards(connection)[site.id], NOW, "en", URL)
        leads = tell_leads(connection, view, list(met.ids.values()))
    assert len(leads) == len(WRITTEN)
    for name, lead_id in met.ids.items():
        for kind in KINDS:
            told = Told(
                kind, 41, "2026-11-19T10:30:00.000Z", 1, site.name, lead_id, {"reason": WRITTEN[name]}, leads[lead_id]
            )
            for preset in PRESETS:
                content = body(preset, told, "en")
                assert content is not None
                assert len(content) <= 20_000, (preset, name)
                shown = json.loads(content)
                if preset in ("slack", "wecom", "dingtalk", "feishu"):
                    for text in texts(shown):
                        # A post to Feishu has no markup: all of it is shown as it is.
                        assert preset == "feishu" or not MARKUP.search(text), (preset, name, text)
                        assert preset == "feishu" or "<!channel>" not in text, (preset, name)
                        assert preset in ("slack", "feishu") or not re.search(r"\]\(javascript:", text), (preset, name)
                        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), (preset, name)


def texts(value: Any) -> Iterator[str]:
    """The texts that a chat reads as markup; what it is told to show as it is, isn't."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if "plain_text" in (value.get("type"), value.get("tag")) or value.get("tag") == "text":
            return
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


@pytest.fixture
def run(met: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Any:
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_REDIS_URL", redis_url)
    monkeypatch.setenv("WARMTRAIL_DATABASE_URL", f"sqlite:///{met.path}")
    return lambda *words: CliRunner().invoke(cli, list(words))


def test_nothing_written_by_a_visitor_reaches_the_terminal_as_a_command(met: Hostile, run: Any) -> None:
    here = ("--site", "nordwind")
    asked: list[tuple[str, ...]] = [
        ("hot", *here, "--min-score", "0"),
        ("classes", "list", *here),
        ("segment", "list", *here),
    ]
    asked += [("dead-letters", "list", *here), ("audit", *here), ("webhook", "list", *here), ("digest", "list", *here)]
    asked += [(command, lead) for lead in met.ids.values() for command in ("lead", "explain")]
    wrong = {}
    for words in asked:
        result = run(*words)
        odd = {c for c in result.output if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c != "\n"}
        odd |= {c for c in result.output if "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"}
        if result.exit_code or odd:
            wrong[words] = (result.exit_code, odd, repr(result.exception))
    assert wrong == {}
    shown = run("explain", met.ids["rich"])
    assert "[red]x[/bold]" in shown.output
