"""Migration: once, however many start together; to the very schema of the models; never backwards."""

from __future__ import annotations

import multiprocessing
from importlib.resources import files
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, inspect, select, text

import scorer.migrations
from scorer.core.people import lead_id
from scorer.core.rules import Card
from scorer.core.score import ScoreState, fold
from scorer.core.scorecard import parse
from scorer.models import feed, lead_changes, lead_scores, lead_visitors, leads, scorecards
from scorer.scorecards import FIRST_LANDMARK_MS
from scorer.scoring import facts_of, score_visitors, unpack_score
from tests.factories import DAY, NOW, buyer, page, passer_by
from tests.tracker.conftest import packed
from tracker import batch, store
from tracker.core.visits import VisitorState
from tracker.db import Database
from tracker.migrate import WrongVersion, migrate
from tracker.models import intake, metadata, visitors
from tracker.sites import SiteSettings, add_site, load_sites

EXPRESSION_INDEXES = {
    str(index.name): index
    for table in metadata.tables.values()
    for index in table.indexes
    if any(not isinstance(part, Column) for part in index.expressions)
}
SCRIPTS = Path(str(scorer.migrations.__file__)).parent


def is_part(table: str | None) -> bool:
    """Whether a table is a part of one of the logs."""
    return str(table).startswith(("lead_changes_", "dead_letters_"))


def start(url: str, barrier: Barrier, results: Any) -> None:
    """One of several processes that start at the same moment."""
    database = Database(url)
    barrier.wait(30)
    results.put(migrate(database, SCRIPTS))


def test_of_four_processes_that_start_together_one_migrates(empty_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(4), context.Queue()
    processes = [context.Process(target=start, args=(empty_database_url, barrier, results)) for _ in range(4)]
    for process in processes:
        process.start()
    done = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
    assert done == [False, False, False, True]
    with Database(empty_database_url).reading() as connection:
        assert connection.execute(feed.select()).all() == [(1, 0)]
        assert len(connection.execute(text("SELECT * FROM alembic_version")).all()) == 1


def test_the_migrated_schema_is_that_of_the_models(database: Database) -> None:
    def compared(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        # Indexes on expressions can't be compared; the next test looks at them. Parts of a log are like the log.
        return name not in {"alembic_version", *EXPRESSION_INDEXES} and not (kind == "table" and is_part(name))

    with database.reading() as connection:
        options = {"compare_type": True, "include_object": compared}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_indexes_on_expressions_are_as_the_models_say(database: Database) -> None:
    assert {"ix_lead_scores_priority", "ix_lead_scores_hot"} <= EXPRESSION_INDEXES.keys()
    column, table = ("sql", "sqlite_master") if database.is_sqlite else ("indexdef", "pg_indexes")
    name = "name" if database.is_sqlite else "indexname"
    query = text(f"SELECT {column} FROM {table} WHERE {name} = :name")
    with database.writing() as connection:
        for wanted, index in EXPRESSION_INDEXES.items():
            migrated = connection.execute(query, {"name": wanted}).scalar_one()
            connection.execute(text(f"DROP INDEX {wanted}"))
            index.create(connection)
            assert connection.execute(query, {"name": wanted}).scalar_one() == migrated


@pytest.mark.parametrize(
    ("condition", "index"), [("", "ix_lead_scores_priority"), ("AND hot_since IS NOT NULL", "ix_lead_scores_hot")]
)
def test_the_ranked_list_is_read_from_its_index(sqlite_database: Database, condition: str, index: str) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT leads.id FROM lead_scores JOIN leads ON leads.id = lead_id"
        f" WHERE scorecard_id = 1 {condition} ORDER BY priority DESC, lead_id LIMIT 50"
    )
    with sqlite_database.reading() as connection:
        plan = " ".join(row[3] for row in connection.execute(text(query)))
    assert f"INDEX {index} " in plan
    assert "TEMP B-TREE" not in plan


def test_a_second_run_finds_nothing_to_do(database: Database) -> None:
    assert migrate(database, SCRIPTS) is False


def test_a_database_of_a_newer_program_is_refused_and_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongVersion, match="9999"):
        migrate(database, SCRIPTS)
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_migration_that_fails_leaves_nothing_half_made(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE visitors (x INTEGER)"))  # stands in the way of the last tables
    with pytest.raises(Exception, match="visitors"):
        migrate(database, SCRIPTS)
    assert inspect(database.engine).get_table_names() == ["visitors"]
    with database.writing() as connection:
        connection.execute(text("DROP TABLE visitors"))
    assert migrate(database, SCRIPTS) is True
    database.close()


# From the first version on: what sales know must come through.

CARD_BODY = files("scorer.cards").joinpath("default.json").read_text(encoding="utf-8")
CARD = Card(parse(msgspec.json.decode(CARD_BODY)), FIRST_LANDMARK_MS)
PEOPLE: dict[str, dict[str, Any]] = {"ada": {"name": "Ada Berg", "email": "ada@halden.example"}}


KEPT_SINCE_THE_FIRST = ("sites", "visitors", "visits", "events", "partitions", "intake")
"""Tables of the first version that are there still; later versions have more columns."""
STATE_FIELDS, VISIT_FIELDS = 18, 17
"""Fields of a visitor's state, and of the visit within, in the first version."""


def of_first_version(database: Database, scratch: Path) -> dict[str, tuple[int, ScoreState]]:
    """Fill a database as the first version had it; return the site and the score of each visitor by key."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    present = Database(f"sqlite:///{scratch / 'present.db'}")
    scores = what_happened(present)
    with present.reading() as old, database.writing() as connection:
        for name in KEPT_SINCE_THE_FIRST:
            columns = [one["name"] for one in inspect(connection).get_columns(name)]
            names, values = ", ".join(columns), ", ".join(f":{one}" for one in columns)
            for row in old.execute(select(metadata.tables[name])):
                kept = {one: value for one, value in row._asdict().items() if one in columns}
                if name == "visitors":
                    kept["state"] = first_state(row.state)
                connection.execute(text(f"INSERT INTO {name} ({names}) VALUES ({values})"), kept)
        for site_id in {site_id for site_id, _ in scores.values()}:
            card = {"site": site_id, "body": CARD_BODY, "landmark": FIRST_LANDMARK_MS, "at": NOW - 100 * DAY}
            connection.execute(
                text(
                    "INSERT INTO scorecards (site_id, number, body, landmark_ms, created_at, published_at, is_current)"
                    " VALUES (:site, 1, :body, :landmark, :at, :at, true)"
                ),
                card,
            )
        for row in connection.execute(text("SELECT id, site_id, key FROM visitors")).all():
            add_old_lead(connection, row.id, row.site_id, row.key, scores[row.key][1])
        shop = scores["ada"][0]
        told = {"site": shop, "lead": lead_id(shop, "ada"), "at": NOW - DAY, "detail": '{"score": 70.0}'}
        connection.execute(text("INSERT INTO lead_changes VALUES (1, :site, :lead, 'entered', :at, :detail)"), told)
        connection.execute(text("UPDATE feed SET last_sequence = 1"))
    present.close()
    return scores


def what_happened(database: Database) -> dict[str, tuple[int, ScoreState]]:
    """Let two sites' visitors do things; return the site and the score of each visitor by key."""
    migrate(database, SCRIPTS)
    with database.writing() as connection:
        shop, other = (add_site(connection, name, SiteSettings(), NOW - 100 * DAY).id for name in ("shop", "other"))
    lives = {shop: [*buyer("ada", **PEOPLE["ada"]), *passer_by("glance")], other: buyer("nameless")}
    for place, (site_id, events) in enumerate(lives.items(), start=1):
        batch.process(database, queued(site_id, events, place), lambda *_: False, now_ms=NOW)
    with database.reading() as connection:
        sites = load_sites(connection)
        rows = connection.execute(select(visitors.c.id, visitors.c.site_id, visitors.c.key)).all()
        histories = store.load_histories(connection, [row.id for row in rows])
    return {row.key: (row.site_id, fold(CARD, None, {0: facts_of(histories[row.id], sites[row.site_id])})) for row in rows}


def queued(site_id: int, events: list[dict[str, Any]], place: int) -> list[batch.QueueEntry]:
    """Events as the queue has them."""
    entries = packed(site_id, events, trusted=True, now=NOW)
    return [(partition, f"{place}-{number}", entry) for number, (partition, _, entry) in enumerate(entries, start=1)]


def first_state(packed_state: bytes) -> bytes:
    """A visitor's state as the first version kept it: without what has come since."""
    fields = msgspec.msgpack.decode(packed_state)[:STATE_FIELDS]
    fields[0] = 1
    place = VisitorState.__struct_fields__.index("visit")
    if fields[place] is not None:
        fields[place] = fields[place][:VISIT_FIELDS]
    return msgspec.msgpack.encode(fields)


def add_old_lead(connection: Connection, visitor_id: int, site_id: int, key: str, state: ScoreState) -> None:
    """Store a lead with the score of its visitor in the tables of the first version."""
    person = PEOPLE.get(key, {})
    lead = {
        **{"id": lead_id(site_id, key), "site_id": site_id, "kind": "person" if person else "visitor"},
        **{"name": person.get("name", ""), "email": person.get("email", ""), "title": "", "phone": ""},
        **{"company_name": "", "company_domain": "halden.example" if person else "", "heat": state.heat},
        **{"hot_since": state.hot_since, "announced_score": 70.0 if state.hot_since else None},
        **{"first_at": NOW - 5 * DAY, "last_at": state.last_at, "version": 7},
        **{"status": "claimed" if person else "open", "owner": "ben" if person else None},
    }
    score = {"visitor_id": visitor_id, "site_id": site_id, "lead_id": lead["id"], "heat": state.heat, "state": b"old"}
    card = "(SELECT id FROM scorecards WHERE site_id = :site_id)"
    for table, row, more in (("leads", lead, {}), ("visitor_scores", score, {"scorecard_id": card})):
        names = [*row, *more]
        values = [*(f":{name}" for name in row), *more.values()]
        connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)})"), row)


def test_leads_of_the_first_version_keep_their_heat_and_their_hot_spells(empty_database_url: str, tmp_path: Path) -> None:
    database = Database(empty_database_url)
    scores = of_first_version(database, tmp_path)
    assert {key: state.hot_since is not None for key, (_, state) in scores.items()} == {
        "ada": True,
        "nameless": True,
        "glance": False,
    }
    assert migrate(database, SCRIPTS) is True
    with database.reading() as connection:
        keys = dict(connection.execute(select(visitors.c.id, visitors.c.key)).all())
        cards = {row.site_id: row.id for row in connection.execute(select(scorecards).where(scorecards.c.is_current))}
        kept = {row.id: row for row in connection.execute(select(leads))}
        scored = {row.lead_id: row for row in connection.execute(select(lead_scores))}
        members = {keys[row.visitor_id]: row for row in connection.execute(select(lead_visitors))}
        assert connection.execute(select(lead_changes.c.sequence, lead_changes.c.kind)).all() == [(1, "entered")]
        tables = {name for name in inspect(connection).get_table_names() if not is_part(name)}
        heard = connection.execute(select(visitors.c.heard_at, visitors.c.heard_day)).all()
        shop = select(intake.c.heard_at, intake.c.heard_of).where(intake.c.site_id == scores["ada"][0])
        last_heard = {(row.heard_at, keys[row.heard_of]) for row in connection.execute(shop)}
    assert {row.heard_day for row in heard} == {NOW // DAY}
    assert last_heard in ({(NOW, "ada")}, {(NOW, "glance")})
    assert len(kept) == len(scored) == 3
    assert members.keys() == scores.keys()
    for key, (site_id, state) in scores.items():
        mine = lead_id(site_id, key)
        lead, score = kept[mine], scored[mine]
        assert (members[key].lead_id, members[key].home_id, members[key].site_id) == (mine, mine, site_id)
        assert (lead.site_id, lead.visitors, lead.version, lead.merged_into, lead.exclusion) == (site_id, 1, 7, None, None)
        assert (score.scorecard_id, score.heat, score.priority) == (cards[site_id], state.heat, state.heat)
        assert (score.hot_since, score.last_at) == (state.hot_since, state.last_at)
        assert score.announced_score == (None if state.hot_since is None else 70.0)
        assert score.state == b""
    ada = kept[lead_id(scores["ada"][0], "ada")]
    assert (ada.kind, ada.name, ada.email, ada.status, ada.owner) == (
        "person",
        "Ada Berg",
        "ada@halden.example",
        "claimed",
        "ben",
    )
    assert tables == {*metadata.tables, "alembic_version"}
    database.close()


def test_a_lead_of_the_first_version_is_gone_on_with(empty_database_url: str, tmp_path: Path) -> None:
    database = Database(empty_database_url)
    site_id, state = of_first_version(database, tmp_path)["ada"]
    migrate(database, SCRIPTS)
    batch.process(database, queued(site_id, [page("ada", "/pricing", NOW - 60_000)], 9), score_visitors, now_ms=NOW)
    mine = lead_id(site_id, "ada")
    with database.reading() as connection:
        visitor_id = connection.execute(
            select(lead_visitors.c.visitor_id).where(lead_visitors.c.lead_id == mine)
        ).scalar_one()
        history = store.load_histories(connection, [visitor_id])[visitor_id]
        whole = fold(CARD, None, {0: facts_of(history, load_sites(connection)[site_id])})
        score = connection.execute(select(lead_scores).where(lead_scores.c.lead_id == mine)).one()
        lead = connection.execute(select(leads).where(leads.c.id == mine)).one()
        kinds = connection.execute(select(lead_changes.c.kind).order_by(lead_changes.c.sequence)).scalars().all()
    assert whole.heat > state.heat
    assert score.heat == pytest.approx(whole.heat, rel=1e-9)
    assert unpack_score(score.state).heat == score.heat
    assert score.hot_since == state.hot_since
    # What sales were told is not told again.
    assert set(kinds[1:]) <= {"rose", "stage"}
    assert (lead.name, lead.status, lead.owner, lead.channel, lead.version) == ("Ada Berg", "claimed", "ben", "search", 8)
    database.close()
