"""Settings as people write them: read as meant, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.site_changes import changed_settings
from tracker.sites import SiteError, SiteSettings

READ: dict[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([], {}),
    "a word": (["consent=required"], {"consent": "required"}),
    "a list": (["strip_parameters=token, Email"], {"strip_parameters": ("token", "Email")}),
    "an empty list": (["origins="], {"origins": ()}),
    "origins as they are copied": (
        ["origins=https://WWW.a.example/,https://b.example"],
        {"origins": ("https://www.a.example", "https://b.example")},
    ),
    "names in capitals": (
        ["linked_domains=Example.CN", "download_extensions=PDF"],
        {"linked_domains": ("example.cn",), "download_extensions": ("pdf",)},
    ),
    "against forgers": (
        ["server_events=Quote Requested, 报价", "blocked_referrers=Spam.example"],
        {"server_events": ("Quote Requested", "报价"), "blocked_referrers": ("spam.example",)},
    ),
    "yes and no": (["hash_routes=Yes", "respect_dnt=false"], {"hash_routes": True, "respect_dnt": False}),
    "numbers": (["idle_seconds=60", "visit_gap_minutes=1"], {"idle_seconds": 60, "visit_gap_minutes": 1}),
    "learning": (
        ["learning_horizon_days=30", "learning_promotes=yes", "goal_events=Order Placed", "lost_reasons=price, 太早"],
        {
            "learning_horizon_days": 30,
            "learning_promotes": True,
            "goal_events": ("Order Placed",),
            "lost_reasons": ("price", "太早"),
        },
    ),
    "the last word counts": (["language=en", "language=zh"], {"language": "zh"}),
    "equals signs in the value": (["strip_parameters= a "], {"strip_parameters": ("a",)}),
}


@pytest.mark.parametrize(("assignments", "expected"), READ.values(), ids=READ)
def test_assignments_are_read(assignments: list[str], expected: dict[str, Any]) -> None:
    before = {"origins": ("https://old.example",), "time_zone": "Asia/Shanghai"}
    assert changed_settings(SiteSettings(**before), assignments) == SiteSettings(**(before | expected))


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("colour=red", "There is no setting 'colour' of a site; there are origins, time_zone, "),
        ("consent", "A setting is written like consent=value."),
        ("hash_routes=perhaps", "hash_routes is yes or no, not 'perhaps'."),
        ("idle_seconds=1e3", "idle_seconds is a number, not '1e3'."),
        ("idle_seconds=²", "idle_seconds is a number, not '²'."),
        ("idle_seconds=601", "A site's idle_seconds makes no sense: Expected `int` <= 600."),
        ("consent=maybe", "consent is one of not-required, required, cookieless, not 'maybe'."),
        ("time_zone=Mars", "There is no time zone 'Mars'."),
        ("origins=shop.example", "An origin is written like https://www.example.com, not 'shop.example'."),
        ("strip_parameters=a b", "A query parameter in strip_parameters is written like token, not 'a b'."),
        ("download_extensions=.pdf", "An extension in download_extensions is written like pdf, not '.pdf'."),
        ("linked_domains=https://a.cn", "A domain in linked_domains is written like example.cn"),
        ("linked_domains=com.cn", "'com.cn' in linked_domains is nobody's own domain."),
    ],
)
def test_nonsense_is_refused_by_name(assignment: str, complaint: str) -> None:
    with pytest.raises(SiteError) as caught:
        changed_settings(SiteSettings(), [assignment])
    assert str(caught.value).startswith(complaint)
