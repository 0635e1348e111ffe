"""What is known of a lead that fit and exclusions are judged by, read from traits of many spellings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from scorer.core.amounts import Amount, amount_of
from scorer.core.people import email_company
from scorer.core.regions import country_of_name
from scorer.core.titles import BuyingRole, Position, Role, Seniority, position_of
from tracker.core.domains import registrable_domain

MAX_TEXT = 200
"""Characters that are kept of one trait."""
MAX_ENTRIES = 20
"""Entries that are read of a list."""


class Profile(msgspec.Struct, frozen=True):
    """What is known of a lead; empty where nothing is. Texts are as told, on one line, up to ``MAX_TEXT`` characters."""

    email: str = ""
    """In lower case."""
    email_domain: str = ""
    """All that follows the ``@``."""
    company_name: str = ""
    company_domain: str = ""
    """Registrable domain: told, else of the e-mail address unless that is free mail."""
    title: str = ""
    """Job title."""
    seniority: Seniority = "unknown"
    role: Role = "unknown"
    buying_role: BuyingRole = "unknown"
    industry: str = ""
    employees: Amount | None = None
    """People at the company, a number or a range; ``None`` when nobody told."""
    country: str = ""
    """ISO 3166-1 alpha-2 where the country is known by that, else as told."""
    region: tuple[str, ...] = ()
    """Region, state and city, as told."""
    budget: Amount | None = None
    """In whatever currency was told; ``None`` when nobody told."""
    need: tuple[str, ...] = ()
    """What the lead says to need: whole texts, and their parts between commas."""
    user_traits: Mapping[str, Any] = {}
    """Traits as sent; those of the company under ``company``."""


def profile_of(traits: Mapping[str, Any], company: Mapping[str, Any], country: str) -> Profile:
    """Return what is known of a lead.

    Parameters
    ----------
    traits
        What ``identify`` calls said of the person, of any JSON type. Of a nested ``company`` and ``address``, too.
    company
        What ``group`` calls said of the company; stands above what the person's traits say of it.
    country
        Code or name of the country of the visits; counts where traits tell none. Empty when unknown.

    Spelling of names doesn't matter: ``jobTitle``, ``job_title`` and ``Job Title`` are one.

    >>> profile_of({"jobTitle": "Purchasing Manager", "company": {"employees": "51-200"}}, {}, "Germany").country
    'DE'
    """
    own = _named(traits)
    told = own.get("company")
    nested: dict[str, Any] = dict(told) if isinstance(told, Mapping) else {"name": told} if texts_of(told) else {}
    known_company = {**nested, **{name: value for name, value in company.items() if value not in (None, "")}}
    firm = _named(known_company)
    places = (own, _named(own.get("address")), firm, _named(firm.get("address")))

    email = _first(own, "email", "emailaddress", "邮箱").lower()
    local, _, email_domain = email.rpartition("@")
    if not local or not email_domain or " " in email:
        email, email_domain = "", ""
    domain = _domain(_first(firm, "domain", "website", "url")) or _domain(_first(own, "companydomain", "website"))
    title = _first(own, "title", "jobtitle", "position", "jobposition", "职位", "职务")
    position = position_of(title) if title else Position()
    return Profile(
        email=email,
        email_domain=email_domain,
        company_name=_first(firm, "name", "companyname")
        or _first(own, "companyname", "organization", "organisation", "公司"),
        company_domain=domain or email_company(email),
        title=title,
        seniority=position.seniority,
        role=position.role,
        buying_role=position.buying_role,
        industry=_first(firm, "industry", "sector", "行业") or _first(own, "industry", "sector", "companyindustry", "行业"),
        employees=_employees(firm, "size", *_EMPLOYEES) or _employees(own, *_EMPLOYEES),
        country=_country(places, country),
        region=_unique(_first(place, name) for name in _PLACES for place in places),
        budget=_amount(own, *_BUDGET) or _amount(firm, *_BUDGET),
        need=_need(own),
        user_traits={**traits, "company": known_company} if known_company else traits,
    )


_EMPLOYEES = (
    "employees",
    "employeecount",
    "numberofemployees",
    "employeesnumber",
    "companysize",
    "headcount",
    "人数",
    "公司规模",
)
_BUDGET = ("budget", "projectbudget", "预算")
_PLACES = ("region", "state", "province", "city", "省份", "城市")
_NEED = ("need", "needs", "interest", "interests", "requirement", "requirements", "需求")


def trait_of(traits: Mapping[str, Any], name: str) -> object:
    """The value of a trait, named as it was sent; ``a.b`` is ``b`` within ``a``. ``None`` when there is none."""
    if name in traits:
        return traits[name]
    value: object = traits
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _named(values: object) -> dict[str, Any]:
    """The values under names without case and signs. Of two spellings the first by name that isn't empty."""
    found: dict[str, Any] = {}
    if isinstance(values, Mapping):
        for name in sorted(name for name in values if isinstance(name, str)):
            key = _plain(name)
            if found.get(key) in (None, ""):
                found[key] = values[name]
    return found


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def texts_of(value: object) -> tuple[str, ...]:
    """The texts of a trait: of a text, number or truth value one, of a list its entries', of anything else none.

    >>> texts_of(["Pumps", 5.0, True, None, {}])
    ('Pumps', '5', 'true')
    """
    entries = value[:MAX_ENTRIES] if isinstance(value, list | tuple) else [value]
    return _unique(_text(entry) for entry in entries)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.0f}" if value % 1 == 0 and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_TEXT else ""
    if not isinstance(value, str):
        return ""
    if not value.isprintable():
        # Control and direction signs would let a visitor garble the line that a salesperson reads.
        value = "".join(sign if sign.isprintable() else " " for sign in value[: 2 * MAX_TEXT])
    return " ".join(value[: 2 * MAX_TEXT].split())[:MAX_TEXT].rstrip()


def _unique(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _first(values: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = values.get(name)
        if value is not None and not isinstance(value, bool) and (found := texts_of(value)):
            return found[0]
    return ""


def _amount(values: Mapping[str, Any], *names: str) -> Amount | None:
    return next((amount for name in names if (amount := amount_of(values.get(name))) is not None), None)


def _employees(values: Mapping[str, Any], *names: str) -> Amount | None:
    # A form's empty field arrives as 0 from many systems, and nobody buys for a company without people.
    amount = _amount(values, *names)
    return amount if amount and amount.high != 0 else None


def _country(places: tuple[Mapping[str, Any], ...], seen: str) -> str:
    told = (_first(place, "country", "countrycode", "国家") for place in places)
    return next((country_of_name(name) for name in (*told, _text(seen)) if name), "")


def _need(values: Mapping[str, Any]) -> tuple[str, ...]:
    whole = [text for name in _NEED for text in texts_of(values.get(name)) if not isinstance(values.get(name), bool)]
    return _unique(part.strip() for text in whole for part in (text, *re.split(r"[,;|，；、]", text)))[: 2 * MAX_ENTRIES]


def _domain(text: str) -> str:
    host = text.lower().removeprefix("https://").removeprefix("http://").partition("/")[0].removeprefix("www.").rstrip(".")
    return registrable_domain(host)
