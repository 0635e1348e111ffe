"""What requests about a person's own data say."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from scorer.data_subjects import Asked
from scorer.outlets.request_shapes import LINE, By, Request, Why
from tracker.core.consents import LONGEST_PURPOSE, LONGEST_SOURCE, LONGEST_VERSION
from tracker.core.events import TRACKING


class ExportRequest(Request, frozen=True, kw_only=True):
    """What is kept of a person is asked for. Exactly one of the names."""

    lead: Annotated[str, Meta(max_length=20, pattern=LINE, description="A lead's id.")] = ""
    email: Annotated[str, Meta(max_length=320, pattern=LINE)] = ""
    user_id: Annotated[str, Meta(max_length=200, pattern=LINE, description="The site's own id of the person.")] = ""
    anonymous_id: Annotated[
        str, Meta(max_length=210, pattern=LINE, description="The id that the snippet keeps in the browser.")
    ] = ""

    @property
    def asked(self) -> Asked:
        """Whom it is about."""
        return Asked(self.lead, self.email, self.user_id, self.anonymous_id)


class ObjectionRequest(Request, frozen=True, kw_only=True):
    """A person doesn't want to be scored, or may be again."""

    objects: Annotated[bool, Meta(description="true: not to be scored; false: no longer objects.")]
    why: Why
    by: By = None


class ConsentRequest(Request, frozen=True, kw_only=True):
    """A person has agreed to something, or doesn't any more, elsewhere than on the site."""

    given: bool
    purpose: Annotated[str, Meta(min_length=1, max_length=LONGEST_PURPOSE, pattern=LINE)] = TRACKING
    version: Annotated[str, Meta(max_length=LONGEST_VERSION, pattern=LINE, description="Of the text.")] = ""
    source: Annotated[str, Meta(max_length=LONGEST_SOURCE, pattern=LINE, description="Where it was said.")] = ""
    why: Why
    by: By = None


class EraseRequest(ExportRequest, frozen=True, kw_only=True):
    """All that is kept of a person is to go. Exactly one of the names."""

    why: Annotated[
        str, Meta(min_length=1, max_length=500, pattern=LINE, description="Kept in the log: don't name the person.")
    ]
