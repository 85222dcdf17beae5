"""Who may administer a party, and small checks on what people type."""

import re
import unicodedata
from collections.abc import Collection

from quanyu.kernel import Invalid, PartyId, Refused
from quanyu.parties.model import Caller, Role, Scope

LONGEST_NAME = 200
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]{1,189}")


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


def check_reaches(
    by: Caller | None, member: str | None, roles: frozenset[str], wished: Collection[str]
) -> None:
    """Raise :class:`Refused` (rule ``people.lent-steward``) where a lent role does not reach.

    Who is steward only by delegation cannot make or unmake stewards nor change its own account:
    else what was lent for a day could be kept for ever.
    """
    if by is None or by.own(Role.STEWARD) or (by.runs_node and by.own(Role.OPERATOR)):
        return
    if by.member == member or Role.STEWARD in roles or Role.STEWARD in wished:
        raise Refused(
            "who is steward by delegation cannot change stewards nor themselves",
            rule="people.lent-steward",
            mend="ask the steward who delegated the role",
        )


def check_email(text: str, field: str = "email") -> str:
    """An e-mail address, blanks around it cut; :class:`Invalid` when it can be none."""
    address = unicodedata.normalize("NFC", text).strip()
    if not _EMAIL.fullmatch(address) or not address.isprintable():
        raise Invalid(
            "this is no e-mail address", field=field, mend="write it like name@example.org"
        )
    return address


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
