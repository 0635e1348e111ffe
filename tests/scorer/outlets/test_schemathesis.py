"""Requests that nobody thought of, right and wrong ones, made from the API's own description: every check of Schemathesis.

They go over HTTP to the application in this process. Schemathesis makes requests that fit the schema and such that break it
in one place. Where the schema can't say what makes sense (an id is somebody's, a scorecard is one), ``make_sense`` puts in
what does; it touches no part of a request that was broken on purpose.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
import schemathesis.engine
from flask import Flask
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events
from werkzeug.serving import make_server

from scorer.core.segment import Condition
from scorer.outlets import api
from scorer.outlets.routes import ROUTES
from scorer.outlets.shapes import time_text
from scorer.segments import add_segment
from tests.factories import DAY, NOW, World, buyer, passer_by
from tests.proposal_samples import propose
from tracker.embedded import EmbeddedServer
from tracker.queue import connect
from tracker.settings import Settings

EXAMPLES = 3
"""Made up at random for each operation, besides those that Schemathesis derives from every boundary of its schema."""
CARD = msgspec.json.decode(files("scorer.cards").joinpath("default.json").read_bytes())

CHECKS_CONFIG = {
    # 412: a made-up If-Match names no version of the lead. That is its right answer, and fits the schema.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]},
    # 410 and 412 refuse, too.
    "negative_data_rejection": {
        "expected-statuses": [
            "400",
            "401",
            "403",
            "404",
            "405",
            "406",
            "409",
            "410",
            "412",
            "413",
            "415",
            "422",
            "429",
            "5xx",
        ]
    },
}
"""All checks are on; these two are told which refusals there are besides the usual ones."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> World:
    """A company with a few leads and a segment."""
    path = tmp_path_factory.mktemp("schemathesis") / "warmtrail.db"
    shutil.copy(migrated_sqlite, path)
    world = World(f"sqlite:///{path}")
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *buyer("cleo"), *passer_by("bo")])
    with world.database.writing() as connection:
        add_segment(connection, world.nordwind.id, "everybody", Condition(field="visits", at_least=0), NOW)
    propose(world)
    return world


@pytest.fixture(scope="module")
def described(world: World, redis_server: EmbeddedServer) -> Iterator[Any]:
    """The description, bound to the application, and how it is to be tried."""
    app = Flask("schemathesis")
    unlimited = Settings(api_rate="1000000,1000000", public_url="https://leads.example.com")
    queue = connect(redis_server.start())
    app.register_blueprint(api.make_blueprint(world.database, unlimited, lambda: world.now, queue=queue))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    config = {
        "base-url": address,
        "continue-on-failure": True,
        "generation": {"deterministic": True, "max-examples": EXAMPLES, "no-shrink": True},
        "phases": {"stateful": {"max-steps": 3, "generation": {"max-examples": 3}}},
        "auth": {"openapi": {"key": {"bearer": world.nordwind.keys["chen"]}}},
        "checks": CHECKS_CONFIG,
    }

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
        make_sense(case, world)

    yield schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", config=SchemathesisConfig.from_dict(config))
    schemathesis.hooks.unregister(before_call)
    server.shutdown()
    thread.join()
    server.server_close()
    queue.close()


_numbers = count(1)


def make_sense(case: Any, world: World) -> None:
    """Put in what the schema can't say, where the request wasn't broken on purpose."""
    if case.meta is None:
        return
    right = {place for place, part in case.meta.components.items() if part.mode == GenerationMode.POSITIVE}
    if ParameterLocation.PATH in right:
        known = {"lead_id": world.nordwind.lead("anna"), "account_id": world.nordwind.account("halden.test"), "number": 1}
        known |= {"number": 2} if "/proposals/" in case.path else {}
        case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
    if ParameterLocation.QUERY in right and case.query:
        # A cursor is this program's own text, and a segment doesn't go together with other filters.
        known = {"site": "nordwind", "from": "2026-09-01", "until": "2026-11-19"}
        known |= {"segment": "everybody"} if "/reports/" in case.path else {}
        case.query = {
            name: known.get(name, value)
            for name, value in case.query.items()
            if name != "cursor" and (name != "segment" or name in known)
        }
    if ParameterLocation.HEADER in right and case.headers:
        number = next(_numbers)
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = f"request-{number}"  # Another request is to have another key.
        if "If-Match" in case.headers and number % 2:
            case.headers["If-Match"] = "*"  # A made-up tag is of no version of the lead: every second goes further.
    if ParameterLocation.BODY in right and isinstance(case.body, dict):
        sense = {"scorecard": CARD, "until": time_text(NOW + DAY)}
        # Of a webhook: what has to exist, or to be an address of the web or of mail.
        sense |= {"url": "https://hook.example/", "contact": "ada@nordwind.example", "secret": "", "segment": "everybody"}
        case.body = {name: sense.get(name, value) for name, value in case.body.items()}


def test_every_operation_keeps_its_word(described: Any) -> None:
    answered: dict[str, Counter[int]] = {}
    failures: list[str] = []
    checked: set[str] = set()
    for event in schemathesis.engine.from_schema(described).execute():
        if isinstance(event, events.ScenarioFinished):
            recorder = event.recorder
            mine = answered.setdefault(str(recorder.label), Counter())
            mine.update(one.response.status_code for one in recorder.interactions.values() if one.response)
            checked |= {check.name for checks in recorder.checks.values() for check in checks}
        elif isinstance(event, events.NonFatalError | events.FatalError):
            failures.append(str(event))
        elif isinstance(event, events.EngineFinished):
            failures += [f"{one.operation}: {one}" for one in event.failures]
    assert failures == []
    assert checked == set(CHECKS.get_all_names())
    operations = {f"{route.method} /api/v1{route.path}" for route in ROUTES}
    assert operations <= answered.keys()
    # Some want what chance doesn't give: another lead to merge, one that was merged before, the name of who has claimed it,
    # the id of something made before, whom something is kept of.
    seldom = {f"POST /api/v1/leads/{{lead_id}}/{verb}" for verb in ("merge", "unmerge", "release", "snooze")}
    # Of a proposal one or the other, and once.
    seldom |= {f"POST /api/v1/scorecards/proposals/{{number}}/{verb}" for verb in ("promote", "refuse")}
    seldom |= {"POST /api/v1/privacy/export", "POST /api/v1/privacy/erase"}
    seldom |= {one for one in operations if set(re.findall(r"{(\w+)}", one)) - {"lead_id", "account_id", "number"}}
    assert [one for one in operations - seldom if not any(answered[one][status] for status in (200, 201, 202, 204))] == []
    assert not any(answered[one][status] for one in operations for status in answered[one] if status >= 500)
