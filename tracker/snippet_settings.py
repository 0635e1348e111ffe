"""What the snippet is told of a site's settings, in its own words."""

from __future__ import annotations

from tracker.sites import SiteSettings

DEFAULT_PATH = "/v1/batch"
"""Where the snippet sends to unless told."""


def snippet_settings(settings: SiteSettings, collect_prefix: str, write_key: str) -> dict[str, str | int]:
    """Return the settings that the snippet is to have, by its own names: the key, and what differs from its defaults.

    Each name is that of a data attribute of its script tag as well (``strip`` is ``data-strip``).

    >>> snippet_settings(SiteSettings(respect_dnt=False, idle_seconds=60), "/v1", "wk_1")
    {'key': 'wk_1', 'respect': 'gpc', 'idle': 60}
    """
    told: dict[str, str | int] = {"key": write_key}
    default = SiteSettings()
    if f"{collect_prefix}/batch" != DEFAULT_PATH:
        told["path"] = f"{collect_prefix}/batch"
    honoured = [name for name, wanted in (("gpc", settings.respect_gpc), ("dnt", settings.respect_dnt)) if wanted]
    if len(honoured) < 2:
        told["respect"] = " ".join(honoured) or "none"
    if settings.consent != default.consent:
        told["consent"] = settings.consent
    if settings.idle_seconds != default.idle_seconds:
        told["idle"] = settings.idle_seconds
    if settings.hash_routes:
        told["hash"] = 1  # Its presence counts, as that of the attribute does.
    for name, listed in (
        ("strip", settings.strip_parameters),
        ("downloads", settings.download_extensions),
        ("domains", settings.linked_domains),
    ):
        if listed:
            told[name] = ",".join(listed)
    return told
