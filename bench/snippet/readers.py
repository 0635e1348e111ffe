"""What each tracker's requests say, in the words of one vocabulary.

Each reader takes a request apart the way the tracker's own server does, engaged time included.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.snippet.site import Received


@dataclass(frozen=True)
class Message:
    """One event: a "view", a "download", a "link" (told as a click only), "engaged" time, or "other".

    *seconds* of engaged time are added up; where *upto* is set, they count from the beginning of the view it names.
    """

    kind: str
    id: str
    path: str  # of the page it is about
    text: str  # all of it
    seconds: float = 0
    upto: str = ""


def read_ours(request: Received) -> Iterator[Message]:
    """Read Warmtrail's batches."""
    kinds = {"page": "view", "File Downloaded": "download", "Link Clicked": "link", "Page Engaged": "engaged"}
    for event in json.loads(request.body)["batch"]:
        properties = event.get("properties", {})
        kind = kinds.get(event.get("event") or event["type"], "other")
        if kind in ("download", "link"):  # the page's address is in context; url is the link's
            yield Message(kind, event["messageId"], "", json.dumps(properties))
        else:
            seconds = properties.get("engaged_ms", 0) / 1000
            path = urlsplit(properties.get("url", "")).path
            yield Message(kind, event["messageId"], path, json.dumps(event), seconds, properties.get("view_id", ""))


def read_plausible(request: Received) -> Iterator[Message]:
    """Read Plausible's events. Every engagement event carries the milliseconds since the one before."""
    kinds = {"pageview": "view", "engagement": "engaged", "File Download": "download", "Outbound Link: Click": "link"}
    event = json.loads(request.body)
    seconds = event.get("e", 0) / 1000
    yield Message(kinds.get(event["n"], "other"), "", urlsplit(event["u"]).path, json.dumps(event), seconds)


def read_snowplow(request: Received) -> Iterator[Message]:
    """Read Snowplow's payloads. A page ping stands for the ten seconds of the heartbeat."""
    for event in json.loads(request.body)["data"]:
        kind = {"pv": "view", "pp": "engaged", "ue": "other"}.get(event["e"], "other")
        if kind == "other" and "link_click" in event.get("ue_pr", ""):
            kind = "link"
        seconds = 10 if kind == "engaged" else 0
        yield Message(kind, event["eid"], urlsplit(event["url"]).path, json.dumps(event), seconds)


def read_posthog(request: Received) -> Iterator[Message]:
    """Read PostHog's events. The time on a page is ``$prev_pageview_duration`` of the event that ends it."""
    body = gzip.decompress(request.body) if request.body[:2] == b"\x1f\x8b" else request.body
    if body.startswith(b"data="):
        body = b64decode(parse_qs(body.decode())["data"][0])
    found: Any = json.loads(body)
    events = found.get("batch", [found]) if isinstance(found, dict) else found
    for event in events:
        name, properties = event["event"], event["properties"]
        seconds = properties.get("$prev_pageview_duration", 0)
        path = urlsplit(properties.get("$current_url", "")).path
        if seconds:
            left = properties.get("$prev_pageview_pathname", path)
            yield Message("engaged", "", left, "", seconds)
        kind = "view" if name == "$pageview" else "other"
        if name == "$autocapture" and "attr__href" in json.dumps(
            [properties.get("$elements"), properties.get("$elements_chain")]
        ):
            kind = "link"
        yield Message(kind, event.get("uuid", ""), path, json.dumps(event))


def read_countly(request: Received) -> Iterator[Message]:
    """Read Countly's requests. A view event without ``visit`` closes the view and says how long it lasted."""
    query = parse_qs(request.body.decode() or urlsplit(request.path).query)
    for event in json.loads(query.get("events", ["[]"])[0]):
        about = event.get("segmentation", {})
        path = about.get("name", "")
        if event["key"] == "[CLY]_view" and about.get("visit"):
            yield Message("view", event.get("id", ""), path, json.dumps(event))
        elif event["key"] == "[CLY]_view":
            yield Message("engaged", event.get("id", ""), path, json.dumps(event), event.get("dur", 0))
        else:
            kind = "link" if event["key"] == "linkClick" else "other"
            yield Message(kind, event.get("id", ""), path, json.dumps(event))


def engaged_seconds(messages: list[Message], path: str) -> float:
    """Return the engaged time that a server makes of these messages for one page."""
    total, views = 0.0, dict[str, float]()
    for message in messages:
        if message.kind != "engaged" or message.path != path:
            continue
        if message.upto:
            views[message.upto] = max(views.get(message.upto, 0), message.seconds)
        else:
            total += message.seconds
    return total + sum(views.values())
