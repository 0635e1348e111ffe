"""What somebody did by hand, as the audit log is read out: the action in words, and what it changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from scorer.core.audit_chain import Break, Fault
from scorer.core.exclusions import REASONS
from scorer.core.findings import filled
from scorer.core.labels import Label, Language, pick

ACTIONS: Final[Mapping[str, Label]] = {
    "merge": Label("merged", "合并"),
    "unmerge": Label("separated", "拆分"),
    "exclude": Label("decided on exclusion", "设置排除"),
    "objection": Label("recorded whether it may be scored", "记录是否可评分"),
    "consent": Label("recorded a consent", "记录同意情况"),
    "claim": Label("claimed", "认领"),
    "release": Label("released", "释放"),
    "snooze": Label("put off", "暂缓"),
    "outcome": Label("noted the outcome", "记录结果"),
    "label": Label("labelled", "标注"),
    "labels": Label("labelled many leads", "批量标注"),
    "note": Label("wrote a note", "添加备注"),
    "publish": Label("published a scorecard", "发布评分卡"),
    "propose": Label("learned a scorecard and proposed it", "学习并提出评分卡提案"),
    "refuse": Label("refused a proposed scorecard", "否决评分卡提案"),
    "train": Label("asked for a training", "请求训练"),
    "clear alarm": Label("put an alarm of learning away", "清除学习告警"),
    "rollback": Label("went back to a scorecard", "回退评分卡"),
    "export": Label("saved a person's data", "导出个人数据"),
    "erase": Label("erased a person", "抹除个人数据"),
    "audit export": Label("saved the audit log", "导出审计日志"),
    "site add": Label("added the site", "新增站点"),
    "site set": Label("changed settings", "更改设置"),
    "key add": Label("made a key", "新增密钥"),
    "key revoke": Label("revoked a key", "停用密钥"),
    "user add": Label("gave somebody a part in the site", "添加用户"),
    "user role": Label("changed somebody's role", "更改用户角色"),
    "user link": Label("made a link to choose a password", "生成设置密码链接"),
    "user sign-out": Label("signed somebody out", "将用户登出"),
    "user disable": Label("kept somebody out", "停用用户"),
    "user enable": Label("let somebody in again", "恢复用户"),
    "dead letters replay": Label("sent dead letters through again", "重放死信"),
    "dead letters delete": Label("deleted dead letters", "删除死信"),
    "recount": Label("let filtered events count", "将已过滤事件重新计入"),
    "webhook add": Label("added a webhook", "新增 Webhook"),
    "webhook remove": Label("removed a webhook", "删除 Webhook"),
    "webhook rotate": Label("gave a webhook another secret", "更换 Webhook 密钥"),
    "webhook enable": Label("switched a webhook on", "启用 Webhook"),
    "webhook disable": Label("switched a webhook off", "停用 Webhook"),
    "webhook replay": Label("sent a webhook's messages again", "重新发送 Webhook 消息"),
    "digest add": Label("subscribed somebody to the digest", "新增周报订阅"),
    "digest remove": Label("unsubscribed somebody from the digest", "取消周报订阅"),
    "alert add": Label("subscribed somebody to alerts", "新增提醒订阅"),
    "alert change": Label("changed an alert", "修改提醒订阅"),
    "alert remove": Label("unsubscribed somebody from alerts", "取消提醒订阅"),
}
_MAX_VALUE: Final = 200
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_BY_CARD: Final = Label("By the scorecard", "由评分卡决定")
_NEVER: Final = Label("Never", "从不排除")


def action_label(action: str, language: Language) -> str:
    """What was done; the action as it is stored where another version has made the line.

    >>> action_label("site set", "en"), action_label("of tomorrow", "zh")
    ('changed settings', 'of tomorrow')
    """
    return pick(ACTIONS[action], language) if action in ACTIONS else action


NAMES: Final[dict[str, Label]] = {
    "owner": Label("owner", "负责人"),
    "until": Label("until", "截至"),
    "note": Label("note", "备注"),
    "email": Label("email", "邮箱"),
    "segment": Label("segment", "细分"),
    "kind": Label("kind", "结果"),
    "value": Label("value", "金额"),
    "currency": Label("currency", "币种"),
    "reason": Label("reason", "原因"),
    "by": Label("by", "操作人"),
    "removed": Label("rows removed", "删除行数"),
    "label": Label("label", "标签"),
    "visitors": Label("visitors", "访客"),
    "events": Label("events", "事件"),
    "since": Label("since", "起始"),
    "refused_events": Label("refused events", "被拒收的事件"),
}
"""What is told of daily work. Settings keep the names that they have in commands."""


def told_changes(action: str, detail: Mapping[str, Any], language: Language) -> str:
    """What a line's detail tells: ``name value``, or ``name from → to``, with settings and fields under their own names.

    >>> consent = {"consent": {"from": "not-required", "to": "required"}, "origins": {"from": ["a"], "to": []}}
    >>> told_changes("site set", consent, "en"), told_changes("merge", {"lost": "ld_a"}, "zh")
    ('consent not-required → required; origins a → –', 'lost ld_a')
    >>> told_changes("exclude", {"from": None, "to": "staff"}, "en")
    'By the scorecard → Own staff'
    >>> told_changes("claim", {"owner": "ada", "until": "2026-11-27T08:53:13.004Z"}, "zh")
    '负责人 ada; 截至 2026-11-27 08:53 UTC'
    """
    if detail.keys() == {"from", "to"}:
        before, after = detail["from"], detail["to"]
        if action == "exclude":
            return f"{_exclusion(before, language)} → {_exclusion(after, language)}"
        return f"{_plain(before)} → {_plain(after)}"
    told = []
    for field, value in detail.items():
        name = pick(NAMES[field], language) if field in NAMES else field
        if isinstance(value, Mapping) and value.keys() == {"from", "to"}:
            told.append(f"{name} {_plain(value['from'])} → {_plain(value['to'])}")
        else:
            told.append(f"{name} {_plain(value)}")
    return "; ".join(told)


FAULTS: Final[Mapping[Fault, Label]] = {
    "outside": Label("there are lines that are not in the chain.", "存在未纳入哈希链的行。"),
    "missing": Label("line {number} is missing.", "缺少第 {number} 行。"),
    "changed": Label("line {number} is not as it was written.", "第 {number} 行与写入时不符。"),
    "cut": Label("the log does not end where it should: from line {number} on.", "日志的结尾不符：自第 {number} 行起。"),
}


def told_break(broken: Break) -> Label:
    """Return in words what is wrong with a chain.

    >>> told_break(Break(7, "missing"))
    Label(en='line 7 is missing.', zh='缺少第 7 行。')
    """
    return filled(FAULTS[broken.fault], number=f"{broken.number:,}")


def _exclusion(value: Any, language: Language) -> str:
    """A reason of exclusion; or that somebody wants none ever, or leaves it to the scorecard."""
    if value is None:
        return pick(_BY_CARD, language)
    return pick(REASONS.get(value, Label(str(value))) if value else _NEVER, language)


def _plain(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(_plain, value))[:_MAX_VALUE]
    if isinstance(value, str) and _TIME.fullmatch(value):
        return f"{value[:10]} {value[11:16]} UTC"
    if isinstance(value, str | int | float):
        return str(value)[:_MAX_VALUE]
    return msgspec.json.encode(value).decode()[:_MAX_VALUE]
