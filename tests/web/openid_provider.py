"""A little OpenID provider: a real server in a thread that signs in whomever the test names, and lies as it is told."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT = "warmtrail"
SECRET = "the client's secret"


class Granted(msgspec.Struct, frozen=True):
    """What a code stands for."""

    nonce: str
    challenge: str
    back: str


class Provider:
    """What the provider says. Everything may be changed by a test; ``reset`` takes it back."""

    def __init__(self, port: int) -> None:
        # Not 127.0.0.1, where the page is: for a browser they are two sites.
        self.url = f"http://localhost:{port}"
        self.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
        self.reset()

    def reset(self) -> None:
        self.email = "ben@example.com"
        self.now_ms = 0
        self.claims: dict[str, Any] = {}
        """Of the ID token, instead of the right ones; ``None`` leaves one out."""
        self.userinfo: dict[str, Any] | None = None
        self.description: dict[str, Any] = {}
        self.signs_with = self.key
        self.publishes = [self.key]
        self.algorithm = "ES256"
        self.denies = ""
        self.is_away = False
        self.asked: list[str] = []
        """Paths, in order."""
        self._codes: dict[str, Granted] = {}

    @property
    def settings(self) -> dict[str, str]:
        return {
            "oidc_issuer": self.url,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_name": "Example ID",
        }

    def sign_in(self, address: str) -> str:
        """Sign in at the *address* that a browser was led to; return the path and query that it is sent back to."""
        answer = requests.get(address, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        } | self.description

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent."""
        assert (query["client_id"], query["response_type"]) == (CLIENT, "code")
        assert set(query["scope"].split()) == {"openid", "email"}
        assert query["code_challenge_method"] == "S256"
        back = {"state": query["state"], "iss": self.url}
        if self.denies:
            return f"{query['redirect_uri']}?{urlencode(back | {'error': self.denies})}"
        code = secrets.token_urlsafe(8)
        self._codes[code] = Granted(query["nonce"], query["code_challenge"], query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode(back | {'code': code})}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return status and answer to whoever shows a code."""
        shown = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if shown not in (f"{CLIENT}:{SECRET}", f"{CLIENT}:the%20client%27s%20secret", f"{CLIENT}:the+client%27s+secret"):
            return 401, {"error": "invalid_client"}
        granted = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if granted is None or (granted.challenge, granted.back) != (challenge, form["redirect_uri"]):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "shown", "token_type": "Bearer", "id_token": self.id_token(granted.nonce)}

    def id_token(self, nonce: str) -> str:
        now = self.now_ms // 1000
        said = {"iss": self.url, "sub": "42", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        said |= {"email": self.email, "email_verified": True} | self.claims
        header = {"alg": self.algorithm, "kid": self.signs_with.kid}
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(header, kept, self.signs_with, algorithms=[self.algorithm])


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            here.asked.append(parts.path)
            if here.is_away:
                self.answer(503, {})
            elif parts.path == "/authorize":
                to = here.authorize({name: values[0] for name, values in parse_qs(parts.query).items()})
                self.answer(302, {}, to)
            elif parts.path == "/userinfo" and self.headers["Authorization"] == "Bearer shown":
                self.answer(200, here.userinfo or {})
            elif parts.path == "/keys":
                self.answer(200, {"keys": [key.as_dict(private=False) for key in here.publishes]})
            elif parts.path == "/.well-known/openid-configuration":
                self.answer(200, here.describe())
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            here.asked.append(self.path)
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(content).items()}
            status, said = (503, {}) if here.is_away else here.exchange(form, self.headers["Authorization"])
            self.answer(status, said)

        def answer(self, status: int, said: dict[str, Any], to: str = "") -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if to:
                self.send_header("Location", to)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Provider(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
