"""A small city for the tests of operations: its node, two that do the work, one that asks."""

import shutil
from dataclasses import dataclass, replace

import pytest
from sqlalchemy.orm import Session

from quanyu.catalogue import Access, Kind, Resource, ResourceDraft, publish, register
from quanyu.kernel import ControlStore, LocalText, PartyId
from quanyu.parties import (
    Caller,
    PartyKind,
    Role,
    Scope,
    add_member,
    caller_of,
    register_party,
)

PASSWORD = "correct horse battery staple"


@dataclass
class City:
    """The callers, and a resource of the lighting department."""

    store: ControlStore
    node: Caller
    lights: Caller
    fitter: Caller
    roads: Caller
    citizen: Caller
    stranger: Caller
    resource: Resource


def found(store: ControlStore) -> City:
    """Make it in a migrated store."""
    people: dict[str, Caller] = {}
    with store.begin() as session:
        for name, kind, roles in (
            ("node", PartyKind.CITY_NODE, list(Role)),
            ("lights", PartyKind.DEPARTMENT, [Role.STEWARD, Role.SUPPLIER]),
            ("roads", PartyKind.DEPARTMENT, [Role.STEWARD, Role.OPERATOR]),
            ("citizen", PartyKind.UNIVERSITY, [Role.CONSUMER]),
            ("stranger", PartyKind.ENTERPRISE, [Role.STEWARD, Role.OPERATOR, Role.SUPPLIER]),
        ):
            party = register_party(session, kind=kind, name=LocalText(zh=f"{name}单位", en=name))
            people[name] = _member(session, party.id, name, roles)
        people["fitter"] = _member(session, people["lights"].party, "fitter", [Role.OPERATOR])
        lights = people["lights"]
        assert lights.party is not None
        draft = ResourceDraft(
            slug="lamps",
            kind=Kind.FACILITY,
            title=LocalText(zh="路灯", en="Street lamps"),
            abstract=LocalText(zh="路灯", en="Street lamps"),
            provider=lights.party,
            licence="by-agreement",
            access=Access.SHARED,
        )
        made = publish(session, register(session, draft, lights).id, lights, reviewed=False)
    return City(store, resource=made, **people)


def _member(session: Session, party: PartyId | None, name: str, roles: list[Role]) -> Caller:
    assert party is not None
    made = add_member(session, party, login=name, name=name, password=PASSWORD, roles=roles)
    caller = caller_of(session, made.id)
    return replace(caller, scopes=frozenset(Scope))


def fresh_city(founded: City, tmp_path_factory: pytest.TempPathFactory) -> City:
    """A copy of the city, for one example among many."""
    path = tmp_path_factory.mktemp("copy") / "control.sqlite"
    shutil.copy(founded.store.url.removeprefix("sqlite:///"), path)
    return replace(founded, store=ControlStore(f"sqlite:///{path}"))
