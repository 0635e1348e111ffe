"""The sample story: three months of made-up visitors of "Nordwind Instruments", a company that does not exist.

All of it is invented, for showing what the service does when no real visitors are there yet. People, companies and
addresses are made up, every domain is one that is reserved for examples.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from scorer.demo.cast import Character, cast
from scorer.demo.past import Said, said_of
from scorer.demo.script import LINKEDIN_AD, NEWSLETTER, PAGES, REFERRERS, Visit, visits

ORIGIN = "https://nordwind.example"

_MINUTE = 60_000
_BREAK_MS = 40 * _MINUTE
"""At least so long between two visits of one person, so that they are two."""
_PINGS_S = (15, 60, 180)
"""Engaged seconds after which a page tells of them; once more when it is left."""
_PRESENT = 4
"""So many people are on the site in these minutes: the hot ones for whom it is daytime."""
_HOT = ("hot_buyer", "hot_team")
_PAST = ("deal", "called")
"""Of these only the last word on a page is told: what an import brings of times long gone."""


def story(now_ms: int, seed: int = 7, origin: str = ORIGIN) -> list[dict[str, Any]]:
    """Return the story's Segment events, the oldest first.

    It ends a few minutes before *now_ms* (milliseconds since 1970 UTC) and starts three months earlier. The same arguments
    give the same events. Another *seed* tells another story with other visitors. Told again on the same day (UTC), with
    the same seed, it bears the same ids, so that it changes nothing.
    *origin* is where the sample site is, without a slash at its end.
    """
    characters = cast(seed)
    present = {character.number for character in _daytime_first(characters, now_ms)[:_PRESENT]}
    day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d")
    events: list[tuple[int, str, dict[str, Any]]] = []
    for character in characters:
        teller = _Teller(character, now_ms, f"{seed}-{day}", origin)
        events += teller.tell(is_here_now=character.number in present)
    events.sort(key=lambda each: each[:2])
    return [event for _, _, event in events]


def _daytime_first(characters: list[Character], now_ms: int) -> list[Character]:
    """The hot characters, first those for whom it is nearest to noon."""

    def hours_from_noon(character: Character) -> float:
        local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(character.company.timezone))
        return abs(local.hour + local.minute / 60 - 12.5)

    hot = [each for each in characters if each.persona in _HOT and each.twin_of < 0]
    return sorted(hot, key=lambda each: (hours_from_noon(each), each.number))


class _Teller:
    """Tells the events of one character."""

    def __init__(self, character: Character, now_ms: int, story_id: str, origin: str) -> None:
        self._who = character
        self._now = now_ms
        self._story_id = story_id
        self._origin = origin
        self._rng = random.Random(f"{story_id.partition('-')[0]} {character.number}")  # noqa: S311  # a story, no secret
        self._zone = ZoneInfo(character.company.timezone)
        self._events: list[tuple[int, str, dict[str, Any]]] = []
        self._views = 0
        self._campaign: dict[str, str] | None = None

    def tell(self, *, is_here_now: bool) -> list[tuple[int, str, dict[str, Any]]]:
        """Return the events with their times and ids, leaving out what would lie in the future."""
        planned = visits(self._who, self._rng)
        ends: list[int] = []
        end = 0
        for number, visit in enumerate(planned):
            is_now = is_here_now and number == len(planned) - 1
            start = max(self._start(visit), end + _BREAK_MS + self._rng.randrange(20 * _MINUTE))
            before = len(self._events)
            end = self._visit(visit, start)
            if is_now:
                shift = self._now - self._rng.randrange(2 * _MINUTE, 6 * _MINUTE) - end
                self._shift(before, shift)
                end += shift
            ends.append(end)
        for said in said_of(self._who, self._rng, ends):
            self._say(said)
        return [each for each in self._events if each[0] <= self._now - _MINUTE]

    def _start(self, visit: Visit) -> int:
        """The visit's hour, in the habits of the person: near the usual time of day, on a working day."""
        wanted = datetime.fromtimestamp(self._now / 1000 - visit.days_ago * 86_400, self._zone)
        hour = min(max(self._rng.gauss(self._who.likes_hour, 0.7), 7.0), 22.5)
        start = wanted.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
        works = self._who.persona not in ("bouncer", "student", "job_seeker")
        while (works and start.weekday() >= 5) or start.timestamp() * 1000 > self._now - 30 * _MINUTE:
            start -= timedelta(days=1)
        return round(start.timestamp() * 1000) + self._rng.randrange(1000)

    def _visit(self, visit: Visit, start: int) -> int:
        """Tell one visit, and return when it ended."""
        at = start
        self._campaign = None
        if visit.elsewhere:
            self._elsewhere(visit.elsewhere, at)
        elif visit.source == "newsletter":
            self._campaign = NEWSLETTER
            self._add(at, {"type": "track", "event": "Email Link Clicked", "properties": {"campaign": NEWSLETTER["name"]}})
            at += 1_500
        elif visit.source == "linkedin" and self._rng.random() < 0.5:
            self._campaign = LINKEDIN_AD
        referrer = REFERRERS.get(visit.source, "")
        for step in visit.steps:
            at, referrer = self._page(step.page, step.attention, step.download, step.form, at, referrer)
        if visit.identifies:
            self._identify(at + 500)
        return at + 1_000

    def _page(self, name: str, attention: float, download: str, form: str, at: int, referrer: str) -> tuple[int, str]:
        """Tell one page view; return when it was left, and its address, the referrer of the next."""
        page = PAGES[name]
        search = ""
        if self._campaign and not referrer.startswith(self._origin):
            search = "?" + urlencode(
                {f"utm_{'campaign' if key == 'name' else key}": text for key, text in self._campaign.items()}
            )
        url = self._origin + page.path + search
        self._views += 1
        view = f"story-{self._story_id}-{self._who.number:03}-{self._views}"
        self._add(
            at,
            {
                "type": "page",
                "properties": {
                    "view_id": view,
                    "url": url,
                    "path": page.path,
                    "search": search,
                    "title": page.title,
                    "referrer": referrer,
                },
            },
        )
        engaged = max(1.0, page.reading_s * attention)
        pause = 1 + self._rng.random() * (0.6 if attention > 0.3 else 0.1)
        scroll_in_all = min(100, round(25 + 75 * attention * self._rng.uniform(0.6, 1.1)))
        pings = () if self._who.persona in _PAST else tuple(ping for ping in _PINGS_S if ping < engaged)
        for seconds in (*pings, engaged):
            share = seconds / engaged
            self._track(
                at + round(seconds * pause * 1000),
                "Page Engaged",
                {
                    "view_id": view,
                    "url": url,
                    "engaged_ms": round(seconds * 1000),
                    "scroll_percent": round(scroll_in_all * share),
                },
            )
        if download:
            file_name = download.rpartition("/")[2]
            self._track(
                at + round(engaged * 0.7 * pause * 1000),
                "File Downloaded",
                {"view_id": view, "url": self._origin + download, "file_name": file_name, "extension": "pdf"},
            )
        left = at + round(engaged * pause * 1000) + 200
        if form:
            self._track(
                left, "Form Submitted", {"view_id": view, "url": url, "form_id": form, "form_name": "Request a quote"}
            )
            self._identify(left + 300)
            left += 1_000
        return left + self._rng.randrange(500, 3_000), self._origin + page.path

    def _elsewhere(self, name: str, at: int) -> None:
        properties: dict[str, dict[str, Any]] = {
            "Webinar Attended": {
                "title": "Measuring flow without stopping the plant",
                "minutes": self._rng.randrange(18, 55),
            },
            "Trade Fair Visited": {"fair": "Water & Process Days", "stand": "H4-217", "talked_about": "flow meter"},
        }
        self._track(at, name, properties[name])

    def _identify(self, at: int) -> None:
        who, company = self._who, self._who.company
        traits: dict[str, Any] = {
            "email": who.email,
            "name": who.name,
            "phone": who.phone,
            "title": who.title,
            "company": company.name,
            "industry": company.industry,
            "employees": company.employees,
            "country": company.country,
        }
        if who.persona == "customer":
            traits["is_customer"] = True
        self._add(at, {"type": "identify", "traits": {key: value for key, value in traits.items() if value != ""}})
        self._add(
            at + 50,
            {
                "type": "group",
                "groupId": company.domain,
                "traits": {
                    "name": company.name,
                    "domain": company.domain,
                    "website": f"https://{company.domain}",
                    "industry": company.industry,
                    "employees": company.employees,
                    "country": company.country,
                },
            },
        )

    def _say(self, said: Said) -> None:
        """Add a word of the CRM, which knows the visitor's id from the form."""
        self._campaign = None
        self._add(said.at, {"type": "track", "event": said.event, "properties": said.properties}, of_browser=False)

    def _track(self, at: int, name: str, properties: dict[str, Any]) -> None:
        self._add(at, {"type": "track", "event": name, "properties": properties})

    def _add(self, at: int, event: dict[str, Any], *, of_browser: bool = True) -> None:
        context: dict[str, Any] = {}
        if of_browser:
            company = self._who.company
            context = {"userAgent": self._who.user_agent, "locale": company.locale, "timezone": company.timezone}
        if self._campaign:
            context["campaign"] = self._campaign
        message_id = f"story-{self._story_id}-{self._who.number:03}-{len(self._events):04}"
        whole = {
            **event,
            "messageId": message_id,
            "anonymousId": self._who.anonymous_id,
            "timestamp": _iso(at),
            "context": context,
        }
        self._events.append((at, message_id, whole))

    def _shift(self, start: int, by_ms: int) -> None:
        """Move the events from the *start*-th on in time."""
        self._events[start:] = [
            (at + by_ms, message_id, event | {"timestamp": _iso(at + by_ms)})
            for at, message_id, event in self._events[start:]
        ]


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
