"""Settings: whether data comes in as it should, and what is kept out of it."""

from __future__ import annotations

from typing import Final

import redis
from flask import Response

from scorer.core.labels import Label, pick
from scorer.doctor import examine_running
from scorer.ingestion import last_heard, read_ingestion, read_totals
from scorer.intake import read_accounts
from scorer.web.call import Call, Route
from scorer.web.rendering import render
from tracker.core.refusals import FilterLabel
from tracker.dead_letters import count_letters

HERE: Final = "/settings/health"
FILTERS: Final[dict[FilterLabel, Label]] = {
    "bot": Label("Crawlers, monitors, scripts", "爬虫、监控和脚本"),
    "automation": Label("Browsers driven by programs", "由程序控制的浏览器"),
    "prefetch": Label("Loaded ahead, never looked at", "预加载，未被查看"),
    "own_traffic": Label("Your own networks", "本公司网络"),
    "opt_out": Label("Asked not to be tracked", "要求不被跟踪"),
    "mail_click": Label("Requests for links in mails, scanners among them", "邮件链接请求，其中含扫描器"),
}
"""Why an event is kept and doesn't count, for people."""


def show(call: Call) -> Response:
    """The accounts, the findings, and a place for what came in lately."""
    site, resources = call.here, call.services.resources
    findings, waiting, is_away = [], None, resources is None
    if resources is not None:
        try:
            waiting = read_accounts(resources).sites[site.name].waiting
            if call.may("admin"):
                mine = {one.id for one in call.sites if call.me.may("admin", one.id)}
                findings = [sign.told(call.language) for sign in examine_running(resources, mine)]
        except redis.RedisError:
            is_away = True
    return render(
        call,
        "settings/health.html",
        totals=read_totals(call.connection, site.id),
        heard_at=last_heard(call.connection, site.id),
        waiting=waiting,
        is_away=is_away,
        findings=sorted(findings, key=lambda one: ("wrong", "note", "good").index(one.verdict)),
        letters=sum(one.letters for one in count_letters(call.connection, site.id)),
    )


def show_hours(call: Call) -> Response:
    """What came in hour by hour: a part of the page, or a page of its own."""
    found = read_ingestion(call.connection, call.here.id, call.now_ms)
    labels = [(_filter_word(call, name), count) for name, count in found.labels]
    template = "settings/health_hours.html" if call.is_partial else "settings/health_hours_page.html"
    return render(call, template, found=found, labels=labels)


def _filter_word(call: Call, name: str) -> str:
    label = next((label for known, label in FILTERS.items() if known == name), None)
    return pick(label, call.language) if label else name


ROUTES: Final = (
    Route("GET", HERE, "health", show),
    Route("GET", f"{HERE}/hours", "health_hours", show_hours),
)
