"""Which admitted events count: an ordered list of named steps, each of which may keep an event out for a labelled reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracker.core.agents import is_relay, read_agent
from tracker.core.entries import RequestInfo
from tracker.core.events import SCORING_EVENTS, Event
from tracker.core.minimising import Kept, minimal_properties, minimal_url
from tracker.core.refusals import FilterLabel
from tracker.core.urls import host_of


class SiteRules(msgspec.Struct, frozen=True):
    """What a site has chosen about who is counted."""

    respect_gpc: bool = True
    """Honour Global Privacy Control."""
    respect_dnt: bool = True
    """Honour Do Not Track."""
    kept: Kept = Kept()
    """Which parameters of addresses are kept."""
    requires_consent: bool = False
    """Count only visitors with a consent on record."""
    server_events: frozenset[str] = frozenset()
    """Names of ``track`` events, case-folded, that count only with the server key."""
    blocked_referrers: frozenset[str] = frozenset()
    """Domains in lower case, each with all its subdomains, whose visits are made up."""


class Screened(msgspec.Struct, frozen=True):
    """An event after screening: the event with its user agent read, and the label that filters it, if any."""

    event: Event
    label: FilterLabel | None


_Step = Callable[[Event, RequestInfo, SiteRules], FilterLabel | None]


def is_opted_out(info: RequestInfo, rules: SiteRules) -> bool:
    """Decide whether nothing of a request may be kept because its sender asked not to be tracked."""
    return not info.trusted and ((info.gpc and rules.respect_gpc) or (info.dnt and rules.respect_dnt))


def drop_opted_out(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``opt_out`` what a browser sent although its user asked not to be tracked."""
    return "opt_out" if is_opted_out(info, rules) else None


def drop_own_traffic(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``own_traffic`` what came from the company's own networks: staff looking at their own site."""
    return "own_traffic" if info.own_traffic else None


def drop_prefetched(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``prefetch`` what was loaded ahead of a visit that may never come."""
    return "prefetch" if info.prefetch else None


def drop_automated(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``automation`` what a remote-controlled browser admits to be."""
    return "automation" if event.context is not None and event.context.get("automation") is True else None


def drop_bots(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``bot`` what a crawler, a monitor or a script sent, told by its user agent."""
    return "bot" if read_agent(_agent_of(event, info))[1] else None


def drop_mail_clicks(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``mail_click`` every request for a link in a mail: scanners make them too. The page it led to may count."""
    return "mail_click" if info.mail_click else None


def drop_unvouched(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``unvouched`` a word on whether somebody is scored that didn't come with the server key.

    The public key stands in every page: whoever has it could take other people's customers off the list.
    """
    return "unvouched" if not info.trusted and event.name.lower() in SCORING_EVENTS else None


def drop_unproven(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``unproven`` a deed that the site's own server tells of, where somebody with the public key claims it."""
    if not rules.server_events or info.trusted:
        return None
    return "unproven" if event.name.casefold() in rules.server_events else None


def drop_referrer_spam(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``spam`` what says it came from a domain that the site has blocked: a visit made up so that somebody sees it."""
    if not rules.blocked_referrers or not event.referrer.startswith("http"):  # an app's name is written the other way round
        return None
    labels = host_of(event.referrer).rstrip(".").split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels)))
    return "spam" if any(domain in rules.blocked_referrers for domain in domains) else None


def drop_flooding(event: Event, info: RequestInfo, rules: SiteRules) -> FilterLabel | None:
    """Label ``flood`` what visitors sent who were too many new ones from one address."""
    return "flood" if info.flood else None


STEPS: Final[tuple[_Step, ...]] = (
    drop_opted_out,
    drop_own_traffic,
    drop_prefetched,
    drop_automated,
    drop_bots,
    drop_mail_clicks,
    drop_unvouched,
    drop_unproven,
    drop_referrer_spam,
    drop_flooding,
)
"""In the order in which they are asked; the first label stands."""


def screen(event: Event, info: RequestInfo, rules: SiteRules) -> Screened:
    """Decide whether *event* counts, take out what isn't to be stored (see ``tracker.core.minimising``), and add the reading
    of its user agent and whose network it came from.

    What somebody vouches for was screened before and stays as it is. Another label may fit still, by what is kept of it.
    """
    label = next((found for step in STEPS if (found := step(event, info, rules)) and found != info.vouched), None)
    if info.vouched:
        return Screened(event, label)
    agent, _ = read_agent(_agent_of(event, info))
    context = event.context
    if context is not None and ("userAgent" in context or "automation" in context):
        context = {key: value for key, value in context.items() if key not in ("userAgent", "automation")} or None
    context = add_network(context, info)
    minimal = msgspec.structs.replace(
        event,
        agent=agent,
        context=context,
        url=minimal_url(event.url, rules.kept),
        referrer=minimal_url(event.referrer, rules.kept),
        properties=minimal_properties(event.properties, rules.kept),
    )
    return Screened(minimal, label)


def add_network(context: dict[str, Any] | None, info: RequestInfo) -> dict[str, Any] | None:
    """Return *context* with the company whose network the request came from, as ``network``, if it came from one.

    A sender's own ``network`` never gets here: what is kept of a context are other fields.
    """
    return {**(context or {}), "network": info.network} if info.network else context


def _agent_of(event: Event, info: RequestInfo) -> str:
    """Return the visitor's user agent: of a program that speaks for visitors, the one it passes on, never its own."""
    passed_on = event.context.get("userAgent") if event.context is not None else None
    if isinstance(passed_on, str) and passed_on:
        return passed_on[:512]
    return "" if info.trusted or is_relay(info.agent) else info.agent
