"""What the made-up salespeople of the demonstration have done by hand, done as the web page does it."""

from __future__ import annotations

from sqlalchemy import Connection

from scorer.claims import claim
from scorer.core.decay import DAY_MS
from scorer.digests import subscribe
from scorer.hot_list import Wanted, rank
from scorer.notes import add_note
from scorer.scorecards import current_cards
from tracker.sites import Site

_CLAIMED = (1, 4, 8)
"""Places on the hot list, the first being 0: the first is left for whoever looks."""
_NOTES = (
    (0, "Met at the trade fair: three lines to measure, and the offer has to be there before the shutdown in spring."),
    (1, "Called back. Wants to know whether the gateway talks to the control system they have."),
    (4, "Colleague in procurement decides; send the price list for both sizes."),
    (8, "Asked for a reference in the same industry. Sent the two cases from the site."),
)


def work(connection: Connection, site: Site, salespeople: tuple[str, ...], now_ms: int) -> None:
    """Claim some of the hot leads of *site* in turn and write notes about some, as of *now_ms*; all get the weekly mail.

    The notes are the same whoever the lead is: all of it is made up.
    """
    rows = rank(connection, current_cards(connection)[site.id], Wanted(), None, 12, now_ms).rows
    who = dict(enumerate(salespeople))
    for turn, place in enumerate(_CLAIMED):
        if place < len(rows):
            owner = who[turn % len(who)]
            claim(connection, site, rows[place].id, owner, owner, now_ms, lease_ms=(3 + turn) * DAY_MS)
    for turn, (place, text) in enumerate(_NOTES):
        if place < len(rows):
            add_note(connection, site, rows[place].id, text, rows[place].owner or who[turn % len(who)], now_ms)
    for person in salespeople:
        subscribe(connection, site, person, person, now_ms)
