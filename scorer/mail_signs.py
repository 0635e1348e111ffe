"""What ``doctor`` finds about mail: whether there is a server, and whether it lets us in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from scorer.alerts import list_alerts
from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.core.mail_reasons import told
from scorer.mailing import Mailer, MailError
from scorer.resources import Resources

_SECONDS: Final = 3.0


def alert_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield a sign where somebody of these sites (``None``: of all) waits for alerts that can't be sent."""
    if resources.settings.smtp_url:
        return
    with resources.database.reading() as connection:
        waiting = [one for one in list_alerts(connection) if one.unsubscribed_at is None]
    if any(site_ids is None or one.site_id in site_ids for one in waiting):
        yield sign(_TEXTS, "wrong", "alerts without server")


def mail_server_signs(resources: Resources) -> Iterator[Sign]:
    """Yield whether the mail server that is set up can be talked to as the settings say. Sends nothing."""
    if not resources.settings.smtp_url:
        return
    try:
        with Mailer(resources.settings, _SECONDS) as mailer:
            mailer.open()
    except MailError as error:
        why = Label(told(error.reason, error.detail, "en"), told(error.reason, error.detail, "zh"))
        yield sign(_TEXTS, "wrong", "refused", why=why)
        return
    yield sign(_TEXTS, "good", "open")


_TEXTS: Final[Texts] = {
    "alerts without server": (
        Label("Alerts are subscribed to, but no mail server is set up.", "已有提醒订阅，但未设置邮件服务器。"),
        Label("Set WARMTRAIL_SMTP_URL.", "请设置 WARMTRAIL_SMTP_URL。"),
    ),
    "refused": (
        Label("The mail server can't be used: {why}.", "无法使用邮件服务器：{why}。"),
        Label(
            "Correct WARMTRAIL_SMTP_URL (host, port, password; smtps:// for TLS from the start), or "
            "WARMTRAIL_SMTP_CA_FILE for a certificate of your own.",
            "请更正 WARMTRAIL_SMTP_URL（主机、端口、密码；直接使用 TLS 时写 smtps://）；自签证书请设置 "
            "WARMTRAIL_SMTP_CA_FILE。",
        ),
    ),
    "open": (Label("The mail server lets us in.", "邮件服务器可以使用。"), Label("")),
}
