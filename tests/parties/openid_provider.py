"""A small OpenID provider for tests, served on the loopback, that can also lie in every way."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "quanyu", "a secret of the client"


@dataclass
class Lies:
    """What the provider does wrong: claims put in the place of true ones, and more."""

    claims: dict[str, Any] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    algorithm: str = "RS256"
    key: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    iss: str | None = None
    no_token: bool = False


class OpenIdProvider:
    """``person`` are the claims of whoever signs in."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "u-1", "name": "李华", "email": "li@city.example",
                                       "email_verified": True}  # fmt: skip
        self.lies = Lies()
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.rotate()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def rotate(self) -> None:
        """Sign with another key from now on."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)}, auto_kid=False)

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.lies.metadata

    def authorize(self, url: str) -> dict[str, str]:
        """What the browser brings back when the person has signed in at ``url``."""
        said = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert said["response_type"] == "code"
        assert said["client_id"] == CLIENT
        assert said["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = said
        back = {"code": code, "state": said["state"], "iss": self.issuer}
        return back | ({"iss": self.lies.iss} if self.lies.iss else {})

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".replace(" ", "+").encode()).decode()
        said = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if authorization != f"Basic {expected}" or said is None:
            return 400, {"error": "invalid_grant"}
        if challenge != said["code_challenge"] or form["redirect_uri"] != said["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
        return 200, answer if self.lies.no_token else answer | {"id_token": self._signed(said)}

    def _signed(self, said: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": said["nonce"],
        } | self.person | self.lies.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if name not in self.lies.without}
        if self.lies.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            return ".".join(_b64(json.dumps(part).encode()) for part in parts) + "."
        if self.lies.algorithm == "HS256":
            # The old trick: the public key taken for a shared secret.
            header = {"alg": "HS256", "kid": self.key.kid}
            said_so = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
            proof = hmac.new(self.key.as_pem(private=False), said_so.encode(), hashlib.sha256)
            return f"{said_so}.{_b64(proof.digest())}"
        key = self.lies.key or self.key
        header = {"alg": self.lies.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, key, algorithms=[self.lies.algorithm])


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            elif path == "/jwks":
                self._answer(200, {"keys": [provider.key.as_dict(private=False)]})
            elif path == "/authorize":
                back = provider.authorize(self.path)
                asked = parse_qs(urlsplit(self.path).query)["redirect_uri"][0]
                self.send_response(303)
                self.send_header("location", f"{asked}?{urlencode(back)}")
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("authorization", "")))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
