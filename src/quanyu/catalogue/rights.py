"""Who may write an entry, and who may see one."""

from sqlalchemy import ColumnElement, or_, true

from quanyu.catalogue.codes import State
from quanyu.catalogue.model import Resource
from quanyu.catalogue.tables import ResourceRow
from quanyu.kernel import PartyId, Refused, Unauthenticated
from quanyu.parties import Caller, Role, Scope


def check_writes(caller: Caller, provider: PartyId) -> None:
    """Raise unless ``caller`` may write entries of ``provider``.

    That may its suppliers and stewards, and stewards and operators of the node; a token needs the
    scope ``write``. :class:`Unauthenticated` for nobody, else :class:`Refused`, rule
    ``catalogue.write``.
    """
    if caller.anonymous:
        raise Unauthenticated("sign in to change the catalogue")
    own = {Role.SUPPLIER, Role.STEWARD} if caller.party == provider else set()
    node = {Role.STEWARD, Role.OPERATOR} if caller.runs_node else set()
    if not any(caller.may(role, Scope.WRITE) for role in own | node):
        raise Refused(
            "only a supplier of the providing party or a steward of the node may do this",
            mend="ask your steward for the role “supplier”; a token needs the scope “write”",
            rule="catalogue.write",
        )


def may_write(caller: Caller, provider: PartyId) -> bool:
    """Whether :func:`check_writes` would pass."""
    try:
        check_writes(caller, provider)
    except (Refused, Unauthenticated):
        return False
    return True


def check_review(caller: Caller, *, reviewed: bool) -> None:
    """Raise :class:`Refused`, rule ``catalogue.review``, unless ``caller`` may change what the
    public sees by hand: the node may, and everybody where entries are not ``reviewed``."""
    if reviewed and not caller.runs_node:
        raise Refused(
            "what the public sees changes only after a review",
            mend="apply for registration: a reviewer of the node looks at it",
            rule="catalogue.review",
        )


def may_see(caller: Caller, resource: Resource) -> bool:
    """Whether ``caller`` may know of an entry: published ones are for all to see."""
    return (
        resource.state is State.PUBLISHED
        or caller.runs_node
        or (caller.party is not None and caller.party == resource.provider)
    )


def visible_rows(caller: Caller) -> ColumnElement[bool]:
    """The same as :func:`may_see`, for the store."""
    if caller.runs_node:
        return true()
    published = ResourceRow.state == State.PUBLISHED.value
    if caller.party is None:
        return published
    return or_(published, ResourceRow.provider == caller.party)
