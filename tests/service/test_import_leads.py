"""Leads, touches and outcomes of a CRM, through the real command into the database."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from scorer.cli import cli
from scorer.cli.words import WORDS
from scorer.models import leads
from scorer.resources import opened
from tests.service.conftest import MakeService
from tracker.core.lead_rows import RowRefusal
from tracker.models import dead_letters, events, visitors
from tracker.settings import Settings

LEADS = """\
编号;姓名;邮箱;公司;来源;创建时间;状态;规模
K-1;王芳;wang@beng.example;大江泵业;展会;2025/3/1 09:00;跟进中;120
K-2;李雷;li@shui.example;南京水务;官网;2025/3/2 10:30;新线索;
K-3;=1+1;;无名公司;官网;2025/3/3 11:00;;
;无名氏;;;;2025/3/4 12:00;;
K-5;韩梅;han@beng.example;;;03/04/2025;;
"""
DEALS = "编号,成交时间,成交金额,币种\nK-1,2025-05-02,5万,CNY\n"


def test_leads_and_deals_come_in_once_and_bad_rows_are_kept(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service()
    service.cli_json("site", "add", "Pumps", "--origin", "https://pumps.example")
    first, second = tmp_path / "leads.csv", tmp_path / "deals.csv"
    first.write_bytes(LEADS.encode("gb18030"))
    second.write_text(DEALS, encoding="utf-8-sig")

    dry = service.cli_json("import-leads", str(first), "--dry-run")
    assert (dry["dry_run"], dry["encoding"], dry["delimiter"], len(dry["samples"])) == (True, "gb18030", ";", 3)
    assert [column["field"] for column in dry["columns"]] == [
        *("id", "name", "email", "company", "source", "created_at", "status", "employees"),
    ]
    assert service.cli_json("status")["received"] == 0
    assert "K-1" in service.cli("import-leads", str(first), "--dry-run")
    service.cli("import-leads", str(first), "--map", "mail=email", code=1)

    for _ in range(2):
        report = service.cli_json("import-leads", str(first))
        assert report["events"] == {"identify": 3, "group": 3, "Lead Created": 3, "Lead Contacted": 1}
        assert (report["delivered"], report["waiting"], report["rejected"]) == (10, 0, {})
        assert report["bad"] == {"identity_missing": 1, "date_ambiguous": 1}
        assert report["first_bad"]["date_ambiguous"] == [{"row": 6, "column": "创建时间"}]
        won = service.cli_json("import-leads", str(second))
        assert (won["events"], won["waiting"]) == ({"identify": 1, "Lead Won": 1}, 0)
    counts = service.cli_json("status")
    assert (counts["received"], counts["stored"], counts["duplicate"]) == (24, 12, 12)

    with opened(Settings(data_dir=service.data_dir)) as resources, resources.database.reading() as connection:
        assert set(connection.execute(select(visitors.c.key)).scalars()) == {"lead:K-1", "lead:K-2", "lead:K-3"}
        assert len(connection.execute(select(leads.c.id)).all()) == 3
        assert connection.execute(select(events.c.at).where(events.c.name == "Lead Won")).scalars().all() == [
            1_746_144_000_000
        ]
        kept = connection.execute(select(dead_letters.c.reason, dead_letters.c.body).order_by(dead_letters.c.id)).all()
    assert [(reason, body.decode()) for reason, body in kept] == [
        ("identity_missing", ";无名氏;;;;2025/3/4 12:00;;"),
        ("date_ambiguous", "K-5;韩梅;han@beng.example;;;03/04/2025;;"),
    ]


MISUSED = {
    "a pair that is none": (("--map", "mql_id"), "--map 'mql_id' is not of the form LEFT=RIGHT"),
    "half a pair": (("--map", "=id"), "not of the form"),
    "a column twice": (("--map", "a=id", "--map", "a=name"), "--map has 'a' twice"),
    "a state that is none": (("--status-map", "Closed=done"), "no state 'done'; there are won, lost"),
    "an order that is none": (("--dates", "ymd"), "'ymd' is not one of"),
    "a delimiter of two letters": (("--delimiter", "::"), "one character"),
    "a key without an address": (("--server-key", "sk_1"), "go together"),
}


@pytest.mark.parametrize(("options", "says"), MISUSED.values(), ids=MISUSED)
def test_misuse_is_told(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id\n7\n", encoding="utf-8")
    told = CliRunner().invoke(cli, ["import-leads", str(path), *options])
    assert told.exit_code == 2
    assert says in " ".join(told.output.split())


def test_the_words_for_every_reason_are_there_in_both_languages() -> None:
    assert {*get_args(RowRefusal), "file_cut_short"} <= WORDS.keys()
