"""What ``doctor`` finds about webhooks: those that don't get through, and those that were therefore switched off."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.resources import Resources, now_ms
from scorer.webhooks import DISABLED_WHY, list_webhooks

FAILING_MS: Final = 3_600_000
"""A receiver may be away for less than that without anybody having to look."""


def webhook_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield what is wrong with the webhooks of these sites (``None``: of all)."""
    with resources.database.reading() as connection:
        known = list_webhooks(connection)
    for one in known:
        if site_ids is not None and one.site_id not in site_ids:
            continue
        if one.disabled_at is not None:
            if one.disabled_why != "by_hand":
                yield sign(_TEXTS, "wrong", "off", name=one.name, id=one.id, why=DISABLED_WHY[one.disabled_why])
        elif one.failing_since is not None and now_ms() - one.failing_since > FAILING_MS:
            hours = (now_ms() - one.failing_since) // 3_600_000
            yield sign(_TEXTS, "note", "failing", name=one.name, id=one.id, hours=hours)


_TEXTS: Final[Texts] = {
    "off": (
        Label("Webhook {name!r} is switched off: {why}.", "Webhook {name!r} 已停用：{why}。"),
        Label(
            "Mend the receiver, then: warmtrail webhook enable {id}",
            "请修复接收方，然后运行：warmtrail webhook enable {id}",
        ),
    ),
    "failing": (
        Label("Webhook {name!r} has not got through for {hours} hours.", "Webhook {name!r} 已有 {hours} 小时未能送达。"),
        Label("warmtrail webhook log {id} shows what the receiver says.", "warmtrail webhook log {id} 显示接收方的答复。"),
    ),
}
