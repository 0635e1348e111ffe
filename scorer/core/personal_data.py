"""What is kept of a person, where, and why: the list that exports are read by and erasure is checked against."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from scorer.core.labels import Label

Reach = Literal["lead", "visitor"]


class Kept(msgspec.Struct, frozen=True):
    """Rows of one table that speak of a person."""

    table: str
    reach: Reach
    """Whether ``column`` has ids of leads or of visitors."""
    column: str
    title: Label
    purpose: Label
    """Why it is kept."""
    ends: Label
    """When it goes by itself."""
    stays: bool = False
    """Whether rows stay after erasure, without what they say of the person."""


_RETENTION: Final = Label("with the visitor, by WARMTRAIL_RETENTION_DAYS", "随访客一并清除（WARMTRAIL_RETENTION_DAYS）")
_WITH_LEAD: Final = Label("with the lead", "随线索一并清除")

KEPT: Final[tuple[Kept, ...]] = (
    Kept(
        "leads",
        "lead",
        "id",
        Label("Who it is", "身份"),
        Label("to call a person by name, and to tell how well the company fits", "以便称呼此人，并判断其公司是否匹配"),
        Label("with the last of its visitors", "随最后一名访客一并清除"),
    ),
    Kept(
        "identities",
        "lead",
        "lead_id",
        Label("Names it goes by", "标识"),
        Label("to know a person again on another device", "以便在其他设备上识别同一人"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_visitors",
        "lead",
        "lead_id",
        Label("Whose browsers these are", "浏览器归属"),
        Label("to put the history of a person's devices together", "以便合并同一人各设备的历史"),
        _RETENTION,
    ),
    Kept(
        "lead_pairs_apart",
        "lead",
        "lead_id",
        Label("Whom it isn't", "并非同一人"),
        Label("so that people who were told apart stay so", "以便已区分的人不再被合并"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_words",
        "lead",
        "lead_id",
        Label("Words it is found by", "检索词"),
        Label("to find a lead by name, address or company", "以便按姓名、邮箱或公司检索"),
        _WITH_LEAD,
    ),
    Kept(
        "visitors",
        "visitor",
        "id",
        Label("Browsers", "浏览器"),
        Label(
            "to count visits and time of one browser, and to keep what it said of its user",
            "以便统计访问与停留并保存其自述信息",
        ),
        _RETENTION,
    ),
    Kept(
        "visits",
        "visitor",
        "visitor_id",
        Label("Visits", "访问"),
        Label("to tell how often somebody comes, for how long, and from where", "以便了解来访频率、时长与来源"),
        _RETENTION,
    ),
    Kept(
        "events",
        "visitor",
        "visitor_id",
        Label("Pages, downloads and other events", "页面、下载及其他事件"),
        Label("the ledger from which every score can be added up again", "可重新核算每一分值的明细"),
        _RETENTION,
    ),
    Kept(
        "consents",
        "visitor",
        "visitor_id",
        Label("Consents", "同意记录"),
        Label(
            "to prove what it agreed to, by which text, and when it took that back",
            "以便证明其同意的内容、文本版本与撤回时间",
        ),
        _RETENTION,
    ),
    Kept(
        "objections",
        "lead",
        "lead_id",
        Label("Whether it may be scored", "是否可评分"),
        Label("so that who doesn't want to be scored isn't", "以便不对不愿被评分者评分"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_scores",
        "lead",
        "lead_id",
        Label("Scores", "评分"),
        Label("to rank leads by how close they are to buying", "以便按购买意向排序"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_changes",
        "lead",
        "lead_id",
        Label("Changes told to sales", "已通知销售的变动"),
        Label("to tell other systems what happened, once each", "以便向其他系统逐一通知变动"),
        Label("with the lead, and by WARMTRAIL_RETENTION_DAYS", "随线索一并清除，且不超过 WARMTRAIL_RETENTION_DAYS"),
        stays=True,
    ),
    Kept(
        "outcomes",
        "lead",
        "lead_id",
        Label("Outcomes", "结果"),
        Label("to know which leads are settled, and to learn from them", "以便知晓哪些线索已有结论并从中学习"),
        _WITH_LEAD,
    ),
    Kept(
        "notes",
        "lead",
        "lead_id",
        Label("Notes of salespeople", "销售备注"),
        Label("so that the next call begins where the last one ended", "以便下次沟通接续上次内容"),
        _WITH_LEAD,
    ),
    Kept(
        "audit",
        "lead",
        "subject",
        Label("What people decided about it", "人工操作记录"),
        Label("to be able to tell who did what, and why", "以便追溯何人因何操作"),
        Label("never; after erasure only who did what, and when", "不清除；抹除后仅保留操作人、操作与时间"),
        stays=True,
    ),
    Kept(
        "idempotency_keys",
        "lead",
        "lead_id",
        Label("Answers to programs", "对程序的应答"),
        Label("so that a request sent twice is carried out once", "以便重复请求只执行一次"),
        Label("after a day", "一天后"),
    ),
    Kept(
        "webhook_deliveries",
        "lead",
        "lead_id",
        Label("Messages to other systems", "发往其他系统的消息"),
        Label("to send again what didn't arrive", "以便重发未送达的消息"),
        Label("after 30 days", "30 天后"),
    ),
    Kept(
        "alert_mails",
        "lead",
        "lead_id",
        Label("Alerts about it", "相关提醒"),
        Label("so that nobody is told twice", "以便不重复提醒"),
        Label("with the lead, after 90 days at the latest", "随线索一并清除，最迟 90 天后"),
    ),
    Kept(
        "lead_labels",
        "lead",
        "lead_id",
        Label("Labels given by people", "人工标签"),
        Label("to sort leads in the company's own terms", "以便按公司自有类别归类线索"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_classes",
        "lead",
        "lead_id",
        Label("What it is taken for", "推断类别"),
        Label("to sort leads that nobody has labelled", "以便归类尚无标签的线索"),
        _WITH_LEAD,
    ),
    Kept(
        "lead_groups",
        "lead",
        "lead_id",
        Label("Group of like behaviour", "行为群组"),
        Label("to see what kinds of visitors there are", "以便了解访客类型"),
        _WITH_LEAD,
    ),
    Kept(
        "explored_leads",
        "lead",
        "lead_id",
        Label("Shown to learn from", "探索展示"),
        Label("so that not only what is believed already is learned", "以便不只学习既有判断"),
        _WITH_LEAD,
    ),
)
"""All tables that have rows of a person. A table with a column ``lead_id``, ``home_id`` or ``visitor_id`` has to be here."""
