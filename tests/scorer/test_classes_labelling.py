"""Labels by people: set, taken back, imported, merged, separated, erased; and what is learned of the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from scorer.auditing import read_log
from scorer.by_hand import merge, unmerge
from scorer.class_assignment import assign
from scorer.classes import LeadClass, classes_of, keep_models, list_schemes, load_models, unsure_leads
from scorer.core.classifying import ClassModel
from scorer.core.grouping import GroupModel
from scorer.decision_errors import DecisionError, Stale
from scorer.groups import groups_of, keep_groups, list_groups, load_groups
from scorer.labelled import LabelledError
from scorer.labelling_by_hand import Asked, count_labels, labelled_leads, labels_of, set_label, set_labels
from scorer.labels_import import import_labels, read_table
from scorer.learning.classes_job import learn_site
from scorer.learning_models import class_models, lead_classes, lead_groups, lead_labels
from scorer.outcomes import record
from scorer.retention import forget_old
from tests.factories import DAY, NOW, Event, World, download, engaged, identify, page, passer_by
from tests.scorer.core.test_classes_applying import MODEL
from tests.scorer.core.test_groups_placing import MODEL as GROUPS
from tracker.sites import Site, load_sites

PEOPLE = 24


def reader(number: int) -> list[Event]:
    """Somebody who reads about pumps, or downloads about valves, by number."""
    who, at = f"reader-{number}", NOW - 3 * DAY
    topic = "pumps" if number % 2 else "valves"
    events = [page(who, f"/products/{topic}", at, view=f"{who}-1"), engaged(who, f"{who}-1", 30 + number, at + 60_000)]
    events.append(identify(who, at + 90_000, email=f"{who}@{who}.example", name=f"Reader {number}"))
    return [*events, *([download(who, "valves.pdf", at + 80_000)] if topic == "valves" else [])]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    made.feed([*(event for number in range(PEOPLE) for event in reader(number)), *passer_by("passer")])
    yield made
    made.database.close()


@pytest.fixture
def small(migrated_sqlite_url: str) -> Iterator[World]:
    made = World(migrated_sqlite_url)
    made.feed([*reader(0), *reader(1)])
    yield made
    made.database.close()


def site_of(world: World, connection: Any) -> Site:
    return load_sites(connection)[world.nordwind.id]


def say(world: World, number: int, label: str | None, scheme: str = "Line", **options: Any) -> None:
    with world.database.writing() as connection:
        lead = world.nordwind.lead(f"reader-{number}")
        set_label(connection, site_of(world, connection), lead, scheme, label, "ben", NOW, **options)


def said(world: World, number: int) -> dict[str, str]:
    lead = world.nordwind.lead(f"reader-{number}")
    with world.database.reading() as connection:
        return {scheme: one.label for scheme, one in labels_of(connection, [lead]).get(lead, {}).items()}


def classes(world: World, number: int) -> list[LeadClass]:
    lead = world.nordwind.lead(f"reader-{number}")
    with world.database.reading() as connection:
        return classes_of(connection, [lead]).get(lead, [])


def label_half(world: World) -> None:
    """Half of the readers are labelled by what they read."""
    with world.database.writing() as connection:
        asked = [
            Asked(world.nordwind.lead(f"reader-{number}"), "Line", "Pumps" if number % 2 else "Valves")
            for number in range(PEOPLE - 4)
        ]
        assert set_labels(connection, site_of(world, connection), asked, "ben", NOW) == PEOPLE - 4


def test_a_label_is_set_changed_and_taken_back(world: World) -> None:
    say(world, 0, " Valves ")
    say(world, 0, "Key account", "Kind of  buyer")
    assert said(world, 0) == {"Line": "Valves", "Kind of buyer": "Key account"}
    say(world, 0, "Pumps")
    assert classes(world, 0) == [
        LeadClass("Kind of buyer", "Key account", "person", None, (), "ben"),
        LeadClass("Line", "Pumps", "person", None, (), "ben"),
    ]
    with world.database.reading() as connection:
        assert count_labels(connection, world.nordwind.id) == {"Kind of buyer": {"Key account": 1}, "Line": {"Pumps": 1}}
        assert count_labels(connection, world.huadong.id) == {}
        log = read_log(connection, world.nordwind.id, world.nordwind.lead("reader-0"))
    assert [(one.action, one.actor) for one in log] == [("label", "ben")] * 3
    assert log[0].detail == {"Line": {"from": "Valves", "to": "Pumps"}}
    say(world, 0, None)
    say(world, 0, None, "Kind of buyer")
    assert said(world, 0) == {}
    with world.database.reading() as connection:
        assert count_labels(connection, world.nordwind.id) == {}


def test_what_is_said_already_changes_nothing(small: World) -> None:
    say(small, 0, "Valves")
    say(small, 0, "Valves")
    say(small, 1, None)
    with small.database.reading() as connection:
        assert len(read_log(connection, small.nordwind.id)) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb", "a\x00b", "a\u202eb", "a\tb"])
def test_names_that_are_none_are_refused(small: World, name: str) -> None:
    with pytest.raises(DecisionError):
        say(small, 0, name)
    with pytest.raises(DecisionError):
        say(small, 0, "Pumps", name)
    assert said(small, 0) == {}


def test_an_outdated_view_is_refused(small: World) -> None:
    with pytest.raises(Stale):
        say(small, 0, "Pumps", version=99)


def test_there_is_room_for_so_many_schemes_and_labels(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.labelling_by_hand.MAX_SCHEMES", 2)
    monkeypatch.setattr("scorer.labelling_by_hand.MAX_LABELS", 2)
    say(small, 0, "a")
    say(small, 1, "b")
    with pytest.raises(DecisionError, match="labels"):
        say(small, 0, "c")
    say(small, 0, "x", "Kind")
    with pytest.raises(DecisionError, match="schemes"):
        say(small, 0, "x", "Priority")


def test_labels_go_with_a_merge_and_come_back(world: World) -> None:
    say(world, 0, "Valves")
    say(world, 1, "Pumps")
    kept, lost = (world.nordwind.lead(f"reader-{number}") for number in (0, 1))
    with world.database.writing() as connection:
        merge(connection, site_of(world, connection), kept, lost, "chen", "one person", NOW)
    assert said(world, 0) == {"Line": "Pumps"}  # the last word
    with world.database.reading() as connection:
        assert labelled_leads(connection, world.nordwind.id, "Line") == {kept: "Pumps"}
        assert count_labels(connection, world.nordwind.id) == {"Line": {"Pumps": 1}}
    with world.database.writing() as connection:
        unmerge(connection, site_of(world, connection), lost, "chen", "two people", NOW)
    assert (said(world, 0), said(world, 1)) == ({"Line": "Valves"}, {"Line": "Pumps"})


def test_what_is_taken_back_of_a_merged_lead_does_not_come_up_again(world: World) -> None:
    say(world, 0, "Valves")
    say(world, 1, "Pumps")
    kept, lost = (world.nordwind.lead(f"reader-{number}") for number in (0, 1))
    with world.database.writing() as connection:
        merge(connection, site_of(world, connection), kept, lost, "chen", "one person", NOW)
    say(world, 1, "Hoses")  # said of the one that is part of the other: of the person
    assert said(world, 0) == {"Line": "Hoses"}
    say(world, 0, None)
    assert said(world, 0) == {}


def test_of_who_is_erased_no_label_or_class_stays(world: World) -> None:
    label_half(world)
    with world.database.writing() as connection:
        keep_groups(connection, world.nordwind.id, GROUPS)
    learn_site(world.database, world.nordwind.id, NOW, parts=["classes"])
    assign(world.database, world.nordwind.id)
    forget_old(world.database, NOW + DAY, NOW + DAY)
    with world.database.reading() as connection:
        for table in (lead_labels, lead_classes, lead_groups):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_others_are_classed_with_reasons_and_nobody_overrules_people(world: World) -> None:
    label_half(world)
    learn_site(world.database, world.nordwind.id, NOW)
    assign(world.database, world.nordwind.id, at_once=5)
    (told,) = classes(world, PEOPLE - 1)
    assert (told.scheme, told.label, told.by) == ("Line", "Pumps", "learned")
    assert (told.confidence or 0) > 0.8
    assert len(told.reasons) == 3
    assert any("pumps" in one.feature for one in told.reasons), told.reasons
    (valves,) = classes(world, PEOPLE - 2)
    assert valves.label == "Valves"
    (by_people,) = classes(world, 0)
    assert (by_people.label, by_people.by) == ("Valves", "person")
    with world.database.reading() as connection:
        (scheme,) = list_schemes(connection, world.nordwind.id)
        assert scheme.labels == {"Pumps": 10, "Valves": 10}
        assert sum(scheme.told.values()) + scheme.untold == 5
        assert scheme.told == {"Pumps": 2, "Valves": 2}  # the passer-by told nothing of itself
        unsure = unsure_leads(connection, world.nordwind.id, "Line")
        assert len(unsure) == 5
        assert unsure == sorted(unsure, key=lambda one: one.margin)
        assert load_groups(connection, world.nordwind.id) is not None
        assert list_schemes(connection, world.huadong.id) == []
    say(world, PEOPLE - 1, "Valves")
    assert classes(world, PEOPLE - 1)[0].label == "Valves"


def test_run_twice_it_stores_the_same(world: World) -> None:
    label_half(world)
    stored = []
    for _ in range(2):
        learn_site(world.database, world.nordwind.id, NOW)
        assign(world.database, world.nordwind.id)
        with world.database.reading() as connection:
            stored.append(
                [
                    [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
                    for table in (class_models, lead_classes, lead_groups)
                ]
            )
    assert stored[0] == stored[1]


def test_two_at_once_write_the_same(world: World) -> None:
    with world.database.writing() as connection:
        keep_models(connection, world.nordwind.id, {"Line": MODEL})
        keep_groups(connection, world.nordwind.id, GROUPS)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(assign, world.database, world.nordwind.id, at_once=4) for _ in range(2)]
    assert [one.result() for one in done] == [None, None]
    with world.database.reading() as connection:
        counted = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (lead_classes, lead_groups)
        ]
    assert counted == [PEOPLE + 1] * 2


def test_it_goes_on_where_it_stopped(small: World) -> None:
    with small.database.writing() as connection:
        keep_models(connection, small.nordwind.id, {"Line": MODEL})
    chances = iter([False, True])
    place = assign(small.database, small.nordwind.id, stopping=lambda: next(chances), at_once=1)
    first, second = sorted(small.nordwind.lead(f"reader-{number}") for number in (0, 1))
    assert place == first
    with small.database.reading() as connection:
        assert classes_of(connection, [first, second]).keys() == {first}
    assert assign(small.database, small.nordwind.id, after=first, at_once=5) is None
    with small.database.reading() as connection:
        assert classes_of(connection, [first, second]).keys() == {first, second}


def test_a_scheme_without_enough_labels_is_not_told(world: World) -> None:
    label_half(world)
    learn_site(world.database, world.nordwind.id, NOW, parts=["classes"])
    assign(world.database, world.nordwind.id)
    with world.database.writing() as connection:
        all_of = labelled_leads(connection, world.nordwind.id, "Line")
        asked = [Asked(lead, "Line", None) for lead, label in all_of.items() if label == "Valves"]
        set_labels(connection, site_of(world, connection), asked, "ben", NOW + 1)
    learn_site(world.database, world.nordwind.id, NOW, parts=["classes"])
    with world.database.reading() as connection:
        assert load_models(connection, world.nordwind.id) == {}
    assert classes(world, PEOPLE - 1) == []


def test_a_scheme_goes_with_its_last_label(world: World) -> None:
    say(world, 0, "Pumps")
    with world.database.writing() as connection:
        body = msgspec.json.encode(MODEL).decode()
        connection.execute(class_models.insert().values(site_id=world.nordwind.id, scheme="Line", at=NOW, body=body))
    assign(world.database, world.nordwind.id)
    assert classes(world, 1) != []
    say(world, 0, None)
    assert classes(world, 1) == []
    with world.database.reading() as connection:
        assert load_models(connection, world.nordwind.id) == {}


def test_of_merged_leads_nothing_learned_stays(world: World) -> None:
    with world.database.writing() as connection:
        model = msgspec.structs.replace(GROUPS, features=("visits",), centres=(0.0,), scales=(1.0,))
        groups = tuple(msgspec.structs.replace(one, centre=one.centre[:1]) for one in model.groups)
        keep_groups(connection, world.nordwind.id, msgspec.structs.replace(model, groups=groups))
    assign(world.database, world.nordwind.id)
    kept, lost = (world.nordwind.lead(f"reader-{number}") for number in (0, 1))
    with world.database.writing() as connection:
        record(connection, site_of(world, connection), kept, "won", "ben", NOW)
        merge(connection, site_of(world, connection), kept, lost, "chen", "one person", NOW)
    with world.database.reading() as connection:
        assert groups_of(connection, [kept, lost]).keys() == {kept}
        found = list_groups(connection, world.nordwind.id)
    assert [(one.group.id, one.leads, one.won.count) for one in found] == [(3, PEOPLE, 1), (7, 0, 0)]


def test_stored_models_are_read_as_they_were_written(small: World) -> None:
    assert msgspec.json.decode(msgspec.json.encode(MODEL), type=ClassModel) == MODEL
    assert msgspec.json.decode(msgspec.json.encode(GROUPS), type=GroupModel) == GROUPS


# Tables.


def test_a_table_is_read_by_its_headings() -> None:
    rows = read_table("\ufeffE-Mail;Name;Scheme;Label\nAda@X.example;Ada;Line;Pumps\n\n;;;\nb@x.example;B\n".encode())
    assert [(row.line, row.email, row.scheme, row.label) for row in rows] == [
        (2, "ada@x.example", "Line", "Pumps"),
        (5, "b@x.example", "", ""),
    ]
    assert read_table("线索\t标签\nld_a\t泵\n".encode(), "产品线")[0].scheme == "产品线"


NO_TABLES = {
    "empty": (b"", "first line"),
    "no label": (b"lead,scheme\n", "first line"),
    "no scheme": (b"lead,label\n", "first line"),
    "nobody": (b"scheme,label\n", "first line"),
    "not UTF-8": (b"lead,scheme,label\n\xff", "UTF-8"),
    "a cell too long": (b'lead,scheme,label\n"' + b"x" * 200_000, "CSV"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_refused(name: str) -> None:
    content, why = NO_TABLES[name]
    with pytest.raises(LabelledError, match=why):
        read_table(content)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorer.labels_import.MAX_ROWS", 2)
    with pytest.raises(LabelledError, match="2 rows"):
        read_table(b"lead,scheme,label\n" + b"ld_a,b,c\n" * 3)


def test_a_table_labels_by_id_and_address_and_says_what_it_refuses(world: World) -> None:
    kept, lost = (world.nordwind.lead(f"reader-{number}") for number in (0, 1))
    with world.database.writing() as connection:
        site = site_of(world, connection)
        merge(connection, site, kept, lost, "chen", "one person", NOW)
        table = "\n".join(
            [
                "lead,email,scheme,label",
                f"{lost},,Line,Pumps",
                ",READER-2@reader-2.example,Line,Valves",
                ",nobody@nowhere.example,Line,Valves",
                f"{world.huadong.lead('reader-0')},,Line,Valves",
                f"{kept},,{'x' * 61},Pumps",
                ",reader-3@reader-3.example,Line,",
            ]
        )
        done = import_labels(connection, site, read_table(table.encode()), "ben", NOW)
    assert (done.rows, done.changed, [one.line for one in done.refused]) == (6, 2, [4, 5, 6])
    assert said(world, 0) == {"Line": "Pumps"}
    assert said(world, 2) == {"Line": "Valves"}
    with world.database.reading() as connection:
        assert read_log(connection, world.nordwind.id, "classes")[0].detail == {"leads": 2}


def test_many_labels_are_all_or_none(world: World) -> None:
    asked = [Asked(world.nordwind.lead("reader-0"), "Line", "Pumps"), Asked("ld_none", "Line", "Pumps")]
    with pytest.raises(DecisionError), world.database.writing() as connection:
        set_labels(connection, site_of(world, connection), asked, "ben", NOW)
    assert said(world, 0) == {}
