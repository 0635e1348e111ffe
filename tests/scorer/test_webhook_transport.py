"""A request goes where it may, to the address that was judged, and is over in time whatever the other side does."""

from __future__ import annotations

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scorer.core.webhook_addresses import Allowed, read_allowed
from scorer.core.webhook_signing import Sealed
from scorer.core.webhook_troubles import Trouble
from scorer.webhook_transport import MAX_ANSWER, Transport
from tests.scorer.webhook_receiver import Receiver, Reply, raw_server, receiver

HERE = read_allowed("127.0.0.1")
BODY = b'{"type":"lead.entered"}'


def transport(addresses: list[str] | None = None, *, allowed: Allowed = HERE, seconds: float = 5.0) -> Transport:
    return Transport(allowed, seconds=seconds, resolve=lambda host, port: addresses or ["127.0.0.1"])


def request(url: str) -> Sealed:
    return Sealed(url, {"Content-Type": "application/json", "webhook-id": "msg_1"}, BODY)


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_a_message_arrives_with_the_receiver_s_own_name(here: Receiver) -> None:
    answer = transport().post(request(here.url))
    assert (answer.status, answer.trouble) == (204, None)
    [came] = here.came
    assert (came.path, came.body) == ("/in?x=1", BODY)
    assert came.headers["host"] == f"hook.test:{here.port}"
    assert came.headers["webhook-id"] == "msg_1"


def test_an_answer_is_told_as_far_as_it_counts(here: Receiver) -> None:
    here.answer = lambda _: Reply(503, {"Retry-After": "120"}, b"x" * (MAX_ANSWER * 3))
    answer = transport().post(request(here.url))
    assert (answer.status, answer.retry_after, len(answer.body)) == (503, "120", MAX_ANSWER)


def test_a_redirect_is_not_followed(here: Receiver) -> None:
    here.answer = lambda _: Reply(307, {"Location": here.url})
    assert transport().post(request(here.url)).status == 307
    assert len(here.came) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_nothing_is_sent_into_the_own_network(here: Receiver, address: str) -> None:
    answer = transport([address], allowed=Allowed()).post(request(here.url))
    assert answer.status is None
    assert answer.trouble is not None
    assert answer.trouble.reason.startswith("address_")
    assert here.came == []


def test_one_address_of_our_own_among_several_is_enough_to_refuse(here: Receiver) -> None:
    answer = transport(["8.8.8.8", "10.0.0.1"], allowed=Allowed()).post(request(here.url))
    assert answer.trouble == Trouble("address_private", "10.0.0.1")


def test_the_name_is_resolved_once_and_the_address_judged_is_the_one_connected_to(here: Receiver) -> None:
    """A name that means another address at the next look gets nowhere."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert Transport(HERE, resolve=resolve).post(request(here.url)).status == 204
    assert asked == ["hook.test"]


def test_an_address_in_numbers_of_another_kind_is_judged_by_what_it_means() -> None:
    answer = Transport(Allowed()).post(request("http://2130706433/"))
    assert answer.status is None
    assert answer.trouble in (Trouble("address_loopback", "127.0.0.1"), Trouble("not_resolved", "2130706433"))


def test_the_next_address_is_tried_where_nobody_listens(here: Receiver) -> None:
    allowed = read_allowed("127.0.0.0/8")
    assert transport(["127.0.0.9", "127.0.0.1"], allowed=allowed).post(request(here.url)).status == 204


def test_nobody_there_is_told() -> None:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = transport().post(request(f"http://hook.test:{port}/"))
    assert (answer.status, answer.trouble) == (None, Trouble("connection_refused"))


def test_a_name_that_cannot_be_resolved_is_told() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError

    answer = Transport(HERE, resolve=resolve).post(request("https://nowhere.test/"))
    assert answer.trouble == Trouble("not_resolved", "nowhere.test")


def test_a_receiver_that_hangs_is_left_in_time(here: Receiver) -> None:
    here.answer = lambda _: Reply(seconds=30)
    begun = time.monotonic()
    answer = transport(seconds=0.3).post(request(here.url))
    assert (answer.status, answer.trouble) == (None, Trouble("timeout", "0"))
    assert time.monotonic() - begun < 2


def _drip(connected: socket, stop: threading.Event) -> None:
    connected.recv(65536)
    connected.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.is_set():
        connected.sendall(b"X-Slow: 1\r\n")
        stop.wait(0.02)


def test_a_receiver_that_drips_is_left_in_time() -> None:
    """Each read succeeds: only the time for all of it ends this."""
    with raw_server(_drip) as port:
        begun = time.monotonic()
        answer = transport(seconds=0.3).post(request(f"http://hook.test:{port}/"))
        assert answer.status is None
        assert time.monotonic() - begun < 2


def test_one_that_drips_in_the_middle_of_tls_is_left_in_time() -> None:
    def hang(_: socket, stop: threading.Event) -> None:
        stop.wait(5)

    with raw_server(hang) as port:
        begun = time.monotonic()
        assert transport(seconds=0.3).post(request(f"https://hook.test:{port}/")).status is None
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "said", [b"", b"220 smtp ready\r\n", b"HTTP/1.1 200"], ids=["nothing", "another protocol", "a half"]
)
def test_what_is_no_answer_is_told(said: bytes) -> None:
    def speak(connected: socket, _: threading.Event) -> None:
        connected.recv(65536)
        connected.sendall(said)

    with raw_server(speak) as port:
        answer = transport().post(request(f"http://hook.test:{port}/"))
    if answer.status is None:
        assert answer.trouble is not None
        assert answer.trouble.reason in ("broken", "unreadable")
    else:
        assert answer.status == 200


def test_a_broken_address_is_told() -> None:
    assert transport().post(request("ftp://hook.test/")).trouble == Trouble("address_unreadable")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for hook.test that only who trusts itself trusts, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def test_tls_checks_the_name_and_not_the_address(certificate: tuple[Path, Path]) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*certificate)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    names: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: names.append(name)
    with receiver(served) as here:
        trusting = Transport(HERE, resolve=lambda host, port: ["127.0.0.1"], trust=trust)
        assert trusting.post(request(here.url)).status == 204
        other = trusting.post(request(here.url.replace("hook.test", "other.test")))
        assert other.trouble == Trouble("certificate_of_another")
        strict = Transport(HERE, resolve=lambda host, port: ["127.0.0.1"]).post(request(here.url))
        assert (strict.status, strict.trouble) == (None, Trouble("certificate_untrusted"))
        assert len(here.came) == 1
    assert names == ["hook.test", "other.test", "hook.test"]
