"""Why a mail was not sent, or was sent though there was little to tell: a closed list of reasons, and how each is told.

The reason is what is kept. Beside it stands at most one detail that is the same in every language: an id, a name, or what
the mail server said.
"""

from __future__ import annotations

from typing import Final, Literal

from scorer.core.labels import Label, Language, pick

MailReason = Literal[
    "answer",
    "no_connection",
    "no_server",
    "no_starttls",
    "broke",
    "no_domain",
    "letters",
    "database",
    "fault",
    "no_access",
    "twin",
    "segment_gone",
    "sign_of_life",
    "unsubscribed",
]
MAX_DETAIL: Final = 300

MAIL_REASONS: Final[dict[MailReason, Label]] = {
    "answer": Label("the mail server said: {detail}", "邮件服务器返回：{detail}"),
    "no_connection": Label("no connection to the mail server ({detail})", "无法连接邮件服务器（{detail}）"),
    "no_server": Label(
        "no mail server is set up: WARMTRAIL_SMTP_URL and WARMTRAIL_MAIL_FROM",
        "未设置邮件服务器：WARMTRAIL_SMTP_URL 与 WARMTRAIL_MAIL_FROM",
    ),
    "no_starttls": Label(
        "the mail server offers no STARTTLS, and no password is sent without; ?starttls=never allows that",
        "邮件服务器不支持 STARTTLS，不会明文发送密码；可用 ?starttls=never 放行",
    ),
    "broke": Label(
        "it may have arrived: the connection broke after the mail was handed over ({detail})",
        "邮件可能已送达：交付后连接中断（{detail}）",
    ),
    "no_domain": Label("there is no domain {detail}", "没有域名 {detail}"),
    "letters": Label(
        "the address has letters before the @ that not every mail server takes",
        "地址中 @ 之前含有部分邮件服务器不支持的字符",
    ),
    "database": Label("the database could not be read", "无法读取数据库"),
    "fault": Label("a fault of ours ({detail}); the service's log has the details", "内部错误（{detail}），详见服务日志"),
    "no_access": Label("the user may not see the site any more", "该用户已无权查看此网站"),
    "twin": Label("{detail} tells the same address the same", "{detail} 已向同一地址发送相同内容"),
    "segment_gone": Label("there is no segment “{detail}” any more", "分组“{detail}”已不存在"),
    "sign_of_life": Label("a sign of life", "报平安邮件"),
    "unsubscribed": Label("unsubscribed", "已退订"),
}


def told(reason: MailReason | Literal[""], detail: str, language: Language) -> str:
    """Return a reason in words; empty where there is none.

    >>> told("segment_gone", "Water", "en")
    'there is no segment “Water” any more'
    >>> told("answer", "550 no such user", "zh")
    '邮件服务器返回：550 no such user'
    """
    return pick(MAIL_REASONS[reason], language).format(detail=detail) if reason else ""
