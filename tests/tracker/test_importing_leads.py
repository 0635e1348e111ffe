"""Files of leads: every encoding and delimiter people have, every row accounted for, the same file twice the same ids."""

from __future__ import annotations

import csv
import gzip
import io
import re
from datetime import UTC
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_docs import first_cells, page, table_rows
from tests.tracker.test_importing import Taken
from tracker.core.lead_rows import EVENT_NAMES, FIELDS, LeadPlan, MappingError, RowRefusal, map_columns
from tracker.importing import LeadReport, OpenLog, UnreadableFile, import_leads, open_log
from tracker.importing.lead_files import LONGEST_LINE, LeadFile, guess_encoding, known_encoding

SALT = b"a salt of the site"
NOW = 1_795_000_000_000
PLAN = LeadPlan(UTC, NOW)
Bad = list[tuple[str, int, str]]


def run(path: Path, *, plan: LeadPlan = PLAN, dry: bool = False, **how: Any) -> tuple[LeadReport, Taken, Bad]:
    taken, bad = Taken(), Bad()
    report = import_leads(
        path, SALT, plan, None if dry else taken, keep_bad=lambda reason, row, text: bad.append((reason, row, text)), **how
    )
    assert report.lines == report.taken + sum(report.bad.values()) + report.silent
    assert dry or report.delivered + sum(report.rejected.values()) == sum(report.events.values())
    return report, taken, bad


def rows(data: bytes, tmp_path: Path, **how: Any) -> tuple[str, str, list[list[str]]]:
    """Encoding, delimiter and all rows of a file, the header among them; a reason where a row can't be told."""
    path = tmp_path / "leads.csv"
    path.write_bytes(data)
    with open_log(path, LONGEST_LINE) as log:
        file = LeadFile(log, **how)
        found = [row.cells if isinstance(row.cells, list) else [f"!{row.cells}"] for row in file]
        return file.encoding, file.delimiter, [file.header, *found]


LEADS = """\
id,email,name,created_at,status,won_at,value
1,ada@halden.example,Ada Lind,2025-03-01,won,2025-05-02,"1,234.50"
2,bo@fjord.example,Bo,2025-03-02,open,,
3,,Cy,2025-03-03,contacted,,

4,not an address,Di,2025-03-04,,,
,,Ed,2025-03-05,,,
6,fi@a.example,Fi,03/04/2025,,,
7,gu@a.example,"Gu
of two lines",2025-03-07,lukewarm,,
8,short
9,long@a.example,Hy,2025-03-08,,,,,surplus
10,late@a.example,Io,2031-01-01,,,
11,value@a.example,Ju,2025-03-09,won,2025-04-01,lots
12,never@a.example,Ka,soon,,,
"""


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(LEADS, encoding="utf-8")
    return path


def test_every_row_is_accounted_for(leads: Path) -> None:
    report, taken, bad = run(leads)
    assert report.as_dict() | {"columns": []} == {
        "format": "leads",
        "lines": 13,
        "delivered": 10,
        "skipped": {},
        "bad": {
            "email_invalid": 1,
            "identity_missing": 1,
            "date_ambiguous": 1,
            "row_short": 1,
            "row_long": 1,
            "date_future": 1,
            "number_invalid": 1,
            "date_invalid": 1,
        },
        "rejected": {},
        "silent": 1,
        "encoding": "ascii",
        "delimiter": ",",
        "dry_run": False,
        "columns": [],
        "taken": 4,
        "events": {"identify": 4, "Lead Created": 4, "Lead Won": 1, "Lead Contacted": 1},
        "undated": 1,
        "unknown_statuses": {"lukewarm": 1},
        "first_bad": {
            "email_invalid": [{"row": 6, "column": "email"}],
            "identity_missing": [{"row": 7, "column": ""}],
            "date_ambiguous": [{"row": 8, "column": "created_at"}],
            "row_short": [{"row": 10, "column": ""}],
            "row_long": [{"row": 11, "column": ""}],
            "date_future": [{"row": 12, "column": "created_at"}],
            "number_invalid": [{"row": 13, "column": "value"}],
            "date_invalid": [{"row": 14, "column": "created_at"}],
        },
        "samples": [],
    }
    assert bad[0] == ("email_invalid", 6, "4,not an address,Di,2025-03-04,,,")
    assert [event["userId"] for event in taken.events if event["type"] == "identify"] == ["1", "2", "3", "7"]
    assert taken.events[-2]["traits"]["name"] == "Gu\nof two lines"


def test_the_same_file_twice_gives_the_same_ids_whatever_the_time(leads: Path) -> None:
    (_, once, _), (_, twice, _) = run(leads), run(leads, plan=msgspec.structs.replace(PLAN, now_ms=NOW + 99_000_000))
    assert once.ids == twice.ids
    assert len(set(once.ids)) == len(once.ids)


def test_a_dry_run_tells_the_mapping_and_samples_and_sends_and_keeps_nothing(leads: Path) -> None:
    (dry, taken, bad), (wet, sent, _) = run(leads, dry=True), run(leads)
    assert (dry.delivered, taken.events, bad) == (0, [], [])
    assert (dry.events, dry.bad, dry.is_dry) == (wet.events, wet.bad, True)
    assert dry.samples == [sent.events[:3], sent.events[3:5], sent.events[5:8]]
    assert dry.as_dict()["columns"][4:6] == [
        {"column": "status", "field": "status", "why": "heading", "example": "won"},
        {"column": "won_at", "field": "won_at", "why": "heading", "example": "2025-05-02"},
    ]


def test_a_second_file_may_hold_outcomes_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "leads.csv", tmp_path / "deals.csv"
    first.write_text("mql_id,first_contact_date,origin\na1,01-02-2018,social\nb2,20-10-2017,paid\n", encoding="utf-8")
    second.write_text("mql_id,won_date,business_segment\na1,2018-02-26 19:58:54,pet\n", encoding="utf-8")
    columns = {"mql_id": "id", "first_contact_date": "created_at", "origin": "source"}
    _, made, _ = run(first, plan=LeadPlan(UTC, NOW, columns=columns, dates="dmy"))
    _, won, _ = run(second, plan=LeadPlan(UTC, NOW, columns={"mql_id": "id"}))
    assert [(event.get("event"), event["timestamp"][:10]) for event in made.events] == [
        (None, "2018-02-01"),
        ("Lead Created", "2018-02-01"),
        (None, "2017-10-20"),
        ("Lead Created", "2017-10-20"),
    ]
    assert [event.get("event") for event in won.events] == [None, "Lead Won"]
    assert won.events[1]["timestamp"] == "2018-02-26T19:58:54.000Z"
    assert won.events[0]["traits"] == {"business_segment": "pet"}
    assert {event["anonymousId"] for event in won.events} == {"lead:a1"} < {event["anonymousId"] for event in made.events}


def test_a_mapping_that_makes_no_sense_sends_nothing(leads: Path) -> None:
    taken = Taken()
    with pytest.raises(MappingError, match="no column 'mail'"):
        import_leads(leads, SALT, LeadPlan(UTC, NOW, columns={"mail": "email"}), taken)
    assert taken.batches == []


def test_a_row_that_makes_too_large_an_event_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(f"id,created_at,x\n1,2025-03-01,{'泵' * 11_000}\n2,2025-03-01,y\n", encoding="utf-8")
    report, taken, bad = run(path)
    assert (report.bad, {event["userId"] for event in taken.events}) == ({"too_large": 1}, {"2"})
    assert len(bad[0][2]) == 2000


def test_a_packed_file_that_breaks_off_gives_what_it_holds_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    whole = gzip.compress(b"id\n" + b"".join(b"%d\n" % (number * 7919) for number in range(9000)))
    path.write_bytes(whole)
    assert run(path)[0].taken == 9000
    path.write_bytes(whole[: len(whole) // 2])
    report, _, bad = run(path)
    assert 1000 < report.taken < 9000
    assert (report.bad["file_cut_short"], bad[-1][0]) == (1, "file_cut_short")


def test_progress_tells_bytes_and_rows(tmp_path: Path) -> None:
    path, told = tmp_path / "leads.csv", []
    path.write_text("id\n" + "7\n" * 1200, encoding="utf-8")
    import_leads(path, SALT, PLAN, Taken(), lambda done, total, report: told.append((done == total, report.lines)))
    assert told == [(True, 500), (True, 1000), (True, 1200)]


def test_names_of_events_are_told_apart_only_so_far(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id,event,status\n" + "".join(f"7,e{n},s{n}\n" for n in range(1100)), encoding="utf-8")
    report, _, _ = run(path, dry=True)
    assert (len(report.events), len(report.unknown_statuses), sum(report.events.values())) == (1001, 1000, 2200)


# ---------------------------------------------------------------- encodings

CHINESE = "编号,姓名,公司\n1,王芳,大江泵业有限公司\n2,李雷,南京水务\n"
WESTERN = "id;name;Straße\n1;Jörg Müller;Königsallee\n2;Ana Gonçalves;Rua São João\n"

ENCODED: dict[str, tuple[bytes, str, str]] = {
    "UTF-8": (CHINESE.encode(), "utf-8", CHINESE),
    "UTF-8 with a mark": (b"\xef\xbb\xbf" + CHINESE.encode(), "utf-8", CHINESE),
    "UTF-16, little end": (b"\xff\xfe" + CHINESE.encode("utf-16-le"), "utf-16-le", CHINESE),
    "UTF-16, big end": (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16-be", CHINESE),
    "UTF-16 without a mark": (WESTERN.encode("utf-16-le"), "utf-16-le", WESTERN),
    "UTF-16 without a mark, big end": (WESTERN.encode("utf-16-be"), "utf-16-be", WESTERN),
    "GB18030": (CHINESE.encode("gb18030"), "gb18030", CHINESE),
    "GBK": (CHINESE.encode("gbk"), "gb18030", CHINESE),
    "Western": (WESTERN.encode("windows-1252"), "windows-1252", WESTERN),
    "Western in UTF-8": (WESTERN.encode(), "utf-8", WESTERN),
    "plain": (b"id,name\n1,Ada\n", "ascii", "id,name\n1,Ada\n"),
}


@pytest.mark.parametrize(("data", "encoding", "text"), ENCODED.values(), ids=ENCODED)
def test_encodings_are_found_out(data: bytes, encoding: str, text: str, tmp_path: Path) -> None:
    delimiter = ";" if ";" in text else ","
    assert rows(data, tmp_path) == (encoding, delimiter, [line.split(delimiter) for line in text.splitlines()])


def test_an_encoding_that_shows_late_is_found_out_late(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"id,name\n" + b"1,Ada\n" * 5000 + "2,王芳\n3,南京水务\n".encode("gb18030"))
    report, taken, _ = run(path)
    assert (report.encoding, report.taken) == ("gb18030", 5002)
    assert [event["traits"]["name"] for event in taken.events[-2:]] == ["王芳", "南京水务"]


def test_what_is_neither_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="--encoding"):
        guess_encoding("Größe ÄÖ ß".encode("latin-1") + "王芳".encode("gb18030"))
    data = "id,name\n1,ÄÖÜ\n".encode("windows-1252")
    assert rows(data, tmp_path, encoding="cp1252")[2][1] == ["1", "ÄÖÜ"]


def test_names_of_encodings() -> None:
    told = {name: known_encoding(name) for name in ("UTF8", "gb2312", "GBK", "gb18030", "latin1", "utf-16", "UTF-16BE")}
    assert list(told.values()) == ["utf-8", "gb18030", "gb18030", "gb18030", "iso8859-1", "utf-16-le", "utf-16-be"]
    for name in ("klingon", "rot13", "zlib", ""):
        with pytest.raises(UnreadableFile, match="no encoding"):
            known_encoding(name)


def test_a_row_with_bytes_of_another_encoding_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(
        "id,name\n1,王芳\n".encode() + b"2,M\xfcller\n" + "3,大江泵业有限公司南京水务集团采购经理李雷\n".encode()
    )
    report, taken, bad = run(path)
    assert (report.encoding, [event["userId"] for event in taken.events]) == ("utf-8", ["1", "3"])
    assert bad == [("text_invalid", 3, "2,M\ufffdller")]


NO_TABLES = {
    "a workbook": (b"PK\x03\x04rest", "Excel workbook"),
    "an old workbook": (b"\xd0\xcf\x11\xe0rest", "old Excel"),
    "a PDF": (b"%PDF-1.7", "PDF"),
    "UTF-32": ("id,name".encode("utf-32"), "UTF-32"),
    "nothing": (b"", "empty"),
    "blank lines": (b"\n \n\n", "empty"),
    "an endless header": (b"id," + b"x" * 70_000, "first row must name the columns"),
    "a header that nothing closes": (b'id,"name\n1,Ada\n', "first row must name the columns"),
}


@pytest.mark.parametrize(("data", "says"), NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_table_says_so(data: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=says):
        rows(data, tmp_path)


# ---------------------------------------------------------------- delimiters, quotes and line ends

SHAPES: dict[str, tuple[str, str, list[list[str]]]] = {
    "commas": ("id,x\n1,a;b\n", ",", [["id", "x"], ["1", "a;b"]]),
    "semicolons, for decimal commas": (
        "id;x;y\n1;1,5;2,5\n2;3,5;4,5\n",
        ";",
        [["id", "x", "y"], ["1", "1,5", "2,5"], ["2", "3,5", "4,5"]],
    ),
    "tabs": ("id\tx\n1\ta,b\n", "\t", [["id", "x"], ["1", "a,b"]]),
    "bars": ("id|x\n1|a,b\n", "|", [["id", "x"], ["1", "a,b"]]),
    "one column": ("email\na@b.example\n", ",", [["email"], ["a@b.example"]]),
    "Excel's own word": ("sep=|\nid|x,y,z\n1|2,3,4\n", "|", [["id", "x,y,z"], ["1", "2,3,4"]]),
    "quoted delimiters and marks": ('id,x\n1,"a,""b"""\n', ",", [["id", "x"], ["1", 'a,"b"']]),
    "quoted line ends": ('id,x\n1,"a\nb\n\nc"\n2,d\n', ",", [["id", "x"], ["1", "a\nb\n\nc"], ["2", "d"]]),
    "marks within a cell": ('id,x\n1,5" pipe\n2,6" pipe\n', ",", [["id", "x"], ["1", '5" pipe'], ["2", '6" pipe']]),
    "a mark that nothing closes": (
        'id,x\n1,"a\n2,b\n3,c\n',
        ",",
        [["id", "x"], ["!quote_unclosed"], ["2", "b"], ["3", "c"]],
    ),
    "line ends of Windows": ("id,x\r\n1,a\r\n", ",", [["id", "x"], ["1", "a"]]),
    "line ends of old": ("id,x\r1,a\r", ",", [["id", "x"], ["1", "a"]]),
    "no line end at the end": ("id,x\n1,a", ",", [["id", "x"], ["1", "a"]]),
    "odd line ends within cells": ("id,x\n1,a\x0bb\u2028c\n", ",", [["id", "x"], ["1", "a\x0bb\u2028c"]]),
    "a row that is too long": (f"id,x\n1,{'y' * 60_000}\n2,z\n", ",", [["id", "x"], ["!too_large"], ["2", "z"]]),
}


@pytest.mark.parametrize(("text", "delimiter", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes(text: str, delimiter: str, expected: list[list[str]], tmp_path: Path) -> None:
    assert rows(text.encode(), tmp_path)[1:] == (delimiter, expected)
    if text.isascii():
        assert rows(b"\xff\xfe" + text.encode("utf-16-le"), tmp_path)[1:] == (delimiter, expected)


def test_a_mark_far_from_its_like_takes_only_its_own_row(tmp_path: Path) -> None:
    text = 'id,x\n1,"a\n' + "2,b\n" * 20_000 + '3,c"\n'
    found = rows(text.encode(), tmp_path)[2]
    assert (len(found), found[1], found[2], found[-1]) == (20_003, ["!quote_unclosed"], ["2", "b"], ["3", 'c"'])


def test_an_endless_line_is_cut_and_the_next_is_read_whole(tmp_path: Path) -> None:
    text = "id,x\n1," + "y" * (LONGEST_LINE + 100) + "\n2,z\n"
    assert rows(text.encode(), tmp_path)[2] == [["id", "x"], ["!too_large"], ["2", "z"]]
    with pytest.raises(UnreadableFile, match="over 4 MB"):
        rows(b"\xff\xfe" + text.encode("utf-16-le"), tmp_path)


@given(
    st.lists(st.lists(st.text("ab,;\t|\"\n' é王", max_size=8), min_size=2, max_size=2), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(("utf-8", "utf-16-le", "gb18030")),
)
def test_what_a_writer_of_csv_writes_is_read_back(cells: list[list[str]], delimiter: str, encoding: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([["id", "name"], *cells])
    data = text.getvalue().encode(encoding)
    with OpenLog(io.BytesIO(data), len(data), LONGEST_LINE) as log:
        file = LeadFile(log, encoding, delimiter)
        assert [file.header, *(row.cells for row in file)] == [["id", "name"], *cells]


# ---------------------------------------------------------------- the page about it


def test_every_field_and_every_reason_has_a_row_in_the_documentation() -> None:
    told = first_cells(page("docs/import-leads.md"))
    assert {*FIELDS, *get_args(RowRefusal), *EVENT_NAMES, "open"} - told == set()


def test_the_headings_that_the_documentation_names_are_known() -> None:
    for cells in table_rows(page("docs/import-leads.md")):
        fields = re.findall(r"`(\w+)`", cells[0])
        if len(cells) == 3 and cells[0].startswith("`") and fields and set(fields) <= FIELDS.keys():
            for heading in cells[1].split(", "):
                found = map_columns(["id", "email", heading], LeadPlan(UTC, NOW))[-1]
                assert found.field in fields or heading in FIELDS["id"] or "mail" in heading or "邮" in heading, heading
