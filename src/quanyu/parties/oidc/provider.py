"""The OpenID provider: what it says of itself, its keys, its answers. All of it is checked.

The provider is named by the node's own settings, so it may stand in the node's private network.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from quanyu.kernel import Invalid, Outbound, Settings, Unavailable, ask

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

SIGNATURES = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
})  # fmt: skip
"""Signatures by a key of the provider's own: never ``none``, never one that a client could make."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_METADATA_SECONDS = 3600.0
_KEYS_SECONDS = 3600.0
_KEYS_AGAIN = 10.0
"""So often at most are the keys asked for anew because a token names one that is not known."""


@dataclass(frozen=True, slots=True)
class Client:
    """How this node is known at its provider."""

    issuer: str
    client_id: str
    secret: str | None
    scopes: str
    redirect_uri: str


def client_of(settings: Settings) -> Client | None:
    """The client of the settings, ``None`` when there is no provider; raises :class:`Invalid`."""
    if settings.oidc_issuer is None:
        return None
    check_secure(settings.oidc_issuer)
    if not settings.oidc_client_id:
        raise Invalid(
            "the OpenID provider needs a client id",
            field="oidc_client_id",
            mend="set QUANYU_OIDC_CLIENT_ID to what the provider calls this node",
        )
    secret = settings.oidc_client_secret
    return Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=secret.get_secret_value() if secret else None,
        scopes=settings.oidc_scopes,
        redirect_uri=f"{settings.base_url}/sign-in/oidc/callback",
    )


def check_secure(url: str) -> None:
    """Raise :class:`Invalid` unless a URL of the provider is of https (or on this machine)."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise Invalid(
            "the OpenID provider is asked by https only",
            field="oidc_issuer",
            mend="give a URL that begins https://",
        )


class Provider:
    """What is known of one provider; safe to share among threads."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._lock = Lock()
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def metadata(self) -> dict[str, Any]:
        """Its metadata (OpenID Connect Discovery 1.0); raises :class:`Unavailable`."""
        with self._lock:
            if self._metadata and monotonic() < self._metadata[0] + _METADATA_SECONDS:
                return self._metadata[1]
        said = _json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                check_secure(str(said.get(name, "")))
        except (ValueError, Invalid) as error:
            raise _amiss() from error
        if said.get("issuer") != self.issuer:
            raise _amiss()
        with self._lock:
            self._metadata = (monotonic(), said)
        return said

    def algorithms(self) -> list[str]:
        """The signatures of ID tokens that it offers and that are taken here."""
        offered = self.metadata().get("id_token_signing_alg_values_supported") or ["RS256"]
        return sorted(SIGNATURES & set(map(str, offered)))

    def keys(self, key_id: str | None) -> "KeySet":
        """Its keys; asked for anew when they are old or ``key_id`` is none of them (rotation)."""
        from joserfc.jwk import KeySet

        with self._lock:
            kept = self._keys
        age = monotonic() - kept[0] if kept else _KEYS_SECONDS
        if kept and age < _KEYS_SECONDS and (_has(kept[1], key_id) or age < _KEYS_AGAIN):
            return kept[1]
        try:
            found = KeySet.import_key_set(_json(str(self.metadata()["jwks_uri"])))  # type: ignore[arg-type]
        except (ValueError, KeyError, TypeError) as error:
            raise _amiss() from error
        with self._lock:
            self._keys = (monotonic(), found)
        return found

    def tokens(self, client: Client, code: str, verifier: str) -> Mapping[str, Any]:
        """What the provider gives for a code (RFC 6749 4.1.3, RFC 7636); raises."""
        metadata = self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if client.secret and "client_secret_basic" in methods:
            headers["authorization"] = _basic(client.client_id, client.secret)
        else:
            form["client_id"] = client.client_id
            if client.secret:
                form["client_secret"] = client.secret
        return _json(
            str(metadata["token_endpoint"]),
            method="POST",
            headers=headers,
            content=urlencode(form).encode(),
        )


def _basic(user: str, password: str) -> str:
    both = f"{quote_plus(user)}:{quote_plus(password)}".encode()
    return "Basic " + base64.b64encode(both).decode()


def _has(keys: "KeySet", key_id: str | None) -> bool:
    return key_id is None or any(key.kid == key_id for key in keys.keys)


def _json(url: str, **how: Any) -> dict[str, Any]:
    out = Outbound(allow_private=True, max_bytes=1 << 20, field="oidc_issuer", timeout=10.0)
    answered = ask(url, out, **how)
    try:
        said = orjson.loads(answered.content) if answered.status == 200 else None
    except orjson.JSONDecodeError as error:
        raise _amiss() from error
    if not isinstance(said, dict):
        raise _amiss()
    return said


def _amiss() -> Unavailable:
    return Unavailable(
        "the OpenID provider does not answer as it should",
        field="oidc_issuer",
        mend="try again; if it stays so, tell whoever runs this node",
    )
