"""What a lead's score and portrait say of it: company, fit, exclusion, stage, interests."""

from __future__ import annotations

import msgspec

from scorer.accounts import Company
from scorer.core.exclusions import Behaviour, excluded
from scorer.core.fit import Fit
from scorer.core.fit import judge as judge_fit
from scorer.core.interests import topic_names
from scorer.core.objecting import OBJECTION
from scorer.core.observing import UNOBSERVED, is_unobserved
from scorer.core.people import account_id
from scorer.core.profile import Profile
from scorer.core.rules import Card
from scorer.core.score import Totals
from scorer.core.scorecard import Stage
from scorer.core.stages import stage
from scorer.portrait import Portrait
from tracker.sites import Site


class Judgement(msgspec.Struct, frozen=True):
    """What is stored of a lead beside its heat, so that lists can be drawn from indexes."""

    fit: Fit
    exclusion: str | None
    """Why it is kept off the hot list; ``None``: it isn't."""
    stage: Stage | None
    topics: str
    """Ids of its interests, the greatest first, each between spaces."""
    account_id: str | None
    company: Company | None


def judge(
    card: Card, site: Site, totals: Totals, portrayed: Portrait, by_hand: str | None, *, objects: bool = False
) -> Judgement:
    """Judge a lead. *by_hand* is a person's word on its exclusion: a reason, or empty for none whatever the card says.

    Who *objects* to being scored isn't judged, which stands before all else; its *totals* are those of nothing.
    """
    person, profile = portrayed.person, portrayed.profile
    account = account_id(site.id, person.company_name, person.company_domain)
    rule = None
    if portrayed.told or totals.marks:  # Of most strangers nothing is known that could exclude them.
        behaviour = Behaviour(card.events_marked(totals.marks), totals.pages, totals.marks)
        rule = excluded(card.exclusions, profile, behaviour)
    reason = rule.reason if rule else "robot" if portrayed.robot else _waited_for(site, portrayed)
    return Judgement(
        fit=Fit() if objects else judge_fit(card.scorecard.fit, profile),
        exclusion=OBJECTION if objects else (by_hand or None) if by_hand is not None else reason,
        stage=stage(totals),
        topics="".join(f" {name}" for name in topic_names(totals)) + " ",
        account_id=account,
        company=None
        if account is None
        else Company(
            site.id,
            person.company_name,
            person.company_domain,
            profile.industry[:100],
            employees_of(profile),
            profile.country[:60],
            region_of(profile),
        ),
    )


def _waited_for(site: Site, portrayed: Portrait) -> str | None:
    wanted = site.settings.observe_seconds
    return UNOBSERVED if wanted and is_unobserved(portrayed.observed_seconds, wanted) else None


def employees_of(profile: Profile) -> int | None:
    """Return how many people the company has at least."""
    return None if profile.employees is None else min(round(profile.employees.low), 2**31 - 1)


def region_of(profile: Profile) -> str:
    """Return the places that were told, the widest first."""
    return ", ".join(profile.region)[:100]
