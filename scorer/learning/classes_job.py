"""Learn the classes and groups of a site from the database, and store what came of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection

from scorer.classes import keep_models
from scorer.core.classifying import ClassModel
from scorer.feature_reading import read_some, seen_leads
from scorer.groups import groups_of, keep_groups, load_groups
from scorer.labelling_by_hand import count_labels, labelled_leads
from scorer.learning import groups as grouping
from scorer.learning.classes import TooFewLabels, learn
from scorer.scorecards import current_cards
from tracker.db import Database

SEED: Final = 0
CLASSES: Final = "classes"
GROUPS: Final = "groups"


def learn_site(
    database: Database, site_id: int, now_ms: int, *, seed: int = SEED, parts: Collection[str] = (CLASSES, GROUPS)
) -> None:
    """Learn the schemes of a site that have enough labels, and find its groups, and store both.

    ``class_assignment.assign`` then tells of each lead what follows. Run twice, it stores the same.
    """
    if CLASSES in parts:
        with database.reading() as connection:
            models = _learned(connection, site_id, seed, now_ms)
        with database.writing() as connection:
            keep_models(connection, site_id, models)
    if GROUPS in parts:
        with database.reading() as connection:
            grouped = _grouped(connection, site_id, seed, now_ms)
        with database.writing() as connection:
            keep_groups(connection, site_id, grouped.model)


def _learned(connection: Connection, site_id: int, seed: int, now_ms: int) -> dict[str, ClassModel]:
    card_id = current_cards(connection)[site_id].id
    models = {}
    for scheme in count_labels(connection, site_id):
        said = labelled_leads(connection, site_id, scheme)
        known = read_some(connection, card_id, said)
        ids = sorted(known)
        leads, accounts = [known[lead][0] for lead in ids], [known[lead][1] for lead in ids]
        try:
            models[scheme] = learn(leads, [said[lead] for lead in ids], accounts, seed=seed, now_ms=now_ms)
        except TooFewLabels:
            continue  # The page says how many are missing.
    return models


def _grouped(connection: Connection, site_id: int, seed: int, now_ms: int) -> grouping.Grouped:
    card_id = current_cards(connection)[site_id].id
    ids = grouping.drawn(seen_leads(connection, card_id))
    leads = {lead: features for lead, (features, _) in read_some(connection, card_id, ids).items()}
    before = load_groups(connection, site_id)
    return grouping.make(leads, seed=seed, now_ms=now_ms, before=before, members_before=groups_of(connection, ids))
