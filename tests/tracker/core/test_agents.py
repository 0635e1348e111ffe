"""User agents: what the reading says, who is a robot, and that no text is expensive or breaks it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.agents import MAX_AGENT, is_relay, read_agent, robot_signs

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
TABLET = (
    "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
WECHAT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.50(0x18003237) NetType/WIFI Language/zh_CN"
)


@pytest.mark.parametrize(
    ("agent", "reading", "is_bot"),
    [
        pytest.param(CHROME, "desktop|Chrome 131|Windows 10", False, id="Chrome"),
        pytest.param(
            "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
            "desktop|Firefox 131|Linux",
            False,
            id="Firefox",
        ),
        pytest.param(PHONE, "mobile|Mobile Safari 18|iOS 18", False, id="iPhone"),
        pytest.param(ANDROID, "mobile|Chrome Mobile 131|Android 10", False, id="Android"),
        pytest.param(TABLET, "tablet|Mobile Safari 17|iOS 17", False, id="iPad"),
        pytest.param("", "", False, id="none"),
        pytest.param("   ", "", False, id="blank"),
        pytest.param("x|y|z", "other|Other|Other", False, id="nonsense with our own separator"),
    ],
)
def test_an_agent_is_read_like_this(agent: str, reading: str, is_bot: bool) -> None:
    assert read_agent(agent) == (reading, is_bot)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "facebookexternalhit/1.1",
        "curl/8.5.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    ],
)
def test_robots_are_told_from_people(agent: str) -> None:
    assert read_agent(agent)[1] is True


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Brandnew-Crawler/0.1)",
        "SomethingNew/2.0 (+https://new.example/about)",
        "somebot",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (compatible; Newbot/2.1)",
    ],
)
def test_a_robot_on_no_list_is_told_by_its_own_word(agent: str) -> None:
    assert "list" not in set(robot_signs(agent))
    assert "word" in set(robot_signs(agent))
    assert read_agent(agent)[1] is True


@pytest.mark.parametrize(
    "agent",
    [
        # In the list of crawlers are "Butterfly", "Sonic", "Fever" and the build number of a whole generation of phones.
        "Mozilla/5.0 (Linux; Android 4.2.2; HTC Butterfly s Build/JDQ39) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/29.0",
        "Mozilla/5.0 (Linux; U; Android 2.3; ViewSonic-ViewPad7e Build/ERE27) AppleWebKit/533.1 (KHTML, like Gecko)",
        "Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) AppleWebKit/537.36 Chrome/142.0",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19 Build/PPR1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0",
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0 Mobile Safari/537.36",
    ],
)
def test_the_name_of_a_phone_makes_nobody_a_robot(agent: str) -> None:
    assert list(robot_signs(agent)) == []
    assert read_agent(agent)[1] is False


@pytest.mark.parametrize("agent", [CHROME, PHONE, ANDROID, TABLET, WECHAT])
def test_people_are_told_from_robots(agent: str) -> None:
    assert read_agent(agent)[1] is False


def test_what_stands_beyond_the_limit_is_not_read() -> None:
    assert read_agent("a" * MAX_AGENT + " Googlebot/2.1") == read_agent("a" * MAX_AGENT)


@pytest.mark.parametrize(
    "agent",
    [
        "a" * 50_000,
        "(" * 50_000,
        "Mozilla/5.0 " * 5_000,
        "Android " * 6_000,
        "a.b/" * 12_000,
        "1" * 50_000,
        " x" * 25_000,
        "; Build" * 9_000,
    ],
    ids=lambda agent: agent[:8],
)
def test_a_hostile_agent_of_50_kb_costs_milliseconds(agent: str) -> None:
    read_agent("warm")  # The tables are built at the first look.
    begun = time.perf_counter()
    reading, _ = read_agent(agent)
    assert len(reading) <= 120
    assert time.perf_counter() - begun < 0.25  # measured: 5 ms


@given(st.text(max_size=700) | st.text(alphabet="Mozilla/5.0 (;)|\\[]{}+*?^$", max_size=200))
def test_no_agent_breaks_the_reading(agent: str) -> None:
    reading, _ = read_agent(agent)
    assert reading == "" or (reading.count("|") == 2 and len(reading) <= 120)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("analytics-python/2.3.0", True),
        ("analytics-node/1.0", True),
        ("python-requests/2.32.3", True),
        ("Python/3.11 aiohttp/3.9", True),
        ("RudderStack python/2", True),
        ("curl/8.5.0", True),
        ("Go-http-client/2.0", True),
        ("okhttp/4.12.0", True),
        ("Java/17.0.1", True),
        (CHROME, False),
        (PHONE, False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", False),
        ("", False),
    ],
)
def test_libraries_that_speak_for_visitors_are_known(agent: str, expected: bool) -> None:
    assert is_relay(agent) is expected
