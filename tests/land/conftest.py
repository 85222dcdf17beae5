"""A node with land data of every role, served by a real worker; and its views without a server."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
sys.path.insert(0, str(Path(__file__).parent))

from town import Town, bring_in, put_on_show, serve_town
from town_land import ACCESS, declare_all, layers

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
from quanyu.spacetime import Store

PASSWORD = "correct horse battery staple"
PEOPLE = {
    "node": (PartyKind.CITY_NODE, "节点", list(Role)),
    "provider": (PartyKind.DEPARTMENT, "规划局", [Role.SUPPLIER, Role.STEWARD]),
    "consumer": (PartyKind.ENTERPRISE, "设计院", [Role.CONSUMER]),
    "stranger": (PartyKind.UNIVERSITY, "大学", [Role.CONSUMER]),
}


def found_land(folder: Path) -> Town:
    """Make the node's folder: people, data, roles."""
    from datetime import timedelta

    town = Town(folder)
    settings = load_settings(dir=folder)
    control = new_control(settings)
    composition.open_log(settings).close()
    for name, (kind, title, roles) in PEOPLE.items():
        with control.begin() as session:
            party = register_party(session, kind=kind, name=LocalText(zh=title, en=name))
            member = add_member(
                session, party.id, login=name, name=name, password=PASSWORD, roles=roles
            )
            caller = town.callers[name] = caller_of(session, member.id)
            _, town.tokens[name] = issue_token(
                session,
                caller,
                name="tests",
                scopes=[Scope.READ, Scope.WRITE],
                expires_at=now() + timedelta(days=1),
            )
    store = composition.open_store(settings, control)
    for dataset, features in layers().items():
        version = bring_in(
            store, folder, dataset, {"type": "FeatureCollection", "features": features}
        )
        with control.begin() as session:
            access = ACCESS.get(dataset, Access.OPEN)
            put_on_show(session, version, access, town.callers["provider"])
    declare_all(store, town.callers["node"])
    store.close()
    control.close()
    return town


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The node's folder, not served."""
    return found_land(tmp_path_factory.mktemp("land"))


@pytest.fixture(scope="package")
def land(founded: Town) -> Iterator[Town]:
    """The node, served by one worker."""
    stop = serve_town(founded, workers=1)
    yield founded
    stop()


@pytest.fixture(scope="package")
def land_store(founded: Town) -> Iterator[Store]:
    """Its store, for what needs no server."""
    control = founded.control()
    store = composition.open_store(founded.settings, control)
    yield store
    store.close()
    control.close()
