"""How a visit came: the channel, and the name of the engine, network, assistant, site or campaign behind it.

The rules follow the default channel groups of Google Analytics 4 (Analytics Help, "Default channel group"): the campaign's
medium and source speak first, then a click id, then the referrer. They differ in four points: assistants, mail programs
and events are channels; a medium nobody knows is still a campaign; and money spent elsewhere than on searches, networks and
banners is one too. The lists of hosts are ``tracker/referrers``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from tracker.core.domains import MAX_HOST, registrable_domain
from tracker.core.urls import APP_SCHEME, host_of

Channel = Literal[
    "campaign",
    "mail",
    "search",
    "social",
    "assistant",
    "referral",
    "direct",
    "paid_search",
    "paid_social",
    "display",
    "event",
]
"""``campaign`` is what is tagged and nothing more particular; ``event`` a trade fair, webinar or call."""

MAX_NAME: Final = 100
"""Characters of a name that are kept."""


class Origin(msgspec.Struct, frozen=True):
    """How a visit came. The name is empty where there is none to tell, as for ``direct``."""

    channel: Channel
    name: str = ""


_DIRECT: Final = Origin("direct")

_Kind = Literal[
    "mail", "event", "assistant", "display", "paid", "paid_search", "paid_social", "social", "organic", "referral", "other"
]
_KINDS: Final[dict[_Kind, str]] = {
    "mail": "email mail mailing newsletter newsletters edm 邮件",
    "event": "event events tradeshow tradefair fair exhibition conference webinar seminar meeting call messe"
    " 展会 会议 研讨会 线下活动 电话",
    "assistant": "ai llm chatbot assistant",
    "display": "display banner banners expandable interstitial cpm programmatic",
    "paid": "paid cpc cpa cpv cpl cpe ppc ad ads advertising retargeting remarketing 广告",
    "paid_search": "paidsearch searchads sem sea adwords 竞价",
    "paid_social": "paidsocial socialads socialpaid",
    "social": "social socialnetwork socialmedia sm 社交",
    "organic": "organic seo",
    "referral": "referral link",
    "other": "affiliate affiliates partner sms push qr qrcode print",
}
_KIND_OF: Final = {word: kind for kind, words in _KINDS.items() for word in words.split()}
_CHINESE: Final = tuple(word for word in _KIND_OF if not word.isascii())
_WORDS: Final = re.compile(r"[^\W_]+")

_CLICKS: Final = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid"), Origin("paid_search", "Google")),
    "msclkid": Origin("paid_search", "Bing"),
    "yclid": Origin("paid_search", "Yandex"),
    "bd_vid": Origin("paid_search", "Baidu"),
    "qhclickid": Origin("paid_search", "360 Search"),
    **dict.fromkeys(("sogou", "sg_vid"), Origin("paid_search", "Sogou")),
    "uctrackid": Origin("paid_search", "Shenma"),
    "dclid": Origin("display", "Google"),
    "li_fat_id": Origin("paid_social", "LinkedIn"),
    "ttclid": Origin("paid_social", "TikTok"),
    "twclid": Origin("paid_social", "X"),
    "rdt_cid": Origin("paid_social", "Reddit"),
    **dict.fromkeys(("gdt_vid", "qz_gdt"), Origin("paid_social", "Tencent")),
    "fbclid": Origin("social", "Facebook"),
    "igshid": Origin("social", "Instagram"),
    "_hsmi": Origin("mail", "HubSpot"),
    **dict.fromkeys(("mc_cid", "mc_eid"), Origin("mail", "Mailchimp")),
    "mkt_tok": Origin("mail", "Marketo"),
}
"""What the parameters say that services add to the links of their advertisements, posts and mails. Facebook adds ``fbclid``
to every link, paid or not."""
CLICK_PARAMETERS: Final = frozenset(_CLICKS)
_MAX_PARAMETERS: Final = 100
_BLANK: Final = frozenset(("", "(direct)", "(none)", "(not set)", "(not provided)", "null", "undefined", "none"))

_HOST: Final = re.compile(r"[\w.:-]+")
_MAX_LABELS: Final = 8
_SECOND_LEVEL: Final = frozenset(("com", "co", "org", "net", "edu", "gov", "or", "ne", "ac"))
_GENERAL: Final = frozenset(("com", "org", "net", "info"))
_MAIL_LABELS: Final = frozenset(("mail", "webmail", "email", "owa"))


_NOT_TOLD: Final = frozenset(("", "unknown", "other", "others", "n a", "na", "none", "未知", "其他", "其它"))
_ON_SITE: Final = frozenset(
    ("direct", "direct traffic", "website", "web", "homepage", "web site", "官网", "网站", "自然流量")
)


def told_origin(source: str) -> Origin | None:
    """Return the origin that a CRM calls *source*; ``None`` where that says nothing.

    >>> told_origin("paid_search"), told_origin("展会"), told_origin("unknown")
    (Origin(channel='paid_search', name='paid_search'), Origin(channel='event', name='展会'), None)
    """
    words = " ".join(source.lower().replace("_", " ").replace("/", " ").replace("-", " ").split())
    if words in _NOT_TOLD:
        return None
    if words in _ON_SITE:
        return Origin("direct")
    return channel_of("", {"source": source, "medium": source}, "")


def channel_of(referrer: str, campaign: Mapping[str, str] | None, entry_url: str, own_hosts: Iterable[str] = ()) -> Origin:
    """Return how a visit came that began at *entry_url*. Never raises, whatever the texts are.

    *campaign* has the values of the ``utm_`` parameters by ``name``, ``source``, ``medium``, … A referrer on the host of
    *entry_url*, on one of *own_hosts* or elsewhere on the same registrable domain counts as none.

    >>> channel_of("https://www.google.de/", None, "https://shop.example/")
    Origin(channel='search', name='Google')
    >>> channel_of("https://www.google.de/", None, "https://shop.example/?gclid=x")
    Origin(channel='paid_search', name='Google')
    >>> channel_of("", {"medium": "cpc", "source": "linkedin"}, "https://shop.example/")
    Origin(channel='paid_social', name='LinkedIn')
    """
    click = _click_of(entry_url)
    if campaign:
        tags = {field: text for field in campaign if (text := _plain(campaign[field])).lower() not in _BLANK}
        if tags:
            return _tagged(tags.get("medium", ""), tags.get("source", ""), tags.get("name", ""), click)
    found = _referred(referrer, entry_url, own_hosts)
    if click is None or (click.channel == "social" and found.channel in ("social", "assistant")):
        return found  # Instagram's links carry fbclid too.
    return click


def origin_of_event(name: str) -> Origin | None:
    """Return the origin that a ``track`` event stands for by its name; ``None`` if it names no fair, webinar or call.

    >>> origin_of_event("Trade Fair Visited"), origin_of_event("Trial Started")
    (Origin(channel='event', name='Trade Fair Visited'), None)
    """
    return Origin("event", _plain(name)) if "event" in _kinds(name) else None


def _tagged(medium: str, source: str, name: str, click: Origin | None) -> Origin:
    kinds = _kinds(medium)
    known = _source(source)
    label = known.name if known else source or name
    group = known.channel if known else "campaign"
    clicked = click.channel if click else "direct"
    channel: Channel
    if "mail" in kinds or (known is None and "mail" in _kinds(source)):
        channel = "mail"
    elif "event" in kinds:
        channel = "event"
    elif "display" in kinds:
        channel = "display"
    elif "paid_social" in kinds or ("paid" in kinds and ("social" in kinds or group == "social")):
        channel = "paid_social"
    elif "paid_search" in kinds or ("paid" in kinds and group == "search"):
        channel = "paid_search"
    elif "paid" in kinds:
        channel = clicked if clicked in ("paid_search", "paid_social", "display") else "campaign"
    elif group == "assistant" or "assistant" in kinds:
        channel = "assistant"
    elif "social" in kinds:
        channel = "social"
    elif "organic" in kinds:
        channel = "social" if group == "social" else "search"
    elif "other" in kinds:
        channel = "campaign"
    elif click and clicked != "social":
        # A medium nobody knows, beside the id of an advertisement or a mail: the id knows better.
        return Origin(clicked, label or click.name)
    elif known:
        channel = group
    else:
        channel = "referral" if "referral" in kinds else "campaign"
    return Origin(channel, label)


@lru_cache(maxsize=4096)
def _kinds(text: str) -> frozenset[_Kind]:
    # "Paid Social", "paid-social" and "paid_social" are one; so are "e-mail" and "email".
    words = _WORDS.findall(text[:MAX_NAME].lower())
    pairs = (first + second for first, second in pairwise(words))
    kinds = frozenset(_KIND_OF[word] for word in (*words, *pairs) if word in _KIND_OF)
    # Chinese has no blanks between words.
    return kinds if text.isascii() else kinds | {_KIND_OF[word] for word in _CHINESE if word in text}


def _plain(text: object) -> str:
    # Visitors write it: a name is one line of visible characters.
    if not isinstance(text, str):
        return ""
    line = " ".join(text[: 4 * MAX_NAME].split())
    if not line.isprintable():
        line = "".join(sign for sign in line if sign.isprintable())
    return line[:MAX_NAME].strip()


def _click_of(url: str) -> Origin | None:
    _, mark, query = url.partition("?")
    if not mark:
        return None
    for parameter in query.partition("#")[0].split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
        name, _, value = parameter.partition("=")
        if value and (found := _CLICKS.get(name.lower())):
            return found
    return None


def _referred(referrer: str, entry_url: str, own_hosts: Iterable[str]) -> Origin:
    host, path = _place(referrer)
    if not host:
        return _DIRECT
    if referrer.startswith(APP_SCHEME):
        # An id is a whole. Read as a host, that of somebody's app (com.shop.de) would end like the site's own domain.
        return _lists()[0].get(host) or Origin("referral", host[:MAX_NAME])
    domain = registrable_domain(host)
    for own in (host_of(entry_url), *own_hosts):
        own = own.lower().rstrip(".").removeprefix("www.")
        if own == host or (domain and domain == registrable_domain(own)):
            return _DIRECT
    if found := _known(host, path):
        return found
    # A company's own web mail is mostly called so. At mail.ru it is the name itself, a portal's.
    is_mail = host.partition(".")[0].rstrip("0123456789") in _MAIL_LABELS and host != domain
    return Origin("mail" if is_mail else "referral", host[:MAX_NAME])


@lru_cache(maxsize=4096)
def _place(referrer: str) -> tuple[str, str]:
    """Host without ``www.`` (or an app's package), and the first two segments of the path; empty for what has none."""
    try:
        parts = urlsplit(referrer)
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    host = host.rstrip(".").removeprefix("www.")
    if parts.scheme not in ("http", "https", "android-app") or len(host) > MAX_HOST or not _HOST.fullmatch(host):
        return "", ""
    return host, "/".join(parts.path.split("/", 3)[1:3])[:MAX_NAME].lower()


@lru_cache(maxsize=8192)
def _known(host: str, path: str = "") -> Origin | None:
    """What the lists say of a host: the longest suffix wins, and of one suffix the longest path."""
    known, _ = _lists()
    labels = host.split(".")[-_MAX_LABELS:]
    first, _, second = path.partition("/")
    tails = [f"/{first}/{second}"] if second else []
    tails += [f"/{first}"] if first else []
    for start in range(len(labels) - 1):
        for key in _keys(labels[start:]):
            for tail in (*tails, ""):
                if found := known.get(key + tail):
                    return found
    return None


def _keys(labels: list[str]) -> list[str]:
    """The entries that would stand for this name: itself, with any country's ending, with any country in front."""
    keys = [".".join(labels)]
    country = len(labels[-1]) == 2
    if country and len(labels) > 2 and labels[-2] in _SECOND_LEVEL:
        keys.append(".".join((*labels[:-2], "{}")))
    elif country or labels[-1] in _GENERAL:
        keys.append(".".join((*labels[:-1], "{}")))
    if len(labels) > 2 and len(labels[0]) == 2:
        keys.append(".".join(("{}", *labels[1:])))
    return keys


@lru_cache(maxsize=4096)
def _source(source: str) -> Origin | None:
    """The engine, network, assistant or mail service that a ``utm_source`` names, by its name or host."""
    text = source.lower()
    _, names = _lists()
    if found := names.get(text):
        return found
    found = _known(text.removeprefix("www.")) if "." in text else None
    return None if found is _DIRECT else found


@cache
def _lists() -> tuple[dict[str, Origin], dict[str, Origin]]:
    """What is known, by host (or host and path), and by source. Part of the program: read once, never changed."""
    hosts: dict[str, Origin] = {}
    for file in ("matomo.json", "more.json"):
        groups = json.loads(files("tracker.referrers").joinpath(file).read_text("utf-8"))
        sources = groups.pop("sources", {})
        for channel, known in groups.items():
            for name, addresses in known.items():
                origin = _DIRECT if channel == "direct" else Origin(channel, name)
                hosts.update(dict.fromkeys(addresses, origin))
    # Of the search engine and the banners that share a name, a source means the engine.
    by_name = {origin.name: origin for origin in hosts.values() if origin.channel != "display"}
    return hosts, {source: by_name[name] for name, some in sources.items() for source in some}
