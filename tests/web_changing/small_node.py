"""A node with one party and one dataset, beside the town: for what takes two cities or three."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from town import PASSWORD, Town, bring_in, put_on_show

from migrated import new_control
from quanyu import app as composition
from quanyu.catalogue import Access
from quanyu.kernel import LocalText, load_settings, now
from quanyu.parties import (
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    issue_token,
    register_party,
)


def found_small(folder: Path, slug: str, features: dict[str, Any]) -> Town:
    """Make a node whose party, ``holder``, holds the closed dataset ``slug``."""
    made = Town(folder)
    settings = load_settings(dir=folder)
    control = new_control(settings)
    composition.open_log(settings).close()
    with control.begin() as session:
        party = register_party(
            session, kind=PartyKind.CITY_NODE, name=LocalText(zh="邻城", en="Neighbour")
        )
        member = add_member(
            session,
            party.id,
            login="holder",
            name="holder",
            password=PASSWORD,
            roles=list(Role),
        )
        caller = made.callers["holder"] = caller_of(session, member.id)
        _, made.tokens["holder"] = issue_token(
            session,
            caller,
            name="tests",
            scopes=[Scope.READ, Scope.WRITE],
            expires_at=now() + timedelta(days=1),
        )
    store = composition.open_store(settings, control)
    version = bring_in(store, folder, slug, features)
    with control.begin() as session:
        put_on_show(session, version, Access.CLOSED, caller)
    store.close()
    control.close()
    return made
