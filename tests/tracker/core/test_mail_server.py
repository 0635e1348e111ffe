"""Mail servers and senders as settings write them."""

from __future__ import annotations

import pytest

from tracker.core.mail_server import SmtpServer, read_mailbox, read_smtp_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, "", "", "offered")),
        ("smtp://mail.example.com:25?starttls=never", SmtpServer("mail.example.com", 25, "", "", "never")),
        ("smtp://u:p%40%2f@h?starttls=required", SmtpServer("h", 587, "u", "p@/", "required")),
        ("smtps://u%40x:p@[::1]:4650/", SmtpServer("::1", 4650, "u@x", "p", "tls")),
    ],
)
def test_read(url: str, server: SmtpServer) -> None:
    assert read_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:0", "smtp://h:99999", "smtp://h/path"),
        *("smtp://user@h", "smtp://:secret@h", "smtp://h?starttls=maybe", "smtp://h?tls=1", "smtps://h?starttls=never"),
        *("smtp://h?starttls=never&starttls=required", "smtp://h#a", "smtp://[::1"),
    ],
)
def test_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|may|has)") as refused:
        read_smtp_url(url)
    assert "secret" not in str(refused.value)


def test_senders() -> None:
    assert read_mailbox("leads@example.com").addr_spec == "leads@example.com"
    assert (read_mailbox('"诺德" <l@example.com>').display_name, read_mailbox("A <l@x.y>").username) == ("诺德", "l")


@pytest.mark.parametrize("text", ["", "leads", "a@b@c", "A <>", "a@b.example\nBcc: c@d.example", "lé@example.com", "@x.y"])
def test_no_senders(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        read_mailbox(text)
