"""Sign-in by OpenID Connect: authorization code with PKCE, state, nonce; ID tokens checked.

A sign-in under way is a row that is taken out when the browser comes back, so that nothing can be
played twice. It is bound to the browser by a cookie, so that nobody can hand another their own
sign-in, and to the issuer by ``iss`` (RFC 9207), so that providers cannot be mixed up.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from quanyu.kernel import ControlStore, Refused, now
from quanyu.parties.attempts import BY_LINK, address_key, forgive, reserve
from quanyu.parties.credentials import secret_hash
from quanyu.parties.oidc.provider import Client, Provider
from quanyu.parties.tables import OidcAttemptRow

_LIFE = timedelta(minutes=10)
_LEEWAY = 60
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the secret that it keeps meanwhile."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Proved:
    """Who the provider says it is, and what the sign-in was begun for."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    back: str
    invitation: str | None
    member: str | None


def begin_oidc(
    store: ControlStore,
    provider: Provider,
    client: Client,
    *,
    address: str,
    back: str,
    invitation: str | None = None,
    member: str | None = None,
) -> Begun:
    """Begin a sign-in, perhaps to take up an invitation or to be bound to a member's account.

    Raises :class:`TooMany` when one network address begins too many, :class:`Unavailable` when the
    provider does not answer.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    endpoint = str(provider.metadata()["authorization_endpoint"])
    state, browser, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    verifier = secrets.token_urlsafe(48)
    with store.begin() as session:
        reserve(session, address_key(address, "oidc"), BY_LINK)
        session.execute(delete(OidcAttemptRow).where(OidcAttemptRow.expires_at <= now()))
        session.add(
            OidcAttemptRow(
                state_hash=secret_hash(state),
                browser_hash=secret_hash(browser),
                nonce=nonce,
                verifier=verifier,
                back=back,
                invitation=invitation,
                member=member,
                expires_at=now() + _LIFE,
            )
        )
    url = prepare_grant_uri(
        endpoint,
        client_id=client.client_id,
        response_type="code",
        redirect_uri=client.redirect_uri,
        scope=client.scopes,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
        code_challenge_method="S256",
    )
    return Begun(str(url), browser)


def finish_oidc(
    store: ControlStore,
    provider: Provider,
    client: Client,
    said: Mapping[str, str],
    *,
    browser: str,
    address: str,
) -> Proved:
    """What the provider has proved when the browser comes back with the parameters ``said``.

    Raises :class:`Refused`: rule ``oidc.state`` for a sign-in that was not begun in this browser,
    is past or was finished before, ``oidc.issuer`` for an answer of another provider,
    ``oidc.refused`` when the provider said no, ``oidc.token`` for an ID token that is not good.
    """
    attempt = _taken(store, said.get("state", ""), browser, address)
    metadata = provider.metadata()
    issuer = said.get("iss")
    needed = metadata.get("authorization_response_iss_parameter_supported") is True
    if (issuer is not None or needed) and issuer != provider.issuer:
        raise Refused(
            "this answer is from another OpenID provider",
            rule="oidc.issuer",
            mend="begin the sign-in again",
        )
    if "error" in said or not said.get("code"):
        raise Refused(
            "the OpenID provider did not sign you in",
            rule="oidc.refused",
            mend="try again there, or sign in with your password",
        )
    answered = provider.tokens(client, said["code"], attempt.verifier)
    claims = checked_token(provider, client, answered, attempt.nonce)
    with store.begin() as session:
        forgive(session, address_key(address, "oidc"))
    return Proved(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        claims=claims,
        back=attempt.back,
        invitation=attempt.invitation,
        member=attempt.member,
    )


def checked_token(
    provider: Provider, client: Client, answered: Mapping[str, Any], nonce: str
) -> Mapping[str, Any]:
    """The claims of the ID token: signature, issuer, audience, times and nonce are right.

    OpenID Connect Core 1.0, 3.1.3.7. Raises :class:`Refused` (rule ``oidc.token``).
    """
    from joserfc.errors import JoseError

    try:
        claims = _claims(provider, client, answered, nonce)
        _check_ours(claims, nonce)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            "the OpenID provider's proof is not good",
            rule="oidc.token",
            mend="begin the sign-in again; if it stays so, tell whoever runs this node",
        ) from error
    return claims


def _claims(
    provider: Provider, client: Client, answered: Mapping[str, Any], nonce: str
) -> dict[str, Any]:
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.jws import extract_compact

    token = str(answered["id_token"])
    header = extract_compact(token.encode()).headers()
    algorithms = provider.algorithms()
    if header.get("alg") not in algorithms:
        raise ValueError("a signature that is not taken")
    found = jwt.decode(token, provider.keys(header.get("kid")), algorithms=algorithms)
    claims = CodeIDToken(
        found.claims,
        found.header,
        options={
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": client.client_id},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "nonce": {"essential": True},
        },
        params={
            "nonce": nonce,
            "client_id": client.client_id,
            "access_token": answered.get("access_token"),
        },
    )
    claims.validate(leeway=_LEEWAY)
    return dict(claims)


def _check_ours(claims: Mapping[str, Any], nonce: str) -> None:
    """What the library leaves to its user; raises ``ValueError``."""
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise ValueError("nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise ValueError("subject")


def _taken(store: ControlStore, state: str, browser: str, address: str) -> OidcAttemptRow:
    """The sign-in under way with that state, which nobody can take a second time."""
    with store.begin() as session:
        reserve(session, address_key(address, "oidc-back"), BY_LINK)
        row = session.scalar(
            select(OidcAttemptRow)
            .where(OidcAttemptRow.state_hash == secret_hash(state))
            .with_for_update()
        )
        bound = row is not None and hmac.compare_digest(
            row.browser_hash.encode(), secret_hash(browser).encode()
        )
        if row is not None and bound:
            session.delete(row)
            forgive(session, address_key(address, "oidc-back"))
    if row is None or not bound or row.expires_at <= now():
        raise Refused(
            "this sign-in was not begun in this browser, or too long ago",
            rule="oidc.state",
            mend="begin the sign-in again",
        )
    return row
