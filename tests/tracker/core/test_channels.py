"""How a visit came, told by what is tagged, clicked and referred, and by nothing a hostile text can break."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.channels import MAX_NAME, Channel, Origin, channel_of, origin_of_event, told_origin

ENTRY = "https://www.shop.example/"


@pytest.mark.parametrize(
    ("referrer", "channel", "name"),
    [
        ("", "direct", ""),
        ("https://www.google.de/", "search", "Google"),
        ("https://google.co.uk/", "search", "Google"),
        ("https://www.google.com.hk./search?q=secret", "search", "Google"),
        ("https://www.google.com/imgres?x=1", "search", "Google Images"),
        ("https://cn.bing.com/search", "search", "Bing"),
        ("https://de.search.yahoo.com/", "search", "Yahoo!"),
        ("https://yandex.com.tr/", "search", "Yandex"),
        ("https://duckduckgo.com/", "search", "DuckDuckGo"),
        ("https://www.baidu.com/link?url=x", "search", "Baidu"),
        ("https://m.baidu.com/", "search", "Baidu"),
        ("https://www.sogou.com/", "search", "Sogou"),
        ("https://weixin.sogou.com/", "search", "Sogou"),
        ("https://www.so.com/s", "search", "360 Search"),
        ("https://m.so.com/s", "search", "360 Search"),
        ("https://m.sm.cn/s", "search", "Shenma"),
        ("https://so.toutiao.com/search", "search", "Toutiao Search"),
        ("https://www.toutiao.com/article/1", "social", "Toutiao"),
        ("https://mp.weixin.qq.com/s/x", "social", "WeChat"),
        ("https://weibo.com/", "social", "Weibo"),
        ("https://m.weibo.cn/", "social", "Weibo"),
        ("https://link.zhihu.com/?target=x", "social", "Zhihu"),
        ("https://www.douyin.com/", "social", "Douyin"),
        ("https://www.xiaohongshu.com/explore", "social", "小红书"),
        ("https://www.bilibili.com/", "social", "Bilibili"),
        ("https://lnkd.in/x", "social", "LinkedIn"),
        ("https://l.facebook.com/", "social", "Facebook"),
        ("https://t.co/x", "social", "X"),
        ("https://x.com/i/grok", "assistant", "Grok"),
        ("https://x.com/i/grok?conversation=1", "assistant", "Grok"),
        ("https://x.com/ada", "social", "X"),
        ("https://www.pinterest.at/", "social", "Pinterest"),
        ("https://chatgpt.com/", "assistant", "ChatGPT"),
        ("https://gemini.google.com/app", "assistant", "Gemini"),
        ("https://www.bing.com/chat", "assistant", "Copilot"),
        ("https://www.perplexity.ai/", "assistant", "Perplexity"),
        ("https://claude.ai/", "assistant", "Claude"),
        ("https://www.doubao.com/chat/", "assistant", "Doubao"),
        ("https://www.kimi.com/", "assistant", "Kimi"),
        ("https://chat.deepseek.com/", "assistant", "DeepSeek"),
        ("https://yuanbao.tencent.com/", "assistant", "Yuanbao"),
        ("https://www.tongyi.com/", "assistant", "Qwen"),
        ("https://yiyan.baidu.com/", "assistant", "Wenxin"),
        ("https://mail.google.com/mail", "mail", "Gmail"),
        ("https://outlook.office.com/mail", "mail", "Outlook"),
        ("https://exmail.qq.com/", "mail", "QQ Mail"),
        ("https://webmail.buyer.example/", "mail", "webmail.buyer.example"),
        ("https://mail2.buyer.example/", "mail", "mail2.buyer.example"),
        ("https://mail.ru/", "referral", "mail.ru"),
        ("https://googleads.g.doubleclick.net/x", "display", "Google"),
        ("https://docs.google.com/document/d/1", "referral", "Google Docs"),
        ("https://translate.google.de/", "referral", "Google Translate"),
        ("https://www.cnn.com/2026/1", "referral", "CNN"),
        ("https://accounts.google.com/o/oauth2", "direct", ""),
        ("https://login.live.com/", "direct", ""),
        ("https://blog.example/post", "referral", "blog.example"),
        ("https://192.0.2.7/x", "referral", "192.0.2.7"),
        ("https://[2001:db8::1]/", "referral", "2001:db8::1"),
        ("https://例子.example/", "referral", "例子.example"),
        ("https://google.evil.example/", "referral", "google.evil.example"),
        ("https://google.com.evil.example/", "referral", "google.com.evil.example"),
        ("https://notgoogle.com/", "referral", "notgoogle.com"),
        ("https://not-t.co/x", "referral", "not-t.co"),
        ("https://www.google.com@blog.example/", "referral", "blog.example"),
        ("android-app://com.google.android.gm/", "mail", "Gmail"),
        ("android-app://com.google.android.googlequicksearchbox/https/www.google.com", "search", "Google"),
        ("android-app://com.linkedin.android/", "social", "LinkedIn"),
        ("android-app://com.tencent.mm/", "social", "WeChat"),
        ("android-app://com.openai.chatgpt", "assistant", "ChatGPT"),
        ("android-app://com.example.reader/", "referral", "com.example.reader"),
        ("android-app://de.example.shop/", "referral", "de.example.shop"),
        ("android-app://com.example.google.com/", "referral", "com.example.google.com"),
        ("about:client", "direct", ""),
        ("chrome-extension://abc/x.html", "direct", ""),
        ("file:///C:/mail.html", "direct", ""),
        ("https://[::1/", "direct", ""),
        ("https://a b.example/", "direct", ""),
        ("https://" + "a." * 200 + "example/", "direct", ""),
        ("/pricing", "direct", ""),
    ],
)
def test_a_referrer_says_this(referrer: str, channel: Channel, name: str) -> None:
    assert channel_of(referrer, None, ENTRY) == Origin(channel, name)
    assert channel_of(referrer, {}, ENTRY) == Origin(channel, name)


@pytest.mark.parametrize(
    ("referrer", "entry_url", "own_hosts", "channel"),
    [
        pytest.param("https://www.shop.example/a", ENTRY, (), "direct", id="the same host"),
        pytest.param("https://blog.shop.example/a", ENTRY, (), "direct", id="another host of the domain"),
        pytest.param("https://shop.example:8443/", ENTRY, (), "direct", id="another port"),
        pytest.param("https://shop.example.de/", "https://example.de/", (), "direct", id="below the domain"),
        pytest.param("https://other.example/", ENTRY, (), "referral", id="a neighbour"),
        pytest.param("https://other.example/", ENTRY, ("WWW.Other.example",), "direct", id="another domain of the company"),
        pytest.param("https://www.shop.example/", "/pricing", (), "referral", id="the entry is a path"),
        pytest.param(
            "https://www.shop.example/", "/pricing", ("shop.example",), "direct", id="a path, and the host is told"
        ),
        pytest.param("https://ada.github.io/", "https://eve.github.io/", (), "referral", id="neighbours on a public suffix"),
        pytest.param("http://localhost:8000/", "http://localhost/", (), "direct", id="a single name"),
        pytest.param("http://10.0.0.1/", "http://10.0.0.2/", (), "referral", id="addresses have no domain"),
        pytest.param(
            "https://cloud.google.com/", "https://www.google.com/", (), "direct", id="a listed host that is the own"
        ),
    ],
)
def test_the_own_site_is_no_referrer(referrer: str, entry_url: str, own_hosts: tuple[str, ...], channel: Channel) -> None:
    assert channel_of(referrer, None, entry_url, own_hosts).channel == channel


@pytest.mark.parametrize(
    ("medium", "source", "channel", "name"),
    [
        ("EMail", "spring", "mail", "spring"),
        ("e-mail", "google", "mail", "Google"),
        ("Newsletter", "", "mail", "autumn"),
        ("edm", "spring", "mail", "spring"),
        ("", "weekly-newsletter", "mail", "weekly-newsletter"),
        ("cpc", "google", "paid_search", "Google"),
        ("CPC", "百度", "paid_search", "Baidu"),
        ("ppc", "bing", "paid_search", "Bing"),
        ("sem", "agency", "paid_search", "agency"),
        ("paid search", "agency", "paid_search", "agency"),
        ("cpc", "linkedin", "paid_social", "LinkedIn"),
        ("paid-social", "agency", "paid_social", "agency"),
        ("Paid_Social", "facebook", "paid_social", "Facebook"),
        ("cpc", "www.linkedin.com", "paid_social", "LinkedIn"),
        ("cpc", "trade-portal", "campaign", "trade-portal"),
        ("paid", "chatgpt.com", "campaign", "ChatGPT"),
        ("banner", "trade-portal", "display", "trade-portal"),
        ("cpm", "google", "display", "Google"),
        ("display", "linkedin", "display", "LinkedIn"),
        ("social", "agency", "social", "agency"),
        ("social-media", "linkedin", "social", "LinkedIn"),
        ("post", "linkedin", "social", "LinkedIn"),
        ("", "xhs", "social", "小红书"),
        ("", "微信", "social", "WeChat"),
        ("organic", "google", "search", "Google"),
        ("organic", "linkedin", "social", "LinkedIn"),
        ("", "chatgpt.com", "assistant", "ChatGPT"),
        ("referral", "chatgpt.com", "assistant", "ChatGPT"),
        ("ai", "somebot", "assistant", "somebot"),
        ("event", "hannover", "event", "hannover"),
        ("Trade Fair", "hannover", "event", "hannover"),
        ("webinar", "zoom", "event", "zoom"),
        ("上海展会", "x1", "event", "x1"),
        ("referral", "partner-site", "referral", "partner-site"),
        ("affiliate", "youtube", "campaign", "YouTube"),
        ("qr", "brochure", "campaign", "brochure"),
        ("whatever", "ads", "campaign", "ads"),
        ("", "", "campaign", "autumn"),
        ("(none)", "(direct)", "campaign", "autumn"),
        ("", "accounts.google.com", "campaign", "accounts.google.com"),
        ("", "line\nbreak\u202eevil\x00", "campaign", "line breakevil"),
        ("", "x" * 500, "campaign", "x" * MAX_NAME),
    ],
)
def test_what_is_tagged_speaks_first(medium: str, source: str, channel: Channel, name: str) -> None:
    campaign = {"medium": medium, "source": source, "name": "autumn"}
    assert channel_of("https://www.google.de/", campaign, ENTRY) == Origin(channel, name)


def test_placeholders_are_no_tags() -> None:
    campaign = {"medium": "(none)", "source": "(direct)", "name": "(not set)"}
    assert channel_of("https://www.google.de/", campaign, ENTRY) == Origin("search", "Google")


@pytest.mark.parametrize(
    ("query", "channel", "name"),
    [
        ("gclid=a", "paid_search", "Google"),
        ("x=1&GBRAID=a", "paid_search", "Google"),
        ("wbraid=a", "paid_search", "Google"),
        ("msclkid=a", "paid_search", "Bing"),
        ("yclid=a", "paid_search", "Yandex"),
        ("bd_vid=a", "paid_search", "Baidu"),
        ("qhclickid=a", "paid_search", "360 Search"),
        ("sogou=a", "paid_search", "Sogou"),
        ("dclid=a", "display", "Google"),
        ("li_fat_id=a", "paid_social", "LinkedIn"),
        ("ttclid=a", "paid_social", "TikTok"),
        ("twclid=a", "paid_social", "X"),
        ("fbclid=a", "social", "Facebook"),
        ("mc_eid=a", "mail", "Mailchimp"),
        ("gclid=", "direct", ""),
        ("gclid", "direct", ""),
        ("q=gclid", "direct", ""),
        ("a=1#gclid=a", "direct", ""),
        ("&".join(f"p{n}=1" for n in range(200)) + "&gclid=a", "direct", ""),
    ],
)
def test_a_click_id_says_this_without_a_referrer(query: str, channel: Channel, name: str) -> None:
    assert channel_of("", None, f"{ENTRY}?{query}") == Origin(channel, name)


@pytest.mark.parametrize(
    ("referrer", "campaign", "query", "expected"),
    [
        pytest.param("https://www.google.de/", {}, "gclid=a", Origin("paid_search", "Google"), id="over the referrer"),
        pytest.param(
            "https://www.instagram.com/",
            {},
            "fbclid=a",
            Origin("social", "Instagram"),
            id="a network's own host knows better",
        ),
        pytest.param("https://blog.example/", {}, "fbclid=a", Origin("social", "Facebook"), id="another host doesn't"),
        pytest.param("", {"name": "spring"}, "gclid=a", Origin("paid_search", "spring"), id="a campaign without a medium"),
        pytest.param("", {"medium": "email"}, "gclid=a", Origin("mail"), id="a medium that is known wins"),
        pytest.param(
            "", {"medium": "cpc", "source": "agency"}, "gclid=a", Origin("paid_search", "agency"), id="paid, by whom"
        ),
        pytest.param("", {"medium": "cpc", "source": "agency"}, "ttclid=a", Origin("paid_social", "agency"), id="a network"),
        pytest.param("", {"source": "partner"}, "fbclid=a", Origin("campaign", "partner"), id="not paid: what is tagged"),
    ],
)
def test_a_click_id_among_others(referrer: str, campaign: dict[str, str], query: str, expected: Origin) -> None:
    assert channel_of(referrer, campaign, f"{ENTRY}?{query}") == expected


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("Trade Fair Visited", Origin("event", "Trade Fair Visited")),
        ("Webinar Attended", Origin("event", "Webinar Attended")),
        ("phone_call", Origin("event", "phone_call")),
        ("参加展会", Origin("event", "参加展会")),
        ("Trial Started", None),
        ("Recall", None),
        ("", None),
    ],
)
def test_an_event_away_from_the_website_is_known_by_its_name(name: str, origin: Origin | None) -> None:
    assert origin_of_event(name) == origin


NASTY = st.text(max_size=80) | st.tuples(
    st.sampled_from(["https://", "http://", "android-app://", "//", "https://www.google.", "https://[", "http://mail."]),
    st.text(alphabet="a.b:@/#?[]{}%!=&_- \u2100\u3002é\x00", max_size=60),
).map("".join)


@given(
    referrer=NASTY,
    campaign=st.none() | st.dictionaries(st.sampled_from(["source", "medium", "name", "term"]), NASTY),
    entry=NASTY,
    own=st.lists(NASTY, max_size=2),
)
def test_no_text_stops_it_and_every_name_is_one_short_line(
    referrer: str, campaign: dict[str, str] | None, entry: str, own: list[str]
) -> None:
    origin = channel_of(referrer, campaign, entry, own)
    assert origin.channel in get_args(Channel)
    assert len(origin.name) <= MAX_NAME
    assert origin.name.isprintable()


def test_a_value_that_is_no_text_is_no_tag() -> None:
    campaign: Any = {"source": 7, "medium": None}
    assert channel_of("", campaign, ENTRY) == Origin("direct")


LISTS = {
    name: json.loads(files("tracker.referrers").joinpath(name).read_text("utf-8")) for name in ("matomo.json", "more.json")
}


@pytest.mark.parametrize("file", LISTS)
def test_the_lists_are_written_as_they_are_looked_up(file: str) -> None:
    groups = {group: known for group, known in LISTS[file].items() if group != "sources"}
    assert groups.keys() <= set(get_args(Channel))
    for known in groups.values():
        for address in (address for addresses in known.values() for address in addresses):
            assert address == address.lower().removeprefix("www.").rstrip("/")
            assert address.count("/") <= 2
            assert "{}" not in address.partition("/")[0][2:-2]


def test_an_address_in_our_list_has_one_meaning() -> None:
    groups = [known for group, known in LISTS["more.json"].items() if group != "sources"]
    addresses = [address for known in groups for some in known.values() for address in some]
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize(("name", "sources"), LISTS["more.json"]["sources"].items())
def test_a_source_means_its_name(name: str, sources: list[str]) -> None:
    assert {channel_of("", {"source": source.upper()}, ENTRY).name for source in sources} == {name}


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        ("organic_search", "search"),
        ("Paid Search", "paid_search"),
        ("direct_traffic", "direct"),
        ("官网", "direct"),
        ("展会", "event"),
        ("Cold call", "event"),
        ("LinkedIn", "social"),
        ("Newsletter", "mail"),
        ("Partner", "campaign"),
        ("unknown", None),
        (" Other ", None),
        ("N/A", None),
        ("", None),
    ],
)
def test_what_a_crm_calls_a_source(source: str, channel: str | None) -> None:
    told = told_origin(source)
    assert (told and told.channel) == channel
