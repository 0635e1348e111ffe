"""Access logs: lines of each format give whole hits, hits whole events, and nothing a line holds breaks a reader."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import sample
from tracker.core.weblogs import FORMATS, LogHit, Skipped, UnknownLogFormat, decode_line, detect, format_named, to_event

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
AT = 1_709_632_801_000  # 5 March 2024, 10:00:01 UTC
PUMP = {"client": "192.0.2.7", "method": "GET", "path": "/pumps?size=2", "status": 200, "bytes": 5120, "at": AT}
FROM_SEARCH = {"referrer": "https://search.example/", "user_agent": AGENT}
APACHE = f'[05/Mar/2024:11:00:01 +0100] "GET /pumps?size=2 HTTP/1.1" 200 5120 "https://search.example/" "{AGENT}"'
W3C_AGENT = AGENT.replace(" ", "+")

CASES: dict[str, tuple[str, list[str], list[dict[str, Any]]]] = {
    "common": (
        "common",
        ['192.0.2.7 - mia [05/Mar/2024:11:00:01 +0100] "GET /pumps?size=2 HTTP/1.0" 200 5120'],
        [PUMP | {"user": "mia"}],
    ),
    "common behind a virtual host": (
        "common_vhost",
        ['www.pumps.example:443 192.0.2.7 - mia [05/Mar/2024:05:00:01 -0500] "GET /pumps?size=2 HTTP/1.0" 200 5120'],
        [PUMP | {"user": "mia", "host": "www.pumps.example"}],
    ),
    "combined": ("combined", [f"192.0.2.7 - - {APACHE}"], [PUMP | FROM_SEARCH]),
    "combined, a user with a space, and more behind": (
        "combined",
        [f'192.0.2.7 - Mia Holm {APACHE} "203.0.113.9" rt=0.012'],
        [PUMP | FROM_SEARCH | {"user": "Mia Holm"}],
    ),
    "combined, nothing known, no bytes": (
        "combined",
        ['2001:db8::1 - - [05/Mar/2024:10:00:01 +0000] "GET / HTTP/2.0" 304 - "-" "-"'],
        [{"at": AT, "client": "2001:db8::1", "method": "GET", "path": "/", "status": 304}],
    ),
    "combined, escaped quotes and bytes": (
        "combined",
        [r'192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "GET /\xe6\xb3\xb5 HTTP/1.1" 200 1 "-" "a \"b\" \x22c\x22 \\"'],
        [
            {"at": AT, "client": "192.0.2.7", "method": "GET", "path": "/泵", "status": 200, "bytes": 1}
            | {"user_agent": 'a "b" "c" \\'}
        ],
    ),
    "combined, no request at all": (
        "combined",
        [
            '192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "-" 408 0 "-" "-"',
            r'192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "\x16\x03\x01\x02" 400 226 "-" "-"',
        ],
        [
            {"at": AT, "client": "192.0.2.7", "status": 408},
            {"at": AT, "client": "192.0.2.7", "status": 400, "bytes": 226},
        ],
    ),
    "combined, a space in the path, an old request, a proxy's request": (
        "combined",
        [
            '192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "GET /a b.html HTTP/1.1" 200 9 "-" "-"',
            '192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "GET /old" 200 9 "-" "-"',
            '192.0.2.7 - - [05/Mar/2024:10:00:01 +0000] "GET http://Pumps.example:80?x=1 HTTP/1.1" 200 9 "-" "-"',
        ],
        [
            {"at": AT, "client": "192.0.2.7", "method": "GET", "path": "/a b.html", "status": 200, "bytes": 9},
            {"at": AT, "client": "192.0.2.7", "method": "GET", "path": "/old", "status": 200, "bytes": 9},
            {"at": AT, "client": "192.0.2.7", "method": "GET", "path": "/?x=1", "status": 200, "bytes": 9}
            | {"host": "pumps.example"},
        ],
    ),
    "combined behind a virtual host": (
        "common_complete",
        [f"WWW.pumps.example 192.0.2.7 - - {APACHE}"],
        [PUMP | FROM_SEARCH | {"host": "www.pumps.example"}],
    ),
    "icecast": ("icecast2", [f"192.0.2.7 - - {APACHE} 95"], [PUMP | FROM_SEARCH | {"duration_ms": 95_000.0}]),
    "ovh": (
        "ovh",
        [f"192.0.2.7 www.pumps.example - {APACHE}"],
        [PUMP | FROM_SEARCH | {"host": "www.pumps.example"}],
    ),
    "gandi": (
        "gandi",
        [f"www.pumps.example 192.0.2.7 - - {APACHE.replace('] ', '] (2 s) ', 1)}"],
        [PUMP | FROM_SEARCH | {"host": "www.pumps.example", "duration_ms": 2000.0}],
    ),
    "haproxy, with and without syslog and headers": (
        "haproxy",
        [
            "Mar  5 10:00:01 edge haproxy[912]: 192.0.2.7:50412 [05/Mar/2024:10:00:01.250] web~ app/one "
            '10/0/3/30/43 200 5120 - - ---- 9/9/1/0/0 0/0 {pumps.example|Moz} {} "GET /pumps?size=2 HTTP/1.1"',
            "2001:db8::1:50412 [05/Mar/2024:10:00:01.250] web web/<NOSRV> "
            '-1/-1/-1/-1/+5 -1 0 - - CR-- 9/9/1/0/+3 0/0 "<BADREQ>"',
        ],
        [
            PUMP | {"at": AT + 250, "duration_ms": 43.0},
            {"at": AT + 250, "client": "2001:db8::1", "duration_ms": 5.0},
        ],
    ),
    "amazon s3, a website and a bare bucket": (
        "s3",
        [
            f"{'7a' * 32} www.pumps.example [05/Mar/2024:10:00:01 +0000] 192.0.2.7 - 3E57427F3EXAMPLE "
            f'WEBSITE.GET.OBJECT pumps "GET /pumps?size=2 HTTP/1.1" 200 - 5120 5120 21 20 '
            f'"https://search.example/" "{AGENT}" -',
            f"{'7a' * 32} backups [05/Mar/2024:10:00:01 +0000] 192.0.2.7 - 3E57427F3EXAMPLE S3.EXPIRE.OBJECT "
            'key - - - - 5120 - - - "-" -',
        ],
        [
            PUMP | FROM_SEARCH | {"host": "www.pumps.example", "duration_ms": 21.0},
            {"at": AT, "client": "192.0.2.7"},
        ],
    ),
    "amazon classic balancer, and a plain connection": (
        "elb",
        [
            "2024-03-05T10:00:01.000000Z shop 192.0.2.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 5120 "
            f'"GET https://pumps.example:443/pumps?size=2 HTTP/1.1" "{AGENT}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2',
            '2024-03-05T10:00:01.000000Z shop 192.0.2.7:2817 10.0.0.1:80 0.1 0.2 0.4 - - 82 305 "- - - " "-" - -',
        ],
        [PUMP | {"user_agent": AGENT, "host": "pumps.example"}],
    ),
    "amazon application balancer": (
        "alb",
        [
            "h2 2024-03-05T10:00:01.000000Z app/shop/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.000 0.001 -1 200 "
            f'200 34 5120 "GET https://pumps.example:443/pumps?size=2 HTTP/2.0" "{AGENT}" ECDHE-RSA TLSv1.2 arn:aws:x '
            '"Root=1-58337262-36d228ad5d99923122bbe354" "pumps.example" "arn:aws:acm:y" 0 2024-03-05T10:00:00.999000Z '
            '"forward" "-" "-" "10.0.0.1:80" "200" "-" "-"',
        ],
        [PUMP | {"user_agent": AGENT, "host": "pumps.example"}],
    ),
    "nginx json with its variables' names": (
        "nginx_json",
        [
            '{"time_iso8601":"2024-03-05T11:00:01+01:00","remote_addr":"192.0.2.7",'
            '"request":"GET /pumps?size=2 HTTP/1.1","status":"200","body_bytes_sent":"5120",'
            '"http_referer":"https://search.example/","request_time":"0.043",'
            f'"http_user_agent":"{AGENT}","http_host":"pumps.example","remote_user":"-"}}',
        ],
        [PUMP | FROM_SEARCH | {"host": "pumps.example", "duration_ms": 43.0}],
    ),
    "nginx json with short names": (
        "nginx_json",
        [
            '{"date":"2024-03-05T10:00:01Z","ip":"192.0.2.7","host":"pumps.example","path":"/pumps?size=2","status":200,'
            f'"length":5120,"referrer":"https://search.example/","user_agent":"{AGENT}","generation_time_milli":43}}',
            '{"msec":1709632801.000,"remote_addr":"192.0.2.7","request_method":"HEAD","uri":"/a","args":"b=1","status":200}',
        ],
        [
            PUMP | FROM_SEARCH | {"host": "pumps.example", "duration_ms": 43.0},
            {"at": AT, "client": "192.0.2.7", "method": "HEAD", "path": "/a?b=1", "status": 200},
        ],
    ),
    "caddy, and a line of its other loggers": (
        "caddy_json",
        [
            '{"level":"info","ts":1709632801.0,"logger":"http.log.access","request":{"remote_ip":"10.0.0.1",'
            '"client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"pumps.example","uri":"/pumps?size=2",'
            f'"headers":{{"User-Agent":["{AGENT}"],"Referer":["https://search.example/"]}}}},'
            '"duration":0.043,"size":5120,"status":200,"user_id":""}',
            '{"level":"warn","ts":1709632801.1,"logger":"tls.issuance","msg":"renewing"}',
        ],
        [PUMP | FROM_SEARCH | {"host": "pumps.example", "duration_ms": 43.0}],
    ),
    "traefik": (
        "traefik_json",
        [
            '{"ClientAddr":"192.0.2.7:52458","ClientHost":"192.0.2.7","ClientUsername":"-","DownstreamContentSize":5120,'
            '"DownstreamStatus":200,"Duration":43000000,"RequestHost":"pumps.example","RequestMethod":"GET",'
            f'"RequestPath":"/pumps?size=2","StartUTC":"2024-03-05T10:00:01.000000123Z","request_User-Agent":"{AGENT}",'
            '"request_Referer":"https://search.example/","time":"2024-03-05T10:00:02Z"}',
        ],
        [PUMP | FROM_SEARCH | {"host": "pumps.example", "duration_ms": 43.0}],
    ),
    "iis, whose columns change on the way": (
        "w3c",
        [
            "#Software: Microsoft Internet Information Services 10.0",
            "#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username c-ip cs(User-Agent) cs(Referer) "
            "sc-status sc-bytes time-taken",
            f"2024-03-05 10:00:01 GET /pumps size=2 - 192.0.2.7 {W3C_AGENT} https://search.example/ 200 5120 43",
            "#Date: 2024-03-05 10:00:01",
            "#Fields: time c-ip cs-method cs-uri-stem cs-host s-computername sc-status",
            "10:00:01 192.0.2.7 GET /pumps pumps.example WEB01 404",
        ],
        [
            PUMP | FROM_SEARCH | {"duration_ms": 43.0},
            {
                "at": AT,
                "client": "192.0.2.7",
                "method": "GET",
                "path": "/pumps",
                "status": 404,
                "host": "pumps.example",
            },
        ],
    ),
    "iis advanced, with quotes and blank lines": (
        "w3c",
        [
            "#Fields:   date-local time-local   c-ip cs-method cs-uri-stem cs-uri-query cs(User-Agent) cs(Host) "
            "sc-status sc-substatus TimeTakenMS",
            "  ",
            f'2024-03-05 10:00:01.000 "192.0.2.7" GET /pumps size=2 "{AGENT}" "pumps.example" 200 " odd "" one " 43',
        ],
        [PUMP | {"bytes": 0, "user_agent": AGENT, "host": "pumps.example", "duration_ms": 43.0}],
    ),
    "netscaler": (
        "w3c",
        [
            "#Software: Netscaler Web Logging(NSWL)",
            "#Fields: date time c-ip cs-username cs-method cs-uri-stem cs-uri-query sc-status cs-bytes sc-bytes "
            "time-taken cs-version cs(User-Agent) cs(Cookie) cs(Referer)",
            f"2024-03-05 10:00:01 192.0.2.7 - GET /pumps size=2 200 247 5120 43 HTTP/1.1 {W3C_AGENT} - -",
        ],
        [PUMP | {"user_agent": AGENT, "duration_ms": 43.0}],
    ),
    "cloudfront": (
        "w3c",
        [
            "#Version: 1.0",
            "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
            "cs(User-Agent) cs-uri-query x-host-header time-taken",
            "2024-03-05\t10:00:01\tFRA2\t5120\t192.0.2.7\tGET\td111111abcdef8.cloudfront.net\t/pumps\t200\t"
            f"https://search.example/\t{AGENT.replace(' ', '%2520')}\tsize=2\tpumps.example\t0.043",
        ],
        [PUMP | FROM_SEARCH | {"host": "pumps.example", "duration_ms": 43.0}],
    ),
    "cloudfront streaming": (
        "w3c",
        [
            "#Fields: date time x-edge-location c-ip x-event sc-bytes x-cf-status x-cf-client-id cs-uri-stem "
            "cs-uri-query c-referrer x-page-url\u200b c-user-agent",
            "2024-03-05   10:00:01   SEA4   192.0.2.7   play   5120   OK   bfd8   "
            "rtmp://s.cloudfront.net/cfx/st\u200b   size=2   -   -   LNX%2010,0,32,18",
        ],
        [
            PUMP
            | {"method": "PLAY", "path": "/cfx/st?size=2", "host": "s.cloudfront.net", "user": "bfd8"}
            | {"user_agent": "LNX 10,0,32,18"}
        ],
    ),
    "incapsula, whose path holds the host": (
        "w3c",
        [
            "#Software: Incapsula LOGS API",
            "#Fields: date time c-ip s-caip cs(User-Agent) s-computername cs-uri cs(Referrer) cs-method cs-uri-query "
            "sc-status cs-bytes",
            f'"2024-03-05" "10:00:01" "192.0.2.7" "" "{AGENT}" "pumps.example" "pumps.example/pumps" '
            '"https://search.example/" "GET" "size=2" "200" "5120"',
        ],
        [PUMP | FROM_SEARCH | {"host": "pumps.example"}],
    ),
    "shoutcast, date and time apart": (
        "w3c",
        [
            "#Software: SHOUTcast",
            "#Fields: c-ip c-dns date cs-uri-stem c-status cs(User-Agent) sc-bytes x-duration avgbandwidth time",
            "192.0.2.7 x 2024-03-05 /pumps?size=2 200 NSPlayer%2F10.0%20WMFSDK%2F10.0 5120 43 9 10:00:01",
        ],
        [PUMP | {"user_agent": "NSPlayer/10.0 WMFSDK/10.0", "duration_ms": 43_000.0}],
    ),
}


@pytest.mark.parametrize(("name", "lines", "hits"), CASES.values(), ids=CASES.keys())
def test_a_format_is_detected_and_its_lines_give_whole_hits(name: str, lines: list[str], hits: list[dict[str, Any]]) -> None:
    reader = detect(lines)
    read = [(line, reader.parse(line)) for line in lines]
    assert reader.name == name
    assert [hit for _, hit in read if hit is not None] == [
        LogHit(line=line, **expected)
        for line, expected in zip([line for line, hit in read if hit is not None], hits, strict=True)
    ]


def test_every_supported_format_has_a_case() -> None:
    assert {name for name, _, _ in CASES.values()} == set(FORMATS)


FIELDS = "#Fields: date time c-ip cs-uri-stem sc-status"

BAD = {
    "not of the format": ("combined", ["so far, so good"], "line_unparsable"),
    "cut off in the middle": ("combined", [f"192.0.2.7 - - {APACHE}"[:-1]], "line_unparsable"),
    "a day that never was": ("common", ['a - - [31/Feb/2024:10:00:01 +0000] "GET / HTTP/1.0" 200 1'], "line_bad_time"),
    "a month that never was": ("common", ['a - - [01/Foo/2024:10:00:01 +0000] "GET / HTTP/1.0" 200 1'], "line_bad_time"),
    "a second that never was": ("common", ['a - - [01/Feb/2024:10:00:61 +0000] "GET / HTTP/1.0" 200 1'], "line_bad_time"),
    "a zone that never was": ("common", ['a - - [01/Feb/2024:10:00:01 +9900] "GET / HTTP/1.0" 200 1'], "line_bad_time"),
    "before the web": ("common", ['a - - [01/Feb/1970:10:00:01 +0000] "GET / HTTP/1.0" 200 1'], "line_bad_time"),
    "no json": ("caddy_json", ["GET /"], "line_not_json"),
    "half json": ("nginx_json", ['{"ip": "192.0.2.7", '], "line_not_json"),
    "json of something else": ("nginx_json", ['{"level": "info"}'], "line_unparsable"),
    "json of something else in caddy": ("caddy_json", ['{"level": "info"}'], "line_unparsable"),
    "json of something else in traefik": ("traefik_json", ['{"level": "info"}'], "line_unparsable"),
    "json without a time": ("nginx_json", ['{"path": "/"}'], "line_bad_time"),
    "json with a wild time": ("caddy_json", ['{"ts": 9e99, "request": {"uri": "/"}}'], "line_bad_time"),
    "bottomless json": ("nginx_json", ['{"a":' * 5000], "line_not_json"),
    "columns never named": ("w3c", ["2024-03-05 10:00:01 192.0.2.7 / 200"], "line_columns_unnamed"),
    "a column too few": ("w3c", [FIELDS, "2024-03-05 10:00:01 192.0.2.7 /"], "line_wrong_columns"),
    "a date that never was": ("w3c", [FIELDS, "2024-02-31 10:00:01 192.0.2.7 / 200"], "line_bad_time"),
}


@pytest.mark.parametrize(("name", "lines", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_says_why(name: str, lines: list[str], reason: str) -> None:
    reader = format_named(name)
    assert [reader.parse(line) for line in lines][-1] == reason


def test_what_no_format_fits_is_refused_with_the_list_of_formats() -> None:
    with pytest.raises(UnknownLogFormat, match=r"none of the first 2 lines fits .*combined.*w3c"):
        detect(["dear diary", ""])
    with pytest.raises(UnknownLogFormat, match="'apache3' is not a log format"):
        format_named("apache3")


def test_a_few_odd_lines_do_not_hide_the_format() -> None:
    assert detect(["garbage", f"192.0.2.7 - - {APACHE} 7", *[f"192.0.2.7 - - {APACHE}"] * 3]).name == "combined"


def test_other_names_of_a_format_are_understood() -> None:
    assert [format_named(name).name for name in ("iis", "ncsa_extended")] == ["w3c", "combined"]


def test_bytes_that_are_not_utf_8_are_read_as_latin_1() -> None:
    assert decode_line("GET /泵\r\n".encode()) == "GET /泵"
    assert decode_line("GET /為何\n".encode("big5")) == "GET /\xac\xb0\xa6\xf3"


def hit(**changes: Any) -> LogHit:
    return LogHit(**({"line": "a line", **PUMP, **FROM_SEARCH} | changes))


def event_of(origin: str = "https://www.pumps.example", occurrence: int = 0, **changes: Any) -> dict[str, Any] | Skipped:
    return to_event(hit(**changes), origin=origin, salt=b"salt", occurrence=occurrence)


PAGE: dict[str, Any] = {
    "type": "page",
    "messageId": "log-cf7b-0",
    "anonymousId": "log-ab",
    "timestamp": "2024-03-05T10:00:01.000Z",
    "context": {"userAgent": AGENT, "ip": None},
    "properties": {
        "url": "https://www.pumps.example/pumps?size=2",
        "path": "/pumps",
        "search": "?size=2",
        "referrer": "https://search.example/",
    },
}


def without_ids(event: dict[str, Any] | Skipped) -> dict[str, Any]:
    assert isinstance(event, dict), event
    assert len(event["messageId"]) == len("log-") + 32 + len("-0")
    assert len(event["anonymousId"]) == len("log-") + 32
    return {name: value for name, value in event.items() if name not in ("messageId", "anonymousId")}


def test_a_page_view_becomes_a_page_event() -> None:
    assert without_ids(event_of()) == without_ids(PAGE | {"messageId": "x" * 38, "anonymousId": "x" * 36})


def test_a_download_becomes_a_track_event() -> None:
    assert without_ids(event_of(path="/dl/Data%20sheet.PDF?v=2#page=3", status=206)) == {
        "type": "track",
        "event": "File Downloaded",
        "timestamp": "2024-03-05T10:00:01.000Z",
        "context": {"userAgent": AGENT, "ip": None},
        "properties": {
            "url": "https://www.pumps.example/dl/Data%20sheet.PDF?v=2",
            "file_name": "Data sheet.PDF",
            "extension": "pdf",
        },
    }


SKIPPED: dict[str, tuple[dict[str, Any], str]] = {
    "a connection without request": ({"method": "", "path": ""}, "no_request"),
    "a request for no page": ({"path": "*"}, "no_request"),
    "nobody's": ({"client": ""}, "no_client"),
    "a look at the head": ({"method": "HEAD"}, "method"),
    "a form": ({"method": "POST"}, "method"),
    "a redirect": ({"status": 301}, "status"),
    "not found": ({"status": 404}, "status"),
    "another site": ({"host": "www.other.example"}, "other_host"),
    "a site that ends alike": ({"host": "evilpumps.example"}, "other_host"),
    "a style": ({"path": "/a.css?v=1"}, "asset"),
    "an image in capitals": ({"path": "/A.PNG"}, "asset"),
    "robots": ({"path": "/robots.txt"}, "asset"),
    "the icon": ({"path": "/favicon.ico"}, "asset"),
    "well-known": ({"path": "/.well-known/security.txt"}, "asset"),
    "a feed by ending": ({"path": "/news.rss"}, "feed"),
    "a feed by name": ({"path": "/blog/feed/"}, "feed"),
    "a feed by query": ({"path": "/blog/?flav=rss20"}, "feed"),
    "an endless address": ({"path": "/" + "a" * 4096}, "url_too_long"),
}


@pytest.mark.parametrize(("changes", "reason"), SKIPPED.values(), ids=SKIPPED.keys())
def test_what_no_visitor_did_is_skipped_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    assert event_of(**changes) == Skipped(reason)  # type: ignore[arg-type]


URLS: dict[str, tuple[dict[str, Any], str]] = {
    "the logged host of the site": ({"host": "shop.pumps.example"}, "https://shop.pumps.example/pumps?size=2"),
    "the site without www": ({"host": "pumps.example"}, "https://pumps.example/pumps?size=2"),
    "an inner address": ({"host": "10.0.0.1"}, "https://www.pumps.example/pumps?size=2"),
    "an inner name": ({"host": "localhost"}, "https://www.pumps.example/pumps?size=2"),
    "an empty query": ({"path": "/pumps?"}, "https://www.pumps.example/pumps"),
    "letters, spaces and worse": ({"path": '/泵 a"\x00?<b>'}, "https://www.pumps.example/泵%20a%22%00?%3Cb%3E"),
}


@pytest.mark.parametrize(("changes", "url"), URLS.values(), ids=URLS.keys())
def test_addresses_of_pages(changes: dict[str, Any], url: str) -> None:
    event = event_of(**changes)
    assert isinstance(event, dict)
    assert event["properties"]["url"] == url


def test_ids_tell_visitors_and_lines_apart_and_need_the_salt() -> None:
    def ids(salt: bytes = b"salt", occurrence: int = 0, **changes: Any) -> tuple[str, str]:
        event = to_event(hit(**changes), origin="https://a.example", salt=salt, occurrence=occurrence)
        assert isinstance(event, dict)
        assert "192.0.2" not in repr(event)
        return event["anonymousId"], event["messageId"]

    assert ids() == ids()
    assert ids()[0] == ids(line="another line")[0]
    assert ids()[0] != ids(client="192.0.2.8")[0]
    assert ids()[0] != ids(user_agent="other")[0]
    assert ids()[1] != ids(occurrence=1)[1]
    assert ids()[1] != ids(line="another line")[1]
    assert not set(ids()) & set(ids(salt=b"pepper"))


def test_control_characters_never_reach_an_event() -> None:
    event = event_of(path="/a%00\x01.pdf", user_agent="a\x00b", referrer="\x00")
    assert "\x00" not in repr(event).replace("\\x00", "\x00")


PARSERS: list[Callable[[str], object]] = [format_named(name).parse for name in FORMATS]
SEEDS = [line for _, lines, _ in CASES.values() for line in lines]


@st.composite
def mangled_lines(draw: st.DrawFn) -> str:
    line = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, min(len(line), start + 20)))
    return line[:start] + draw(st.text(max_size=20)) + line[end:]


@given(st.one_of(st.text(), mangled_lines()))
def test_no_line_breaks_a_reader_or_the_making_of_an_event(line: str) -> None:
    parsers = [*PARSERS, _w3c_parser()]
    for parse in parsers:
        found = parse(line)
        if isinstance(found, LogHit):
            to_event(found, origin="https://www.pumps.example", salt=b"salt", occurrence=0)


def _w3c_parser() -> Callable[[str], object]:
    reader = format_named("w3c")
    reader.parse("#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent)")
    return reader.parse


HOSTILE = {
    "quotes": '"' * 32_000,
    "quotes with spaces": '" ' * 16_000,
    "escapes": '1 - - [05/Mar/2024:10:00:01 +0000] "' + "\\" * 32_000,
    "brackets": "[" * 32_000,
    "words": "a " * 16_000,
    "dots": "192.0.2.7 " + "a." * 16_000,
    "user of many words": "1 - " + "a " * 16_000 + "[",
    "slashes": "0/" * 16_000,
    "numbers": "1 " * 16_000,
    "long request": '1 - - [05/Mar/2024:10:00:01 +0000] "' + "GET " * 8_000 + '" 200 1 "-" "-" x',
    "odd quotes": '"x "" ' * 5_000,
    "blanks behind": "1 - - [05/Mar/2024:10:00:01 +0000] " + " " * 32_000 + "x",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_line_is_refused_at_once(line: str) -> None:
    started = time.thread_time()
    for parse in [*PARSERS, _w3c_parser()]:
        parse(line)
    # The processor's time, so that a busy machine doesn't matter: milliseconds, but many seconds for a quadratic pattern.
    assert time.thread_time() - started < 1


def test_the_logs_of_another_projects_tests_can_be_read() -> None:
    archive = sample("weblog-formats-matomo/logs.tar.gz")
    unread: dict[str, Any] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if not member.name.endswith(".log") or file is None:
                continue
            lines = [decode_line(raw) for raw in file]
            try:
                reader = detect(lines)
            except UnknownLogFormat:
                unread[Path(member.name).name] = "unknown"
                continue
            read = [reader.parse(line) for line in lines]
            if bad := [found for found in read if isinstance(found, str)] or not any(read):
                unread[Path(member.name).name] = bad
    assert unread == {"custom_regex_custom_date.log": "unknown"}  # a format of somebody's own
