"""The tables of learning: how sure a card's points make of a win, what people have labelled, and what was found in it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Identity, Index, Integer, String, Table, Text, text

from tracker.models import BigId, metadata

calibrations: Final = Table(
    "calibrations",
    metadata,
    Column("scorecard_id", Integer, ForeignKey("scorecards.id"), primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""From a card's points to the chance of a win: ``learned.Calibration`` as JSON, of any card that outcomes are known of."""

trainings: Final = Table(
    "trainings",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Column("done", Float(53), nullable=False),
    Column("scorecard_id", Integer, ForeignKey("scorecards.id")),
    Column("detail", Text, nullable=False),
    Index(None, "site_id", "id"),
)
"""Each time a card was learned or looked after: by whom, how far it is (``waiting``, ``running``, ``done``, ``failed``;
``done`` is a share), and the proposal that came of it. ``detail`` is JSON."""

learning_alarms: Final = Table(
    "learning_alarms",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("cleared_at", BigInteger),
    Column("detail", Text, nullable=False),
    Index(
        None,
        "site_id",
        sqlite_where=text("cleared_at IS NULL"),
        postgresql_where=text("cleared_at IS NULL"),
    ),
)
"""That a published card no longer ranks, or no longer tells chances, as it did. ``detail`` is JSON."""

lead_labels: Final = Table(
    "lead_labels",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("scheme", String(60), primary_key=True),
    Column("home_id", String(20), primary_key=True),
    Column("lead_id", String(20), nullable=False),
    Column("label", String(60), nullable=False),
    Column("by", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "lead_id"),
)
"""What people say a lead is in the company's own terms: one label in each scheme (product line, kind of buyer, …).
``home_id`` is the lead it was said of, ``lead_id`` the root of that lead's tree. Of several in a scheme, the latest
counts."""

class_models: Final = Table(
    "class_models",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("scheme", String(60), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""What was learned from the labels of a scheme, as JSON."""

lead_classes: Final = Table(
    "lead_classes",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("scheme", String(60), primary_key=True),
    Column("lead_id", String(20), primary_key=True),
    Column("label", String(60)),
    Column("guess", String(60), nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("margin", Float(53), nullable=False),
    Column("reasons", Text, nullable=False),
    Index(None, "lead_id"),
    Index(None, "site_id", "scheme", "label"),
    Index(None, "site_id", "scheme", "margin"),
)
"""What the other leads are taken to be; no ``label`` where that is unsure. ``guess`` is the likeliest class, ``confidence``
the chance that it is right, ``margin`` by how much that is more than of the second. ``reasons`` is JSON."""

lead_groups: Final = Table(
    "lead_groups",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("lead_id", String(20), primary_key=True),
    Column("group_id", Integer, nullable=False),
    Index(None, "site_id", "group_id"),
    Index(None, "lead_id"),
)
"""The group of leads with like behaviour that a lead is in."""

group_models: Final = Table(
    "group_models",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""The groups of a site, as JSON. Their numbers stay with them from one time to the next."""

explored_leads: Final = Table(
    "explored_leads",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("lead_id", String(20), primary_key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("share", Float(53), nullable=False),
    Index(None, "lead_id"),
    Index(None, "site_id", "until"),
)
"""Leads that were shown among the hot ones without being hot, so that more is learned than what the score believes already.
``share`` is how likely it was that this one was drawn."""

site_insights: Final = Table(
    "site_insights",
    metadata,
    Column("site_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""What is reckoned from all leads of a site now and then, so that no page has to: what deals are worth (``value``), how
long they take (``cycle``), what to recommend (``content``). ``body`` is JSON, counts and medians without a lead in it."""
