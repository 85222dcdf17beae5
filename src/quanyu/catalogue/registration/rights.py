"""Who may see an application, and who may review it."""

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Session

from quanyu.catalogue.registration.model import ApplicationState
from quanyu.catalogue.registration.tables import ApplicationRow
from quanyu.catalogue.rights import check_writes, may_write
from quanyu.kernel import PartyId, Refused, Unauthenticated
from quanyu.parties import Caller, Member, PartyKind, Role, Scope, caller_of, members, node_party


def may_read(caller: Caller, row: ApplicationRow) -> bool:
    """Whether ``caller`` may read an application: its provider, who applied, and the node.

    The node reads no drafts of others.
    """
    own = caller.party is not None and caller.party in (row.provider, row.party)
    return own or (caller.runs_node and row.state != ApplicationState.DRAFT.value)


def readable(caller: Caller) -> ColumnElement[bool]:
    """The same as :func:`may_read`, for the store."""
    if caller.party is None:
        return false()
    own = or_(ApplicationRow.provider == caller.party, ApplicationRow.party == caller.party)
    if not caller.runs_node:
        return own
    return or_(own, and_(ApplicationRow.state != ApplicationState.DRAFT.value))


def check_applicant(caller: Caller, row: ApplicationRow) -> None:
    """Raise unless ``caller`` may go on with what was applied for.

    That may who writes for the provider, and who writes for a holder of rights that applied.
    """
    holder = PartyId(row.party)
    if row.rights is None or caller.party != holder or not may_write(caller, holder):
        check_writes(caller, PartyId(row.provider))


def may_review(caller: Caller) -> bool:
    """Whether ``caller`` is a reviewer of this node."""
    return caller.runs_node and caller.may(Role.REVIEWER, Scope.WRITE)


def check_reviewer(caller: Caller) -> None:
    """Raise :class:`Unauthenticated`, or :class:`Refused` by rule ``applications.review``."""
    if caller.anonymous:
        raise Unauthenticated("sign in to review applications")
    if not may_review(caller):
        raise Refused(
            "only a reviewer of the node may do this",
            mend="ask the node's steward for the role “reviewer”; a token needs the scope “write”",
            rule="applications.review",
        )


def check_decides(session: Session, caller: Caller, row: ApplicationRow) -> None:
    """Raise unless ``caller`` may decide on this application.

    Nobody decides on what they applied for themselves while the node has another reviewer:
    :class:`Refused`, rule ``applications.four-eyes``.
    """
    check_reviewer(caller)
    if caller.member is None or caller.member not in (row.member, row.submitter):
        return
    others = {one.id for one in reviewers(session)} - {row.member, row.submitter}
    if others:
        raise Refused(
            "you applied for this yourself: another reviewer decides",
            mend="hand it over to another reviewer",
            rule="applications.four-eyes",
        )


def reviewers(session: Session) -> list[Member]:
    """Members who review for this node, also those to whom the role has been lent."""
    node = node_party(session)
    if node is None:
        return []
    return [
        one
        for one in members(session, node.id)
        if one.active and Role.REVIEWER in caller_of(session, one.id).roles
    ]


def the_node(session: Session) -> Caller:
    """The node itself, which enters in the catalogue what has been registered."""
    node = node_party(session)
    return Caller(
        party=PartyId("") if node is None else node.id,
        kind=PartyKind.CITY_NODE,
        roles=frozenset({Role.STEWARD}),
        scopes=frozenset(Scope),
    )
