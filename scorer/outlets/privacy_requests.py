"""What requests about a person's own data say."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from scorer.data_subjects import Asked
from scorer.outlets.request_shapes import LINE, Request


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


class EraseRequest(ExportRequest, frozen=True, kw_only=True):
    """All that is kept of a person is to go. Exactly one of the names."""

    why: Annotated[
        str, Meta(min_length=1, max_length=500, pattern=LINE, description="Kept in the log: don't name the person.")
    ]
