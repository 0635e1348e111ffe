"""What the characters of the sample story do: which visits a persona pays, and what happens in each."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import msgspec

from scorer.demo.cast import Character, Persona

STORY_DAYS = 42
"""So long ago whoever is still undecided came first."""
PAST_DAYS = 90
"""So long ago the first of those came of whom the outcome is known."""

Kind = Literal["glance", "browse", "read_docs", "careers", "scan", "compare", "evaluate", "decide"]
Source = Literal["direct", "google", "bing", "baidu", "linkedin", "newsletter", "chatgpt", "partner"]


_TELEPHONE_SOURCES: tuple[Source, ...] = ("direct", "direct", "newsletter")


class Page(msgspec.Struct, frozen=True):
    """A page of the sample site."""

    path: str
    title: str
    reading_s: float
    """Engaged time of a reader who is interested."""


PAGES = {
    "home": Page("/nordwind/index.html", "Nordwind Instruments", 25),
    "flow": Page("/nordwind/products/flow-meter.html", "Flow meter NW-200 | Nordwind Instruments", 80),
    "level": Page("/nordwind/products/level-sensor.html", "Level sensor NW-50 | Nordwind Instruments", 65),
    "gateway": Page("/nordwind/products/gateway.html", "Gateway NW-G1 | Nordwind Instruments", 60),
    "pricing": Page("/nordwind/pricing.html", "Pricing | Nordwind Instruments", 95),
    "cases": Page("/nordwind/cases.html", "Customers and cases | Nordwind Instruments", 70),
    "docs": Page("/nordwind/docs.html", "Documentation | Nordwind Instruments", 170),
    "careers": Page("/nordwind/careers.html", "Careers | Nordwind Instruments", 75),
    "contact": Page("/nordwind/contact.html", "Contact | Nordwind Instruments", 55),
}

DATASHEET = "/nordwind/downloads/flow-meter-datasheet.pdf"
PRICE_LIST = "/nordwind/downloads/price-list.pdf"

REFERRERS: dict[Source, str] = {
    "google": "https://www.google.com/",
    "bing": "https://www.bing.com/",
    "baidu": "https://www.baidu.com/",
    "linkedin": "https://www.linkedin.com/",
    "chatgpt": "https://chatgpt.com/",
    "partner": "https://process-weekly.example/instruments/",
}

NEWSLETTER = {"name": "gateway-launch", "source": "newsletter", "medium": "email"}
LINKEDIN_AD = {"name": "water-2-0", "source": "linkedin", "medium": "paid-social"}


class Step(msgspec.Struct, frozen=True):
    """One page view of a visit, and what is done on it."""

    page: str
    attention: float
    """Share of ``Page.reading_s`` that the reader gives it."""
    download: str = ""
    form: str = ""


class Visit(msgspec.Struct, frozen=True):
    """A visit that somebody pays: how many days ago, from where, with which steps; or something that happens elsewhere."""

    days_ago: float
    source: Source = "direct"
    steps: tuple[Step, ...] = ()
    identifies: bool = False
    """Whether the visitor says who they are, on the last page."""
    elsewhere: str = ""
    """Name of an event away from the site (a webinar, a fair), in place of the steps."""


def visits(character: Character, rng: random.Random) -> list[Visit]:
    """Return the visits of *character*, the oldest first."""
    planned = _PLANS[character.persona](character, rng)
    if character.twin_of >= 0:
        planned = _on_the_telephone(planned)
    return sorted(planned, key=lambda visit: -visit.days_ago)


def _on_the_telephone(planned: list[Visit]) -> list[Visit]:
    """A second device takes part now and then; who is known on the first is known there in the end."""
    is_known = any(visit.identifies for visit in planned)
    seen = [visit for visit in planned if visit.steps][-3:]
    return [
        Visit(max(0.4, visit.days_ago - 0.3), source, visit.steps[:2], identifies=is_known and visit is seen[-1])
        for visit, source in zip(seen, _TELEPHONE_SOURCES, strict=False)
    ]


def _steps(kind: Kind, rng: random.Random, product: str = "flow") -> tuple[Step, ...]:
    def read(page: str, low: float = 0.5, high: float = 1.4, download: str = "", form: str = "") -> Step:
        return Step(page, rng.uniform(low, high), download, form)

    others = [page for page in ("flow", "level", "gateway") if page != product]
    match kind:
        case "glance":
            return (read(rng.choice(("home", "home", product, "cases", "careers")), 0.05, 0.25),)
        case "browse":
            return (read("home"), read(product), *([read(rng.choice(others), 0.2, 0.8)] if rng.random() < 0.6 else []))
        case "read_docs":
            return (read("docs"), *([read(product, 0.2, 0.6)] if rng.random() < 0.4 else []))
        case "careers":
            return (read("careers"), *([read("home", 0.1, 0.4)] if rng.random() < 0.4 else []))
        case "scan":
            pages = ["home", "flow", "level", "gateway", "pricing", "cases", "docs"]
            return tuple(read(page, 0.15, 0.4) for page in rng.sample(pages, 5))
        case "compare":
            return (read(product), read(rng.choice(others)), read("cases"), read("docs", 0.3, 0.8))
        case "evaluate":
            sheet = DATASHEET if product == "flow" else ""
            return (read(product, download=sheet), read("docs"), read("pricing", 0.6))
        case "decide":
            return (read("pricing", 0.8, download=PRICE_LIST), read("cases"), read("contact", 0.8))


def _source(character: Character, rng: random.Random) -> Source:
    """Where a first visit comes from."""
    if character.company.country == "CN":
        return rng.choice(("baidu", "baidu", "baidu", "bing", "direct"))
    return rng.choice(("google", "google", "google", "bing", "linkedin", "chatgpt", "partner", "direct"))


def _later(rng: random.Random) -> Source:
    """Where a further visit comes from."""
    return rng.choice(("direct", "direct", "direct", "google", "newsletter"))


def _product(character: Character) -> str:
    """Colleagues look at the same product: it goes by company."""
    return ("flow", "flow", "level", "gateway")[len(character.company.domain) % 4]


def _bouncer(character: Character, rng: random.Random) -> list[Visit]:
    return [Visit(rng.uniform(0.5, STORY_DAYS), _source(character, rng), _steps("glance", rng))]


def _student(character: Character, rng: random.Random) -> list[Visit]:
    count = rng.choice((1, 1, 2, 3))
    return [Visit(rng.uniform(1, STORY_DAYS), _source(character, rng), _steps("read_docs", rng)) for _ in range(count)]


def _job_seeker(character: Character, rng: random.Random) -> list[Visit]:
    first = rng.uniform(3, STORY_DAYS)
    days = [first, first - 1.5, first - 2.5][: rng.choice((1, 2, 2, 3))]
    return [Visit(day, _source(character, rng) if day == first else "direct", _steps("careers", rng)) for day in days]


def _competitor(character: Character, rng: random.Random) -> list[Visit]:
    days = [rng.uniform(2, STORY_DAYS) for _ in range(rng.randrange(4, 7))]
    found = [Visit(day, _later(rng), _steps("scan", rng)) for day in days]
    if character.number % 2:
        found.append(Visit(rng.uniform(10, 25), elsewhere="Webinar Attended", identifies=True))
    return found


def _engineer(character: Character, rng: random.Random) -> list[Visit]:
    product, day = _product(character), rng.uniform(34, 41)
    found = [Visit(day, _source(character, rng), _steps("glance", rng, product))]
    gap = rng.uniform(8, 10)
    kinds: tuple[Kind, ...] = ("browse", "read_docs", "compare", "browse", "evaluate")
    for kind in kinds:
        day -= gap
        if day < 1.5:
            break
        found.append(Visit(day, _later(rng), _steps(kind, rng, product)))
        gap *= 0.82
    if character.number % 2:
        found.append(Visit(rng.uniform(8, 20), elsewhere="Webinar Attended", identifies=True))
    return found


def _hot_team(character: Character, rng: random.Random) -> list[Visit]:
    product, leads = _product(character), character.title == "Head of Procurement"
    found = [
        Visit(rng.uniform(9, 13), _source(character, rng) if leads else "direct", _steps("browse", rng, product)),
        Visit(rng.uniform(5, 8), "direct", _steps("compare", rng, product)),
        Visit(rng.uniform(3.1, 4.5), _later(rng), _steps("evaluate", rng, product), identifies=True),
        Visit(rng.uniform(1.2, 2.8), "direct", _steps("evaluate", rng, product)),
        Visit(rng.uniform(0.3, 1), "direct", _steps("decide", rng, product)),
    ]
    if leads:
        found.append(Visit(rng.uniform(1.1, 2), "direct", _with_form(_steps("decide", rng, product))))
        found.append(Visit(14, elsewhere="Trade Fair Visited"))
    return found


def _warm_team(character: Character, rng: random.Random) -> list[Visit]:
    product = _product(character)
    return [
        Visit(rng.uniform(14, 20), _source(character, rng), _steps("browse", rng, product)),
        Visit(rng.uniform(8, 12), "direct", _steps("read_docs", rng, product), identifies=character.number % 2 == 0),
        Visit(rng.uniform(3, 6), _later(rng), _steps("compare", rng, product)),
        Visit(rng.uniform(1, 2.5), "direct", _steps("evaluate", rng, product)),
    ]


def _hot_buyer(character: Character, rng: random.Random) -> list[Visit]:
    product = _product(character)
    return [
        Visit(rng.uniform(6.2, 7), _source(character, rng), _steps("browse", rng, product)),
        Visit(rng.uniform(5, 6), "google", _steps("compare", rng, product)),
        Visit(rng.uniform(4, 4.9), "direct", _steps("evaluate", rng, product), identifies=True),
        Visit(rng.uniform(2.5, 3.5), "direct", _steps("evaluate", rng, product)),
        Visit(rng.uniform(1.2, 2.2), _later(rng), _with_form(_steps("decide", rng, product))),
        Visit(rng.uniform(0.2, 0.9), "direct", _steps("decide", rng, product)),
    ]


def _returning(character: Character, rng: random.Random) -> list[Visit]:
    product = _product(character)
    return [
        Visit(rng.uniform(38, 41), _source(character, rng), _steps("browse", rng, product)),
        Visit(rng.uniform(34, 37), "direct", _steps("compare", rng, product), identifies=True),
        Visit(rng.uniform(3, 5), "newsletter", _steps("browse", rng, product)),
        Visit(rng.uniform(0.6, 2), "direct", _steps("evaluate", rng, product)),
    ]


def _cooled(character: Character, rng: random.Random) -> list[Visit]:
    product, day = _product(character), rng.uniform(33, 41)
    named, steps = character.number % 3 != 0, _steps("decide", rng, product)
    return [
        Visit(day, _source(character, rng), _steps("browse", rng, product)),
        Visit(day - rng.uniform(1.2, 2.5), "direct", _steps("compare", rng, product)),
        Visit(day - rng.uniform(3, 5), _later(rng), _steps("evaluate", rng, product), identifies=named),
        Visit(day - rng.uniform(5.5, 8), "direct", _with_form(steps) if character.number % 4 == 0 else steps),
    ]


def _customer(character: Character, rng: random.Random) -> list[Visit]:
    start = rng.uniform(36, 41)
    days = [start - week * 7 - rng.uniform(0, 2) for week in range(rng.randrange(4, 6))]
    return [
        Visit(day, "direct", _steps("read_docs", rng, "gateway"), identifies=day == days[0]) for day in days if day > 0.5
    ]


def _deal(character: Character, rng: random.Random) -> list[Visit]:
    product, day = _product(character), rng.uniform(6, 20) if character.number % 2 else rng.uniform(16, PAST_DAYS - 12)
    began = min(PAST_DAYS - 1.0, day + rng.choice((3.5, 4, 6, 9, 14, 25, 45)) * rng.uniform(0.9, 1.2))
    steps = _steps("decide", rng, product)
    return [
        Visit(began, _source(character, rng), _steps("browse", rng, product)),
        Visit(rng.uniform(day + 2.5, began), _later(rng), _steps("compare", rng, product)),
        Visit(day + rng.uniform(1, 2.4), "direct", _steps("evaluate", rng, product), identifies=True),
        Visit(day, "direct", _with_form(steps) if rng.random() < 0.7 else steps),
    ]


def _called(character: Character, rng: random.Random) -> list[Visit]:
    day = rng.uniform(12, PAST_DAYS)
    found = [Visit(day, elsewhere="Trade Fair Visited", identifies=True)]
    if character.number % 3:
        found.append(Visit(day - rng.uniform(1, 8), _later(rng), _steps("browse", rng, _product(character))))
    return found


def _with_form(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return (*steps[:-1], msgspec.structs.replace(steps[-1], form="quote"))


_PLANS: dict[Persona, Callable[[Character, random.Random], list[Visit]]] = {
    "bouncer": _bouncer,
    "student": _student,
    "job_seeker": _job_seeker,
    "competitor": _competitor,
    "engineer": _engineer,
    "hot_team": _hot_team,
    "warm_team": _warm_team,
    "hot_buyer": _hot_buyer,
    "returning": _returning,
    "cooled": _cooled,
    "customer": _customer,
    "deal": _deal,
    "called": _called,
}
