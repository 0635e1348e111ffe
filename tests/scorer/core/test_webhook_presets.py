"""Every preset says what it should in every language, and nothing that a visitor wrote does anything there."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import scorer
from scorer.core.labels import Language
from scorer.core.lead_state import ChangeKind
from scorer.core.webhook_crm import split_name
from scorer.core.webhook_messages import MAX_BODY, WORDS, Told, ToldLead, sentences
from scorer.core.webhook_presets import WECOM_MAX_BYTES, body
from scorer.core.webhook_types import KINDS, PING, PRESETS, ROBOTS, TYPES, Preset, default_kinds

ADA = ToldLead(
    id="ld_edsw5zo3x46rvona",
    name="Ada King",
    email="ada@halden.example",
    title="Head of Purchasing",
    phone="+49 30 123",
    company="Halden GmbH",
    domain="halden.example",
    country="DE",
    score=78.4,
    tier="hot",
    stage="decision",
    status="open",
    owner="",
    owner_name="",
    reasons=("Viewed pricing 3 times, last 2 hours ago", "Requested a quote, 2 hours ago"),
    next_step="Call",
    url="https://leads.example.com/leads/ld_edsw5zo3x46rvona",
)


def told(kind: str = "entered", lead: ToldLead | None = ADA, /, **detail: Any) -> Told:
    lead_id = "" if kind == PING else "ld_edsw5zo3x46rvona"
    return Told(kind, 0 if kind == PING else 41, "2026-11-19T10:30:00.000Z", 1, "nordwind", lead_id, detail, lead)


def shown(preset: Preset, what: Told, language: Language = "en") -> Any:
    content = body(preset, what, language)
    assert content is not None
    return json.loads(content)


def test_there_is_a_type_for_every_kind_of_change_that_the_program_makes() -> None:
    """Read from the source: the third argument of every ``Change(…)``, and the kinds that scoring computes."""
    made: set[str] = {*get_args(ChangeKind), "stage"}
    for path in Path(scorer.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Change", "clear"):
                for argument in node.args[2:4]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        made.add(argument.value)
    assert made == set(KINDS)
    assert set(TYPES) == {f"lead.{kind}" for kind in KINDS} | {"test.ping"}


def test_the_standard_shape_is_thin() -> None:
    what = shown("standard", told(score=78.4))
    assert what == {
        "type": "lead.entered",
        "timestamp": "2026-11-19T10:30:00.000Z",
        "data": {
            "sequence": 41,
            "site": {"id": 1, "name": "nordwind"},
            "lead_id": "ld_edsw5zo3x46rvona",
            "lead": {
                "id": "ld_edsw5zo3x46rvona",
                "score": 78.4,
                "tier": "hot",
                "stage": "decision",
                "reasons": ["Viewed pricing 3 times, last 2 hours ago", "Requested a quote, 2 hours ago"],
                "url": "https://leads.example.com/leads/ld_edsw5zo3x46rvona",
            },
            "detail": {"score": 78.4},
        },
    }


def test_a_lead_that_is_gone_is_told_of_by_its_id() -> None:
    data = shown("standard", told("erased", None))["data"]
    assert (data["lead_id"], data["lead"]) == ("ld_edsw5zo3x46rvona", None)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", [*KINDS, PING])
def test_every_preset_tells_every_kind(preset: Preset, kind: str, language: Language) -> None:
    for lead in (ADA, None):
        content = body(preset, told(kind, None if kind == PING else lead, kind="won", to="decision", owner="ben"), language)
        if content is None:
            assert preset in ("hubspot", "salesforce")
            assert lead is None
        else:
            assert json.loads(content)
            assert b"{" + b"who}" not in content


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_there_in_both_languages(name: str) -> None:
    assert WORDS[name].en
    assert WORDS[name].zh


HEADLINES: dict[str, tuple[Told, str, str]] = {
    "hot": (told(), "Ada King (Halden GmbH) is hot now: score 78", "Ada King（Halden GmbH） 成为热门线索：得分 78"),
    "stage": (
        told("stage", to="decision"),
        "Ada King (Halden GmbH) has reached the stage “decision”",
        "Ada King（Halden GmbH） 已进入“决策”阶段",
    ),
    "won": (
        told("outcome", kind="won", value=12000, currency="EUR"),
        "Ada King (Halden GmbH): won, 12,000 EUR",
        "Ada King（Halden GmbH）：已成交, 12,000 EUR",
    ),
    "lost": (
        told("outcome", kind="lost", reason="Price"),
        "Ada King (Halden GmbH): lost – Price",
        "Ada King（Halden GmbH）：已丢单 – Price",
    ),
    "claimed": (
        told("claimed", owner="ben@nordwind.example"),
        "Ada King (Halden GmbH) is looked after by ben@nordwind.example now",
        "Ada King（Halden GmbH） 现由 ben@nordwind.example 跟进",
    ),
    "claimed by somebody with a name": (
        told("claimed", replace(ADA, owner="ben@nordwind.example", owner_name="Ben Arlt"), owner="ben@nordwind.example"),
        "Ada King (Halden GmbH) is looked after by Ben Arlt now",
        "Ada King（Halden GmbH） 现由 Ben Arlt 跟进",
    ),
    "claimed by somebody else since": (
        told("claimed", replace(ADA, owner="chen@nordwind.example", owner_name="Chen"), owner="ben@nordwind.example"),
        "Ada King (Halden GmbH) is looked after by ben@nordwind.example now",
        "Ada King（Halden GmbH） 现由 ben@nordwind.example 跟进",
    ),
    "of a domain in Chinese": (
        told("left", replace(ADA, name="", email="", company="", domain="xn--xhq89jgru9fn.xn--fiqs8s")),
        "华东电机.中国 has cooled down",
        "华东电机.中国 已降温",
    ),
    "test": (
        told(PING, None),
        "This is a test from Warmtrail. It works.",
        "这是 Warmtrail 的测试消息，配置成功。",
    ),
}


@pytest.mark.parametrize(("what", "en", "zh"), HEADLINES.values(), ids=HEADLINES)
def test_headlines(what: Told, en: str, zh: str) -> None:
    assert sentences(what, "en").headline == en
    assert sentences(what, "zh").headline == zh


def test_slack_gets_blocks_of_plain_text() -> None:
    assert shown("slack", told()) == {
        "text": "Ada King (Halden GmbH) is hot now: score 78",
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": "Ada King (Halden GmbH) is hot now: score 78", "emoji": False},
            },
            {
                "type": "section",
                "text": {
                    "type": "plain_text",
                    "text": "Why: Viewed pricing 3 times, last 2 hours ago; Requested a quote, 2 hours ago",
                    "emoji": False,
                },
            },
            {"type": "section", "text": {"type": "plain_text", "text": "Next: Call", "emoji": False}},
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "<https://leads.example.com/leads/ld_edsw5zo3x46rvona|Open in Warmtrail>",
                    "verbatim": True,
                },
            },
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_wecom_gets_markdown() -> None:
    assert shown("wecom", told(), "zh") == {
        "msgtype": "markdown",
        "markdown": {
            "content": "**Ada King（Halden GmbH） 成为热门线索：得分 78**\n"
            "> 原因：Viewed pricing 3 times, last 2 hours ago；Requested a quote, 2 hours ago\n"
            "> 下一步：Call\n"
            "[在 Warmtrail 中查看](https://leads.example.com/leads/ld_edsw5zo3x46rvona)"
        },
    }


def test_dingtalk_gets_markdown_and_nobody_is_called() -> None:
    what = shown("dingtalk", told(), "zh")
    assert what["msgtype"] == "markdown"
    assert what["markdown"]["title"] == "Ada King（Halden GmbH） 成为热门线索：得分 78"
    assert what["markdown"]["text"].startswith("#### Ada King（Halden GmbH）")
    assert what["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": False}


def test_feishu_gets_a_post() -> None:
    post = shown("feishu", told(), "zh")["content"]["post"]["zh_cn"]
    assert post["title"] == "Ada King（Halden GmbH） 成为热门线索：得分 78"
    assert [line[0]["tag"] for line in post["content"]] == ["text", "text", "a"]
    assert shown("feishu", told())["content"]["post"].keys() == {"en_us"}


def test_hubspot_gets_an_upsert_by_e_mail() -> None:
    [contact] = shown("hubspot", told())["inputs"]
    assert (contact["id"], contact["idProperty"]) == ("ada@halden.example", "email")
    told_of = contact["properties"]
    assert (told_of["firstname"], told_of["lastname"], told_of["company"]) == ("Ada", "King", "Halden GmbH")
    assert (told_of["warmtrail_score"], told_of["warmtrail_tier"], told_of["hs_lead_status"]) == ("78.4", "hot", "OPEN")
    assert all(isinstance(value, str) for value in told_of.values())


def test_hubspot_gets_a_stranger_by_our_id_and_no_empty_fields_of_its_own() -> None:
    stranger = replace(ADA, name="", email="")
    [contact] = shown("hubspot", told("entered", stranger))["inputs"]
    assert (contact["id"], contact["idProperty"]) == (ADA.id, "warmtrail_lead_id")
    assert not {"email", "firstname", "lastname"} & contact["properties"].keys()


def test_salesforce_gets_a_lead_with_all_that_it_needs() -> None:
    [record] = shown("salesforce", told())["records"]
    assert record["attributes"] == {"type": "Lead"}
    assert (record["FirstName"], record["LastName"], record["Company"]) == ("Ada", "King", "Halden GmbH")
    assert (record["Rating"], record["Warmtrail_Id__c"], record["Warmtrail_Score__c"]) == ("Hot", ADA.id, 78.4)
    stranger = replace(ADA, name="", email="", title="", phone="", company="", domain="")
    [record] = shown("salesforce", told("entered", stranger))["records"]
    assert (record["LastName"], record["Company"]) == ("[unknown]", "[unknown]")


def test_a_test_makes_no_record_in_a_crm() -> None:
    assert shown("hubspot", told(PING, None)) == {"inputs": []}
    assert shown("salesforce", told(PING, None)) == {"allOrNone": False, "records": []}


EVIL = (
    '<!channel> <@all> @all @everyone [win](http://evil.example) **b** `c` <font>\r\n# h\n> q <at user_id="all">x</at>\u202e'
)


@pytest.mark.parametrize("preset", sorted(ROBOTS))
def test_a_visitor_s_name_is_no_markup_no_mention_and_no_link(preset: Preset) -> None:
    evil = replace(ADA, name=EVIL, company=EVIL, reasons=(EVIL,), next_step=EVIL)
    content = body(preset, told("entered", evil), "en")
    assert content is not None
    what = json.loads(content)
    said = content.decode()
    assert "evil.example" in said
    assert "http://evil" not in said
    assert " @all" not in said
    assert " @everyone" not in said
    assert "\u202e" not in said
    if preset in ("wecom", "dingtalk"):
        text = what["markdown"].get("content") or what["markdown"]["text"]
        ours = text.rpartition("[Open in Warmtrail](")[0]
        assert not set(ours) & set("<[]`")
        assert "**b**" not in ours
    if preset == "slack":
        assert {block["text"]["type"] for block in what["blocks"][:-1]} == {"plain_text"}
        assert "<" not in what["text"]
    if preset == "feishu":
        lines = what["content"]["post"]["en_us"]["content"]
        assert {part["tag"] for line in lines for part in line} == {"text", "a"}
        assert [part["href"] for line in lines for part in line if part["tag"] == "a"] == [ADA.url]


@given(
    st.sampled_from(PRESETS),
    st.sampled_from([*KINDS]),
    st.text(max_size=400),
    st.lists(st.text(max_size=2000), max_size=9),
    st.dictionaries(
        st.sampled_from(["kind", "reason", "owner", "to", "value", "note"]), st.text(max_size=3000) | st.floats()
    ),
)
def test_no_body_is_larger_than_a_receiver_takes(
    preset: Preset, kind: str, text: str, reasons: list[str], detail: dict[str, Any]
) -> None:
    lead = replace(
        ADA,
        name=text,
        company=text * 3,
        title=text,
        owner=text,
        next_step=text * 9,
        email=text[:320],
        reasons=tuple(reasons),
    )
    content = body(preset, told(kind, lead, **detail), "zh")
    assert content is not None
    assert len(content) < MAX_BODY
    if preset == "wecom":
        assert len(json.loads(content)["markdown"]["content"].encode()) <= WECOM_MAX_BYTES


def test_robots_are_told_what_is_worth_a_word() -> None:
    assert {default_kinds(preset) for preset in ROBOTS} == {("entered", "stage", "outcome")}
    assert default_kinds("standard") == KINDS


@pytest.mark.parametrize(
    ("name", "parts"), [("Ada", ("", "Ada")), (" Li  Na ", ("Li", "Na")), ("欧阳娜娜", ("", "欧阳娜娜"))]
)
def test_names_are_split(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts
