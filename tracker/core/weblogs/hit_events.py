"""From a logged request to the event that a browser would have sent, or the reason why it is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec

from tracker.core.events import FILE_DOWNLOADED
from tracker.core.weblogs.records import LogHit

SkipReason = Literal[
    "no_request",  # the line tells of a connection without an HTTP request for a page
    "no_client",  # it doesn't say whose
    "method",  # not GET
    "status",  # not answered with 200, 206 or 304
    "other_host",  # of another site in the same log
    "asset",  # style, script, image, font, sound, film, robots.txt and the like
    "feed",
    "url_too_long",
]


class Skipped(msgspec.Struct, frozen=True):
    """A hit that is not something a visitor did."""

    reason: SkipReason


_SEEN = frozenset((200, 206, 304))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ASSET_EXTENSIONS = _words(
    """
    css js mjs map json xml xsl xslt webmanifest wasm swf htc cur
    ico png jpg jpeg jpe gif svg svgz webp avif bmp tif tiff apng heic jxl
    woff woff2 ttf otf eot
    mp3 mp4 m4a m4v m4s ogg oga ogv opus wav webm mov avi wmv flv ts m3u8 mpd vtt srt
    """
)
"""What pages are made of: styles, scripts, images, fonts, sound and film."""

DOWNLOAD_EXTENSIONS = _words(
    """
    pdf doc docx docm dot dotx xls xlsx xlsm xlsb csv tsv ppt pptx pptm pps ppsx
    odt ods odp odg rtf epub mobi pages key numbers vsd vsdx mpp ps eps ai psd indd ics vcf
    zip 7z rar tar gz tgz bz2 tbz xz txz zst iso img dmg
    pkg exe msi msix apk aab ipa deb rpm appimage snap jar war ear whl gem bin hex
    dwg dxf step stp iges igs stl edz sldprt
    """
)
"""Documents, archives, programs and drawings. Text files are pages: browsers show them."""

_NOT_PAGES = frozenset(("robots.txt", "ads.txt", "app-ads.txt", "humans.txt", "security.txt", "llms.txt"))
_FEED_EXTENSIONS = frozenset(("rss", "atom", "rdf"))
_FEED_NAMES = frozenset(("feed", "rss", "atom", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json"))
_FEED_QUERY = re.compile(r"(?:^|&)(?:feed|flav|format|type)=(?:rss|atom|feed|rdf)", re.IGNORECASE)

_MAX_PATH = 4096
_MAX_REFERRER = 2048
_MAX_AGENT = 1024
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\"<>\\^`{|}\ud800-\udfff]")


def to_event(hit: LogHit, *, origin: str, salt: bytes, occurrence: int) -> dict[str, Any] | Skipped:
    """Return the Segment event of *hit*, or why it is none.

    *origin* is the site's (``https://www.example.com``), without a slash at its end. *salt* (1 to 64 bytes, secret,
    the same at every import of the site) keys both digests: the visitor's, of address and user agent, and the event's,
    of the line. Without it either could be tried for all addresses there are. *occurrence* counts the lines equal to
    this one that came before it in the file, from 0, so that the same file twice gives the same ids.

    Bots are not dropped here: the collector knows them by the user agent, which goes along.
    """
    if not hit.method or not hit.path.startswith("/"):
        return Skipped("no_request")
    if hit.method != "GET":
        return Skipped("method")
    if hit.status not in _SEEN:
        return Skipped("status")
    if not hit.client:
        return Skipped("no_client")
    path, mark, query = hit.path.partition("#")[0].partition("?")
    name = unquote(path.rpartition("/")[2])
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if reason := _no_page(path.lower(), name.lower(), extension, query):
        return Skipped(reason)
    site = _site(hit.host, origin)
    if site is None:
        return Skipped("other_host")
    if len(hit.path) > _MAX_PATH:
        return Skipped("url_too_long")
    path, search = _safe(path), _safe(mark + query) if query else ""
    event: dict[str, Any] = {
        "type": "page",
        "messageId": f"log-{_digest(salt, hit.line)}-{occurrence}",
        "anonymousId": "log-" + _digest(salt, f"{hit.client}\0{hit.user_agent}"),
        "timestamp": datetime.fromtimestamp(hit.at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "context": {"userAgent": _printable(hit.user_agent[:_MAX_AGENT]), "ip": None},
    }
    if extension in DOWNLOAD_EXTENSIONS:
        event["type"] = "track"
        event["event"] = FILE_DOWNLOADED
        event["properties"] = {"url": site + path + search, "file_name": _printable(name[:255]), "extension": extension}
    else:
        event["properties"] = {
            "url": site + path + search,
            "path": path,
            "search": search,
            "referrer": _safe(hit.referrer[:_MAX_REFERRER]),
        }
    return event


def _no_page(path: str, name: str, extension: str, query: str) -> SkipReason | None:
    if extension in _FEED_EXTENSIONS or name in _FEED_NAMES or path.endswith(("/feed/", "/rss/", "/atom/")):
        return "feed"
    if query and _FEED_QUERY.search(query):
        return "feed"
    if extension in ASSET_EXTENSIONS or name in _NOT_PAGES or path.startswith("/.well-known/"):
        return "asset"
    return None


def _site(host: str, origin: str) -> str | None:
    """Scheme and host of the page: the logged host where it belongs to the site, the origin where the log has none
    (or an inner one: an address, a name without a dot), ``None`` for another site's host."""
    if "." not in host or ":" in host or host.rpartition(".")[2].isdigit():
        return origin
    own = urlsplit(origin)
    own_host = (own.hostname or "").lower()
    if host == own_host:
        return origin
    domain = own_host.removeprefix("www.")
    if host == domain or host.endswith(f".{domain}"):
        return f"{own.scheme}://{host}"
    return None


def _digest(salt: bytes, value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).hexdigest()


def _printable(value: str) -> str:
    """*value* without control characters: databases refuse some of them."""
    return value if value.isprintable() else "".join(letter for letter in value if letter.isprintable())


def _safe(value: str) -> str:
    """*value* with what may not stand in an address percent-encoded; letters of any script stay readable."""
    return _UNSAFE.sub(_percent, value) if _UNSAFE.search(value) else value


def _percent(match: re.Match[str]) -> str:
    return quote(match[0], safe="", errors="replace")
