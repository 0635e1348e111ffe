"""The table that is learned from: each row is what a fold of the facts before it gives, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from scorer.core.rules import Card
from scorer.core.score import fold
from scorer.core.scorecard import parse
from scorer.learning.reading import (
    HALF_LIVES,
    HEAVIEST,
    _Reader,
    calibration_rows,
    read_snapshots,
)
from scorer.learning.snapshots import Snapshots
from scorer.learning_models import explored_leads
from scorer.past_leads import PastLead, past_leads
from scorer.scorecards import current_cards
from tests.factories import DAY, HOUR, MINUTE, NOW, World, download, engaged, identify, page, track
from tests.scorer.test_simulating import SHIPPED, Office, card, crowd
from tracker.sites import Site, SiteSettings, change_site


@pytest.fixture(scope="module")
def crowded(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A crowd of four months, on SQLite; nothing is written to it."""
    made = Office(World(f"sqlite:///{tmp_path_factory.mktemp('crowd') / 'crowd.db'}"), crowd(7))
    yield made
    made.database.close()


def read(office: Office, site: Site | None = None, now: int = NOW, **options: Any) -> Snapshots:
    with office.database.reading() as connection:
        return read_snapshots(connection, site or office.site, now, **options)


def pasts(office: Office) -> list[PastLead]:
    with office.database.reading() as connection:
        return [lead for some in past_leads(connection, office.site, NOW) for lead in some]


def scored(office: Office) -> Card:
    with office.database.reading() as connection:
        return current_cards(connection)[office.site.id].card


def test_a_row_s_points_are_those_of_a_fold_of_what_came_before(crowded: Office) -> None:
    found, some, current = read(crowded, horizon_days=30), pasts(crowded), scored(crowded)
    assert len(found) > 200
    assert 0 < found.won.sum() < len(found)
    for row in range(0, len(found), 3):
        lead, at = some[found.leads[row]], int(found.at[row])
        before = {place: [fact for fact in facts if fact.at < at] for place, facts in lead.streams.items()}
        state = fold(current, None, {place: facts for place, facts in before.items() if facts})
        assert found.current[row] == pytest.approx(current.points(state.heat, at), rel=1e-9, abs=1e-9)
        assert found.last_at[row] == max(fact.at for facts in before.values() for fact in facts if fact.visit)
        assert found.pages[row] == state.pages


def test_counts_are_what_the_points_are_made_of(crowded: Office) -> None:
    found = read(crowded, horizon_days=30)
    assert set(found.counts) == {*HALF_LIVES, 14.0}
    worth = np.array([feature.points for feature in found.features])
    by_sales = np.array([feature.rule in ("event", "mail_click", "quote") for feature in found.features])
    after = any(feature.after_contact for feature in found.features)
    assert not after, "nobody was called here"
    assert not (worth[by_sales] < 0).any()
    np.testing.assert_allclose(found.counts[14.0] @ worth, found.current, rtol=1e-4, atol=1e-3)
    assert (found.counts[30.0] >= found.counts[3.0]).all()
    assert all(matrix.dtype == np.float32 and matrix.shape == (len(found), len(worth)) for matrix in found.counts.values())


def test_each_bucket_counts_the_visits_that_reached_it_or_a_higher_one(crowded: Office) -> None:
    found = read(crowded, horizon_days=30)
    dwell = [place for place, feature in enumerate(found.features) if feature.rule == "dwell"]
    assert [found.features[place].bucket for place in dwell] == list(range(len(dwell)))
    assert [found.features[place].name for place in dwell][:2] == ["dwell:0", "dwell:1"]
    counts = found.counts[14.0][:, dwell]
    assert (counts[:, :-1] >= counts[:, 1:]).all()
    assert counts[:, 1].sum() > 0


def test_rows_depend_on_nothing_later(crowded: Office) -> None:
    then = NOW - 40 * DAY
    now, before = read(crowded, horizon_days=20), read(crowded, horizon_days=20, now=then)

    def rows(found: Snapshots) -> dict[tuple[float, ...], bool]:
        known = found.known_at <= then
        keys = zip(found.at[known], found.known_at[known], found.current[known].round(6), found.pages[known], strict=True)
        return dict(zip(keys, found.won[known], strict=True))

    # A lead's later past may thin out its rows, and never changes one.
    assert rows(before).items() >= rows(now).items()
    assert len(rows(now)) > 50


def test_leads_too_young_to_tell_are_counted_and_left_out(crowded: Office) -> None:
    short, long = read(crowded, horizon_days=7), read(crowded, horizon_days=300)
    assert short.censored < long.censored
    assert long.won.all() or not long.won.any() or len(long) < len(short)
    assert (short.at < short.known_at).all()
    assert (short.known_at <= NOW).all()
    assert (short.known_at - short.at <= 7 * DAY).all()


def test_an_empty_site_has_an_empty_table(crowded: Office) -> None:
    with crowded.database.reading() as connection:
        site = Site(crowded.world.huadong.id, "huadong", SiteSettings())
        found = read_snapshots(connection, site, NOW)
        rows = calibration_rows(connection, site, NOW)
    assert len(found) == found.censored == 0
    assert found.counts[14.0].shape == (0, len(found.features))
    assert (rows.wins, rows.losses) == (0, 0)


def test_points_alone_need_no_counts(crowded: Office) -> None:
    found = read(crowded, horizon_days=30)
    with crowded.database.reading() as connection:
        rows = calibration_rows(connection, crowded.site, NOW, horizon_days=30)
    over = found.at + 30 * DAY <= NOW
    assert 0 < over.sum() < len(found), "a quick win counts only once the others of its age are known"
    assert rows.points.tolist() == found.current[over].tolist()
    assert rows.won.tolist() == found.won[over].tolist()
    assert rows.wins == len(set(found.leads[found.won & over].tolist())) > 0
    assert rows.wins + rows.losses == rows.clusters.max() + 1


def test_a_large_site_is_looked_at_less_often() -> None:
    reader = _Reader(parse(SHIPPED), HALF_LIVES, 90, (), NOW)
    reader.plan(1000)
    assert (reader.at_most, reader.step_ms) == (12, 7 * DAY)
    reader.plan(100_000)
    assert reader.at_most * 100_000 * len(HALF_LIVES) * reader.layout.width <= 120_000_000
    reader.plan(10_000_000)
    assert (reader.at_most, reader.step_ms) == (1, 14 * DAY)


@pytest.fixture
def small(database_url: str) -> Iterator[Office]:
    made = Office(World(database_url), [])
    yield made
    made.database.close()


def feature(found: Snapshots, rule: str) -> int:
    return next(place for place, one in enumerate(found.features) if one.rule == rule)


def visit(who: str, day: float, path: str = "/pricing") -> list[dict[str, Any]]:
    at = NOW - round(day * DAY)
    return [page(who, path, at, view=f"{who}{day}"), engaged(who, f"{who}{day}", 70, at + 2 * MINUTE)]


def test_a_bucket_counts_from_when_it_was_reached(small: Office) -> None:
    midnight = NOW // DAY * DAY - 200 * DAY
    long_read = [
        page("a", "/pricing", midnight - 5 * MINUTE, view="v"),
        engaged("a", "v", 15, midnight - 3 * MINUTE),
        engaged("a", "v", 400, midnight + 4 * MINUTE),
        page("a", "/pricing", midnight + 30 * HOUR, view="w"),
    ]
    small.world.feed(long_read)
    found = read(small)
    first = int(np.argmin(found.at))
    assert found.at[first] == midnight
    dwell = [place for place, one in enumerate(found.features) if one.rule == "dwell"]
    assert (found.counts[14.0][first][dwell] > 0).tolist() == [True] + [False] * (len(dwell) - 1)
    later = int(np.argmax(found.at))
    assert (found.counts[14.0][later][dwell] > 0).sum() > 1


def test_leads_that_were_never_on_the_site_are_not_in_the_table(small: Office) -> None:
    at = NOW - 200 * DAY
    small.world.feed([identify("imported", at, email="a@b.example"), track("imported", "Lead Won", at + DAY)])
    assert len(read(small)) == 0
    small.world.feed(visit("imported", 198.5))
    assert len(read(small)) == 0, "it was won before it came"


def test_what_sales_write_after_the_first_contact_is_kept_out(small: Office) -> None:
    body = card()
    rules = [
        {"id": name, "label": {"en": name}, "on": "event", "points": 9, "match": {"event": event}}
        for name, event in (("note", "Crm Note"), ("asked", "Quote Wanted"), ("told", "Lead Contacted"))
    ]
    small.publish(body | {"rules": [*body["rules"], *rules]})
    events = []
    for number in range(6):
        who = f"v{number}"
        events += [*visit(who, 200), *visit(who, 190), track(who, "Quote Wanted", NOW - 199 * DAY)]
        events += [track(who, "Lead Contacted", NOW - 198 * DAY), track(who, "Crm Note", NOW - 197 * DAY)]
    small.world.feed([*events, track("v0", "Quote Wanted", NOW - 196 * DAY)])
    found = read(small)
    told = {one.rule: one.after_contact for one in found.features}
    assert (told["note"], told["asked"], told["told"]) == (True, False, True)
    assert found.counts[14.0][:, feature(found, "note")].max() > 0, "there for whoever asks for it"
    mine = found.counts[30.0][found.leads == found.leads[0]][:, feature(found, "asked")]
    assert mine.max() <= 1, "of the first lead one came after the contact"


def test_a_goal_is_a_win_and_no_feature(small: Office) -> None:
    small.world.feed([*visit("a", 200), *visit("a", 198.2), track("a", "Order Placed", NOW - 190 * DAY), *visit("b", 200)])
    with small.database.writing() as connection:
        change_site(connection, small.site.id, SiteSettings(goal_events=("order placed",)))
    found = read(small)
    assert found.won.sum() >= 1
    assert found.known_at[found.won].tolist() == [NOW - 190 * DAY] * int(found.won.sum())
    assert (found.at[found.won] < NOW - 190 * DAY).all()
    assert len(set(found.leads.tolist())) == 2


def test_who_was_shown_by_lot_weighs_more(small: Office) -> None:
    small.world.feed([*visit("a", 200), *visit("b", 200)])
    row = {"site_id": small.site.id, "lead_id": small.world.nordwind.lead("a")}
    with small.database.writing() as connection:
        values = row | {"since": NOW - 201 * DAY, "until": NOW - 180 * DAY, "share": 0.1}
        connection.execute(insert(explored_leads).values(values))
    found = read(small)
    shown = sorted(found.weights.tolist())
    assert shown[0] == 1
    assert shown[-1] == 10
    with small.database.writing() as connection:
        connection.execute(insert(explored_leads).values(row | {"since": 0, "until": NOW, "share": 0.001}))
    assert read(small).weights.max() == HEAVIEST


def test_companies_are_told_apart(small: Office) -> None:
    events = [*visit("a", 200), *visit("b", 200), *visit("c", 200), *visit("d", 200)]
    names = {"a": "ada@halden.example", "b": "ben@halden.example", "c": "chen@huadong.example"}
    events += [identify(who, NOW - 199 * DAY, email=email) for who, email in names.items()]
    small.world.feed([*events, download("a", "x.pdf", NOW - 198 * DAY)])
    found = read(small)
    of_lead = {int(lead): int(account) for lead, account in zip(found.leads, found.accounts, strict=True)}
    assert sorted(of_lead.values(), reverse=True)[-1] == -1
    assert len(set(of_lead.values())) == 3


def test_merged_and_excluded_leads_are_not_read(small: Office) -> None:
    events = [*visit("a", 200), *visit("b", 200), *visit("jobs", 200, "/careers"), *visit("jobs", 190, "/careers/x")]
    events += [identify(who, NOW - 199 * DAY, email="ada@halden.example") for who in ("a", "b")]
    small.world.feed(events)
    found = read(small)
    assert len(set(found.leads.tolist())) == 1
