"""Publishing a scorecard: filled in the background whatever happens meanwhile, switched at once, taken back exactly."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update

from scorer import rescoring
from scorer.accounts import touch_accounts
from scorer.announcing import announce
from scorer.auditing import read_log
from scorer.cooling import announce_cooled
from scorer.core.decay import DAY_MS
from scorer.core.people import lead_id
from scorer.models import accounts, identities, lead_changes, lead_scores, leads, scorecards
from scorer.publishing import PublishingError, publish, rollback
from scorer.rescoring import is_wanted, make_scores, switch
from scorer.scorecards import FIRST_LANDMARK_MS, current_cards, find_card, list_cards
from scorer.scoring import score_anew
from tests.factories import DAY, HOUR, NOW, World, buyer, identify, page, passer_by
from tests.scorer.test_simulating import CARDS, SHIPPED, Office, card, crowd, office, with_points
from tracker.models import partitions

__all__ = ["office"]  # a fixture
EASY = card(hot={"enter": 5}, warm=2)
HARD = card(hot={"enter": 900})


@pytest.fixture
def small(database_url: str) -> Iterator[Office]:
    """Two hot leads, one of them known, and a cold one."""
    made = Office(World(database_url), [*buyer("a", name="Ada", email="ada@halden.example"), *buyer("b"), *passer_by("c")])
    yield made
    made.database.close()


def stored(office: Office) -> dict[tuple[int, str], tuple[Any, ...]]:
    """All scores, by number of the card and lead: everything but the revision."""
    columns = [column for column in lead_scores.columns if column.name not in ("scorecard_id", "lead_id", "revision")]
    with office.database.reading() as connection:
        query = select(scorecards.c.number, lead_scores.c.lead_id, *columns).join(
            scorecards, scorecards.c.id == lead_scores.c.scorecard_id
        )
        return {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(query)}


def cards(office: Office) -> list[tuple[int, str]]:
    with office.database.reading() as connection:
        return [(one.number, one.state) for one in list_cards(connection, office.site.id)]


def news(office: Office) -> list[tuple[str, str, dict[str, Any]]]:
    with office.database.reading() as connection:
        query = select(lead_changes).order_by(lead_changes.c.sequence)
        return [(row.kind, row.lead_id, json.loads(row.detail)) for row in connection.execute(query)]


def begin(office: Office, body: object, now: int = NOW) -> int:
    """Publish without filling."""
    with office.database.writing() as connection:
        return publish(connection, office.site, body, "ada", "a test", now).number


def back(office: Office, now: int = NOW, number: int | None = None) -> int:
    with office.database.writing() as connection:
        return rollback(connection, office.site, "ben", "no good", now, number).number


def score_all_by(office: Office, number: int, now: int) -> None:
    """Make all scores by a filling card, without switching to it."""
    with office.database.writing() as connection:
        found = find_card(connection, office.site.id, number)
        assert found is not None
        assert make_scores(connection, found, {lead for _, lead in stored(office)}, now) > 0


def check_refold(office: Office) -> None:
    """What is stored by the current card is what every lead's history gives."""
    before = stored(office)
    with office.database.writing() as connection:
        score_anew(connection, {office.site.id: office.site}, [lead for _, lead in before], NOW)
    after = stored(office)
    place = [column.name for column in lead_scores.columns].index("announced_score") - 2
    assert after.keys() == before.keys()
    for key, row in before.items():
        assert (*row[:place], *row[place + 1 :]) == (*after[key][:place], *after[key][place + 1 :])


def test_a_published_card_scores_every_lead_and_is_current(office: Office) -> None:
    assert office.publish(CARDS["prices matter"]) == 2
    assert cards(office) == [(2, "current"), (1, "past")]
    with office.database.reading() as connection:
        [second, first] = list_cards(connection, office.site.id)
        assert (second.scored, second.published_at, second.created_at) == (second.leads, NOW, NOW)
        found = find_card(connection, office.site.id, 2)
        assert found is not None
        assert found.card.decay.landmark_ms == NOW // DAY_MS * DAY_MS
        assert current_cards(connection)[office.site.id] == found
        assert first.published_at is not None
        assert find_card(connection, office.site.id, 3) is None
        assert not is_wanted(connection)
    assert {number for number, _ in stored(office)} == {2}
    check_refold(office)


def test_the_first_card_s_landmark_never_depends_on_the_day(small: Office) -> None:
    with small.database.reading() as connection:
        assert current_cards(connection)[small.site.id].card.decay.landmark_ms == FIRST_LANDMARK_MS


def test_going_back_gives_the_same_scores_to_the_bit(office: Office) -> None:
    before, listed = stored(office), office.hot_list()
    office.publish(CARDS["short memory"])
    assert office.hot_list() != listed
    assert back(office) == 1
    office.fill()
    assert cards(office) == [(2, "past"), (1, "current")]
    after = stored(office)
    names = [column.name for column in lead_scores.columns][2:]
    without = [place for place, name in enumerate(n for n in names if n != "revision") if name != "announced_score"]
    assert {key: [row[place] for place in without] for key, row in after.items()} == {
        key: [row[place] for place in without] for key, row in before.items()
    }
    assert office.hot_list() == listed
    # And forth again: the card before is now the second.
    assert back(office, NOW + HOUR) == 2


def test_what_is_told_is_who_enters_and_who_leaves(small: Office) -> None:
    told = len(news(small))
    small.publish(HARD)
    hot = {small.world.nordwind.lead(who) for who in "ab"}
    lines = news(small)[told:]
    assert sorted(line[:2] for line in lines) == sorted(("left", lead) for lead in hot)
    assert all(detail["scorecard"] == 2 and 0 < detail["score"] < 100 for _, _, detail in lines)
    small.publish(EASY)
    lines = news(small)[told + 2 :]
    assert {line[:2] for line in lines} == {("entered", lead) for lead in hot}
    told = len(news(small))
    small.publish(card(hot={"enter": 6}, warm=2))  # nobody enters, nobody leaves
    assert news(small)[told:] == []


def test_what_was_said_of_a_hot_lead_is_said_on_the_new_scale(small: Office) -> None:
    begin(small, with_points("pricing", 9))
    score_all_by(small, 2, NOW)
    small.fill(NOW + HOUR)
    told = len(news(small))
    with small.database.reading() as connection:
        stored_card = current_cards(connection)[small.site.id]
        query = select(lead_scores.c.heat, lead_scores.c.announced_score).where(lead_scores.c.hot_since.is_not(None))
        rows = connection.execute(query).all()
    assert len(rows) == 2
    assert all(row.announced_score == stored_card.card.score(row.heat, NOW + HOUR) for row in rows)
    small.world.feed([page("a", "/blog/x", NOW)])
    assert [kind for kind, _, _ in news(small)[told:]] == []  # hardly risen


def test_leads_that_fade_while_a_card_is_filled_are_told_of_by_the_tick_or_the_switch(small: Office) -> None:
    late = NOW + 100 * DAY
    for number, body, cooled in ((2, EASY, True), (3, SHIPPED, False)):
        begin(small, body)
        score_all_by(small, number, NOW)
        told = len(news(small))
        with small.database.writing() as connection:
            assert announce_cooled(connection, late) == (2 if cooled else 0)
        small.fill(late)
        assert [kind for kind, _, _ in news(small)[told:]] == (["left", "left"] if cooled else [])
        with small.database.reading() as connection:
            assert connection.execute(select(func.count(lead_scores.c.hot_since))).scalar_one() == 0
            assert connection.execute(select(func.count(lead_scores.c.announced_score))).scalar_one() == 0


def test_who_fades_before_the_switch_leaves_by_it(small: Office) -> None:
    late = NOW + 100 * DAY
    begin(small, EASY)
    score_all_by(small, 2, NOW)
    told = len(news(small))
    small.fill(late)
    assert [kind for kind, _, _ in news(small)[told:]] == ["left", "left"]


def test_a_lead_s_revision_only_grows(small: Office) -> None:
    def revisions() -> dict[str, int]:
        with small.database.reading() as connection:
            return dict(map(tuple, connection.execute(select(lead_scores.c.lead_id, lead_scores.c.revision)).all()))

    seen = [revisions()]
    for body in (HARD, EASY, SHIPPED):
        small.publish(body)
        seen.append(revisions())
    assert all(after[lead] > before[lead] for before, after in pairwise(seen) for lead in before)


def test_exclusions_change_with_the_card_and_come_back(small: Office) -> None:
    ada = small.world.nordwind.lead("a")

    def exclusion() -> tuple[str | None, int]:
        with small.database.reading() as connection:
            row = connection.execute(select(leads).where(leads.c.id == ada)).one()
            return row.exclusion, row.version

    rule = {"id": "us", "label": {"en": "Us"}, "reason": "staff", "match": {"email_domain": "halden.example"}}
    before, told = exclusion(), len(news(small))
    small.publish(card(exclusions=[rule]))
    assert exclusion() == ("staff", before[1] + 1)
    assert [line[:2] for line in news(small)[told:]] == [("left", ada)]
    assert [lead for lead, _ in small.hot_list()] == [small.world.nordwind.lead("b")]
    back(small)
    small.fill()
    assert exclusion() == (None, before[1] + 2)
    assert [line[:2] for line in news(small)[told + 1 :]] == [("entered", ada)]


def test_a_person_s_word_on_an_exclusion_outlives_the_card(small: Office) -> None:
    ada = small.world.nordwind.lead("a")
    with small.database.writing() as connection:
        connection.execute(update(leads).where(leads.c.id == ada).values(exclusion_by_hand=""))
    rule = {"id": "us", "label": {"en": "Us"}, "reason": "staff", "match": {"email_domain": "halden.example"}}
    small.publish(card(exclusions=[rule]))
    assert ada in dict(small.hot_list())


def test_accounts_are_what_adding_up_one_by_one_gives(office: Office) -> None:
    def heats() -> dict[str, float]:
        with office.database.reading() as connection:
            return dict(map(tuple, connection.execute(select(accounts.c.id, accounts.c.heat)).all()))

    before = heats()
    office.publish(CARDS["fit and staff"])
    by_switch = heats()
    with office.database.writing() as connection:
        touch_accounts(connection, dict.fromkeys(by_switch))
    assert by_switch == pytest.approx(heats(), rel=1e-12)
    assert len(by_switch) > 3
    assert by_switch != before
    assert 0.0 in by_switch.values()  # all of firm 1 are staff now


class Cut(Exception):
    """The process is killed here."""


@pytest.mark.parametrize("transactions", range(6))
def test_whatever_is_cut_off_is_taken_up_again(small: Office, monkeypatch: pytest.MonkeyPatch, transactions: int) -> None:
    monkeypatch.setattr(rescoring, "AT_ONCE", {"sqlite": 1, "postgresql": 1})
    begin(small, EASY)
    left = transactions

    def cut(*told: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cut

    def announce_and_cut(*given: Any) -> None:
        announce(*given)
        cut()

    with monkeypatch.context() as patch:
        patch.setattr(rescoring, "announce", announce_and_cut)  # before the commit of the switch
        with suppress(Cut):  # the last one comes too late
            small.fill(progress=cut)
    told = len(news(small))
    small.fill()
    assert cards(small)[0] == (2, "current")
    assert {number for number, _ in stored(small)} == {2}
    assert len(stored(small)) == 3
    assert sum(kind == "entered" for kind, _, _ in news(small)) == 2  # both were hot before
    assert len(news(small)) == told
    check_refold(small)


def test_it_stops_when_asked_and_goes_on_where_it_was(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "AT_ONCE", {"sqlite": 20, "postgresql": 20})
    begin(office, EASY)
    runs, steps = 0, 0
    while cards(office)[0] != (2, "current"):
        steps = 0

        def stopping() -> bool:
            nonlocal steps
            steps += 1
            return steps > 3

        assert office.fill(stopping=stopping) in (True, False)
        runs += 1
        assert runs < 50
    assert runs > 3
    check_refold(office)


def test_what_happens_meanwhile_is_in_the_new_scores(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "AT_ONCE", {"sqlite": 20, "postgresql": 20})
    begin(office, EASY)
    more = iter(crowd(99, 30))  # the same people, and their messages
    told: list[tuple[int, int]] = []

    def meanwhile(done: int, of: int) -> None:
        told.append((done, of))
        events = [event for event, _ in zip(more, range(15), strict=False)]
        if events and cards(office)[0] != (2, "current"):
            office.world.feed(events)

    office.fill(progress=meanwhile)
    assert told == sorted(told)
    assert cards(office)[0] == (2, "current")
    check_refold(office)


def test_the_last_one_published_counts(office: Office) -> None:
    begin(office, HARD)
    with office.database.writing() as connection:
        dropped = find_card(connection, office.site.id, 2)
        assert dropped is not None
        assert make_scores(connection, dropped, [lead for _, lead in stored(office)][:50], NOW) == 50
    begin(office, EASY)
    assert cards(office) == [(3, "filling"), (2, "dropped"), (1, "current")]
    office.fill()
    assert cards(office) == [(3, "current"), (2, "dropped"), (1, "past")]
    assert {number for number, _ in stored(office)} == {3}
    with office.database.writing() as connection:
        assert switch(connection, dropped, NOW) is False


def test_going_back_while_a_card_is_filling_only_drops_it(small: Office) -> None:
    begin(small, HARD)
    assert back(small) == 1
    assert cards(small) == [(2, "dropped"), (1, "current")]
    told = len(news(small))
    assert small.fill() is False
    assert len(news(small)) == told


def test_scores_left_from_a_card_s_time_are_not_taken_for_right(small: Office) -> None:
    begin(small, HARD)
    small.fill(stopping=lambda: cards(small)[0] == (2, "current"))  # the old scores are not cleared away
    assert {number for number, _ in stored(small)} == {1, 2}
    small.world.feed([page("c", "/pricing", NOW)])
    back(small)
    small.fill()
    check_refold(small)


def test_going_back_to_a_number(small: Office) -> None:
    for body in (HARD, EASY):
        small.publish(body)
    assert back(small, number=1) == 1
    small.fill()
    assert cards(small) == [(3, "past"), (2, "past"), (1, "current")]
    with pytest.raises(PublishingError) as refused:
        back(small, number=9)
    assert refused.value.reason == "scorecard_unknown"


def test_what_can_t_be_done_is_refused(small: Office) -> None:
    with pytest.raises(PublishingError) as refused:
        back(small)
    assert refused.value.reason == "nothing_before"
    with pytest.raises(PublishingError) as refused, small.database.writing() as connection:
        publish(connection, small.site, SHIPPED, "ada", "  ", NOW)
    assert refused.value.reason == "why_missing"
    assert cards(small) == [(1, "current")]


def test_who_did_it_and_why_is_noted(small: Office) -> None:
    small.publish(HARD)
    back(small)
    with small.database.reading() as connection:
        lines = [(one.actor, one.action, one.subject, one.why) for one in read_log(connection, small.site.id)]
    assert lines == [("ben", "rollback", "scorecard 1", "no good"), ("ada", "publish", "scorecard 2", "a test")]


def test_each_site_has_its_own(small: Office) -> None:
    other = small.world.huadong
    small.world.feed(buyer("x"), other)
    small.publish(HARD)
    with small.database.reading() as connection:
        assert current_cards(connection)[other.id].number == 1
        query = select(lead_scores.c.hot_since).where(lead_scores.c.lead_id == other.lead("x"))
        assert connection.execute(query).scalar_one() is not None


def test_leads_of_an_older_program_are_made_whole(office: Office) -> None:
    """After migration 0002: no states, no names, and the current card is filling."""
    whole = stored(office)
    with office.database.writing() as connection:
        connection.execute(update(lead_scores).values(state=b"", stage=None, grade=None, topics=" "))
        connection.execute(update(scorecards).where(scorecards.c.site_id == office.site.id).values(filling=True))
        connection.execute(text("UPDATE lead_visitors SET claims = '[]'"))
        names = connection.execute(select(identities).order_by(identities.c.claim)).all()
        connection.execute(delete(identities))
    told = len(news(office))
    with office.database.reading() as connection:
        assert is_wanted(connection)
    office.fill()
    assert stored(office) == whole
    assert news(office)[told:] == []
    with office.database.reading() as connection:
        assert {row.claim for row in connection.execute(select(identities))} == {row.claim for row in names}
        assert not is_wanted(connection)
    assert cards(office) == [(1, "current")]


def test_two_browsers_that_an_older_program_kept_apart_are_joined(database_url: str) -> None:
    office = Office(World(database_url), [page("p", "/pricing", NOW - DAY), page("q", "/pricing", NOW - HOUR)])
    p, q = (office.world.nordwind.lead(who) for who in "pq")
    office.world.feed([identify("p", NOW - HOUR, email="ada@halden.example")])
    with office.database.writing() as connection:
        # As if it had been told when names joined nobody.
        connection.execute(delete(identities))
        connection.execute(text("UPDATE lead_visitors SET claims = '[]'"))
    office.world.feed([identify("q", NOW - HOUR, email="ada@halden.example")])
    with office.database.writing() as connection:
        connection.execute(update(lead_scores).values(state=b""))
        connection.execute(update(scorecards).where(scorecards.c.site_id == office.site.id).values(filling=True))
    office.fill()
    with office.database.reading() as connection:
        merged = dict(map(tuple, connection.execute(select(leads.c.id, leads.c.merged_into)).all()))
        assert sorted(merged.items()) == sorted({p: None, q: p}.items())
        assert connection.execute(select(lead_scores.c.lead_id)).scalars().all() == [p]
    assert Counter(kind for kind, _, _ in news(office))["merged"] == 1
    check_refold(office)
    office.database.close()


def test_drains_wait_for_the_switch_and_then_go_by_the_new_card(postgres_url: str) -> None:
    # SQLite has one writer at a time.
    office = Office(World(postgres_url), [*buyer("a"), *passer_by("c")])
    begin(office, EASY)
    ada = office.world.nordwind.lead("a")
    thread = threading.Thread(target=office.world.feed, args=([page("c", "/pricing", NOW), page("new", "/pricing", NOW)],))
    by_hand = threading.Thread(target=_score_anew, args=(office, ada))
    with office.database.writing() as connection:
        found = find_card(connection, office.site.id, 2)
        assert found is not None
        switch(connection, found, NOW)
        for one in (thread, by_hand):
            one.start()
        time.sleep(0.3)
        assert thread.is_alive()
        assert by_hand.is_alive()
    for one in (thread, by_hand):
        one.join(10)
    scored = {lead for number, lead in stored(office) if number == 2}
    assert scored == {lead_id(office.site.id, who) for who in ("a", "c", "new")}
    office.fill()
    check_refold(office)
    office.database.close()


def test_the_switch_waits_for_a_drain_under_way(postgres_url: str) -> None:
    office = Office(World(postgres_url), buyer("a"))
    begin(office, EASY)
    with office.database.writing() as connection:
        connection.execute(select(partitions).with_for_update())
        thread = threading.Thread(target=office.fill)
        thread.start()
        time.sleep(0.3)
        assert cards(office)[0] == (2, "filling")
    thread.join(10)
    assert cards(office)[0] == (2, "current")
    office.database.close()


def test_two_who_fill_at_once_do_it_once(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescoring, "AT_ONCE", {"sqlite": 5, "postgresql": 5})
    office = Office(World(postgres_url), crowd(3, 60))
    begin(office, EASY)
    told, failed = len(news(office)), list[BaseException]()

    def run() -> None:
        try:
            office.fill()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    lines = [line[:2] for line in news(office)[told:]]
    assert len(lines) == len(set(lines)) > 0
    check_refold(office)
    office.database.close()


def _score_anew(office: Office, lead: str) -> None:
    with office.database.writing() as connection:
        score_anew(connection, {office.site.id: office.site}, [lead], NOW)
