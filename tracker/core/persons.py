"""Whether one browser is used by two people: who an event says its visitor is, and when that is somebody else."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from tracker.core.events import FORM_SUBMITTED, Event
from tracker.core.form_fields import traits_of_fields
from tracker.core.visits import VisitorState


class Identity(msgspec.Struct, frozen=True):
    """Who somebody is said to be; empty texts where nothing is said."""

    user_id: str = ""
    email: str = ""
    """In lower case."""

    def is_another_than(self, other: Identity) -> bool:
        """Decide whether these are two people: by the ids where both have one, else by the e-mail addresses.

        >>> Identity("7", "a@x.example").is_another_than(Identity("7", "b@x.example"))
        False
        """
        if self.user_id and other.user_id:
            return self.user_id != other.user_id
        return bool(self.email and other.email and self.email != other.email)

    def completed_by(self, other: Identity) -> Identity:
        """Return this with what only *other* knows."""
        return Identity(self.user_id or other.user_id, self.email or other.email)


NOBODY = Identity()


def identity_of(event: Event) -> Identity:
    """Return who *event* says its visitor is: its ``userId``, and the address in an identify's traits or a form's fields.

    An ``alias`` gives one person a further name and so says nothing here.
    """
    if event.kind == "alias":
        return NOBODY
    email: object = None
    if event.kind == "identify":
        email = (event.properties or {}).get("email")
    elif event.name == FORM_SUBMITTED and event.kind == "track":
        email = traits_of_fields((event.properties or {}).get("fields")).get("email")
    user_id = event.user_id if event.kind != "group" else ""
    return Identity(user_id, _email(email)) if user_id or email else NOBODY


def known_identity(state: VisitorState | None) -> Identity:
    """Return who the visitor is as far as its events have said."""
    if state is None:
        return NOBODY
    return Identity(state.user_id, _email(state.traits.get("email")))


def separate_key(key: str, identity: Identity) -> str:
    """Return the key of the visitor that a browser becomes when somebody else uses it: the same for the same two."""
    digest = blake2b(f"{identity.user_id}\n{'' if identity.user_id else identity.email}".encode(), digest_size=8)
    return f"{key[:180]}~{digest.hexdigest()}"


def browser_key(key: str, event: Event) -> str:
    """Return the key of the browser that *event*, of the visitor *key*, came from: of one that two people use, its own.

    Only the first 180 characters of it are known then.

    >>> sent = Event(message_id=b"", at=0, kind="identify", user_id="7")
    >>> browser_key(separate_key("browser", identity_of(sent)), sent), browser_key("browser", sent)
    ('browser', 'browser')
    """
    browser = key.rpartition("~")[0]
    return browser if browser and separate_key(browser, identity_of(event)) == key else key


def _email(value: object) -> str:
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if "@" in text else ""
