"""What the made-up salespeople of the demonstration have done by hand."""

from __future__ import annotations

from scorer.demo.desk import work
from scorer.hot_list import Wanted, rank
from scorer.notes import list_notes
from scorer.scorecards import current_cards
from tests.factories import HOUR, NOW, World, buyer
from tracker.sites import load_sites

ADA, BEN = "ada@nordwind.example", "ben@nordwind.example"


def test_they_claim_and_write_leave_the_first_lead_free_and_keep_all_on_the_list(database_url: str) -> None:
    world = World(database_url)
    world.feed([event for number in range(6) for event in buyer(f"visitor{number}", NOW - number * HOUR)])
    with world.database.writing() as connection:
        site = load_sites(connection)[world.nordwind.id]
        card = current_cards(connection)[site.id]
        before = [one.id for one in rank(connection, card, Wanted(), None, 20, world.now).rows]
        work(connection, site, (BEN, ADA), world.now)
    with world.database.reading() as connection:
        rows = rank(connection, card, Wanted(), None, 20, world.now).rows
        notes = list_notes(connection, before)
    world.database.close()
    assert len(before) == 6
    assert [one.id for one in rows] == before
    # The list is shorter than what they would do: what there is no lead for is left out.
    assert [one.owner for one in rows] == [None, BEN, None, None, ADA, None]
    assert [(place, notes[lead][0].by) for place, lead in enumerate(before) if lead in notes] == [
        (0, ADA),
        (1, BEN),
        (4, ADA),
    ]
