"""What the documentation tells people to copy runs, against the real application over HTTP."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from scorer.outlets import api
from tests.conftest import give_up
from tests.factories import World, buyer, passer_by
from tracker.settings import Settings

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = FENCED.findall(PAGE.partition("\n## Examples\n")[2].partition("\n## ")[0])
BASH, JS, PYTHON = ([text for kind, text in EXAMPLES if kind == language] for language in ("bash", "js", "python"))


class Served:
    """The application of two companies on a port, and programs that ask it."""

    def __init__(self, world: World, port: int, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.environ = {
            **os.environ,
            "WARMTRAIL_URL": f"http://127.0.0.1:{port}",
            "WARMTRAIL_KEY": world.nordwind.keys["ben"],
        }
        self.environ["PYTHONPATH"] = str(ROOT)

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environ, cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def node(self, program: str) -> str:
        if shutil.which("node") is None:
            give_up("Node.js is not installed")
        (self.folder / "example.mjs").write_text(program, encoding="utf-8")
        return self.run("node", "example.mjs")

    def bash(self, program: str) -> str:
        if shutil.which("curl") is None:
            give_up("curl is not installed")
        return self.run("bash", "-euc", program)


@pytest.fixture
def served(migrated_sqlite_url: str, tmp_path: Path) -> Iterator[Served]:
    world = World(migrated_sqlite_url)
    world.feed([*buyer("anna", name="Anna Berg", email="anna@halden.test"), *passer_by("bo")])
    app = Flask("examples")
    app.register_blueprint(api.make_blueprint(world.database, Settings(), lambda: world.now))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(world, server.port, tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


def test_there_are_examples_in_three_languages() -> None:
    assert (len(BASH), len(JS), len(PYTHON)) == (2, 2, 1)


def test_curl_lists_and_claims_once(served: Served) -> None:
    anna = served.world.nordwind.lead("anna")
    assert anna in served.bash(BASH[0])
    answers = [served.bash(BASH[1]) for _ in range(2)]
    assert answers[0] == answers[1]
    assert '"owner":"ben@example.com"' in answers[0]
    told = served.world.client().get("/api/v1/changes?limit=200").get_json()["data"]
    assert [one["kind"] for one in told].count("claimed") == 1


def test_javascript_tells_each_change_once_over_several_runs(served: Served) -> None:
    first = served.node(JS[0])
    assert "entered Anna Berg" in first
    assert served.node(JS[0]) == ""
    served.world.feed(buyer("cleo"))
    later = served.node(JS[0])
    assert "entered" in later
    assert "Anna Berg" not in later
    theirs = served.world.client("ada", served.world.huadong).get("/api/v1/changes?cursor=now").get_json()
    (served.folder / "warmtrail-cursor.txt").write_text(theirs["next_cursor"])
    assert served.world.nordwind.lead("cleo") in served.node(JS[0])  # all that is hot, after a cursor that isn't good


def test_javascript_says_that_a_deal_was_won(served: Served) -> None:
    assert served.node(JS[1]) == "won\n"
    lead = served.world.client().get(f"/api/v1/leads/{served.world.nordwind.lead('anna')}").get_json()
    assert lead["status"] == "won"


def test_python_lists_counts_and_claims(served: Served) -> None:
    told = served.run(sys.executable, "-c", PYTHON[0])
    assert "Anna Berg" in told
    assert "visitors: 2" in told
    lead = served.world.client().get(f"/api/v1/leads/{served.world.nordwind.lead('anna')}").get_json()
    assert lead["owner"] == "ben@example.com"


def test_the_example_of_following_keeps_what_is_hot(served: Served) -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    (program,) = [text for kind, text in FENCED.findall(page) if "def resync" in text]
    once = program.replace("handle, resync)", "handle, resync, wait_seconds=0, go_on=lambda: len(hot) < 1)")
    assert once != program
    assert served.run(sys.executable, "-c", once + "print(*hot)").split() == [served.world.nordwind.lead("anna")]
    assert (served.folder / "warmtrail-cursor.json").exists()
