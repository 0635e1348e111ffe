"""Whether people may sign in through another service: read from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tracker.settings import SettingError, Settings

if TYPE_CHECKING:
    from scorer.web.oidc import Provider

BACK: Final = "/sign-in/openid/back"
"""Path that the provider sends people back to."""


def open_provider(settings: Settings) -> Provider | None:
    """Return the provider of the settings, which isn't asked anything yet; ``None`` where none is set.

    Raises ``SettingError`` where the extra is missing.
    """
    issuer, client_id, client_secret = settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret
    if issuer is None or client_id is None or client_secret is None:
        return None
    try:
        # Here and not above: it is an extra, and takes a third of a second to load.
        from scorer.web.oidc import Provider
    except ModuleNotFoundError:
        raise SettingError(
            "WARMTRAIL_OIDC_ISSUER: OpenID Connect needs the extra, pip install 'warmtrail[oidc]'",
            "WARMTRAIL_OIDC_ISSUER：OpenID Connect 需要附加软件包：pip install 'warmtrail[oidc]'",
        ) from None
    name = settings.oidc_name or urlsplit(issuer).netloc
    return Provider(issuer, client_id, client_secret, name, f"{settings.url}{BACK}")
