"""What the made-up salespeople of the demonstration have done by hand, done as the web page does it."""

from __future__ import annotations

from sqlalchemy import Connection

from scorer.claims import claim
from scorer.core.decay import DAY_MS
from scorer.hot_list import Wanted, rank
from scorer.notes import add_note
from scorer.scorecards import current_cards
from tracker.sites import Site

_DONE = (
    (0, 1, 0, "Met at the trade fair: three lines to measure, and the offer has to be there before the shutdown in spring."),
    (1, 0, 3, "Called back. Wants to know whether the gateway talks to the control system they have."),
    (4, 1, 4, "Colleague in procurement decides; send the price list for both sizes."),
    (8, 0, 5, "Asked for a reference in the same industry. Sent the two cases from the site."),
)
"""Place on the hot list, which salesperson, for how many days it is claimed, and the note. The first is left for whoever
looks."""


def work(connection: Connection, site: Site, salespeople: tuple[str, str], now_ms: int) -> None:
    """Claim some of the hot leads of *site* and write notes about them, as of *now_ms*.

    *salespeople* are two. The notes are the same whoever the lead is: all of it is made up.
    """
    rows = rank(connection, current_cards(connection)[site.id], Wanted(), None, 12, now_ms).rows
    for place, number, days, text in _DONE:
        if place < len(rows):
            lead, who = rows[place].id, salespeople[number]
            if days:
                claim(connection, site, lead, who, who, now_ms, lease_ms=days * DAY_MS)
            add_note(connection, site, lead, text, who, now_ms)
