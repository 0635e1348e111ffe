"""Making links for mails: signed, and good for the one lead that the mail goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from scorer.resources import Resources
from tracker.core.mail_links import LIFETIME_DAYS, LinkError, clean_target, link_id_of, sign

DAY_MS: Final = 86_400_000
MAX_DAYS: Final = 3650


class LinkMaker(msgspec.Struct, frozen=True):
    """What links are made with. The same wherever the service's address and secret are the same."""

    address: str
    """Where the collector answers clicks: ``https://leads.example.com/v1/go/``."""
    secret: bytes


class MadeLink(msgspec.Struct, frozen=True):
    """A link to put into a mail."""

    link: str
    id: str
    lead: str
    url: str
    """Where it leads, as browsers are sent there."""
    campaign: str
    expires_at: int
    """Milliseconds since 1970 UTC."""


def link_maker(resources: Resources) -> LinkMaker:
    """Return what this service makes links with."""
    settings = resources.settings
    return LinkMaker(f"{settings.url}{settings.collect_prefix}/go/", resources.secret)


def make_link(
    maker: LinkMaker,
    site_id: int,
    lead_id: str,
    url: str,
    campaign: str,
    now_ms: int,
    *,
    days: float = LIFETIME_DAYS,
    link_id: str | None = None,
) -> MadeLink:
    """Return a link to *url* for the mail to a lead of a site, good for *days* from *now_ms*.

    The same page in the same campaign is the same link, however often it is sent: it earns its points once. Give a
    *link_id* of your own (1 to 64 letters, digits, ``-`` or ``_``) to tell two of them apart. Raises ``LinkError`` saying
    what is wrong.
    """
    if not 0 < days <= MAX_DAYS:
        raise LinkError(
            f"A link is good for up to {MAX_DAYS} days, not {days:g}.",
            f"链接的有效期最长 {MAX_DAYS} 天，而不是 {days:g} 天。",
        )
    target, campaign = clean_target(url), campaign.strip()
    name = link_id if link_id is not None else link_id_of(lead_id, target, campaign)
    expires_at = now_ms + round(days * DAY_MS)
    token = sign(maker.secret, site_id, lead_id, target, campaign, expires_at, name)
    return MadeLink(maker.address + token, name, lead_id, target, campaign, expires_at)


def tracker_for(
    maker: LinkMaker, site_id: int, lead_id: str, campaign: str, now_ms: int, *, days: float = LIFETIME_DAYS
) -> Callable[[str], str]:
    """Return a function from a page's address to the link for one recipient's copy of a mail.

    For templates of mail merges: with Jinja, ``template.render(track=tracker_for(…))`` and in the text
    ``<a href="{{ track('https://www.example.com/pricing') }}">``.
    """

    def track(url: str) -> str:
        return make_link(maker, site_id, lead_id, url, campaign, now_ms, days=days).link

    return track
