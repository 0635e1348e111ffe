"""Companies: who is buying together, how warm they are, and what they did."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from flask import Response

from scorer.account_touches import Touched, read_touched
from scorer.account_views import AccountPlace, find_account, rank_accounts, shared_by_accounts, view_accounts
from scorer.core.domain_names import readable
from scorer.core.regions import country_label
from scorer.lead_views import find_leads, view_leads
from scorer.outlets.cursors import AccountCursor, read_cursor, write_cursor
from scorer.users import owner_names
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.places import site_of_account
from scorer.web.rendering import render

SHOWN: Final = 30
CHOICES: Final = 40
"""Industries, and countries, to choose from."""
TOUCHES_SHOWN: Final = 60
STEPS_SHOWN: Final = 5
STAGES: Final = ("decision", "consideration", "awareness")
Short = Annotated[str, msgspec.Meta(max_length=200)]


class AccountsQuery(msgspec.Struct, frozen=True):
    """What the list is narrowed to; ``None``: not at all."""

    q: Short | None = None
    """Beginning of a word of the name, or of the domain."""
    industry: Short | None = None
    country: Short | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=500)] | None = None


def show(call: Call) -> Response:
    """The list."""
    asked, view = call.read(AccountsQuery), call.view
    cursor = read_cursor(asked.cursor, AccountCursor) if asked.cursor else None
    after = AccountPlace(cursor.heat, cursor.account_id) if cursor and cursor.scorecard_id == view.stored.id else None
    rows, following = rank_accounts(
        call.connection, view.site.id, asked.q, after, SHOWN, industry=asked.industry, country=asked.country
    )
    further = AccountCursor(view.stored.id, following.heat, following.account_id) if following else None
    shown = view_accounts(call.connection, view, rows)
    return render(
        call,
        "accounts.html",
        asked=asked,
        accounts=shown,
        industries=_choices(call, "industry"),
        countries=_choices(call, "country"),
        earlier=call.address_with(cursor=None) if after else "",
        later=call.address_with(cursor=write_cursor(further)) if further else "",
    )


def show_one(call: Call, account_id: str) -> Response:
    """One company."""
    view = call.view
    row = find_account(call.connection, view.site.id, account_id)
    if row is None:
        raise PageRefusal(404)
    account = view_accounts(call.connection, view, [row])[0]
    found = find_leads(call.connection, view.stored.id, [one.lead for one in account.people])
    counting = [one for one in account.people if one.exclusion is None and one.lead in found]
    # People past the first dozen of a company have next to no part in its heat.
    leads = view_leads(call.connection, view, [found[one.lead] for one in counting[:12]])
    steps = [one for one in leads if one.next_step.action not in ("wait", "let_go")]
    touched = read_touched(call.connection, [one.lead for one in account.people], TOUCHES_SHOWN)
    return render(
        call,
        "account.html",
        account=account,
        leads={one.id: one for one in leads},
        steps=sorted(steps, key=lambda one: one.next_step.due)[:STEPS_SHOWN],
        stages=[(stage, sum(found[one.lead].stage == stage for one in counting)) for stage in STAGES],
        names={one.lead: one.name or readable(one.email) for one in account.people},
        colleagues=owner_names(call.connection, view.site.id),
        days=_by_day(call, touched),
        touches_at_most=TOUCHES_SHOWN,
        cut_off=len(touched) == TOUCHES_SHOWN,
    )


def _choices(call: Call, column: Literal["industry", "country"]) -> list[tuple[str, str]]:
    """What companies share, with its name for people, by name."""
    shared = shared_by_accounts(call.connection, call.here.id, column, CHOICES)
    named = [(one, country_label(one, call.language) if column == "country" else one) for one in shared]
    return sorted(named, key=lambda pair: pair[1])


def _by_day(call: Call, touched: list[Touched]) -> list[tuple[int, list[Touched]]]:
    """Touches by the reader's days, each day with the time of its latest."""
    days: list[tuple[int, list[Touched]]] = []
    for one in touched:
        if not days or _day(call, days[-1][0]) != _day(call, one.at):
            days.append((one.at, []))
        days[-1][1].append(one)
    return days


def _day(call: Call, at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1000, call.zone).date()


ROUTES: Final = (
    Route("GET", "/accounts", "accounts", show),
    Route("GET", "/accounts/<account_id>", "account", show_one, site_of=site_of_account),
)
