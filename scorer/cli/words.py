"""The words around leads on the terminal, in English and Chinese. What is said *of* a lead is in ``scorer.core.phrases``."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "score": ("score", "得分"),
    "who": ("who", "客户"),
    "why": ("why", "原因"),
    "wants": ("wants", "关注"),
    "next": ("what next", "下一步"),
    "stage": ("stage", "阶段"),
    "visits": ("visits", "访问"),
    "read": ("read", "阅读"),
    "downloads": ("downloads", "下载"),
    "came by": ("came by", "来源"),
    "device": ("device", "设备"),
    "network": ("network", "网络"),
    "probably at": ("probably at {company}, by its network", "可能来自 {company}（据其网络推测）"),
    "last pages": ("last pages", "最近页面"),
    "points": ("points", "分值"),
    "when": ("when", "时间"),
    "what": ("what", "行为"),
    "where": ("where", "位置"),
    "now": ("now", "现值"),
    "all": ("all together", "合计"),
    "unknown": ("unknown", "未知"),
    "somebody": ("Somebody not yet known", "尚未识别的访客"),
    "nobody": ("Nobody is hot at present.", "目前没有热门线索。"),
    "everybody": ("warmtrail hot --min-score 0 lists everybody.", "warmtrail hot --min-score 0 可列出全部线索。"),
    "last seen": ("last seen {ago}", "最近访问：{ago}"),
    "one visit": ("1 visit", "1 次访问"),
    "n visits": ("{n} visits", "{n} 次访问"),
    "one page": ("1 page in {time}", "{time}内 1 个页面"),
    "n pages": ("{n} pages in {time}", "{time}内 {n} 个页面"),
    "one download": ("1 download", "1 次下载"),
    "n downloads": ("{n} downloads", "{n} 次下载"),
    "recent visits": ("{n} ({week} in 7 days, {month} in 30)", "{n}（7 天内 {week} 次，30 天内 {month} 次）"),
    "minutes": ("{n} min", "{n} 分钟"),
    "seconds": ("{n} s", "{n} 秒"),
    "by": ("{action} by {time}", "{time} 前{action}"),
    "hot from to": ("{score} ({tier}), hot since {since}, cools {until}", "{score}（{tier}），{since} 起热门，{until} 降温"),
    "score and tier": ("{score} ({tier})", "{score}（{tier}）"),
    "hot": ("hot", "热"),
    "warm": ("warm", "温"),
    "cold": ("cold", "冷"),
    "awareness": ("awareness", "认知"),
    "consideration": ("consideration", "考虑"),
    "decision": ("decision", "决策"),
    "call": ("call", "致电"),
    "identify": ("identify", "识别身份"),
    "send_material": ("send material", "发送资料"),
    "follow_up": ("follow up", "跟进"),
    "invite_colleague": ("invite colleague", "邀请同事"),
    "wait": ("wait", "等待"),
    "let_go": ("let go", "暂时放手"),
    "nurture": ("nurture", "持续培育"),
    "campaign": ("campaign", "推广活动"),
    "mail": ("mail", "邮件"),
    "search": ("search", "搜索"),
    "social": ("social", "社交媒体"),
    "assistant": ("assistant", "AI 助手"),
    "referral": ("referral", "外部链接"),
    "direct": ("direct", "直接访问"),
    "paid_search": ("paid search", "付费搜索"),
    "paid_social": ("paid social", "付费社交媒体"),
    "display": ("display ad", "展示广告"),
    "event": ("event", "展会与会议"),
    "stage because": ("{stage}, {share} of what speaks of a stage: {reasons}", "{stage}（占 {share}）：{reasons}"),
    "fit": ("fit", "匹配度"),
    "excluded": ("kept off the hot list: {reason}", "不进入热门名单：{reason}"),
    "best hours": ("best hours", "最佳时段"),
    "weekdays": ("weekdays", "工作日"),
    "weekend": ("weekend", "周末"),
    "unusual silence": ("silent for {days} days, unusual for it", "已沉默 {days} 天，对其而言不寻常"),
    "company": ("company", "公司"),
    "people": ("people", "人员"),
    "trend": ("trend", "趋势"),
    "no company": ("No company is known yet.", "目前尚无已知公司。"),
    "and n more": ("and {n} more", "另有 {n} 人"),
    "rising": ("rising", "上升"),
    "steady": ("steady", "平稳"),
    "fading": ("fading", "下降"),
    "decider": ("decider", "决策者"),
    "influencer": ("influencer", "影响者"),
    "user": ("user", "使用者"),
    "rows": ("rows read", "读取行数"),
    "rows in": ("{encoding}, divided by {delimiter}", "{encoding}，分隔符 {delimiter}"),
    "delivered": ("events taken in", "已接收事件"),
    "would send": ("would be sent", "将发送"),
    "sent": ("made", "已生成"),
    "undated": ("dated now, for want of a date", "无日期，按导入时间记录"),
    "rejected": ("refused by the service", "服务拒收"),
    "refused": ("rows refused", "被拒绝的行"),
    "row": ("row {number}", "第 {number} 行"),
    "row and column": ("row {number}, {column}", "第 {number} 行，{column}"),
    "unknown status": ("status not known", "未识别的状态"),
    "unknown status hint": ("no outcome; say with --status-map", "未生成结果；可用 --status-map 指定"),
    "still waiting": ("still waiting", "仍在等待"),
    "no worker": ("no worker is processing them", "没有工作进程在处理"),
    "column": ("column", "列"),
    "field": ("field", "字段"),
    "example": ("example", "示例"),
    "left out": ("left out", "不导入"),
    "sample leads": ("The first leads, as they would be sent:", "前几条线索将按如下内容发送："),
    "nothing sent": ("A dry run: nothing was sent.", "试运行：未发送任何数据。"),
    "identity_missing": ("neither id nor e-mail", "缺少编号和邮箱"),
    "email_invalid": ("not an e-mail address", "邮箱地址无效"),
    "date_invalid": ("not a date", "日期无法识别"),
    "date_ambiguous": ("day or month first? Say with --dates dmy or mdy", "日月顺序不明，请用 --dates dmy 或 mdy 指定"),
    "date_future": ("later than now", "日期晚于当前时间"),
    "number_invalid": ("not an amount, or it could be two", "金额无法识别或有歧义"),
    "row_short": ("fewer cells than the header", "单元格少于表头"),
    "row_long": ("more cells than the header", "单元格多于表头"),
    "text_invalid": ("bytes that are not of the file's encoding", "含有不属于文件编码的字节"),
    "quote_unclosed": ("a quotation mark that nothing closes", "引号未闭合"),
    "too_large": ("a text is too long", "文本过长"),
    "file_cut_short": ("the compressed file ends in the middle", "压缩文件不完整"),
    "date": ("%a %d %b %H:%M", "%m-%d %H:%M"),
}


def word(name: str, language: Language, **parts: object) -> str:
    """Return a word or sentence in *language*, with its parts filled in.

    >>> word("n visits", "zh", n=3)
    '3 次访问'
    """
    text = WORDS[name][language == "zh"]
    return text.format(**parts) if parts else text


def counted(number: int, noun: str, language: Language, **parts: object) -> str:
    """Return a number of visits, pages or downloads in words; *noun* in the singular.

    >>> counted(1, "visit", "en"), counted(2, "visit", "en")
    ('1 visit', '2 visits')
    """
    return word(f"one {noun}" if number == 1 else f"n {noun}s", language, n=number, **parts)
