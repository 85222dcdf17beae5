"""Parties: registered, found, listed."""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from quanyu.kernel import (
    Conflict,
    LocalText,
    NotFound,
    PartyId,
    blind,
    new_id,
    new_salt,
    now,
)
from quanyu.parties.administrative_acts import record_act
from quanyu.parties.credit_code import check_credit_code
from quanyu.parties.model import Caller, Party, PartyKind
from quanyu.parties.rights import check_name, check_runs_node
from quanyu.parties.tables import PartyRow


def register_party(
    session: Session,
    *,
    kind: PartyKind,
    name: LocalText,
    credit_code: str | None = None,
    example: bool = False,
    by: Caller | None = None,
) -> Party:
    """Register an organisation and owe ``party.registered``.

    Raises :class:`Invalid` for a wrong credit code or name, :class:`Conflict` when the code is
    registered already or the node has its own party (kind ``city_node``) already, and
    :class:`Refused` when ``by`` does not run the node.
    """
    check_runs_node(by)
    code = check_credit_code(credit_code) if credit_code else None
    zh, en = (check_name(text, f"name.{tag}") if text else "" for tag, text in _texts(name))
    if code and session.scalar(select(exists().where(PartyRow.credit_code == code))):
        raise _registered(code)
    if kind is PartyKind.CITY_NODE and session.scalar(select(exists().where(_is_node()))):
        raise _has_node()
    row = PartyRow(
        id=new_id("party"),
        kind=kind.value,
        name_zh=zh,
        name_en=en,
        credit_code=code,
        created_at=now(),
        example=example,
        salt=new_salt(),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:  # registered between the look and the write
        raise (_registered(code) if code else _has_node()) from error
    body = {
        "party_kind": kind.value,
        "name": blind(f"{zh}\n{en}", row.salt),
        "credit_code": blind(code, row.salt) if code else "",
        "example": example,
    }
    record_act(
        session,
        by,
        "party.registered",
        row.id,
        party=PartyId(row.id),
        details={"kind": kind.value},
        leaf=(row.id, body),
    )
    return _party(row)


def party(session: Session, party_id: PartyId) -> Party:
    """The party; raises :class:`NotFound`."""
    # PostgreSQL takes no NUL and no lone surrogate, not even in a question.
    row = session.get(PartyRow, party_id) if party_id.isprintable() else None
    if row is None:
        raise NotFound("there is no party {id}", id=party_id)
    return _party(row)


def parties(session: Session, kind: PartyKind | None = None) -> list[Party]:
    """All parties, or those of a kind, in order of registration."""
    statement = select(PartyRow).order_by(PartyRow.created_at, PartyRow.id)
    if kind is not None:
        statement = statement.where(PartyRow.kind == kind.value)
    return [_party(row) for row in session.scalars(statement)]


def find_party(session: Session, credit_code: str) -> Party | None:
    """The party with that credit code; raises :class:`Invalid` when it is none."""
    code = check_credit_code(credit_code)
    row = session.scalar(select(PartyRow).where(PartyRow.credit_code == code))
    return None if row is None else _party(row)


def node_party(session: Session) -> Party | None:
    """The party that runs this node, once it is registered."""
    row = session.scalar(select(PartyRow).where(_is_node()))
    return None if row is None else _party(row)


def _registered(code: str) -> Conflict:
    return Conflict(
        "a party with the credit code {code} is registered already",
        field="credit_code",
        mend="use the registered party",
        code=code,
    )


def _has_node() -> Conflict:
    return Conflict(
        "this node has its own party already",
        field="kind",
        mend="choose another kind; other cities are peers, not parties of this node",
    )


def _is_node() -> ColumnElement[bool]:
    return PartyRow.kind == PartyKind.CITY_NODE.value


def _texts(name: LocalText) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("zh", name.zh), ("en", name.en)


def _party(row: PartyRow) -> Party:
    return Party(
        id=PartyId(row.id),
        kind=PartyKind(row.kind),
        name=LocalText(zh=row.name_zh, en=row.name_en),
        credit_code=row.credit_code,
        created_at=row.created_at,
        example=row.example,
    )
