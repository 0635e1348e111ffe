"""``warmtrail up``: what it makes, how it refuses, how it ends, and what is there after it was killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import ExitStack

import pytest

from tests.service.conftest import MakeService
from tests.service.running import Service, free_port, is_alive, page, wait_for


def test_up_makes_all_it_needs_and_the_commands_find_it(service: Service) -> None:
    assert {"warmtrail.db", "secret_key", "valkey.run"} <= {path.name for path in service.data_dir.iterdir()}
    assert (service.data_dir / "secret_key").stat().st_mode & 0o077 == 0
    assert set(service.processes()) == {"collector", "cron", "worker drain-0", "worker care", "valkey"}
    made = json.loads(service.run("site", "add", "Nordwind", "--origin", "https://www.nordwind.example", "--json"))
    assert set(made) == {"id", "name", "write_key", "server_key"}
    api_key = service.cli_json("key", "add", "--site", "Nordwind", "--scope", "read")
    assert set(api_key) == {"id", "key"}
    assert service.post("page", page("anna", "/pricing"), made["write_key"]).json() == {"success": True}
    assert service.processed().stored == 1
    counts = {"received": 1, "stored": 1, "duplicate": 0, "filtered": 0, "dead_lettered": 0, "waiting": 0}
    assert json.loads(service.run("status", "--json")) == counts | {"sites": {"Nordwind": counts}}
    lead = service.get("/leads", api_key["key"])["data"][0]
    explained = service.cli_json("explain", lead["id"])
    assert {"lead", "as_of", "score", "points", "heat", "contributions"} <= set(explained)
    assert service.cli_json("hot", "--min-score", "0")["data"][0]["id"] == lead["id"]
    assert lead["id"] in service.cli("lead", lead["id"])
    verdicts = {finding["verdict"] for finding in service.cli_json("doctor")}
    assert verdicts == {"good"}, service.cli("doctor")


def test_a_second_one_on_the_same_address_says_why_in_a_line(service: Service, make_service: MakeService) -> None:
    for data_dir in (service.data_dir, make_service().data_dir):
        second = Service(data_dir, port=service.port)
        complaint = second.run("up", code=1).strip()
        assert complaint == f"warmtrail: WARMTRAIL_BIND: cannot listen on 127.0.0.1:{service.port}: Address already in use"
    assert service.request("GET", "/readyz").status == 200


def test_a_second_one_of_the_same_data_says_so_and_leaves_the_first_alone(service: Service) -> None:
    site = service.add_site("of one")
    complaint = Service(service.data_dir).run("up", code=1).strip()
    assert complaint == f"warmtrail: WARMTRAIL_DATA_DIR: another warmtrail up is running on {service.data_dir}"
    assert service.post("page", page("bo", "/pricing"), site.write_key).status == 200
    assert service.processed().sites["of one"].stored == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_told_to_stop_it_ends_within_five_seconds_and_what_it_took_is_there_afterwards(
    make_service: MakeService, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    service = make_service().start()
    site = service.add_site()
    everyone = [service.process.pid if service.process else 0, *service.processes().values()]
    assert len(everyone) == 6
    taken = 0
    for start in range(0, 3000, 100):
        taken += 100
        service.send([page(f"v{n % 70}", f"/p{n}", messageId=f"m{n}") for n in range(start, taken)], site.server_key)
    seconds = service.ask_to_stop(number)
    with capsys.disabled():
        print(f"\n    stopped by {signal.Signals(number).name} in {seconds:.2f} s", end=" ")
    assert seconds < 5
    assert [pid for pid in everyone if is_alive(pid)] == []
    service.start()
    assert service.processed().stored == taken
    assert "Traceback" not in service.log


def test_clients_that_wait_and_clients_that_dawdle_do_not_hold_up_the_end(make_service: MakeService) -> None:
    service = make_service().start()
    site = service.add_site()
    service.send([page("anna", "/pricing")], site.write_key)
    cursor = service.get("/changes?cursor=now", site.api_key)["next_cursor"]
    waiting = (
        f"GET /api/v1/changes?wait=25&cursor={cursor} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.api_key}\r\n\r\n"
    )
    dawdling = "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n{"
    with ExitStack() as stack:
        for text in (waiting, dawdling) * 3:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(text.encode())
        time.sleep(0.5)
        assert service.ask_to_stop() < 5
    assert "process_killed" not in service.log
    assert "Traceback" not in service.log


def test_after_the_supervisor_was_killed_the_next_one_adopts_the_queue_and_goes_on(make_service: MakeService) -> None:
    service = make_service().start()
    site = service.add_site()
    service.send([page("anna", f"/p{n}", messageId=f"a{n}") for n in range(200)], site.server_key)
    assert service.process is not None
    before = service.processes()
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    service.process = None
    valkey = before.pop("valkey")
    wait_for(lambda: not any(is_alive(pid) for pid in before.values()), 8, "children are left")
    assert is_alive(valkey)
    started = time.monotonic()
    service.start()
    assert time.monotonic() - started < 30
    assert service.processes()["valkey"] == valkey
    service.send([page("anna", f"/q{n}", messageId=f"b{n}") for n in range(200)], site.server_key)
    assert service.processed().stored == 400
    service.ask_to_stop()
    assert not is_alive(valkey)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PARTITIONS", "none", "WARMTRAIL_PARTITIONS: Expected `int`, got `str`"),
        ("WORKERS", "0", "WARMTRAIL_WORKERS must be at least 1, not 0"),
        ("BIND", "8700", "WARMTRAIL_BIND must look like 127.0.0.1:8700, not '8700'"),
        ("COLOUR", "red", "WARMTRAIL_COLOUR is not a setting; see docs/settings.md for the list"),
        ("DATABASE_URL", "mysql://here/there", "WARMTRAIL_DATABASE_URL must be sqlite:// or postgresql://, not mysql://"),
        ("SECRET_KEY_FILE", "/nowhere", "WARMTRAIL_SECRET_KEY_FILE: cannot read /nowhere: No such file or directory"),
    ],
)
def test_a_wrong_setting_ends_it_and_is_named(make_service: MakeService, name: str, value: str, complaint: str) -> None:
    assert make_service(**{name: value}).run("up", code=1).strip() == f"warmtrail: {complaint}"


def test_a_server_that_does_not_answer_ends_it_with_the_reason(make_service: MakeService) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    complaint = make_service(REDIS_URL=f"redis://{nowhere}/0").run("up", code=1)
    assert complaint.startswith("warmtrail: Redis can't be used: ")
    assert len(complaint.strip().splitlines()) == 1
    complaint = make_service(DATABASE_URL=f"postgresql://{nowhere}/none").run("up", code=1)
    assert complaint.startswith("warmtrail: The database can't be used: ")
    assert "Traceback" not in complaint
