"""The routes of subscriptions to the digest."""

from __future__ import annotations

from typing import Final

from scorer.outlets import digest_answers, digest_requests, digest_shapes
from scorer.outlets.parameters import Parameters
from scorer.outlets.route import Route

DIGEST_ROUTES: Final = (
    Route(
        path="/digests",
        name="listDigests",
        summary="Who gets the weekly digest",
        description="With what became of the last mail of each. Those who have unsubscribed are listed, too.",
        scope="admin",
        parameters=Parameters,
        answer=digest_shapes.DigestList,
        handle=digest_answers.all_digests,
    ),
    Route(
        path="/digests",
        name="addDigest",
        summary="Subscribe an address to the weekly digest",
        description="The first one comes at the next due time.",
        scope="admin",
        parameters=Parameters,
        answer=digest_shapes.Digest,
        handle=digest_answers.add_digest,
        method="POST",
        body=digest_requests.AddDigestRequest,
    ),
    Route(
        path="/digests/{digest_id}/remove",
        name="removeDigest",
        summary="Remove a digest",
        description="With the record of what was sent. Nothing is sent any more.",
        scope="admin",
        parameters=Parameters,
        answer=digest_shapes.RemovedDigest,
        handle=digest_answers.remove_digest,
        method="POST",
        body=digest_requests.RemoveDigestRequest,
    ),
    Route(
        path="/digests/{digest_id}/preview",
        name="previewDigest",
        summary="A digest as it would be sent now",
        description="Subject, text and HTML of the last week that is over, or of an earlier one. Sends nothing.",
        scope="admin",
        parameters=digest_requests.PreviewParameters,
        answer=digest_shapes.DigestPreview,
        handle=digest_answers.preview_digest,
    ),
)
