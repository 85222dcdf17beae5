"""What a transaction owes the evidence log, written in that same transaction.

The log's sequencer reads rows in order of ``number`` and writes back where each leaf stands.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from quanyu.kernel.clock import iso, now
from quanyu.kernel.control import Moment, Table
from quanyu.kernel.crypto import canonical
from quanyu.kernel.ids import LeafId, new_id

_Number = BigInteger().with_variant(Integer(), "sqlite")


class Owed(Table):
    """One leaf owed to the log; ``position`` is its index there once it has been sequenced."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_pending", "position", "number"),)

    number: Mapped[int] = mapped_column(_Number, primary_key=True, autoincrement=True)
    leaf: Mapped[str] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(128), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    position: Mapped[int | None] = mapped_column(_Number, default=None)


_HEAD = frozenset({"id", "at", "kind", "subject"})
"""What every leaf says of itself."""


def owe(session: Session, kind: str, subject: str, body: Mapping[str, Any]) -> LeafId:
    """Add a leaf to the log with this transaction.

    ``kind`` is what happened, such as ``resource.published``; ``subject`` is the id it happened to.
    ``body`` holds strings, integers, booleans, lists and objects only (RFC 8785) and no personal
    data: put :func:`~quanyu.kernel.crypto.blind` of it instead.
    """
    if not body.keys().isdisjoint(_HEAD):
        raise ValueError(f"a body must not say {sorted(_HEAD & body.keys())} again")
    leaf = LeafId(new_id("leaf"))
    at = now()
    document = {"id": leaf, "at": iso(at), "kind": kind, "subject": subject, **body}
    session.add(Owed(leaf=leaf, at=at, kind=kind, subject=subject, body=canonical(document)))
    return leaf


def owe_many(
    session: Session, kind: str, bodies: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[tuple[LeafId, bytes]]:
    """Add many leaves of one kind at once, each of a ``(subject, body)``; see :func:`owe`.

    Returns each leaf's id and bytes, in the order given.
    """
    at = now()
    made: list[tuple[LeafId, bytes]] = []
    rows = []
    for subject, body in bodies:
        if not body.keys().isdisjoint(_HEAD):
            raise ValueError(f"a body must not say {sorted(_HEAD & body.keys())} again")
        leaf = LeafId(new_id("leaf"))
        said = canonical({"id": leaf, "at": iso(at), "kind": kind, "subject": subject, **body})
        rows.append({"leaf": leaf, "at": at, "kind": kind, "subject": subject, "body": said})
        made.append((leaf, said))
    if rows:
        session.execute(insert(Owed), rows)
    return made


def leaves_of(session: Session, subject: str, kinds: Sequence[str]) -> list[tuple[LeafId, bytes]]:
    """Leaves that were owed of a subject, of some kinds, in order: their ids and bytes."""
    query = (
        select(Owed.leaf, Owed.body)
        .where(Owed.subject == subject, Owed.kind.in_(kinds))
        .order_by(Owed.number)
    )
    return [(LeafId(leaf), bytes(body)) for leaf, body in session.execute(query)]
