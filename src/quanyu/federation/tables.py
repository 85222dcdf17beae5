"""Control-store tables of the dealings between nodes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from quanyu.kernel import Json, Moment, Table

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class PeerRow(Table):
    """Another node. ``secret`` is the token that it gave this node, sealed under the node's key."""

    __tablename__ = "federation_peer"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    participant: Mapped[str] = mapped_column(String(200), unique=True)
    party: Mapped[str] = mapped_column(String(40), unique=True)
    member: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(Moment)


class ProcessRow(Table):
    """A negotiation or a transfer. ``act_at`` is when the node looks whether a rule moves it on;
    ``token`` the API token given out with a started transfer; ``address`` where data are read."""

    __tablename__ = "federation_process"
    __table_args__ = (
        UniqueConstraint("kind", "peer", "role", "their_pid", name="uq_federation_process_their"),
        Index("ix_federation_process_act", "act_at"),
        Index("ix_federation_process_party", "party", "kind"),
        Index("ix_federation_process_agreement", "agreement"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    peer: Mapped[str] = mapped_column(ForeignKey("federation_peer.id"))
    party: Mapped[str] = mapped_column(String(40))
    their_pid: Mapped[str | None] = mapped_column(String(200))
    callback: Mapped[str] = mapped_column(String(2000))
    state: Mapped[str] = mapped_column(String(16))
    dataset: Mapped[str] = mapped_column(String(200))
    offer: Mapped[str] = mapped_column(String(200))
    agreement: Mapped[str | None] = mapped_column(String(200))
    terms: Mapped[dict[str, Any] | None] = mapped_column(Json)
    signed: Mapped[dict[str, Any] | None] = mapped_column(Json)
    format: Mapped[str] = mapped_column(String(64))
    approvals: Mapped[list[list[str]]] = mapped_column(Json)
    needed: Mapped[int]
    statement: Mapped[str] = mapped_column(Text)
    held: Mapped[str] = mapped_column(String(16))
    token: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(Text)
    act_at: Mapped[datetime | None] = mapped_column(Moment)
    revision: Mapped[int]
    salt: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)


class MessageRow(Table):
    """A message of a process, never changed but for its delivery. ``secret`` is sealed, goes out
    with it and is forgotten then."""

    __tablename__ = "federation_message"
    __table_args__ = (Index("ix_federation_message_due", "due_at", "number"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True, autoincrement=True)
    process: Mapped[str] = mapped_column(ForeignKey("federation_process.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    move: Mapped[str] = mapped_column(String(16))
    sender: Mapped[str] = mapped_column(String(16))
    outgoing: Mapped[bool]
    state: Mapped[str] = mapped_column(String(16))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    digest: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    member: Mapped[str | None] = mapped_column(String(40))
    secret: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int]
    problem: Mapped[str] = mapped_column(String(500))


class PushRow(Table):
    """A file that a transfer pushes: on its way here as provider, taken here as consumer.

    ``due_at`` is when it is tried (again), ``use`` the use by which it was read, ``sent_at`` when
    the other side had it whole.
    """

    __tablename__ = "federation_push"
    __table_args__ = (Index("ix_federation_push_due", "due_at"),)

    process: Mapped[str] = mapped_column(ForeignKey("federation_process.id"), primary_key=True)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    attempts: Mapped[int]
    problem: Mapped[str] = mapped_column(String(500))
    media_type: Mapped[str] = mapped_column(String(200))
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    use: Mapped[str] = mapped_column(String(64))
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


class FilingRow(Table):
    """That a digital contract was filed 备案 with an authority."""

    __tablename__ = "federation_filing"

    agreement: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    party: Mapped[str] = mapped_column(String(40))
    member: Mapped[str | None] = mapped_column(String(40))
    authority: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(200))
