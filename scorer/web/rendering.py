"""Templates become answers: the environment that all share, and what every page is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote

from flask import Response, g
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scorer import learning_alarms
from scorer.core import plotting
from scorer.core.domain_names import readable
from scorer.core.formats import (
    AHEAD,
    ahead,
    axis_day_text,
    clock_text,
    count_text,
    day_text,
    duration_text,
    moment_text,
    percent_text,
)
from scorer.core.labels import Language, pick
from scorer.core.observing import AT_ONCE, came_at_once
from scorer.core.one_line import standing
from scorer.core.phrases import PHRASES, Phrase, ago
from scorer.core.regions import country_label
from scorer.outlets.shapes import time_text
from scorer.web import navigation
from scorer.web.assets import asset_url
from scorer.web.call import Call
from scorer.web.translations import translations
from scorer.web.words import word

HTML_LANGUAGE: Final[dict[Language, str]] = {"en": "en", "zh": "zh-CN"}
TOAST_COOKIE: Final = "warmtrail_toast"
_TOAST_SECONDS: Final = 60
_AGO: Final[tuple[Phrase, ...]] = ("now", "minute", "minutes", "hour", "hours", "days")


@cache
def environment(language: Language) -> Environment:
    """Return the environment of a language; its templates are compiled once a process."""
    made = Environment(
        loader=PackageLoader("scorer.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=_shown,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # of the extension
    made.globals |= {
        "asset": asset_url,
        "at_once_text": pick(AT_ONCE, language),
        "came_at_once": came_at_once,
        "language": language,
        "html_language": HTML_LANGUAGE[language],
        "plotting": plotting,
        "relative_words": _relative_words(language),
        "word": lambda kind, value: word(kind, value, language),
    }
    filters: dict[str, Callable[..., object]] = {
        "count": count_text,
        "percent": percent_text,
        "duration": lambda seconds: duration_text(seconds, language),
        "readable": readable,
        "country": lambda code: country_label(code, language),
        "ms": as_ms,
        "iso": lambda at: time_text(as_ms(at)),
    }
    made.filters |= filters
    return made


def render(call: Call, template: str, status: int = 200, /, **values: Any) -> Response:
    """Return the answer made of a template and its values, with what all pages have."""
    language, now_ms, zone, routes = call.language, call.now_ms, call.zone, call.services.routes
    shared = {
        "call": call,
        "me": call.user,
        "site": call.site,
        "sites": call.sites,
        "may": call.may,
        "form_token": call.form_token,
        "main_entries": navigation.shown(navigation.MAIN, routes, call),
        "settings_entries": navigation.shown(navigation.SETTINGS, routes, call),
        "ago": lambda at: ago(as_ms(at), now_ms, language),
        "ahead": lambda at: ahead(as_ms(at), now_ms, language),
        "moment_text": lambda at: moment_text(as_ms(at), zone, language),
        "axis_day_text": lambda at, span_ms: axis_day_text(as_ms(at), span_ms, zone, language),
        "day_text": lambda at: day_text(as_ms(at), zone, language),
        "clock_text": lambda at: clock_text(as_ms(at), zone),
        "is_past": lambda at: as_ms(at) <= now_ms,
        # Read only where a whole page is made.
        "open_alarms": lambda: learning_alarms.open_alarms(call.connection, call.site.id) if call.user and call.site else [],
    }
    content = environment(language).get_template(template).render(shared | values)
    return Response(content, status, content_type="text/html; charset=utf-8")


def redirect(to: str, *, toast: str = "") -> Response:
    """Return the answer that leads to a page of ours, which then says *toast*."""
    response = Response(status=303, headers={"Location": to})
    if toast:
        secure: bool = g.get("is_secure", False)
        response.set_cookie(TOAST_COOKIE, quote(toast), max_age=_TOAST_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return response


def read_toast(kept: str) -> str:
    """Return what a cookie says that ``redirect`` has set."""
    return unquote(kept)[:500]


def as_ms(at: int | str) -> int:
    """Return a time in ms since 1970 UTC, from itself or from the text that the API has for it."""
    return at if isinstance(at, int) else round(datetime.fromisoformat(at).timestamp() * 1000)


def _shown(value: object) -> object:
    """Return what a template shows of a value: whatever a visitor has written moves or hides nothing else on the page."""
    if isinstance(value, Markup):
        # What is taken out of it is no markup, and nothing becomes markup by that.
        return Markup(standing(value))  # noqa: S704
    return standing(value) if isinstance(value, str) else value


@cache
def _relative_words(language: Language) -> Markup:
    """The words of relative times as JSON, for the script that keeps them right while a page stands."""
    words: dict[str, str] = {f"past_{name}": pick(PHRASES[name], language) for name in _AGO}
    words |= {f"ahead_{name}": pick(label, language) for name, label in AHEAD.items()}
    return Markup("{}").format(json.dumps(words, ensure_ascii=False))
