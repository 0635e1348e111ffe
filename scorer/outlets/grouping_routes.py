"""The routes of what leads belong to: classes, companies, segments."""

from __future__ import annotations

from typing import Final

from scorer.outlets import account_shapes, answers, class_answers, class_shapes, segment_shapes
from scorer.outlets.parameters import AccountsParameters, Parameters
from scorer.outlets.route import Route

GROUPING_ROUTES: Final = (
    Route(
        path="/classes",
        name="listClasses",
        summary="The company's own schemes, how far they can be learned, and groups of like behaviour",
        description="A scheme exists once a lead has a label in it. Figures are of leads that a model had not learned from.",
        scope="read",
        parameters=Parameters,
        answer=class_shapes.ClassList,
        handle=class_answers.all_classes,
    ),
    Route(
        path="/accounts",
        name="listAccounts",
        summary="Companies, hottest first",
        description="A company's score is of (Σ √points)² of its people: two keen people outrank one with the same sum.",
        scope="read",
        parameters=AccountsParameters,
        answer=account_shapes.AccountPage,
        handle=answers.all_accounts,
    ),
    Route(
        path="/accounts/{account_id}",
        name="getAccount",
        summary="One company with its people",
        description="The same view as in the list.",
        scope="read",
        parameters=Parameters,
        answer=account_shapes.Account,
        handle=answers.one_account,
    ),
    Route(
        path="/segments",
        name="listSegments",
        summary="Saved segments with live counts",
        description="A segment is made by `warmtrail segment add`; lists of leads take its name as `segment`.",
        scope="read",
        parameters=Parameters,
        answer=segment_shapes.SegmentList,
        handle=answers.all_segments,
    ),
)
