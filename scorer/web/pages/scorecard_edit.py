"""Editing a scorecard: change it by fields or as JSON, try it on what has happened, publish it."""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec
from flask import Response
from sqlalchemy import select

from scorer.core.card_form import ADDED, MAIN_KEYS, by_field, edited, fields_of, with_rule, without_rule
from scorer.core.card_words import BEHAVIOURS, differences
from scorer.core.labels import Problem, pick, told_problem
from scorer.core.scorecard import STAGES, Behaviour, ScorecardError, lint, parse, written_out
from scorer.draft_cards import (
    DAYS,
    LEADS_AT_MOST,
    Draft,
    Trial,
    ask_for_trial,
    find_draft,
    hurry_rescore,
    keep_draft,
    read_trial,
)
from scorer.labelled import LabelledError
from scorer.models import leads
from scorer.proposals import promote
from scorer.publishing import publish
from scorer.scorecards import body_of, current_cards, find_card
from scorer.simulating import TooManyLeads, proposal
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render

HERE: Final = "/scorecard/edit"
_LONGEST_BODY: Final = 400_000
_LONGEST_WHY: Final = 500


class EditQuery(msgspec.Struct, frozen=True):
    """What is edited."""

    draft: str | None = None
    """The token of one that was kept."""
    number: int | None = None
    """A card of the past; without either it is the current one."""


def show(call: Call) -> Response:
    """The form, and what trying the draft has shown."""
    asked = call.read(EditQuery)
    draft = _asked_draft(call, asked)
    if draft is not None:
        return _form(call, draft.body, draft.base, draft=draft, token=asked.draft or "")
    number = asked.number or current_cards(call.connection)[call.here.id].number
    body = body_of(call.connection, call.here.id, number)
    if body is None:
        raise PageRefusal(404)
    return _form(call, written_out(body), _current_number(call))


def show_json(call: Call) -> Response:
    """The whole card as text."""
    asked = call.read(EditQuery)
    draft = _asked_draft(call, asked)
    body = draft.body if draft else written_out(body_of(call.connection, call.here.id) or "{}")
    base = draft.base if draft else _current_number(call)
    return _json(call, _written(body), base)


def change(call: Call) -> Response:
    """Take the form's fields; add or remove a rule, or keep it as a draft and have it tried."""
    form, base = call.form, _base(call)
    body, unread = edited(_sent_body(call), form)
    if "add" in form:
        on = next((one for one in ADDED if one == form.get("new.on")), None)
        label = " ".join(form.get("new.label", "").split())
        if on is None or not label:
            told = call.gettext("A rule needs a name.")
            return _form(call, body, base, status=422, unread=unread, new_problem=told)
        body = with_rule(body, on, form.get("new.about", ""), label, "")
        return _form(call, body, base, unread=unread)
    if "remove" in form:
        removed = form["remove"]
        body = without_rule(body, int(removed) if removed.isascii() and removed.isdigit() and len(removed) < 5 else -1)
        return _form(call, body, base, unread=unread, is_moved=True)
    if unread or lint(body):
        return _form(call, body, base, status=422, unread=unread)
    return _keep(call, body, base)


def change_json(call: Call) -> Response:
    """Take the text; keep it as a draft and have it tried, or say what is wrong with it."""
    text, base = call.form.get("text", "")[:_LONGEST_BODY], _base(call)
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return _json(call, text, base, 422, [Problem("$", f"no JSON: {error}", f"不是 JSON：{error}")])
    problems = lint(body)
    return _json(call, text, base, 422, problems) if problems else _keep(call, body, base)


def show_trial(call: Call) -> Response:
    """What trying a draft has shown so far: a part of the page, which asks again until it is done."""
    asked = call.read(EditQuery)
    draft = _asked_draft(call, asked)
    if draft is None:
        raise PageRefusal(404)
    if not call.is_partial:
        return redirect(f"{HERE}?draft={asked.draft}#trial")
    return render(call, "scorecard_trial.html", **_trial(call, asked.draft or "", draft))


def send(call: Call) -> Response:
    """Publish a draft: its scores are made in the background, then it becomes the current card."""
    client, token = call.resources.control, call.form.get("draft", "")
    draft = find_draft(client, call.here.id, token)
    if draft is None:
        raise PageRefusal(409, _gone(call))
    if draft.base != _current_number(call):
        told = call.gettext(
            "Meanwhile another scorecard was published. Open the editor anew, so that nothing of it is lost."
        )
        raise PageRefusal(409, told)
    why = " ".join(call.form.get("why", "").split())[:_LONGEST_WHY]
    trial = read_trial(client, token)
    try:
        enter = trial.hot.enter if trial is not None and trial.hot is not None else _threshold(call, draft)
        with call.services.database.writing() as connection:
            if draft.proposal is not None:
                stored = promote(connection, call.here, draft.proposal, call.me.email, why, call.now_ms, enter=enter)
            else:
                stored = publish(connection, call.here, draft.body, call.me.email, why, call.now_ms, enter=enter)
    except LabelledError as error:
        told = pick(error.label, call.language)
        return _form(call, draft.body, draft.base, status=422, draft=draft, token=token, why_problem=told)
    except (ScorecardError, TooManyLeads):
        raise PageRefusal(409, call.gettext("This draft can't be published from here. Try it first.")) from None
    hurry_rescore(client)
    said = call.gettext("Scorecard {number} is being filled; then it becomes the current one.")
    return redirect("/scorecard", toast=said.format(number=stored.number))


def _threshold(call: Call, draft: Draft) -> float:
    """The points from which a lead is hot by a draft that wasn't tried."""
    told = proposal(call.connection, call.here, draft.body, call.now_ms, at_most=LEADS_AT_MOST)
    return float(told["hot"]["enter"])


def _keep(call: Call, body: dict[str, Any], base: int) -> Response:
    client = call.resources.control
    days = next((one for one in DAYS if str(one) == call.form.get("days")), DAYS[1])
    token = keep_draft(client, Draft(call.here.id, base, body, call.me.email, days))
    ask_for_trial(client, token)
    return redirect(f"{HERE}?draft={token}#trial")


def _form(
    call: Call,
    body: dict[str, Any],
    base: int,
    *,
    status: int = 200,
    unread: list[Problem] | None = None,
    draft: Draft | None = None,
    token: str = "",
    new_problem: str = "",
    why_problem: str = "",
    is_moved: bool = False,
) -> Response:
    fields = fields_of(body)
    if unread and not is_moved:
        # What can't be read stays in its field, as it was written. Once a rule is gone, the places are others.
        fields |= {one.path: call.form[one.path] for one in unread if one.path in call.form}
    linted = [] if draft else lint(body)
    known, others = by_field([*(unread or []), *linted], fields)
    values: dict[str, Any] = {"draft": draft, "token": token, "why_problem": why_problem, "new_problem": new_problem}
    values |= _trial(call, token, draft) if draft else {"trial": None, "names": {}, "changes": []}
    return render(
        call,
        "scorecard_edit.html",
        status,
        fields=fields,
        rules=[(number, rule, pick(BEHAVIOURS[rule["on"]], call.language)) for number, rule in enumerate(body["rules"])],
        main_keys=MAIN_KEYS,
        body=msgspec.json.encode(body).decode(),
        base=base,
        problems={name: pick(problem.label, call.language) for name, problem in known.items()},
        others=[told_problem(problem, call.language) for problem in others],
        behaviours=[(on, pick(BEHAVIOURS[on], call.language)) for on in ADDED],
        stages=STAGES,
        days=draft.days if draft else DAYS[1],
        all_days=DAYS,
        **values,
    )


def _json(call: Call, text: str, base: int, status: int = 200, problems: list[Problem] | None = None) -> Response:
    told = [(one.path, pick(one.label, call.language)) for one in problems or []]
    return render(call, "scorecard_json.html", status, text=text, base=base, problems=told)


def _trial(call: Call, token: str, draft: Draft) -> dict[str, Any]:
    """What the result of a trial is shown by: itself, names of its leads, and what the draft changes."""
    trial: Trial | None = read_trial(call.resources.control, token)
    found = trial.simulation if trial is not None else None
    ids = [one.lead_id for some in (found.enters, found.leaves) for one in some] if found is not None else []
    columns = (leads.c.id, leads.c.name, leads.c.email, leads.c.company_name)
    rows = call.connection.execute(select(*columns).where(leads.c.id.in_(ids)))
    before = find_card(call.connection, call.here.id, draft.base)
    changes = differences(before.card.scorecard, parse(draft.body), call.language) if before is not None else []
    return {
        "trial": trial,
        "token": token,
        "names": {row.id: (row.name or row.email, row.company_name) for row in rows},
        "changes": changes,
    }


def _asked_draft(call: Call, asked: EditQuery) -> Draft | None:
    if asked.draft is None:
        return None
    draft = find_draft(call.resources.control, call.here.id, asked.draft)
    if draft is None:
        raise PageRefusal(404, _gone(call))
    return draft


def _gone(call: Call) -> str:
    return call.gettext("There is no such draft any more: drafts are kept for a day.")


def _sent_body(call: Call) -> dict[str, Any]:
    """The card that the form was made of; refuses what no form of ours has sent."""
    try:
        body = msgspec.json.decode(call.form.get("body", "")[:_LONGEST_BODY])
        shaped: list[_SentRule] = msgspec.convert(body["rules"], list[_SentRule])
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError):
        raise PageRefusal(400) from None
    heads = [body.get(name, {}) for name in ("name", "hot")]
    if any(one.on not in get_args(Behaviour) for one in shaped) or not all(isinstance(one, dict) for one in heads):
        raise PageRefusal(400)
    return dict(body)


class _SentRule(msgspec.Struct, frozen=True):
    """As much of a rule as the form relies on."""

    on: str
    points: float = 0
    cap_per_day: float = 3
    cap_total: float | None = None
    buckets: list[tuple[float, float]] = []
    label: dict[str, str] = {}
    match: dict[str, Any] = {}


def _base(call: Call) -> int:
    told = call.form.get("base", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 8 else _current_number(call)


def _current_number(call: Call) -> int:
    return current_cards(call.connection)[call.here.id].number


def _written(body: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


ROUTES: Final = (
    Route("GET", HERE, "scorecard_edit", show, "admin"),
    Route("POST", HERE, "scorecard_change", change, "admin", own_transaction=True),
    Route("GET", f"{HERE}/json", "scorecard_json", show_json, "admin"),
    Route("POST", f"{HERE}/json", "scorecard_json_change", change_json, "admin", own_transaction=True),
    Route("GET", f"{HERE}/trial", "scorecard_trial", show_trial, "admin"),
    Route("POST", "/scorecard/publish", "scorecard_publish", send, "admin", own_transaction=True),
)
