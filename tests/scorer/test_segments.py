"""Segments of a site: what the database answers is what the filter says, counted live, page by page, and as a table."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, String, Table, insert, select, text

from scorer.cli import cli
from scorer.core.segment import FIELDS, MAX_ALL_VALUES, MAX_VALUES, MEASURES, LeadFacts, VisitFacts, class_text, matches
from scorer.core.segment_reading import SegmentError, parse
from scorer.hot_list import Place
from scorer.learning_models import lead_classes, lead_groups, lead_labels
from scorer.models import accounts, lead_scores, lead_visitors, leads
from scorer.outlets.csv_export import BOM, csv_lines, safe
from scorer.scorecards import StoredCard, current_cards
from scorer.segment_export import EXPORTED, export
from scorer.segments import (
    MAX_SEGMENTS,
    NameTaken,
    add_segment,
    breakdown,
    change_segment,
    count,
    find_segment,
    list_segments,
    members,
    members_query,
    remove_segment,
    size_name,
)
from tests.factories import DAY, NOW, PLAIN_LEAD, PLAIN_SCORE, Company, World
from tests.scorer.segment_samples import NUMBERS, TEXTS, segments_written
from tests.services import PostgresServer
from tracker.models import visitors, visits

HOT = parse({"field": "tier", "is": "hot"})
COMPANIES = {"co_1": ("Halden Water", 2, 90.5), "co_2": ("ÖRESUND", 3, 30.5), "co_3": ("", 10, 0.0)}
"""Name, people and points of each company."""


def plain(table: Table) -> dict[str, Any]:
    """A row of *table* of which nothing is known."""
    columns = (one for one in table.columns if not one.nullable and not one.computed)
    return {one.name: "" if isinstance(one.type, String) else 0 for one in columns}


def card_of(connection: Connection, company: Company) -> StoredCard:
    return current_cards(connection)[company.id]


class People:
    """A site's leads of all sorts as stored, and the same as plain values; another site has leads that nobody must see."""

    def __init__(self, world: World, size: int = 120) -> None:
        self.world = world
        self.facts: dict[str, LeadFacts] = {}
        tables = (accounts, leads, lead_scores, visitors, lead_visitors, visits, lead_labels, lead_classes, lead_groups)
        self.rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in tables}
        with world.database.writing() as connection:
            self.stored = card_of(connection, world.nordwind)
            companies = {name: self._account(name, *told) for name, told in COMPANIES.items()}
            chance = random.Random(7)
            for number in range(size):
                self._lead(chance, f"ld_{number:04}", number, companies)
            for table, rows in self.rows.items():
                connection.execute(insert(table), rows)
        world.add_plain_leads([1e9] * 5, company=world.huadong)

    def _account(self, name: str, company: str, people: int, points: float) -> tuple[float, int]:
        heat = self.stored.card.decay.heat(points, NOW)
        told = {"id": name, "site_id": self.world.nordwind.id, "name": company, "leads": people, "heat": heat}
        self.rows[accounts].append(plain(accounts) | told)
        return self.stored.card.score(heat, NOW), people

    def _lead(self, chance: random.Random, name: str, number: int, companies: dict[str, tuple[float, int]]) -> None:
        card, site_id = self.stored.card, self.world.nordwind.id
        told = {field: chance.choice(["", chance.choice(values)]) for field, values in TEXTS.items()}
        of_choice = {field: chance.choice(FIELDS[field].choices) for field in ("kind", "role", "channel", "status")}
        region = chance.sample(TEXTS["region"], chance.randint(0, 2))
        topics = chance.sample(TEXTS["topic"], chance.randint(0, 2))
        account = chance.choice([None, *companies])
        country = chance.choice(["", "DE", "CN", "Atlantis"])
        employees = chance.choice([None, *NUMBERS])
        # Halves, so that no lead is on the very edge of a test.
        points, multiplier = chance.choice((*NUMBERS, 30, 50, 70)) + 0.5, chance.choice([1.0, 1.5])
        heat = card.decay.heat(points, NOW)
        hot_since = NOW - DAY if chance.random() < 0.5 else None
        exclusion = chance.choice([None] * 8 + ["staff", "student"])
        first, last = (
            NOW - age * DAY for age in sorted((chance.choice([0, 0.5, 2.5, 9.5, 40.5]) for _ in range(2)), reverse=True)
        )
        mine = [
            VisitFacts(
                int(last - age * DAY),
                chance.randint(1, 3),
                chance.randint(0, 3),
                chance.randint(0, 2),
                chance.choice([0, 59_999, 180_000]),
            )
            for age in (0, *(chance.choice([0.2, 0.5, 3.5, 20.5]) for _ in range(chance.randint(0, 3))))
        ]
        sums = {"visits": len(mine), "page_views": chance.choice(NUMBERS), "downloads": chance.choice(NUMBERS)}
        engaged_ms = chance.choice(NUMBERS) * 60_000 + chance.choice([0, 1])
        lead = PLAIN_LEAD | of_choice | {
            **{field: told[field] for field in ("name", "email", "title", "industry")},
            **{"id": name, "site_id": site_id, "company_name": told["company"], "company_domain": told["company_domain"]},
            **{"account_id": account, "country": country, "region": ", ".join(region), "employees": employees},
            **{"owner": told["owner"] or None, "exclusion": exclusion, "first_at": int(first), "visitors": 1 + number % 3},
        }  # fmt: skip
        score = PLAIN_SCORE | sums | {
            **{"scorecard_id": self.stored.id, "lead_id": name, "heat": heat, "priority": heat * multiplier},
            **{"hot_since": hot_since, "grade": chance.choice([None, *"ABCD"]), "last_at": int(last)},
            **{"engaged_ms": engaged_ms},
            **{"stage": chance.choice([None, "decision"]), "topics": "".join(f" {topic}" for topic in topics) + " "},
        }  # fmt: skip
        self.rows[leads].append(lead)
        self.rows[lead_scores].append(score)
        self._visits(name, number, mine)
        group = chance.choice([None, 1, 2])
        if group is not None:
            self.rows[lead_groups].append({"site_id": site_id, "lead_id": name, "group_id": group})
        classes = self._classes(chance, name)
        of_account = companies.get(account) if account else None
        self.facts[name] = LeadFacts(
            {
                **told,
                **of_choice,
                **sums,
                **{"group": str(group) if group else "", "class": classes},
                **{"account": account, "region": region, "topic": topics, "country": country, "employees": employees},
                **{"email_domain": told["email"].rpartition("@")[2], "exclusion": exclusion, "visitors": 1 + number % 3},
                **{"score": card.score(heat, NOW), "points": points, "priority": points * multiplier},
                **{"tier": card.tier(heat, hot_since, NOW), "grade": score["grade"], "stage": score["stage"]},
                **{"engaged_minutes": engaged_ms / 60_000},
                **{"first_seen_days": (NOW - first) / DAY, "last_seen_days": (NOW - last) / DAY},
                **{"account_score": of_account and of_account[0], "account_leads": of_account and of_account[1]},
            },
            mine,
        )

    def _classes(self, chance: random.Random, name: str) -> list[str]:
        """What people say, now and formerly, and what was learned, of which only what nobody speaks of counts."""
        found = []
        for scheme, labels in {"Line": ["Pumps", "100%", "Hoses"], "产品线": ["阀门"], "Kind": ["a_b", "axb"]}.items():
            mine = {"site_id": self.world.nordwind.id, "scheme": scheme, "lead_id": name}
            said = [chance.choice(labels) for _ in range(chance.choice([0, 0, 1, 2]))]
            for number, label in enumerate(said):
                made = {"home_id": f"{name}-{number}", "label": label, "by": "ben", "at": NOW + number}
                self.rows[lead_labels].append(mine | made)
            learned = chance.choice([None, *labels])
            if chance.random() < 0.5:
                made = {"label": learned, "guess": labels[0], "confidence": 0.9, "margin": 0.1, "reasons": "[]"}
                self.rows[lead_classes].append(mine | made)
                said = said or ([learned] if learned else [])
            if said:
                found.append(class_text(scheme, said[-1]))
        return found

    def _visits(self, name: str, number: int, mine: list[VisitFacts]) -> None:
        """Spread the visits over two browsers."""
        for browser in range(2):
            visitor = {"id": number * 2 + browser + 1, "site_id": self.world.nordwind.id, "key": f"{name}-{browser}"}
            self.rows[visitors].append(plain(visitors) | visitor)
            whose = {"visitor_id": visitor["id"], "site_id": visitor["site_id"]}
            membership = {**whose, "lead_id": name, "home_id": name, "claims": "[]"}
            self.rows[lead_visitors].append(membership)
            for place, visit in enumerate(mine[browser::2], start=1):
                told = whose | {"number": place} | msgspec.structs.asdict(visit)
                self.rows[visits].append(plain(visits) | told)

    def found(self, connection: Connection, data: Any) -> set[str]:
        """Who is in the segment as the database has it."""
        query = members_query(self.stored, parse(data), None, 1000, NOW, (leads.c.id,))
        return set(connection.execute(query).scalars())

    def expected(self, data: Any) -> set[str]:
        """Who is in it by plain values."""
        where = parse(data)
        return {name for name, facts in self.facts.items() if matches(where, facts, NOW)}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """In SQLite."""
    world = World(f"sqlite:///{tmp_path_factory.mktemp('segments') / 'warmtrail.db'}")
    yield People(world)
    world.database.close()


@pytest.fixture(scope="module")
def people_in_postgresql(postgres_server: PostgresServer) -> Iterator[People]:
    with postgres_server.database() as url:
        world = World(url)
        yield People(world, 60)
        world.database.close()


def every_test() -> Iterator[dict[str, Any]]:
    """A filter for every field and test with each value that the samples have."""
    for name, field in FIELDS.items():
        values = list(field.choices) or TEXTS.get(name, [])
        for test in field.tests:
            if test == "known":
                yield from ({"field": name, "known": known} for known in (True, False))
            elif test in ("at_least", "at_most"):
                yield from ({"field": name, test: number} for number in (*NUMBERS[:-1], 0.25, 99.5))
                yield {"field": name, "at_least": 2, "at_most": 60}
            elif test == "in":
                yield {"field": name, "in": values[:2]}
            else:
                yield from ({"field": name, test: value} for value in values)
    for measure in MEASURES:
        yield from ({"within_days": days, measure: {"at_least": 1}} for days in (1, 7.5, 3650))
        yield {"within_days": 7, measure: {"at_most": 1}}
        yield {"within_days": 30, measure: {"at_least": 2, "at_most": 3}}


@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("database", ["people", "people_in_postgresql"])
def test_the_database_says_of_every_test_what_plain_values_say(
    request: pytest.FixtureRequest, database: str, part: int
) -> None:
    people: People = request.getfixturevalue(database)
    with people.world.database.reading() as connection:
        for data in list(every_test())[part::6]:
            for asked in (data, {"not": data}):
                assert people.found(connection, asked) == people.expected(asked), asked


def test_the_samples_tell_leads_apart(people: People) -> None:
    # Tests that everybody passes, or nobody, would prove little.
    told = [len(people.expected(data)) > 0 and len(people.expected({"not": data})) > 0 for data in every_test()]
    assert sum(told) > 0.8 * len(told)


@given(data=segments_written())
def test_the_database_says_of_random_filters_what_plain_values_say(people: People, data: Any) -> None:
    with people.world.database.reading() as connection:
        assert people.found(connection, data) == people.expected(data)


@given(told=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(str.strip))
def test_whatever_text_is_asked_for_is_data_and_no_sql(people: People, told: str) -> None:
    tests = ("is", "contains") if any(letter.isalnum() for letter in told) else ("is",)
    with people.world.database.reading() as connection:
        for data in ({"field": "name", test: told} for test in tests):
            assert people.found(connection, data) == people.expected(data)


@pytest.mark.parametrize("told", ["'; DROP TABLE leads; --", "%", "_", "\\", '"', ":x", "?", "$1", "%(x)s", "100%%"])
def test_signs_that_mean_something_to_databases_mean_themselves(database_url: str, told: str) -> None:
    world = World(database_url)
    mine, other = world.add_plain_leads([1e6, 1e6])
    with world.database.writing() as connection:
        connection.execute(leads.update().where(leads.c.id == mine).values(name=f"{told} x", industry=told))
        connection.execute(
            lead_scores.update().where(lead_scores.c.lead_id == mine).values(topics=f" {told.replace(' ', '')} ")
        )
        stored = card_of(connection, world.nordwind)
        for data in (
            {"field": "name", "contains": f"{told} x"},
            {"field": "industry", "is": told},
            {"field": "topic", "is": told.replace(" ", "")},
        ):
            found = members(connection, stored, parse(data), None, 10, NOW)
            assert [row.id for row in found.rows] == [mine], data
            assert other not in {row.id for row in found.rows}
    world.database.close()


def test_pages_are_full_ranked_and_whole(people: People) -> None:
    where = parse({"not": {"field": "tier", "is": "cold"}})
    seen: list[tuple[float, str]] = []
    after: Place | None = None
    with people.world.database.reading() as connection:
        while True:
            page = members(connection, people.stored, where, after, 7, NOW)
            seen += [(-row.priority, row.id) for row in page.rows]
            if page.next is None:
                break
            assert len(page.rows) == 7
            after = page.next
        assert seen == sorted(seen)
        assert {name for _, name in seen} == people.expected({"not": {"field": "tier", "is": "cold"}})
        assert len(seen) == len({name for _, name in seen}) > 14
        counted = count(connection, people.stored, where, NOW)
    tiers = [people.facts[name].values["tier"] for _, name in seen]
    assert (counted.leads, counted.hot, counted.warm) == (len(seen), tiers.count("hot"), tiers.count("warm"))


def test_merged_leads_are_in_no_segment(sqlite_url: str) -> None:
    world = World(sqlite_url)
    kept, lost = world.add_plain_leads([1e12, 1e12])
    with world.database.writing() as connection:
        connection.execute(leads.update().where(leads.c.id == lost).values(merged_into=kept))
        stored = card_of(connection, world.nordwind)
        everybody = parse({"field": "visits", "at_least": 0})
        assert [row.id for row in members(connection, stored, everybody, None, 10, NOW).rows] == [kept]
        assert count(connection, stored, everybody, NOW).leads == 1
        assert breakdown(connection, stored, "region", NOW)[0].leads == 1


def test_counts_follow_the_clock(sqlite_url: str) -> None:
    world = World(sqlite_url)
    with world.database.reading() as connection:
        stored = card_of(connection, world.nordwind)
    point = stored.card.decay.heat(1, NOW)
    world.add_plain_leads([point * 60, point * 43])
    with world.database.reading() as connection:
        assert [count(connection, stored, HOT, NOW + days * DAY).leads for days in (0, 1, 10)] == [2, 1, 0]


def test_the_longest_filter_there_can_be_is_answered(database_url: str) -> None:
    world = World(database_url)
    [mine] = world.add_plain_leads([1e6])
    values = [f"ö{number}É" for number in range(MAX_VALUES)]
    many = MAX_ALL_VALUES // MAX_VALUES - 1
    worst: Any = {"all": [{"field": "topic", "not": values}] * many + [{"field": "name", "known": False}] * (50 - many)}
    for _ in range(4):
        worst = {"all": [worst]}
    with world.database.reading() as connection:
        found = members(connection, card_of(connection, world.nordwind), parse(worst), None, 10, NOW)
    assert [row.id for row in found.rows] == [mine]
    world.database.close()


def test_segments_are_saved_changed_found_and_removed(database_url: str) -> None:
    world = World(database_url)
    mine, other = world.nordwind.id, world.huadong.id
    german = parse({"any": [{"field": "country", "in": ["DE", "Österreich"]}, {"not": {"field": "email", "contains": "x"}}]})
    with world.database.writing() as connection:
        hot = add_segment(connection, mine, " Hot 德国 ", HOT, NOW)
        assert (hot.name, hot.level, hot.created_at, hot.where) == ("Hot 德国", "person", NOW, HOT)
        with pytest.raises(NameTaken, match="there is a segment 'Hot 德国' already"):
            add_segment(connection, mine, "Hot 德国", german, NOW)
        with pytest.raises(SegmentError, match="name: must have from 1 to 100 characters, not 0"):
            add_segment(connection, mine, "  ", german, NOW)
        second = add_segment(connection, mine, "A", german, NOW)
        add_segment(connection, other, "Hot 德国", german, NOW)
        assert list_segments(connection, mine) == [second, hot]
        assert find_segment(connection, mine, "Hot 德国") == find_segment(connection, mine, str(hot.id)) == hot
        assert find_segment(connection, other, str(hot.id)) is None
        assert find_segment(connection, mine, "²") is find_segment(connection, mine, "9" * 30) is None
        with pytest.raises(NameTaken):
            change_segment(connection, hot, name="A")
        changed = change_segment(connection, hot, name="B", where=german)
        assert list_segments(connection, mine) == [second, changed]
        assert changed.where == german
        remove_segment(connection, changed)
        assert list_segments(connection, mine) == [second]
        assert len(list_segments(connection, other)) == 1
    world.database.close()


def test_a_site_has_so_many_segments_and_no_more(sqlite_url: str) -> None:
    world = World(sqlite_url)
    with world.database.writing() as connection:
        for number in range(MAX_SEGMENTS):
            add_segment(connection, world.nordwind.id, f"n{number}", HOT, NOW)
        with pytest.raises(SegmentError, match="at most 200 segments"):
            add_segment(connection, world.nordwind.id, "more", HOT, NOW)
        add_segment(connection, world.huadong.id, "more", HOT, NOW)


def test_breakdowns_count_leads_by_what_they_share(database_url: str) -> None:
    world = World(database_url)
    with world.database.writing() as connection:
        stored = card_of(connection, world.nordwind)
        halden = {"id": "co_1", "site_id": world.nordwind.id, "name": "Halden", "domain": "halden.example"}
        connection.execute(insert(accounts).values(plain(accounts) | halden))
    point = stored.card.decay.heat(1, NOW)
    hot, warm, cold, staff, _ = world.add_plain_leads([point * one for one in (100, 30, 1, 500, 2)], hot=False)
    german = {"country": "DE", "region": "Bayern", "industry": "Machinery", "employees": 249, "account_id": "co_1"}
    with world.database.writing() as connection:
        for name, values in {
            hot: german,
            warm: german | {"employees": 50, "status": "won"},
            cold: {"country": "FR", "employees": 5000, "status": "won", "account_id": "co_gone"},
            staff: german | {"exclusion": "staff"},
        }.items():
            connection.execute(leads.update().where(leads.c.id == name).values(values))
        connection.execute(lead_scores.update().where(lead_scores.c.lead_id == hot).values(hot_since=NOW))
        by = {shared: breakdown(connection, stored, shared, NOW) for shared in ("region", "group", "organisation")}
        staff_only = breakdown(connection, stored, "region", NOW, parse({"field": "exclusion", "is": "staff"}))
    told = {
        shared: [(one.of, one.leads, one.hot, one.warm, one.won, one.points) for one in found]
        for shared, found in by.items()
    }
    nowhere = {"country": "", "region": ""}
    assert told["region"] == [
        ({"country": "DE", "region": "Bayern"}, 2, 1, 1, 1, 130.0),
        (nowhere, 1, 0, 0, 0, 2.0),
        ({"country": "FR", "region": ""}, 1, 0, 0, 1, 1.0),
    ]
    assert told["group"] == [
        ({"industry": "Machinery", "size": "50-249"}, 2, 1, 1, 1, 130.0),
        ({"industry": "", "size": ""}, 1, 0, 0, 0, 2.0),
        ({"industry": "", "size": "5000+"}, 1, 0, 0, 1, 1.0),
    ]
    assert told["organisation"] == [
        ({"account": "co_1", "company": "Halden", "domain": "halden.example"}, 2, 1, 1, 1, 130.0),
        ({"account": "co_gone", "company": "", "domain": ""}, 1, 0, 0, 1, 1.0),
    ]
    assert [(one.of["country"], one.leads, one.points) for one in staff_only] == [("DE", 1, 500.0)]
    world.database.close()


def test_a_breakdown_ends_after_the_hundred_warmest(sqlite_url: str) -> None:
    world = World(sqlite_url)
    names = world.add_plain_leads([1e6 + number for number in range(150)])
    with world.database.writing() as connection:
        for number, name in enumerate(names):
            connection.execute(leads.update().where(leads.c.id == name).values(country=f"C{number}"))
        found = breakdown(connection, card_of(connection, world.nordwind), "region", NOW)
    assert [one.of["country"] for one in found] == [f"C{number}" for number in range(149, 49, -1)]


@pytest.mark.parametrize(("band", "name"), [(None, ""), (1, "1-9"), (10, "10-49"), (1000, "1000-4999"), (5000, "5000+")])
def test_bands_of_sizes_have_names(band: int | None, name: str) -> None:
    assert size_name(band) == name


@pytest.mark.parametrize("filtered", ['{"field": "tier", "is": "hot"}', '{"all": [{"field": "score", "at_least": 60}]}'])
def test_what_is_hot_is_read_off_an_index(database_url: str, filtered: str) -> None:
    world, chance = World(database_url), random.Random(1)
    with world.database.reading() as connection:
        stored = card_of(connection, world.nordwind)
    point = stored.card.decay.heat(1, NOW)
    world.add_plain_leads([point * chance.expovariate(1 / 8) for _ in range(10_000)], hot=False)
    world.add_plain_leads([point * 100] * 50)
    with world.database.writing() as connection:
        connection.execute(text("ANALYZE"))
        query = members_query(stored, parse(json.loads(filtered)), None, 51, NOW, (leads.c.id,))
        statement = query.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}".replace("%", "%%")))
    assert "ix_lead_scores_" in plan, plan
    for costly in ("Seq Scan on lead_scores", "SCAN "):
        assert costly not in plan, plan
    world.database.close()


FORMULAS = ["=1+1", "+49 30", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x"]


@pytest.mark.parametrize("told", FORMULAS)
def test_no_cell_is_read_as_a_formula(told: str) -> None:
    assert safe(told) == f"'{told}"
    [_, line] = csv_lines(["a"], [[told]])
    assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{told}"]


@pytest.mark.parametrize("told", ["", "Ada", "a=b", "1-2", 3, -1.5, None, "'x"])
def test_other_cells_stay_as_they_are(told: str | float | None) -> None:
    assert safe(told) == told


def test_lines_are_quoted_where_needed_and_marked_where_asked() -> None:
    rows: list[list[str | float | None]] = [["a,b", 'say "so"', None, 1.5], ["两\r\nlines", "", 3, "x"]]
    lines = list(csv_lines(["一", "b", "c", "d"], rows, bom=True))
    assert lines == [f"{BOM}一,b,c,d\r\n", '"a,b","say ""so""",,1.5\r\n', '"两\r\nlines",,3,x\r\n']
    assert next(csv_lines(["a"], [])) == "a\r\n"


def test_an_export_has_every_lead_once_in_order_with_all_columns(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.segment_export._EXPORTED_AT_ONCE", 7)
    data = {"field": "visits", "at_least": 0}
    with people.world.database.reading() as connection:
        rows = [
            dict(zip(EXPORTED, row, strict=True)) for row in export(connection, people.stored, parse(data), NOW, "https://x")
        ]
    assert {row["id"] for row in rows} == people.expected(data)
    assert len(rows) == len({row["id"] for row in rows})
    assert [row["priority"] for row in rows] == sorted((row["priority"] for row in rows), reverse=True)  # type: ignore[type-var]
    for row in rows:
        values = people.facts[str(row["id"])].values
        for name in (
            "kind",
            "name",
            "email",
            "company",
            "country",
            "status",
            "tier",
            "grade",
            "stage",
            "visits",
            "employees",
        ):
            assert row[name] == values[name], name
        assert row["topics"] == " ".join(values["topic"])  # type: ignore[arg-type]
        assert row["score"] == round(values["score"], 1)  # type: ignore[arg-type]
        assert row["url"] == f"https://x/leads/{row['id']}"


def run(*words: str, given: str | None = None) -> tuple[int, str, str]:
    told = CliRunner().invoke(cli, ["segment", *words], input=given)
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told.exit_code, told.stdout, told.stderr


@pytest.fixture
def installed(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(sqlite_url)
    monkeypatch.setenv("WARMTRAIL_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WARMTRAIL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WARMTRAIL_PUBLIC_URL", "https://leads.example.com")
    return world


def test_the_commands(installed: World, tmp_path: Path) -> None:
    mine, other = installed.add_plain_leads([1e300, 1e300])
    with installed.database.writing() as connection:
        connection.execute(leads.update().where(leads.c.id == mine).values(name="=cmd()", country="DE", phone="+49 30 1"))
    german = '{"all": [{"field": "country", "is": "DE"}]}'
    site = ("--site", "nordwind")
    (tmp_path / "german.json").write_text(german, encoding="utf-8")

    code, said, _ = run("add", "Germans", *site, "--where", str(tmp_path / "german.json"), "--json")
    assert code == 0
    told = json.loads(said)
    assert told["where"] == json.loads(german)
    assert (told["name"], told["level"], told["counts"]["leads"]) == ("Germans", "region", 1)
    assert run("add", "Germans", *site, "--where", german)[0] == 1
    assert run("add", "Germans", *site, "--where", "-", "--replace", given=german)[0] == 0
    code, _, complaint = run("add", "Bad", *site, "--where", '{"all": [{"field": "x", "is": "y"}, {"field": "tier"}]}')
    assert code == 1
    assert complaint == "Error: all[0].field: there is no field 'x'\nall[1]: needs a test; tier takes is, in, not\n"
    assert "not JSON" in run("add", "Bad", *site, "--where", "{")[2]
    assert "file that can be read" in run("add", "Bad", *site, "--where", str(tmp_path / "none.json"))[2]

    assert [one["name"] for one in json.loads(run("list", *site, "--json")[1])] == ["Germans"]
    assert "Germans" in run("list", *site)[1]
    assert mine in run("show", "Germans", *site, "--lang", "zh")[1]
    code, _, complaint = run("show", "None", *site)
    assert (code, "known: 'Germans'" in complaint) == (2, True)

    code, table, _ = run("export", "Germans", *site, "--csv", "--lang", "zh")
    assert code == 0
    header, row = csv.reader(io.StringIO(table, newline=""))
    assert header[:3] == ["线索编号", "类型", "姓名"]
    assert (row[0], row[2]) == (mine, "'=cmd()")
    assert "'+49 30 1" in row
    target = tmp_path / "germans.csv"
    assert run("export", "Germans", *site, "--csv", str(target), "--bom")[0] == 0
    assert target.read_bytes().startswith(b"\xef\xbb\xbfLead,Kind,Name")
    assert target.read_bytes().endswith(b"\r\n")
    assert target.read_bytes().count(b"\r\n") == 2

    assert run("remove", "Germans", *site)[0] == 0
    assert json.loads(run("list", *site, "--json")[1]) == []
    with installed.database.reading() as connection:
        assert set(connection.execute(select(leads.c.id)).scalars()) == {mine, other}
