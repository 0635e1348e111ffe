"""What ``doctor`` finds about digests: those that can't be sent, weren't, or perhaps were."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scorer.core.findings import Sign
from scorer.core.labels import Label
from scorer.digests import last_row_of_each, list_digests
from scorer.resources import Resources, now_ms


def digest_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield what is wrong with the digests of these sites (``None``: of all) that are subscribed to."""
    with resources.database.reading() as connection:
        known = [one for one in list_digests(connection) if one.unsubscribed_at is None]
        last = last_row_of_each(connection)
    known = [one for one in known if site_ids is None or one.site_id in site_ids]
    if known and not resources.settings.smtp_url:
        what = Label("Digests are subscribed to, but no mail server is set up.", "已有周报订阅，但未设置邮件服务器。")
        yield Sign("wrong", what, Label("Set WARMTRAIL_SMTP_URL.", "请设置 WARMTRAIL_SMTP_URL。"))
    for row in (last[one.id] for one in known if one.id in last):
        if row.is_unknown(now_ms()):
            what = Label(
                f"Nobody knows whether the last digest {row.digest_id} went out: its sender ended in the middle.",
                f"上一封周报 {row.digest_id} 是否已发出未知：发送过程中断。",
            )
            mend = Label(
                f"Ask the reader; warmtrail digest resend {row.digest_id} sends it again.",
                f"请询问收件人；可用 warmtrail digest resend {row.digest_id} 重发。",
            )
            yield Sign("note", what, mend)
        elif row.state in ("failed", "skipped"):
            what = Label(
                f"The last digest {row.digest_id} was not sent: {row.why('en')}.",
                f"上一封周报 {row.digest_id} 未发送：{row.why('zh')}。",
            )
            yield Sign("note", what, Label("warmtrail digest list", "warmtrail digest list"))
