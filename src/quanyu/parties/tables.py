"""Control-store tables of parties. No secret stands here in clear: only hashes of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table


class PartyRow(Table):
    """A party. ``salt`` blinds its name and code in the log."""

    __tablename__ = "party"
    __table_args__ = (
        Index(
            "uq_party_node",
            "kind",
            unique=True,
            sqlite_where=text("kind = 'city_node'"),
            postgresql_where=text("kind = 'city_node'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    example: Mapped[bool]
    salt: Mapped[str] = mapped_column(String(32))


class MemberRow(Table):
    """A person's account. ``salt`` blinds its id in the log: without it the leaves name nobody."""

    __tablename__ = "member"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    login: Mapped[str] = mapped_column(String(128), unique=True)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(Json)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)
    salt: Mapped[str] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str | None] = mapped_column(String(2))
    erase_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(Moment)


class SessionRow(Table):
    """A browser session, found by the SHA-256 of its secret; ``issuer`` when it came by OIDC."""

    __tablename__ = "member_session"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    member: Mapped[str] = mapped_column(ForeignKey("member.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    origin: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(80))
    issuer: Mapped[str | None] = mapped_column(String(400))


class TokenRow(Table):
    """An API token, found by the SHA-256 of its secret."""

    __tablename__ = "api_token"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    member: Mapped[str] = mapped_column(ForeignKey("member.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(Json)
    agreement: Mapped[str | None] = mapped_column(String(40), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)


class AttemptRow(Table):
    """Failed sign-ins under one key (a login or a network address, hashed) since a moment."""

    __tablename__ = "sign_in_attempt"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(Moment, index=True)


class IdentityRow(Table):
    """Whom an OpenID provider knows as which member; ``provisioned`` when it brought them."""

    __tablename__ = "member_identity"

    issuer: Mapped[str] = mapped_column(String(400), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    member: Mapped[str] = mapped_column(ForeignKey("member.id"), index=True)
    provisioned: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)


class OidcAttemptRow(Table):
    """A sign-in under way at the OpenID provider; taken out when the browser comes back."""

    __tablename__ = "oidc_attempt"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    back: Mapped[str] = mapped_column(Text)
    invitation: Mapped[str | None] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class InvitationRow(Table):
    """An invitation into a party, found by the SHA-256 of its secret.

    With ``member`` it is a new way into that account: another password or another provider.
    """

    __tablename__ = "invitation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    roles: Mapped[list[str]] = mapped_column(Json)
    member: Mapped[str | None] = mapped_column(String(40))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    accepted_at: Mapped[datetime | None] = mapped_column(Moment)
    accepted_by: Mapped[str | None] = mapped_column(String(40))
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class DelegationRow(Table):
    """Roles that one member lends to another of its party for a time."""

    __tablename__ = "delegation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    party: Mapped[str] = mapped_column(ForeignKey("party.id"), index=True)
    giver: Mapped[str] = mapped_column(ForeignKey("member.id"), index=True)
    taker: Mapped[str] = mapped_column(ForeignKey("member.id"), index=True)
    roles: Mapped[list[str]] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(Moment)
    ends_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class ActRow(Table):
    """An administrative act. ``salt`` blinds who and whom in the log; ``leaf`` stands there."""

    __tablename__ = "act"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    actor: Mapped[str | None] = mapped_column(String(40), index=True)
    actor_party: Mapped[str | None] = mapped_column(String(40), index=True)
    on_behalf_of: Mapped[list[str]] = mapped_column(Json)
    token: Mapped[str | None] = mapped_column(String(40))
    party: Mapped[str | None] = mapped_column(String(40), index=True)
    subject: Mapped[str] = mapped_column(String(128), index=True)
    origin: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    salt: Mapped[str] = mapped_column(String(32))
    leaf: Mapped[str] = mapped_column(String(40))
