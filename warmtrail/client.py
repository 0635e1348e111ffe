"""The sales API for Python programs: one method a route, answers as typed records.

>>> client = Client("https://leads.example.com", "wt_…")
>>> for lead in every(client.hot_leads, topic="flow-meter"):  # doctest: +SKIP
...     print(lead.name, lead.score)

What each route answers is told on its records (``scorer.outlets.shapes`` and beside it) and in the API's description. A
refusal raises ``Refused`` with the problem. Requests are sent again where that is safe: each that changes something carries
an ``Idempotency-Key``, so that it is done once however often it had to be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol, TypeVar

from scorer.core.exclusions import ExclusionReason
from scorer.core.handling import Outcome
from scorer.outlets import (
    account_shapes,
    history_shapes,
    note_shapes,
    privacy_shapes,
    recommendation_shapes,
    report_shapes,
    scorecard_shapes,
    segment_shapes,
    shapes,
    source_shapes,
)
from warmtrail.asking import NOTHING, Kind, given, path_of
from warmtrail.learning import Learning
from warmtrail.subscriptions import Subscriptions
from warmtrail.transport import CursorExpired, NotReachable, Refused, Stale, WarmtrailError, read

__all__ = ["Client", "CursorExpired", "NotReachable", "Refused", "Stale", "WarmtrailError", "every"]

Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """A part of a list."""

    @property
    def data(self) -> Sequence[Item]:
        """What is on it."""

    @property
    def next_cursor(self) -> str | None:
        """Where the list goes on; ``None`` at its end."""


def every(ask: Callable[..., Page[Item]], /, **query: Any) -> Iterator[Item]:
    """Yield all items of a list, page by page: ``every(client.leads, q="halden")``.

    Raises ``CursorExpired`` where the list was ranked anew in between: read it from its beginning.
    """
    cursor: str | None = None
    while True:
        page = ask(**query, cursor=cursor)
        yield from page.data
        cursor = page.next_cursor
        if cursor is None:
            return


class Client(Subscriptions, Learning):
    """Asks the sales API of the service at *url* with a *key*, which opens one site.

    Parameters
    ----------
    url
        Of the service: ``https://leads.example.com``.
    key
        As ``warmtrail key add`` showed it.
    language
        Of texts in the answers, ``en`` or ``zh``; ``None``: the site's own.
    timeout_seconds
        For each try.
    tries
        How often a request is sent at most.
    send
        What sends a request; ``None``: urllib3. For tests, and for proxies of your own.

    Threads may share it.
    """

    def _decide(
        self, lead_id: str, verb: str, body: Mapping[str, object], if_match: str | None, idempotency_key: str | None
    ) -> shapes.Lead:
        return self._post(path_of(f"/leads/{{}}/{verb}", lead_id), shapes.Lead, body, if_match, idempotency_key)

    # Leads and companies.

    def hot_leads(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        min_score: float | None = None,
        segment: str | None = None,
        topic: str | None = None,
        stage: str | None = None,
        owner: str | None = None,
        grade: str | None = None,
        explore: bool = False,
    ) -> shapes.LeadPage:
        """Return the hot leads, those to call first at the top. An empty *owner*: those that nobody has claimed.

        With *explore* the exploratory ones follow below the last: ``explored`` is true of them.
        """
        query: dict[str, object] = {"limit": limit, "cursor": cursor, "min_score": min_score, "segment": segment}
        query |= {"topic": topic, "stage": stage, "owner": owner, "grade": grade, "explore": "true" if explore else None}
        return self._get("/hot-leads", shapes.LeadPage, query)

    def leads(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        q: str | None = None,
        segment: str | None = None,
        topic: str | None = None,
        stage: str | None = None,
        owner: str | None = None,
        grade: str | None = None,
    ) -> shapes.LeadPage:
        """Return all leads, ranked; with *q* those whose name, address or company begins so."""
        query: dict[str, object] = {"limit": limit, "cursor": cursor, "q": q, "segment": segment}
        query |= {"topic": topic, "stage": stage, "owner": owner, "grade": grade}
        return self._get("/leads", shapes.LeadPage, query)

    def lead(self, lead_id: str) -> shapes.Lead:
        """Return one lead. Asked for by an id that has become part of another, that other, with ``merged_into``."""
        return self._get(path_of("/leads/{}", lead_id), shapes.Lead)

    def timeline(self, lead_id: str, *, limit: int | None = None, cursor: str | None = None) -> shapes.TimelinePage:
        """Return what a lead did, visit by visit, the newest first."""
        path = path_of("/leads/{}/timeline", lead_id)
        return self._get(path, shapes.TimelinePage, {"limit": limit, "cursor": cursor})

    def explanation(self, lead_id: str) -> shapes.Explanation:
        """Return the exact sum of a lead's score."""
        return self._get(path_of("/leads/{}/explanation", lead_id), shapes.Explanation)

    def history(self, lead_id: str) -> history_shapes.History:
        """Return a lead's score over time, and what moved it."""
        return self._get(path_of("/leads/{}/history", lead_id), history_shapes.History)

    def sources(self, lead_id: str) -> source_shapes.Sources:
        """Return how a lead came."""
        return self._get(path_of("/leads/{}/sources", lead_id), source_shapes.Sources)

    def recommendations(self, lead_id: str) -> recommendation_shapes.RecommendationList:
        """Return what to show to a lead next, with the reasons."""
        return self._get(path_of("/leads/{}/recommendations", lead_id), recommendation_shapes.RecommendationList)

    def accounts(
        self, *, limit: int | None = None, cursor: str | None = None, q: str | None = None
    ) -> account_shapes.AccountPage:
        """Return companies, hottest first; with *q* those whose name or domain begins so."""
        return self._get("/accounts", account_shapes.AccountPage, {"limit": limit, "cursor": cursor, "q": q})

    def account(self, account_id: str) -> account_shapes.Account:
        """Return one company with its people."""
        return self._get(path_of("/accounts/{}", account_id), account_shapes.Account)

    def segments(self) -> segment_shapes.SegmentList:
        """Return the saved segments with live counts."""
        return self._get("/segments", segment_shapes.SegmentList)

    def notes(self, lead_id: str) -> note_shapes.NoteList:
        """Return what salespeople have written about a lead, newest first."""
        return self._get(path_of("/leads/{}/notes", lead_id), note_shapes.NoteList)

    # What is done with a lead. Each takes the tag that ``lead_and_tag`` gave (``if_match``) and then raises ``Stale`` where
    # somebody has changed the lead since; and a name for the request (``idempotency_key``), under which it is carried out
    # once within a day, by whichever process it is sent again.

    def lead_and_tag(self, lead_id: str) -> tuple[shapes.Lead, str]:
        """Return one lead, and the tag by which a decision says that it is about this very version."""
        answer = self._transport.get(path_of("/leads/{}", lead_id), NOTHING)
        return read(answer, shapes.Lead), answer.headers["etag"]

    def claim(
        self,
        lead_id: str,
        *,
        owner: str | None = None,
        lease_hours: int | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Take a lead for *owner* for a time, or prolong the claim. Raises ``Refused`` (409) where it is somebody else's."""
        body = {"owner": owner, "lease_hours": lease_hours}
        return self._decide(lead_id, "claim", body, if_match, idempotency_key)

    def release(
        self,
        lead_id: str,
        *,
        owner: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """End the claim of *owner*."""
        return self._decide(lead_id, "release", {"owner": owner}, if_match, idempotency_key)

    def snooze(
        self,
        lead_id: str,
        until: datetime,
        *,
        why: str | None = None,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Put a lead off *until* a time, which has a time zone."""
        body = {"until": until, "why": why, "by": by}
        return self._decide(lead_id, "snooze", body, if_match, idempotency_key)

    def outcome(
        self,
        lead_id: str,
        kind: Outcome,
        *,
        value: float | None = None,
        currency: str | None = None,
        reason: str | None = None,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Say what became of a lead; ``open`` takes back what was said."""
        body = {"kind": kind, "value": value, "currency": currency, "reason": reason, "by": by}
        return self._decide(lead_id, "outcome", body, if_match, idempotency_key)

    def crm_outcomes(self, rows: Sequence[Mapping[str, object]], *, idempotency_key: str | None = None) -> shapes.CrmAnswer:
        """Say what became of leads that a CRM knows by other names; rows that can't be read are in the answer."""
        return self._post("/crm/outcomes", shapes.CrmAnswer, {"outcomes": list(rows)}, idempotency_key=idempotency_key)

    def note(
        self,
        lead_id: str,
        text: str,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> note_shapes.Note:
        """Write a note about a lead."""
        path, body = path_of("/leads/{}/note", lead_id), {"text": text, "by": by}
        return self._post(path, note_shapes.Note, body, if_match, idempotency_key)

    def object_to_scoring(
        self,
        lead_id: str,
        objects: bool,
        why: str,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Say that a person doesn't want to be scored; with *objects* false: may be again."""
        path, body = path_of("/leads/{}/objection", lead_id), {"objects": objects, "why": why, "by": by}
        return self._post(path, shapes.Lead, body, if_match, idempotency_key)

    def record_consent(
        self,
        lead_id: str,
        given: bool,
        why: str,
        *,
        purpose: str | None = None,
        version: str | None = None,
        source: str | None = None,
        by: str | None = None,
        idempotency_key: str | None = None,
    ) -> privacy_shapes.Choices:
        """Record a consent said elsewhere than on the site, or that it was taken back. *version*: of the text."""
        body = {"given": given, "why": why, "purpose": purpose, "version": version, "source": source, "by": by}
        path = path_of("/leads/{}/consent", lead_id)
        return self._post(path, privacy_shapes.Choices, body, idempotency_key=idempotency_key)

    def choices(self, lead_id: str) -> privacy_shapes.Choices:
        """Return a person's consents, and whether it may be scored."""
        return self._get(path_of("/leads/{}/choices", lead_id), privacy_shapes.Choices)

    def merge(
        self,
        lead_id: str,
        lost: str,
        why: str,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Make the lead *lost* a part of this one: they are one person."""
        body = {"lost": lost, "why": why, "by": by}
        return self._decide(lead_id, "merge", body, if_match, idempotency_key)

    def unmerge(
        self,
        lead_id: str,
        why: str,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Make a lead that has become part of another a lead of its own again."""
        return self._decide(lead_id, "unmerge", {"why": why, "by": by}, if_match, idempotency_key)

    def exclude(
        self,
        lead_id: str,
        reason: ExclusionReason | Literal["never"] | None,
        why: str,
        *,
        by: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.Lead:
        """Keep a lead off the hot list for a *reason*; ``never``: keep it on; ``None``: leave it to the scorecard again."""
        path = path_of("/leads/{}/exclude", lead_id)
        # Null is a reason of its own here, and has to be said.
        body = given({"why": why, "by": by}) | {"reason": reason}
        return read(self._transport.post(path, body, if_match=if_match, idempotency_key=idempotency_key), shapes.Lead)

    # What happens.

    def changes(self, cursor: str | None = None, *, limit: int | None = None, wait: int = 0) -> shapes.ChangePage:
        """Return what happened to leads after *cursor*; ``None``: from the first change, ``"now"``: only the cursor.

        Held back for *wait* seconds (at most 60) while there is nothing. Raises ``CursorExpired``. ``follow`` keeps the
        cursor for you.
        """
        return self._get("/changes", shapes.ChangePage, {"cursor": cursor, "limit": limit, "wait": wait or None}, wait)

    # Scorecards, and who did what.

    def scorecards(self) -> scorecard_shapes.ScorecardList:
        """Return the site's scorecards, the latest first."""
        return self._get("/scorecards", scorecard_shapes.ScorecardList)

    def scorecard(self, number: int) -> scorecard_shapes.ScorecardDetail:
        """Return one scorecard with its rules."""
        return self._get(path_of("/scorecards/{}", str(number)), scorecard_shapes.ScorecardDetail)

    def simulate_scorecard(
        self, scorecard: Mapping[str, Any], *, days: int | None = None, listed: int | None = None
    ) -> scorecard_shapes.Simulated:
        """Return what publishing a scorecard would change. Writes nothing."""
        body = {"scorecard": scorecard, "days": days, "listed": listed}
        return self._post("/scorecards/simulate", scorecard_shapes.Simulated, body)

    def publish_scorecard(
        self, scorecard: Mapping[str, Any], why: str, *, by: str | None = None, idempotency_key: str | None = None
    ) -> scorecard_shapes.Scorecard:
        """Add a scorecard; it becomes the current one as soon as its scores are made."""
        body = {"scorecard": scorecard, "why": why, "by": by}
        return self._post("/scorecards/publish", scorecard_shapes.Scorecard, body, idempotency_key=idempotency_key)

    def rollback_scorecard(
        self, why: str, *, number: int | None = None, by: str | None = None, idempotency_key: str | None = None
    ) -> scorecard_shapes.Scorecard:
        """Go back to the scorecard before, or to that of a number."""
        body = {"why": why, "number": number, "by": by}
        return self._post("/scorecards/rollback", scorecard_shapes.Scorecard, body, idempotency_key=idempotency_key)

    def audit(
        self, *, limit: int | None = None, cursor: str | None = None, subject: str | None = None
    ) -> scorecard_shapes.AuditPage:
        """Return what people did by hand, newest first."""
        return self._get("/audit", scorecard_shapes.AuditPage, {"limit": limit, "cursor": cursor, "subject": subject})

    # Reports.

    def export_person(
        self, *, lead: str = "", email: str = "", user_id: str = "", anonymous_id: str = ""
    ) -> privacy_shapes.PersonExport:
        """Return all that is kept of a person, named in one of these ways."""
        named = {"lead": lead, "email": email, "user_id": user_id, "anonymous_id": anonymous_id}
        return self._post("/privacy/export", privacy_shapes.PersonExport, named)

    def erase_person(
        self,
        why: str,
        *,
        lead: str = "",
        email: str = "",
        user_id: str = "",
        anonymous_id: str = "",
        idempotency_key: str | None = None,
    ) -> privacy_shapes.Certificate:
        """Erase a person, named in one of these ways, and return the record of it. *why* is kept: don't name the person."""
        named = {"lead": lead, "email": email, "user_id": user_id, "anonymous_id": anonymous_id, "why": why}
        return self._post("/privacy/erase", privacy_shapes.Certificate, named, idempotency_key=idempotency_key)

    def report_funnel(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.FunnelAnswer:
        """Return how far leads came."""
        return self._report("funnel", report_shapes.FunnelAnswer, first, until, segment)

    def report_sources(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.SourcesAnswer:
        """Return which channels and campaigns brought leads, customers and money."""
        return self._report("sources", report_shapes.SourcesAnswer, first, until, segment)

    def report_cycle(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.CycleAnswer:
        """Return how long deals took."""
        return self._report("cycle", report_shapes.CycleAnswer, first, until, segment)

    def report_attention(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.AttentionAnswer:
        """Return what was read, and whether later customers read it more often."""
        return self._report("attention", report_shapes.AttentionAnswer, first, until, segment)

    def report_content(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.ContentAnswer:
        """Return which pages and documents go before wins, and which before losses."""
        return self._report("content", report_shapes.ContentAnswer, first, until, segment)

    def report_losses(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.LossesAnswer:
        """Return why leads were lost."""
        return self._report("losses", report_shapes.LossesAnswer, first, until, segment)

    def report_scores(
        self,
        *,
        first: date | None = None,
        until: date | None = None,
        segment: str | None = None,
        at: report_shapes.Moment | None = None,
    ) -> report_shapes.ScoresAnswer:
        """Return outcomes by score bands."""
        return self._report("scores", report_shapes.ScoresAnswer, first, until, segment, at)

    def report_contact(
        self, *, first: date | None = None, until: date | None = None, segment: str | None = None
    ) -> report_shapes.ContactAnswer:
        """Return how soon hot leads were spoken with."""
        return self._report("contact", report_shapes.ContactAnswer, first, until, segment)

    def _report(
        self,
        name: str,
        kind: type[Kind],
        first: date | None,
        until: date | None,
        segment: str | None,
        at: report_shapes.Moment | None = None,
    ) -> Kind:
        return self._get(f"/reports/{name}", kind, {"from": first, "until": until, "segment": segment, "at": at})
