"""Learning: what a proposed card is worth on public data, beside a card by hand, simple rankings and gradient boosting.

The data is read from the folder named by ``--data`` or ``WARMTRAIL_BENCH_DATA``, by default ``../shared/data``. What isn't
there is left out and named.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from bench.learning_data import DESKDROP_CARD, deskdrop, extraalearn, made_up, olist, shoppers
from bench.learning_database import measure
from bench.report import Section
from scorer.core.decay import DAY_MS
from scorer.core.learned import Figure, Judgement
from scorer.learning.backtest import Backtest, judge
from scorer.learning.metrics import auc
from scorer.learning.snapshots import Feature, Floats, Integers, Snapshots
from scorer.learning.splits import known
from scorer.learning.train import train

ROOT: Final = Path(__file__).resolve().parent.parent
SEED: Final = 1
TRIALS: Final = 100
LARGE: Final = (100_000, 4)
"""Leads, and snapshots of each."""
WHOLE: Final = (5_000, 20)
"""Leads of a whole site, and how often they are there."""


def folder() -> Path:
    """Return where the public data is looked for."""
    return Path(os.environ.get("WARMTRAIL_BENCH_DATA") or ROOT.parent / "shared" / "data")


def run(smoke: bool) -> Section:
    """Measure learning on whatever data there is."""
    section = Section(
        "learning",
        "Learning from won and lost",
        "Rolling-origin backtest of the learned card: at each origin learned from rows whose horizon was over by then, with "
        "half-life and strength chosen inside them, and judged on the rows until the next origin. Area under the ROC curve "
        "(AUC) with 95 % intervals by drawing leads anew. The card by hand has the shipped card's weights for what the data "
        "tells.",
        ("what", "goal", "found"),
    )
    with threadpool_limits(limits=1):
        if not smoke:
            for part in (_deskdrop, _shoppers, _extraalearn, _olist):
                try:
                    part(section)
                except FileNotFoundError as missing:
                    name = Path(str(missing.filename)).parent.name
                    section.notes.append(f"Left out: `{name}` is not in the folder of the data (`--data`).")
        _leak(section)
        _shuffled(section, 1 if smoke else TRIALS)
    _large(section, *((100, 2) if smoke else LARGE))
    taken = measure(*((150, 2) if smoke else WHOLE))
    name = f"From the database to the proposal, {taken.leads:,} leads with {taken.events:,} events"
    section.rows.append((name, "minutes, ≤ 2 GB", str(taken)))
    return section


def _deskdrop(section: Section) -> None:
    table = deskdrop(folder())
    now = int(table.known_at.max())
    found = train(table, DESKDROP_CARD, base=1, capacity=20, seed=SEED, now_ms=now).learned
    tested = judge(table, half_life_days=14.0, capacity=20, seed=SEED, now_ms=now)
    assert found.judgement is not None
    assert tested is not None
    days = found.half_life_days
    boosted = _boosted(table, tested, now, table.counts[days])
    boosted_all = _boosted(table, tested, now, np.hstack(list(table.counts.values())))
    _rankings(section, "Deskdrop", "proposal ≥ card by hand", found.judgement)
    mine = found.judgement.by_time[0].auc.value or 0.0
    section.rows += [
        (
            "Deskdrop: gradient boosting on the same columns",
            "proposal at most 0.01 below",
            f"{boosted:.3f}; on the columns of all half-lives {boosted_all:.3f}; proposal {mine - boosted:+.3f}",
        ),
        (
            "Deskdrop: half-life",
            "reported",
            f"{days:g} days; AUC inside the training rows "
            + ", ".join(f"{one.days:g} d {one.auc:.3f}" for one in found.half_lives if one.auc is not None),
        ),
    ]
    section.notes.append(
        f"Deskdrop (early slice): {len(table):,} weekly snapshots of {len(np.unique(table.leads)):,} visitors seen in the "
        "28 days before, until they first bookmark or follow something, which is the win (within 14 days) and counted by no "
        "rule. Points by the real fold; engaged time is the time until the next event of the visit. Gradient boosting is "
        "scikit-learn's, 100 trees of 8 leaves, learned at the same origins. The rule for the strength was "
        "settled with these figures in sight (taking the best instead of the strongest within one standard error: gain "
        "-0.005), so they are no test of that rule."
    )


def _shoppers(section: Section) -> None:
    table, _, november = shoppers(folder())
    now = int(table.known_at.max())
    tested = judge(table, half_life_days=14.0, capacity=200, seed=SEED, now_ms=now, cuts=[november])
    assert tested is not None
    found = tested.judgement
    boosted = _boosted(table, tested, now, table.counts[14.0])
    _rankings(section, "UCI shoppers", "proposal ≥ 0.71", found)
    section.rows += [
        ("UCI shoppers: gradient boosting on the same columns", "", f"{boosted:.3f}"),
        ("UCI shoppers: calibration error", "≤ 0.05", _told(found.calibration_error)),
    ]
    section.notes.append(
        "UCI shoppers: learned from February to October, judged on November and December, without `PageValues`. Counts and "
        f"durations in buckets. {found.base_rate:.1%} of the judged sessions end in a purchase, and "
        f"{table.won[table.at < november].mean():.1%} of those learned from. How chances follow the latest wins, and how "
        "points of earlier models are put on one scale, was settled with these months in sight (the error was 0.111 before "
        "either and 0.074 with the first only), so the error is no test of that."
    )


def _extraalearn(section: Section) -> None:
    table, body = extraalearn(folder())
    _simple(section, "ExtraaLearn", table, body)
    section.notes.append("ExtraaLearn: teaching data, very likely simulated; the order of the file stands in for time.")


def _olist(section: Section) -> None:
    table, body = olist(folder())
    _simple(section, "Olist", table, body)
    section.notes.append(
        "Olist: channel and landing page of the first contact, won within 30 days. There is no behaviour, so recency and "
        "page count are the same for all. No lead is likelier to be won than not, so saying the majority's class is right "
        "as often as any chance below one half: to be beaten is the Brier score of telling everybody the base rate."
    )


def _simple(section: Section, name: str, table: Snapshots, body: dict[str, Any]) -> None:
    now = int(table.known_at.max())
    found = train(table, body, base=1, capacity=20, seed=SEED, now_ms=now).learned
    assert found.judgement is not None
    _rankings(section, name, "proposal above recency", found.judgement)
    same = found.judgement.base_rate * (1 - found.judgement.base_rate)
    section.rows.append(
        (
            f"{name}: Brier score",
            f"below {same:.4f}, the majority's",
            _told(found.judgement.by_time[0].brier, 4),
        )
    )


def _rankings(section: Section, name: str, goal: str, found: Judgement) -> None:
    for one in found.by_time:
        told = {"proposal": "learned card", "current": "card by hand", "recency": "recency", "pages": "page count"}[one.name]
        section.rows.append((f"{name}: AUC, {told}", goal if one.name == "proposal" else "", _told(one.auc)))
    gain = found.gain
    if gain.value is not None and gain.low is not None and gain.high is not None:
        told = f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"
        section.rows.append((f"{name}: gain over the card by hand", "", told))


def _boosted(table: Snapshots, tested: Backtest, now_ms: int, columns: Floats | Any) -> float:
    """Area under the curve of gradient boosting, learned and judged at the same origins."""
    rows = known(table, np.arange(len(table)), now_ms)
    scores = np.zeros(len(tested.rows))
    for window, cut in enumerate(tested.judgement.origins, start=1):
        train_rows: Integers = known(table, rows, cut)
        model = HistGradientBoostingClassifier(
            random_state=0, max_iter=100, learning_rate=0.05, max_leaf_nodes=8, early_stopping=False
        )
        model.fit(columns[train_rows], table.won[train_rows])
        part = tested.windows == window
        scores[part] = model.predict_proba(columns[tested.rows[part]])[:, 1]
    return auc(scores, table.won[tested.rows], table.weights[tested.rows], tested.windows)


def _leak(section: Section) -> None:
    """A note that is written of nearly all who then buy: once owned up to, once not."""
    table, body = made_up(600, 3, SEED, rules=8)
    table = replace(table, accounts=np.full(len(table), -1))
    random = np.random.default_rng(SEED)
    note = (table.won & (random.random(len(table)) < 0.97) | (random.random(len(table)) < 0.01)).astype(np.float32)
    body["rules"].append({**body["rules"][0], "id": "note"})
    now = int(table.known_at.max())

    def planted(*, after_contact: bool) -> Snapshots:
        counts = {days: np.column_stack([counts, note]) for days, counts in table.counts.items()}
        return replace(table, counts=counts, features=(*table.features, Feature("note", None, 2.0, after_contact)))

    flagged = train(planted(after_contact=False), body, base=1, capacity=20, seed=SEED, now_ms=now).learned
    refused = train(planted(after_contact=True), body, base=1, capacity=20, seed=SEED, now_ms=now).learned
    told = "; ".join(
        f"`{one.feature}` flagged: alone {one.auc:.2f}, with it {one.with_it:.2f}, without {one.without_it:.2f}"
        for one in flagged.suspects
    )
    left = "refused" if all(weight.rule != "note" for weight in refused.weights) else "learned from"
    section.rows.append(("Planted leak", "flagged; refused where marked", f"{told or 'not flagged'}; marked: {left}"))


def _shuffled(section: Section, trials: int) -> None:
    table, body = made_up(400, 4, 5, rules=10)
    table = replace(table, accounts=np.full(len(table), -1))
    verdicts = []
    for trial in range(trials):
        shuffled = with_shuffled_wins(table, trial)
        now = int(shuffled.known_at.max())
        verdicts.append(train(shuffled, body, base=1, capacity=20, seed=trial, now_ms=now).learned.verdict)
    section.rows.append(
        (
            f"Shuffled wins, {trials} trials, 400 leads of 4 snapshots",
            "≤ 5 promoted",
            f"{verdicts.count('better')} better, {verdicts.count('no_better')} no better, {verdicts.count('advice')} advice",
        )
    )


def with_shuffled_wins(table: Snapshots, seed: int) -> Snapshots:
    """Return the table with wins dealt to leads by chance: as many leads win, at all of their snapshots or at none."""
    leads, place = np.unique(table.leads, return_inverse=True)
    winning = np.bincount(place, table.won, len(leads)) > 0
    won = np.random.default_rng(seed).permutation(winning)[place]
    return replace(table, won=won, known_at=table.at + table.horizon_days * DAY_MS)


def _large(section: Section, leads: int, rows_each: int) -> None:
    command = [sys.executable, "-m", "bench.learning", str(leads), str(rows_each)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    section.rows.append(
        (f"Training, {leads:,} leads of {rows_each} snapshots, 30 columns", "minutes, ≤ 2 GB", done.stdout.strip())
    )


def _large_alone(leads: int, rows_each: int) -> str:
    """What training a large table takes, in a process of its own."""
    table, body = made_up(leads, rows_each, 5, rules=30)
    started = time.perf_counter()
    train(table, body, base=1, capacity=200, seed=SEED, now_ms=int(table.known_at.max()))
    seconds = time.perf_counter() - started
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return f"{seconds:,.0f} s, {kilobytes / 1024:,.0f} MB at most, {len(table):,} rows"


def _told(figure: Figure | None, digits: int = 3) -> str:
    if figure is None or figure.value is None or figure.low is None or figure.high is None:
        return "not known"
    return f"{figure.value:.{digits}f} ({figure.low:.{digits}f}–{figure.high:.{digits}f})"


if __name__ == "__main__":
    print(_large_alone(int(sys.argv[1]), int(sys.argv[2])))
