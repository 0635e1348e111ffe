"""The pictures of the demonstration have what it has no use for itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from scorer.demo.run import STORY_SITE
from scorer.digests import last_rows, list_digests
from scorer.resources import now_ms
from scorer.sites import found_site
from scorer.webhooks import list_attempts, list_deliveries, list_webhooks
from tests.web.demonstrated import add_outlets
from tracker.db import Database
from tracker.settings import Settings
from tracker.sites import SiteSettings


def test_a_webhook_and_a_digest_with_what_became_of_their_messages_once(tmp_path: Path, migrated_sqlite: Path) -> None:
    database = Database(Settings(data_dir=tmp_path).effective_database_url)
    shutil.copy(migrated_sqlite, str(database.engine.url.database))
    with database.writing() as connection:
        found_site(connection, STORY_SITE, SiteSettings(), now_ms())
    for _ in range(2):
        add_outlets(tmp_path)
    with database.reading() as connection:
        [webhook], [digest] = list_webhooks(connection), list_digests(connection)
        sent = list_deliveries(connection, webhook.id)
        tries = list_attempts(connection, [one.id for one in sent], "zh")
        weeks = [row.why("zh") for row in last_rows(connection, digest.id, 10)]
    database.close()
    assert [(one.state, len(tries[one.id])) for one in sent] == [("delivered", 1), ("delivered", 3), ("failed", 1)]
    assert all(one.next_at is None for one in sent), "nothing is sent by it"
    assert weeks == ["", "邮件服务器返回：552 5.2.2 mailbox full", "报平安邮件", "", ""]
