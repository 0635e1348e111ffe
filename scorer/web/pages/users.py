"""Settings: who has a part in the site."""

from __future__ import annotations

from typing import Final

from flask import Response

from scorer.core.labels import Language, pick
from scorer.labelled import LabelledError
from scorer.users import ROLES, Role, list_users
from scorer.web import staff
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.rendering import redirect, render
from scorer.web.welcome_links import make_link

HERE: Final = "/settings/users"


def show(call: Call) -> Response:
    """Everybody with a part in the site, and a form to invite somebody."""
    return _page(call)


def invite(call: Call) -> Response:
    """Give somebody a role; who is new gets a link to choose a password by, shown once."""
    language: Language = "zh" if call.form.get("language") == "zh" else "en"
    try:
        found, is_new = staff.invite(
            call.connection,
            call.here,
            call.me,
            call.form.get("email", ""),
            call.form.get("name", ""),
            _role(call),
            language,
            call.now_ms,
        )
    except LabelledError as error:
        return _page(call, 422, problem=pick(error.label, call.language))
    if is_new:
        return _page(call, link_for=found.email, link=_link(call, found.id))
    return redirect(HERE, toast=call.gettext("{email} now has a part in this site.").format(email=found.email))


def change_role(call: Call, user_id: str) -> Response:
    """Make somebody something else on this site, or nothing."""
    role = None if call.form.get("role") == staff.NONE else _role(call)
    found = staff.change_role(call.connection, call.here, call.me, user_id, role, call.now_ms)
    said = call.gettext("{email} has no part in this site any more.") if role is None else call.gettext("Saved.")
    return redirect(HERE, toast=said.format(email=found.email))


def new_link(call: Call, user_id: str) -> Response:
    """Show a link by which somebody chooses a new password."""
    found = staff.new_link(call.connection, call.here, call.me, user_id, call.now_ms)
    return _page(call, link_for=found.email, link=_link(call, found.id))


def sign_out(call: Call, user_id: str) -> Response:
    """Sign somebody out everywhere."""
    found = staff.sign_out(call.connection, call.here, call.me, user_id, call.now_ms)
    return redirect(HERE, toast=call.gettext("{email} is signed out everywhere.").format(email=found.email))


def keep_out(call: Call, user_id: str) -> Response:
    """Let somebody in no more."""
    found = staff.keep_out(call.connection, call.here, call.me, user_id, call.now_ms)
    return redirect(HERE, toast=call.gettext("{email} is signed out and kept out.").format(email=found.email))


def let_in(call: Call, user_id: str) -> Response:
    """Let somebody in again."""
    found = staff.let_in(call.connection, call.here, call.me, user_id, call.now_ms)
    return redirect(HERE, toast=call.gettext("{email} may sign in again.").format(email=found.email))


def _role(call: Call) -> Role:
    role = next((one for one in ROLES if one == call.form.get("role")), None)
    if role is None:
        raise PageRefusal(400)
    return role


def _link(call: Call, user_id: str) -> str:
    return make_link(call.connection, call.services.secret, call.services.settings.url, user_id, call.now_ms)


def _page(call: Call, status: int = 200, *, problem: str = "", link: str = "", link_for: str = "") -> Response:
    found = list_users(call.connection, call.here.id)
    return render(
        call,
        "settings/users.html",
        status,
        people=[(one, staff.is_in_the_hands_of(call.me, one)) for one in found],
        roles=ROLES,
        problem=problem,
        link=link,
        link_for=link_for,
    )


ROUTES: Final = (
    Route("GET", HERE, "users", show, "admin"),
    Route("POST", HERE, "users_invite", invite, "admin"),
    Route("POST", f"{HERE}/<user_id>/role", "users_role", change_role, "admin"),
    Route("POST", f"{HERE}/<user_id>/link", "users_link", new_link, "admin"),
    Route("POST", f"{HERE}/<user_id>/sign-out", "users_sign_out", sign_out, "admin"),
    Route("POST", f"{HERE}/<user_id>/keep-out", "users_keep_out", keep_out, "admin"),
    Route("POST", f"{HERE}/<user_id>/let-in", "users_let_in", let_in, "admin"),
)
