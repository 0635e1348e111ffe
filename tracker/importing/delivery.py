"""Handing events on in batches: through the collector's HTTP door, or through any callable of the same shape."""

from __future__ import annotations

import gzip
import http.client
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tracker.core.labels import LabelledError
from tracker.core.shape_words import shape_in_chinese
from tracker.importing.report import ImportReport

MAX_EVENT_BYTES = 32_000
MAX_BATCH_BYTES = 450_000
"""Under the 500 kB that the collector and Segment take, envelope included."""
MAX_BATCH_EVENTS = 100

_TRY_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
_LONGEST_WAIT_S = 60.0


class DeliveryResult(msgspec.Struct, frozen=True):
    """What became of a batch: every event of it was either accepted or rejected."""

    accepted: int
    rejected: list[tuple[int, str]] = []
    """Place in the batch, and the reason."""


Deliver = Callable[[list[dict[str, Any]]], DeliveryResult]
"""Takes a batch of Segment events; raises ``DeliveryFailed`` when the batch could not be handed on."""


class DeliveryFailed(LabelledError):
    """A batch could not be delivered, and trying on makes no sense; the message says why and what to do."""


class Batches:
    """Gathers events and delivers them whenever a batch is full, counting into *report*."""

    def __init__(self, deliver: Deliver, report: ImportReport) -> None:
        self._deliver = deliver
        self._report = report
        self._events: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, event: dict[str, Any]) -> bool:
        """Take *event*; ``False`` for one that is too large to be sent."""
        size = len(msgspec.json.encode(event)) + 1
        if size > MAX_EVENT_BYTES:
            return False
        if len(self._events) == MAX_BATCH_EVENTS or self._bytes + size > MAX_BATCH_BYTES:
            self.flush()
        self._events.append(event)
        self._bytes += size
        return True

    def flush(self) -> None:
        """Deliver what has been gathered."""
        if not self._events:
            return
        result = self._deliver(self._events)
        self._report.delivered += result.accepted
        self._report.rejected.update(reason for _, reason in result.rejected)
        self._events, self._bytes = [], 0


class HttpDelivery:
    """Delivers through a collector, over one connection that is kept open. Close it, or use it in a ``with``."""

    def __init__(
        self,
        base_url: str,
        server_key: str,
        collect_prefix: str = "/v1",
        *,
        tries: int = 8,
        timeout_s: float = 30.0,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """*base_url* is the service's; *server_key* the site's secret key, which alone may carry history.

        Each batch is tried up to *tries* times, waiting in between as the service asks or twice as long each time
        (all in all about a minute). Raises ``LabelledError`` for a *base_url* that isn't ``http(s)://host…``.
        """
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise LabelledError(
                f"{base_url!r} is not an http:// or https:// address", f"{base_url!r} 不是 http:// 或 https:// 地址"
            )
        connection = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = connection(address.hostname, address.port, timeout=timeout_s)
        self._url = f"{address.scheme}://{address.netloc}"
        self._path = address.path.rstrip("/") + collect_prefix + "/batch"
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{server_key}:".encode()).decode(),
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            "User-Agent": "warmtrail-import",
        }
        self._tries = tries
        self._sleep = sleep
        self._now = now

    def __call__(self, batch: list[dict[str, Any]]) -> DeliveryResult:
        """Deliver *batch*. Raises ``DeliveryFailed``; then they may have arrived or not, and can be sent again."""
        problem = ""
        for attempt in range(self._tries):
            try:
                status, headers, body = self._post(batch)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                problem, wait = str(error) or type(error).__name__, None
            else:
                if status == 200:
                    return _result(batch, body)
                if status == 413:
                    return self._halves(batch)
                if status not in _TRY_AGAIN:
                    raise self._refusal(status, headers, body)
                problem, wait = f"status {status}", _retry_after(headers.get("Retry-After"), self._now())
            if attempt + 1 < self._tries:
                self._sleep(min(0.5 * 2**attempt if wait is None else wait, _LONGEST_WAIT_S))
        raise DeliveryFailed(
            f"{self._url}{self._path} did not take the events, tried {self._tries} times: {problem}. "
            "Once it runs again, repeat the import: nothing is counted twice.",
            f"{self._url}{self._path} 未接收事件，已尝试 {self._tries} 次：{problem}。"
            "待其恢复运行后，请重新导入：不会重复计数。",
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> HttpDelivery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, batch: list[dict[str, Any]]) -> tuple[int, http.client.HTTPMessage, bytes]:
        sent_at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = gzip.compress(msgspec.json.encode({"batch": batch, "sentAt": sent_at}), compresslevel=3)
        self._connection.request("POST", self._path, body, self._headers)
        with self._connection.getresponse() as response:
            return response.status, response.headers, response.read(1_000_000)

    def _halves(self, batch: list[dict[str, Any]]) -> DeliveryResult:
        """Something on the way takes less than we send: find out which event it is, and get the others through."""
        if len(batch) == 1:
            return DeliveryResult(0, [(0, "too_large")])
        middle = len(batch) // 2
        first, second = self(batch[:middle]), self(batch[middle:])
        return DeliveryResult(
            first.accepted + second.accepted,
            first.rejected + [(middle + index, reason) for index, reason in second.rejected],
        )

    def _refusal(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DeliveryFailed:
        address = f"{self._url}{self._path}"
        if status in (401, 403):
            return DeliveryFailed(
                f"{address} refused the key (status {status}): give the server key of the site",
                f"{address} 拒绝了密钥（状态 {status}）：请给出该站点的服务器密钥",
            )
        if 300 <= status < 400:
            moved = headers.get("Location")
            return DeliveryFailed(
                f"{address} has moved to {moved or 'an unnamed address'}: give that address instead",
                f"{address} 已迁至{f' {moved}' if moved else '未说明的地址'}：请改用该地址",
            )
        if status == 404:
            return DeliveryFailed(
                f"there is no collector at {address} (status 404): check the address and the collect prefix",
                f"{address} 处没有采集器（状态 404）：请检查地址和采集前缀",
            )
        said = body[:300].decode(errors="replace")
        return DeliveryFailed(f"{address} answered {status}: {said}", f"{address} 应答 {status}：{said}")


def _result(batch: list[dict[str, Any]], body: bytes) -> DeliveryResult:
    """The collector's answer; one that names no rejected events accepted all."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise DeliveryFailed(
            f"the answer is not a collector's: {error}", f"应答不是采集器的：{shape_in_chinese(str(error))}"
        ) from None
    rejected = [(one.index, one.reason) for one in answer.rejected]
    return DeliveryResult(len(batch) - len(rejected), rejected)


class _Rejected(msgspec.Struct):
    index: int
    reason: str


class _Answer(msgspec.Struct):
    success: bool
    rejected: list[_Rejected] = []


def _retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait: given as such or as a date. ``None`` where neither can be read."""
    if not value:
        return None
    if value.strip().isdecimal() and len(value) < 9:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
