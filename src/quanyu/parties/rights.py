"""Who may administer a party, and small checks on what people type."""

import unicodedata

from quanyu.kernel import Invalid, PartyId, Refused
from quanyu.parties.model import Caller, Role, Scope

LONGEST_NAME = 200


def check_administers(by: Caller | None, party: PartyId) -> None:
    """Raise :class:`Refused` (rule ``parties.administer``) unless ``by`` may administer ``party``.

    That may a steward of it, and a steward or operator of the node. ``None`` stands for whoever
    holds the node's command line, and may.
    """
    if by is None:
        return
    steward = by.may(Role.STEWARD, Scope.ADMIN) and (by.party == party or by.runs_node)
    operator = by.may(Role.OPERATOR, Scope.ADMIN) and by.runs_node
    if not (steward or operator):
        raise Refused(
            "only a steward of this party or of the node may do this",
            mend="ask a steward; a token needs the scope “admin”",
            rule="parties.administer",
        )


def check_runs_node(by: Caller | None) -> None:
    """Raise :class:`Refused` (rule ``parties.register``) unless ``by`` runs the node."""
    if by is None:
        return
    if not (
        by.runs_node and (by.may(Role.STEWARD, Scope.ADMIN) or by.may(Role.OPERATOR, Scope.ADMIN))
    ):
        raise Refused(
            "only a steward or operator of the node may register a party",
            mend="ask the node; a token needs the scope “admin”",
            rule="parties.register",
        )


def check_name(text: str, field: str, longest: int = LONGEST_NAME) -> str:
    """``text``, blanks around it cut; :class:`Invalid` when it is empty, long or unprintable."""
    name = text.strip()
    if not name or len(name) > longest or any(unicodedata.category(c)[0] == "C" for c in name):
        raise Invalid(
            "a name has 1 to {longest} printable characters",
            field=field,
            mend="give a name of one line",
            longest=longest,
        )
    return name
