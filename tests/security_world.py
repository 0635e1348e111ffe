"""A site with one of everything that an address can name, and everybody who may or may not ask for it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import MetaData, select

from scorer import learning_models, models, outlet_models
from scorer.alerts import add_alert
from scorer.digests import subscribe
from scorer.keys import add_key, revoke_key
from scorer.outlet_models import idempotency_keys, web_sessions
from scorer.users import Role, User, add_user, set_disabled
from scorer.web.sessions import open_session
from scorer.webhooks import add_webhook
from tests.factories import World, buyer
from tests.proposal_samples import propose
from tracker import models as tracker_models
from tracker.sites import load_sites

NAME = "Nora North"
"""Of a lead of the first site: whoever reads it has seen what is that site's."""
_METADATA: tuple[MetaData, ...] = tuple(
    {id(one.metadata): one.metadata for one in (models, outlet_models, learning_models, tracker_models)}.values()
)
_KEPT_FOR_EVERYBODY = {web_sessions.name, idempotency_keys.name}
_BRACES = re.compile(r"[<{](\w+)[>}]")


class Everybody:
    """The people and keys of a world; ``ids`` has what stands in addresses, all of it of the first site."""

    def __init__(self, world: World) -> None:
        self.world = world
        here, elsewhere = world.nordwind.id, world.huadong.id
        world.feed(buyer("nora", name=NAME, email="nora@north.example", company="North", website="https://north.example"))
        world.feed(buyer("finn", name="Finn Halden", email="finn@halden.example"))
        proposal = propose(world)
        with world.database.writing() as connection:
            site, now = load_sites(connection)[here], world.now
            hook = add_webhook(connection, site, "https://hooks.example.com/a", "chen@example.com", now).webhook
            digest = subscribe(connection, site, "mail@example.com", "chen@example.com", now)
            alert = add_alert(connection, site, "mail@example.com", "chen@example.com", now)
            key = add_key(connection, here, "read", now)
            revoked = add_key(connection, here, "admin", now)
            revoke_key(connection, revoked.id, now)
        self.users: dict[str, User] = {
            "stranger": self._user("stranger", {}),
            "outsider": self._user("outsider", {elsewhere: "admin"}),
            "viewer": self._user("viewer", {here: "viewer"}),
            "mixed": self._user("mixed", {here: "viewer", elsewhere: "admin"}),
            "sales": self._user("sales", {here: "sales"}),
            "admin": self._user("admin", {here: "admin"}),
        }
        disabled = self._user("disabled", {here: "admin"})
        self.tokens = {name: self._session(user) for name, user in self.users.items()}
        self.tokens["disabled"] = self._session(disabled)
        with world.database.writing() as connection:
            set_disabled(connection, disabled.id, world.now)
        keys = world.nordwind.keys
        self.keys = {
            "no key": "",
            "unknown": "wt_AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "revoked": revoked.key,
            "read": keys["ada"],
            "sales": keys["ben"],
            "admin": keys["chen"],
        }
        self.ids = {
            "lead_id": world.nordwind.lead("nora"),
            "account_id": world.nordwind.account("north.example"),
            "webhook_id": hook.id,
            "digest_id": digest.id,
            "alert_id": alert.id,
            "key_id": key.id,
            "user_id": self.users["sales"].id,
            "site_id": str(here),
            "number": str(proposal),
            "alarm_id": "1",
            "report": "sources",
            "table": "channels",
            "token": "us_x.1.y",
        }

    def path(self, route_path: str) -> str:
        """The address of a route, with the first site's things in it."""
        return _BRACES.sub(lambda found: self.ids[found[1]], route_path)

    def contents(self) -> dict[str, list[Any]]:
        """All that is stored, but for who is signed in and which requests were answered."""
        tables = [table for one in _METADATA for table in one.sorted_tables if table.name not in _KEPT_FOR_EVERYBODY]
        with self.world.database.reading() as connection:
            return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables}

    def _user(self, name: str, roles: dict[int, Role]) -> User:
        with self.world.database.writing() as connection:
            return add_user(connection, f"{name}@example.com", name.title(), roles, self.world.now)

    def _session(self, user: User) -> str:
        with self.world.database.writing() as connection:
            return open_session(connection, user.id, "Firefox", self.world.now)
