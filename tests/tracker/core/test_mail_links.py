"""Tokens of links in mails: whole and ours, or refused; targets that stay what they were; and what a click confirms."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.events import CONSENT_WITHDRAWN, FILE_DOWNLOADED, PAGE_ENGAGED, Event
from tracker.core.mail_links import (
    EARLIER_MS,
    MAX_CAMPAIGN,
    MAX_TARGET,
    VISIT_WITHIN_MS,
    LinkError,
    MailClick,
    MailLink,
    Refused,
    clean_target,
    followed_click,
    landing_url,
    link_id_of,
    read,
    read_click,
    sign,
    sign_click,
    take_off_click,
)
from tracker.core.visits import CONFIRMING_MS, MAX_HELD, Folded, fold, pack_state, unpack_state

SECRET = b"secret"
NOW = 1_795_253_400_000
URL = "https://shop.example/pricing?a=1&b=%20x#plans"
LINK = MailLink(1, "ld_a", URL, "spring", NOW + 1000, "k1")
FORGED, EXPIRED = Refused("forged"), Refused("expired")


def signed(url: str = URL, campaign: str = "spring", lead: str = "ld_a", link_id: str = "k1") -> str:
    return sign(SECRET, 1, lead, url, campaign, NOW + 1000, link_id)


def test_a_link_says_what_was_put_into_it_until_it_expires() -> None:
    assert read(SECRET, signed(), NOW + 999) == LINK
    assert read(SECRET, signed(), NOW + 1000) == EXPIRED
    assert signed() == signed()
    assert re.fullmatch("[A-Za-z0-9_-]+", signed())


@given(st.integers(min_value=0), st.sampled_from("ABCxyz019-_=.é \n"))
def test_a_token_of_which_one_character_is_changed_is_refused(place: int, mark: str) -> None:
    token = signed()
    place %= len(token)
    changed = token[:place] + mark + token[place + 1 :]
    assert read(SECRET, changed, NOW) == (LINK if changed == token else FORGED)


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    assert read(SECRET, text, NOW) == read_click(SECRET, text, 1, NOW) == FORGED


@pytest.mark.parametrize(
    "token",
    [
        signed()[:-1],
        signed()[1:],
        signed() + "A",
        signed() + "=",
        " " + signed(),
        sign(b"another", 1, "ld_a", URL, "spring", NOW + 1000, "k1"),
        sign_click(SECRET, LINK, NOW),
        urlsafe_b64encode(b"\x01" + bytes(40)).decode(),
        "A" * 5000,
        "",
    ],
)
def test_what_is_not_ours_and_whole_is_forged(token: str) -> None:
    assert read(SECRET, token, NOW) == FORGED


def test_a_click_is_honoured_on_its_site_and_in_its_time_only() -> None:
    token = sign_click(SECRET, LINK, NOW)
    click = MailClick("ld_a", "k1", "spring", NOW)
    assert read_click(SECRET, token, 1, NOW + VISIT_WITHIN_MS) == click
    assert read_click(SECRET, token, 1, NOW - EARLIER_MS) == click
    assert read_click(SECRET, token, 1, NOW + VISIT_WITHIN_MS + 1) == EXPIRED
    assert read_click(SECRET, token, 1, NOW - EARLIER_MS - 1) == EXPIRED
    assert read_click(SECRET, token, 2, NOW) == FORGED
    assert read_click(b"another", token, 1, NOW) == FORGED
    assert read_click(SECRET, signed(), 1, NOW) == FORGED


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (URL, URL),
        ("http://shop.example", "http://shop.example"),
        ("https://shop.example/a?x=%E4%BB%B7&y=a+b&&z#!/r?q=1", "https://shop.example/a?x=%E4%BB%B7&y=a+b&&z#!/r?q=1"),
        (" https://shop.example/价格 ", "https://shop.example/%E4%BB%B7%E6%A0%BC"),
        ("https://bücher.example/ü?ü=1#ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC=1#%C3%BC"),
        ("https://shop.example/a?wt_m=old&b=1", "https://shop.example/a?b=1"),
    ],
)
def test_a_target_stays_what_it_is(url: str, target: str) -> None:
    assert clean_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "/pricing", "//shop.example/", "javascript:alert(1)", "ftp://shop.example/", "mailto:a@b.example", "https://"),
        *("https://me@shop.example/", "https://me:pw@shop.example/", "https://shop.example\\@evil.example/"),
        *("https://shop.example/a b", "https://shop.example/\r\nSet-Cookie: a=1", "https://shop.example:port/"),
        *("https://[half/", "https://shop.example/\ud800", "https://" + "ü" * 80 + ".example/"),
        "https://shop.example/" + "a" * MAX_TARGET,
    ],
)
def test_what_no_mail_should_lead_to_is_refused(url: str) -> None:
    with pytest.raises(LinkError):
        signed(url)


@pytest.mark.parametrize(
    "told",
    [
        {"campaign": "a" * (MAX_CAMPAIGN + 1)},
        {"campaign": "a\nb"},
        {"campaign": "\ud800"},
        {"lead": ""},
        {"lead": "ld a"},
        {"link_id": "k/1"},
        {"link_id": "k" * 65},
    ],
)
def test_a_link_of_nonsense_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(LinkError):
        signed(**told)


@given(
    st.from_regex(r"https://shop\.example(/[a-z%?&=+.]{0,20})?(\?[a-z0-9&=%+]{1,20})?(#[a-z/!?=&]{1,20})?", fullmatch=True)
)
def test_a_landing_address_without_its_token_is_the_target(url: str) -> None:
    landing = landing_url(url, "tok-en_1")
    bare, token = take_off_click(landing)
    assert token == "tok-en_1"
    # A separator with nothing behind it is all that may be lost.
    assert [part.rstrip("?&") for part in bare.split("#")] == [part.rstrip("?&") for part in url.split("#")]


def test_the_same_link_has_the_same_id() -> None:
    assert link_id_of("ld_a", URL, "x") == link_id_of("ld_a", URL, "x")
    assert len({link_id_of(*said) for said in (("ld_a", URL, "x"), ("ld_b", URL, "x"), ("ld_a", URL, "y"))}) == 3


# Admission: what becomes of the token in a page's address.

TOKEN = sign_click(SECRET, LINK, NOW)
CLICK = {"lead": "ld_a", "link": "k1", "campaign": "spring", "clicked_at": NOW}


def admitted(secret: bytes = SECRET, site_id: int = 1, **told: object) -> Event:
    body = read_body(json.dumps({"type": "page", "anonymousId": "v", **told}).encode(), is_batch=False)
    admission = admit(body, None, Caller(site_id, False, OLDEST_MS, secret=secret), NOW)
    assert admission.rejected == []
    return admission.events[0][1]


def test_a_proved_click_becomes_a_property_and_leaves_the_address() -> None:
    event = admitted(properties={"url": f"https://shop.example/a?b=1&wt_m={TOKEN}#x", "size": 3})
    assert (event.url, event.properties) == ("https://shop.example/a?b=1", {"size": 3, "mail_link": CLICK})
    there = admitted(context={"page": {"url": f"https://shop.example/?wt_m={TOKEN}"}})
    assert (there.url, there.properties) == ("https://shop.example/", {"mail_link": CLICK})


def test_a_token_counts_in_an_address_longer_than_is_kept() -> None:
    event = admitted(properties={"url": f"https://shop.example/?q={'a' * 2500}&wt_m={TOKEN}"})
    assert (len(event.url), event.properties) == (2000, {"mail_link": CLICK})


@pytest.mark.parametrize(
    ("token", "more"),
    [
        ("forged", {}),
        ("", {}),
        (signed(), {}),
        (TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B"), {}),
        (TOKEN, {"site_id": 2}),
        (TOKEN, {"secret": b""}),
        (sign_click(SECRET, LINK, NOW - VISIT_WITHIN_MS - 1), {}),
    ],
)
def test_an_unproved_click_is_dropped_and_leaves_the_address_too(token: str, more: dict[str, object]) -> None:
    url = f"https://shop.example/a?wt_m={token}"
    event = admitted(**more, properties={"url": url, "mail_link": CLICK})  # type: ignore[arg-type]
    assert (event.url, event.properties) == ("https://shop.example/a", None)


def test_nobody_but_us_says_whose_click_it_was() -> None:
    event = admitted(type="track", event="Email Link Clicked", properties={"mail_link": CLICK, "campaign": "x"})
    assert event.properties == {"campaign": "x"}


def test_a_token_in_a_referrer_or_a_deeds_address_is_not_kept() -> None:
    url = f"https://shop.example/a?wt_m={TOKEN}"
    assert admitted(properties={"url": "/b", "referrer": url}).referrer == "https://shop.example/a"
    deed = admitted(type="track", event="Form Submitted", properties={"url": url})
    assert (deed.url, deed.properties) == ("https://shop.example/a", None)


# The visit fold: who is held, and what is confirmed.

SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000


def event(number: int, at: int, kind: str = "page", **fields: object) -> Event:
    return Event(message_id=number.to_bytes(16, "big"), at=NOW + at, kind=kind, **fields)  # type: ignore[arg-type]


def arrived(number: int, at: int, view: str, link: str = "k1", lead: str = "ld_a") -> Event:
    told = {"lead": lead, "link": link, "campaign": "spring", "clicked_at": NOW}
    return event(
        number, at, view_id=view, url="https://shop.example/pricing", title="Prices", properties={"mail_link": told}
    )


def page(number: int, at: int, view: str) -> Event:
    return event(number, at, view_id=view, url="https://shop.example/b")


def engaged(number: int, at: int, view: str, ms: int) -> Event:
    return event(number, at, "track", name=PAGE_ENGAGED, view_id=view, engaged_ms=ms)


def deed(number: int, at: int, name: str = FILE_DOWNLOADED) -> Event:
    return event(number, at, "track", name=name, url="https://shop.example/a.pdf")


def folded(*events: Event) -> Folded:
    result = fold(list(events), None, lambda at: at // DAY)
    assert result is not None
    return result


def kinds(result: Folded) -> list[str]:
    return [fact.kind for fact in result.facts]


@pytest.mark.parametrize(
    ("events", "told", "links"),
    [
        # A scanner's browser: pages, and nobody before them.
        ((arrived(1, 0, "a"),), [], []),
        ((arrived(1, 0, "a"), arrived(2, 10, "b", "k2"), page(3, 20, "c")), [], []),
        ((arrived(1, 0, "a"), engaged(2, 4000, "a", CONFIRMING_MS - 1)), [], []),
        ((arrived(1, 0, "a"), deed(2, 4000, CONSENT_WITHDRAWN)), [], []),
        # A person who reads.
        (
            (arrived(1, 0, "a"), engaged(2, 6000, "a", CONFIRMING_MS)),
            ["visit", "page", "engaged", "mail_click"],
            [("ld_a", "k1")],
        ),
        # A person by a deed, or by reading on: the visit counts, the link is not confirmed.
        ((arrived(1, 0, "a"), deed(2, 4000)), ["visit", "page", "track"], []),
        ((arrived(1, 0, "a"), event(2, 1, "identify", url="/")), ["visit", "page", "identify"], []),
        (
            (arrived(1, 0, "a"), page(2, 4000, "b"), engaged(3, 9000, "b", 6000)),
            ["visit", "page", "page", "engaged"],
            [],
        ),
        (
            (arrived(1, 0, "a"), engaged(2, 4000, "a", 3000), page(3, 4001, "b"), engaged(4, 9000, "b", 2000)),
            ["visit", "page", "engaged", "page", "engaged"],
            [],
        ),
        # Twice the same link; two links; the same view reported twice.
        (
            (arrived(1, 0, "a"), engaged(2, 6000, "a", 6000), arrived(3, 7000, "b"), engaged(4, 14_000, "b", 6000)),
            ["visit", "page", "engaged", "mail_click", "page", "engaged"],
            [("ld_a", "k1")],
        ),
        (
            (arrived(1, 0, "a"), engaged(2, 6000, "a", 6000), arrived(3, 7000, "b", "k2"), engaged(4, 9999, "b", 6000)),
            ["visit", "page", "engaged", "mail_click", "page", "engaged", "mail_click"],
            [("ld_a", "k1"), ("ld_a", "k2")],
        ),
        # Without a view's id nobody can say what was read.
        ((arrived(1, 0, ""), engaged(2, 6000, "", 60_000)), ["visit", "page", "engaged"], []),
        # A browser that has been here before is no scanner's; it confirms by reading like any other.
        ((page(1, -DAY, "z"), arrived(2, 0, "a")), ["visit", "page", "visit", "page"], []),
    ],
)
def test_a_link_counts_once_a_person_is_there(
    events: tuple[Event, ...], told: list[str], links: list[tuple[str, str]]
) -> None:
    result = folded(*events)
    assert (kinds(result), result.state.mail_links) == (told, links)
    assert result.state.visits == told.count("visit")
    assert result.state.last_at == events[-1].at


def test_the_fact_of_a_confirmed_link_has_the_page_it_led_to() -> None:
    fact = folded(arrived(1, 0, "a"), engaged(2, 6000, "a", 6000)).facts[-1]
    assert fact.event is not None
    assert (fact.at, fact.visit, fact.event.url, fact.event.title) == (
        NOW + 6000,
        1,
        "https://shop.example/pricing",
        "Prices",
    )
    assert followed_click(fact.event.properties) == MailClick("ld_a", "k1", "spring", NOW)


def test_a_visit_by_mail_says_so() -> None:
    visit = folded(arrived(1, 0, "a"), engaged(2, 6000, "a", 6000)).visits[0]
    assert visit.campaign == {"medium": "email", "name": "spring"}


def test_a_scanner_that_goes_on_and_on_fills_nothing() -> None:
    state = folded(*(arrived(number, number, f"v{number}") for number in range(1, 200))).state
    assert len(state.held) == MAX_HELD


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["arrived", "page", "engaged", "named", FILE_DOWNLOADED, CONSENT_WITHDRAWN, "Called"]),
        st.sampled_from(["a", "b", "c", ""]),
        st.sampled_from([1, 3000, 20_000, 40 * MINUTE]),
        st.sampled_from([0, 2000, 5000, 90_000]),
    ),
    min_size=1,
    max_size=14,
)


def history(steps: list[tuple[str, str, int, int]]) -> list[Event]:
    made, at = [], 0
    for number, (what, view, wait, ms) in enumerate(steps, 1):
        at += wait
        if what == "arrived":
            made.append(arrived(number, at, view, f"k{ms}"))
        elif what == "page":
            made.append(page(number, at, view))
        elif what == "engaged":
            made.append(engaged(number, at, view, ms))
        elif what == "named":
            made.append(event(number, at, "identify", properties={"name": "Ada"}))
        else:
            made.append(deed(number, at, what) if what != "Called" else event(number, at, "track", name=what))
    return made


@given(HISTORIES, st.integers(min_value=1, max_value=13), st.integers(min_value=1, max_value=13))
def test_going_on_from_what_is_stored_gives_what_the_whole_history_gives(
    steps: list[tuple[str, str, int, int]], one: int, other: int
) -> None:
    events = history(steps)
    first, second = sorted((one, other))
    whole = fold(events, None, lambda at: at // DAY)
    assert whole is not None
    assert [fact.at for fact in whole.facts] == sorted(fact.at for fact in whole.facts)
    state, facts = None, []
    for part in (events[:first], events[first:second], events[second:]):
        if not part:
            continue
        result = fold(part, state, lambda at: at // DAY)
        if result is None:  # it speaks of a visit that is closed: the caller folds from the first event
            return
        facts += result.facts
        state = unpack_state(pack_state(result.state))
    assert state is not None
    assert pack_state(state) == pack_state(whole.state)
    assert facts == whole.facts
