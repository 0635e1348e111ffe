"""Settings: keys of the sales API, for programs that work with the site's leads."""

from __future__ import annotations

from typing import Final

from flask import Response
from sqlalchemy import Connection, select

from scorer.keys import SCOPES, NewKey, add_key, list_keys, revoke_key
from scorer.models import api_keys
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render

HERE: Final = "/settings/keys"


def show(call: Call) -> Response:
    """The keys of the site."""
    return _page(call)


def make(call: Call) -> Response:
    """Make a key, and show it this once."""
    scope = next((one for one in SCOPES if one == call.form.get("scope")), None)
    if scope is None:
        raise PageRefusal(400)
    return _page(call, add_key(call.connection, call.here.id, scope, call.now_ms, actor=call.me.email))


def revoke(call: Call, key_id: str) -> Response:
    """Close a key for good."""
    if not revoke_key(call.connection, key_id, call.now_ms, actor=call.me.email):
        raise PageRefusal(409, call.gettext("The key was revoked before."))
    return redirect(HERE, toast=call.gettext("The key no longer opens anything."))


def site_of_key(connection: Connection, key_id: str) -> int | None:
    """Return the site of a key; ``None`` if there is none."""
    return connection.execute(select(api_keys.c.site_id).where(api_keys.c.id == key_id)).scalar_one_or_none()


def _page(call: Call, made: NewKey | None = None) -> Response:
    found = sorted(list_keys(call.connection, call.here.id), key=lambda one: (one.revoked_at is not None, -one.created_at))
    return render(call, "settings/keys.html", keys=found, scopes=SCOPES, made=made)


ROUTES: Final = (
    Route("GET", HERE, "keys", show, "admin"),
    Route("POST", HERE, "keys_make", make, "admin"),
    Route("POST", f"{HERE}/<key_id>/revoke", "keys_revoke", revoke, "admin", site_of=site_of_key),
)
