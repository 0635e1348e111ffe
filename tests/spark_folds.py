"""Fold an archive on Spark and from the database, in a process of its own, since it leaves a Java machine behind:
``python -m tests.spark_folds MASTER DATABASE_URL REDIS_URL ARCHIVE``. Prints as JSON what was equal."""

from __future__ import annotations

import json
import sys

from scorer.engines.spark import Spark
from scorer.learning.reading import read_snapshots
from scorer.rescoring import score_all
from scorer.simulating import simulate
from scorer.whole_history import WholeHistory
from tests.archive_samples import Archived
from tests.factories import NOW
from tests.scorer.test_simulating import with_points


def main(master: str, database_url: str, redis_url: str, archive: str) -> None:
    """Do it."""
    if master == "sail":
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer()
        server.start(background=True)
        master = "sc://{}:{}".format(*server.listening_address)
    archived = Archived(database_url, redis_url, archive)
    archived.keep()
    engine = Spark(master)
    history, site, database = WholeHistory(archived.place, engine), archived.site, archived.database
    body = with_points("pricing", 40)
    found = {"leads": len(archived.scores())}
    found["simulated"] = simulate(database, site, body, NOW, listed=1000, history=history) == simulate(
        database, site, body, NOW, listed=1000
    )
    with database.reading() as connection:
        here, there = read_snapshots(connection, site, NOW), read_snapshots(connection, site, NOW, history=history)
    found["snapshots"] = len(here)
    found["learned"] = all((here.counts[days] == there.counts[days]).all() for days in here.counts) and bool(
        (here.current == there.current).all() and (here.won == there.won).all()
    )
    scores = archived.scores()
    archived.forget_scores()
    score_all(database, site, lambda: NOW, history=history)
    found["rescored"] = archived.scores() == scores
    if not master.startswith("sc:"):
        found["executors"] = engine.session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    engine.session.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
