"""Domains are shown in their own letters where nobody can be misled by that."""

from __future__ import annotations

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.core.domain_names import readable


def wire(text: str) -> str:
    """A domain as punycode has it, whatever a registry would say."""
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in text.split("."))


@pytest.mark.parametrize(
    "shown",
    [
        *("华东电机.中国", "www.华东电机.cn", "华东-2.example", "二〇.cn", "佐々木.jp", "トヨタ自動車.jp", "한국전력.kr"),
        *("bücher.example", "straße.de", "łódź.pl", "điện-lực.vn", "ελλάδα.gr", "οδος.gr", "почта.рф", "завод.ru"),
    ],
)
def test_a_domain_of_one_script_is_shown_in_it(shown: str) -> None:
    assert readable(wire(shown)) == shown


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("Cyrillic that looks Latin", "аррӏе.com"),
        ("Cyrillic that looks Latin", "сосо.com"),
        ("Greek that looks Latin", "νικον.com"),
        ("Latin and Cyrillic", "pаypal.com"),
        ("Latin and Han", "中国bank.cn"),
        ("Han and Cyrillic", "中а.cn"),
        ("kana and Hangul", "カ한.jp"),
        ("a slash", "ノノ.jp"),
        ("a hyphen of kana", "ーー.jp"),
        ("not normalised", "bu\u0308cher.example"),
        ("full width", "ａｂ中.cn"),
        ("written from right to left", "שלום.il"),
        ("written from right to left", "مثال.example"),
        ("invisible", "中\u200d国.cn"),
        ("invisible", "中\u200b国.cn"),
        ("an ideographic space", "中\u3000国.cn"),
        ("a full stop", "中。国.cn"),
        ("a symbol", "☃.example"),
        ("an emoji", "中😀.cn"),
        ("a hyphen first", "-中国.cn"),
        ("a hyphen last", "中国-.cn"),
        ("hyphens in the third and fourth place", "中国--电.cn"),
        ("an old Hangul letter", "\u1112\u1161.kr"),
        ("dotless i", "pıng.com"),
        ("a katakana dot", "ト・ヨ.jp"),
    ],
)
def test_what_could_mislead_or_may_not_be_registered_stays_as_it_goes_over_the_wire(what: str, text: str) -> None:
    assert readable(wire(text)) == wire(text), what


@pytest.mark.parametrize("text", ["", "@", "xn--", "xn--.com", "xn---", "xn--a", "xn--99999999999999999", "example.com"])
def test_what_is_no_such_domain_stays(text: str) -> None:
    assert readable(text) == text


def test_case_doesn_t_matter() -> None:
    assert readable("XN--BCHER-KVA.example") == "bücher.example"


def test_of_a_punycode_that_nobody_would_write_so_nothing_is_shown() -> None:
    assert readable("xn--abc-.com") == "xn--abc-.com", "plain letters need none"
    assert readable(f"xn--{'a' * 80}-kva.com").startswith("xn--"), "longer than a label may be"


def test_an_address_is_read_behind_its_last_at() -> None:
    assert readable("xn--fiqs8s@xn--fiqs8s") == "xn--fiqs8s@中国"


@given(st.text(max_size=80))
def test_whatever_comes_is_shown_or_left(text: str) -> None:
    assert readable(text) == text or "xn--" in text.lower()


_LETTERS = st.sampled_from("abzßéłơ中国电の々한국пожщωξς1-ーı\u0308\u200dA٣")


@given(st.text(_LETTERS, min_size=1, max_size=12))
def test_what_is_shown_is_valid_and_leads_to_the_same_domain(label: str) -> None:
    if label.isascii():
        return
    kept = wire(label)
    if readable(kept) != kept:
        assert idna.encode(readable(kept)).decode() == kept.lower()
