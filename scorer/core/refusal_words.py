"""Why something was refused, in words, for whoever looks at dead letters. English is the collector's own text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scorer.core.labels import Label, Language, pick
from tracker.core.refusals import EXPLANATION

_CHINESE: Final[Mapping[str, str]] = {
    "body_empty": "请求没有正文。",
    "body_too_large": "请求正文超过 500 kB，请分成更小的批次发送。",
    "body_too_slow": "请求正文未能及时到达。",
    "too_many_events": "一批超过 5,000 个事件，请分成更小的批次发送。",
    "encoding_invalid": "正文与其 Content-Encoding 不符。",
    "encoding_unsupported": "Content-Encoding 只支持 gzip 和 identity。",
    "json_invalid": "正文不是有效的 UTF-8 JSON。",
    "shape_invalid": "正文须为一个事件，或带有列表 batch 的对象。",
    "too_deep": "正文嵌套超过 32 层。",
    "write_key_missing": "请以站点密钥作为 Basic 认证的用户名，或写在正文的 writeKey 中。",
    "write_key_unknown": "没有站点使用该密钥。",
    "origin_not_allowed": "该来源不在站点的允许列表中。",
    "method_not_allowed": "请使用 POST 发送事件。",
    "overloaded": "队列已满或来量超出处理能力，请在 Retry-After 所示时间后重试。",
    "queue_unavailable": "队列没有响应，请在 Retry-After 所示时间后重试。",
    "key_quota_exceeded": "使用该写入密钥的事件过多，请在 Retry-After 所示时间后重试。",
    "address_quota_exceeded": "来自该网络地址的事件过多，请在 Retry-After 所示时间后重试。",
    "visitor_quota_exceeded": "来自该访客的事件过多，请在 Retry-After 所示时间后重试。",
    "event_not_object": "事件须为 JSON 对象。",
    "field_invalid": "某个字段类型错误或过长。",
    "type_missing": "批次中的事件缺少 type。",
    "type_unknown": "type 须为 page、track、identify、group 或 alias。",
    "event_name_missing": "track 事件须在 event 字段中给出名称。",
    "identity_missing": "事件须有 anonymousId 或 userId；线索行须有编号或邮箱。",
    "timestamp_invalid": "时间须写成 2026-11-21T09:30:00.000Z 的形式。",
    "timestamp_in_future": "事件的时间晚于当前时间。",
    "timestamp_too_old": "公开密钥不能发送这么早的事件；历史数据请使用服务器密钥。",
    "engaged_ms_invalid": "engaged_ms 须为 0 到 86400000 之间的数字。",
    "url_invalid": "url 须为 http 或 https 地址，或一个路径。",
    "text_invalid": "文本含有 NUL 字符，或文件中含有不属于其编码的字节。",
    "number_out_of_range": "数字超出 64 位。",
    "event_too_deep": "事件嵌套超过 32 层。",
    "event_too_large": "事件超过 32 kB。",
    "entry_unreadable": "队列条目无法解码。",
    "site_unknown": "站点在其事件处理之前已被删除。",
    "processing_failed": "事件无法处理，错误见日志。",
    "line_unparsable": "该行不符合日志格式。",
    "line_bad_time": "该行的时间无法识别。",
    "line_not_json": "该行不是 JSON。",
    "line_not_event": "该行不是 JSON 对象。",
    "line_columns_unnamed": "该行之前没有说明各列含义的 #Fields 行。",
    "line_wrong_columns": "该行的列数与 #Fields 行不一致。",
    "line_too_long": "该行超过 32 kB。",
    "file_cut_short": "压缩文件不完整。",
    "email_invalid": "该单元格不是一个邮箱地址，或超过 200 个字符。",
    "date_invalid": "该单元格的时间无法识别，或早于 1990 年。",
    "date_ambiguous": "日期的日和月顺序不明，请用 --dates 指定。",
    "date_future": "该单元格的时间晚于当前时间。",
    "number_invalid": "该单元格的金额无法识别或有歧义，请写成 1234 或 1.234,00。",
    "row_short": "该行的单元格少于表头。",
    "row_long": "该行的单元格多于表头，且多出的单元格不为空。",
    "quote_unclosed": "某个单元格的引号未闭合。",
    "too_large": "该行超过 60,000 个字符，编号超过 200 个字符，或生成的事件超过 32 kB。",
}
_OF_ROWS_TOO: Final[Mapping[str, str]] = {
    "identity_missing": "An event needs an anonymousId or a userId, a row of leads an id or an e-mail address.",
    "text_invalid": "A text holds a NUL character, or in a file bytes that are not of its encoding.",
}
"""What the collector says of events alone, and a dead letter may also be a row of a file."""

REFUSALS: Final[Mapping[str, Label]] = {
    reason: Label(_OF_ROWS_TOO.get(reason, english), _CHINESE.get(reason, "")) for reason, english in EXPLANATION.items()
}
"""Every reason that a dead letter can have."""


def why_refused(reason: str, language: Language) -> str:
    """What a reason means; empty for one that is not on the lists.

    >>> why_refused("row_short", "en"), why_refused("row_short", "zh")
    ('The row has fewer cells than the header.', '该行的单元格少于表头。')
    """
    return pick(REFUSALS[reason], language) if reason in REFUSALS else ""
