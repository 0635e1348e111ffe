"""The visit fold: whatever the order in which events arrive, the visits are the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.core.events import CONSENT_WITHDRAWN, FILE_DOWNLOADED, PAGE_ENGAGED, Event
from tracker.core.visits import MAX_VIEWS, Folded, Visit, VisitorState, fold, pack_state, unpack_state

MINUTE = 60_000
DAY = 86_400_000
START = 20_000 * DAY


def day_of(at: int) -> int:
    return at // DAY


def event(number: int, at: int, kind: str = "page", **fields: object) -> Event:
    return Event(message_id=number.to_bytes(16, "big"), at=START + at, kind=kind, **fields)  # type: ignore[arg-type]


def page(number: int, at: int, view_id: str = "", url: str = "https://shop.example/") -> Event:
    return event(number, at, view_id=view_id, url=url)


def engaged(number: int, at: int, view_id: str, engaged_ms: int) -> Event:
    return event(number, at, "track", name=PAGE_ENGAGED, view_id=view_id, engaged_ms=engaged_ms)


def withdrawn(number: int, at: int) -> Event:
    return event(number, at, "track", name=CONSENT_WITHDRAWN)


def folded(events: list[Event]) -> Folded:
    result = fold(events, None, day_of)
    assert result is not None
    return result


def outline(result: Folded) -> list[tuple[int, int, int, int, int]]:
    """Start and end in minutes, page views, downloads, engaged seconds of each visit."""
    return [
        (
            (visit.started_at - START) // MINUTE,
            (visit.ended_at - START) // MINUTE,
            visit.page_views,
            visit.downloads,
            visit.engaged_ms // 1000,
        )
        for visit in result.visits
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([page(1, 0)], [(0, 0, 1, 0, 0)]),
        ([page(1, 0), page(2, 30 * MINUTE)], [(0, 30, 2, 0, 0)]),
        ([page(1, 0), page(2, 30 * MINUTE + 1)], [(0, 0, 1, 0, 0), (30, 30, 1, 0, 0)]),
        ([page(1, 0, "a"), engaged(2, MINUTE, "a", 50_000), engaged(3, 2 * MINUTE, "a", 90_000)], [(0, 2, 1, 0, 90)]),
        # A lost and a repeated checkpoint change nothing; one that comes out of order never lowers.
        ([page(1, 0, "a"), engaged(2, MINUTE, "a", 90_000), engaged(3, 2 * MINUTE, "a", 50_000)], [(0, 2, 1, 0, 90)]),
        # Engagement of an old tab belongs to the visit of its page, and neither prolongs it nor begins another.
        ([page(1, 0, "a"), engaged(2, 50 * MINUTE, "a", 20_000)], [(0, 0, 1, 0, 20)]),
        (
            [page(1, 0, "a"), page(2, 60 * MINUTE, "b"), engaged(3, 61 * MINUTE, "a", 9_000)],
            [(0, 0, 1, 0, 9), (60, 60, 1, 0, 0)],
        ),
        # Its page view was lost: the engagement is all that is known of the visit.
        ([engaged(1, 0, "a", 7_000)], [(0, 0, 0, 0, 7)]),
        ([page(1, 0), event(2, MINUTE, "track", name=FILE_DOWNLOADED)], [(0, 1, 1, 1, 0)]),
        # Who takes back a consent is not there for longer by that, nor there again.
        ([page(1, 0), withdrawn(2, 10 * MINUTE)], [(0, 0, 1, 0, 0)]),
        ([page(1, 0), withdrawn(2, 60 * MINUTE), page(3, 61 * MINUTE)], [(0, 0, 1, 0, 0), (61, 61, 1, 0, 0)]),
        ([withdrawn(1, 0)], []),
        # A call and a server's word about somebody count, but are no visits.
        ([event(1, 0, "track", name="Trade Fair Visited"), event(2, MINUTE, "identify")], []),
        (
            [page(1, 0), event(2, 10 * MINUTE, "track", name="Called"), page(3, 35 * MINUTE)],
            [(0, 0, 1, 0, 0), (35, 35, 1, 0, 0)],
        ),
        ([event(1, 0, "identify", agent="desktop|Firefox 131|Windows 10")], [(0, 0, 0, 0, 0)]),
        ([withdrawn(1, 0), page(2, MINUTE)], [(1, 1, 1, 0, 0)]),
    ],
)
def test_events_become_these_visits(events: list[Event], expected: list[tuple[int, int, int, int, int]]) -> None:
    assert outline(folded(events)) == expected


def test_a_withdrawn_consent_tells_nothing_that_could_be_scored() -> None:
    told = folded([page(1, 0), withdrawn(2, MINUTE), withdrawn(3, DAY)])
    assert [fact.kind for fact in told.facts] == ["visit", "page"]
    assert [visit.events for visit in told.visits] == [3]
    assert folded([withdrawn(1, 0)]).facts == []


def test_a_visit_remembers_how_it_came_and_where_it_went() -> None:
    first = event(
        1,
        0,
        url="https://shop.example/a?utm_source=mail&utm_campaign=spring",
        referrer="https://mail.example/",
        agent="desktop|Firefox 131|Linux",
        context={"locale": "de-DE", "timezone": "Europe/Berlin", "location": {"country": "DE"}, "network": "Halden AG"},
    )
    visit = folded([first, page(2, MINUTE, url="https://shop.example/b")]).visits[0]
    assert visit == Visit(
        number=1,
        started_at=START,
        ended_at=START + MINUTE,
        day=20_000,
        events=2,
        page_views=2,
        entry_url=first.url,
        exit_url="https://shop.example/b",
        referrer="https://mail.example/",
        campaign={"name": "spring", "source": "mail"},
        agent="desktop|Firefox 131|Linux",
        time_zone="Europe/Berlin",
        locale="de-DE",
        country="DE",
        network="Halden AG",
        views={"": 0},
    )


def test_later_traits_win_and_empty_ones_say_nothing() -> None:
    who = [
        event(1, 0, "identify", properties={"name": "Ada", "email": "ada@halden.example"}, user_id="7"),
        event(2, 1, "identify", properties={"name": "Ada Lind", "email": ""}),
        event(3, 2, "group", properties={"name": "Halden"}),
    ]
    state = folded(who).state
    assert (state.traits, state.company, state.user_id) == (
        {"name": "Ada Lind", "email": "ada@halden.example"},
        {"name": "Halden"},
        "7",
    )


def test_a_fold_from_scratch_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one event"):
        fold([], None, day_of)


def test_endless_page_views_do_not_grow_the_state_without_end() -> None:
    state = folded([page(n, n * 1000, f"v{n}") for n in range(MAX_VIEWS + 500)]).state
    assert state.visit is not None
    assert len(state.visit.views) == MAX_VIEWS


_events = st.lists(
    st.tuples(
        st.integers(0, 3 * DAY // MINUTE).map(lambda minute: minute * MINUTE // 3),
        st.sampled_from(["page", "engaged", "download", "identify", "withdrawn"]),
        st.sampled_from(["", "a", "b", "c", "d"]),
        st.integers(0, 600_000),
    ),
    min_size=1,
    max_size=40,
)


def _build(drawn: list[tuple[int, str, str, int]]) -> list[Event]:
    made = []
    for number, (at, kind, view, amount) in enumerate(drawn):
        if kind == "page":
            made.append(page(number, at, view, f"https://shop.example/{view}"))
        elif kind == "engaged":
            made.append(engaged(number, at, view, amount))
        elif kind == "download":
            made.append(event(number, at, "track", name=FILE_DOWNLOADED, view_id=view))
        elif kind == "withdrawn":
            made.append(withdrawn(number, at))
        else:
            made.append(event(number, at, "identify", properties={"n": amount}, user_id=view))
    return made


def _by_number(result: Folded) -> list[Visit]:
    return [msgspec.structs.replace(visit, views={}) for visit in sorted(result.visits, key=lambda visit: visit.number)]


@settings(max_examples=400, deadline=None)
@given(drawn=_events, data=st.data())
def test_any_arrival_gives_the_same_visits_as_all_at_once(
    drawn: list[tuple[int, str, str, int]], data: st.DataObject
) -> None:
    events = _build(drawn)
    whole = folded(events)
    arrival = data.draw(st.permutations(events))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=6)))
    packed: bytes | None = None
    seen: list[Event] = []
    visits: dict[int, Visit] = {}
    facts = 0
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        part = arrival[start:end]
        if not part:
            continue
        state: VisitorState | None = unpack_state(packed) if packed else None
        result = fold(part, state, day_of) if state else None
        seen += part
        if result is None:
            result = folded(seen)
            visits, facts = {}, 0
        visits |= {visit.number: visit for visit in result.visits}
        facts += len(result.facts)
        packed = pack_state(result.state)
    assert packed == pack_state(whole.state)
    assert [msgspec.structs.replace(visits[n], views={}) for n in sorted(visits)] == _by_number(whole)
    assert facts == len(whole.facts)


@settings(max_examples=200, deadline=None)
@given(drawn=_events)
def test_events_one_at_a_time_in_order_tell_the_facts_of_all_at_once(drawn: list[tuple[int, str, str, int]]) -> None:
    events = sorted(_build(drawn), key=lambda one: one.order)
    state: VisitorState | None = None
    facts = []
    for number, one in enumerate(events):
        result = fold([one], state, day_of)
        if result is None:
            result = folded(events[: number + 1])
            facts = []
        facts += result.facts
        state = unpack_state(pack_state(result.state))
    assert facts == folded(events).facts
