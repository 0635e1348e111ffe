"""A real funnel out of a CRM's two files: the same figures as counted from the files by themselves."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime
from statistics import median

import pytest
from sqlalchemy import func, select

from scorer.core.cycle import decision_cycle
from scorer.models import leads, outcomes
from scorer.outcomes import decision_days
from tests.samples import sample
from tests.service.conftest import MakeService

ORIGINS = {
    "organic_search": "search",
    "paid_search": "paid_search",
    "social": "social",
    "email": "mail",
    "direct_traffic": "direct",
    "referral": "referral",
    "display": "display",
}


def test_the_funnel_and_the_cycle_are_those_of_the_files(make_service: MakeService) -> None:
    folder = sample("olist-marketing-funnel")
    with (folder / "marketing_qualified_leads.csv").open(encoding="utf-8", newline="") as file:
        created = {row["mql_id"]: row for row in csv.DictReader(file)}
    with (folder / "closed_deals_cleaned.csv").open(encoding="utf-8", newline="") as file:
        deals = list(csv.DictReader(file))
    service = make_service()
    service.cli_json("site", "add", "Olist", "--origin", "https://olist.example")
    first = ("--map", "mql_id=id", "--map", "first_contact_date=created_at", "--map", "origin=source", "--dates", "dmy")
    second = ("--map", "mql_id=id", "--map", "won_date=won_at", "--map", "business_segment=trait:business_segment")
    service.cli_json("import-leads", str(folder / "marketing_qualified_leads.csv"), *first)
    service.cli_json("import-leads", str(folder / "closed_deals_cleaned.csv"), *second)

    with service.resources.database.reading() as connection:
        counted = connection.execute(select(leads.c.status, func.count()).group_by(leads.c.status))
        statuses = {row[0]: row[1] for row in counted}
        channels = connection.execute(select(leads.c.channel, leads.c.status)).all()
        won_at = connection.execute(select(func.count()).select_from(outcomes).where(outcomes.c.kind == "won")).scalar_one()
        site_id = connection.execute(select(leads.c.site_id).limit(1)).scalar_one()
        days = decision_days(connection, site_id)

    won = {deal["mql_id"] for deal in deals}
    assert statuses == {"open": len(created) - len(won), "won": len(won)}
    assert won_at == len(deals) == 842
    for origin, channel in ORIGINS.items():
        mine = [lead for lead, row in created.items() if row["origin"] == origin]
        assert sum(known == channel for known, _ in channels) == len(mine), origin
        assert sum((known, status) == (channel, "won") for known, status in channels) == len(won.intersection(mine)), origin
    assert Counter(known for known, _ in channels)[""] >= sum(row["origin"] in ("", "unknown") for row in created.values())

    expected = []
    for deal in deals:
        begun = datetime.strptime(created[deal["mql_id"]]["first_contact_date"], "%d-%m-%Y").replace(tzinfo=UTC)
        ended = datetime.fromisoformat(deal["won_date"]).replace(tzinfo=UTC)
        if ended > begun:
            expected.append((ended - begun).total_seconds() / 86_400)
    assert sorted(days) == pytest.approx(sorted(expected), abs=0.002)
    cycle = decision_cycle(days)
    assert cycle is not None
    assert cycle.count == len(expected)
    assert cycle.median_days == pytest.approx(median(expected), abs=0.01)
