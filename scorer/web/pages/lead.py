"""One lead: who, how warm and exactly why, what it did, what to do next; and what people decide about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Response
from sqlalchemy import Connection, select

from scorer import by_hand, consents, notes
from scorer.account_views import find_account, view_accounts
from scorer.auditing import read_log
from scorer.core.audit_words import action_label, told_changes
from scorer.core.exclusions import EXCLUDED, REASONS
from scorer.core.insight_words import traits_in_common
from scorer.core.labels import pick
from scorer.core.score_line import greatest, leaps, score_line
from scorer.core.week_hours import strengths, week_hours
from scorer.decision_errors import DecisionError
from scorer.handling import last_words
from scorer.history import history
from scorer.labelling_by_hand import count_labels, set_label
from scorer.lead_sources import read_sources
from scorer.lead_views import LeadRow, Viewpoint, find_leads, view_leads
from scorer.memberships import members, surviving
from scorer.models import leads
from scorer.outlets.cursors import TimelineCursor, read_cursor, write_cursor
from scorer.outlets.privacy_answers import choices_of
from scorer.outlets.recommendation_shapes import recommended
from scorer.outlets.shapes import Lead
from scorer.recommendations import recommendations
from scorer.timeline import read_timeline
from scorer.users import owner_names
from scorer.web.acting import FormProblem, Kind, act, read_act, said, shown_names
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.pages.hot import for_questions
from scorer.web.places import site_of_lead
from scorer.web.rendering import as_ms, redirect, render
from scorer.web.score_sum import earned, sums
from tracker.core.consents import Declared
from tracker.core.events import TRACKING
from tracker.models import visits
from tracker.sites import Site

VISITS_SHOWN: Final = 15
COLLEAGUES_SHOWN: Final = 6
LEAPS_SHOWN: Final = 6
AUDIT_SHOWN: Final = 50
FORMS: Final = ("claim", "release", "snooze", "outcome", "note", "label", "merge", "exclude", "choices")
"""Those of the page that may have something wrong."""
_STARTS_AT_MOST: Final = 2000
_LEAD_ID: Final = re.compile(r"ld_[a-z2-7]{16}")


def show(call: Call, lead_id: str) -> Response:
    """The page; of a lead that has become part of another, the other's."""
    root = surviving(call.connection, call.here.id, lead_id)
    if root is not None and root != lead_id:
        return redirect(f"/leads/{root}", toast=call.gettext("This lead is part of the one you see: they are one person."))
    return _page(call, lead_id)


def work(kind: Kind, call: Call, lead_id: str) -> Response:
    """Claim, release, put off or say what became of the lead."""
    try:
        asked = read_act(call, kind)
    except FormProblem as problem:
        return _page(call, lead_id, 422, problems={kind: problem.reason})
    done = act(call, asked, [lead_id], version=_version(call))
    text = said(call, asked, done)
    if not done.leads:
        return _page(call, lead_id, 409, problems={kind: text})
    return redirect(f"/leads/{lead_id}", toast=text)


def write_note(call: Call, lead_id: str) -> Response:
    """Write a note."""
    try:
        notes.add_note(call.connection, call.here, lead_id, call.form.get("text", ""), call.me.email, call.now_ms)
    except DecisionError as error:
        return _page(call, lead_id, 422, problems={"note": pick(error.label, call.language)})
    return redirect(f"/leads/{lead_id}#notes", toast=call.gettext("The note is saved."))


def label(call: Call, lead_id: str) -> Response:
    """Say what the lead is in a scheme, or take it back."""
    scheme, name = call.form.get("scheme", ""), call.form.get("label", "")
    said = None if "none" in call.form else name
    try:
        with call.connection.begin_nested():
            set_label(call.connection, call.here, lead_id, scheme, said, call.me.email, call.now_ms)
    except DecisionError as error:
        return _page(call, lead_id, 422, problems={"label": pick(error.label, call.language)})
    return redirect(f"/leads/{lead_id}#classes", toast=call.gettext("Saved."))


def merge(call: Call, lead_id: str) -> Response:
    """Make another lead a part of this one."""
    named = _LEAD_ID.search(call.form.get("other", ""))
    if named is None:
        reason = call.gettext("A lead's number looks like ld_ and 16 letters or digits; the address of its page has it.")
        return _page(call, lead_id, 422, problems={"merge": reason})
    text = call.gettext("They are one lead now.")
    return _decide(call, lead_id, "merge", text, partial(by_hand.merge, kept=lead_id, lost=named[0]))


def unmerge(call: Call, lead_id: str) -> Response:
    """Make a lead that had become part of this one a lead of its own again."""
    text = call.gettext("They are two leads again, and stay so.")
    return _decide(call, lead_id, "merge", text, partial(by_hand.unmerge, lost=call.form.get("lost", "")))


def exclude(call: Call, lead_id: str) -> Response:
    """Keep the lead off the hot list, or on it, or leave that to the scorecard."""
    choice = call.form.get("reason", "")
    reason = {"card": None, "never": by_hand.NEVER}.get(choice, choice or None)
    text = call.gettext("Saved.")
    return _decide(call, lead_id, "exclude", text, partial(by_hand.exclude, lead=lead_id, reason=reason))


def object_to_scoring(call: Call, lead_id: str) -> Response:
    """The person doesn't want to be scored, or may be again."""
    objects = call.form.get("objects") == "yes"
    text = call.gettext("It is not scored any more.") if objects else call.gettext("It is scored again.")
    return _decide(call, lead_id, "choices", text, partial(by_hand.object_to_scoring, lead=lead_id, objects=objects))


def record_consent(call: Call, lead_id: str) -> Response:
    """A consent that was given or taken back elsewhere than on the site."""
    purpose, version, source = (call.form.get(name, "").strip() for name in ("purpose", "text_version", "source"))
    declared = Declared(purpose.lower() or TRACKING, call.form.get("given") == "yes", version, source)

    def decision(connection: Connection, site: Site, actor: str, why: str, now_ms: int, version: int | None) -> None:
        consents.record_consent(connection, site, lead_id, declared, actor, why, now_ms)

    return _decide(call, lead_id, "choices", call.gettext("Saved."), partial(decision))


def path_of(url: str) -> str:
    """Return an address without its site, as readers of that site know it; what is none as it is.

    >>> path_of("https://www.halden.example/prices?size=2"), path_of("price-list.pdf")
    ('/prices?size=2', 'price-list.pdf')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return url if not parts.netloc else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _decide(call: Call, lead_id: str, form: str, text: str, decision: partial[None]) -> Response:
    why = call.form.get("why", "").strip()
    try:
        with call.connection.begin_nested():
            decision(call.connection, call.here, actor=call.me.email, why=why, now_ms=call.now_ms, version=_version(call))
    except DecisionError as error:
        return _page(call, lead_id, 409, problems={form: pick(error.label, call.language)})
    return redirect(f"/leads/{lead_id}", toast=text)


def _version(call: Call) -> int | None:
    """The version of the lead that whoever sent the form had before them."""
    text = call.form.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _page(call: Call, lead_id: str, status: int = 200, *, problems: dict[str, str] | None = None) -> Response:
    connection, view = call.connection, call.view
    root = surviving(connection, view.site.id, lead_id)
    row = find_leads(connection, view.stored.id, [root]).get(root) if root else None
    if row is None:
        raise PageRefusal(404)
    (lead,) = view_leads(connection, view, [row])
    return render(
        call,
        "lead.html",
        status,
        lead=lead,
        version=row.version,
        problems=dict.fromkeys(FORMS, "") | (problems or {}),
        path_of=path_of,
        names=owner_names(connection, view.site.id),
        **for_questions(call, view),
        **_score(call, view, lead),
        **_behaviour(call, view, row, lead),
        **_company(connection, view, row),
        **_by_people(call, view, row),
        traits_in_common=traits_in_common,
        recommended=recommended(view.card, recommendations(connection, view.site.id, row), row.name, view.language),
    )


def _score(call: Call, view: Viewpoint, lead: Lead) -> dict[str, Any]:
    """The score over time, and as a sum; both from one fold of the lead's history."""
    card = view.card
    told = history(call.connection, lead.id, view.now_ms, view.language)
    assert told is not None  # the lead was found in this transaction
    found = leaps(earned(card, told), card.scorecard.p50)
    chosen = greatest(found, LEAPS_SHOWN)
    days = [(as_ms(day.at), day.score) for day in told.curve]
    return {
        "told": told,
        "sums": sums(card, told, view.now_ms),
        "line": score_line(found, days),
        "leaps": chosen,
        "p50": card.scorecard.p50,
        "marks": [(leap.at, f"+{leap.gained:.0f} {call.gettext(', ').join(leap.texts)}") for leap in chosen],
        "half_life_days": card.scorecard.half_life_days,
        "hot_score": card.score(card.decay.heat(card.enter, view.now_ms), view.now_ms),
    }


def _behaviour(call: Call, view: Viewpoint, row: LeadRow, lead: Lead) -> dict[str, Any]:
    """Visits, when they begin, and where they came from."""
    connection = call.connection
    cursor = read_cursor(call.query.get("visits", ""), TimelineCursor)
    before = (cursor.started_at, cursor.visitor_id) if cursor else None
    timeline = read_timeline(connection, view.site, row.id, before, VISITS_SHOWN, view.language)
    mine = visits.c.visitor_id.in_(members(connection, [row.id]).get(row.id, []))
    starts = select(visits.c.started_at).where(mine, visits.c.page_views > 0).order_by(visits.c.started_at.desc())
    begun = connection.execute(starts.limit(_STARTS_AT_MOST)).scalars()
    week = week_hours(begun, ZoneInfo(lead.rhythm.time_zone))
    further = write_cursor(TimelineCursor(*timeline.next)) if timeline.next else None
    return {
        "timeline": timeline.visits,
        "earlier_visits": call.address_with(visits=further) + "#visits" if further else "",
        "latest_visits": call.address_with(visits=None) + "#visits" if cursor else "",
        "week": week,
        "strengths": strengths(week),
        "sources": read_sources(connection, row.id),
    }


def _company(connection: Connection, view: Viewpoint, row: LeadRow) -> dict[str, Any]:
    """The company and the colleagues."""
    found = find_account(connection, view.site.id, row.account_id) if row.account_id else None
    if found is None:
        return {"account": None, "colleagues": []}
    (account,) = view_accounts(connection, view, [found])
    others = [one for one in account.people if one.lead != row.id]
    return {"account": account, "colleagues": others[:COLLEAGUES_SHOWN]}


def _by_people(call: Call, view: Viewpoint, row: LeadRow) -> dict[str, Any]:
    """What people have said and decided."""
    connection, language = call.connection, view.language
    merged = connection.execute(select(leads.c.id).where(leads.c.merged_into == row.id).order_by(leads.c.id)).scalars().all()
    by_person = select(leads.c.exclusion_by_hand).where(leads.c.id == row.id)
    entries = read_log(connection, view.site.id, row.id, AUDIT_SHOWN)
    return {
        "labels_known": count_labels(connection, view.site.id),
        "notes": notes.list_notes(connection, [row.id]).get(row.id, []),
        "merged": [(one, name) for one, name in shown_names(connection, merged).items()],
        "word_on_it": last_words(connection, [row.id]).get(row.id),
        "choices": choices_of(connection, row.id),
        "exclusion_by_hand": connection.execute(by_person).scalar_one(),
        "excluded_as": pick(EXCLUDED[row.exclusion], language) if row.exclusion else "",
        "exclusions": [(name, pick(label, language)) for name, label in REASONS.items()],
        "audit": [
            (one, action_label(one.action, language), told_changes(one.action, one.detail, language)) for one in entries
        ],
    }


_DECISIONS: Final[dict[str, Callable[..., Response]]] = {
    "claim": partial(work, "claim"),
    "release": partial(work, "release"),
    "snooze": partial(work, "snooze"),
    "outcome": partial(work, "outcome"),
    "notes": write_note,
    "label": label,
    "merge": merge,
    "unmerge": unmerge,
    "exclude": exclude,
    "objection": object_to_scoring,
    "consent": record_consent,
}

ROUTES: Final = (
    Route("GET", "/leads/<lead_id>", "lead", show, site_of=site_of_lead),
    *(
        Route("POST", f"/leads/<lead_id>/{name}", f"lead_{name}", handle, "sales", site_of=site_of_lead)
        for name, handle in _DECISIONS.items()
    ),
)
