"""Patterns with ``*``, paths as they see them, and topics read off paths."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.globs import Globs, TopicCapture, address_key, file_name, page_path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/Pricing/", "/pricing"),
        ("https://example.com", "/"),
        ("https://example.com?x=https://other.com/pricing", "/"),
        ("https://example.com/a?b#c", "/a"),
        ("/docs/", "/docs"),
        ("docs", "/docs"),
        ("", "/"),
        ("https://example.com/%E4%BB%B7%E6%A0%BC", "/价格"),
        ("https://example.com/价格", "/价格"),
        ("https://example.com/app?x=1#/Pricing?y=2", "/pricing"),
        ("https://example.com/#!/pricing", "/pricing"),
        ("https://example.com/%FF%zz", "/\ufffd%zz"),
    ],
)
def test_path_of_a_page(url: str, path: str) -> None:
    assert page_path(url) == path
    assert page_path(address_key(url)) == path


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/pricing", "/pricing", True),
        ("/Pricing", "/pricing", True),
        ("/pricing", "/pricing/x", False),
        ("/pricing*", "/pricing/x", True),
        ("*.pdf", "/a/b.pdf", True),
        ("*.pdf", "/a/b.pdfx", False),
        ("*/price*", "/en/price-list", True),
        ("*/price*", "/en/prime", False),
        ("/a*b*c", "/a--b--c", True),
        ("/a*b*c", "/a--c--b", False),
        ("ab*ba", "aba", False),
        ("*a*a*", "-a-", False),
        ("*", "", True),
        ("**", "anything", True),
        ("/a?[b]", "/a?[b]", True),
        ("*%E4%BB%B7*", "/价格", True),
    ],
)
def test_glob(pattern: str, text: str, matches: bool) -> None:
    assert Globs([pattern])(text) is matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_globs_mean_what_a_regular_expression_would(pattern: str, text: str) -> None:
    expression = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    assert Globs([pattern])(text) is (re.fullmatch(expression, text) is not None)


def test_no_patterns_match_nothing() -> None:
    assert not Globs([])("/a")


def test_a_hostile_pattern_on_a_hostile_address_takes_no_time() -> None:
    globs = Globs(["*a" * 99 + "*b"])
    began = time.perf_counter()
    assert not globs("a" * 2000)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    ("pattern", "path", "topic"),
    [
        ("*/products/{topic}*", "/en/products/pump-x200.html", "pump-x200"),
        ("*/products/{topic}*", "/products/pumps/x200", "pumps"),
        ("*/products/{topic}", "/products/pumps/x200", None),
        ("*/products/{topic}", "/products/pumps", "pumps"),
        ("/products/{topic}*", "/en/products/pumps", None),
        ("*/products/{topic}*", "/products", None),
        ("*/products/{topic}*", "/products/index.html", None),
        ("*/产品/{topic}*", "/产品/离心泵", "离心泵"),
    ],
)
def test_topic_read_off_a_path(pattern: str, path: str, topic: str | None) -> None:
    assert TopicCapture(pattern)(path) == topic


@pytest.mark.parametrize("pattern", ["/a", "/a{topic}", "/{topic}/b", "/a*/{topic}"])
def test_a_topic_pattern_that_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"topic|pattern"):
        TopicCapture(pattern)


def test_file_name_of_an_address() -> None:
    assert file_name("https://example.com/dl/Price%20List.PDF?v=2") == "price list.pdf"
