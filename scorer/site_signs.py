"""What ``doctor`` finds about websites, and about who may see what they tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.ingestion import heard_of_each
from scorer.keys import list_keys
from scorer.resources import Resources, now_ms
from scorer.users import list_users
from tracker.sites import load_sites

QUIET_DAYS: Final = 2


def site_signs(resources: Resources, site_ids: Collection[int] | None = None) -> Iterator[Sign]:
    """Yield what is found about these sites (``None``: all)."""
    with resources.database.reading() as connection:
        sites = load_sites(connection)
        seen = heard_of_each(connection)
    if not sites:
        yield sign(_TEXTS, "note", "no site")
    for site in sites.values():
        if site_ids is not None and site.id not in site_ids:
            continue
        if not site.settings.origins:
            yield sign(_TEXTS, "note", "any origin", name=site.name)
        yield _heard(site.name, seen.get(site.id))


def access_signs(resources: Resources) -> Iterator[Sign]:
    """Yield a sign for each site whose leads nobody can see: no person may sign in, and no program has a key."""
    with resources.database.reading() as connection:
        sites = load_sites(connection)
        seen_by = {site for one in list_users(connection) if one.disabled_at is None for site in one.roles}
        seen_by |= {one.site_id for one in list_keys(connection) if one.revoked_at is None}
    for site in sites.values():
        if site.id not in seen_by:
            yield sign(_TEXTS, "note", "nobody", name=site.name)


def _heard(name: str, at: int | None) -> Sign:
    """When something of a site was last received."""
    if at is None:
        return sign(_TEXTS, "note", "never", name=name)
    silent_ms = now_ms() - at
    if silent_ms > QUIET_DAYS * 86_400_000:
        return sign(_TEXTS, "note", "silent", name=name, days=silent_ms // 86_400_000)
    return sign(_TEXTS, "good", "heard of", name=name)


_TEXTS: Final[Texts] = {
    "no site": (
        Label("There is no site yet.", "还没有站点。"),
        Label(
            "warmtrail site add NAME --origin https://www.example.com",
            "warmtrail site add NAME --origin https://www.example.com",
        ),
    ),
    "any origin": (
        Label("Site {name!r} takes events from pages of any origin.", "站点 {name!r} 接受任何来源页面的事件。"),
        Label(
            "Anyone who copies the write key can send events from a page of their own; list the site's origins.",
            "任何复制了写入密钥的人都能从自己的页面发送事件；请列出该站点的来源。",
        ),
    ),
    "never": (
        Label("Nothing was ever received from site {name!r}.", "从未收到站点 {name!r} 的事件。"),
        Label(
            "Put the snippet in its pages (warmtrail site list shows the key) and open one.",
            "请将代码片段放入其页面（warmtrail site list 显示密钥），然后打开一个页面。",
        ),
    ),
    "silent": (
        Label("Site {name!r} was last heard of {days} days ago.", "站点 {name!r} 上次发来事件是 {days} 天前。"),
        Label(
            "Look in the browser's network panel whether the snippet still loads and sends.",
            "请在浏览器的网络面板中检查代码片段是否仍在加载和发送。",
        ),
    ),
    "heard of": (Label("Site {name!r} is heard of.", "站点 {name!r} 有事件到达。"), Label("")),
    "nobody": (
        Label(
            "Nobody can see the leads of site {name!r}: no user, no key.",
            "无人能查看站点 {name!r} 的线索：没有用户，也没有密钥。",
        ),
        Label(
            "warmtrail user add EMAIL --site NAME --role admin, or warmtrail key add --site NAME --scope read",
            "warmtrail user add EMAIL --site NAME --role admin，或 warmtrail key add --site NAME --scope read",
        ),
    ),
}
