"""Classes from few labels, on public data: how much is told, how right that is, and that noise is met with silence.

The data is read from the folder named by ``--data`` or ``WARMTRAIL_BENCH_DATA``, by default ``../shared/data``. What isn't
there is left out and named.
"""

from __future__ import annotations

import csv
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.learning import folder
from bench.report import Section
from scorer.core.classifying import Classifier
from scorer.core.proportions import Rate, rate
from scorer.learning.classes import learn
from scorer.learning.groups import make

SEED: Final = 1
TRIALS: Final = 100
SHUFFLED: Final = 60
"""Labels of each trial."""


class Labelled(NamedTuple):
    """A lead with the features that are known of it, and what it really is."""

    features: dict[str, float]
    label: str


def run(smoke: bool) -> Section:
    """Learn from some, judge on all others."""
    section = Section(
        "classes",
        "Classes from few labels",
        "Some leads are labelled, a model is learned from them, and it is judged on the others, which it has never seen. "
        "“Foretold” is what the model said of itself beforehand, from leads left out in turn: the share right if it told of "
        "every lead, against always saying the commonest label. It tells only what it can hold to be right in four of five "
        "cases, and only if it beats the commonest label beyond chance; brackets are 95 % intervals (Wilson).",
        (
            "what",
            "labelled",
            "foretold: right of all",
            "commonest",
            "verdict",
            "told of the others",
            "right of these",
            "commonest",
        ),
    )
    for part in (_olist, _extraalearn):
        try:
            part(section, smoke)
        except FileNotFoundError as missing:
            name = Path(str(missing.filename)).parent.name
            section.notes.append(f"Left out: `{name}` is not in the folder of the data (`--data`).")
    _shuffled(section, 2 if smoke else TRIALS)
    return section


def _olist(section: Section, smoke: bool) -> None:
    """Business segment and kind of sellers, of which landing page and origin are known: the earlier ones are labelled."""
    home = folder() / "olist-marketing-funnel"
    with (home / "marketing_qualified_leads.csv").open(encoding="utf-8", newline="") as file:
        known = {row["mql_id"]: row for row in csv.DictReader(file)}
    with (home / "closed_deals_cleaned.csv").open(encoding="utf-8", newline="") as file:
        deals = sorted(csv.DictReader(file), key=lambda row: row["won_date"])
    for column, title in (("lead_type", "Olist: kind of seller"), ("business_segment", "Olist: business segment")):
        leads = []
        for deal in deals[:200] if smoke else deals:
            lead = known.get(deal["mql_id"], {})
            if deal[column]:
                told = {f"channel:{lead.get('origin') or 'unknown'}": 1.0, f"page:{lead.get('landing_page_id')}": 1.0}
                leads.append(Labelled(told, deal[column]))
        section.rows.append(_judged(title, leads, int(len(leads) * 0.6)))
    section.notes.append(
        "Of Olist's sellers only landing page and origin are known before the sale. These say next to nothing of what "
        "somebody sells or how big they are, so silence is the right answer there."
    )


def _extraalearn(section: Section, smoke: bool) -> None:
    """What people work as, from how they use a website: labels of some drawn by chance."""
    with (folder() / "extraalearn-leads" / "ExtraaLearn.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(SEED).shuffle(rows)
    leads = []
    for row in rows:
        told = {
            "visits": math.log1p(float(row["website_visits"])),
            "minutes": math.log1p(float(row["time_spent_on_website"]) / 60),
            "pages": math.log1p(float(row["website_visits"]) * float(row["page_views_per_visit"])),
            "age": float(row["age"]),
        }
        told |= {f"{name}:{row[name]}": 1.0 for name in ("first_interaction", "profile_completed", "last_activity")}
        leads.append(Labelled(told, row["current_occupation"]))
    for labelled in (60,) if smoke else (30, 100, 300):
        section.rows.append(_judged("ExtraaLearn: occupation", leads[: 500 if smoke else None], labelled))
    found = make({f"{place:05}": lead.features for place, lead in enumerate(leads[:2000])}, seed=SEED, now_ms=0).model
    seen = "–" if found.silhouette is None else f"{found.silhouette:.2f}"
    section.notes.append(
        f"Groups without labels among 2,000 of ExtraaLearn's leads: {found.verdict}, {len(found.groups)} groups, silhouette "
        f"{seen} (leads without groups: {found.chance_silhouette or 0:.2f} at most)."
    )


def _shuffled(section: Section, trials: int) -> None:
    chance = random.Random(SEED)
    told = 0
    for _ in range(trials):
        leads = [
            {"visits": chance.random(), "downloads": chance.random()} | {f"topic:{chance.randrange(5)}": 1.0}
            for _ in range(SHUFFLED)
        ]
        labels = [chance.choice(("a", "b", "c")) for _ in leads]
        model = learn(leads, labels, [str(place) for place in range(SHUFFLED)], seed=SEED, now_ms=0)
        told += model.judgement.verdict == "tells"
    section.notes.append(f"Labels drawn by chance, {SHUFFLED} of three kinds: told anything in {told} of {trials} trials.")


def _judged(title: str, leads: Sequence[Labelled], labelled: int) -> tuple[str, ...]:
    examples, others = leads[:labelled], leads[labelled:]
    accounts = [str(place) for place in range(labelled)]
    model = learn([one.features for one in examples], [one.label for one in examples], accounts, seed=SEED, now_ms=0)
    classifier, judged = Classifier(model), model.judgement
    told = [(classifier.classify(one.features).label, one.label) for one in others]
    answered = [(said, true) for said, true in told if said is not None]
    commonest = Counter(one.label for one in examples).most_common(1)[0][0]
    return (
        title,
        f"{labelled:,}",
        _text(judged.accuracy),
        _text(judged.majority),
        judged.verdict,
        _text(rate(len(answered), len(others))),
        _text(rate(sum(said == true for said, true in answered), len(answered))),
        _text(rate(sum(true == commonest for _, true in answered), len(answered))),
    )


def _text(found: Rate) -> str:
    if found.rate is None or found.low is None or found.high is None:
        return "–"
    return f"{found.rate:.0%} ({found.low:.0%}–{found.high:.0%})"
