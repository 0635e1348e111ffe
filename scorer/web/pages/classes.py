"""Classes and groups: what leads are in the company's own terms, how far that can be told, and who behaves alike."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Response

from scorer.class_requests import Learning, ask_to_learn, how_far
from scorer.classes import Scheme, list_schemes, unsure_leads
from scorer.core.class_words import told_examples, told_groups, told_judgement, told_missing
from scorer.core.formats import count_text
from scorer.core.grouping import told_group
from scorer.core.labels import pick
from scorer.core.segment import class_text
from scorer.decision_errors import DecisionError
from scorer.groups import list_groups, load_groups
from scorer.labelling_by_hand import set_label
from scorer.web.call import Call, Route
from scorer.web.rendering import redirect, render

OFFERED: Final = 6
"""Labels to choose from beside a lead that is worth labelling."""


def show(call: Call) -> Response:
    """The page."""
    return _page(call)


def label(call: Call) -> Response:
    """Say what a lead is."""
    form = call.form
    try:
        with call.connection.begin_nested():
            lead, scheme, name = form.get("lead", ""), form.get("scheme", ""), form.get("label", "")
            set_label(call.connection, call.here, lead, scheme, name, call.me.email, call.now_ms)
    except DecisionError as error:
        return _page(call, 422, problem=pick(error.label, call.language))
    return redirect("/classes", toast=call.gettext("Saved. It is learned from the next time."))


def learn(call: Call) -> Response:
    """Have a worker learn classes and groups."""
    ask_to_learn(call.resources.control, call.here.id, call.now_ms)
    return redirect("/classes", toast=call.gettext("It is being learned. Look again in a minute."))


def _page(call: Call, status: int = 200, *, problem: str = "") -> Response:
    connection, view = call.connection, call.view
    model = load_groups(connection, view.site.id)
    resources = call.services.resources
    progress = how_far(resources.control, view.site.id) if resources is not None else None
    return render(
        call,
        "classes.html",
        status,
        problem=problem,
        progress=progress,
        progress_text=_progress_text(call, progress) if progress else "",
        schemes=[_scheme(call, one) for one in list_schemes(connection, view.site.id)],
        groups=[(one, told_group(one.group, view.card, call.language)) for one in list_groups(connection, view.site.id)],
        groups_told=told_groups(model, call.language) if model else "",
    )


def _scheme(call: Call, scheme: Scheme) -> dict[str, Any]:
    judged = scheme.model.judgement if scheme.model else None
    names = [*scheme.labels, *(name for name in scheme.told if name not in scheme.labels)]
    bars, intervals = [], []
    for name in names:
        said, learned = scheme.labels.get(name, 0), scheme.told.get(name, 0)
        words = call.gettext("{said} said, {learned} learned")
        shown = words.format(said=count_text(said), learned=count_text(learned)) if learned else count_text(said)
        bars.append((name, said + learned, shown))
    if judged is not None:
        intervals = [(call.gettext("Of all"), judged.accuracy, ""), (call.gettext("Commonest"), judged.majority, "")]
        if judged.told.of:
            share = call.gettext("{count} of {of}").format(count=judged.told.of, of=judged.examples)
            intervals.insert(0, (call.gettext("Of those it tells"), judged.told, share))
    unsure = unsure_leads(call.connection, call.here.id, scheme.name) if judged and call.may("sales") else []
    return {
        "scheme": scheme,
        "told": told_judgement(judged, call.language) if judged else told_missing(scheme.labels, call.language),
        "examples": told_examples(judged, call.language) if judged else "",
        "bars": bars,
        "intervals": intervals,
        "links": [(name, f"/leads?class={quote(class_text(scheme.name, name), safe='')}") for name in names],
        "unsure": [(one, _offered(one.guess, names)) for one in unsure],
    }


def _offered(guess: str, names: list[str]) -> list[str]:
    """The labels to choose from beside a lead, the likeliest first."""
    return [guess, *(name for name in names if name != guess)][:OFFERED]


def _progress_text(call: Call, progress: Learning) -> str:
    if progress.state == "failed":
        if progress.trouble is not None:
            return pick(progress.trouble, call.language)
        return call.gettext("Learning has failed. The fault is ours, and is in the service's log.")
    if progress.state == "telling":
        return call.gettext("It is learned; each lead is being looked at. Reload the page in a minute.")
    return call.gettext("It is being learned. Reload the page in a minute.")


ROUTES: Final = (
    Route("GET", "/classes", "classes", show),
    Route("POST", "/classes/label", "classes_label", label, "sales"),
    Route("POST", "/classes/learn", "classes_learn", learn, "sales"),
)
