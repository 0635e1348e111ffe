"""Who somebody is, read from the fields of a form that the site has marked to be captured."""

from __future__ import annotations

import re
from typing import Any, Final

_NAMES: Final = {
    "email": ("email", "mail", "emailaddress", "workemail", "businessemail", "youremail", "邮箱", "电子邮箱", "电子邮件"),
    "phone": (
        "phone",
        "phonenumber",
        "telephone",
        "tel",
        "mobile",
        "cell",
        "yourphone",
        "电话",
        "手机",
        "手机号",
        "联系电话",
    ),
    "firstName": ("firstname", "givenname", "vorname", "fname", "名"),
    "lastName": ("lastname", "familyname", "surname", "nachname", "lname", "姓"),
    "name": ("name", "fullname", "yourname", "contactname", "姓名", "联系人", "称呼"),
    "company": (
        "company",
        "companyname",
        "organisation",
        "organization",
        "yourcompany",
        "firma",
        "公司",
        "公司名称",
        "单位",
    ),
    "title": ("title", "jobtitle", "position", "role", "职位", "职务"),
    "industry": ("industry", "sector", "branche", "行业"),
    "country": ("country", "land", "国家"),
    "city": ("city", "town", "城市"),
    "budget": ("budget", "预算"),
    "need": ("need", "needs", "interest", "requirement", "requirements", "需求"),
    "employees": ("employees", "companysize", "teamsize", "人数", "公司规模"),
}
_TRAITS: Final = {name: trait for trait, names in _NAMES.items() for name in names}
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


def traits_of_fields(fields: Any) -> dict[str, str]:
    """Return the traits that a form's captured *fields* tell, by Segment's names; empty for anything else than fields.

    Fields are known by their usual names in English, German and Chinese, whatever their case and punctuation; others say
    nothing of a person. An e-mail address must look like one.

    >>> traits_of_fields({"Work E-Mail": "ada@halden.example ", "colour": "red"})
    {'email': 'ada@halden.example'}
    """
    if not isinstance(fields, dict):
        return {}
    told: dict[str, str] = {}
    for name, value in list(fields.items())[:50]:
        trait = _TRAITS.get("".join(letter for letter in str(name).lower() if letter.isalnum()))
        if trait is None or not isinstance(value, str) or not value.strip():
            continue
        text = value.strip()[:300]
        if trait != "email" or _EMAIL.fullmatch(text):
            told.setdefault(trait, text)
    return told
