"""What the sales API does and answers to requests about digests."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec import UNSET

from scorer import digests
from scorer.core.digest_weeks import last_week, week_of
from scorer.core.labels import pick
from scorer.digesting import Writer
from scorer.outlets import digest_requests as requests
from scorer.outlets import digest_shapes as shapes
from scorer.outlets.answers import Call, Reply
from scorer.outlets.problems import BODY_INVALID, NOT_FOUND, NOT_POSSIBLE, PARAMETER_INVALID, Refusal
from scorer.outlets.shapes import ParameterError, time_text


def all_digests(call: Call) -> Reply:
    """The digests of the site."""
    mails = digests.last_row_of_each(call.connection, call.site_id)
    found = digests.list_digests(call.connection, call.site_id)
    return Reply(shapes.DigestList([_digest(call, one, mails.get(one.id)) for one in found], None))


def add_digest(call: Call) -> Reply:
    """Somebody is subscribed."""
    body: requests.AddDigestRequest = call.body
    try:
        made = digests.subscribe(
            call.connection,
            call.view.site,
            body.email,
            call.actor,
            call.view.now_ms,
            name=body.name,
            segment=body.segment,
            language=body.language or "",
            time_zone=body.time_zone,
            weekday=body.weekday,
            hour=body.hour,
        )
    except digests.DigestError as error:
        said = pick(error.label, call.view.language)
        raise Refusal(BODY_INVALID, f"{error.field}: {said}", errors=[ParameterError(error.field, said)]) from None
    return Reply(_digest(call, made, None))


def remove_digest(call: Call, digest_id: str) -> Reply:
    """A subscription is removed."""
    digests.remove_digest(call.connection, _find(call, digest_id), call.actor, call.view.now_ms)
    return Reply(shapes.RemovedDigest(digest_id))


def preview_digest(call: Call, digest_id: str) -> Reply:
    """The digest of a week as it would be sent now."""
    asked: requests.PreviewParameters = call.parameters
    found = _find(call, digest_id)
    week = last_week(call.view.now_ms, found.zone)
    if asked.week is not UNSET:
        try:
            monday = date.fromisoformat(asked.week)
        except ValueError:
            monday = date.max
        if monday.weekday() != 0 or monday > week.first:
            wrong = ParameterError("week", "The date of the Monday of a week that is over")
            raise Refusal(PARAMETER_INVALID, f"week: {wrong.detail}", errors=[wrong])
        week = week_of(monday, found.zone)
    content = Writer(call.view.base_url).read(call.connection, found, week, call.view.now_ms)
    if content is None:
        raise Refusal(NOT_POSSIBLE, f"There is no segment {found.segment!r} any more.")
    written = content.written
    body = shapes.DigestPreview(week.name, written.subject, written.text, written.html, content.facts.is_empty)
    return Reply(body)


def _find(call: Call, digest_id: str) -> digests.Digest:
    found = digests.find_digest(call.connection, digest_id, call.site_id) if "\0" not in digest_id else None
    if found is None:
        raise Refusal(NOT_FOUND, "There is no such digest on the key's site.")
    return found


def _digest(call: Call, one: digests.Digest, mail: digests.LedgerRow | None) -> shapes.Digest:
    return shapes.Digest(
        id=one.id,
        email=one.email,
        name=one.name or None,
        segment=one.segment or None,
        language=one.language,
        time_zone=one.time_zone,
        weekday=one.weekday,
        hour=one.hour,
        created_at=time_text(one.created_at),
        next_at=_time(one.next_at),
        unsubscribed_at=_time(one.unsubscribed_at),
        last_mail=_mail(call, mail) if mail is not None else None,
    )


def _mail(call: Call, row: digests.LedgerRow) -> shapes.DigestMail:
    state: Any = row.state
    unknown = row.is_unknown(call.view.now_ms)
    return shapes.DigestMail(
        row.period, state, unknown, time_text(row.at), row.reason or None, row.why(call.view.language) or None
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else time_text(at_ms)
