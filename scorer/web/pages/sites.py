"""The sites: how their pages are joined up, whether that works, and what each has chosen."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Response
from sqlalchemy import Connection

from scorer.core.labels import pick
from scorer.ingestion import count_since, heard_of_each, last_seen
from scorer.labelled import LabelledError
from scorer.sites import found_site, set_site
from scorer.users import set_role
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.pages.profile import time_zones
from scorer.web.rendering import redirect, render
from tracker.assets import release
from tracker.dead_letters import count_letters
from tracker.site_changes import changed_settings, tidy_origin
from tracker.sites import NewSite, Site, SiteSettings, write_key_of
from tracker.snippet_settings import snippet_settings
from tracker.snippet_tags import SnippetTags, snippet_tags

HERE: Final = "/sites"
FRESH_MS: Final = 10 * 60_000
"""A site of which something came within this time is being heard of now."""
LISTS: Final = (
    *("origins", "own_networks", "strip_parameters", "keep_parameters", "download_extensions", "linked_domains"),
    *("goal_events", "lost_reasons", "server_events", "blocked_referrers"),
)
TICKS: Final = ("respect_gpc", "respect_dnt", "hash_routes", "no_ip", "requires_consent")
TEXTS: Final = (
    *("time_zone", "language", "visit_gap_minutes", "consent", "idle_seconds", "explore_percent", "observe_seconds"),
)
_SHOWN: Final = 5
_HOUR_MS: Final = 3_600_000
_LONGEST: Final = 4000


def show_all(call: Call) -> Response:
    """The sites that the user has a part in."""
    return _list(call)


def show_one(call: Call, site_id: str) -> Response:
    """One site: the tag for its pages, what is heard of it, and what it has chosen."""
    return _site(call)


def show_seen(call: Call, site_id: str) -> Response:
    """What is heard of a site at present: a part of its page, which asks again and again."""
    template = "site_seen.html" if call.is_partial else "site_seen_page.html"
    return render(call, template, **_seen(call))


def change(call: Call, site_id: str) -> Response:
    """Change settings; what makes no sense is said beside its field."""
    site, problems = call.here, {}
    assignments = [f"{name}={value}" for name, value in _told(call).items()]
    for assignment in assignments:
        try:
            changed_settings(site.settings, [assignment])
        except LabelledError as error:
            problems[assignment.partition("=")[0]] = pick(error.label, call.language)
    if problems:
        return _site(call, 422, problems)
    why = " ".join(call.form.get("why", "").split())
    try:
        set_site(call.connection, site, assignments, call.me.email, why, call.now_ms)
    except LabelledError as error:
        return _site(call, 422, {"": pick(error.label, call.language)})
    return redirect(f"{HERE}/{site.id}", toast=call.gettext("Saved. Pages take it up within a minute or so."))


def add(call: Call) -> Response:
    """Make a site, of which the user becomes administrator; its keys are shown, the secret one this once."""
    _check_is_admin(call)
    form = call.form
    settings = SiteSettings(
        origins=tuple(tidy_origin(one) for one in _lines(form.get("origins", ""))),
        time_zone=form.get("time_zone", "UTC"),
        language=form.get("language", call.language),
    )
    try:
        made = found_site(call.connection, form.get("name", "")[:_LONGEST], settings, call.now_ms, actor=call.me.email)
    except LabelledError as error:
        return _list(call, 422, pick(error.label, call.language))
    set_role(call.connection, call.me.id, made.id, "admin")
    return render(call, "site_new.html", made=made, tags=_tags(call, made, settings))


def site_of_number(connection: Connection, site_id: str) -> int | None:
    """Return the number of a site, as it stands in an address; ``None`` for what is no number."""
    return int(site_id) if site_id.isascii() and site_id.isdigit() and len(site_id) < 10 else None


def _list(call: Call, status: int = 200, problem: str = "") -> Response:
    heard = heard_of_each(call.connection)
    return render(
        call,
        "sites.html",
        status,
        known=[(site, heard.get(site.id), call.me.may("admin", site.id)) for site in call.sites],
        fresh_since=call.now_ms - FRESH_MS,
        may_add=_is_admin(call),
        zone_pairs=[(name, name.replace("_", " ")) for name in time_zones()],
        problem=problem,
    )


def _site(call: Call, status: int = 200, problems: dict[str, str] | None = None) -> Response:
    site = call.here
    told = _present(site.settings) | (_told(call) if problems else {})
    return render(
        call,
        "site.html",
        status,
        tags=_tags(call, site, site.settings),
        write_key=write_key_of(call.connection, site.id),
        told=told,
        problems=problems or {},
        zone_pairs=[(name, name.replace("_", " ")) for name in _zones_with(site.settings.time_zone)],
        **_seen(call),
    )


def _seen(call: Call) -> dict[str, object]:
    """What is heard of the site, and what may be wrong where nothing is."""
    site = call.here
    seen = last_seen(call.connection, site.id, _SHOWN)
    last_at = seen[0].received_at if seen else None
    is_fresh = last_at is not None and last_at >= call.now_ms - FRESH_MS
    return {
        "seen": seen,
        "origin": origin_of(next((one.url for one in seen if one.url), "")),
        "last_at": last_at,
        "is_fresh": is_fresh,
        "in_an_hour": count_since(call.connection, site.id, call.now_ms - _HOUR_MS),
        "refused": [one for one in count_letters(call.connection, site.id) if one.last_at >= call.now_ms - 24 * _HOUR_MS],
        "settings": site.settings,
    }


def origin_of(url: str) -> str:
    """Return scheme and host of an address; empty for one that has none.

    >>> origin_of("https://www.example.com/a?b=c")
    'https://www.example.com'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""


def _told(call: Call) -> dict[str, str]:
    """The settings as a form says them, written as ``site set`` takes them."""
    form = call.form
    told = {name: ",".join(_lines(form.get(name, ""))) for name in LISTS if name in form}
    told |= {name: form[name].strip()[:_LONGEST] for name in TEXTS if name in form}
    return told | {name: "yes" if form.get(name) == "yes" else "no" for name in TICKS}


def _present(settings: SiteSettings) -> dict[str, str]:
    """The same of the settings as they are."""
    told = {name: ",".join(getattr(settings, name)) for name in LISTS}
    told |= {name: str(getattr(settings, name)) for name in TEXTS}
    return told | {name: "yes" if getattr(settings, name) else "no" for name in TICKS}


def _lines(text: str) -> list[str]:
    """The entries of a text field, one a line or separated by commas."""
    return [one.strip() for one in text[:_LONGEST].replace(",", "\n").splitlines() if one.strip()]


def _tags(call: Call, site: Site | NewSite, settings: SiteSettings) -> SnippetTags:
    own = call.services.settings
    key = site.write_key if isinstance(site, NewSite) else write_key_of(call.connection, site.id)
    return snippet_tags(own.url, snippet_settings(settings, own.collect_prefix, key), release())


def _zones_with(name: str) -> tuple[str, ...]:
    known = time_zones()
    return known if name in known else (name, *known)


def _is_admin(call: Call) -> bool:
    return any(call.me.may("admin", site.id) for site in call.sites)


def _check_is_admin(call: Call) -> None:
    """Refuse whoever is administrator of no site."""
    if not _is_admin(call):
        raise PageRefusal(403, call.gettext("Only an administrator of a site can add another."))


ROUTES: Final = (
    Route("GET", HERE, "sites", show_all),
    Route("POST", HERE, "sites_add", add, "user"),
    Route("GET", f"{HERE}/<site_id>", "site", show_one, site_of=site_of_number),
    Route("GET", f"{HERE}/<site_id>/seen", "site_seen", show_seen, site_of=site_of_number),
    Route("POST", f"{HERE}/<site_id>", "site_change", change, "admin", site_of=site_of_number),
)
