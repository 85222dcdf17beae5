"""Sign-in by an OpenID provider that the node's settings name."""

from quanyu.parties.oidc.accounts import (
    Rule,
    UnknownSubject,
    bind_oidc,
    rules_of,
    sign_in_oidc,
    unbind_oidc,
)
from quanyu.parties.oidc.flow import Begun, Proved, begin_oidc, checked_token, finish_oidc
from quanyu.parties.oidc.provider import Client, Provider, client_of

__all__ = [
    "Begun",
    "Client",
    "Proved",
    "Provider",
    "Rule",
    "UnknownSubject",
    "begin_oidc",
    "bind_oidc",
    "checked_token",
    "client_of",
    "finish_oidc",
    "rules_of",
    "sign_in_oidc",
    "unbind_oidc",
]
