"""Rows of leads: what columns are taken for, and the events that a row becomes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.admission import OLDEST_MS, Caller, admit, read_body
from tracker.core.lead_rows import (
    FIELDS,
    LeadPlan,
    MappingError,
    Moment,
    RefusedRow,
    RowEvents,
    RowRefusal,
    map_columns,
    read_amount,
    read_field,
    read_time,
    row_events,
    snake_case,
)

SALT = b"a salt of the site"
NOW = 1_795_000_000_000  # 18 November 2026, 11:06:40 UTC
SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAN = LeadPlan(UTC, NOW)
KNOWN_AFTER = timedelta(milliseconds=(NOW - 1_767_225_600_000) // 60_000)


def plan(**fields: Any) -> LeadPlan:
    return msgspec.structs.replace(PLAN, **fields)


def read(row: dict[str, str], plan: LeadPlan = PLAN) -> RowEvents | RefusedRow:
    return row_events(list(row.values()), map_columns(list(row), plan), plan, SALT)


def events(row: dict[str, str], plan: LeadPlan = PLAN) -> list[dict[str, Any]]:
    found = read(row, plan)
    assert isinstance(found, RowEvents), found
    return found.events


def tracks(row: dict[str, str], plan: LeadPlan = PLAN) -> list[tuple[str, dict[str, Any], str]]:
    """Name, properties and time of each track of a row."""
    return [(one["event"], one["properties"], one["timestamp"]) for one in events(row, plan) if one["type"] == "track"]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def without_ids(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "messageId"} for event in found]


WHOLE = {
    "Email": " Ada@Halden.Example ",
    "First Name": "Ada",
    "Last Name": "Lind",
    "Job Title": "Head of Plant",
    "Company": "Halden AS",
    "Website": "halden.example",
    "Industry": "Pumps",
    "Company Size": "250",
    "Country": "NO",
    "Lead Source": "trade fair",
    "Create Date": "2025-03-01 09:30",
    "Lead Status": "Closed Won",
    "Close Date": "2025-05-02T10:00:00+02:00",
    "Amount": "€ 1.234,50",
    "Reason": "price",
    "Shoe Size": "42",
}


def test_a_whole_row_becomes_four_events() -> None:
    known_at = (datetime(2025, 3, 1, 9, 30) + KNOWN_AFTER).isoformat(timespec="milliseconds") + "Z"
    who = {"userId": "ada@halden.example", "anonymousId": "lead:ada@halden.example"}
    assert without_ids(events(WHOLE)) == [
        {
            "type": "identify",
            **who,
            "timestamp": known_at,
            "traits": {
                "shoe_size": "42",
                "source": "trade fair",
                "country": "NO",
                "employees": 250,
                "industry": "Pumps",
                "companyDomain": "halden.example",
                "company": "Halden AS",
                "title": "Head of Plant",
                "lastName": "Lind",
                "firstName": "Ada",
                "email": "ada@halden.example",
            },
        },
        {
            "type": "group",
            **who,
            "timestamp": known_at,
            "groupId": "halden.example",
            "traits": {
                "name": "Halden AS",
                "domain": "halden.example",
                "industry": "Pumps",
                "employees": 250,
                "country": "NO",
            },
        },
        {
            "type": "track",
            **who,
            "timestamp": "2025-03-01T09:30:00.000Z",
            "event": "Lead Created",
            "properties": {"source": "trade fair"},
        },
        {
            "type": "track",
            **who,
            "timestamp": "2025-05-02T08:00:00.000Z",
            "event": "Lead Won",
            "properties": {"reason": "price", "value": 1234.5, "currency": "EUR"},
        },
    ]


def test_a_chinese_export_needs_no_mapping() -> None:
    row = {
        "编号": "K-7", "姓名": "王芳", "邮箱": "wang@beng.example", "公司": "大江泵业", "职位": "采购经理",
        "电话": "021-5555", "行业": "水务", "国家": "中国", "省份": "江苏", "城市": "南京", "来源": "展会",
        "创建时间": "2025年3月1日 下午2点30分",
        "状态": "赢单", "成交时间": "2025/4/1", "成交金额（元）": "5万", "币种": "CNY", "备注": "急", "意向产品": "泵",
    }  # fmt: skip
    found = events(row, plan(zone=SHANGHAI))
    assert found[0]["userId"] == "K-7"
    assert found[0]["traits"] == {
        "意向产品": "泵", "note": "急", "source": "展会", "city": "南京", "region": "江苏", "country": "中国",
        "industry": "水务", "company": "大江泵业", "phone": "021-5555", "title": "采购经理", "name": "王芳",
        "email": "wang@beng.example",
    }  # fmt: skip
    assert found[1]["groupId"] == "大江泵业"
    assert tracks(row, plan(zone=SHANGHAI)) == [
        ("Lead Created", {"source": "展会"}, "2025-03-01T06:30:00.000Z"),
        ("Lead Won", {"value": 50000, "currency": "CNY"}, "2025-03-31T16:00:00.000Z"),
    ]


OUTCOMES: dict[str, tuple[dict[str, str], list[tuple[str, dict[str, Any], str]]]] = {
    "won by its date": ({"won_at": "2025-02-01"}, [("Lead Won", {}, "2025-02-01T00:00:00.000Z")]),
    "lost by its date": (
        {"lost_at": "2025-02-01", "reason": "price", "value": "10", "currency": "usd"},
        [("Lead Lost", {"reason": "price", "value": 10, "currency": "USD"}, "2025-02-01T00:00:00.000Z")],
    ),
    "the later of two dates": (
        {"won_at": "2025-02-01", "lost_at": "2025-01-01"},
        [("Lead Won", {}, "2025-02-01T00:00:00.000Z")],
    ),
    "lost after won": ({"won_at": "2025-02-01", "lost_at": "2025-03-01"}, [("Lead Lost", {}, "2025-03-01T00:00:00.000Z")]),
    "the word goes before the dates": (
        {"status": "丢单", "won_at": "2025-02-01", "outcome_at": "2025-03-01"},
        [("Lead Lost", {}, "2025-03-01T00:00:00.000Z")],
    ),
    "a date of winning goes before having been contacted": (
        {"status": "Working", "won_at": "2025-02-01"},
        [("Lead Won", {}, "2025-02-01T00:00:00.000Z")],
    ),
    "the outcome goes before the status": (
        {"outcome": "won", "status": "lost", "outcome_at": "2025-03-01"},
        [("Lead Won", {}, "2025-03-01T00:00:00.000Z")],
    ),
    "disqualified": (
        {"status": "无效", "reason": "spam", "outcome_at": "2025-03-01", "value": "soon"},
        [("Lead Disqualified", {"reason": "spam"}, "2025-03-01T00:00:00.000Z")],
    ),
    "contacted": (
        {"status": "Contacted", "reason": "x", "outcome_at": "2025-03-01"},
        [("Lead Contacted", {}, "2025-03-01T00:00:00.000Z")],
    ),
    "without a date, now": ({"status": "customer"}, [("Lead Won", {}, "2026-11-18T11:06:40.000Z")]),
    "open, to be closed some day, for a sum in words": ({"status": "New", "close date": "2031-01-01", "value": "soon"}, []),
    "an unknown word": ({"status": "Warm-ish"}, []),
    "nothing": ({"status": "", "won_at": "-"}, []),
    "a currency that is none": (
        {"won_at": "2025-02-01", "value": "5 USD", "currency": "dollars"},
        [("Lead Won", {"value": 5, "currency": "USD"}, "2025-02-01T00:00:00.000Z")],
    ),
    "a currency by its sign": (
        {"won_at": "2025-02-01", "value": "¥5", "currency": "元"},
        [("Lead Won", {"value": 5, "currency": "CNY"}, "2025-02-01T00:00:00.000Z")],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcomes(cells: dict[str, str], expected: list[tuple[str, dict[str, Any], str]]) -> None:
    assert tracks({"id": "7", **cells}) == expected


def test_what_has_no_date_is_counted_and_a_strange_status_told() -> None:
    found = read({"id": "7", "status": "Warm-ish", "event": "Call"})
    assert isinstance(found, RowEvents)
    assert (found.undated, found.unknown_status) == (1, "Warm-ish")
    told = read({"id": "7", "status": "Warm-ish", "outcome_at": "2025-01-01"}, plan(statuses={"warm ish": "lost"}))
    assert isinstance(told, RowEvents)
    assert (told.events[-1]["event"], told.unknown_status) == ("Lead Lost", "")


def test_a_deal_that_is_still_open_is_known_of_the_lead() -> None:
    assert events({"id": "7", "value": "5k", "currency": "EUR", "reason": "r"})[0]["traits"] == {
        "reason": "r",
        "currency": "EUR",
        "value": 5000,
    }
    assert events({"id": "7", "value": "5k", "won_at": "2025-01-01"})[0]["traits"] == {}


def test_a_day_of_winning_is_not_before_the_hour_of_making() -> None:
    assert [time for *_, time in tracks({"id": "7", "created_at": "2025-03-01 14:30", "won_at": "2025-03-01"})] == [
        "2025-03-01T14:30:00.000Z",
        "2025-03-01T14:30:00.000Z",
    ]
    assert tracks({"id": "7", "created_at": "2025-03-01 14:30", "won_at": "2025-03-01 10:00"})[1][2].startswith(
        "2025-03-01T10"
    )
    assert tracks({"id": "7", "created_at": "2025-03-01 14:30", "won_at": "2025-02-01"})[1][2].startswith("2025-02-01T00")


def test_a_touch_takes_properties_and_note() -> None:
    columns = plan(columns={"hall": "property:hall", "stand": "property:stand"})
    row = {
        "email": "a@b.example",
        "event": "Trade Fair Visit",
        "event_at": "2025-03-01",
        "hall": "4",
        "stand": "",
        "note": "=1+1",
    }
    assert tracks(row, columns) == [("Trade Fair Visit", {"hall": "4", "note": "=1+1"}, "2025-03-01T00:00:00.000Z")]
    assert "note" not in events(row, columns)[0]["traits"]
    assert events(row | {"event": ""}, columns)[0]["traits"]["note"] == "=1+1"
    assert tracks(row | {"event": "x" * 300}, columns)[0][0] == "x" * 200


def test_formulas_are_text() -> None:
    formula = "=cmd|' /C calc'!A0"
    traits = events({"id": "=1+1", "name": formula, "employees": "=SUM(A1:A9)", "budget": "@SUM(1)"})[0]["traits"]
    assert traits == {"budget": "@SUM(1)", "employees": "=SUM(A1:A9)", "name": formula}


REFUSED: dict[str, tuple[dict[str, str], RefusedRow]] = {
    "nobody": ({"id": " ", "email": "N/A", "name": "Ada"}, RefusedRow("identity_missing")),
    "no address": ({"id": "7", "email": "ada at halden"}, RefusedRow("email_invalid", "email")),
    "two addresses": ({"email": "a@b.example; c@d.example"}, RefusedRow("email_invalid", "email")),
    "an address without a point": ({"email": "ada@localhost"}, RefusedRow("email_invalid", "email")),
    "a long address": ({"email": "a" * 200 + "@b.example"}, RefusedRow("email_invalid", "email")),
    "a long id": ({"id": "7" * 201}, RefusedRow("too_large", "id")),
    "no date": ({"id": "7", "created_at": "soon"}, RefusedRow("date_invalid", "created_at")),
    "an ambiguous one": ({"id": "7", "won_at": "03/04/2025"}, RefusedRow("date_ambiguous", "won_at")),
    "a late one": ({"id": "7", "event": "x", "event_at": "2026-11-18T11:11:41Z"}, RefusedRow("date_future", "event_at")),
    "no sum": ({"id": "7", "won_at": "2025-01-01", "value": "a lot"}, RefusedRow("number_invalid", "value")),
    "half a letter": ({"id": "7", "name": "M\udcffller"}, RefusedRow("text_invalid")),
}


@pytest.mark.parametrize(("row", "expected"), REFUSED.values(), ids=REFUSED)
def test_refusals(row: dict[str, str], expected: RefusedRow) -> None:
    assert read(row) == expected


def test_rows_must_be_as_long_as_the_header() -> None:
    columns = map_columns(["id", "name"], PLAN)
    assert row_events(["7"], columns, PLAN, SALT) == RefusedRow("row_short")
    assert row_events(["7", "Ada", "Lind"], columns, PLAN, SALT) == RefusedRow("row_long")
    assert isinstance(row_events(["7", "Ada", "", " "], columns, PLAN, SALT), RowEvents)


def test_the_last_five_minutes_of_the_future_are_taken() -> None:
    assert isinstance(read({"id": "7", "created_at": "2026-11-18T11:11:40Z"}), RowEvents)


def test_every_reason_that_a_row_alone_can_give_is_tested() -> None:
    elsewhere = {"row_short", "row_long", "quote_unclosed"}
    assert {refusal.reason for _, refusal in REFUSED.values()} | elsewhere == set(get_args(RowRefusal))


def test_what_cannot_be_seen_is_left_out() -> None:
    found = events({"email": "\u200bada@halden.example\x00", "name": "Ada\x1b[31m", "note": "a\nb"})[0]
    assert found["userId"] == "ada@halden.example"
    assert found["traits"] == {"note": "a\nb", "name": "Ada[31m", "email": "ada@halden.example"}


# ---------------------------------------------------------------- ids


def ids(row: dict[str, str], plan: LeadPlan = PLAN, salt: bytes = SALT) -> list[str]:
    found = row_events(list(row.values()), map_columns(list(row), plan), plan, salt)
    assert isinstance(found, RowEvents)
    return [event["messageId"] for event in found.events]


def kept(before: list[str], after: list[str]) -> list[bool]:
    """By event, whether its id is the same."""
    return [one == other for one, other in zip(before, after, strict=True)]


def test_the_same_row_has_the_same_ids_at_another_time_and_in_another_order_of_columns() -> None:
    undated = WHOLE | {"Close Date": "", "Create Date": ""}
    for row in (WHOLE, undated):
        assert ids(row, plan(now_ms=NOW + 86_400_000)) == ids(row)
        assert sorted(ids(dict(reversed(row.items())))) == sorted(ids(row))


def test_a_corrected_row_has_new_ids_only_for_what_changed_and_its_traits_are_later() -> None:
    corrected, later = WHOLE | {"Last Name": "Lindh"}, plan(now_ms=NOW + 60_000)
    assert kept(ids(WHOLE), ids(corrected, later)) == [False, True, True, True]
    assert events(corrected, later)[0]["timestamp"] > events(WHOLE)[0]["timestamp"]
    assert kept(ids(WHOLE), ids(WHOLE | {"Amount": "9"})) == [True, True, True, False]


def test_ids_are_different_for_sites_and_leads() -> None:
    assert not set(ids(WHOLE)) & set(ids(WHOLE, salt=b"another site"))
    assert not set(ids(WHOLE)) & set(ids(WHOLE | {"Email": "bo@halden.example"}))


def test_many_touches_of_a_lead_name_it_once() -> None:
    row = {"email": "a@b.example", "event": "Webinar", "event_at": "2025-03-01"}
    first, second = ids(row), ids(row | {"event_at": "2025-04-01"})
    assert (first[0] == second[0], first[1] == second[1]) == (True, False)


def test_traits_of_a_lead_made_just_now_are_not_of_the_future() -> None:
    assert events({"id": "7", "created_at": "2026-11-18T11:06:00Z"})[0]["timestamp"] == "2026-11-18T11:06:40.000Z"


# ---------------------------------------------------------------- columns


def fields(header: list[str], **chosen: Any) -> list[str]:
    return [column.field for column in map_columns(header, plan(**chosen))]


def test_columns_are_told_by_map_then_by_heading_and_others_are_traits() -> None:
    header = ["mql_id", "E-Mail", "companyName", "created_at", "Website", "Website", "", "Score (2)", "email", "意向"]
    columns = map_columns(header, plan(columns={"MQL ID": "id", "website": "trait:Home"}, ignored=frozenset(("score",))))
    assert [(column.field, column.why) for column in columns] == [
        ("id", "map"),
        ("email", "heading"),
        ("company", "heading"),
        ("created_at", "heading"),
        ("trait:Home", "map"),
        ("company_domain", "heading"),
        ("", "untitled"),
        ("", "ignore"),
        ("trait:email_2", "unknown"),
        ("trait:意向", "unknown"),
    ]


def test_a_mapped_field_is_not_taken_by_a_heading() -> None:
    assert fields(["Email", "Work Mail"], columns={"Work Mail": "email"}) == ["trait:email_2", "email"]


def test_equal_unknown_headings_are_told_apart() -> None:
    assert fields(["id", "Score", "score", "SCORE"]) == ["id", "trait:score", "trait:score_2", "trait:score_3"]


BAD_PLANS: dict[str, tuple[dict[str, Any], str]] = {
    "no identity": ({"ignored": frozenset(("email",))}, r"No column is an id or an email.*There are: 'email', 'x'"),
    "a column that is not there": ({"columns": {"mail": "email"}}, "no column 'mail'"),
    "an ignored one that is not there": ({"ignored": frozenset(("mail",))}, "no column 'mail'"),
    "a field that is none": ({"columns": {"x": "shoe"}}, "no field 'shoe'.*trait:NAME"),
    "a trait without a name": ({"columns": {"x": "trait:"}}, "no field 'trait:'"),
    "one field twice": ({"columns": {"x": "email", "email": "email"}}, "Two columns are mapped to 'email'"),
    "one column twice": ({"columns": {"x": "name", "X": "title"}}, "mapped twice"),
    "mapped and ignored": ({"columns": {"x": "name"}, "ignored": frozenset(("x",))}, "both mapped and ignored"),
    "unknown, and strict": ({"strict": True}, "Columns without a field: 'x'"),
}


@pytest.mark.parametrize(("chosen", "says"), BAD_PLANS.values(), ids=BAD_PLANS)
def test_a_mapping_that_makes_no_sense_is_refused(chosen: dict[str, Any], says: str) -> None:
    with pytest.raises(MappingError, match=says):
        fields(["email", "x"], **chosen)


def test_no_heading_is_known_for_two_fields() -> None:
    headings = [heading for listed in FIELDS.values() for heading in listed.split("|")]
    assert [heading for heading, count in Counter(headings).items() if count > 1] == []


def test_every_field_is_known_by_its_own_name() -> None:
    assert fields(list(FIELDS)) == list(FIELDS)
    assert [read_field(name) for name in FIELDS] == list(FIELDS)


def test_names_that_are_no_words_still_make_a_trait() -> None:
    assert (snake_case("!!!"), len(snake_case("x" * 90))) == ("column", 60)


# ---------------------------------------------------------------- times

TIMES = {
    "2025-03-01 09:05": "2025-03-01T09:05+08:00",
    "2025-03-01T09:05:06.789Z": "2025-03-01T09:05:06.789+00:00",
    "2025-03-01T09:05:06,7+0530": "2025-03-01T09:05:06.700+05:30",
    "2025-03-01 09:05:06 UTC": "2025-03-01T09:05:06+00:00",
    "2025-03-01T09:05-03": "2025-03-01T09:05-03:00",
    "2025/3/1 9:05": "2025-03-01T09:05+08:00",
    "1.3.2025 9:05": "2025-03-01T09:05+08:00",
    "3/25/2025 2:30 PM": "2025-03-25T14:30+08:00",
    "3/25/2025 12:30 AM": "2025-03-25T00:30+08:00",
    "2025年03月01日 09:05": "2025-03-01T09:05+08:00",
    "2025年3月1日下午2时30分": "2025-03-01T14:30+08:00",
    "２０２５年３月１日 上午12:30": "2025-03-01T00:30+08:00",
    "2025-03-01 下午14:30": "2025-03-01T14:30+08:00",
    "1740792600": "2025-03-01T01:30+00:00",
    "1740792600123": "2025-03-01T01:30:00.123+00:00",
    "1740792600.0": "2025-03-01T01:30+00:00",
}
DAYS = {
    "2025-03-01": "2025-03-01T00:00+08:00",
    " 2025/3/1 ": "2025-03-01T00:00+08:00",
    "2025.03.01": "2025-03-01T00:00+08:00",
    "20250301": "2025-03-01T00:00+08:00",
    "01.03.2025": "2025-03-01T00:00+08:00",
    "25/03/2025": "2025-03-25T00:00+08:00",
    "3-25-2025": "2025-03-25T00:00+08:00",
    "05/05/2025": "2025-05-05T00:00+08:00",
    "2025年3月1日": "2025-03-01T00:00+08:00",
}


@pytest.mark.parametrize("text", TIMES)
def test_times(text: str) -> None:
    assert read_time(text, SHANGHAI) == Moment(at(TIMES[text]), False)


@pytest.mark.parametrize("text", DAYS)
def test_days_begin_at_midnight_of_the_site(text: str) -> None:
    assert read_time(text, SHANGHAI) == Moment(at(DAYS[text]), True)


NO_TIMES = (
    "", "soon", "2025", "2025-02-30", "2025-13-01", "2025-3-1/2", "31.02.2025", "2025-03-01 25:00", "2025-03-01 09:61",
    "03/04/25", "1", "0", "45717", "1899-12-30", "1989-12-31", "13/13/2025", "2025-03-01T09:05+99:00", "2025-03-01 13:05 PM",
    "2025-03/01", "20250301123000",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str) -> None:
    assert read_time(text, UTC) == "date_invalid"


@pytest.mark.parametrize("text", ["03/04/2025", "3-4-2025", "12/11/2025 10:00"])
def test_where_day_and_month_could_change_places_somebody_must_say(text: str) -> None:
    assert read_time(text, UTC) == "date_ambiguous"
    day_first, month_first = read_time(text, UTC, "dmy"), read_time(text, UTC, "mdy")
    assert isinstance(day_first, Moment)
    assert isinstance(month_first, Moment)
    assert day_first.at != month_first.at


def test_what_was_said_holds_for_the_whole_file() -> None:
    assert read_time("03/25/2025", UTC, "dmy") == read_time("25/03/2025", UTC, "mdy") == "date_invalid"


@given(
    st.datetimes(datetime(1990, 1, 2), datetime(2200, 1, 1)),
    st.sampled_from((UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30)))),
)
def test_any_time_is_read_back(moment: datetime, zone: timezone) -> None:
    there = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=zone)
    expected = Moment(round(there.timestamp() * 1000), False)
    local = there.replace(tzinfo=None)
    for text in (there.isoformat(), local.isoformat(" "), f"{local:%Y/%m/%d %H:%M:%S.%f}", f"{local:%d.%m.%Y %H:%M:%S.%f}"):
        assert read_time(text, zone) == expected
    assert read_time(f"{local:%m/%d/%Y %I:%M:%S.%f %p}", zone, "mdy") == expected
    assert read_time(f"{local:%Y年%m月%d日}", zone) == Moment(
        round(there.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000), True
    )


# ---------------------------------------------------------------- money

AMOUNTS: dict[str, tuple[float, str]] = {
    "1234": (1234, ""),
    "0": (0, ""),
    "0.0": (0, ""),
    "1,234.50": (1234.5, ""),
    "1.234,50": (1234.5, ""),
    "1,234,567": (1234567, ""),
    "1.234.567": (1234567, ""),
    "1.234.567,8": (1234567.8, ""),
    "1 234,50 €": (1234.5, "EUR"),
    "1\u202f234,50": (1234.5, ""),
    "1'234.50 CHF": (1234.5, "CHF"),
    "¥ 12,000": (12000, ""),
    "￥12,000.00": (12000, ""),
    "12,5": (12.5, ""),
    "1234.567": (1234.567, ""),
    "0.125": (0.125, ""),
    "5万": (50000, ""),
    "1.5 万元": (15000, "CNY"),
    "３亿": (300000000, ""),
    "12k": (12000, ""),
    "US$ 1.2M": (1200000, "USD"),
    "USD 5": (5, "USD"),
    "R$ 5": (5, ""),
}


@pytest.mark.parametrize("text", AMOUNTS)
def test_amounts(text: str) -> None:
    found = read_amount(text)
    assert found is not None
    assert (found.value, found.currency) == AMOUNTS[text]


NO_AMOUNTS = (
    "", "a lot", "-5", "1.234", "12.000", "1,2,3", "1,23,456", "1.2.3", "1,234.567,8", "5 - 9", "1e9", "5.", "5 x", "9" * 16,
    "9" * 99,
)  # fmt: skip


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_or_could_be_two(text: str) -> None:
    assert read_amount(text) is None


@given(st.integers(0, 10**11))
def test_sums_in_cents_are_read_back_however_they_are_written(cents: int) -> None:
    english = f"{cents / 100:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (english, german, english.replace(",", ""), english.replace(",", " "), f"$ {english}"):
        found = read_amount(text)
        assert found is not None
        assert found.value == cents / 100


# ---------------------------------------------------------------- any row

CELLS = st.one_of(
    st.text("ab17 =,.:/-@'\n\x00\u200b年万王é", max_size=20),
    st.sampled_from(
        ("", "ada@halden.example", "2025-03-01", "03/04/2025", "2031-01-01", "won", "Lost", "5万", "1.234", "=1+1")
    ),
)
ROWS = st.dictionaries(st.sampled_from((*FIELDS, "a", "b", "own")), CELLS, max_size=12)


@given(ROWS, st.sampled_from(("7", "八", "")), st.sampled_from((None, "dmy", "mdy")))
def test_whatever_a_row_holds_it_is_refused_by_name_or_makes_events_that_are_admitted(
    row: dict[str, str], user_id: str, dates: Any
) -> None:
    row = {"a": "", "b": ""} | row | {"id": user_id}
    found = read(row, plan(columns={"a": "property:a", "b": "trait:b"}, dates=dates))
    if isinstance(found, RefusedRow):
        assert found.reason in get_args(RowRefusal)
        return
    assert found.events[0]["type"] == "identify"
    assert len({event["messageId"] for event in found.events}) == len(found.events)
    body = read_body(msgspec.json.encode({"batch": found.events}), is_batch=True)
    admitted = admit(body, None, Caller(1, True, OLDEST_MS), NOW)
    assert (len(admitted.events), admitted.rejected) == (len(found.events), [])
    assert {key for key, _ in admitted.events} == {found.events[0]["anonymousId"]}
