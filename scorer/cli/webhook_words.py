"""The words around webhooks and alerts on the terminal, in English and Chinese."""

from __future__ import annotations

from typing import Final

from scorer.core.labels import Language

WORDS: Final[dict[str, tuple[str, str]]] = {
    "id": ("id", "编号"),
    "name": ("name", "名称"),
    "preset": ("preset", "预设"),
    "host": ("host", "主机"),
    "address": ("address", "地址"),
    "kinds": ("told of", "通知类型"),
    "segment": ("segment", "分组"),
    "all leads": ("all leads", "全部线索"),
    "language": ("language", "语言"),
    "contact": ("contact", "联系人"),
    "site": ("site", "站点"),
    "state": ("state", "状态"),
    "waiting": ("waiting", "待投递"),
    "made": ("made", "创建时间"),
    "at": ("at", "时间"),
    "type": ("type", "类型"),
    "lead": ("lead", "线索"),
    "tries": ("tries", "尝试次数"),
    "next": ("next try", "下次尝试"),
    "last": ("last answer", "最近应答"),
    "good": ("works", "正常"),
    "failing": ("fails since {since}", "自 {since} 起失败"),
    "off": ("off since {since}: {why}", "自 {since} 起停用：{why}"),
    "state waiting": ("waiting", "待投递"),
    "state sending": ("being sent", "投递中"),
    "state delivered": ("delivered", "已送达"),
    "state failed": ("given up", "已放弃"),
    "state stopped": ("stopped", "已停止"),
    "is webhook": ("{name} is webhook {id}.", "{name} 的编号是 {id}。"),
    "secret": ("Secret: {secret}   not shown again", "密钥：{secret}   此后不再显示"),
    "try it": ("Try it with: warmtrail webhook test {id}", "测试：warmtrail webhook test {id}"),
    "no webhook": (
        "No webhook yet. Make one with: warmtrail webhook add URL",
        "还没有 webhook。创建方法：warmtrail webhook add 地址",
    ),
    "no delivery": ("Nothing has been sent to it yet.", "尚无投递记录。"),
    "test good": ("The receiver took it: status {status} after {ms} ms.", "接收方已接受：状态码 {status}，用时 {ms} 毫秒。"),
    "test bad": ("It was not taken: {error}", "接收方未接受：{error}"),
    "rotated": (
        "Messages are signed by the old secret as well for {hours} hours.",
        "{hours} 小时内同时使用旧密钥签名。",
    ),
    "rotated at once": ("The new secret counts from now on.", "新密钥即刻生效。"),
    "on": ("{name} is on. It is told of what happens from now on.", "{name} 已启用，将通知此后的变化。"),
    "on with missed": (
        "{name} is on. What has happened meanwhile is sent, too.",
        "{name} 已启用，并补发停用期间的变化。",
    ),
    "removed": ("{name} is gone, with all that was sent to it.", "{name} 及其投递记录已删除。"),
    "replayed": ("Sent once more: {count:,}", "重新发送：{count:,} 条"),
    "email": ("address", "邮箱"),
    "zone": ("time zone", "时区"),
    "quiet": ("quiet", "免打扰"),
    "no quiet": ("never", "无"),
    "limit": ("a day", "每日上限"),
    "on it": ("on", "启用"),
    "given up": ("unsubscribed", "已退订"),
    "is alert": ("{email} gets a mail when a lead becomes hot: alert {id}.", "线索升温时将发邮件给 {email}：提醒 {id}。"),
    "no alert": (
        "Nobody is alerted yet. Begin with: warmtrail alert add EMAIL",
        "还没有提醒。创建方法：warmtrail alert add 邮箱",
    ),
    "alert removed": ("{email} gets no more alerts.", "{email} 将不再收到提醒。"),
    "no mail": (
        "No mail server is set up yet: WARMTRAIL_SMTP_URL and WARMTRAIL_MAIL_FROM.",
        "尚未配置邮件服务器：WARMTRAIL_SMTP_URL 和 WARMTRAIL_MAIL_FROM。",
    ),
}


def word(name: str, language: Language, /, **words: object) -> str:
    """Return the words of this name in a language, with *words* filled in."""
    english, chinese = WORDS[name]
    return (chinese if language == "zh" else english).format(**words)
