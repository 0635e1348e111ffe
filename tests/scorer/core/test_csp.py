"""What a Content-Security-Policy lets through, by the cases of its specification."""

from __future__ import annotations

import pytest

from scorer.core.csp import Purpose, forbidding, split_policies

PAGE = "https://www.shop.example/a"
SCRIPT = "https://t.shop.example/snippet.js"


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ("", True),
        ("img-src 'self'", True),
        ("default-src *", True),
        ("default-src 'self'", False),
        ("default-src 'none'", False),
        ("default-src 'none'; script-src https://t.shop.example", True),
        ("script-src", False),
        ("script-src https:", True),
        ("script-src http:", True),
        ("script-src wss:", False),
        ("script-src t.shop.example", True),
        ("SCRIPT-SRC T.Shop.Example", True),
        ("script-src http://t.shop.example", True),
        ("script-src https://t.shop.example:443", True),
        ("script-src https://t.shop.example:8443", False),
        ("script-src https://t.shop.example:*", True),
        ("script-src *.shop.example", True),
        ("script-src *.example", True),
        ("script-src *.t.shop.example", False),
        ("script-src shop.example", False),
        ("script-src https://t.shop.example/", True),
        ("script-src https://t.shop.example/snippet.js", True),
        ("script-src https://t.shop.example/static/", False),
        ("script-src https://t.shop.example/snippet", False),
        ("script-src 'nonce-abc'", True),
        ("script-src 'nonce-ABC'", False),
        ("script-src 'sha384-xyz'", True),
        ("script-src 'sha384-other'", False),
        ("script-src 'strict-dynamic' https://t.shop.example", False),
        ("script-src 'strict-dynamic' 'nonce-abc'", True),
        ("script-src 'unsafe-inline'", False),
        ("script-src t.shop.example; script-src 'none'", True),
        ("script-src-elem 'none'; script-src *", False),
        ("script-src 'none'; script-src-elem *", True),
        (";;  script-src   *  ;", True),
        ("script-src ://", False),
    ],
)
def test_a_policy_lets_the_script_load_or_not(policy: str, allowed: bool) -> None:
    stops = forbidding([policy], "script-src", SCRIPT, PAGE, nonce="abc", integrity="sha384-xyz")
    assert (stops == "") is allowed


@pytest.mark.parametrize(
    ("policy", "url", "page", "allowed"),
    [
        ("connect-src 'self'", "https://www.shop.example/v1/batch", PAGE, True),
        ("connect-src 'self'", "https://t.shop.example/v1/batch", PAGE, False),
        ("connect-src 'self'", "https://www.shop.example/v1", "http://www.shop.example/", True),
        ("connect-src 'self'", "http://www.shop.example/v1", PAGE, False),
        ("connect-src 'self'", "https://www.shop.example:8443/v1", PAGE, False),
        ("connect-src t.example", "http://t.example/v1", "http://a.example/", True),
        ("connect-src t.example", "http://t.example/v1", "https://a.example/", False),
        ("script-src *; default-src 'self'", "https://t.shop.example/v1", PAGE, False),
        ("script-src 'none'", "https://t.shop.example/v1", PAGE, True),
        ("connect-src http://127.0.0.1:8700", "http://127.0.0.1:8700/v1/batch", "http://127.0.0.1:3000/", True),
        ("connect-src 'nonce-abc'", "https://t.shop.example/v1", PAGE, False),
    ],
)
def test_a_policy_lets_the_snippet_send_or_not(policy: str, url: str, page: str, allowed: bool) -> None:
    assert (forbidding([policy], "connect-src", url, page, nonce="abc") == "") is allowed


def test_all_policies_must_agree_and_the_one_that_does_not_is_named() -> None:
    policies = split_policies("default-src *, script-src 'self' https://cdn.example; img-src *,")
    assert policies == ["default-src *", "script-src 'self' https://cdn.example; img-src *"]
    purposes: tuple[Purpose, ...] = ("script-src", "connect-src")
    assert [forbidding(policies, purpose, SCRIPT, PAGE) for purpose in purposes] == [
        "script-src 'self' https://cdn.example",
        "",
    ]
