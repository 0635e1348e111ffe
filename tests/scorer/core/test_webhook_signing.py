"""Signatures are those that receivers' own libraries and the robots' documentation expect."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from scorer.core.webhook_signing import (
    MAX_VALID,
    OVERLAP_MS,
    RANDOM_BYTES,
    Secret,
    dingtalk_signature,
    feishu_signature,
    rotated,
    seal,
    signature,
    valid,
    write_secret,
)

NOW = int(time.time()) * 1000
OLD, NEW, OTHER = (write_secret(bytes([number]) * RANDOM_BYTES) for number in (1, 2, 3))
BODY = '{"type":"lead.entered","data":{"name":"王小明"}}'.encode()


def test_a_secret_has_at_least_24_random_bytes() -> None:
    assert RANDOM_BYTES >= 24
    assert OLD.startswith("whsec_")


def by_the_clock() -> int:
    """The time, at which the library's verifier looks, too; this module may have been loaded long before a test runs."""
    return int(time.time() * 1000)


def test_a_stock_verifier_takes_a_message_by_any_of_the_secrets() -> None:
    sealed = seal("standard", "https://hook.example/", "msg_1", BODY, [NEW, OLD], by_the_clock())
    for secret in (NEW, OLD):
        assert Verifier(secret).verify(sealed.body, sealed.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Verifier(OTHER).verify(sealed.body, sealed.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(sealed.body + b" ", sealed.headers)


def test_a_verifier_refuses_a_message_of_old() -> None:
    sealed = seal("standard", "https://hook.example/", "msg_1", BODY, [NEW], by_the_clock() - 10 * 60_000)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Verifier(NEW).verify(sealed.body, sealed.headers)


def test_the_id_stays_and_the_time_is_that_of_the_attempt() -> None:
    first, second = (seal("standard", "https://hook.example/", "msg_1", BODY, [NEW], at) for at in (NOW, NOW + 5000))
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "msg_1"
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert times == [NOW // 1000, NOW // 1000 + 5]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=200), st.text("abc_0", min_size=1, max_size=20))
def test_every_signature_is_the_library_s(key: bytes, body: bytes, name: str) -> None:
    secret = write_secret(key)
    sealed = seal("hubspot", "https://hook.example/", name, body.hex().encode(), [secret], by_the_clock())
    Verifier(secret).verify(sealed.body, sealed.headers, json_parse=False)


def test_what_is_no_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signature("whsec_!!", "msg_1", 1, b"")


def test_a_replaced_secret_goes_on_for_a_while() -> None:
    secrets = rotated([Secret(OLD)], NEW, 1000, OVERLAP_MS)
    assert secrets == [Secret(NEW), Secret(OLD, 1000 + OVERLAP_MS)]
    assert valid(secrets, 999 + OVERLAP_MS) == [NEW, OLD]
    assert valid(secrets, 1000 + OVERLAP_MS) == [NEW]


def test_a_secret_that_was_to_stop_sooner_still_does() -> None:
    secrets = rotated(rotated([Secret(OLD)], NEW, 0, 1000), OTHER, 500, 60_000)
    assert secrets == [Secret(OTHER), Secret(NEW, 60_500), Secret(OLD, 1000)]
    assert rotated(secrets, OLD, 2000, 0) == [Secret(OLD)]


def test_the_number_of_signatures_is_bounded() -> None:
    secrets = [Secret(OLD)]
    for number in range(20):
        secrets = rotated(secrets, write_secret(bytes([number]) * 24), number, 10**9)
    assert len(valid(secrets, 20)) == MAX_VALID


def test_dingtalk_s_sign_goes_into_the_address() -> None:
    """The value is what the Python example of DingTalk's documentation gives for this secret and time."""
    assert dingtalk_signature("this is secret", 1_700_000_000_000) == "sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0="
    sealed = seal("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=x", "m", b"{}", ["SECx"], 1_700_000_000_123)
    told = parse_qs(urlsplit(sealed.url).query)
    assert told["access_token"] == ["x"]
    assert told["timestamp"] == ["1700000000123"]
    assert told["sign"] == [dingtalk_signature("SECx", 1_700_000_000_123)]
    assert "webhook-signature" not in sealed.headers


def test_feishu_s_sign_goes_into_the_body() -> None:
    sealed = seal("feishu", "https://open.feishu.cn/x", "m", b'{"msg_type":"post"}', ["s"], 1_700_000_000_123)
    told = json.loads(sealed.body)
    assert told == {"timestamp": "1700000000", "sign": feishu_signature("s", 1_700_000_000), "msg_type": "post"}


@pytest.mark.parametrize("preset", ["slack", "wecom", "dingtalk", "feishu"])
def test_a_robot_without_a_secret_gets_no_signature(preset: str) -> None:
    sealed = seal(preset, "https://robot.example/send?key=1", "m", b"{}", [], NOW)  # type: ignore[arg-type]
    assert sealed.url == "https://robot.example/send?key=1"
    assert sealed.body == b"{}"
    assert "webhook-signature" not in sealed.headers
