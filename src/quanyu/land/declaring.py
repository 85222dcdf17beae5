"""Which dataset plays which role: declared, changed, ended; every revision is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, LocalText, NotFound, PartyId, Refused, new_id, now, owe
from quanyu.land.model import Declaration, Role, Scheme
from quanyu.land.tables import RoleRow
from quanyu.parties import Caller, Scope
from quanyu.parties import Role as PartyRole


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationDraft:
    """What is declared; see :class:`Declaration`."""

    role: Role
    dataset: str
    columns: Mapping[str, str] = field(default_factory=dict)
    scheme: Scheme = Scheme.GBT21010
    values: Mapping[str, str] = field(default_factory=dict)
    note: LocalText | None = None


def may_declare(caller: Caller) -> bool:
    """Whether the caller may say which dataset plays which role: stewards and operators of the
    node may."""
    return caller.runs_node and any(
        caller.may(role, Scope.WRITE) for role in (PartyRole.STEWARD, PartyRole.OPERATOR)
    )


def check_may_declare(caller: Caller) -> None:
    """Raise :class:`Refused` (rule ``land.declare``) unless :func:`may_declare`."""
    if not may_declare(caller):
        raise Refused(
            "only a steward or operator of the node says which data play which role",
            mend="ask the node's steward; a token needs the scope “write”",
            rule="land.declare",
        )


def declare(session: Session, draft: DeclarationDraft, caller: Caller) -> Declaration:
    """Declare that a dataset plays a role, or change what was declared of it; leaves evidence.

    The dataset must have passed :func:`check_declaration` before. Raises :class:`Refused`.
    """
    check_may_declare(caller)
    before = session.scalars(
        select(RoleRow)
        .where(RoleRow.role == draft.role.value, RoleRow.dataset == draft.dataset)
        .order_by(RoleRow.revision.desc())
    ).first()
    moment = now()
    if before is not None and before.ended_at is None:
        before.ended_at = moment
    row = RoleRow(
        id=new_id("land_role"),
        role=draft.role.value,
        dataset=draft.dataset,
        revision=1 if before is None else before.revision + 1,
        columns=dict(draft.columns),
        scheme=draft.scheme.value,
        values=dict(draft.values),
        note={"zh": draft.note.zh, "en": draft.note.en} if draft.note else None,
        declared_at=moment,
        declared_by=caller.party,
    )
    session.add(row)
    session.flush()
    owe(
        session,
        "land.role-declared",
        row.id,
        {
            "role": row.role,
            "dataset": row.dataset,
            "revision": row.revision,
            "columns": row.columns,
            "scheme": row.scheme,
            "values": row.values,
            "by": caller.party or "",
        },
    )
    return _declaration(row)


def end_declaration(session: Session, name: str, caller: Caller) -> Declaration:
    """The dataset plays the role no more; leaves evidence. Raises :class:`Refused`,
    :class:`NotFound`, and :class:`Conflict` when it had ended."""
    check_may_declare(caller)
    row = session.scalar(select(RoleRow).where(RoleRow.id == name))
    if row is None:
        raise NotFound("there is no declaration {id}", id=name[:40])
    if row.ended_at is not None:
        raise Conflict("this declaration has ended already", field="id", mend="look at the list")
    row.ended_at = now()
    session.flush()
    owe(
        session,
        "land.role-ended",
        row.id,
        {"role": row.role, "dataset": row.dataset, "by": caller.party or ""},
    )
    return _declaration(row)


def declarations(
    session: Session, *, at: datetime | None = None, ended: bool = False
) -> list[Declaration]:
    """Those in force (now, or ``at`` a moment) in order of role and dataset; with ``ended`` every
    revision that there was."""
    wanted = select(RoleRow).order_by(RoleRow.role, RoleRow.dataset, RoleRow.revision)
    if at is not None:
        after = or_(RoleRow.ended_at.is_(None), RoleRow.ended_at > at)
        wanted = wanted.where(RoleRow.declared_at <= at, after)
    elif not ended:
        wanted = wanted.where(RoleRow.ended_at.is_(None))
    return [_declaration(row) for row in session.scalars(wanted)]


def _declaration(row: RoleRow) -> Declaration:
    return Declaration(
        id=row.id,
        role=Role(row.role),
        dataset=row.dataset,
        revision=row.revision,
        columns=row.columns,
        scheme=Scheme(row.scheme),
        values=row.values,
        note=LocalText(**row.note) if row.note else None,
        declared_at=row.declared_at,
        declared_by=PartyId(row.declared_by) if row.declared_by else None,
        ended_at=row.ended_at,
    )
