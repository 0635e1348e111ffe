"""Links in mails that know whom they were sent to: signed, so that nobody can make or change one.

Two tokens. The one in the mail holds the target, so that a click can lead nowhere else, and stands for months. The click
puts a second one into the landing page's address: it says whose link was clicked and when, and stands for half an hour, so
that an address copied from the browser a day later says nothing.

A token is URL-safe base64 without padding of: a version byte, the fields as msgpack, and the first 16 bytes of an
HMAC-SHA-256 (RFC 2104; truncated to 128 bits, section 5) of the purpose and all before. A token of one purpose never passes
for one of the other. It is signed, not encrypted: it must hold nothing that its reader may not know.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from tracker.core.labels import LabelledError

LIFETIME_DAYS: Final = 90
"""How long a link stands unless it is said otherwise."""
VISIT_WITHIN_MS: Final = 30 * 60_000
"""How long after its click a landing page still belongs to it. Tabs opened in the background are read later; an address that
was passed on is mostly opened later still."""
EARLIER_MS: Final = 60_000
"""By how much a sender's clock may have a page viewed before its click."""
PARAMETER: Final = "wt_m"
"""The query parameter of the landing page's address that holds the second token."""
MAX_TARGET: Final = 2000
MAX_CAMPAIGN: Final = 100
MAX_TOKEN: Final = 4000

_VERSION: Final = b"\x01"
_TAG_BYTES: Final = 16
_IN_MAIL, _ON_PAGE = b"warmtrail mail link\0", b"warmtrail mail click\0"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


class MailLink(msgspec.Struct, frozen=True, array_like=True):
    """What a link in a mail says."""

    site_id: int
    lead_id: str
    """Whom the mail was sent to."""
    url: str
    """Where it leads."""
    campaign: str
    expires_ms: int
    """Milliseconds since 1970 UTC from which it leads nowhere."""
    link_id: str
    """Tells the links of one lead apart: points are earned once for each."""


class MailClick(msgspec.Struct, frozen=True, array_like=True):
    """A click on a link in a mail, proved; who views the page it led to has made it. An event's property ``mail_link``."""

    lead_id: str
    link_id: str
    campaign: str
    clicked_at: int
    """Milliseconds since 1970 UTC, by our clock."""

    def as_property(self) -> dict[str, Any]:
        """Return what an event keeps of it, under ``mail_link``."""
        return {"lead": self.lead_id, "link": self.link_id, "campaign": self.campaign, "clicked_at": self.clicked_at}


class Refused(msgspec.Struct, frozen=True):
    """A token that is not honoured."""

    reason: Literal["forged", "expired"]
    """``forged``: not signed by us, cut off, changed, or of another purpose. ``expired``: ours, but its time is over."""


class _PageToken(msgspec.Struct, frozen=True, array_like=True):
    site_id: int
    click: MailClick


class LinkError(LabelledError):
    """A link can't be made as asked."""


def sign(secret: bytes, site_id: int, lead_id: str, url: str, campaign: str, expires_ms: int, link_id: str) -> str:
    """Return the token of a link to *url* for the mail to a lead. The same for the same arguments.

    *url* is http or https; what of it is not ASCII is escaped the way browsers do, all else stays as it is. *campaign* has
    up to 100 characters. Raises ``LinkError`` for anything that can't be a link.

    >>> token = sign(b"secret", 1, "ld_a", "https://shop.example/a#b", "spring", 2_000, "k1")
    >>> read(b"secret", token, 1_999).url, read(b"secret", token, 2_000), read(b"another", token, 0)
    ('https://shop.example/a#b', Refused(reason='expired'), Refused(reason='forged'))
    """
    for name, value in (("lead", lead_id), ("link id", link_id)):
        if not _ID.fullmatch(value):
            raise LinkError(
                f"The {name} is 1 to 64 letters, digits, - or _, not {value[:80]!r}.",
                f"{name} 须为 1 到 64 个字母、数字、- 或 _，而不是 {value[:80]!r}。",
            )
    if len(campaign) > MAX_CAMPAIGN or _UNPRINTABLE.search(campaign):
        raise LinkError(
            f"A campaign has up to {MAX_CAMPAIGN} characters and none of control, not {campaign[:120]!r}.",
            f"推广活动名称最多 {MAX_CAMPAIGN} 个字符，且不含控制字符，而不是 {campaign[:120]!r}。",
        )
    return _seal(secret, _IN_MAIL, MailLink(site_id, lead_id, clean_target(url), campaign, expires_ms, link_id))


def read(secret: bytes, token: str, now_ms: int) -> MailLink | Refused:
    """Return what the link in a mail says at *now_ms*, or why it is not honoured."""
    link = _open(secret, _IN_MAIL, token, MailLink)
    if link is None:
        return Refused("forged")
    return link if now_ms < link.expires_ms else Refused("expired")


def sign_click(secret: bytes, link: MailLink, clicked_at: int) -> str:
    """Return the token for the address of the page on which a click on *link* lands."""
    return _seal(
        secret, _ON_PAGE, _PageToken(link.site_id, MailClick(link.lead_id, link.link_id, link.campaign, clicked_at))
    )


def read_click(secret: bytes, token: str, site_id: int, at_ms: int) -> MailClick | Refused:
    """Return whose click a page view of *site_id* at *at_ms* follows, or why that can't be said.

    >>> token = sign_click(b"s", MailLink(1, "ld_a", "https://shop.example/", "", 9, "k1"), 0)
    >>> read_click(b"s", token, 1, 60_000).link_id
    'k1'
    >>> read_click(b"s", token, 2, 60_000), read_click(b"s", token, 1, 86_400_000)
    (Refused(reason='forged'), Refused(reason='expired'))
    """
    opened = _open(secret, _ON_PAGE, token, _PageToken)
    if opened is None or opened.site_id != site_id:
        return Refused("forged")
    click = opened.click
    return click if -EARLIER_MS <= at_ms - click.clicked_at <= VISIT_WITHIN_MS else Refused("expired")


def link_id_of(lead_id: str, url: str, campaign: str) -> str:
    """Return an id for a link: the same for the same link sent to the same lead in the same campaign, however often.

    >>> link_id_of("ld_a", "https://shop.example/", "spring") == link_id_of("ld_a", "https://shop.example/", "spring")
    True
    """
    said = msgspec.json.encode((lead_id, url, campaign))
    return urlsafe_b64encode(blake2b(said, digest_size=6, person=b"mail link").digest()).decode()


def clean_target(url: str) -> str:
    """Return *url* as it goes into a link; raise ``LinkError`` for what no mail should lead to.

    >>> clean_target("https://shop.example/价格?a=1&a=2#top")
    'https://shop.example/%E4%BB%B7%E6%A0%BC?a=1&a=2#top'
    """
    url, _ = take_off_click(url.strip())
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise LinkError(f"There is no address {url[:200]!r}.", f"没有地址 {url[:200]!r}。") from None
    # Browsers read a backslash as a slash, and drop tabs and line ends: what they open would not be what is read here.
    if parts.scheme not in ("http", "https") or not host or _UNSAFE.search(url):
        raise LinkError(
            f"A link leads to an address like https://www.example.com/page, not {url[:200]!r}.",
            f"链接须指向 https://www.example.com/page 形式的地址，而不是 {url[:200]!r}。",
        )
    if "@" in parts.netloc:
        raise LinkError("A link must not hold a user name or password.", "链接中不能含有用户名或密码。")
    if not url.isascii():
        try:
            url = quote(url.replace(parts.netloc, parts.netloc.encode("idna").decode(), 1), safe=_ASCII)
        except UnicodeError:
            raise LinkError(f"There is no address {url[:200]!r}.", f"没有地址 {url[:200]!r}。") from None
    if len(url) > MAX_TARGET:
        raise LinkError(
            f"A link's target has up to {MAX_TARGET} characters, not {len(url)}.",
            f"链接的目标地址最多 {MAX_TARGET} 个字符，而不是 {len(url)} 个。",
        )
    return url


def landing_url(url: str, token: str) -> str:
    """Return *url* with the click's token as a last query parameter, and nothing else changed.

    >>> landing_url("https://shop.example/a?b=1#c", "t")
    'https://shop.example/a?b=1&wt_m=t#c'
    """
    page, mark, fragment = url.partition("#")
    joint = "?" if "?" not in page else ("" if page.endswith(("?", "&")) else "&")
    return f"{page}{joint}{PARAMETER}={token}{mark}{fragment}"


def take_off_click(url: str) -> tuple[str, str]:
    """Return *url* without a click's token, and the token; empty where there is none.

    >>> take_off_click("https://shop.example/a?b=1&wt_m=t&c=2#d"), take_off_click("/a?wt_m=t")
    (('https://shop.example/a?b=1&c=2#d', 't'), ('/a', 't'))
    """
    if "wt_m=" not in url:
        return url, ""
    page, mark, fragment = url.partition("#")
    path, _, query = page.partition("?")
    parts = query.split("&")
    kept = "&".join(part for part in parts if not part.startswith("wt_m="))
    token = next((part[5:] for part in parts if part.startswith("wt_m=")), "")
    return f"{path}{'?' if kept else ''}{kept}{mark}{fragment}", token


def followed_click(properties: Mapping[str, Any] | None) -> MailClick | None:
    """Return whose click an event follows, out of its properties; ``None`` where it follows none.

    The property is written by admission only, and only from a token that was honoured.
    """
    told = properties.get("mail_link") if properties else None
    if not isinstance(told, Mapping):
        return None
    lead, link, campaign, at = (told.get(name) for name in ("lead", "link", "campaign", "clicked_at"))
    if not (isinstance(lead, str) and isinstance(link, str) and isinstance(campaign, str) and isinstance(at, int)):
        return None
    return MailClick(lead, link, campaign, at)


Fields = TypeVar("Fields", MailLink, _PageToken)


def _seal(secret: bytes, purpose: bytes, fields: MailLink | _PageToken) -> str:
    body = _VERSION + msgspec.msgpack.encode(fields)
    return _text(body + _tag(secret, purpose, body))


def _open(secret: bytes, purpose: bytes, token: str, kind: type[Fields]) -> Fields | None:
    """Return the fields of a token that was sealed for *purpose*, ``None`` for any other text."""
    if len(token) > MAX_TOKEN or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    # Several texts decode to the same bytes; only the one that was given out is ours.
    if not hmac.compare_digest(_tag(secret, purpose, body), tag) or _text(raw) != token or body[:1] != _VERSION:
        return None
    try:
        return msgspec.msgpack.decode(body[1:], type=kind)
    except msgspec.DecodeError:
        return None


def _tag(secret: bytes, purpose: bytes, body: bytes) -> bytes:
    return hmac.new(secret, purpose + body, hashlib.sha256).digest()[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
