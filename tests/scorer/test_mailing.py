"""Mails are handed over, refused or delayed by a real server, over every kind of connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest

from scorer.mailing import MailDelayed, Mailer, MailRefused, MailUncertain, ServerAway
from tests.mail_server import PASSWORD, USER, Kept, mail_server, make_certificate
from tracker.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning:aiosmtpd")
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}@"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def port(kept: Kept) -> Iterator[int]:
    """Of a plain server."""
    with mail_server(kept) as port:
        yield port


def mailer(url: str, ca_file: Path | None = None, sender: str = "Warmtrail <leads@example.com>") -> Mailer:
    return Mailer(Settings(smtp_url=url, mail_from=sender, smtp_ca_file=ca_file))


def mail(to: str = "ada@halden.example", subject: str = "Hello", text: str = "Hello\n") -> EmailMessage:
    message = EmailMessage()
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.com>"
    message.set_content(text)
    return message


def test_a_mail_arrives_as_it_was_written(kept: Kept, port: int) -> None:
    text = "第一行：5 条新的热门线索\n.a line that begins with a dot\n..and two\n"
    with mailer(f"smtp://127.0.0.1:{port}") as sender:
        assert sender.available
        sender.send(mail(subject="本周新增 5 条热门线索，比上周多两条 · 诺德温德仪器有限公司（华东大区）", text=text))
    [(to, arrived)] = kept.mails
    assert to == ["ada@halden.example"]
    assert arrived["Subject"] == "本周新增 5 条热门线索，比上周多两条 · 诺德温德仪器有限公司（华东大区）"
    assert arrived["From"] == "Warmtrail <leads@example.com>"
    assert arrived.get_content() == text


def test_several_mails_go_over_one_connection_and_a_lost_one_is_opened_again(kept: Kept, port: int) -> None:
    with mailer(f"smtp://127.0.0.1:{port}") as sender:
        sender.send(mail())
        sender.send(mail())
        kept.at["MAIL"] = lambda server: kept.at.clear() or server.transport.close()  # type: ignore[func-returns-value]
        sender.send(mail())
    first, second, third = kept.sessions
    assert first is second
    assert third is not second


def test_starttls_is_used_where_it_is_offered(kept: Kept, certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, context = certificate
    with mail_server(kept, starttls=context, auth=True) as port, mailer(f"smtp://{LOGIN}localhost:{port}", file) as sender:
        sender.send(mail())
    assert kept.sessions[0].ssl is not None
    assert kept.sessions[0].authenticated


def test_tls_from_the_first_byte(kept: Kept, certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, context = certificate
    with mail_server(kept, tls=context, auth=True) as port, mailer(f"smtps://{LOGIN}127.0.0.1:{port}", file) as sender:
        sender.send(mail())
    assert kept.sessions[0].authenticated


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(kept: Kept, certificate: tuple[Path, ssl.SSLContext]) -> None:
    _, context = certificate
    server = mail_server(kept, starttls=context)
    with server as port, mailer(f"smtp://localhost:{port}") as sender, pytest.raises(ServerAway, match="certificate"):
        sender.send(mail())
    assert kept.mails == []


def test_a_password_never_goes_over_a_plain_connection_unless_that_is_asked_for(kept: Kept) -> None:
    with mail_server(kept, auth=True) as port:
        for options in ("", "?starttls=required"):
            with mailer(f"smtp://{LOGIN}127.0.0.1:{port}{options}") as sender, pytest.raises(ServerAway, match="STARTTLS"):
                sender.send(mail())
        with mailer(f"smtp://{LOGIN}127.0.0.1:{port}?starttls=never") as sender:
            sender.send(mail())
    assert len(kept.mails) == 1


def test_starttls_may_be_left_out(kept: Kept, certificate: tuple[Path, ssl.SSLContext]) -> None:
    with mail_server(kept, starttls=certificate[1]) as port, mailer(f"smtp://127.0.0.1:{port}?starttls=never") as sender:
        sender.send(mail())
    assert kept.sessions[0].ssl is None


def test_a_wrong_password_delays_every_mail(kept: Kept) -> None:
    server = mail_server(kept, auth=True)
    with server as port, mailer(f"smtp://leads:wrong@127.0.0.1:{port}?starttls=never") as sender:
        with pytest.raises(ServerAway, match="535") as raised:
            sender.send(mail())
        assert PASSWORD not in str(raised.value)


def test_what_is_refused_of_one_recipient_leaves_the_next_mail_alone(kept: Kept, port: int) -> None:
    kept.answer = {"gone@halden.example": "550 5.1.1 no such user", "busy@halden.example": "450 4.2.0 mailbox busy"}
    with mailer(f"smtp://127.0.0.1:{port}") as sender:
        with pytest.raises(MailRefused, match="no such user"):
            sender.send(mail("gone@halden.example"))
        with pytest.raises(MailDelayed, match="mailbox busy") as delayed:
            sender.send(mail("busy@halden.example"))
        assert not isinstance(delayed.value, ServerAway)
        sender.send(mail())
    assert [to for to, _ in kept.mails] == [["ada@halden.example"]]


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("DATA", "451 4.3.0 later", MailDelayed),
        ("DATA", "554 5.7.1 spam", MailRefused),
        ("MAIL", "451 4.3.0 later", MailDelayed),
        ("MAIL", "421 4.3.2 shutting down", ServerAway),
        # The sender is the service's own: what is wrong with it is wrong with every mail, and the operator's to mend.
        ("MAIL", "550 5.7.1 sender not allowed", ServerAway),
    ],
)
def test_answers_of_the_server(kept: Kept, port: int, command: str, answer: str, kind: type[Exception]) -> None:
    kept.at[command] = lambda server: answer
    with mailer(f"smtp://127.0.0.1:{port}") as sender, pytest.raises(kind, match=answer[10:]) as raised:
        sender.send(mail())
    assert type(raised.value) is kind
    assert kept.mails == []


def test_a_connection_that_breaks_before_the_mail_was_sent_is_a_delay(kept: Kept, port: int) -> None:
    kept.at["MAIL"] = lambda server: server.transport.close()
    with mailer(f"smtp://127.0.0.1:{port}") as sender, pytest.raises(ServerAway):
        sender.send(mail())


def test_a_connection_that_breaks_after_it_is_final_since_the_mail_may_have_arrived(kept: Kept, port: int) -> None:
    kept.at["DATA"] = lambda server: server.transport.abort()
    with mailer(f"smtp://127.0.0.1:{port}") as sender, pytest.raises(MailUncertain, match="handed over"):
        sender.send(mail())
    assert issubclass(MailUncertain, MailRefused)


def test_nobody_answers() -> None:
    with mailer("smtp://127.0.0.1:1") as sender, pytest.raises(ServerAway, match="refused"):
        sender.send(mail())


def test_addresses_beyond_ascii(kept: Kept, port: int) -> None:
    with mailer(f"smtp://127.0.0.1:{port}") as sender:
        sender.send(mail("ada@bücher.example"))
        with pytest.raises(MailRefused, match="letters"):
            sender.send(mail("adä@halden.example"))
    assert kept.mails[0][0] == ["ada@xn--bcher-kva.example"]


def test_without_a_server_none_is_available() -> None:
    sender = Mailer(Settings())
    assert not sender.available
    with pytest.raises(MailDelayed, match="WARMTRAIL_SMTP_URL"):
        sender.send(mail())
