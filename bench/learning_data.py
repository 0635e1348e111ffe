"""The public data that learning is measured on, as the table that a training reads; and made-up tables."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from scorer.core.decay import DAY_MS
from scorer.core.rules import Card
from scorer.core.score import Contribution, fold
from scorer.core.scorecard import parse
from scorer.learning.snapshots import Feature, Floats, Snapshots
from tracker.core.events import Event, Fact

HALF_LIVES: Final = (3.0, 7.0, 14.0, 30.0)
VISIT_GAP_MS: Final = 30 * 60_000
LONGEST_MS: Final = 10 * 60_000
"""What a page is read for at most, where only the time until the next event is known."""
UNTIMED_MS: Final = 15_000
"""What the last page of a visit is read for, of which nothing is known."""
WEEK_MS: Final = 7 * DAY_MS


class Row(NamedTuple):
    """A lead at a past time."""

    lead: int
    at: int
    won: bool
    known_at: int
    last_at: int
    pages: int
    current: float
    counts: dict[tuple[str, int | None], list[float]]
    """Ages in days of each time that a rule, or a bucket, was fulfilled."""


def features_of(body: dict[str, Any]) -> tuple[Feature, ...]:
    """Return a column for each rule, and for each bucket of a dwell rule."""
    found: list[Feature] = []
    for rule in body["rules"]:
        below = 0.0
        for place, (_, points) in enumerate(rule.get("buckets", ())):
            found.append(Feature(rule["id"], place, points - below))
            below = points
        if rule["on"] != "dwell":
            found.append(Feature(rule["id"], None, rule.get("points", 0.0)))
    return tuple(found)


def table_of(body: dict[str, Any], rows: list[Row], horizon_days: int) -> Snapshots:
    """Return *rows* as a table for the card *body*."""
    features = features_of(body)
    places = {(feature.rule, feature.bucket): place for place, feature in enumerate(features)}
    counts = {days: np.zeros((len(rows), len(features)), np.float32) for days in HALF_LIVES}
    for number, row in enumerate(rows):
        for key, ages in row.counts.items():
            age = np.array(ages)
            for days in HALF_LIVES:
                counts[days][number, places[key]] = np.exp2(-age / days).sum()
    return Snapshots(
        leads=np.array([row.lead for row in rows], np.int64),
        accounts=np.full(len(rows), -1, np.int64),
        at=np.array([row.at for row in rows], np.int64),
        known_at=np.array([row.known_at for row in rows], np.int64),
        won=np.array([row.won for row in rows], np.bool_),
        weights=np.ones(len(rows)),
        features=features,
        counts=counts,
        current=np.array([row.current for row in rows], np.float64),
        last_at=np.array([row.last_at for row in rows], np.int64),
        pages=np.array([row.pages for row in rows], np.float64),
        censored=0,
        horizon_days=horizon_days,
    )


# ---------------------------------------------------------------- Deskdrop: events, folded by the real score


DESKDROP_CARD: Final[dict[str, Any]] = {
    "format": 1,
    "name": {"en": "By hand, as the shipped card"},
    "half_life_days": 14,
    "p50": 40,
    "hot": {"enter": 60},
    "warm": 20,
    "rules": [
        {"id": "first_visit", "label": {"en": "First visit"}, "on": "first_visit", "points": 1, "cap_per_day": 1},
        {"id": "new_day", "label": {"en": "Another day"}, "on": "new_day", "points": 3, "cap_per_day": 1},
        {
            "id": "return",
            "label": {"en": "Back after two weeks"},
            "on": "return",
            "match": {"min_silence_days": 14},
            "points": 3,
            "cap_per_day": 1,
        },
        {
            "id": "dwell",
            "label": {"en": "Reading"},
            "on": "dwell",
            "buckets": [[10, 1], [60, 2], [180, 4], [480, 6]],
            "cap_per_day": 3,
        },
        {"id": "page", "label": {"en": "Page"}, "on": "page_view", "points": 2, "cap_per_day": 3},
        {
            "id": "like",
            "label": {"en": "Liked"},
            "on": "event",
            "match": {"event": ["LIKE"]},
            "points": 5,
            "cap_per_day": 3,
        },
        {
            "id": "comment",
            "label": {"en": "Commented"},
            "on": "event",
            "match": {"event": ["COMMENT CREATED"]},
            "points": 8,
            "cap_per_day": 2,
        },
    ],
}
DESKDROP_WINS: Final = ("BOOKMARK", "FOLLOW")


def deskdrop(folder: Path, horizon_days: int = 14) -> Snapshots:
    """Return visitors as they stood each week that they were active, until they first bookmarked or followed something.

    Active is who was seen in the last 28 days. Bookmarks and follows are the wins and nothing else: no rule counts them.
    """
    card = Card(parse(DESKDROP_CARD), landmark_ms=_ms(date(2016, 3, 1)))
    rows: list[Row] = []
    people: dict[str, list[tuple[int, str]]] = defaultdict(list)
    with lzma.open(folder / "deskdrop-events-early" / "users_interactions.csv.xz", "rt", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            people[line["personId"]].append((int(line["timestamp"]) * 1000, line["eventType"]))
    end = max(events[-1][0] for events in people.values())
    start = min(events[0][0] for events in people.values())
    for lead, events in enumerate(people.values()):
        wins = [at for at, kind in events if kind in DESKDROP_WINS]
        done = [(at, kind) for at, kind in events if kind not in DESKDROP_WINS]
        seen = np.array([at for at, _ in events])
        views = np.array([at for at, kind in events if kind == "VIEW"])
        trace: list[Contribution] = []
        fold(card, None, {0: list(_facts(done))}, trace)
        for at in range(start + WEEK_MS, end - horizon_days * DAY_MS, WEEK_MS):
            place = int(np.searchsorted(seen, at))
            if not place or at - seen[place - 1] > 28 * DAY_MS or (wins and wins[0] < at):
                continue
            until = at + horizon_days * DAY_MS
            won = bool(wins) and at <= wins[0] < until
            before = [one for one in trace if one.at < at]
            counts: dict[tuple[str, int | None], list[float]] = defaultdict(list)
            current = 0.0
            for one in before:
                age = (at - one.at) / DAY_MS
                current += one.points * 2 ** (-age / 14)
                for bucket in _buckets(one):
                    counts[one.rule, bucket].append(age)
            pages = int(np.searchsorted(views, at))
            rows.append(Row(lead, at, won, wins[0] if won else until, int(seen[place - 1]), pages, current, counts))
    return table_of(DESKDROP_CARD, rows, horizon_days)


def _buckets(one: Contribution) -> Iterable[int | None]:
    if one.rule != "dwell":
        return (None,)
    return [place for place, (_, points) in enumerate(DESKDROP_CARD["rules"][3]["buckets"]) if points <= one.points]


def _facts(events: list[tuple[int, str]]) -> Iterator[Fact]:
    """The facts that the visit fold would tell; engaged time is the time until the next event of the visit."""
    visit, engaged, last = 0, 0, -1
    for place, (at, kind) in enumerate(events):
        day = datetime.fromtimestamp(at / 1000, UTC).toordinal()
        if last < 0 or at - last > VISIT_GAP_MS:
            visit, engaged = visit + 1, 0
            yield Fact("visit", at, day, visit, silence_ms=at - last if last >= 0 else -1)
        elif at > last:
            engaged += min(at - last, LONGEST_MS)
            yield Fact("engaged", at, day, visit, engaged_ms=engaged)
        name = place.to_bytes(16, "big")
        if kind == "VIEW":
            yield Fact("page", at, day, visit, Event(name, at, "page", url="https://example.com/content"))
        else:
            yield Fact("track", at, day, visit, Event(name, at, "track", name=kind))
        last = at


# ---------------------------------------------------------------- tables with one row a lead: counts in buckets


Bucketed = dict[str, tuple[tuple[float, float], ...]]
"""For each column of a file: ``(at least, points by hand)`` of each bucket, both rising."""


def _flat_card(buckets: Bucketed, truths: dict[str, float]) -> dict[str, Any]:
    """A card on which each bucket, and each truth, is a rule of its own."""
    rules = []
    for name, steps in buckets.items():
        below = 0.0
        for place, (_, points) in enumerate(steps):
            rules.append(_rule(f"{name}_{place}", points - below))
            below = points
    rules += [_rule(name, points) for name, points in truths.items()]
    return {
        "format": 1,
        "name": {"en": "By hand"},
        "p50": 20,
        "hot": {"enter": 30},
        "warm": 10,
        "half_life_days": 14,
        "rules": rules,
    }


def _rule(name: str, points: float) -> dict[str, Any]:
    return {"id": name, "label": {"en": name}, "on": "event", "match": {"event": [name]}, "points": points}


def _flat_row(
    lead: int, at: int, won: bool, lasts: tuple[int, int, int], held: Iterable[str], card: dict[str, float]
) -> Row:
    known_at, last_at, pages = lasts
    counts: dict[tuple[str, int | None], list[float]] = {(name, None): [0.0] for name in held}
    return Row(lead, at, won, known_at, last_at, pages, sum(card[name] for name, _ in counts), counts)


def _reached(buckets: Bucketed, line: dict[str, str]) -> Iterator[str]:
    for name, steps in buckets.items():
        yield from (f"{name}_{place}" for place, (at_least, _) in enumerate(steps) if float(line[name]) >= at_least)


SHOPPER_BUCKETS: Final[Bucketed] = {
    "Administrative": ((1, 1), (3, 2), (6, 3)),
    "Administrative_Duration": ((10, 1), (60, 2), (180, 3)),
    "Informational": ((1, 1), (3, 2)),
    "Informational_Duration": ((10, 1), (60, 2)),
    "ProductRelated": ((5, 1), (10, 2), (20, 4), (40, 6), (80, 8)),
    "ProductRelated_Duration": ((60, 1), (180, 2), (480, 4), (1200, 6), (3000, 8)),
}
SHOPPER_TRUTHS: Final = {
    "stayed_longer": 2.0,
    "stayed_long": 2.0,
    "bounced_seldom": 1.0,
    "new_visitor": 1.0,
    "no_special_day": 0.0,
    "weekend": 0.0,
    **{f"traffic_{kind}": 0.0 for kind in (1, 2, 3, 4, 5, 6, 8, 10, 11, 13, 20)},
}
MONTHS: Final = {"Feb": 2, "Mar": 3, "May": 5, "June": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}


def shoppers(folder: Path) -> tuple[Snapshots, dict[str, Any], int]:
    """Return sessions without ``PageValues``, a card by hand, and the first of November.

    Only the month is told; the sessions of a month are spread over its days in the order of the file.
    """
    with gzip.open(folder / "uci-online-shoppers" / "online_shoppers_intention.csv.gz", "rt", encoding="utf-8") as lines:
        sessions = list(csv.DictReader(lines))
    body = _flat_card(SHOPPER_BUCKETS, SHOPPER_TRUTHS)
    card = {rule["id"]: rule["points"] for rule in body["rules"]}
    of_month: dict[str, int] = defaultdict(int)
    for line in sessions:
        of_month[line["Month"]] += 1
    nth: dict[str, int] = defaultdict(int)
    rows = []
    for lead, line in enumerate(sessions):
        month = line["Month"]
        at = _ms(date(2017, MONTHS[month], 1)) + nth[month] * 27 * DAY_MS // of_month[month]
        nth[month] += 1
        exits = float(line["ExitRates"])
        truths = {
            "stayed_longer": exits < 0.02,
            "stayed_long": exits < 0.04,
            "bounced_seldom": float(line["BounceRates"]) < 0.01,
            "new_visitor": line["VisitorType"] == "New_Visitor",
            "no_special_day": float(line["SpecialDay"]) == 0,
            "weekend": line["Weekend"] == "TRUE",
            f"traffic_{line['TrafficType']}": f"traffic_{line['TrafficType']}" in card,
        }
        held = [*_reached(SHOPPER_BUCKETS, line), *(name for name, true in truths.items() if true)]
        pages = sum(int(line[name]) for name in ("Administrative", "Informational", "ProductRelated"))
        rows.append(_flat_row(lead, at, line["Revenue"] == "TRUE", (at + DAY_MS, at, pages), held, card))
    return table_of(body, rows, 1), body, _ms(date(2017, 11, 1))


EXTRAALEARN_BUCKETS: Final[Bucketed] = {
    "website_visits": ((2, 1), (4, 2), (8, 3)),
    "time_spent_on_website": ((60, 1), (300, 2), (600, 4), (1200, 6), (1800, 8)),
    "page_views_per_visit": ((1, 1), (2, 2), (4, 3)),
    "age": ((30, 0), (45, 0), (57, 0)),
}
EXTRAALEARN_TEXTS: Final = ("current_occupation", "first_interaction", "profile_completed", "last_activity")
EXTRAALEARN_TRUTHS: Final = ("print_media_type1", "print_media_type2", "digital_media", "educational_channels", "referral")


def extraalearn(folder: Path) -> tuple[Snapshots, dict[str, Any]]:
    """Return leads and a card by hand. They have no dates: their order in the file stands in for time, ten a day."""
    with (folder / "extraalearn-leads" / "ExtraaLearn.csv").open(encoding="utf-8") as lines:
        leads = list(csv.DictReader(lines))
    words = sorted({f"{name}:{line[name]}" for line in leads for name in EXTRAALEARN_TEXTS})
    ids = {word: f"word_{place}" for place, word in enumerate(words)}
    by_hand = {"first_interaction:Website": 3.0, "profile_completed:High": 5.0, "profile_completed:Medium": 2.0}
    truths = {ids[word]: by_hand.get(word, 0.0) for word in words} | dict.fromkeys(EXTRAALEARN_TRUTHS, 1.0)
    body = _flat_card(EXTRAALEARN_BUCKETS, truths)
    card = {rule["id"]: rule["points"] for rule in body["rules"]}
    rows = []
    for lead, line in enumerate(leads):
        at = _ms(date(2020, 1, 1)) + lead * DAY_MS // 10
        held = [*_reached(EXTRAALEARN_BUCKETS, line), *(ids[f"{name}:{line[name]}"] for name in EXTRAALEARN_TEXTS)]
        held += [name for name in EXTRAALEARN_TRUTHS if line[name] == "Yes"]
        pages = round(float(line["page_views_per_visit"]) * int(line["website_visits"]))
        # Nothing tells when a lead was last seen; that its last sign was the website is the nearest to recency there is.
        last_at = at - DAY_MS * (line["last_activity"] != "Website Activity")
        rows.append(_flat_row(lead, at, line["status"] == "1", (at + DAY_MS, last_at, pages), held, card))
    return table_of(body, rows, 1), body


def olist(folder: Path, horizon_days: int = 30) -> tuple[Snapshots, dict[str, Any]]:
    """Return leads by channel and landing page, and a card by hand; won within the horizon after the first contact.

    Landing pages that few leads came by are one. There is no behaviour after the first contact: recency is the weekday's
    luck, and pages are always one.
    """
    source = folder / "olist-marketing-funnel"
    with (source / "marketing_qualified_leads.csv").open(encoding="utf-8") as lines:
        leads = list(csv.DictReader(lines))
    with (source / "closed_deals_cleaned.csv").open(encoding="utf-8") as lines:
        deals = {line["mql_id"]: _ms(datetime.fromisoformat(line["won_date"]).date()) for line in csv.DictReader(lines)}
    came: dict[str, int] = defaultdict(int)
    for line in leads:
        came[line["landing_page_id"]] += 1
    # Named by their place in the ranking of the whole file: a name tells nothing of who bought.
    pages = {page: f"page_{place}" for place, page in enumerate(sorted(came, key=lambda page: (-came[page], page))[:25])}
    origins = {origin: f"came_{place}" for place, origin in enumerate(sorted({line["origin"] for line in leads}))}
    by_hand = {"paid_search": 3.0, "organic_search": 3.0, "direct_traffic": 3.0, "referral": 3.0, "email": 1.0}
    truths = {name: by_hand.get(origin, 0.0) for origin, name in origins.items()} | dict.fromkeys(pages.values(), 1.0)
    body = _flat_card({}, truths)
    card = {rule["id"]: rule["points"] for rule in body["rules"]}
    rows = []
    for lead, line in enumerate(leads):
        day, month, year = map(int, line["first_contact_date"].split("-"))
        at = _ms(date(year, month, day))
        won_at = deals.get(line["mql_id"])
        until = at + horizon_days * DAY_MS
        won = won_at is not None and won_at <= until
        held = [origins[line["origin"]], *([pages[line["landing_page_id"]]] if line["landing_page_id"] in pages else [])]
        rows.append(_flat_row(lead, at, won, (won_at if won and won_at is not None else until, at, 1), held, card))
    return table_of(body, rows, horizon_days), body


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


# ---------------------------------------------------------------- made up


def made_up(
    leads: int, rows_each: int, seed: int, *, rules: int = 25, horizon_days: int = 30
) -> tuple[Snapshots, dict[str, Any]]:
    """Return leads whose wins some rules lead to, over a year; and a card with half of its points in the wrong place."""
    random = np.random.default_rng(seed)
    points = np.array([float(2 + place % 7) for place in range(rules)])
    body = _flat_card({}, {f"rule_{place}": float(points[place]) for place in range(rules)})
    truth: Floats = np.where(np.arange(rules) % 2, points / 10, 0.0)
    count = leads * rows_each
    lead = np.repeat(np.arange(leads), rows_each)
    start = random.integers(0, 365 - 7 * rows_each, leads)
    at = (_ms(date(2024, 1, 1)) + (start[:, None] + 7 * np.arange(rows_each)) * DAY_MS).ravel()
    counts = {days: np.zeros((count, rules), np.float32) for days in HALF_LIVES}
    common = random.choice([0.02, 0.1, 0.3], rules)
    odds = np.zeros(count)
    for place in range(rules):
        times = (random.random(count) < common[place]) * random.integers(1, 4, count)
        age = random.random(count) * 28
        for days in HALF_LIVES:
            counts[days][:, place] = times * np.exp2(-age / days)
        odds += truth[place] * counts[14.0][:, place]
    won = random.random(count) < 1 / (1 + np.exp(-(odds - np.quantile(odds, 0.97))))
    until = at + horizon_days * DAY_MS
    table = Snapshots(
        leads=lead,
        accounts=np.where(lead % 3 == 0, lead // 9, -1),
        at=at,
        known_at=np.where(won, at + random.integers(1, horizon_days, count) * DAY_MS, until),
        won=won,
        weights=np.ones(count),
        features=features_of(body),
        counts=counts,
        current=counts[14.0].astype(np.float64) @ points,
        last_at=at - random.integers(0, 28, count) * DAY_MS,
        pages=random.poisson(5, count).astype(np.float64),
        censored=0,
        horizon_days=horizon_days,
    )
    return table, body
