"""The routes of the reports."""

from __future__ import annotations

from typing import Final

from scorer.outlets import report_answers, report_parameters, report_shapes
from scorer.outlets.route import Route

REPORT_ROUTES: Final = (
    Route(
        path="/reports/funnel",
        name="reportFunnel",
        summary="How far leads came: seen, identified, hot, contacted, won",
        description="Of the leads whose first touch lies in the period, whatever happened since. Excluded leads don't "
        "count, merged ones count once. Shares come with their intervals.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.FunnelAnswer,
        handle=report_answers.funnel,
    ),
    Route(
        path="/reports/sources",
        name="reportSources",
        summary="Which channels and campaigns brought leads, customers and money",
        description="Of the leads whose first touch lies in the period, by first, last and all touches. The visits of 5,000 "
        "leads at most are read; complete says whether these were all.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.SourcesAnswer,
        handle=report_answers.sources,
    ),
    Route(
        path="/reports/cycle",
        name="reportCycle",
        summary="How long deals took from first touch to winning",
        description="Of the leads won in the period. Quantiles are null where there are too few deals to tell.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.CycleAnswer,
        handle=report_answers.cycle,
    ),
    Route(
        path="/reports/attention",
        name="reportAttention",
        summary="What was read, and whether later customers read it more often",
        description="By topic, page and document. The events of 2,000 leads at most are read: of those won, and of a "
        "random part of the others; complete says whether these were all.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.AttentionAnswer,
        handle=report_answers.attention,
    ),
    Route(
        path="/reports/content",
        name="reportContent",
        summary="Which pages and documents go before wins, and which before losses",
        description="Of the leads decided in the period: what they had read for ten seconds, or downloaded, before the "
        "first word of sales about them. Odds ratios with intervals; the verdicts bear in mind that many were compared. "
        "At most a thousand leads won and a thousand others are looked at.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.ContentAnswer,
        handle=report_answers.content,
    ),
    Route(
        path="/reports/losses",
        name="reportLosses",
        summary="Why leads were lost, with what they were worth",
        description="Of the leads whose last loss lies in the period. The same reason in another case, in the other "
        "language, or with words behind a colon is counted once.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.LossesAnswer,
        handle=report_answers.losses,
    ),
    Route(
        path="/reports/scores",
        name="reportScores",
        summary="Whether the score keeps its word: outcomes by score bands",
        description="Of the leads that were contacted or decided in the period, by the score they had then. A thousand "
        "leads at most are folded.",
        scope="read",
        parameters=report_parameters.ScoresParameters,
        answer=report_shapes.ScoresAnswer,
        handle=report_answers.scores,
    ),
    Route(
        path="/reports/contact",
        name="reportContact",
        summary="How soon hot leads were spoken with, and whether being quick paid",
        description="Of the leads that became hot in the period. Those still waiting count once their time is over.",
        scope="read",
        parameters=report_parameters.ReportParameters,
        answer=report_shapes.ContactAnswer,
        handle=report_answers.contact,
    ),
)
