"""Who doesn't want to be scored isn't, whatever happens; consents are on record, and asked for where sites say so."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from scorer.auditing import read_log
from scorer.by_hand import exclude, merge, object_to_scoring, unmerge
from scorer.cli import cli
from scorer.decision_errors import DecisionError
from scorer.explaining import explain
from scorer.feature_reading import read_after
from scorer.history import history
from scorer.models import accounts, lead_changes, lead_scores, leads, objections
from scorer.past_leads import past_leads
from scorer.publishing import publish
from scorer.rescoring import fill
from scorer.scorecards import body_of
from scorer.scoring import score_visitors
from scorer.simulating import simulate
from tests.factories import DAY, HOUR, MINUTE, NOW, World, buyer, identify, page, track
from tracker.batch import process_surely
from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.entries import RequestInfo, split
from tracker.models import consents, events
from tracker.progress import read_counts
from tracker.site_changes import changed_settings
from tracker.sites import Site, change_site, load_sites

EMAIL = "ada@halden.example"
_numbers = itertools.count(10**12)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Ada, who is hot, with a company; and Ben, who is hot, too."""
    made = World(database_url)
    made.feed(buyer("ada", name="Ada", email=EMAIL, company="Halden", website="https://halden.example"))
    made.feed(buyer("ben", name="Ben", email="ben@voss.example"))
    yield made
    made.database.close()


def site_of(world: World) -> Site:
    with world.database.reading() as connection:
        return load_sites(connection)[world.nordwind.id]


def objects(world: World, lead: str, *, to_it: bool = True, at: int = NOW) -> None:
    with world.database.writing() as connection:
        object_to_scoring(connection, site_of(world), lead, to_it, "chen", "asked by mail", at)


def hot(world: World) -> list[str]:
    return [one["email"] for one in world.client("ada").get("/api/v1/hot-leads").get_json()["data"]]


def score_of(world: World, lead: str) -> Any:
    with world.database.reading() as connection:
        return connection.execute(select(lead_scores).where(lead_scores.c.lead_id == lead)).one()


def judged(world: World, lead: str) -> bool:
    """Whether anything at all was judged of a lead, wherever that is stored or reckoned."""
    with world.database.reading() as connection:
        row = connection.execute(select(lead_scores).where(lead_scores.c.lead_id == lead)).one()
        told, past = explain(connection, lead, NOW), history(connection, lead, NOW)
        learned = [one.id for part in past_leads(connection, site_of(world), NOW) for one in part]
        classed = dict(read_after(connection, row.scorecard_id, "", 100))
        account = connection.execute(select(accounts.c.heat).where(accounts.c.name == "Halden")).scalar_one()
    shown = world.client("ada").get(f"/api/v1/leads/{lead}").get_json()
    assert told is not None
    assert past is not None
    found = {
        "heat": row.heat > 0,
        "priority": row.priority > 0,
        "hot": row.hot_since is not None,
        "stage": row.stage is not None,
        "topics": row.topics.strip() != "",
        "account": account > 0,
        "explained": told.heat > 0 or told.contributions != [],
        "history": past.heat > 0 or past.events != [],
        "trained on": lead in learned,
        "classed": lead in classed,
        "in the hot list": EMAIL in hot(world),
        "shown": shown["exclusion"] != "objection"
        or shown["score"] > 0
        or shown["reasons"] != []
        or shown["interests"] != [],
        "next step": shown["next_step"]["action"] != "wait",
        "foreseen": shown["rhythm"]["median_day_gap"] is not None,
    }
    assert len(set(found.values()) - {False}) + len(set(found.values()) - {True}) == 1, found
    return found["heat"]


def test_who_objects_loses_every_judgement_and_nothing_that_was_recorded(world: World) -> None:
    ada = world.nordwind.lead("ada")
    before = score_of(world, ada)
    assert judged(world, ada)
    objects(world, ada)
    assert not judged(world, ada)
    assert hot(world) == ["ben@voss.example"]
    after = score_of(world, ada)
    assert (after.visits, after.page_views) == (before.visits, before.page_views)
    with world.database.reading() as connection:
        told = connection.execute(select(lead_changes.c.kind).where(lead_changes.c.lead_id == ada)).scalars().all()
        [line] = [one for one in read_log(connection, site_of(world).id) if one.action == "objection"]
    assert told[-1] == "left"
    assert (line.actor, line.subject, line.why, line.detail) == ("chen", ada, "asked by mail", {"objects": True})
    # What it does from now on is recorded, and judged no more.
    world.feed(buyer("ada", NOW, company="Halden"))
    assert not judged(world, ada)
    assert score_of(world, ada).page_views > before.page_views
    with world.database.reading() as connection:
        assert connection.execute(select(lead_changes.c.kind).where(lead_changes.c.lead_id == ada)).scalars().all() == told


def test_it_is_scored_again_as_if_it_had_never_objected(world: World) -> None:
    ada = world.nordwind.lead("ada")
    before = score_of(world, ada)
    objects(world, ada)
    objects(world, ada, to_it=False)
    after = score_of(world, ada)
    assert judged(world, ada)
    assert (after.heat, after.priority, after.stage, after.topics) == (
        before.heat,
        before.priority,
        before.stage,
        before.topics,
    )
    with world.database.reading() as connection:
        rows = connection.execute(select(objections.c.objects).order_by(objections.c.at)).scalars().all()
    assert rows == [True, False]  # at the same moment: the later word is the last


def test_it_holds_for_browsers_that_turn_out_to_be_its_own_and_for_leads_merged_by_hand(world: World) -> None:
    ada, site = world.nordwind.lead("ada"), site_of(world)
    objects(world, ada)
    world.feed([page("ada's phone", "/pricing", NOW - HOUR), identify("ada's phone", NOW - HOUR, email=EMAIL)])
    assert not judged(world, ada)
    world.feed(buyer("somebody"))
    other = world.nordwind.lead("somebody")
    with world.database.writing() as connection:
        merge(connection, site, other, ada, "chen", "the same", NOW)
    assert score_of(world, other).heat == 0
    with world.database.writing() as connection:
        unmerge(connection, site, ada, "chen", "it isn't", NOW)
    assert not judged(world, ada)
    assert score_of(world, other).heat > 0


def test_no_decision_and_no_card_brings_the_score_back(world: World) -> None:
    ada, site = world.nordwind.lead("ada"), site_of(world)
    objects(world, ada)
    with world.database.writing() as connection:
        exclude(connection, site, ada, "", "chen", "keep it on", NOW)
        with pytest.raises(DecisionError):
            exclude(connection, site, ada, "objection", "chen", "as if it had said so", NOW)
    assert not judged(world, ada)
    with world.database.writing() as connection:
        body = msgspec.json.decode(body_of(connection, site.id) or "{}")
    ben = world.nordwind.lead("ben")
    _, told = simulate(world.database, site, body, NOW)
    assert (told.leads, [one.lead_id for one in told.hot_list]) == (1, [ben])
    with world.database.writing() as connection:
        publish(connection, site, body, "chen", "again", NOW)
    fill(world.database, lambda: NOW)
    assert not judged(world, ada)
    assert score_of(world, ben).heat > 0


def test_a_sites_server_tells_of_it_by_an_event_and_a_browser_cannot(world: World) -> None:
    ada, ben = world.nordwind.lead("ada"), world.nordwind.lead("ben")
    world.feed([track("ada", "Scoring Objected", NOW - MINUTE)])
    assert not judged(world, ada)
    world.feed([track("ada", "scoring allowed", NOW)])
    assert judged(world, ada)
    world.feed([track("ada", "Scoring Objected", NOW - 2 * MINUTE)])  # late: the word after it holds
    assert judged(world, ada)
    send(world, [track("ben", "Scoring Objected", NOW)])
    assert score_of(world, ben).heat > 0
    with world.database.reading() as connection:
        label = select(events.c.label).where(events.c.name == "Scoring Objected").order_by(events.c.label.desc())
        assert "unvouched" in connection.execute(label).scalars().all()


def send(world: World, sent: list[dict[str, Any]], **info: Any) -> None:
    """Let the drain process what a browser sends with the public key."""
    body = read_body(json.dumps({"batch": sent}).encode(), is_batch=True)
    entries = split(
        admit(body, None, Caller(world.nordwind.id, False, OLDEST_MS), NOW), world.nordwind.id, NOW, RequestInfo(**info), 16
    )
    batch = [(partition, f"{NOW}-{next(_numbers)}", packed) for partition, _, packed in entries]
    process_surely(world.database, batch, score_visitors, now_ms=NOW)


def set_up(world: World, *assignments: str) -> None:
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        change_site(connection, site.id, changed_settings(site.settings, assignments))


def stored(world: World, title: str) -> int:
    with world.database.reading() as connection:
        return len(connection.execute(select(events.c.at).where(events.c.title == title)).all())


def agreed(who: str, at: int = NOW, name: str = "Consent Given") -> dict[str, Any]:
    return track(who, name, at, version="2026-11", source="banner")


def test_without_a_consent_nothing_is_kept_where_the_site_demands_one(world: World) -> None:
    set_up(world, "requires_consent=yes")
    send(world, [page("eve", "/a", NOW - HOUR, title="before")])
    assert stored(world, "before") == 0
    # The page that was agreed on comes first, in one message with the consent.
    send(world, [page("eve", "/a", NOW - MINUTE, title="agreed"), agreed("eve"), page("dan", "/a", NOW, title="not agreed")])
    send(world, [page("eve", "/b", NOW, title="after")])
    assert [stored(world, title) for title in ("agreed", "after", "not agreed")] == [1, 1, 0]
    send(world, [agreed("eve", NOW + 1, "Consent Withdrawn"), page("eve", "/c", NOW, title="too late")])
    send(world, [page("eve", "/c", NOW, title="too late")])
    assert stored(world, "too late") == 0
    world.feed([track("frank", "Call", NOW, title="told by a server")])  # its word, and not a browser's
    with world.database.reading() as connection:
        rows = connection.execute(select(consents).order_by(consents.c.at)).all()
        known = connection.execute(select(leads.c.id).where(leads.c.id == world.nordwind.lead("dan"))).all()
        for one in read_counts(connection).values():
            assert one.received == one.stored + one.duplicate + one.filtered + one.dead_lettered
    assert [(one.purpose, one.given, one.version, one.source, one.by) for one in rows] == [
        ("tracking", True, "2026-11", "banner", ""),
        ("tracking", False, "2026-11", "banner", ""),
    ]
    assert known == []


def test_a_consent_that_is_told_again_is_one_and_earns_nothing(world: World) -> None:
    before = score_of(world, world.nordwind.lead("ada"))
    told = agreed("ada")
    send(world, [told])
    send(world, [told])
    after = score_of(world, world.nordwind.lead("ada"))
    assert (after.heat, after.visits) == (before.heat, before.visits)
    with world.database.reading() as connection:
        assert len(connection.execute(select(consents)).all()) == 1


def test_over_the_api(migrated_sqlite_url: str) -> None:
    world = World(migrated_sqlite_url)
    world.feed(buyer("ada", name="Ada", email=EMAIL))
    world.feed([page("ada's phone", "/", NOW - DAY), identify("ada's phone", NOW - DAY, email=EMAIL)])
    ada = world.client("ada").get("/api/v1/leads").get_json()["data"][0]["id"]
    path, sales = f"/api/v1/leads/{ada}", world.client("ben")
    said = {"given": True, "purpose": "Newsletter", "version": "3", "source": "telephone", "why": "called"}
    answer = sales.post(f"{path}/consent", json=said)
    assert answer.status_code == 200, answer.text
    [consent] = answer.get_json()["consents"]  # once, though both browsers bear it
    assert (consent["purpose"], consent["given"], consent["version"], consent["source"]) == (
        "newsletter",
        True,
        "3",
        "telephone",
    )
    told = sales.post(f"{path}/objection", json={"objects": True, "why": "by mail"})
    assert (told.status_code, told.get_json()["score"], told.get_json()["exclusion"]) == (200, 0, "objection")
    choices = world.client("ada").get(f"{path}/choices").get_json()
    assert (choices["scored"], [one["objects"] for one in choices["objections"]]) == (False, [True])
    stale = sales.post(f"{path}/objection", json={"objects": False, "why": "x"}, headers={"If-Match": '"ld_x-1"'})
    assert stale.status_code in (400, 412)
    export = world.client("chen").post("/api/v1/privacy/export", json={"email": EMAIL}).get_json()["tables"]
    assert (len(export["consents"]), len(export["objections"])) == (2, 1)
    removed = world.client("chen").post("/api/v1/privacy/erase", json={"email": EMAIL, "why": "asked"}).get_json()["removed"]
    assert (removed["consents"], removed["objections"]) == (2, 1)
    world.database.close()


def test_on_the_command_line(
    migrated_sqlite_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(migrated_sqlite_url)
    world.feed(buyer("ada", name="Ada", email=EMAIL))
    ada = world.nordwind.lead("ada")
    settings = {"DATABASE_URL": migrated_sqlite_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path / "var")}
    for name, value in settings.items():
        monkeypatch.setenv(f"WARMTRAIL_{name}", value)
    run = CliRunner().invoke
    told = run(cli, ["objection", ada, "--why", "by mail"])
    assert (told.exit_code, told.output) == (0, f"{ada} is not scored any more.\n")
    assert "Doesn't want to be scored" in run(cli, ["lead", ada]).output
    told = run(cli, ["objection", ada, "--withdrawn", "--why", "by mail", "--lang", "zh"])
    assert (told.exit_code, told.output) == (0, f"{ada} 重新被评分。\n")
    told = run(cli, ["consent", ada, "--version", "3", "--source", "telephone", "--why", "called"])
    assert (told.exit_code, told.output) == (0, f"{ada} agreed: tracking.\n")
    assert run(cli, ["consent", ada, "--purpose", " ", "--why", "x"]).exit_code != 0
    with world.database.reading() as connection:
        assert [(one.version, one.given) for one in connection.execute(select(consents))] == [("3", True)]
        assert len(connection.execute(select(objections)).all()) == 2
    assert run(cli, ["backup", str(tmp_path / "kept.db"), "--keep-days", "9"]).exit_code == 0
    made = json.loads(run(cli, ["erase", ada, "--site", "nordwind", "--why", "asked", "--yes", "--json"]).output)
    assert [Path(one["file"]).name for one in made["backups"]] == ["kept.db"]
    assert made["backups"][0]["goes_at"] > made["backups"][0]["made_at"]
    world.database.close()
