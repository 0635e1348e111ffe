"""Shynet as a peer: Django, as its own `webserver.sh` and `celeryworker.sh` start it."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import redis

from bench.peers_systems import SERVER_CORE, Running, Stores, System, database_parts, free_port, given
from bench.processes import running

VARIABLE: Final = "WARMTRAIL_BENCH_SHYNET"
COMMIT: Final = "ca35caba3af2b888acc990b99152c500a1c44461"
HOW: Final = (
    f"Shynet: `--shynet FOLDER`, a checkout of github.com/milesmcc/shynet (measured at {COMMIT[:8]}) with its dependencies "
    "in `FOLDER/.venv`; its location files, if any, by its own MAXMIND_CITY_DB and MAXMIND_ASN_DB."
)
_SERVICE: Final = uuid.UUID(int=7)
_FOUND: Final = f"""
from core.models import Service, User
user = User.objects.create_superuser("bench", email="bench@example.com", password="bench")
Service.objects.create(uuid="{_SERVICE}", name="bench", owner=user)
"""


def systems() -> list[System]:
    """Return Shynet in both forms that it documents. Raises ``Absent``."""
    folder = given(VARIABLE, (".venv/bin/gunicorn", ".venv/bin/celery", "shynet/manage.py"), HOW)

    @contextmanager
    def start(found: Stores, celery: bool) -> Iterator[Running]:
        program, port = folder / "shynet", free_port()
        environ = _environ(found, celery)
        for arguments in (["migrate", "--verbosity=0"], ["shell", "-c", _FOUND]):
            command = [str(folder / ".venv/bin/python"), "manage.py", *arguments]
            subprocess.run(command, cwd=program, env={**os.environ, **environ}, check=True)
        serve = [str(folder / ".venv/bin/gunicorn"), "shynet.wsgi:application", "--chdir", str(program)]
        serve += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--timeout", "100", "--log-level", "error"]
        work = [str(folder / ".venv/bin/celery"), "--workdir", str(program), "-A", "shynet", "worker", "-E"]
        work += ["--loglevel=ERROR", "--concurrency=3"]
        ready = f"http://127.0.0.1:{port}/healthz/?format=json"
        with ExitStack() as stack:
            programs = [stack.enter_context(running(serve, SERVER_CORE, ready, environ))]
            if celery:
                programs.append(stack.enter_context(running(work, SERVER_CORE, ready, environ)))
            load = {"PEER": "shynet", "PEER_PATH": f"/ingress/{_SERVICE}/script.js"}
            client = stack.enter_context(redis.Redis.from_url(found.valkey))
            yield Running(
                port,
                load,
                programs,
                stored=lambda: found.count("SELECT count(*) FROM analytics_hit"),
                waiting=lambda: client.llen("celery") + client.hlen("unacked"),
            )

    return [
        System("Shynet, work in the request (its default)", lambda found, _: start(found, False)),
        System("Shynet, Celery of 3", lambda found, _: start(found, True)),
    ]


def _environ(found: Stores, celery: bool) -> dict[str, str]:
    parts = {f"DB_{name.upper()}": value for name, value in database_parts(found.database).items()}
    socket = found.valkey.removeprefix("unix://")
    queue = {
        "CELERY_TASK_ALWAYS_EAGER": "False",
        "CELERY_BROKER_URL": f"redis+socket://{socket}",
        "REDIS_CACHE_LOCATION": f"unix://{socket}?db=1",
    }
    return {
        **parts,
        **(queue if celery else {}),
        "DJANGO_SECRET_KEY": "bench",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "CSRF_TRUSTED_ORIGINS": "http://127.0.0.1",
        "SCRIPT_USE_HTTPS": "False",
        "TIME_ZONE": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
