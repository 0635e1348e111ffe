"""Why what a person decides about a lead can't be carried out."""

from __future__ import annotations

from scorer.core.handling import OBSTACLES, Obstacle
from tracker.core.labels import LabelledError


class DecisionError(LabelledError):
    """A decision can't be carried out; the label says why."""


class NoSuchLead(DecisionError):
    """The site has no lead with this id."""

    def __init__(self, lead: str) -> None:
        super().__init__(f"There is no lead {lead!r}.", f"没有线索 {lead!r}。")


class Taken(DecisionError):
    """Somebody else has claimed the lead."""

    def __init__(self, owner: str, until_ms: int) -> None:
        super().__init__(f"{owner} has claimed this lead.", f"该线索已被 {owner} 认领。")
        self.owner = owner
        self.until_ms = until_ms


class Stale(DecisionError):
    """The lead isn't what whoever decided had before them: somebody has changed it meanwhile."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "The lead has changed meanwhile. Look at it again, then decide.", "该线索在此期间已有变动，请重新查看后再决定。"
        )
        self.version = version
        """The lead's version now."""


def obstructed(obstacle: Obstacle) -> DecisionError:
    """Return the error of an obstacle other than ``taken``."""
    label = OBSTACLES[obstacle]
    return DecisionError(label.en, label.zh)
