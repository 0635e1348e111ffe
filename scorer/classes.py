"""Classes of leads: what people or a learned model say each is, and how far the model is to be believed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, delete, func, select

from scorer.core.classifying import ClassModel, Reason
from scorer.labelling_by_hand import count_labels, labels_of
from scorer.learning_models import class_models, lead_classes, lead_labels
from scorer.models import leads
from tracker import bulk

By = Literal["person", "learned"]
_CLASS_COLUMNS: Final = ("lead_id", "scheme", "label", "guess", "confidence", "reasons")
UNSURE_SHOWN: Final = 10
_READ_REASONS: Final = msgspec.json.Decoder(tuple[Reason, ...]).decode


class LeadClass(msgspec.Struct, frozen=True):
    """What a lead is in a scheme."""

    scheme: str
    label: str | None
    """``None`` where the model is unsure, and nobody has said."""
    by: By | None
    """Who says so; ``None`` with the label."""
    confidence: float | None
    """Chance that the likeliest class is right; ``None`` for what people have said."""
    reasons: tuple[Reason, ...]
    """What speaks for the likeliest class."""
    said_by: str | None = None
    """The person."""


class Scheme(msgspec.Struct, frozen=True):
    """A scheme of a site."""

    name: str
    labels: dict[str, int]
    """Leads that people have given each label, the commonest first."""
    model: ClassModel | None
    """``None`` until it was learned."""
    told: dict[str, int]
    """Other leads that the model takes to be of each class."""
    untold: int
    """Other leads of which it is unsure."""


class Unsure(msgspec.Struct, frozen=True):
    """A lead that it would help most to have labelled."""

    lead_id: str
    name: str
    """Name, else address, else company; empty where none is known."""
    guess: str
    confidence: float
    margin: float


def classes_of(connection: Connection, lead_ids: Iterable[str]) -> dict[str, list[LeadClass]]:
    """Return what each of these leads is, by scheme; what people say stands above what was learned."""
    wanted = sorted(set(lead_ids))
    found: dict[str, dict[str, LeadClass]] = {}
    rows = bulk.select_where_in(connection, lead_classes, _CLASS_COLUMNS, "lead_id", wanted)
    for lead, scheme, label, _, confidence, reasons in rows:
        by: By | None = "learned" if label is not None else None
        found.setdefault(lead, {})[scheme] = LeadClass(scheme, label, by, confidence, _READ_REASONS(reasons))
    for lead, said in labels_of(connection, wanted).items():
        for one in said.values():
            found.setdefault(lead, {})[one.scheme] = LeadClass(one.scheme, one.label, "person", None, (), one.by)
    return {lead: [by_scheme[scheme] for scheme in sorted(by_scheme)] for lead, by_scheme in found.items()}


def list_schemes(connection: Connection, site_id: int) -> list[Scheme]:
    """Return the schemes of a site, by name."""
    models = load_models(connection, site_id)
    number = func.count()
    query = (
        select(lead_classes.c.scheme, lead_classes.c.label, number)
        .where(lead_classes.c.site_id == site_id)
        .group_by(lead_classes.c.scheme, lead_classes.c.label)
    )
    told: dict[str, dict[str | None, int]] = {}
    for scheme, label, count in connection.execute(query):
        told.setdefault(scheme, {})[label] = count
    found = []
    for name, labels in count_labels(connection, site_id).items():
        mine = told.get(name, {})
        said = sorted(
            ((label, count) for label, count in mine.items() if label is not None), key=lambda one: (-one[1], one[0])
        )
        found.append(Scheme(name, labels, models.get(name), dict(said), mine.get(None, 0)))
    return found


def unsure_leads(connection: Connection, site_id: int, scheme: str, limit: int = UNSURE_SHOWN) -> list[Unsure]:
    """Return the leads between whose two likeliest classes the model can decide the least: their labels would teach it most.

    Lewis and Gale, "A Sequential Algorithm for Training Text Classifiers", SIGIR 1994; by margin, as is usual for several
    classes. Excluded leads and those that have a label are left out.
    """
    said = select(lead_labels.c.lead_id).where(
        lead_labels.c.lead_id == lead_classes.c.lead_id,
        lead_labels.c.site_id == site_id,
        lead_labels.c.scheme == scheme,
    )
    query = (
        select(
            lead_classes.c.lead_id,
            leads.c.name,
            leads.c.email,
            leads.c.company_name,
            lead_classes.c.guess,
            lead_classes.c.confidence,
            lead_classes.c.margin,
        )
        .select_from(lead_classes.join(leads, leads.c.id == lead_classes.c.lead_id))
        .where(lead_classes.c.site_id == site_id, lead_classes.c.scheme == scheme)
        .where(leads.c.merged_into.is_(None), leads.c.exclusion.is_(None), ~said.exists())
        .order_by(lead_classes.c.margin, lead_classes.c.lead_id)
        .limit(limit)
    )
    return [
        Unsure(row.lead_id, row.name or row.email or row.company_name, row.guess, row.confidence, row.margin)
        for row in connection.execute(query)
    ]


def load_models(connection: Connection, site_id: int) -> dict[str, ClassModel]:
    """Return the models of a site, by scheme."""
    query = select(class_models.c.scheme, class_models.c.body).where(class_models.c.site_id == site_id)
    return {row.scheme: _read(row.body) for row in connection.execute(query.order_by(class_models.c.scheme))}


def keep_models(connection: Connection, site_id: int, models: dict[str, ClassModel]) -> None:
    """Keep what was learned of a site: these models and no others. What others have told is told no longer."""
    gone = set(load_models(connection, site_id)) - models.keys()
    for table in (class_models, lead_classes):
        connection.execute(delete(table).where(table.c.site_id == site_id, table.c.scheme.in_(gone)))
    rows = [
        (site_id, scheme, model.trained_at, msgspec.json.encode(model).decode()) for scheme, model in sorted(models.items())
    ]
    bulk.upsert(connection, class_models, rows, columns=("site_id", "scheme", "at", "body"))


@lru_cache(maxsize=64)
def _read(body: str) -> ClassModel:
    return msgspec.json.decode(body, type=ClassModel)
