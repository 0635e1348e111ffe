"""How well robots are told from people by their user agents, and how far people are from what counts as impossible.

The data are the folders ``ua-labels``, ``rees46-2019-oct-sample`` and ``deskdrop-events-early`` in that of
``WARMTRAIL_BENCH_DATA``, by default ``../shared/data``. What isn't there is left out and named.
"""

from __future__ import annotations

import csv
import gzip
import lzma
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from bench.learning import folder
from bench.report import Section
from scorer.core.proportions import rate
from tracker.core.agents import RobotSign, robot_signs
from tracker.core.impossible import BURST_MS, BURST_VIEWS, UNREAD_VIEWS, Pace, viewed

FILE: Final = "ua-labels/ua_labels.tsv.gz"
FALSE_ALARMS_AT_MOST: Final = 0.005
_PROGRAMS: Final = ("WhatsApp", "WordPress/", "Http Connector Spider", "Huaweisymantecspider")
"""Beginnings of strings that are labelled human and are programs that fetch pages by themselves."""


class Labelled(NamedTuple):
    """A user agent with its label, who gave that, and what tells a robot here."""

    is_robot: bool
    sources: str
    text: str
    signs: frozenset[RobotSign]


def run(smoke: bool) -> Section:
    """Count robots that are told, and people who are taken for robots, by user agent and by pace."""
    section = Section(
        "agents",
        "Robots",
        "Each string of the data is read as the drain reads it. Recall: of the robots, how many are told; false alarms: of "
        "the others, how many are taken for robots. Brackets are 95 % intervals (Wilson). Two of the three things that tell "
        "a robot are lists from which the labels were taken, too (`ua-parser` and `crawler-user-agents`), so recall by both "
        "is flattering. What to expect of robots that a list doesn't have is in the rows “without”. Pace: how fast the "
        "visitors of two public histories view pages at most, against the line from which somebody is a suspected robot.",
        ("what", "goal", "found"),
    )
    for part in (_by_agent, _rees46, _deskdrop):
        try:
            part(section, smoke)
        except FileNotFoundError as missing:
            name = Path(str(missing.filename)).parent.name
            section.notes.append(f"Left out: `{name}` is not in the folder of the data (`--data`).")
    return section


def _by_agent(section: Section, smoke: bool) -> None:
    strings = _read(smoke)
    robots, others = [one for one in strings if one.is_robot], [one for one in strings if not one.is_robot]
    parser = [one for one in robots if "uap-core" in one.sources]
    crawlers = [one for one in robots if "crawler" in one.sources]
    browsers = [one for one in others if not one.text.startswith(_PROGRAMS)]
    section.rows += [
        ("Recall, all robots", "", _share(robots)),
        ("Recall, robots labelled by `crawler-user-agents`", "", _share(crawlers)),
        ("Recall, robots labelled by `ua-parser`", "", _share(parser)),
        ("The former without `crawler-user-agents`", "", _share(crawlers, frozenset(("parser", "word")))),
        ("The latter without `ua-parser`", "", _share(parser, frozenset(("list", "word")))),
        ("All robots, by their own word alone", "", _share(robots, frozenset(("word",)))),
        ("False alarms, all labelled human", f"≤ {FALSE_ALARMS_AT_MOST:.1%}", _share(others)),
        ("False alarms, without programs among these", f"≤ {FALSE_ALARMS_AT_MOST:.1%}", _share(browsers)),
    ]
    section.notes.append(
        "The programs labelled human are link previews of WhatsApp, sites fetched by WordPress, and two crawlers. The robot "
        "that is missed is listed by the build number of its Android, which every phone of that version has. "
        "That names of devices are not read, and what counts as a robot's own word, was settled with these strings in sight."
    )


def _rees46(section: Section, smoke: bool) -> None:
    """A shop's visitors, in the first hours of a day."""
    with gzip.open(folder() / "rees46-2019-oct-sample/2019-Oct-first-3h.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["event_type"] == "view"]
    times = ((row["user_id"], datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S %Z")) for row in rows)
    _pace(section, "REES46, a shop", ((who, round(at.replace(tzinfo=UTC).timestamp())) for who, at in times))


def _deskdrop(section: Section, smoke: bool) -> None:
    """Readers of a company's articles, over half a year."""
    with lzma.open(folder() / "deskdrop-events-early/users_interactions.csv.xz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["eventType"] == "VIEW"]
    _pace(section, "Deskdrop, articles", ((row["personId"], int(row["timestamp"])) for row in rows))


def _pace(section: Section, what: str, views: Iterable[tuple[str, int]]) -> None:
    """Add how fast visitors were at most; *views* are visitors with seconds since 1970 UTC."""
    paces: dict[str, Pace] = {}
    windows: Counter[tuple[str, int]] = Counter()
    days: Counter[tuple[str, int]] = Counter()
    for who, at in sorted(views, key=lambda view: view[1]):
        paces[who] = viewed(paces.get(who, Pace()), at * 1000)
        windows[who, at * 1000 // BURST_MS] += 1
        days[who, at // 86_400] += 1
    suspects = sum(bool(pace.suspicion) for pace in paces.values())
    section.rows += [
        (f"{what}: page views of one visitor within 10 s, at most", f"< {BURST_VIEWS}", str(max(windows.values()))),
        (f"{what}: on a day, at most", f"< {UNREAD_VIEWS}", str(max(days.values()))),
        (f"{what}: suspected robots", "0", f"{suspects} of {len(paces):,} visitors"),
    ]


def _read(smoke: bool) -> list[Labelled]:
    with gzip.open(folder() / FILE, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t", 2) for line in file][1:]
    return [
        Labelled(label == "bot", sources, text, frozenset(robot_signs(text)))
        for label, sources, text in (rows[::50] if smoke else rows)
    ]


def _share(strings: list[Labelled], by: frozenset[RobotSign] = frozenset(("parser", "list", "word"))) -> str:
    found = rate(sum(bool(one.signs & by) for one in strings), len(strings))
    if found.rate is None or found.low is None or found.high is None:
        return "–"
    return f"{found.rate:.2%} ({found.low:.2%}–{found.high:.2%}), {found.count:,} of {found.of:,}"
