"""What ``doctor`` finds about how the service is reached: its public address, and the collector behind it."""

from __future__ import annotations

import ipaddress
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.resources import Resources
from tracker.settings import Settings

LEAST_FILES: Final = 4096
"""Open files: a connection each, and those of the queue and the database."""
_SECONDS: Final = 3.0
_MAX_FILES: Final = re.compile(r"^process_max_fds (\S+)$", re.MULTILINE)
_NO_PROXY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def address_signs(settings: Settings) -> Iterator[Sign]:
    """Yield what is wrong with the address that the service has, without asking anybody."""
    if settings.public_url is None:
        if not settings.bind.startswith(("127.", "localhost", "[::1]")):
            yield sign(_TEXTS, "note", "no address")
        return
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        yield sign(_TEXTS, "wrong", "plain http", url=settings.url)


def front_signs(resources: Resources) -> Iterator[Sign]:
    """Yield whether the collector of this machine answers, as does the public address, and what the collector lacks."""
    bind, public = resources.settings.bind, resources.settings.public_url
    try:
        told = _get(f"http://{bind}/readyz").strip()
        yield sign(_TEXTS, "good", "ready", told=told, bind=bind)
        files = _MAX_FILES.search(_get(f"http://{bind}/metrics"))
        if files and float(files[1]) < LEAST_FILES:
            yield sign(_TEXTS, "note", "few files", count=round(float(files[1])), least=LEAST_FILES)
    except urllib.error.HTTPError as error:
        yield sign(_TEXTS, "wrong", "refuses", trouble=error.read().decode(errors="replace").strip()[:200])
    except OSError:
        yield sign(_TEXTS, "note", "no answer", bind=bind)
        return  # What the public address says then is no news.
    if public is not None and urlsplit(public).netloc != bind:
        yield from _public_signs(resources.settings.url)


def _public_signs(url: str) -> Iterator[Sign]:
    try:
        is_ours = "Warmtrail" in _get(f"{url}/sign-in")
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        yield sign(_TEXTS, "note", "address leads elsewhere", url=url)
        return
    try:
        is_open = "warmtrail_" in _get(f"{url}/metrics")
    except (OSError, ValueError):
        is_open = False
    if is_open:
        yield sign(_TEXTS, "note", "open metrics", url=url)


def _get(url: str) -> str:
    with _NO_PROXY.open(url, timeout=_SECONDS) as answer:  # our own addresses
        return str(answer.read(1_000_000).decode(errors="replace"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


_TEXTS: Final[Texts] = {
    "no address": (
        Label("The service is reachable from outside but knows no public address.", "服务可从外部访问，但未设置公开地址。"),
        Label(
            "Set WARMTRAIL_PUBLIC_URL to the address that browsers use; links in messages are made from it.",
            "请将 WARMTRAIL_PUBLIC_URL 设为浏览器访问的地址；消息中的链接由它生成。",
        ),
    ),
    "plain http": (
        Label("{url} goes without TLS: passwords can be read on the way.", "{url} 未使用 TLS：密码在传输途中可被读取。"),
        Label(
            "Put a proxy with TLS in front, and set WARMTRAIL_PUBLIC_URL to the https:// address.",
            "请在前面设置带 TLS 的代理，并将 WARMTRAIL_PUBLIC_URL 设为 https:// 地址。",
        ),
    ),
    "address leads elsewhere": (
        Label("From here, {url} doesn't lead to this service.", "从本机访问 {url} 不能到达本服务。"),
        Label(
            "Look at DNS, the certificate and the proxy, or correct WARMTRAIL_PUBLIC_URL. Fine if only this machine can't "
            "reach it.",
            "请检查 DNS、证书和代理，或更正 WARMTRAIL_PUBLIC_URL。若只是本机无法访问它，则无妨。",
        ),
    ),
    "open metrics": (
        Label("{url}/metrics can be read.", "{url}/metrics 可被读取。"),
        Label(
            "Let the proxy answer it with 404 to all outside; docker/Caddyfile shows how.",
            "请让代理对外返回 404，参见 docker/Caddyfile。",
        ),
    ),
    "ready": (Label("Collector: {told} on {bind}.", "采集器：{told}，地址 {bind}。"), Label("")),
    "refuses": (
        Label("The collector refuses events: {trouble}.", "采集器拒绝接收事件：{trouble}。"),
        Label("Its log says more; see docs/operations.md.", "详见其日志和 docs/operations.md。"),
    ),
    "no answer": (
        Label("Nothing answers on {bind}.", "{bind} 没有响应。"),
        Label(
            "warmtrail up (or, if the collector is on another machine, look there)",
            "warmtrail up（若采集器在其他机器上，请到那里查看）",
        ),
    ),
    "few files": (
        Label("The collector may open {count:,} files only.", "采集器最多只能打开 {count:,} 个文件。"),
        Label(
            "Raise the limit to {least:,} or more: ulimit -n, LimitNOFILE= in the unit, nofile in compose. A connection "
            "takes one.",
            "请将上限提高到 {least:,} 以上：ulimit -n、unit 中的 LimitNOFILE=、compose 中的 nofile。每个连接占用一个。",
        ),
    ),
}
