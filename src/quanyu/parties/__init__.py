"""Who is there and who is asking: organisations, members, sign-in, sessions, tokens."""

from quanyu.parties.accounts import (
    add_member,
    caller_of,
    deactivate,
    find_member,
    member,
    members,
    reset_password,
    set_roles,
)
from quanyu.parties.api_tokens import issue_token, revoke_token, tokens
from quanyu.parties.callers import Callers
from quanyu.parties.credentials import check_csrf, csrf_token
from quanyu.parties.credit_code import check_credit_code, credit_code_check, credit_code_valid
from quanyu.parties.model import ANONYMOUS, Caller, Member, Party, PartyKind, Role, Scope, Token
from quanyu.parties.notices import (
    TOPICS,
    Choice,
    Mail,
    Notice,
    choose_notices,
    notice_choices,
    notify,
)
from quanyu.parties.register import find_party, node_party, parties, party, register_party
from quanyu.parties.sessions import change_password, sign_in, sign_out

__all__ = [
    "ANONYMOUS",
    "TOPICS",
    "Caller",
    "Callers",
    "Choice",
    "Mail",
    "Member",
    "Notice",
    "Party",
    "PartyKind",
    "Role",
    "Scope",
    "Token",
    "add_member",
    "caller_of",
    "change_password",
    "check_credit_code",
    "check_csrf",
    "choose_notices",
    "credit_code_check",
    "credit_code_valid",
    "csrf_token",
    "deactivate",
    "find_member",
    "find_party",
    "issue_token",
    "member",
    "members",
    "node_party",
    "notice_choices",
    "notify",
    "parties",
    "party",
    "register_party",
    "reset_password",
    "revoke_token",
    "set_roles",
    "sign_in",
    "sign_out",
    "tokens",
]
