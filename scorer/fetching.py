"""Fetch an address as a browser would, within bounds."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
import zlib
from typing import Any, Final

from scorer.core.labels import Label
from scorer.core.page_check import Fetched

SECONDS: Final = 15.0
MAX_BYTES: Final = 5_000_000
"""What comes after is not read, and not missed: tags stand at the beginning of a page."""

_AGENT: Final = "Mozilla/5.0 (compatible; Warmtrail doctor)"
_CHUNK: Final = 65_536


def fetch(url: str, *, accept: str = "*/*") -> Fetched:
    """Return what comes from *url*, redirects followed; or why nothing came. Only http and https are asked for."""
    if not url.lower().startswith(("http://", "https://")):
        return Fetched(url, error=Label("only http and https addresses can be read", "只能读取 http 和 https 网址"))
    headers = {"User-Agent": _AGENT, "Accept": accept, "Accept-Encoding": "gzip"}
    until = time.monotonic() + SECONDS
    try:
        with _opener().open(urllib.request.Request(url, headers=headers), timeout=SECONDS) as answer:  # noqa: S310
            return _read(answer, until)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error, until)
    except urllib.error.URLError as error:
        return Fetched(url, error=_reason(error.reason))
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Fetched(url, error=_reason(error))


def _opener() -> urllib.request.OpenerDirector:
    # Not the usual one, which a redirect may also lead to a file of this machine or to an FTP server.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _read(answer: Any, until: float) -> Fetched:
    body = b""
    while len(body) <= MAX_BYTES and (chunk := answer.read1(_CHUNK)):
        body += chunk
        if time.monotonic() > until:
            return Fetched(answer.url, error=Label(f"not there after {SECONDS:.0f} s", f"{SECONDS:.0f} 秒后仍未到达"))
    encoding = (answer.headers.get("Content-Encoding") or "").lower()
    try:
        if encoding in ("gzip", "x-gzip"):
            body = zlib.decompressobj(wbits=31).decompress(body, MAX_BYTES)
    except zlib.error:
        return Fetched(answer.url, error=Label("what came is not the gzip that it says it is", "内容并非其声称的 gzip"))
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        told = f"what came is encoded as {encoding}, which wasn't asked for", f"内容以 {encoding} 编码，而我们并未要求"
        return Fetched(answer.url, error=Label(*told))
    return Fetched(answer.url, answer.status, tuple(answer.headers.items()), body[:MAX_BYTES])


def _reason(error: object) -> Label:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Label(f"its certificate is not valid: {error.verify_message}", f"其证书无效：{error.verify_message}")
    if isinstance(error, TimeoutError):
        return Label(f"no answer within {SECONDS:.0f} s", f"{SECONDS:.0f} 秒内没有应答")
    if isinstance(error, OSError) and error.strerror:
        return Label(error.strerror)
    return Label(str(error) or type(error).__name__)
