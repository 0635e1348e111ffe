"""Exit 0 if a part of the service in this container does its work, 1 if not, with a line that says why.

Health check of the image, with one argument:

- a path such as ``/readyz``: it is asked of the HTTP side here, and must answer 200;
- a queue (``drain-0``, ``care``): a worker of this machine serves it, as the worker itself told the stream server;
- ``cron``: the timetable of this machine has told so within the last minute.

It reads the same settings as the service, so it is pointed at the same server.
"""

from __future__ import annotations

import http.client
import socket
import sys
from datetime import UTC, datetime, timedelta

SECONDS = 4.0
"""For all that is asked; the health check itself is ended after 5 s."""
CRON_SILENT = timedelta(seconds=60)
"""The timetable has something to do every 10 s, and tells each time."""


def main(what: str) -> str:
    """Return what is wrong with *what*; empty if nothing is."""
    return _http(what) if what.startswith("/") else _in_redis(what)


def _http(path: str) -> str:
    from tracker.settings import read_settings

    host, port = read_settings().bind_address
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (nothing is bound here)
    connection = http.client.HTTPConnection(everywhere.get(host, host), port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{path}: {error}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"{path}: {answer.status} {said}"


def _in_redis(what: str) -> str:
    import redis
    from rq import Queue, Worker
    from rq.cron import CronScheduler

    from tracker.settings import read_settings

    url, here = read_settings().redis_url, socket.gethostname()
    if url is None:
        return "WARMTRAIL_REDIS_URL is not set"
    try:
        with redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
            if what == "cron":
                heard = [one.last_heartbeat for one in CronScheduler.all(client) if one.name.startswith(f"{here}-")]
                latest = max((at for at in heard if at is not None), default=None)
                alive = latest is not None and datetime.now(UTC) - latest < CRON_SILENT
            else:
                alive = any(one.hostname == here for one in Worker.all(queue=Queue(what, connection=client)))
    except (OSError, redis.RedisError) as error:
        return f"{what}: {error}"
    return "" if alive else f"{what}: nothing of {here} serves it"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("healthy.py needs one argument: a path, a queue, or cron")
    trouble = main(sys.argv[1])
    if trouble:
        sys.exit(trouble)
