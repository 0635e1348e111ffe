"""What all mails to subscribers have in common: templates, and headers that say what it is and how to be rid of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from mjml import mjml2html

from scorer.unsubscribing import link


class Sender(msgspec.Struct, frozen=True):
    """What the service puts into its mails about itself."""

    base_url: str
    """Without a trailing slash."""
    secret: bytes
    """Signs the links by which subscriptions are given up."""

    @property
    def host(self) -> str:
        """The name under which ids are unique."""
        return urlsplit(self.base_url).hostname or "localhost"


class Written(msgspec.Struct, frozen=True):
    """A mail as it is written, perhaps for several readers."""

    subject: str
    text: str
    html: str


def unsubscribe_link(sender: Sender, kind: Literal["alert", "digest"], subscription_id: str) -> str:
    """Return the link by which a subscription is given up."""
    return link(sender.base_url, sender.secret, kind, subscription_id)


def letter(
    written: Written,
    to: Address,
    message_id: str,
    list_id: str,
    unsubscribe: str,
    now_ms: int,
    zone: tzinfo,
) -> EmailMessage:
    """Return the mail for one reader, with its own link to unsubscribe in the headers (RFC 2369, RFC 8058).

    *list_id*: without the brackets (RFC 2919). The time is told in the reader's *zone*.
    """
    message = EmailMessage()
    message["Subject"] = written.subject
    message["To"] = to
    message["Date"] = format_datetime(datetime.fromtimestamp(now_ms // 1000, zone))
    message["Message-ID"] = message_id
    message["List-Id"] = f"<{list_id}>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text)
    message.add_alternative(written.html, subtype="html")
    return message


def render(name: str, subject: str, values: Mapping[str, object]) -> Written:
    """Return what the templates of this name say: plain text, and HTML made from MJML."""
    told = {**values, "subject": subject}
    text = _templates().get_template(f"{name}.txt").render(told)
    source = _templates().get_template(f"{name}.mjml").render(told)
    return Written(subject, text, mjml2html(source, fonts={}))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("mjml",), default=False),  # the other is plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
