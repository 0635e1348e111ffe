"""Giving up mails by the link in them, without signing in: a page to look at, and a POST that does it (RFC 8058).

Mail scanners ask for every link: GET changes nothing. The link is signed, holds no address, and stands as long as the
subscription does.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from html import escape
from typing import Final, Literal

from flask import Blueprint, Response, request
from sqlalchemy import Connection, Table, select, update

from scorer.core.labels import Label, Language, pick
from scorer.outlet_models import alerts, digests
from tracker.db import Database
from tracker.log import get_logger

MailKind = Literal["digest", "alert"]
_TABLES: Final[dict[str, Table]] = {"digest": digests, "alert": alerts}
_PURPOSE: Final = b"warmtrail unsubscribe\0"
_TAG_BYTES: Final = 16
_TOKEN: Final = re.compile(r"(digest|alert)\.([a-z]{2}_[0-9a-f]{4,17})\.([A-Za-z0-9_-]{22})")
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; }
main { max-width: 32rem; margin: 15vh auto 0; padding: 0 1.25rem; }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .75rem; }
p { overflow-wrap: anywhere; }
button { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; cursor: pointer;
  background: #b3400a; color: #fff; }
"""
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_WORDS: Final[dict[str, tuple[Label, Label]]] = {
    "digest": (
        Label("Unsubscribe from the weekly digest?", "退订线索周报？"),
        Label("{email} gets no more weekly digests of these leads.", "{email} 将不再收到该线索周报。"),
    ),
    "alert": (
        Label("Unsubscribe from alerts?", "退订热门线索提醒？"),
        Label("{email} gets no more mails when a lead becomes hot.", "线索升温时，{email} 将不再收到邮件。"),
    ),
    "done": (
        Label("Unsubscribed", "已退订"),
        Label("{email} gets no more of these mails.", "{email} 将不再收到此类邮件。"),
    ),
    "unknown": (
        Label("There is no such link", "链接无效"),
        Label(
            "It may have been cut off, or its subscription is gone already. Open it from the mail again, or copy all of it.",
            "链接可能不完整，或对应的订阅已不存在。请在邮件中重新点击，或完整复制后再打开。",
        ),
    ),
}
_BUTTON: Final = Label("Unsubscribe", "退订")
log = get_logger(__name__)


def link(base_url: str, secret: bytes, kind: MailKind, subscription_id: str) -> str:
    """Return the address under which a subscription is given up. The same for the same subscription."""
    return f"{base_url}/unsubscribe/{token(secret, kind, subscription_id)}"


def token(secret: bytes, kind: MailKind, subscription_id: str) -> str:
    """Return what the address ends in: kind, id, and an HMAC-SHA-256 of both (RFC 2104, truncated to 128 bits)."""
    said = f"{kind}.{subscription_id}"
    tag = hmac.digest(secret, _PURPOSE + said.encode(), sha256)[:_TAG_BYTES]
    return f"{said}.{urlsafe_b64encode(tag).decode().rstrip('=')}"


def read_token(secret: bytes, text: str) -> tuple[MailKind, str] | None:
    """Return kind and id of the subscription that a token is of; ``None`` for one that we haven't signed."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    kind: MailKind = "digest" if found[1] == "digest" else "alert"
    return (kind, found[2]) if hmac.compare_digest(token(secret, kind, found[2]), text) else None


def unsubscribe(connection: Connection, kind: MailKind, subscription_id: str, now_ms: int) -> None:
    """End a subscription; harmless for one that is ended already."""
    table = _TABLES[kind]
    values: dict[str, int | None] = {"unsubscribed_at": now_ms}
    if kind == "digest":
        values["next_at"] = None
    still = (table.c.id == subscription_id) & table.c.unsubscribed_at.is_(None)
    if connection.execute(update(table).where(still).values(values)).rowcount:
        log.info("unsubscribed", kind=kind, subscription=subscription_id)


def make_blueprint(database: Database, secret: bytes, now: Callable[[], int]) -> Blueprint:
    """Return the routes ``/unsubscribe/…``. *now* tells the time in ms since 1970 UTC."""
    routes = Blueprint("unsubscribing", __name__)

    @routes.route("/unsubscribe/<text>", methods=["GET", "POST"])
    def answer(text: str) -> Response:
        named = read_token(secret, text)
        with database.reading() as connection:
            known = _find(connection, *named) if named is not None else None
        if named is None or known is None:
            return _page("unknown", _asked_language(), "", 404)
        email, language, is_over = known
        if request.method == "POST":
            with database.writing() as connection:
                unsubscribe(connection, *named, now())
            is_over = True
        return _page("done" if is_over else named[0], language, email, 200)

    return routes


def _find(connection: Connection, kind: MailKind, subscription_id: str) -> tuple[str, Language, bool] | None:
    """Return address and language of a subscription, and whether it is over."""
    table = _TABLES[kind]
    columns = (table.c.email, table.c.language, table.c.unsubscribed_at)
    row = connection.execute(select(*columns).where(table.c.id == subscription_id)).first()
    return (row.email, "zh" if row.language == "zh" else "en", row.unsubscribed_at is not None) if row else None


def _asked_language() -> Language:
    return "zh" if request.accept_languages.best_match(["en", "zh"], default="en") == "zh" else "en"


def _page(which: str, language: Language, email: str, status: int) -> Response:
    title, text = (pick(label, language) for label in _WORDS[which])
    button = f'<form method="post"><button>{pick(_BUTTON, language)}</button></form>' if which in _TABLES else ""
    page = f"""<!doctype html>
<html lang="{"zh-Hans" if language == "zh" else "en"}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
<main>
<h1>{title}</h1>
<p>{escape(text.format(email=email))}</p>
{button}
</main>
</html>
"""
    return Response(page, status, headers=_HEADERS, content_type="text/html; charset=utf-8")
