"""Who may see a process and who acts in it."""

from sqlalchemy.orm import Session

from quanyu.agreements import Side
from quanyu.federation.model import ProcessKind
from quanyu.federation.moving import ROLES, no_process, process_row
from quanyu.federation.tables import ProcessRow
from quanyu.kernel import Conflict, PartyId, Refused
from quanyu.parties import Caller, Role, Scope


def may_read(caller: Caller, row: ProcessRow) -> bool:
    """Whether the caller is of the local party whose matter it is, or oversees the node."""
    if caller.party is None or Scope.READ not in caller.scopes:
        return False
    overseers = (Role.STEWARD, Role.REVIEWER, Role.AUDITOR)
    oversees = caller.runs_node and any(caller.may(role) for role in overseers)
    return caller.party == row.party or oversees


def may_act(caller: Caller, party: str, side: Side) -> bool:
    """Whether the caller acts for ``party`` on that side."""
    return caller.party == party and any(caller.may(role, Scope.WRITE) for role in ROLES[side])


def check_side(caller: Caller, party: str, side: Side) -> None:
    """Raise :class:`Refused` (rule ``negotiation.side``) unless :func:`may_act`."""
    if not may_act(caller, party, side):
        raise Refused(
            "only a steward, supplier or consumer of the party concerned may do this",
            mend="ask your party's steward; a token needs the scope “write”",
            rule="negotiation.side",
        )


def acting_row(
    session: Session, caller: Caller, kind: ProcessKind, name: str, revision: int | None
) -> ProcessRow:
    """The row of a process that a member acts on for its party.

    Raises :class:`NotFound`, :class:`Refused` without the role, :class:`Conflict` when it is not
    as the caller has read it.
    """
    row = process_row(session, kind, name)
    if not may_read(caller, row):
        raise no_process(kind, name)
    check_side(caller, row.party, Side(row.role))
    if revision is not None and revision != row.revision:
        raise Conflict(
            "it has changed meanwhile", field="revision", mend="read it again and decide"
        )
    return row


def automatic_caller(row: ProcessRow) -> Caller:
    """Who acts where a rule does: the party itself, by no member."""
    return Caller(
        party=PartyId(row.party),
        name="rule",
        roles=ROLES[Side(row.role)],
        scopes=frozenset({Scope.READ, Scope.WRITE}),
    )
