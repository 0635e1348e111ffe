"""Find common mistakes in an installation, and say how to mend each. One module a subject: ``…_signs.py``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import redis
from sqlalchemy.exc import SQLAlchemyError

from scorer.audit_checking import audit_signs
from scorer.core.findings import Sign, Texts, sign
from scorer.core.labels import Label
from scorer.database_signs import database_signs, replica_signs
from scorer.digest_signs import digest_signs
from scorer.front_signs import address_signs, front_signs
from scorer.learning_alarms import alarm_signs
from scorer.machine_signs import machine_signs
from scorer.mail_signs import alert_signs, mail_server_signs
from scorer.process_signs import process_signs
from scorer.queue_signs import queue_signs
from scorer.resources import Resources, opened
from scorer.site_signs import access_signs, site_signs
from scorer.webhook_signs import webhook_signs
from tracker.embedded import EmbeddedError
from tracker.settings import SettingError, read_settings

_BASIC: Final = (queue_signs, database_signs, replica_signs, front_signs, process_signs)
_OF_SITES: Final = (site_signs, digest_signs, alert_signs, webhook_signs, alarm_signs, audit_signs)


def examine() -> Iterator[Sign]:
    """Yield what is found, the most basic first; stops early where the rest could not be looked at."""
    try:
        settings = read_settings()
    except SettingError as error:
        yield sign(_TEXTS, "wrong", "settings", error=error.label)
        return
    yield sign(_TEXTS, "good", "settings read")
    yield from machine_signs(settings)
    yield from address_signs(settings)
    try:
        with opened(settings) as resources:
            for look in (*_BASIC, *_OF_SITES, access_signs, mail_server_signs):
                yield from look(resources)
    except (EmbeddedError, redis.RedisError) as error:
        yield sign(_TEXTS, "wrong", "redis", error=error.label if isinstance(error, EmbeddedError) else error)
    except SQLAlchemyError as error:
        yield sign(_TEXTS, "wrong", "database", error=getattr(error, "orig", error))


def examine_running(resources: Resources, site_ids: Collection[int]) -> Iterator[Sign]:
    """Yield what is found by a process of the running service; of sites only of those named.

    Nobody is asked who may take long to answer. Raises ``redis.RedisError`` where the queue can't be asked.
    """
    yield from machine_signs(resources.settings)
    yield from address_signs(resources.settings)
    yield from queue_signs(resources)
    yield from database_signs(resources, site_ids)
    yield from process_signs(resources)
    for look in _OF_SITES:
        yield from look(resources, site_ids)


_TEXTS: Final[Texts] = {
    "settings": (
        Label("Settings: {error}", "设置：{error}"),
        Label(
            "Correct or remove the variable; docs/settings.md lists all.",
            "请更正或删除该变量；全部设置见 docs/settings.md。",
        ),
    ),
    "settings read": (Label("Settings can be read.", "可以读取设置。"), Label("")),
    "redis": (
        Label("Redis can't be used: {error}", "无法使用 Redis：{error}"),
        Label("Start it, or correct WARMTRAIL_REDIS_URL.", "请启动它，或更正 WARMTRAIL_REDIS_URL。"),
    ),
    "database": (
        Label("The database can't be used: {error}", "无法使用数据库：{error}"),
        Label("Start it, or correct WARMTRAIL_DATABASE_URL.", "请启动它，或更正 WARMTRAIL_DATABASE_URL。"),
    ),
}
