"""Clients that begin a request and don't go on hold nobody else up, and are cut off."""

from __future__ import annotations

import socket
import statistics
import time
from contextlib import ExitStack

import pytest

from tests.service.running import Keys, Service, basic, page, wait_for

MANY = 40
HALF_BODY = 'POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n%s\r\n\r\n{"batch": ['
HALF_HEAD = "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Le"


def half_sent(stack: ExitStack, port: int, text: str) -> list[socket.socket]:
    """Open many connections that send *text* and then nothing."""
    opened = []
    for _ in range(MANY):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        connection.sendall(text.encode())
        opened.append(connection)
    return opened


def test_forty_half_sent_bodies_and_forty_half_sent_heads_delay_nobody(
    service: Service, site: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    authorization = "Authorization: " + basic(site.write_key)["Authorization"]
    with ExitStack() as stack:
        began = time.monotonic()
        bodies = half_sent(stack, service.port, HALF_BODY % authorization)
        heads = half_sent(stack, service.port, HALF_HEAD)
        taken, asked = [], []
        for number in range(40):
            answer = service.post("page", page("anna", f"/p{number}"), site.write_key)
            assert answer.status == 200
            taken.append(answer.seconds)
            answer = service.request("GET", "/api/v1/leads", headers={"Authorization": f"Bearer {site.api_key}"})
            assert answer.status == 200
            asked.append(answer.seconds)
        with capsys.disabled():
            medians = 1000 * statistics.median(taken), 1000 * statistics.median(asked)
            print(f"\n    beside {2 * MANY} stuck clients: event {medians[0]:.1f} ms, list {medians[1]:.1f} ms", end=" ")
        assert statistics.median(taken) < 1
        assert statistics.median(asked) < 1
        # Those that sent half a body are told so, and the others are cut off: neither is kept for ever.
        for connection in bodies:
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
        for connection in heads:
            assert connection.recv(100)[:12] in (b"", b"HTTP/1.1 408")
        assert 8 < time.monotonic() - began < 15
    account = service.processed().sites[site.name]
    assert (account.received, account.stored) == (40, 40)


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind(service: Service, site: Keys) -> None:
    before = service.accounts().received
    with ExitStack() as stack:
        half_sent(stack, service.port, HALF_BODY % "X-Nothing: 1")
        half_sent(stack, service.port, HALF_HEAD)
    wait_for(lambda: service.request("GET", "/readyz").status == 200, 5, "not ready")
    assert service.post("page", page("bo", "/"), site.write_key).status == 200
    assert service.processed().received == before + 1
