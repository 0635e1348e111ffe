"""The page's words for what the code knows by name: stages, statuses, steps, roles, ways of coming."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Label, Language, pick

WORDS: Final[dict[str, dict[str, Label]]] = {
    "tier": {"hot": Label("Hot", "热"), "warm": Label("Warm", "温"), "cold": Label("Cold", "冷")},
    "stage": {
        "awareness": Label("Awareness", "认知"),
        "consideration": Label("Consideration", "考虑"),
        "decision": Label("Decision", "决策"),
    },
    "status": {
        "open": Label("Open", "待处理"),
        "claimed": Label("Claimed", "已认领"),
        "contacted": Label("Contacted", "已联系"),
        "snoozed": Label("Snoozed", "已推迟"),
        "won": Label("Won", "成交"),
        "lost": Label("Lost", "丢单"),
        "junk": Label("Junk", "无效"),
        "not_now": Label("Not now", "暂不考虑"),
    },
    "action": {
        "call": Label("Call", "致电"),
        "identify": Label("Identify", "识别身份"),
        "send_material": Label("Send material", "发送资料"),
        "follow_up": Label("Follow up", "跟进"),
        "invite_colleague": Label("Invite colleague", "邀请同事"),
        "wait": Label("Wait", "等待"),
        "nurture": Label("Nurture", "持续培育"),
        "let_go": Label("Let go", "暂时放手"),
    },
    "part": {
        "decider": Label("Decider", "决策者"),
        "influencer": Label("Influencer", "影响者"),
        "user": Label("User", "使用者"),
        "unknown": Label("Unknown", "未知"),
    },
    "channel": {
        "campaign": Label("Campaign", "推广活动"),
        "mail": Label("Mail", "邮件"),
        "search": Label("Search", "搜索"),
        "social": Label("Social media", "社交媒体"),
        "assistant": Label("AI assistant", "AI 助手"),
        "referral": Label("Referral", "外部链接"),
        "direct": Label("Direct", "直接访问"),
        "paid_search": Label("Paid search", "付费搜索"),
        "paid_social": Label("Paid social media", "付费社交媒体"),
        "display": Label("Display ad", "展示广告"),
        "event": Label("Event", "展会与会议"),
    },
    "momentum": {
        "rising": Label("Rising", "上升"),
        "steady": Label("Steady", "平稳"),
        "fading": Label("Fading", "下降"),
    },
    "role": {
        "viewer": Label("Viewer", "只读"),
        "sales": Label("Sales", "销售"),
        "admin": Label("Administrator", "管理员"),
    },
    "filter": {
        "bot": Label("Crawlers, monitors, scripts", "爬虫、监控和脚本"),
        "automation": Label("Browsers driven by programs", "由程序控制的浏览器"),
        "prefetch": Label("Loaded ahead, never looked at", "预加载，未被查看"),
        "own_traffic": Label("Your own networks", "本公司网络"),
        "opt_out": Label("Asked not to be tracked", "要求不被跟踪"),
        "mail_click": Label("Requests for links in mails, scanners among them", "邮件链接请求，其中含扫描器"),
        "unvouched": Label("Objections to scoring without the server key", "未使用服务器密钥发送的评分异议"),
        "unproven": Label("Events that count with the server key only", "仅在使用服务器密钥发送时计入的事件"),
        "spam": Label("From a blocked referrer", "来自已屏蔽的引荐来源"),
        "flood": Label("Too many new visitors from one address", "同一地址的新访客过多"),
    },
    "proposal": {
        "proposed": Label("Waits for a decision", "待决定"),
        "published": Label("Published", "已发布"),
        "refused": Label("Not taken", "未采用"),
    },
    "verdict": {
        "better": Label("Better", "更好"),
        "no_better": Label("No better", "没有更好"),
        "advice": Label("Advice only", "仅供参考"),
    },
    "ranking": {
        "proposal": Label("Proposal", "提案"),
        "current": Label("Your card", "您的评分卡"),
        "recency": Label("Latest visit first", "按最近访问排序"),
        "pages": Label("Most pages first", "按浏览页数排序"),
    },
    "training": {
        "waiting": Label("Waiting", "等待中"),
        "running": Label("Running", "进行中"),
        "done": Label("Done", "已完成"),
        "failed": Label("Came to nothing", "没有结果"),
    },
    "fit_finding": {
        "few": Label("Too few leads", "线索太少"),
        "unclear": Label("May be chance", "可能是偶然"),
        "bears_out": Label("Wins bear it out", "成交数据支持"),
        "speaks_against": Label("Wins speak against it", "成交数据不支持"),
    },
    "days": {"weekdays": Label("Weekdays", "工作日"), "weekend": Label("Weekend", "周末")},
}


def word(kind: str, value: str, language: Language) -> str:
    """Return the word for a *value* of a *kind* in ``WORDS``; the value itself for one that is too new to have any."""
    label = WORDS[kind].get(value)
    return pick(label, language) if label else value
