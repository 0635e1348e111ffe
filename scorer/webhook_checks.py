"""What a webhook may be: each part of it is checked, or refused by a ``WebhookError``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from scorer.core.webhook_addresses import UrlError, read_url
from scorer.core.webhook_signing import RANDOM_BYTES, write_secret
from scorer.core.webhook_types import KINDS, PRESETS, SECRET_OF_ROBOT, SIGNED, Preset, default_kinds
from scorer.labelled import FieldError

_MAX_NAME: Final = 100
_MAX_CONTACT: Final = 320
_MAX_SECRET: Final = 200


class WebhookError(FieldError):
    """A webhook can't be as it is asked for."""


def first_secret(preset: Preset, given: str) -> str:
    """Return the secret that a webhook of this preset begins with: made here, *given* by a robot, or empty for none."""
    given = given.strip()
    if preset in SECRET_OF_ROBOT:
        if len(given) > _MAX_SECRET or not given.isascii() or not given.isprintable():
            raise WebhookError(
                "secret", f"A secret has {_MAX_SECRET} ASCII characters at most.", f"密钥最多 {_MAX_SECRET} 个 ASCII 字符。"
            )
        return given
    if given:
        if preset in SIGNED:
            raise WebhookError("secret", "Leave it out: the secret is made here.", "请留空：密钥由系统生成。")
        raise WebhookError(
            "secret", f"Leave it out: the address of {preset} is its secret.", f"请留空：{preset} 的地址即为密钥。"
        )
    return write_secret(secrets.token_bytes(RANDOM_BYTES)) if preset in SIGNED else ""


def checked_host(url: str) -> str:
    """Return the host of an address that a webhook can have."""
    try:
        return read_url(url).host[:_MAX_NAME]
    except UrlError as error:
        raise WebhookError("url", error.label.en, error.label.zh) from None


def checked_preset(preset: str) -> Preset:
    """Return the preset."""
    if preset not in PRESETS:
        raise WebhookError("preset", f"A preset is one of {', '.join(PRESETS)}.", f"预设须为 {'、'.join(PRESETS)} 之一。")
    return preset


def checked_kinds(kinds: Sequence[str], preset: Preset) -> list[str]:
    """Return the kinds in the order of the feed's list; those of the preset where none are given."""
    if any(kind not in KINDS for kind in kinds):
        raise WebhookError("kinds", f"A kind is one of {', '.join(KINDS)}.", f"变化类型须为 {'、'.join(KINDS)} 之一。")
    return [kind for kind in KINDS if kind in (kinds or default_kinds(preset))]


def checked_contact(contact: str) -> str:
    """Return the address without space around it; empty for an empty one."""
    contact = contact.strip()
    name, at, domain = contact.rpartition("@")
    odd = len(contact) > _MAX_CONTACT or not contact.isprintable() or any(one in " ,;<>\"'()" for one in contact)
    if contact and (odd or not (name and at and "." in domain.strip("."))):
        raise WebhookError("contact", "The contact must be one e-mail address.", "联系人须为一个邮箱地址。")
    return contact


def checked_name(name: str) -> str:
    """Return the name without space around it."""
    name = name.strip()
    if len(name) > _MAX_NAME or not name.isprintable():
        raise WebhookError("name", f"At most {_MAX_NAME} characters on one line.", f"最多 {_MAX_NAME} 个字符，且不能换行。")
    return name
