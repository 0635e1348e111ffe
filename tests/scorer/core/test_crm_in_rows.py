"""What CRMs tell, read: each shape, every reason for refusing a row, and nothing that makes the reading fail."""

from __future__ import annotations

from datetime import UTC
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.crm_deals import Deal
from scorer.core.crm_fields import REFUSED, Refused
from scorer.core.crm_in import read_rows, rows_of

NOW = 1_795_084_200_000  # 2026-11-19T10:30Z
OCCURRED = NOW - 3_600_000
WHO = "anna@halden.test"


def read(*rows: Any) -> Any:
    return read_rows(rows, NOW, UTC)


def one(row: Any) -> Deal:
    found = read(row)
    assert (found.rejected, found.ignored) == ([], 0)
    deal: Deal = found.told[0]
    return deal


def change(name: str, value: str, **more: Any) -> dict[str, Any]:
    """A change of a property as HubSpot sends it."""
    row = {"eventId": 1, "subscriptionId": 9, "portalId": 62515, "appId": 7, "attemptNumber": 0, "changeSource": "CRM"}
    row |= {"subscriptionType": "deal.propertyChange", "objectId": 123, "occurredAt": OCCURRED}
    return row | {"propertyName": name, "propertyValue": value} | more


def test_a_plain_row_says_all_it_can() -> None:
    row = {
        "lead": "ld_aaaaaaaaaaaaaaaa",
        "user_id": 7,
        "email": " Anna@Halden.test",
        "outcome": "won",
        "value": "1200.50",
        "currency": "eur",
        "reason": "good\u202e price\r\n",
        "at": "2026-11-18T10:00:00+08:00",
        "id": "deal-7",
        "by": "ben",
    }
    assert one(row) == Deal(
        "won",
        1_794_967_200_000,
        "id:deal-7",
        lead="ld_aaaaaaaaaaaaaaaa",
        user_id="7",
        email=WHO,
        value=1200.5,
        currency="EUR",
        reason="good price",
        by="ben",
    )


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("Closed Won", "won"),
        ("closedlost", "lost"),
        ("disqualified", "junk"),
        ("not_now", "not_now"),
        ("Not now", "not_now"),
        ("Contacted", "contacted"),
        ("open", "open"),
        ("Reopened", "open"),
        ("输单", "lost"),
    ],
)
def test_outcomes_are_known_by_the_words_of_crms(word: str, outcome: str) -> None:
    assert one({"email": WHO, "outcome": word}).outcome == outcome


def test_a_stage_on_the_way_is_no_outcome_and_takes_nothing_back() -> None:
    found = read({"email": WHO, "outcome": "negotiation"}, {"email": WHO, "StageName": "Prospecting", "IsClosed": False})
    assert (found.told, found.rejected, found.ignored) == ({}, [], 2)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (1_794_967_200_000, 1_794_967_200_000),
        (1_794_967_200, 1_794_967_200_000),
        ("1794967200000", 1_794_967_200_000),
        ("2026-11-18T02:00:00.000+0000", 1_794_967_200_000),
        ("2026-11-18", 1_794_931_200_000),
        (NOW + 200_000, NOW),
        (None, None),
        ("", None),
    ],
)
def test_times_are_read_as_crms_write_them(at: Any, told: int | None) -> None:
    found = read_rows([{"email": WHO, "outcome": "won", "at": at}], NOW, ZoneInfo("Asia/Shanghai"))
    assert found.told[0].at == told


def test_the_changes_of_a_hubspot_deal_in_one_delivery_are_one_outcome() -> None:
    found = read(
        change("amount", "4200"),
        change("closed_lost_reason", "Price"),
        change("dealstage", "closedlost"),
        change("hs_is_closed_lost", "true"),
        change("contact_email", WHO),
        change("dealstage", "closedwon", objectId=124, properties={"email": {"value": "bo@x.test"}, "amount": "7"}),
    )
    assert found.told == {
        2: Deal("lost", OCCURRED, f"hubspot:123:lost:{OCCURRED}", email=WHO, value=4200.0, reason="Price"),
        5: Deal("won", OCCURRED, f"hubspot:124:won:{OCCURRED}", email="bo@x.test", value=7.0),
    }
    assert (found.rejected, found.ignored) == ([], 4)


def test_a_hubspot_deal_of_a_workflow_is_read_with_values_in_objects_and_without() -> None:
    deal = {"dealstage": {"value": "closedwon"}, "amount": "900", "deal_currency_code": "EUR", "closedate": "1794967200000"}
    row = {"objectId": 5, "properties": deal | {"warmtrail_lead_id": "ld_aaaaaaaaaaaaaaaa"}}
    assert one(row) == Deal(
        "won", 1_794_967_200_000, "hubspot:5:won:1794967200000", lead="ld_aaaaaaaaaaaaaaaa", value=900.0, currency="EUR"
    )


def test_a_pipeline_with_stages_of_its_own_is_told_by_what_hubspot_makes_of_them() -> None:
    won = {"objectId": 5, "email": WHO, "properties": {"dealstage": "9911", "hs_is_closed_won": "true"}}
    lost = {
        "objectId": 6,
        "email": WHO,
        "properties": {"dealstage": "9912", "hs_is_closed": "true", "hs_is_closed_won": "false"},
    }
    assert [one(row).outcome for row in (won, lost)] == ["won", "lost"]
    assert one(change("hs_is_closed_won", "true", email=WHO)).outcome == "won"
    assert read(change("dealstage", "9913", email=WHO), change("amount", "4")).ignored == 2


def test_a_salesforce_opportunity_is_read() -> None:
    row = {
        "attributes": {"type": "Opportunity"},
        "Id": "006xx000001X8Uz",
        "StageName": "Closed Won",
        "IsWon": True,
        "IsClosed": True,
        "Amount": 1200,
        "CurrencyIsoCode": "CNY",
        "CloseDate": "2026-12-31",
        "LastModifiedDate": "2026-11-18T02:00:00.000+0000",
        "Contact": {"Email": WHO},
        "WarmtrailLeadId__c": "ld_aaaaaaaaaaaaaaaa",
    }
    deal = one(row)
    assert deal == Deal(
        "won",
        1_794_967_200_000,
        "salesforce:006xx000001X8Uz:won:2026-12-31",
        lead="ld_aaaaaaaaaaaaaaaa",
        email=WHO,
        value=1200.0,
        currency="CNY",
    )
    again = one(row | {"LastModifiedDate": "2026-11-19T02:00:00.000+0000"})
    assert again.external_id == deal.external_id
    lost = {"Id": "1", "IsWon": "false", "IsClosed": "true", "ContactEmail": WHO, "Loss_Reason__c": "Price"}
    assert (one(lost).outcome, one(lost).reason) == ("lost", "Price")
    assert one({"Id": "1", "StageName": "Closed Lost", "Email": WHO}).outcome == "lost"


def test_a_planned_day_of_closing_that_is_to_come_counts_as_now() -> None:
    assert one({"Id": "1", "IsWon": True, "ContactEmail": WHO, "CloseDate": "2027-01-01"}).at == NOW


REFUSALS: dict[Refused, Any] = {
    "not_an_object": 7,
    "identity_missing": {"outcome": "won", "email": "nobody"},
    "outcome_missing": {"email": WHO},
    "outcome_unknown": {"email": WHO, "outcome": "perhaps"},
    "value_invalid": {"email": WHO, "outcome": "won", "value": -1},
    "currency_invalid": {"email": WHO, "outcome": "won", "currency": "Taler"},
    "time_invalid": {"email": WHO, "outcome": "won", "at": "yesterday"},
    "time_future": {"email": WHO, "outcome": "won", "at": "2027-01-01"},
    "text_invalid": {"email": WHO, "outcome": "won", "reason": ["<b>"]},
    "id_invalid": {"email": WHO, "outcome": "won", "id": "x" * 201},
}


def test_every_reason_for_refusing_a_row_is_given_and_the_others_count() -> None:
    assert {*REFUSALS, "lead_unknown"} == set(REFUSED) == set(get_args(Refused))
    found = read(*REFUSALS.values(), {"email": WHO, "outcome": "won"})
    assert {one.index: one.reason for one in found.rejected} == dict(enumerate(REFUSALS))
    assert list(found.told) == [len(REFUSALS)]


@pytest.mark.parametrize("value", [True, "1.234.5", "much", [], 1e15, "9" * 50, float("inf")])
def test_what_is_no_sum_is_refused(value: Any) -> None:
    [refused] = read({"email": WHO, "outcome": "won", "value": value}).rejected
    assert (refused.reason, refused.field) == ("value_invalid", "value")


TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["won", "closedwon", "true", WHO, "2026-11-18", "EUR", "900"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    [
        *("lead", "email", "user_id", "outcome", "value", "currency", "reason", "at", "id", "by"),
        *("propertyName", "propertyValue", "objectId", "occurredAt", "properties"),
        *("StageName", "IsWon", "IsClosed", "Amount", "CloseDate", "Contact", "Id"),
    ]
)


@given(st.lists(st.one_of(VALUES, st.dictionaries(FIELDS, VALUES, max_size=8)), max_size=6))
def test_whatever_comes_each_row_counts_once(rows: list[Any]) -> None:
    found = read_rows(rows, NOW, UTC)
    assert len(found.told) + len(found.rejected) + found.ignored == len(rows)
    assert not found.told.keys() & {one.index for one in found.rejected}
    for deal in found.told.values():
        assert deal.at is None or deal.at <= NOW
        assert deal.lead or deal.user_id or deal.email
        assert all("\0" not in text for text in (deal.lead, deal.user_id, deal.email, deal.reason, deal.by))


@pytest.mark.parametrize(
    ("body", "rows"),
    [([{}], [{}]), ({"outcomes": []}, []), ({"records": [1]}, [1]), ({"a": 1}, [{"a": 1}]), (None, None), ("x", None)],
)
def test_a_body_is_rows_or_one_row(body: Any, rows: list[Any] | None) -> None:
    assert rows_of(body) == rows
