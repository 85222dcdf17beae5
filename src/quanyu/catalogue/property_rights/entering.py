"""Entry into the register of rights, and the end of what does not stand there any more."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from quanyu.catalogue.property_rights.model import Right
from quanyu.catalogue.property_rights.rows import right_document, to_held
from quanyu.catalogue.property_rights.tables import RightRow
from quanyu.kernel import LeafId, ResourceId, canonical, new_id, now, owe, sha256_hex


def standing_documents(session: Session, resource_id: ResourceId) -> list[dict[str, Any]]:
    """What stands in the register for a resource, as JSON, each with its ``id``."""
    return [{"id": row.id, **right_document(to_held(row))} for row in _rows(session, resource_id)]


def enter_rights(
    session: Session, resource_id: ResourceId, rights: Sequence[Right], application: str
) -> None:
    """Let the register say ``rights`` of a resource from now on, and owe the log what changed.

    Leaves: ``right.ended`` for each that goes, ``right.registered`` for each that comes.
    """
    wanted = [right_document(right) for right in rights]
    rows = _rows(session, resource_id)
    moment = now()
    for row in rows:
        if row.body not in wanted:
            row.ended_at, row.ended_leaf = moment, _owe(session, row, "ended", application)
    here = [row.body for row in rows if row.ended_at is None]
    for right, document in zip(rights, wanted, strict=True):
        if document in here:
            continue
        row = RightRow(
            id=new_id("right"),
            resource=resource_id,
            kind=right.kind.value,
            holder=right.holder,
            body=document,
            application=application,
            entered_at=moment,
        )
        row.leaf = _owe(session, row, "registered", application)
        session.add(row)
    session.flush()


def _rows(session: Session, resource_id: ResourceId) -> list[RightRow]:
    return list(
        session.scalars(
            select(RightRow)
            .where(RightRow.resource == resource_id, RightRow.ended_at.is_(None))
            .order_by(RightRow.number)
        )
    )


def _owe(session: Session, row: RightRow, step: str, application: str) -> LeafId:
    return owe(
        session,
        f"right.{step}",
        row.id,
        {
            "resource": row.resource,
            "right": row.kind,
            "holder": row.holder,
            "application": application,
            "sha256": sha256_hex(canonical(row.body)),
        },
    )
