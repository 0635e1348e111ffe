"""Changes to a site's settings as people write them: ``consent=required origins=https://a.example,https://b.example``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tracker.sites import SiteError, SiteSettings, check_settings

_YES_OR_NO: Final = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def changed_settings(settings: SiteSettings, assignments: Iterable[str]) -> SiteSettings:
    """Return *settings* with what *assignments* say, each written ``setting=value``.

    Lists are separated by commas, and nothing after the equals sign is the empty list. Raises ``SiteError`` naming what is
    no setting or makes no sense.

    >>> changed_settings(SiteSettings(), ["hash_routes=yes", "download_extensions=pdf, zip"]).download_extensions
    ('pdf', 'zip')
    """
    given: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        name = name.strip()
        if name not in SiteSettings.__struct_fields__:
            known = ", ".join(SiteSettings.__struct_fields__)
            raise SiteError(
                f"There is no setting {name!r} of a site; there are {known}.",
                f"站点没有设置 {name!r}；可用的设置：{known}。",
            )
        if not equals:
            raise SiteError(f"A setting is written like {name}=value.", f"设置须写成 {name}=值 的形式。")
        given[name] = _read(name, value.strip())
    changed = msgspec.structs.replace(settings, **given)
    check_settings(changed)
    return changed


def _read(name: str, text: str) -> Any:
    present = getattr(SiteSettings(), name)
    if isinstance(present, bool):
        if text.lower() not in _YES_OR_NO:
            raise SiteError(f"{name} is yes or no, not {text!r}.", f"{name} 须为 yes 或 no，而不是 {text!r}。")
        return _YES_OR_NO[text.lower()]
    if isinstance(present, int):
        if not text.isascii() or not text.isdigit():
            raise SiteError(f"{name} is a number, not {text!r}.", f"{name} 须为数字，而不是 {text!r}。")
        return int(text)
    if isinstance(present, tuple):
        return tuple(_tidy(name, one.strip()) for one in text.split(",") if one.strip())
    return text


def _tidy(name: str, text: str) -> str:
    if name == "origins":
        return tidy_origin(text)
    # Query parameters are told apart by case, names of hosts and files are not.
    return text.lower() if name in ("download_extensions", "linked_domains", "blocked_referrers") else text


def tidy_origin(text: str) -> str:
    """Return an origin as browsers write it: in lower case, without a slash at its end."""
    return text.rstrip("/").lower()
