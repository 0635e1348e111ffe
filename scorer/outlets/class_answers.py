"""What the sales API answers about classes and groups."""

from __future__ import annotations

from sqlalchemy import Connection

from scorer.classes import Scheme, list_schemes
from scorer.core.class_words import told_groups, told_judgement
from scorer.core.grouping import told_group
from scorer.core.labels import Language
from scorer.core.rules import Card
from scorer.groups import list_groups, load_groups
from scorer.outlets import class_shapes
from scorer.outlets.answers import Call, Reply
from scorer.outlets.shapes import time_text


def all_classes(call: Call) -> Reply:
    """The schemes and groups of the site."""
    view = call.view
    schemes = [scheme_shape(one, view.language) for one in list_schemes(call.connection, call.site_id)]
    groups = groups_shape(call.connection, call.site_id, view.card, view.language)
    return Reply(class_shapes.ClassList(schemes, groups, None))


def groups_shape(connection: Connection, site_id: int, card: Card, language: Language) -> class_shapes.Groups | None:
    """Return the groups of a site as the API shows them; ``None`` where nobody has looked for any."""
    model = load_groups(connection, site_id)
    if model is None:
        return None
    found = [
        class_shapes.LeadGroup(one.group.id, one.leads, one.won, told_group(one.group, card, language))
        for one in list_groups(connection, site_id)
    ]
    return class_shapes.Groups(time_text(model.made_at), model.verdict, told_groups(model, language), found)


def scheme_shape(scheme: Scheme, language: Language) -> class_shapes.ClassScheme:
    """Return a scheme as the API shows it."""
    names = [*scheme.labels, *(name for name in scheme.told if name not in scheme.labels)]
    labels = [class_shapes.ClassLabel(name, scheme.labels.get(name, 0), scheme.told.get(name, 0)) for name in names]
    learned = None
    if scheme.model is not None:
        judged = scheme.model.judgement
        learned = class_shapes.Learned(
            at=time_text(scheme.model.trained_at),
            verdict=judged.verdict,
            text=told_judgement(judged, language),
            examples=judged.examples,
            accuracy=judged.accuracy,
            majority=judged.majority,
            told=judged.told,
            left_out=list(judged.left_out),
        )
    return class_shapes.ClassScheme(scheme.name, labels, scheme.untold, learned)
