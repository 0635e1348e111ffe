"""What must not come in doesn't, says why, and harms nothing that stands beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scorer.resources import now_ms
from tests.service.running import DAY, HOUR, Keys, Service, page, time_text
from tracker.core.refusals import EXPLANATION


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


GOOD = page("anna", "/good")
REFUSED_WHOLE = {
    "no body": (b"", 400, "body_empty"),
    "malformed": (b'{"batch": [{"type": "page"', 400, "json_invalid"),
    "not UTF-8": (b'{"batch": [], "writeKey": "\xff\xfe"}', 400, "json_invalid"),
    "NULs": (b"\0" * 5000, 400, "json_invalid"),
    "a list": (b"[]", 400, "shape_invalid"),
    "batch of a wrong type": (b'{"batch": "all"}', 400, "shape_invalid"),
    "no batch": (b'{"type": "page", "anonymousId": "a"}', 400, "shape_invalid"),
    "100,000 brackets": (b'{"batch": ' + b"[" * 100_000, 400, "too_deep"),
    "10 MB": (b'{"batch": ["' + b"x" * 10_000_000 + b'"]}', 413, "body_too_large"),
    "10 MB, gzip of a lie": (b"no gzip at all", 400, "encoding_invalid"),
}


@pytest.fixture(scope="module")
def shared_site(service: Service) -> Keys:
    """One for all tests that store next to nothing."""
    return service.add_site("shared")


@pytest.mark.parametrize("name", REFUSED_WHOLE)
def test_a_body_that_is_none_is_refused_for_its_reason(service: Service, shared_site: Keys, name: str) -> None:
    site, before = shared_site, service.processed().sites["shared"]
    body, status, reason = REFUSED_WHOLE[name]
    headers = {"Content-Encoding": "gzip"} if "gzip" in name else {}
    answer = service.post("batch", body, site.write_key, headers)
    assert (answer.status, answer.json()) == (
        status,
        {"success": False, "reason": reason, "message": EXPLANATION[reason]},
    )
    assert service.post("page", GOOD, site.write_key).status == 200
    account = service.processed().sites[site.name]
    assert (account.received, account.stored) == (before.received + 1, before.stored + 1)


def test_a_key_that_opens_nothing_and_an_origin_that_is_not_listed_are_refused(service: Service) -> None:
    site = service.add_site("strict", origins=("https://www.nordwind.example",))
    for key, status, reason in (
        (None, 401, "write_key_missing"),
        ("wk_nobodys", 401, "write_key_unknown"),
        (site.api_key, 401, "write_key_unknown"),
        (site.write_key, 403, "origin_not_allowed"),
    ):
        answer = service.post("page", GOOD, key, {"Origin": "https://elsewhere.example"})
        assert (answer.status, answer.json()["reason"]) == (status, reason)
    answer = service.post("page", GOOD, site.write_key, {"Origin": "https://www.nordwind.example"})
    assert answer.status == 200
    assert service.post("page", GOOD, site.server_key, {"Origin": "https://elsewhere.example"}).status == 200
    assert service.request("GET", "/v1/batch").status == 405
    assert service.request("GET", "/api/v1/leads", headers={"Authorization": "Bearer wt_no"}).status == 401


def bad_events(now: int) -> list[tuple[str, Any]]:
    """Reason and event."""
    return [
        ("event_not_object", 7),
        ("event_not_object", "page"),
        ("type_missing", {"anonymousId": "a"}),
        ("type_unknown", {"type": "scream", "anonymousId": "a"}),
        ("field_invalid", page("a", "/") | {"anonymousId": ["a"]}),
        ("field_invalid", page("a", "/") | {"properties": "none"}),
        ("identity_missing", {"type": "page", "properties": {}}),
        ("event_name_missing", {"type": "track", "anonymousId": "a"}),
        ("url_invalid", page("a", "/") | {"properties": {"url": "javascript:alert(1)"}}),
        ("text_invalid", page("a", "/") | {"properties": {"title": "a\0b"}}),
        ("timestamp_invalid", page("a", "/") | {"timestamp": "the day before yesterday"}),
        ("timestamp_in_future", page("a", "/", now + HOUR)),
        ("timestamp_too_old", page("a", "/", now - 3650 * DAY)),
        (
            "engaged_ms_invalid",
            {"type": "track", "event": "Page Engaged", "anonymousId": "a", "properties": {"engaged_ms": -5}},
        ),
        ("number_out_of_range", page("a", "/") | {"properties": {"n": 10**30}}),
        ("event_too_deep", page("a", "/") | {"properties": {"n": nested(100)}}),
        ("event_too_large", page("a", "/") | {"properties": {"n": "x" * 40_000}}),
    ]


def test_bad_events_in_a_batch_are_named_and_kept_and_the_good_ones_beside_them_count(service: Service, site: Keys) -> None:
    bad = bad_events(now_ms())
    batch: list[Any] = []
    for number, (_, event) in enumerate(bad):
        batch += [page("anna", f"/good/{number}"), event]
    answer = service.post("batch", {"batch": batch}, site.write_key)
    assert answer.status == 200
    named = [{"index": 2 * number + 1, "reason": reason} for number, (reason, _) in enumerate(bad)]
    assert answer.json() == {"success": True, "rejected": named}
    account = service.processed().sites[site.name]
    assert (account.received, account.stored, account.dead_lettered) == (2 * len(bad), len(bad), len(bad))
    assert service.get("/leads", site.api_key)["data"][0]["page_views"] == len(bad)

    listed = service.cli_json("dead-letters", "list", "--site", site.name, "--limit", "100")
    assert sorted(letter["reason"] for letter in listed["letters"]) == sorted(reason for reason, _ in bad)
    mine = {one["reason"]: one["count"] for one in listed["counts"] if one["site"] == site.name}
    assert mine == {reason: sum(1 for other, _ in bad if other == reason) for reason, _ in bad}
    kept = {letter["reason"]: letter["body"] for letter in listed["letters"]}
    assert json.loads(kept["timestamp_too_old"]) == bad[12][1]
    only = service.cli_json("dead-letters", "list", "--site", site.name, "--reason", "type_unknown")["letters"]
    assert [json.loads(letter["body"])["type"] for letter in only] == ["scream"]


def test_a_single_bad_event_is_refused_for_its_reason(service: Service, site: Keys) -> None:
    for reason, event in bad_events(now_ms()):
        if not isinstance(event, dict) or event.get("type") != "page":
            continue
        answer = service.post("page", event, site.write_key)
        assert (answer.status, answer.json()["reason"]) == (413 if reason == "event_too_large" else 400, reason)
    assert service.processed().sites[site.name].stored == 0


def test_old_events_are_refused_from_the_public_key_only(service: Service, site: Keys) -> None:
    history = {"batch": [page("anna", "/long/ago", now_ms() - 3650 * DAY)]}
    assert "rejected" in service.post("batch", history, site.write_key).json()
    assert service.post("batch", history, site.server_key).json() == {"success": True}


def test_a_replay_takes_what_is_fine_by_now_and_leaves_the_rest(service: Service, site: Keys) -> None:
    now = now_ms()
    # Too old for the public key then and as of then; ahead of its time by one second too much, which it isn't any more
    # once it has been mended in the table, as a newer version that bears more would see it.
    too_old = page("anna", "/old", now - 8 * DAY, messageId="old")
    early = page("anna", "/early", now + HOUR, messageId="early")
    unclear = {"type": "scream", "anonymousId": "anna", "messageId": "what"}
    answer = service.post("batch", {"batch": [too_old, early, unclear, GOOD]}, site.write_key)
    assert [one["reason"] for one in answer.json()["rejected"]] == [
        "timestamp_too_old",
        "timestamp_in_future",
        "type_unknown",
    ]
    before = service.processed().sites[site.name]
    assert (before.received, before.stored, before.dead_lettered) == (4, 1, 3)
    replay = ("dead-letters", "replay", "--site", site.name)
    assert service.cli_json(*replay) == {"accepted": 0, "refused_again": 3, "not_events": 0}
    assert service.processed().sites[site.name] == before

    mended = json.dumps(early | {"timestamp": time_text(now)}).encode()
    with service.resources.database.writing() as connection:
        changed = "UPDATE dead_letters SET body = ? WHERE site_id = ? AND reason = 'timestamp_in_future'"
        connection.exec_driver_sql(changed, (mended, site.id))
    assert service.cli_json(*replay) == {"accepted": 1, "refused_again": 2, "not_events": 0}
    after = service.processed().sites[site.name]
    assert (after.stored, after.duplicate) == (2, 0)
    left = service.cli_json("dead-letters", "list", "--site", site.name)["letters"]
    assert [letter["reason"] for letter in left] == ["timestamp_too_old", "type_unknown"]
    assert service.cli_json(*replay)["accepted"] == 0
    pages = [one["url"] for one in service.get("/leads", site.api_key)["data"][0]["last_pages"]]
    assert sorted(url.rpartition("/")[2] for url in pages) == ["early", "good"]
