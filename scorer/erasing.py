"""Erase a person: everything that is kept of one, at once and for good, with a record that it was done."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection, delete, func, select

from scorer.announcing import announce
from scorer.archive import erasures as archive_erasures
from scorer.auditing import note
from scorer.backup_records import backups_holding
from scorer.core.labels import Label
from scorer.core.personal_data import KEPT
from scorer.data_subjects import Asked, PrivacyError, Subject, find_subject, letters_about, searched_for
from scorer.forgetting import forget_memberships
from scorer.outlets.privacy_shapes import Certificate
from scorer.outlets.shapes import time_text
from tracker import store
from tracker.erased import note_erased
from tracker.models import dead_letters, metadata
from tracker.sites import Site

LONGEST_WHY: Final = 500
_DELETED_AT_ONCE: Final = 500


_OUTSIDE: Final = (
    Label(
        "backups made by other means, and copies of backups, until they are deleted",
        "以其他方式制作的备份及备份副本（直至删除）",
    ),
    Label("logs of proxies in front of the service", "服务前置代理的日志"),
    Label("mails, webhook receivers and CRMs that were told before", "此前已收到通知的邮件、Webhook 接收方与 CRM"),
)
_FILES_OF_POSTGRESQL: Final = Label(
    "files of PostgreSQL, until a vacuum has freed the place of old rows and others have taken it, and its archived log",
    "PostgreSQL 的数据文件（直至旧行所占空间经 vacuum 释放并被新数据覆盖）及其归档日志",
)


def copies_elsewhere(connection: Connection) -> tuple[Label, ...]:
    """Return where copies may be that no service can reach. The files of SQLite and of the queue aren't among them: they
    are cleaned, see ``scrubbing``."""
    return _OUTSIDE if connection.dialect.name == "sqlite" else (_FILES_OF_POSTGRESQL, *_OUTSIDE)


def erase(connection: Connection, site: Site, asked: Asked, actor: str, why: str, now_ms: int) -> Certificate:
    """Delete all that is kept of a person and return the record of it. Raises ``PrivacyError``.

    Events of the person that still wait in the queue, received up to *now_ms*, are counted and forgotten when they are
    drained; so are refused ones of which a text is one of the person's names, or which have such an e-mail address in them.
    The person's browser, should it come again, is somebody new. *why* is kept in the audit log and mustn't name the person.
    The caller commits.
    """
    why = why.strip()
    if not why or len(why) > LONGEST_WHY:
        raise PrivacyError(
            f"Say why in 1 to {LONGEST_WHY} characters, without naming the person: it is kept.",
            f"请用 1 到 {LONGEST_WHY} 个字符说明原因，且勿提及此人姓名：该说明会被保留。",
        )
    store.hold_off_drains(connection)
    subject = find_subject(connection, site, asked)
    before = _count(connection, subject)
    letters = [row.id for row in letters_about(connection, site, subject.names)]
    for start in range(0, len(letters), _DELETED_AT_ONCE):
        part = letters[start : start + _DELETED_AT_ONCE]
        connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(part)))
    note_erased(connection, site.id, subject.keys, searched_for(subject.names), now_ms)
    archive_erasures.ask(connection, subject.visitors, now_ms)
    store.delete_visitors(connection, subject.visitors)
    news = forget_memberships(connection, subject.visitors, now_ms)
    made = Certificate(
        id=f"er_{secrets.token_hex(8)}",
        site=site.name,
        erased_at=time_text(now_ms),
        by=actor,
        leads=list(subject.leads),
        removed={table: count for table, (count, stays) in before.items() if not stays},
        emptied={table: count for table, (count, stays) in before.items() if stays},
        refused_events=len(letters),
        backups=backups_holding(connection, now_ms),
        outside=[place.en for place in copies_elsewhere(connection)],
    )
    told = {"removed": sum(made.removed.values()), "refused_events": made.refused_events}
    note(connection, site.id, actor, "erase", made.id, why, told, now_ms)
    announce(connection, news)
    return made


def _count(connection: Connection, subject: Subject) -> dict[str, tuple[int, bool]]:
    """Rows of each table that speak of the person, and whether they stay without saying so."""
    found = {}
    for kept in KEPT:
        table = metadata.tables[kept.table]
        ids: tuple[str, ...] | tuple[int, ...] = subject.branches if kept.reach == "lead" else subject.visitors
        count = 0
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            mine = table.c[kept.column].in_(ids[start : start + _DELETED_AT_ONCE])
            count += connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
        if count:
            found[kept.table] = (count, kept.stays)
    return found
