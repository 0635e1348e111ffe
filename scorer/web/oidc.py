"""Signing in through an OpenID Connect provider: authorization code flow with PKCE, state and nonce (OpenID Connect Core
1.0, section 3.1; RFC 7636). Needs the extra ``warmtrail[oidc]``: ``scorer.web.oidc_setup`` imports it where it is wanted.

The provider's description and its keys are fetched when first needed, so the service starts without the provider.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from scorer.web.oidc_attempts import Attempt, NotSignedIn, Reason
from tracker.log import get_logger

TIMEOUT_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 3600.0
"""How long the provider's description and keys are used before they are fetched anew."""
REST_SECONDS: Final = 10.0
"""For so long a provider that didn't answer isn't asked again: others needn't wait for the same silence."""
_LEEWAY_SECONDS: Final = 60
"""By which the clocks of provider and service may differ."""
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a private key of the provider's. Not HS256, whose key this service has, too."""
_LONGEST_EMAIL: Final = 320
_PASSING: Final = ("temporarily_unavailable", "server_error")
Read = TypeVar("Read")
log = get_logger(__name__)


class Description(msgspec.Struct, frozen=True):
    """What a provider publishes of itself (OpenID Connect Discovery 1.0, section 3), as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)


class Provider:
    """One provider, for all threads. *back_url* is where it sends people back to; *clock* counts seconds."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        name: str,
        back_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._back_url = back_url
        self._clock = clock
        self._lock = threading.Lock()
        self._description: Description | None = None
        self._keys: KeySet | None = None
        self._fetched_at = self._failed_at = -KEEP_SECONDS

    def address(self, attempt: Attempt) -> str:
        """Return where somebody is led to sign in. Raises ``NotSignedIn``."""
        description = self._describe()
        with self._session(description) as session:
            url, _ = session.create_authorization_url(
                description.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(url)

    def email(self, code: str, attempt: Attempt, now_ms: int, *, issuer: str = "") -> str:
        """Return the confirmed e-mail address of whoever comes back with *code*. Raises ``NotSignedIn``.

        *issuer* is the one that the browser was sent back with, if any (RFC 9207): of another provider, it is refused.
        """
        description = self._describe()
        if issuer and issuer != description.issuer:
            raise _refused("not confirmed", what="issuer of the answer")
        with self._session(description) as session:
            token = _exchange(session, description.token_endpoint, code, attempt.verifier)
            claims = self._claims(description, token, attempt.nonce, now_ms)
            if not {"email", "email_verified"} <= claims.keys() and description.userinfo_endpoint:
                # Core 5.4: where there is an access token, a provider may tell the address only there.
                told = _get(session, description.userinfo_endpoint, dict[str, Any], withhold_token=False)
                if told.get("sub") != claims["sub"]:
                    raise _refused("not confirmed", what="sub of userinfo")
                claims = told
        return _address(claims)

    def _describe(self) -> Description:
        with self._lock:
            now = self._clock()
            if self._description is not None and now - self._fetched_at < KEEP_SECONDS:
                return self._description
            if now - self._failed_at < REST_SECONDS:
                raise NotSignedIn("away")
            try:
                with OAuth2Session(default_timeout=TIMEOUT_SECONDS) as session:
                    url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
                    found = self._checked(_get(session, url, Description))
            except NotSignedIn as error:
                if error.reason == "away":
                    self._failed_at = self._clock()
                raise
            self._description, self._keys, self._fetched_at = found, None, now
            return found

    def _checked(self, found: Description) -> Description:
        """Return *found* if it is of the provider that was set (Discovery 4.3) and as safe as its address."""
        # A slash at the end is what people add or leave out; tokens must name the issuer as the provider writes it.
        if found.issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise _refused("not set up", what="issuer", found=found.issuer[:200])
        endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint or "")
        allowed = {"https", urlsplit(self._issuer).scheme}
        if any(urlsplit(url).scheme not in allowed for url in endpoints if url):
            raise _refused("not set up", what="endpoint without https")
        return found

    def _session(self, description: Description) -> Any:
        known = description.token_endpoint_auth_methods_supported
        by_post = "client_secret_post" in known and "client_secret_basic" not in known
        return OAuth2Session(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method="client_secret_post" if by_post else "client_secret_basic",
            scope="openid email",
            redirect_uri=self._back_url,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_SECONDS,
        )

    def _claims(self, description: Description, token: dict[str, Any], nonce: str, now_ms: int) -> dict[str, Any]:
        """Return what the ID token says, once signature, issuer, audience, times and nonce are right."""
        algorithms = [one for one in _ALGORITHMS if one in description.id_token_signing_alg_values_supported]
        if not algorithms:
            raise _refused("not set up", what="signature algorithms")
        given = token.get("id_token")
        if not isinstance(given, str):
            raise _refused("not confirmed", what="no id_token")
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            try:
                read = jwt.decode(given, self._key_set(description), registry=registry)
            except (InvalidKeyIdError, BadSignatureError):  # The provider may have changed its keys.
                read = jwt.decode(given, self._key_set(description, anew=True), registry=registry)
            wanted = {
                "iss": {"essential": True, "value": description.issuer},
                "aud": {"essential": True, "value": self._client_id},
            }
            params = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
            claims = CodeIDToken(read.claims, read.header, wanted, params)
            claims.validate(now=now_ms // 1000, leeway=_LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            claim = getattr(error, "claim", None)
            raise _refused("not confirmed", what="id_token", error=type(error).__name__, claim=claim) from None
        return dict(claims)

    def _key_set(self, description: Description, *, anew: bool = False) -> KeySet:
        keys = self._keys
        if keys is None or anew:
            with OAuth2Session(default_timeout=TIMEOUT_SECONDS) as session:
                told = _get(session, description.jwks_uri, dict[str, Any])
            try:
                keys = KeySet.import_key_set(told)  # type: ignore[arg-type]  # it is what is found out here
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise _refused("not set up", what="keys", error=type(error).__name__) from None
            self._keys = keys
        return keys


def _exchange(session: Any, url: str, code: str, verifier: str) -> dict[str, Any]:
    """Return what the provider gives for *code*."""
    try:
        return dict(session.fetch_token(url, code=code, code_verifier=verifier, allow_redirects=False))
    except OAuthError as error:
        told = str(error.error)[:60]
        reason: Reason = "away" if told in _PASSING else "not confirmed" if told == "invalid_grant" else "not set up"
        raise _refused(reason, what="code", error=told) from None
    except requests.RequestException as error:
        raise _away(error) from None
    except (ValueError, TypeError) as error:
        raise _refused("not set up", what="token endpoint", error=type(error).__name__) from None


def _get(session: Any, url: str, kind: type[Read], *, withhold_token: bool = True) -> Read:
    """Return the JSON at *url*."""
    try:
        answer = session.get(url, withhold_token=withhold_token, allow_redirects=False)
        if answer.status_code >= 500 or answer.status_code == 429:
            answer.raise_for_status()
        if answer.status_code != 200:
            raise _refused("not set up", what=urlsplit(url).path[:200], status=answer.status_code)
        return msgspec.json.decode(answer.content, type=kind)
    except OAuthError as error:
        raise _refused("not set up", what="access token", error=str(error.error)[:60]) from None
    except requests.RequestException as error:
        raise _away(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused("not set up", what=urlsplit(url).path[:200], error=str(error)[:200]) from None


def _address(claims: dict[str, Any]) -> str:
    """Return the address that the provider vouches for."""
    email = claims.get("email")
    # Users are found whatever the case, and beyond ASCII other letters have the same small one: K (Kelvin) is no k.
    if (
        not isinstance(email, str)
        or not 0 < len(email) <= _LONGEST_EMAIL
        or not (email.isascii() or email == email.lower())
        or email != email.strip()
    ):
        raise _refused("no address", what="email")
    if claims.get("email_verified") not in (True, "true"):  # Some say it as a text.
        raise _refused("address not confirmed", what="email_verified")
    return email


def _away(error: requests.RequestException) -> NotSignedIn:
    return _refused("away", error=type(error).__name__)


def _refused(reason: Reason, **data: Any) -> NotSignedIn:
    """Return the error, having told the log what whoever looks after the service needs: nothing of the person."""
    log.warning("openid_refused", reason=reason, **data)
    return NotSignedIn(reason)
