"""What a collect request is answered, and what of it goes into the queue: keys, origins, signals, reasons."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.collect import (
    ROUTES,
    Accepted,
    Answer,
    KnownKey,
    Limits,
    Request,
    answer_headers,
    decide,
    refuse,
    request_info,
)
from tracker.core.addresses import read_network
from tracker.core.entries import RequestInfo, unpack
from tracker.core.pseudonyms import daily_pseudonym
from tracker.core.quotas import Quota
from tracker.core.refusals import EXPLANATION
from tracker.quotas import Quotas
from tracker.sites import SiteSettings

NOW, DAY = 1_795_253_400_000, 86_400_000
LIMITS = Limits(partitions=4, late_window_ms=7 * DAY)
SUCCESS = Answer(200, b'{"success":true}')


LISTED: Final = ("https://www.shop.example", "https://*.shop.example", "http://localhost:3000")
KNOWN: Final = {
    "wk_open": KnownKey(1, False),
    "wk_listed": KnownKey(2, False, SiteSettings(origins=LISTED)),
    "sk_listed": KnownKey(2, True, SiteSettings(origins=LISTED)),
    "wk_lax": KnownKey(3, False, SiteSettings(respect_gpc=False, respect_dnt=False)),
}


class Keys:
    """Three sites: one open to all origins, one that lists some, with its server key, and one that ignores opt-outs."""

    def find(self, key: str) -> KnownKey | None:
        return KNOWN.get(key)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def ask(body: Any, route: str = "batch", **headers: str) -> Accepted | Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return decide(Request(route, named, raw, NOW, "203.0.113.9"), Keys(), LIMITS, b"secret")


def outcome(decision: Accepted | Answer) -> str:
    return decision.reason if isinstance(decision, Answer) else f"site {decision.site_id}"


EVENT = {"type": "page", "anonymousId": "v", "messageId": "m"}
BATCH = {"batch": [EVENT]}


@pytest.mark.parametrize(
    ("authorization", "in_body", "expected"),
    [
        pytest.param(basic("wk_open:"), None, "site 1", id="as Basic user"),
        pytest.param(basic("wk_open:anything"), None, "site 1", id="with a password"),
        pytest.param(basic("wk_open"), None, "site 1", id="without a colon"),
        pytest.param(basic("wk_open:").replace("Basic", "bAsIc"), None, "site 1", id="scheme in any case"),
        pytest.param(None, "wk_open", "site 1", id="in the body"),
        pytest.param(basic("wk_listed:"), "wk_open", "site 2", id="the header stands before the body"),
        pytest.param(basic(":"), "wk_open", "site 1", id="an empty user leaves it to the body"),
        pytest.param("Bearer wk_open", "wk_open", "site 1", id="another scheme leaves it to the body"),
        pytest.param("Bearer wk_open", None, "write_key_missing", id="another scheme is no key"),
        pytest.param(None, None, "write_key_missing", id="none"),
        pytest.param(None, "", "write_key_missing", id="empty"),
        pytest.param("Basic !!!", None, "write_key_missing", id="no base64"),
        pytest.param("Basic é", None, "write_key_missing", id="no ASCII"),
        pytest.param("Basic " + base64.b64encode(b"\xff\xfe").decode(), None, "write_key_missing", id="no UTF-8"),
        pytest.param("Basic", None, "write_key_missing", id="scheme alone"),
        pytest.param(basic("wk_gone:"), None, "write_key_unknown", id="unknown"),
        pytest.param(basic("wk_gone:"), "wk_open", "write_key_unknown", id="unknown in the header, known in the body"),
        pytest.param(basic("\0:"), None, "write_key_unknown", id="NUL"),
    ],
)
def test_the_key_says_whose_events_these_are(authorization: str | None, in_body: str | None, expected: str) -> None:
    headers = {"authorization": authorization} if authorization is not None else {}
    body = BATCH | ({"writeKey": in_body} if in_body is not None else {})
    assert outcome(ask(body, **headers)) == expected


@pytest.mark.parametrize(
    ("key", "origin", "expected"),
    [
        ("wk_open", "https://anywhere.example", "site 1"),
        ("wk_open", "null", "site 1"),
        ("wk_listed", None, "site 2"),
        ("wk_listed", "https://www.shop.example", "site 2"),
        ("wk_listed", "http://localhost:3000", "site 2"),
        ("wk_listed", "https://a.shop.example", "site 2"),
        ("wk_listed", "https://a.b.shop.example", "site 2"),
        ("wk_listed", "https://shop.example", "origin_not_allowed"),
        ("wk_listed", "http://www.shop.example", "origin_not_allowed"),
        ("wk_listed", "https://www.shop.example:8443", "origin_not_allowed"),
        ("wk_listed", "http://localhost", "origin_not_allowed"),
        ("wk_listed", "https://evilshop.example", "origin_not_allowed"),
        ("wk_listed", "https://www.shop.example.evil.example", "origin_not_allowed"),
        ("wk_listed", "null", "origin_not_allowed"),
        ("wk_listed", "://", "origin_not_allowed"),
        ("wk_listed", "*", "origin_not_allowed"),
        ("sk_listed", "https://evil.example", "site 2"),
        ("sk_listed", "null", "site 2"),
    ],
)
def test_the_public_key_works_only_from_the_site_s_origins(key: str, origin: str | None, expected: str) -> None:
    headers = {"origin": origin} if origin is not None else {}
    assert outcome(ask(BATCH | {"writeKey": key}, **headers)) == expected


@pytest.mark.parametrize(
    ("key", "days_ago", "rejected"),
    [("wk_open", 6, []), ("wk_open", 8, ["timestamp_too_old"]), ("sk_listed", 4000, [])],
)
def test_only_the_server_key_may_carry_history(key: str, days_ago: int, rejected: list[str]) -> None:
    then = datetime.fromtimestamp(NOW / 1000 - days_ago * 86_400, UTC).isoformat()
    decision = ask({"writeKey": key, "batch": [EVENT | {"timestamp": then}]})
    assert isinstance(decision, Accepted)
    assert [one.reason for one in decision.rejected] == rejected


def test_an_accepted_batch_is_packed_by_partition_with_what_its_headers_say() -> None:
    events = [EVENT | {"anonymousId": f"v{number}", "messageId": str(number)} for number in range(20)]
    decision = ask({"writeKey": "wk_open", "batch": events}, user_agent="Mozilla/5.0", sec_gpc="1")
    assert isinstance(decision, Accepted)
    assert (decision.site_id, decision.answer, decision.received, decision.rejected) == (1, SUCCESS, 20, [])
    entries = [unpack(packed) for _, _, packed in decision.entries]
    assert {partition for partition, _, _ in decision.entries} == {0, 1, 2, 3}
    assert sum(count for _, count, _ in decision.entries) == sum(len(entry.events) for entry in entries) == 20
    assert {(entry.site_id, entry.received_ms, entry.info) for entry in entries} == {
        (1, NOW, RequestInfo("Mozilla/5.0", gpc=True))
    }


def test_bad_events_are_named_by_their_place_and_kept_beside_the_good_ones() -> None:
    events = [EVENT, {"type": "screen", "userId": "a"}, 7, EVENT | {"messageId": "n"}, {"type": "page"}]
    decision = ask({"writeKey": "wk_open", "batch": events})
    assert isinstance(decision, Accepted)
    assert json.loads(decision.answer.body) == {
        "success": True,
        "rejected": [
            {"index": 1, "reason": "type_unknown"},
            {"index": 2, "reason": "event_not_object"},
            {"index": 4, "reason": "identity_missing"},
        ],
    }
    assert (decision.answer.status, decision.received) == (200, 5)
    assert sum(count for _, count, _ in decision.entries) == 5


def test_numbers_that_the_queue_cannot_hold_are_refused_event_by_event() -> None:
    wide = EVENT | {"messageId": "wide", "properties": {"n": 2**64}}
    decision = ask({"writeKey": "wk_open", "batch": [EVENT, wide, EVENT | {"messageId": "n"}]})
    assert isinstance(decision, Accepted)
    assert json.loads(decision.answer.body)["rejected"] == [{"index": 1, "reason": "number_out_of_range"}]
    assert sum(len(unpack(packed).events) for _, _, packed in decision.entries) == 2


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [
        ({"anonymousId": "v"}, 200, ""),
        ({}, 400, "identity_missing"),
        ({"anonymousId": "v", "timestamp": "now"}, 400, "timestamp_invalid"),
        ({"anonymousId": "v", "properties": {"x": "y" * 32_000}}, 413, "event_too_large"),
        ({"anonymousId": "v", "properties": {"n": 2**64}}, 400, "number_out_of_range"),
    ],
)
def test_a_single_bad_event_is_refused_by_status_and_kept_all_the_same(
    event: dict[str, Any], status: int, reason: str
) -> None:
    decision = ask(event | {"writeKey": "wk_open"}, "page")
    assert isinstance(decision, Accepted)
    assert (decision.answer.status, decision.answer.reason, decision.received) == (status, reason, 1)
    assert sum(count for _, count, _ in decision.entries) == 1


@pytest.mark.parametrize("route", sorted(set(ROUTES) - {"batch"}))
def test_each_route_takes_its_type(route: str) -> None:
    decision = ask({"writeKey": "wk_open", "userId": "a", "event": "Named"}, route)
    assert isinstance(decision, Accepted)
    assert [event.kind for _, _, packed in decision.entries for _, event in unpack(packed).events] == [route]


def test_an_empty_batch_is_a_success_without_entries() -> None:
    assert ask({"writeKey": "wk_open", "batch": []}) == Accepted(1, [], SUCCESS, 0, [])


# Visitors without an id


def visitors(decision: Accepted | Answer) -> list[str]:
    assert isinstance(decision, Accepted), decision
    return sorted(key for _, _, packed in decision.entries for key, _ in unpack(packed).events)


def unnamed(key: str = "wk_open", **more: Any) -> dict[str, Any]:
    return {"writeKey": key, "cookieless": True, "batch": [{"type": "page", "messageId": "m"} | more]}


DAY_NAME: Final = daily_pseudonym(b"secret", 1, NOW, "203.0.113.9", "Mozilla/5.0")


def test_events_of_a_browser_that_keeps_no_id_are_one_visitor_s_for_a_day() -> None:
    events = [{"type": "page", "messageId": str(number)} for number in range(5)]
    batch = {"writeKey": "wk_open", "cookieless": True, "batch": events}
    assert visitors(ask(batch, user_agent="Mozilla/5.0")) == [DAY_NAME] * 5


def test_the_pseudonym_is_of_the_day_of_receipt_whatever_the_event_says() -> None:
    yesterday = datetime.fromtimestamp((NOW - DAY) / 1000, UTC).isoformat()
    assert visitors(ask(unnamed(timestamp=yesterday), user_agent="Mozilla/5.0")) == [DAY_NAME]


def test_an_id_that_is_given_stands_before_the_pseudonym() -> None:
    assert visitors(ask(unnamed(anonymousId="v"))) == ["v"]
    assert visitors(ask(unnamed(userId="42"))) == ["user:42"]
    assert visitors(ask(unnamed(anonymousId=" "), user_agent="Mozilla/5.0")) == [DAY_NAME]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(unnamed() | {"cookieless": False}, id="not asked for"),
        pytest.param(unnamed("sk_listed"), id="a server speaks for many visitors"),
    ],
)
def test_nobody_else_gets_a_pseudonym(body: dict[str, Any]) -> None:
    decision = ask(body)
    assert isinstance(decision, Accepted)
    assert [one.reason for one in decision.rejected] == ["identity_missing"]


@pytest.mark.parametrize("value", [None, 1, 0, "true", [], {}])
def test_cookieless_is_true_or_false(value: Any) -> None:
    assert outcome(ask(unnamed() | {"cookieless": value})) == "shape_invalid"


# The cookie


def cookie(
    key: str = "wk_open", events: list[dict[str, Any]] | None = None, *, cookieless: bool = False, **headers: str
) -> str:
    body: dict[str, Any] = {"writeKey": key, "batch": [EVENT] if events is None else events}
    body |= {"cookieless": True} if cookieless else {}
    decision = ask(body, **{"origin": "https://www.shop.example", "host": "t.shop.example"} | headers)
    return decision.answer.cookie if isinstance(decision, Accepted) else f"refused: {decision.reason}"


KEPT: Final = "_wt=v; Domain=shop.example; Path=/; Max-Age=34000000; SameSite=Lax; Secure"
WITHDRAWN: Final = {"type": "track", "event": "Consent Withdrawn", "anonymousId": "v"}


def test_a_collector_of_the_page_s_own_site_keeps_the_visitor_s_id() -> None:
    assert cookie() == KEPT
    assert cookie(cookie="a=1; _wt=v; b=2") == KEPT
    assert cookie("wk_listed") == KEPT
    assert cookie(events=[EVENT, EVENT | {"anonymousId": "w"}]) == KEPT.replace("_wt=v", "_wt=w")
    assert cookie("wk_lax", sec_gpc="1", dnt="1") == KEPT
    assert cookie(sec_fetch_mode="no-cors") == KEPT, "a beacon"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"origin": "https://www.other.example"}, id="another site's page"),
        pytest.param({"origin": ""}, id="a program"),
        pytest.param({"host": ""}, id="no host"),
        pytest.param({"key": "sk_listed"}, id="a server"),
        pytest.param({"sec_gpc": "1"}, id="Global Privacy Control"),
        pytest.param({"dnt": "1"}, id="Do Not Track"),
        pytest.param({"cookieless": True}, id="cookieless"),
        pytest.param({"sec_fetch_mode": "cors"}, id="a fetch, whose answer may be late"),
        pytest.param({"cookie": "_wt=w"}, id="another id meanwhile"),
        pytest.param({"cookie": "_wt=0"}, id="opted out meanwhile"),
        pytest.param({"cookie": "_wt=v; _wt=w"}, id="one of two is another"),
        pytest.param({"events": [EVENT, WITHDRAWN]}, id="consent withdrawn"),
        pytest.param({"events": [WITHDRAWN | {"properties": {"url": "x"}}, EVENT]}, id="withdrawn and refused"),
        pytest.param({"events": [EVENT | {"anonymousId": "a b"}]}, id="an id of somebody else's making"),
        pytest.param({"events": [EVENT | {"anonymousId": "v" * 65}]}, id="a long id"),
        pytest.param({"events": [{"type": "page", "userId": "v"}]}, id="no id of the browser"),
        pytest.param({"events": [{"type": "page"}]}, id="no event admitted"),
        pytest.param({"events": []}, id="no event"),
    ],
)
def test_no_cookie_is_set_otherwise(given: dict[str, Any]) -> None:
    assert cookie(**given) == ""


def test_a_refused_request_sets_no_cookie() -> None:
    assert cookie("wk_listed", origin="https://shop.example") == "refused: origin_not_allowed"


def test_an_answer_tells_a_page_and_a_program_what_each_needs() -> None:
    json_type, origin = ("content-type", "application/json"), "https://www.shop.example"
    cors = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
    ]
    assert answer_headers(SUCCESS, None) == [json_type]
    assert answer_headers(Answer(200, b"", cookie=KEPT), origin) == [json_type, *cors, ("set-cookie", KEPT)]
    # A page's visitor would be asked for a password.
    assert answer_headers(refuse("write_key_unknown"), origin) == [json_type, *cors]
    assert answer_headers(refuse("write_key_unknown"), None) == [json_type, ("www-authenticate", 'Basic realm="warmtrail"')]


def test_a_compressed_body_is_read() -> None:
    assert (
        outcome(ask(gzip.compress(json.dumps(BATCH | {"writeKey": "wk_open"}).encode()), content_encoding="gzip"))
        == "site 1"
    )


@pytest.mark.parametrize("reason", ["encoding_unsupported", "json_invalid", "body_empty", "shape_invalid"])
def test_a_refused_request_is_told_the_reason_in_words(reason: str) -> None:
    body, headers = {
        "encoding_unsupported": (b"{}", {"content_encoding": "br"}),
        "json_invalid": (b"{", {}),
        "body_empty": (b"", {}),
        "shape_invalid": (b"{}", {}),
    }[reason]
    answer = ask(body, **headers)
    assert answer == refuse(reason)
    assert isinstance(answer, Answer)
    assert json.loads(answer.body) == {"success": False, "reason": reason, "message": EXPLANATION[reason]}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, RequestInfo()),
        ({"user-agent": "a" * 50_000}, RequestInfo(agent="a" * 512)),
        ({"dnt": "1"}, RequestInfo(dnt=True)),
        ({"sec-gpc": "1"}, RequestInfo(gpc=True)),
        ({"sec-gpc": "1", "dnt": "1"}, RequestInfo(gpc=True, dnt=True)),
        ({"dnt": "0", "sec-gpc": "0"}, RequestInfo()),
        ({"dnt": "unspecified"}, RequestInfo()),
        ({"sec-purpose": "prefetch"}, RequestInfo(prefetch=True)),
        ({"sec-purpose": "prefetch;prerender"}, RequestInfo(prefetch=True)),
        ({"sec-purpose": ""}, RequestInfo()),
    ],
)
def test_headers_say_this_about_all_events(headers: dict[str, str], expected: RequestInfo) -> None:
    assert request_info(Request("batch", headers, b"", NOW), KnownKey(1, False)) == expected


@pytest.mark.parametrize(
    ("peer", "headers", "trusted", "own"),
    [
        ("192.0.2.7", {}, False, True),
        ("192.0.3.7", {}, False, False),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, False, True),  # behind our own proxy
        ("192.0.3.7", {"x-forwarded-for": "192.0.2.7"}, False, False),  # anyone may say so
        ("192.0.2.7", {}, True, False),  # the company's server speaks for visitors
    ],
)
def test_the_companys_own_networks_are_known(peer: str, headers: dict[str, str], trusted: bool, own: bool) -> None:
    known = KnownKey(1, trusted, own_networks=(read_network("192.0.2.0/24"),))
    assert request_info(Request("batch", headers, b"", NOW, peer), known).own_traffic is own


HEADER_NAMES = [
    *("authorization", "origin", "content-encoding", "user-agent", "dnt", "sec-gpc", "sec-purpose"),
    *("host", "cookie", "x-forwarded-for"),
]


@given(
    st.dictionaries(st.sampled_from(HEADER_NAMES), st.text(max_size=30) | st.just("Basic é") | st.just("gzip")),
    st.sampled_from(
        [b"", b"{}", *(json.dumps(BATCH | {"writeKey": "wk_open", "cookieless": one}).encode() for one in (True, False))]
    ),
    st.sampled_from(sorted(ROUTES)),
)
def test_no_header_stops_the_decision(headers: dict[str, str], body: bytes, route: str) -> None:
    decision = decide(Request(route, headers, body, NOW), Keys(), LIMITS, b"secret")
    answer = decision if isinstance(decision, Answer) else decision.answer
    assert answer.status in {200, 400, 401, 403, 413, 415}


@pytest.mark.parametrize("no_ip", [False, True])
def test_new_visitors_beyond_an_address_s_share_are_kept_and_marked(no_ip: bool) -> None:
    class Asking(Keys):
        def find(self, key: str) -> KnownKey | None:
            return KnownKey(1, key == "sk", SiteSettings(no_ip=no_ip)) if key in ("wk", "sk") else None

    quotas = Quotas(key=None, visitor=None, address=None, newcomers=Quota(0.001, 2))

    def marked(key: str, *visitors: str) -> dict[str, bool]:
        events = [{"type": "page", "anonymousId": visitor} for visitor in visitors] + [{"type": "page"}]
        raw = json.dumps({"writeKey": key, "batch": events}).encode()
        decision = decide(Request("batch", {}, raw, NOW, "203.0.113.9"), Asking(), LIMITS, b"secret", quotas=quotas)
        assert isinstance(decision, Accepted)
        entries = [unpack(packed) for _, _, packed in decision.entries]
        assert sum(entry.count for entry in entries) == decision.received == len(events)
        return {visitor: entry.info.flood for entry in entries for visitor, _ in entry.events}

    assert marked("wk", "a", "b", "c") == {"a": False, "b": False, "c": not no_ip}
    assert marked("wk", "a", "d") == {"a": False, "d": not no_ip}
    assert marked("sk", "e") == {"e": False}
