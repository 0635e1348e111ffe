"""What a user agent says: device, browser and system, and whether it is a program rather than a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any, Final, Literal

MAX_AGENT: Final = 512
"""Characters of a user agent that are read; a longer one is cut, so that a hostile one stays cheap."""

_RELAY: Final = re.compile(
    r"(analytics-|segment|rudder|python|curl|wget|go-http-client|node|undici|axios|got |okhttp|java/|apache-httpclient|ruby"
    r"|php|guzzle)",
    re.IGNORECASE,
)
_DEVICE: Final = re.compile(r"; [^;()]* Build/[^;()]*")
"""Model and build of an Android device, as browsers on it name them: ``; HTC Butterfly Build/JRO03C``."""
_OWN_WORD: Final = re.compile(r"\+ ?https?://|(?:(?<!cu)bot|crawler|spider)(?![a-z])", re.IGNORECASE)
"""What robots say of themselves by convention: a name with what they are at its end, an address with a plus before it. Cubot
makes phones."""
RobotSign = Literal["parser", "list", "word"]
"""What tells a robot: ua-parser's reading, the list of crawlers, or its own word (``_OWN_WORD``)."""
_VERSION_PARTS: Final = ("major", "minor", "patch")


@cache
def _crawlers() -> re.Pattern[str]:
    import crawleruseragents  # here, as below: only the drain needs it, and all processes would wait for it

    patterns = (f"(?:{crawler['pattern']})" for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA)
    return re.compile("|".join(patterns))


@cache
def _parser() -> Callable[[str], Any]:
    """Return ``user_agents.parse``, made to ask ua-parser's present interface.

    By itself it asks the old one, which never uses the compiled matcher and is four times as slow.
    """
    import user_agents
    import user_agents.parsers
    from ua_parser import parse as parse_user_agent

    class FastParser:
        @staticmethod
        def Parse(text: str) -> dict[str, Any]:
            found = parse_user_agent(text)
            browser, system, device = found.user_agent, found.os, found.device
            return {
                "user_agent": {"family": browser.family if browser else "Other"}
                | {part: getattr(browser, part, None) for part in _VERSION_PARTS},
                "os": {"family": system.family if system else "Other"}
                | {part: getattr(system, part, None) for part in (*_VERSION_PARTS, "patch_minor")},
                "device": {
                    "family": device.family if device else "Other",
                    "brand": getattr(device, "brand", None),
                    "model": getattr(device, "model", None),
                },
            }

    user_agents.parsers.user_agent_parser = FastParser
    parse: Callable[[str], Any] = user_agents.parse
    return parse


@lru_cache(maxsize=20_000)
def read_agent(text: str) -> tuple[str, bool]:
    """Return ``(reading, is_bot)`` of a user agent.

    The reading is ``device|browser|system`` with device one of desktop, mobile, tablet, other; empty for an empty text.

    >>> read_agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/131.0")
    ('desktop|Firefox 131|Windows 10', False)
    >>> read_agent("Googlebot/2.1 (+http://www.google.com/bot.html)")[1]
    True
    """
    text = text[:MAX_AGENT].strip()
    if not text:
        return "", False
    agent = _parser()(text)
    device = "tablet" if agent.is_tablet else "mobile" if agent.is_mobile else "desktop" if agent.is_pc else "other"
    browser = f"{agent.browser.family} {agent.browser.version_string.partition('.')[0]}".strip()
    system = f"{agent.os.family} {agent.os.version_string.partition('.')[0]}".strip()
    reading = "|".join(part.replace("|", " ") for part in (device, browser, system))
    return reading[:120], next(robot_signs(text), None) is not None


def robot_signs(text: str) -> Iterator[RobotSign]:
    """Yield what tells that a user agent is a robot's, each sign once, the cheapest first; nothing of a browser.

    Names of devices are not read: a phone called Butterfly, or with the build that some crawler once had, is a phone.

    >>> list(robot_signs("SomethingNew/2.0 (+https://new.example/about)"))
    ['word']
    """
    named = _DEVICE.sub("", text[:MAX_AGENT])
    if _OWN_WORD.search(named):
        yield "word"
    if _parser()(text[:MAX_AGENT]).is_bot:
        yield "parser"
    if _crawlers().search(named):
        yield "list"


@lru_cache(maxsize=20_000)
def is_relay(text: str) -> bool:
    """Tell whether a request's user agent is that of an HTTP library: a program that speaks for visitors, not a visitor."""
    return _RELAY.match(text) is not None
