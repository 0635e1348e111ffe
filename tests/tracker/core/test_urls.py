"""Addresses as visitors send them: what is kept is clean, bounded and safe to read again."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.core.urls import MAX_URL, campaign_of, clean_link, clean_referrer, clean_url, host_of

NASTY = (
    st.text(max_size=60)
    | st.text(alphabet="htps:/?#@[]!\\.%a\t\n 1", max_size=40)
    | st.tuples(
        st.sampled_from(
            ["http://", "https://", "HTTPS://", "//", "/", "javascript:", "mailto:", "data:", "http:/", "https:"]
        ),
        st.text(alphabet="a.b:@/#?[]%!= \u2100é", max_size=30),
    ).map("".join)
)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        pytest.param("https://shop.example/a?b=1", "https://shop.example/a?b=1", id="as it is"),
        pytest.param("  https://shop.example/  ", "https://shop.example/", id="blanks around it"),
        pytest.param("https://shop.example", "https://shop.example", id="no path"),
        pytest.param("HTTPS://shop.example/A", "https://shop.example/A", id="scheme in capitals"),
        pytest.param("https://shop.example/a#part", "https://shop.example/a", id="a fragment goes"),
        pytest.param("https://shop.example/a#/pricing", "https://shop.example/a#/pricing", id="a route of a script stays"),
        pytest.param("https://shop.example/a#!/pricing", "https://shop.example/a#!/pricing", id="an old route stays"),
        pytest.param("https://me:secret@shop.example/a", "https://shop.example/a", id="name and password go"),
        pytest.param("https://a@b@shop.example/", "https://shop.example/", id="two at signs"),
        pytest.param("https://shop.example/@ada", "https://shop.example/@ada", id="an at sign in the path stays"),
        pytest.param("/pricing?x=1", "/pricing?x=1", id="a path"),
        pytest.param("/pricing?x=1#top", "/pricing?x=1", id="a path with a fragment"),
        pytest.param("/pricing #top", "/pricing", id="a blank before the fragment"),
        pytest.param("https://例子.example/定价", "https://例子.example/定价", id="Chinese"),
        pytest.param("https://[::1]:8080/a", "https://[::1]:8080/a", id="IPv6"),
        pytest.param("https://shop.example/" + "a" * 3000, ("https://shop.example/" + "a" * 3000)[:MAX_URL], id="long"),
        pytest.param(
            "https://u@shop.example/" + "a" * 3000, ("https://shop.example/" + "a" * 3000)[:MAX_URL], id="long, named"
        ),
        pytest.param("//evil.example/a", None, id="another host without a scheme is no path"),
        pytest.param("//evil.example/a#b", None, id="the same with a fragment"),
        pytest.param("https://", None, id="no host"),
        pytest.param("https:///a", None, id="no host but a path"),
        pytest.param("https://?a=1", None, id="no host but a query"),
        pytest.param("https://:80/", None, id="no host but a port"),
        pytest.param("https://:80/#a", None, id="no host but a port and a fragment"),
        pytest.param("https://me@/a", None, id="no host but a name"),
        pytest.param("https://[::1/#a", None, id="an open bracket"),
        pytest.param("javascript:alert(1)", None, id="a script"),
        pytest.param("data:text/html,x", None, id="data"),
        pytest.param("file:///etc/passwd", None, id="a file"),
        pytest.param("about:blank", None, id="about"),
        pytest.param("shop.example/a", None, id="no scheme"),
        pytest.param("?a=1", None, id="a query alone"),
        pytest.param("#/pricing", None, id="a fragment alone"),
        pytest.param("", None, id="empty"),
        pytest.param(" \t\n", None, id="blank"),
    ],
)
def test_a_page_address_is_kept_like_this(url: str, kept: str | None) -> None:
    assert clean_url(url) == kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("mailto:sales@shop.example", "mailto:sales@shop.example"),
        ("  TEL:+4930123 ", "TEL:+4930123"),
        ("blob:https://shop.example/1-2", "blob:"),
        ("DATA:text/csv;base64,QUJD", "data:"),
        ("https://shop.example/file.pdf#page=2", "https://shop.example/file.pdf"),
        ("/file.pdf", "/file.pdf"),
        ("javascript:void(0)", None),
        ("vbscript:x", None),
        ("mailto", None),
        ("", None),
    ],
)
def test_a_link_target_is_kept_like_this(url: str, kept: str | None) -> None:
    assert clean_link(url) == kept


@given(NASTY)
def test_a_kept_address_is_bounded_names_nobody_and_runs_no_script(url: str) -> None:
    kept = clean_url(url)
    if kept is not None:
        assert 0 < len(kept) <= MAX_URL
        assert kept.startswith(("http://", "https://", "/"))
        assert not kept.startswith("//")
        with suppress(ValueError):  # Some can't be split: whoever reads a kept address must expect that.
            assert urlsplit(kept).username is None


@given(NASTY)
@example("HTTP:// #")  # a host of nothing but a space
def test_cleaning_twice_is_cleaning_once(url: str) -> None:
    kept = clean_url(url)
    assert kept is None or clean_url(kept) == kept


@given(NASTY)
def test_no_address_stops_a_reader(url: str) -> None:
    for reader in (host_of, campaign_of, clean_link):
        reader(url)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("url", "campaign"),
    [
        ("https://shop.example/", ()),
        ("https://shop.example/?utm_source=news&utm_campaign=spring&x=1", (("name", "spring"), ("source", "news"))),
        ("https://shop.example/?utm_source=&utm_medium=mail", (("medium", "mail"),)),
        ("https://shop.example/?utm_term=%E6%98%A5", (("term", "春"),)),
        ("https://shop.example/?utm_content=" + "a" * 500, (("content", "a" * 200),)),
        ("https://shop.example/?utm_unknown=1", ()),
        ("/path?utm_source=a&utm_source=b", (("source", "b"),)),
        ("https://[::1/?utm_source=a", ()),
    ],
)
def test_a_campaign_is_read_from_an_address(url: str, campaign: tuple[tuple[str, str], ...]) -> None:
    assert campaign_of(url) == campaign


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        pytest.param("https://me:pw@blog.example/post#c", "https://blog.example/post", id="a page"),
        pytest.param("/pricing", "/pricing", id="a path"),
        pytest.param("android-app://com.google.android.gm/", "android-app://com.google.android.gm/", id="an app"),
        pytest.param("android-app://com.google.android.gm", "android-app://com.google.android.gm/", id="without its slash"),
        pytest.param(" Android-App://COM.Tencent.MM/ ", "android-app://com.tencent.mm/", id="in capitals"),
        pytest.param("android-app://com.a.b/https/a.example/?q=ill", "android-app://com.a.b/", id="what an app opened goes"),
        pytest.param("android-app://com.a.b?q=ill#x", "android-app://com.a.b/", id="query and fragment go"),
        pytest.param("android-app://com.a.b/\n\x00", "android-app://com.a.b/", id="control characters behind it go"),
        pytest.param(f"android-app://com.{'a' * 219}/", f"android-app://com.{'a' * 219}/", id="as long as Android allows"),
        pytest.param(f"android-app://com.{'a' * 220}/", "", id="too long"),
        pytest.param("android-app://reader/", "", id="an id has two parts"),
        pytest.param("android-app://com..reader/", "", id="none of them empty"),
        pytest.param("android-app://com.7reader/", "", id="each beginning with a letter"),
        pytest.param("android-app://com.a\nb/", "", id="a line break in it"),
        pytest.param("android-app://com.例子/", "", id="letters that no id has"),
        pytest.param("android-app://me@com.a.b/", "", id="a user"),
        pytest.param("android-app://com.a.b:80/", "", id="a port"),
        pytest.param("android-app:com.a.b/", "", id="no slashes"),
        pytest.param("ios-app://1234/", "", id="what no browser sends"),
        pytest.param("about:client", "", id="about"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_referrer_is_a_page_or_an_app(referrer: str, kept: str) -> None:
    assert clean_referrer(referrer) == kept
    assert clean_referrer(kept) == kept


@given(NASTY | st.text(max_size=40).map("android-app://com.".__add__))
def test_a_referrer_that_is_kept_is_bounded_and_stays_as_it_is(referrer: str) -> None:
    kept = clean_referrer(referrer)
    assert len(kept) <= MAX_URL
    assert clean_referrer(kept) == kept
