"""Why an attempt to reach a webhook was no success: a closed list of reasons, and how each is told.

The reason is what is kept. Beside it stands at most one detail that is the same in every language: a name, an address, a
number, or what the receiver said.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from scorer.core.labels import Label, Language, pick

Reason = Literal[
    "address_unreadable",
    "not_resolved",
    "address_nobodys",
    "address_loopback",
    "address_link_local",
    "address_multicast",
    "address_private",
    "address_reserved",
    "connection_refused",
    "unreachable",
    "no_connection",
    "timeout",
    "certificate_expired",
    "certificate_of_another",
    "certificate_untrusted",
    "tls",
    "broken",
    "unreadable",
    "gone",
    "redirect",
    "status",
    "robot_refused",
    "robot_silent",
]
MAX_DETAIL: Final = 300


class Trouble(msgspec.Struct, frozen=True):
    """Why an attempt was no success."""

    reason: Reason
    detail: str = ""
    """Empty where there is nothing to add."""


_ALLOW: Final = ("WARMTRAIL_WEBHOOK_ALLOW can allow it", "可用 WARMTRAIL_WEBHOOK_ALLOW 放行")


def _not_sent(en: str, zh: str) -> Label:
    return Label(f"not sent: {{detail}} is {en}; {_ALLOW[0]}", f"未发送：{{detail}} {zh}；{_ALLOW[1]}")


TROUBLES: Final[dict[Reason, Label]] = {
    "address_unreadable": Label("the address is none that can be sent to", "地址无效，无法发送"),
    "not_resolved": Label("the name {detail} can't be resolved", "无法解析域名 {detail}"),
    "address_nobodys": _not_sent("no address of anybody", "不是有效的目标地址"),
    "address_loopback": _not_sent("this machine itself", "是本机地址"),
    "address_link_local": _not_sent("link-local", "是链路本地地址"),
    "address_multicast": _not_sent("multicast", "是组播地址"),
    "address_private": _not_sent("private", "是内网地址"),
    "address_reserved": _not_sent("reserved", "是保留地址"),
    "connection_refused": Label("no connection: nobody listens there", "无法连接：目标端口未开放"),
    "unreachable": Label("no connection: there is no way there", "无法连接：网络不可达"),
    "no_connection": Label("no connection ({detail})", "无法连接（{detail}）"),
    "timeout": Label("no answer within {detail} s", "{detail} 秒内无响应"),
    "certificate_expired": Label("its certificate is not valid: it has expired", "证书无效：已过期"),
    "certificate_of_another": Label("its certificate is not valid: it is for another name", "证书无效：与域名不符"),
    "certificate_untrusted": Label(
        "its certificate is not valid: no authority that is trusted vouches for it", "证书无效：颁发机构不受信任"
    ),
    "tls": Label("no TLS connection ({detail})", "无法建立 TLS 连接（{detail}）"),
    "broken": Label("the connection broke ({detail})", "连接中断（{detail}）"),
    "unreadable": Label("no answer that can be read ({detail})", "响应无法识别（{detail}）"),
    "gone": Label("the receiver says that it is gone (410)", "接收方表示地址已失效（410）"),
    "redirect": Label("status {status} (redirects are not followed)", "状态码 {status}（不跟随重定向）"),
    "status": Label("status {status}", "状态码 {status}"),
    "robot_refused": Label("the robot refused: code {detail}", "机器人拒收：错误码 {detail}"),
    "robot_silent": Label("the robot refused: no word of success", "机器人拒收：未返回成功标志"),
}
"""What people are told. A detail without a place in the words is what the receiver said; it follows after a colon."""


def told(trouble: Trouble, status: int | None, language: Language) -> str:
    """Return a trouble in words. *status* is that of the answer, ``None`` where there was none.

    >>> told(Trouble("status", "come back later"), 503, "en")
    'status 503: come back later'
    >>> told(Trouble("timeout", "10"), None, "zh")
    '10 秒内无响应'
    """
    words = pick(TROUBLES[trouble.reason], language)
    said = words.format(detail=trouble.detail, status=status)
    if not trouble.detail or "{detail}" in words:
        return said
    return f"{said}{'：' if language == 'zh' else ': '}{trouble.detail}"
