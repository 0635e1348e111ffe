"""What salespeople do to leads on the page, one or several at once: read from a form, carried out, said in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal, get_args

import msgspec
from sqlalchemy import Connection, select

from scorer import outcomes, snoozing
from scorer.claims import claim, release
from scorer.core.formats import day_text
from scorer.core.handling import Outcome
from scorer.core.labels import pick
from scorer.core.lost_reasons import joined
from scorer.core.working_hours import FIRST_CALL_HOUR, at_hour, local_time
from scorer.decision_errors import DecisionError
from scorer.memberships import lock_leads
from scorer.models import leads
from scorer.web.call import Call, PageRefusal
from scorer.web.translations import N_
from scorer.web.words import word
from tracker.sites import Site

Kind = Literal["claim", "release", "snooze", "outcome"]
SEVERAL_AT_MOST: Final = 200
"""Leads that one form may name."""


class FormProblem(PageRefusal):
    """A form can't be taken; where that is shown beside its fields, ``field`` says which."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(422, reason)
        self.field = field


class Act(msgspec.Struct, frozen=True):
    """What somebody wants done."""

    kind: Kind
    until_ms: int = 0
    """Of ``snooze``."""
    outcome: Outcome = "open"
    value: float | None = None
    currency: str = ""
    reason: str = ""


class Done(msgspec.Struct, frozen=True):
    """What came of it."""

    leads: tuple[str, ...]
    """Those for which it was done."""
    refusals: tuple[str, ...]
    """Why it wasn't for the others, in the reader's words; each reason once."""
    refused: int
    """How many they are."""


def read_act(call: Call, kind: Kind) -> Act:
    """Return what a form asks for; raise ``FormProblem`` for what makes no sense."""
    form = call.form
    if kind == "snooze":
        return Act(kind, until_ms=_until(call), reason=form.get("why", "").strip())
    if kind != "outcome":
        return Act(kind)
    outcome = next((one for one in get_args(Outcome) if one == form.get("kind")), None)
    if outcome is None:
        raise FormProblem("kind", call.gettext("Choose what became of the lead."))
    value = _value(call) if outcome == "won" else None
    currency = form.get("currency", "").strip().upper() if value is not None else ""
    reason = joined(form.get("choice", ""), form.get("reason", ""), call.language) if outcome == "lost" else ""
    reason = reason or form.get("reason", "").strip()
    return Act(kind, outcome=outcome, value=value, currency=currency, reason=reason)


def act(call: Call, asked: Act, lead_ids: Sequence[str], *, version: int | None = None) -> Done:
    """Do it for each of these leads of the site. What can't be done for one is no hindrance for the others."""
    done: list[str] = []
    refusals: dict[str, int] = {}
    # All at once: with the first decision this transaction holds up the log and the feed, and mustn't wait for leads then.
    lock_leads(call.connection, lead_ids)
    for lead in dict.fromkeys(lead_ids):
        try:
            with call.connection.begin_nested():
                _carry_out(call, call.here, asked, lead, version)
            done.append(lead)
        except DecisionError as error:
            reason = pick(error.label, call.language)
            refusals[reason] = refusals.get(reason, 0) + 1
    return Done(tuple(done), tuple(refusals), sum(refusals.values()))


def said(call: Call, asked: Act, done: Done) -> str:
    """Return in words what was done, and why something wasn't."""
    parts = [_done_text(call, asked, done)] if done.leads else []
    if done.refused and done.leads:
        parts.append(call.ngettext("Not for {n} lead:", "Not for {n} leads:", done.refused).format(n=done.refused))
    # English needs a space between sentences, Chinese has none.
    return ("" if call.language == "zh" else " ").join([*parts, *done.refusals])


def chosen_leads(call: Call) -> list[str]:
    """Return the leads that a form names; raise ``FormProblem`` for none or too many."""
    found = list(dict.fromkeys(call.form.getlist("lead")))
    if not found:
        raise FormProblem("lead", call.gettext("Choose at least one lead."))
    if len(found) > SEVERAL_AT_MOST:
        raise FormProblem("lead", call.gettext("{n} leads at most.").format(n=SEVERAL_AT_MOST))
    return found


def shown_names(connection: Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """Return what these leads are called by: name or address, empty for somebody unknown."""
    query = select(leads.c.id, leads.c.name, leads.c.email).where(leads.c.id.in_(lead_ids))
    return {row.id: row.name or row.email for row in connection.execute(query)}


def _carry_out(call: Call, site: Site, asked: Act, lead: str, version: int | None) -> None:
    connection, me, now_ms = call.connection, call.me.email, call.now_ms
    if asked.kind == "claim":
        claim(connection, site, lead, me, me, now_ms, version=version)
    elif asked.kind == "release":
        release(connection, site, lead, me, now_ms, version=version)
    elif asked.kind == "snooze":
        snoozing.snooze(connection, site, lead, asked.until_ms, me, asked.reason, now_ms, version=version)
    else:
        outcomes.record(
            connection,
            site,
            lead,
            asked.outcome,
            me,
            now_ms,
            value=asked.value,
            currency=asked.currency,
            reason=asked.reason,
            version=version,
        )


_DONE: Final[dict[Kind, tuple[str, str]]] = {
    "claim": (N_("{who} is yours for a week."), N_("{n} leads are yours for a week.")),
    "release": (N_("{who} is free for others again."), N_("{n} leads are free for others again.")),
    "snooze": (N_("{who} is off the list until {day}."), N_("{n} leads are off the list until {day}.")),
    "outcome": (N_("{who}: {outcome}."), N_("{n} leads: {outcome}.")),
}
"""What is said of one lead, by its name, and of several."""


def _done_text(call: Call, asked: Act, done: Done) -> str:
    number = len(done.leads)
    one, many = _DONE[asked.kind]
    names = shown_names(call.connection, done.leads) if number == 1 else {}
    return call.gettext(one if number == 1 else many).format(
        who=next(iter(names.values()), "") or call.gettext("Somebody not yet known"),
        n=number,
        day=day_text(asked.until_ms, call.zone, call.language),
        outcome=word("status", asked.outcome, call.language),
    )


def _until(call: Call) -> int:
    """In the morning of the day chosen, where the user is."""
    today = local_time(call.now_ms, call.zone).date()
    choice = call.form.get("until", "")
    if choice == "tomorrow":
        day = today + timedelta(days=1)
    elif choice == "next_week":
        day = today + timedelta(days=7 - today.weekday())
    else:
        try:
            day = date.fromisoformat(call.form.get("date", ""))
        except ValueError:
            raise FormProblem("date", call.gettext("Choose a day.")) from None
        # Days near the year 10000 have no time in milliseconds everywhere; any so far is refused as too far.
        day = min(day, today + timedelta(days=4000))
    return at_hour(day, FIRST_CALL_HOUR, call.zone)


def _value(call: Call) -> float | None:
    text = call.form.get("value", "").strip().replace(",", "").replace("，", "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise FormProblem("value", call.gettext("The value is a number.")) from None
