"""Whoever wants to know is told by mail when a lead becomes hot: once, not at night, and not too often."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from scorer import alerting
from scorer.alerting import DELAY_MS, send_alerts
from scorer.alerts import Alert, AlertError, Told, add_alert, find_alert, list_alerts, read_ledger, remove_alert
from scorer.announcing import Change, announce
from scorer.by_hand import merge
from scorer.cli import cli
from scorer.core.quiet_hours import read_quiet_hours
from scorer.core.segment import Condition
from scorer.mail.alert_mail import LEADS_AT_MOST, WORDS
from scorer.mail.digest_mail import Sender
from scorer.mailing import MailDelayed, MailRefused, MailUncertain, ServerAway
from scorer.models import lead_scores, leads
from scorer.outlet_models import alert_mails, alerts
from scorer.retention import forget_old
from scorer.segments import add_segment
from scorer.unsubscribing import unsubscribe
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer
from tracker.sites import load_sites

SENDER = Sender("https://leads.example.com", b"secret")
BERLIN = ZoneInfo("Europe/Berlin")


class Post:
    """Stands in for a mail server."""

    available = True

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.error: BaseException | None = None

    def send(self, message: EmailMessage) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)

    @property
    def subjects(self) -> list[str]:
        return [str(one["Subject"]) for one in self.sent]


class Stage:
    """A world, a mail server, and a clock."""

    def __init__(self, database_url: str) -> None:
        self.world = World(database_url)
        self.database = self.world.database
        self.post = Post()
        self.now = NOW

    def add(self, email: str = "ada@nordwind.example", **options: Any) -> Alert:
        with self.database.writing() as connection:
            site = load_sites(connection)[self.world.nordwind.id]
            return add_alert(connection, site, email, "ada", self.now, **options)

    def become_hot(self, *ids: str) -> list[str]:
        made = list(ids) or self.world.add_plain_leads([1e12])
        with self.database.writing() as connection:
            announce(connection, [Change(self.world.nordwind.id, one, "entered", self.now, {}) for one in made])
        return made

    def send(self) -> int:
        return send_alerts(self.database, self.post, SENDER, self.now)  # type: ignore[arg-type]

    def ledger(self, alert: Alert) -> list[Told]:
        with self.database.reading() as connection:
            return read_ledger(connection, alert.id)[::-1]

    def states(self, alert: Alert) -> list[str]:
        return [one.state for one in self.ledger(alert)]


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    made = Stage(database_url)
    yield made
    made.database.close()


def berlin(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) * 1000


def test_a_mail_goes_out_when_a_lead_becomes_hot_and_only_one(stage: Stage) -> None:
    alert = stage.add()
    stage.world.feed(buyer("ada", name="Ada <b>King</b>", email="ada@halden.example", company="Halden"))
    assert stage.send() == 1
    assert stage.send() == 0
    [mail] = stage.post.sent
    lead = stage.world.nordwind.lead("ada")
    assert str(mail["Subject"]).startswith("Ada <b>King</b> (Halden) is hot: score ")
    assert str(mail["Subject"]).endswith("– nordwind")
    assert mail["To"] == "ada@nordwind.example"
    assert str(mail["Message-ID"]).startswith(f"<alert.{alert.id}.")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(mail["List-Unsubscribe"]).startswith("<https://leads.example.com/unsubscribe/alert.al_")
    text, html = (part.get_content() for part in mail.iter_parts())
    assert f"https://leads.example.com/leads/{lead}" in text
    assert "Next: " in text
    assert "{{" not in text
    assert "Ada &lt;b&gt;King&lt;/b&gt;" in html
    assert f'href="https://leads.example.com/leads/{lead}"' in html
    assert stage.states(alert) == ["sent"]


def test_a_domain_is_told_in_its_own_letters_unless_that_could_mislead(stage: Stage) -> None:
    stage.add(max_per_day=100)
    stage.world.feed(buyer("lin", email="lin@xn--xhq89jgru9fn.xn--fiqs8s"))
    stage.send()
    stage.world.feed(buyer("eve", email="eve@xn--80ak6aa92e.com"))
    stage.send()
    first, second = stage.post.subjects
    assert first.startswith("lin@华东电机.中国 (华东电机.中国) is hot")
    assert second.startswith("eve@xn--80ak6aa92e.com (xn--80ak6aa92e.com) is hot")


def test_it_is_written_in_the_reader_s_language(stage: Stage) -> None:
    stage.add(language="zh")
    stage.world.feed(buyer("ada", name="王小明"))
    stage.send()
    assert stage.post.subjects[0].startswith("王小明 成为热门线索：得分 ")
    text = stage.post.sent[0].get_body(("plain",))
    assert text is not None
    assert "下一步：" in text.get_content()
    assert "退订" in text.get_content()


def test_other_changes_other_sites_and_what_was_before_are_not_told(stage: Stage) -> None:
    [lead] = stage.become_hot()
    stage.add()
    [theirs] = stage.world.add_plain_leads([1e12], company=stage.world.huadong)
    with stage.database.writing() as connection:
        announce(connection, [Change(stage.world.nordwind.id, lead, "rose", NOW, {})])
        announce(connection, [Change(stage.world.huadong.id, theirs, "entered", NOW, {})])
    assert stage.send() == 0
    stage.become_hot(lead)
    assert stage.send() == 1


def test_only_leads_of_the_segment_are_told_of(stage: Stage) -> None:
    with stage.database.writing() as connection:
        add_segment(connection, stage.world.nordwind.id, "Germans", Condition(field="country", is_="DE"), NOW)
    alert = stage.add(segment="Germans")
    german, other = stage.world.add_plain_leads([1e12, 1e12])
    with stage.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == german).values(country="DE"))
    stage.become_hot(german, other)
    assert stage.send() == 1
    assert [one.lead_id for one in stage.ledger(alert)] == [german]


def test_in_quiet_hours_mails_wait_and_come_together(stage: Stage) -> None:
    alert = stage.add(quiet=read_quiet_hours("19:00-08:00"), time_zone="Europe/Berlin")
    stage.now = berlin("2026-11-19T22:00")
    stage.become_hot()
    assert stage.send() == 0
    stage.now = berlin("2026-11-20T03:00")
    stage.become_hot()
    assert stage.send() == 0
    assert stage.states(alert) == ["waiting", "waiting"]
    stage.now = berlin("2026-11-20T08:00")
    assert stage.send() == 1
    assert stage.post.subjects == ["2 leads have become hot – nordwind"]
    assert stage.states(alert) == ["sent", "sent"]


def test_what_has_cooled_meanwhile_is_not_told(stage: Stage) -> None:
    alert = stage.add(quiet=read_quiet_hours("19:00-08:00"), time_zone="Europe/Berlin")
    stage.now = berlin("2026-11-19T22:00")
    cool, hot = stage.become_hot(*stage.world.add_plain_leads([1e12, 1e12]))
    stage.send()
    with stage.database.writing() as connection:
        connection.execute(update(lead_scores).where(lead_scores.c.lead_id == cool).values(hot_since=None, heat=1.0))
    stage.now = berlin("2026-11-20T08:00")
    assert stage.send() == 1
    assert hot in str(stage.post.sent[0].as_bytes())
    assert cool not in str(stage.post.sent[0].as_bytes())
    assert stage.states(alert) == ["cooled", "sent"]


@pytest.mark.parametrize("values", [{"snoozed_until": NOW + DAY}, {"status": "won"}])
def test_what_is_off_the_hot_list_is_not_told(stage: Stage, values: dict[str, Any]) -> None:
    alert = stage.add()
    [lead] = stage.become_hot()
    with stage.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == lead).values(values))
    assert stage.send() == 0
    assert stage.states(alert) == ["cooled"]


def test_above_the_day_s_limit_mails_wait_and_the_day_after_tells_how_many_more(stage: Stage) -> None:
    stage.now = berlin("2026-11-19T09:00")
    alert = stage.add(max_per_day=2, time_zone="Europe/Berlin")
    for _ in range(5):
        stage.become_hot()
        stage.send()
        stage.now += HOUR
    assert len(stage.post.sent) == 2
    first, second = ((one.get_body(("plain",)) or one).get_content() for one in stage.post.sent)
    assert "last alert of today" not in first
    assert "last alert of today" in second
    assert stage.states(alert) == ["sent", "sent", "waiting", "waiting", "waiting"]
    stage.now = berlin("2026-11-20T00:00")
    assert stage.send() == 1
    assert stage.post.subjects[2] == "And 3 more on 19 Nov 2026 – nordwind"
    stage.become_hot()
    assert stage.send() == 1
    stage.become_hot()
    assert stage.send() == 0, "the mail about the day before counts"


def test_the_limit_and_the_quiet_hours_together(stage: Stage) -> None:
    stage.now = berlin("2026-11-19T09:00")
    stage.add(max_per_day=1, time_zone="Europe/Berlin", quiet=read_quiet_hours("19:00-08:00"))
    for _ in range(3):
        stage.become_hot()
        stage.send()
    stage.now = berlin("2026-11-20T00:30")
    assert stage.send() == 0
    stage.now = berlin("2026-11-20T08:00")
    assert stage.send() == 1
    assert stage.post.subjects[1] == "And 2 more on 19 Nov 2026 – nordwind"


def test_a_mail_tells_of_so_many_leads_and_says_how_many_more(stage: Stage) -> None:
    stage.add()
    stage.become_hot(*stage.world.add_plain_leads([1e12] * (LEADS_AT_MOST + 3)))
    assert stage.send() == 1
    body = stage.post.sent[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().count("/leads/ld_") == LEADS_AT_MOST
    assert "3 more are on the hot list. https://leads.example.com/hot" in body.get_content()


def test_one_person_who_became_hot_twice_is_told_once(stage: Stage) -> None:
    alert = stage.add()
    kept, lost = stage.world.add_plain_leads([1e12, 1e12])
    stage.become_hot(kept, lost)
    with stage.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == lost).values(merged_into=kept))
    assert stage.send() == 1
    assert "is hot: score" in stage.post.subjects[0]
    assert stage.states(alert) == ["sent", "sent"]


def test_a_delayed_mail_comes_later_and_a_refused_one_does_not(stage: Stage) -> None:
    alert = stage.add()
    stage.become_hot()
    stage.post.error = MailDelayed("greylisted")
    assert stage.send() == 0
    stage.post.error = None
    stage.now += DELAY_MS - 1
    assert stage.send() == 0
    stage.now += 1
    assert stage.send() == 1
    for error in (MailRefused("no such address"), MailUncertain("broke")):
        stage.become_hot()
        stage.post.error = error
        assert stage.send() == 0
        stage.post.error = None
        stage.now += DAY
        assert stage.send() == 0
    assert stage.states(alert) == ["sent", "failed", "failed"]


def test_a_server_that_is_away_is_asked_once_and_nothing_is_lost(stage: Stage) -> None:
    for name in ("a", "b", "c"):
        stage.add(f"{name}@nordwind.example")
    stage.become_hot()
    asked: list[str] = []

    def away(message: EmailMessage) -> None:
        asked.append(str(message["To"]))
        raise ServerAway("421")

    stage.post.send = away  # type: ignore[method-assign]
    assert stage.send() == 0
    assert len(asked) == 1
    del stage.post.send
    stage.now += DELAY_MS
    assert stage.send() == 3


def test_without_a_mail_server_nothing_is_done(stage: Stage) -> None:
    alert = stage.add()
    stage.become_hot()
    stage.post.available = False
    assert stage.send() == 0
    assert stage.ledger(alert) == []
    stage.post.available = True
    assert stage.send() == 1


def test_whoever_unsubscribes_gets_no_more(stage: Stage) -> None:
    alert = stage.add(quiet=read_quiet_hours("00:00-23:59"))
    stage.become_hot()
    assert stage.send() == 0
    with stage.database.writing() as connection:
        unsubscribe(connection, "alert", alert.id, stage.now)
    stage.now = NOW + DAY + 14 * HOUR
    stage.become_hot()
    assert stage.send() == 0
    assert len(stage.add().id) == 19, "and may subscribe anew"


def test_many_senders_send_each_mail_once(stage: Stage) -> None:
    for number in range(5):
        stage.add(f"reader{number}@nordwind.example", max_per_day=50)
    ids = stage.world.add_plain_leads([1e12] * 4)
    stop = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                stage.send()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for one in ids:
        stage.become_hot(one)
    stop.set()
    for thread in threads:
        thread.join()
    stage.now += MINUTE
    stage.send()
    assert errors == []
    told: dict[str, list[str]] = {}
    for mail in stage.post.sent:
        body = mail.get_body(("plain",))
        assert body is not None
        told.setdefault(str(mail["To"]), []).extend(one for one in ids if one in body.get_content())
    assert {reader: sorted(some) for reader, some in told.items()} == {
        f"reader{number}@nordwind.example": sorted(ids) for number in range(5)
    }


class _Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize(
    ("step", "states", "mails"),
    [
        ("_wanted", ["sent"], 1),
        ("_write", ["sent"], 1),
        ("_claim", ["sent"], 1),
        ("_still_hot", ["claimed"], 0),
        ("alert_mail", ["claimed"], 0),
        ("_mark", ["claimed"], 1),
    ],
)
def test_killed_at_any_step_a_mail_is_sent_once_or_not_at_all(
    stage: Stage, step: str, states: list[str], mails: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = stage.add()
    stage.become_hot()

    def die(*_: object, **__: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(alerting, step, die)
        with pytest.raises(_Killed):
            stage.send()
    stage.now += DAY
    stage.send()
    assert stage.states(alert) == states
    assert len(stage.post.sent) == mails


def test_erasing_a_lead_takes_it_out_of_the_ledger(stage: Stage) -> None:
    alert = stage.add(quiet=read_quiet_hours("00:00-23:59"))
    stage.world.feed(buyer("ada"))
    stage.send()
    assert stage.states(alert) == ["waiting"]
    forget_old(stage.database, NOW + 400 * DAY, NOW)
    assert stage.ledger(alert) == []


def test_a_merged_lead_s_row_stays_with_its_alert(stage: Stage) -> None:
    alert = stage.add()
    stage.world.feed([*buyer("ada"), *buyer("ben")])
    with stage.database.writing() as connection:
        site = load_sites(connection)[stage.world.nordwind.id]
        merge(connection, site, stage.world.nordwind.lead("ada"), stage.world.nordwind.lead("ben"), "ada", "x", NOW)
    assert stage.send() == 1
    assert set(stage.states(alert)) == {"sent"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"email": "ada"}, "email"),
    "a header in it": ({"email": "ada@a.example\nBcc: x@y.example"}, "email"),
    "the same again": ({"email": "ADA@nordwind.example"}, "email"),
    "no such segment": ({"segment": "x"}, "segment"),
    "another language": ({"language": "fr"}, "language"),
    "no such zone": ({"time_zone": "Europe/Atlantis"}, "time_zone"),
    "no zone at all": ({"time_zone": "../etc/passwd"}, "time_zone"),
    "no mails": ({"max_per_day": 0}, "max_per_day"),
    "too many": ({"max_per_day": 101}, "max_per_day"),
}


@pytest.mark.parametrize(("options", "field"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_makes_no_sense_is_refused_in_both_languages(stage: Stage, options: dict[str, Any], field: str) -> None:
    stage.add()
    with pytest.raises(AlertError) as caught:
        stage.add(**{"email": "ben@nordwind.example"} | options)
    assert caught.value.field == field
    assert any("\u4e00" <= sign <= "\u9fff" for sign in caught.value.label.zh)
    with stage.database.reading() as connection:
        assert len(list_alerts(connection)) == 1


def test_an_alert_is_removed_with_its_ledger(stage: Stage) -> None:
    alert = stage.add()
    stage.become_hot()
    stage.send()
    with stage.database.writing() as connection:
        remove_alert(connection, alert, "ada", NOW)
    with stage.database.reading() as connection:
        assert find_alert(connection, alert.id) is None
        counts = [connection.execute(select(func.count()).select_from(one)).scalar_one() for one in (alerts, alert_mails)]
    assert counts == [0, 0]


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_there_in_both_languages(name: str) -> None:
    assert WORDS[name].en
    assert WORDS[name].zh


def test_alerts_on_the_terminal(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    for name, value in {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url}.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    World(sqlite_url).database.close()

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["alert", *words])

    assert "Nobody is alerted yet" in run("list").stdout
    added = run("add", "ada@nordwind.example", "--site", "nordwind", "--quiet", "19:00-08:00", "--max-per-day", "3")
    assert "gets a mail when a lead becomes hot" in added.stdout
    assert "No mail server is set up yet" in added.stdout
    [told] = msgspec.json.decode(run("list", "--json").stdout)
    assert (told["quiet_from"], told["quiet_until"], told["max_per_day"]) == (19 * 60, 8 * 60, 3)
    assert "19:00-08:00" in run("list", "--lang", "zh").stdout
    for words, said in (
        (("add", "ben@nordwind.example", "--site", "nordwind", "--quiet", "at night"), "Quiet hours are written like"),
        (("add", "ada@nordwind.example", "--site", "nordwind"), "gets these alerts already"),
        (("remove", "al_1"), "There is no alert 'al_1'."),
    ):
        refused = run(*words)
        assert refused.exit_code in (1, 2)
        assert said in refused.stderr
    assert run("remove", told["id"]).stdout == "ada@nordwind.example gets no more alerts.\n"
