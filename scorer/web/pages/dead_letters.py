"""Settings: events and rows that were refused, by reason; look at some, send them through again, delete them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec
from flask import Response
from sqlalchemy import Connection

from scorer.auditing import note
from scorer.core.refusal_words import why_refused
from scorer.resources import Resources
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render
from tracker.dead_letters import (
    KeptLetter,
    count_letters,
    delete_letters,
    find_letter,
    latest_letters,
    read_letters,
    replay,
)

HERE: Final = "/settings/dead-letters"
SHOWN: Final = 20
AT_ONCE: Final = 2000
"""Letters that one click sends through again: it takes some seconds."""
_LONGEST_BODY: Final = 4000
_PAGE: Final = 500


class LettersQuery(msgspec.Struct, frozen=True):
    """Which are looked at."""

    reason: Annotated[str, msgspec.Meta(max_length=30)] | None = None


def show(call: Call) -> Response:
    """How many there are for each reason; of one reason the latest."""
    asked = call.read(LettersQuery)
    site_id = call.here.id
    counts = count_letters(call.connection, site_id)
    latest = latest_letters(call.connection, site_id, asked.reason, limit=SHOWN) if asked.reason else []
    return render(
        call,
        "settings/dead_letters.html",
        counts=[(one, why_refused(one.reason, call.language)) for one in counts],
        reason=asked.reason or "",
        why=why_refused(asked.reason or "", call.language),
        letters=[(one, readable(one.body)) for one in latest],
    )


def send_again(call: Call) -> Response:
    """Send one through again, or those of a reason."""
    resources: Resources = call.resources
    late_ms = round(resources.settings.late_window_days * 86_400_000)
    layout = resources.agreed_layouts()[-1]
    with call.services.database.writing() as connection:
        chosen = list(_chosen(connection, call))
        done = replay(connection, resources.streams, iter(chosen), layout, late_ms, call.now_ms)
        detail: dict[str, Any] = {"reason": chosen[0].reason} | msgspec.structs.asdict(done)
        note(connection, call.here.id, call.me.email, "dead letters replay", "site", "", detail, call.now_ms)
    said = call.ngettext("{n} event is on its way.", "{n} events are on their way.", done.accepted).format(n=done.accepted)
    if done.refused_again:
        again = call.ngettext("{n} was refused again.", "{n} were refused again.", done.refused_again)
        said += " " + again.format(n=done.refused_again)
    if done.not_events:
        rows = call.ngettext(
            "{n} is a row of a file: import the mended file.",
            "{n} are rows of files: import the mended files.",
            done.not_events,
        )
        said += " " + rows.format(n=done.not_events)
    return redirect(HERE, toast=said)


def throw_away(call: Call) -> Response:
    """Delete one, or those of a reason."""
    number = _number(call)
    reason = call.form.get("reason", "")[:30]
    count = delete_letters(call.connection, call.here.id, reason=reason, letter_id=number)
    if count:
        detail = {"reason": reason, "letters": count}
        note(call.connection, call.here.id, call.me.email, "dead letters delete", "site", "", detail, call.now_ms)
    return redirect(HERE, toast=call.ngettext("{n} is deleted.", "{n} are deleted.", count).format(n=count))


def readable(body: bytes) -> str:
    r"""Return what was refused as people read it: JSON on several lines, anything else as it came; nothing invisible.

    >>> readable(b'{"type":"page"}')
    '{\n  "type": "page"\n}'
    """
    with suppress(msgspec.DecodeError, RecursionError):
        body = msgspec.json.format(body, indent=2)
    text = body[: 4 * _LONGEST_BODY].decode(errors="replace")
    text = "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)
    return text if len(text) <= _LONGEST_BODY else text[:_LONGEST_BODY] + " …"


def _chosen(connection: Connection, call: Call) -> Iterator[KeptLetter]:
    """The letters that a form names; refuses a form that names none."""
    number, site_id, reason = _number(call), call.here.id, call.form.get("reason", "")
    if number is not None:
        found = find_letter(connection, site_id, number)
        if found is None:
            raise _gone(call)
        yield found
        return
    first = read_letters(connection, site_id, reason, limit=_PAGE)
    if not first:
        raise _gone(call)
    yield from first
    last, count = first[-1].id, len(first)
    while count < AT_ONCE and (page := read_letters(connection, site_id, reason, limit=_PAGE, after=last)):
        yield from page
        last, count = page[-1].id, count + len(page)


def _gone(call: Call) -> PageRefusal:
    return PageRefusal(409, call.gettext("There are none of these any more; somebody was quicker."))


def _number(call: Call) -> int | None:
    """The id of one letter, where a form names one."""
    told = call.form.get("letter", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= 18 else None


ROUTES: Final = (
    Route("GET", HERE, "dead_letters", show, "admin"),
    Route("POST", f"{HERE}/replay", "dead_letters_replay", send_again, "admin", own_transaction=True),
    Route("POST", f"{HERE}/delete", "dead_letters_delete", throw_away, "admin"),
)
