"""Settings: whether data comes in as it should, and what is kept out of it."""

from __future__ import annotations

from typing import Final

import redis
from flask import Response

from scorer.doctor import examine_running
from scorer.ingestion import last_heard, read_ingestion, read_totals
from scorer.intake import read_accounts
from scorer.web.call import Call, Route
from scorer.web.rendering import render
from scorer.web.words import word
from tracker.dead_letters import count_letters

HERE: Final = "/settings/health"


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
    labels = [(word("filter", name, call.language), count) for name, count in found.labels]
    template = "settings/health_hours.html" if call.is_partial else "settings/health_hours_page.html"
    return render(call, template, found=found, labels=labels)


ROUTES: Final = (
    Route("GET", HERE, "health", show),
    Route("GET", f"{HERE}/hours", "health_hours", show_hours),
)
