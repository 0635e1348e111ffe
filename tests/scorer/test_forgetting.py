"""Of a person who is forgotten nothing stays, in whatever table; of others everything does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from scorer.auditing import read_log
from scorer.by_hand import exclude, merge, unmerge
from scorer.labelling_by_hand import set_label
from scorer.models import lead_changes
from scorer.notes import add_note
from scorer.outcomes import record
from scorer.retention import forget_old
from tests.factories import DAY, HOUR, NOW, identify, page
from tests.scorer.test_mail_clicks import Mailing
from tracker.models import events, metadata, visitors, visits
from tracker.sites import Site, load_sites

YEAR = 365 * DAY
PHONE = "ada's phone"


@pytest.fixture
def mailing(database_url: str) -> Iterator[Mailing]:
    """Ada, with a telephone merged to her by hand, of whom much was written, and mailed to; and Ben, taken for her once."""
    made = Mailing(database_url)
    world, ada = made.world, made.ada
    world.feed([page(PHONE, "/pricing", NOW - 8 * DAY), page("ben", "/", NOW - 8 * DAY)])
    world.feed([identify("ben", NOW - 8 * DAY, email="ben@voss.example", name="Ben")])
    ben, phone = world.nordwind.lead("ben"), world.nordwind.lead(PHONE)
    with world.database.writing() as connection:
        site = load_sites(connection)[made.site_id]
        merge(connection, site, ada, phone, "chen", "Ada said so", NOW - 5 * DAY)
        merge(connection, site, ada, ben, "chen", "Ada and Ben alike", NOW - 5 * DAY)
        unmerge(connection, site, ben, "chen", "Ben isn't Ada", NOW - 5 * DAY)
        exclude(connection, site, ada, "staff", "chen", "Ada works here", NOW - 4 * DAY)
        set_label(connection, site, ada, "Line", "Ada's pumps", "chen", NOW - 4 * DAY)
        add_note(connection, site, ada, "Ada likes pumps", "chen", NOW - 4 * DAY)
        record(connection, site, ada, "lost", "chen", NOW - 3 * DAY, reason="Ada left Halden")
        exclude(connection, site, ben, "staff", "chen", "Ben works here", NOW - 3 * DAY)
    made.click(made.link(), NOW - 2 * DAY)
    made.click(made.link(lead=phone), NOW - 2 * DAY)
    made.click(made.link(lead=ben), NOW - 2 * DAY)
    yield made
    world.database.close()


def age(mailing: Mailing, *keys: str) -> None:
    """Let nothing have been heard of these visitors for two years."""
    with mailing.world.database.writing() as connection:
        connection.execute(update(visitors).where(visitors.c.key.in_(keys)).values(heard_at=NOW - 2 * YEAR))


_ERASURE = re.compile(rb"er_[0-9a-f]{16}")


def speaks_of(mailing: Mailing, *words: str) -> dict[str, list[Any]]:
    """Rows of any table in which one of these words stands."""
    found: dict[str, list[Any]] = {}
    with mailing.world.database.reading() as connection:
        # Keys are chance, in which a short word may well stand.
        for table in (table for table in metadata.sorted_tables if table.name not in ("api_keys", "sites")):
            for row in connection.execute(select(table)):
                if any(word.encode().lower() in written for word in words for written in map(_written, row)):
                    found.setdefault(table.name, []).append(row)
    return found


def _written(value: Any) -> bytes:
    r"""A value as it is kept: not as Python shows bytes, where ``\xad`` and an ``a`` have somebody's name.

    Without the ids of erasures, whose digits are chance and may well have it.
    """
    return _ERASURE.sub(b"", (value if isinstance(value, bytes) else str(value).encode()).lower())


def test_nothing_of_a_forgotten_person_stays_but_that_something_was_done(mailing: Mailing) -> None:
    ada, phone = mailing.ada, mailing.world.nordwind.lead(PHONE)
    age(mailing, "ada's desk", PHONE)
    assert len(speaks_of(mailing, ada, phone, "ada")) > 8
    assert forget_old(mailing.world.database, NOW - YEAR, NOW) == 2
    assert speaks_of(mailing, "ada").keys() == {"audit"}  # in what was said of Ben
    left = speaks_of(mailing, ada, phone)
    assert left.keys() == {"audit", "lead_changes"}
    with mailing.world.database.reading() as connection:
        erased = connection.execute(select(lead_changes.c.kind, lead_changes.c.detail).where(lead_changes.c.lead_id == ada))
        assert [tuple(row) for row in erased] == [("erased", "{}")]
        log = read_log(connection, mailing.site_id, ada)
    assert {(one.actor, one.why, str(one.detail)) for one in log} == {("chen", "", "{}")}
    assert [one.action for one in log] == ["outcome", "note", "label", "exclude", "merge", "merge"]


def test_of_others_everything_stays(mailing: Mailing) -> None:
    ben = mailing.world.nordwind.lead("ben")
    before = speaks_of(mailing, ben)
    age(mailing, "ada's desk", PHONE)
    forget_old(mailing.world.database, NOW - YEAR, NOW)
    after = speaks_of(mailing, ben)
    assert before.keys() - after.keys() == {"lead_pairs_apart"}  # the other of the pair is gone
    for name in ("visitors", "events", "leads", "identities", "lead_visitors"):
        assert after[name] == before[name]
    with mailing.world.database.reading() as connection:
        assert read_log(connection, mailing.site_id, ben)[0].why == "Ben works here"


def test_clicks_stay_as_long_as_the_lead_that_they_were_mailed_to(mailing: Mailing) -> None:
    before = mailing.mails(mailing.ada)
    age(mailing, PHONE)
    assert forget_old(mailing.world.database, NOW - YEAR, NOW) == 1
    assert mailing.mails(mailing.ada) == before
    assert len(before) == 2


def test_a_visitor_whom_a_sender_has_given_such_a_name_goes_with_its_own_lead_only(mailing: Mailing) -> None:
    name = f"mail:{mailing.ada}"
    age(mailing, "ada's desk", PHONE)
    with mailing.world.database.writing() as connection:
        connection.execute(update(visitors).where(visitors.c.key == name).values(key="elsewhere"))
    mailing.world.feed([page(name, "/", NOW - HOUR)])
    forget_old(mailing.world.database, NOW - YEAR, NOW)
    with mailing.world.database.reading() as connection:
        site: Site = load_sites(connection)[mailing.site_id]
        kept = connection.execute(select(visitors.c.id).where(visitors.c.key == name, visitors.c.site_id == site.id)).one()
        for table in (events, visits):
            assert connection.execute(select(table).where(table.c.visitor_id == kept.id)).all() != []
